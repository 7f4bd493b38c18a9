//! What happened to a group, from the outside, in one shape for recordings and simulated runs: whatever is compared
//! later is worked out from this alone, in the same way on both sides.

use indexmap::IndexMap;

use crate::client::{Api, Callback, ClientEvent};
use crate::engine::{Millis, SimTime};
use crate::protocol::{ErrorCode, Generation, MemberId};
use crate::trace::{ConsumerIndex, Directory, Event, Observer, StopKind, TraceEvent};

use super::recording::{Act, Happened, Name, Recording};
use super::said::Said;

/// Everything that happened, in time order.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// Its entries.
    pub entries: Vec<Entry>,
}

/// One thing that happened.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// When, in whole milliseconds since the first action.
    pub at: Millis,
    /// What.
    pub what: Moment,
}

/// What happened.
#[derive(Clone, PartialEq, Debug)]
pub enum Moment {
    /// A coordinator said something.
    Coordinator(Said),
    /// A consumer did something, or something was done to it.
    Consumer(Name, Deed),
}

/// What a consumer did, or what was done to it.
#[derive(Clone, PartialEq, Debug)]
pub enum Deed {
    /// The consumer is constructed and subscribed.
    Started,
    /// A JoinGroup was sent. A thinned recording tells only some.
    JoinSent,
    /// A JoinGroup was answered: with success if there is a generation.
    Joined { generation: Option<Generation>, member: Option<MemberId>, leads: bool },
    /// A heartbeat was answered REBALANCE_IN_PROGRESS: the member knows.
    Noticed,
    /// A listener call, with partition numbers in ascending order.
    Callback(Callback, Vec<u32>),
    /// An exception reached the application.
    Exception { place: String, class: String },
    /// The application is busy from here on.
    Busy,
    /// It is done.
    Ready,
    /// `close()` was called, or asked for.
    Closing,
    /// The consumer is closed or its process ended in order.
    Closed,
    /// SIGKILL.
    Killed,
    /// SIGSTOP.
    Frozen,
    /// SIGCONT.
    Thawed,
}

impl Timeline {
    /// What a recording tells.
    pub fn of_recording(recording: &Recording) -> Timeline {
        let mut entries = Vec::new();
        for action in &recording.actions {
            let (name, deed) = match &action.what {
                Act::Kill(name) => (name, Deed::Killed),
                Act::Freeze(name) => (name, Deed::Frozen),
                Act::Thaw(name) => (name, Deed::Thawed),
                _ => continue,
            };
            entries.push(Entry { at: action.at, what: Moment::Consumer(name.clone(), deed) });
        }
        for event in &recording.events {
            let mut times = 1;
            let what = match &event.what {
                Happened::Log(line) if &*event.who == "broker" => {
                    Said::of_line(line, recording.group.as_str()).map(Moment::Coordinator)
                }
                Happened::Exception { times: in_a_row, .. } => {
                    times = *in_a_row;
                    deed(&event.what).map(|deed| Moment::Consumer(event.who.clone(), deed))
                }
                happened => deed(happened).map(|deed| Moment::Consumer(event.who.clone(), deed)),
            };
            if let Some(what) = what {
                entries.extend((0..times).map(|_| Entry { at: event.at, what: what.clone() }));
            }
        }
        entries.sort_by_key(|entry| entry.at);
        Timeline { entries }
    }

    /// A simulated run as far as a recorder would have seen it that stopped at `end`, on the run's clock. A callback that comes
    /// after that is seen all the same if it stands for a recorded one, and is merely late.
    pub(super) fn seen_until(mut self, end: Millis, recorded: &Timeline) -> Timeline {
        let mut unseen: IndexMap<&Name, usize> = IndexMap::new();
        for (_, name, deed) in recorded.deeds() {
            *unseen.entry(name).or_default() += usize::from(matches!(deed, Deed::Callback(..)));
        }
        self.entries.retain(|entry| {
            let Moment::Consumer(name, Deed::Callback(..)) = &entry.what else { return true };
            match unseen.get_mut(name) {
                Some(unseen) if *unseen > 0 => {
                    *unseen -= 1;
                    true
                }
                _ => entry.at <= end,
            }
        });
        self
    }

    /// Deeds of consumers, in order.
    pub fn deeds(&self) -> impl Iterator<Item = (Millis, &Name, &Deed)> {
        self.entries.iter().filter_map(|entry| match &entry.what {
            Moment::Consumer(name, deed) => Some((entry.at, name, deed)),
            Moment::Coordinator(_) => None,
        })
    }

    /// What coordinators said, in order.
    pub fn said(&self) -> impl Iterator<Item = (Millis, &Said)> {
        self.entries.iter().filter_map(|entry| match &entry.what {
            Moment::Coordinator(said) => Some((entry.at, said)),
            Moment::Consumer(..) => None,
        })
    }
}

fn deed(happened: &Happened) -> Option<Deed> {
    Some(match happened {
        Happened::Started => Deed::Started,
        Happened::Callback { callback, partitions } => {
            let mut partitions = partitions.clone();
            partitions.sort_unstable();
            Deed::Callback(*callback, partitions)
        }
        Happened::SlowBegin { .. } => Deed::Busy,
        Happened::SlowEnd => Deed::Ready,
        Happened::Exception { place, class, .. } => Deed::Exception { place: place.clone(), class: class.clone() },
        Happened::Closing => Deed::Closing,
        Happened::Closed => Deed::Closed,
        Happened::Send { api, .. } if api == "JOIN_GROUP" => Deed::JoinSent,
        Happened::Receive { api, error, generation, member, leads } if api == "JOIN_GROUP" => {
            let generation = generation.filter(|_| error.is_none());
            Deed::Joined { generation, member: member.clone(), leads: *leads }
        }
        Happened::Receive { api, error: Some(error), .. } if api == "HEARTBEAT" && error == "REBALANCE_IN_PROGRESS" => {
            Deed::Noticed
        }
        _ => return None,
    })
}

/// Takes down the timeline of a simulated run.
#[derive(Default)]
pub struct TimelineRecorder {
    timeline: Timeline,
}

impl TimelineRecorder {
    /// What was taken down.
    pub fn finish(self) -> Timeline {
        self.timeline
    }
}

impl Observer for TimelineRecorder {
    fn event(&mut self, directory: &Directory, event: &TraceEvent) {
        let what = match &event.event {
            Event::Coordinator { event, .. } => Said::of_event(event).map(Moment::Coordinator),
            other => simulated_deed(other)
                .map(|(consumer, deed)| Moment::Consumer(directory.consumers[consumer.0 as usize].name.clone(), deed)),
        };
        if let Some(what) = what {
            self.timeline.entries.push(Entry { at: shown(event.at), what });
        }
    }
}

/// The recorder's clocks show whole milliseconds.
fn shown(at: SimTime) -> Millis {
    at.millis()
}

fn simulated_deed(event: &Event) -> Option<(ConsumerIndex, Deed)> {
    Some(match event {
        Event::ProcessStarted { consumer } => (*consumer, Deed::Started),
        Event::StopRequested { consumer, .. } => (*consumer, Deed::Closing),
        Event::ProcessStopped { consumer, how: StopKind::Closed | StopKind::Failed } => (*consumer, Deed::Closed),
        Event::ProcessStopped { consumer, .. } => (*consumer, Deed::Killed),
        Event::PauseBegan { consumer, .. } => (*consumer, Deed::Frozen),
        Event::PauseEnded { consumer, .. } => (*consumer, Deed::Thawed),
        Event::PollStalled { consumer, .. } => (*consumer, Deed::Busy),
        Event::CallbackBegan { consumer, callback, partitions } => {
            let mut numbers: Vec<u32> = partitions.iter().map(|partition| partition.partition as u32).collect();
            numbers.sort_unstable();
            (*consumer, Deed::Callback(*callback, numbers))
        }
        Event::Client { consumer, event } => (*consumer, client_deed(event)?),
        _ => return None,
    })
}

fn client_deed(event: &ClientEvent) -> Option<Deed> {
    Some(match event {
        ClientEvent::JoinGroupSent { .. } => Deed::JoinSent,
        ClientEvent::Joined { generation, member, leader } => {
            Deed::Joined { generation: Some(*generation), member: Some(member.clone()), leads: *leader }
        }
        ClientEvent::ResponseHandled { api: Api::Heartbeat, error: ErrorCode::RebalanceInProgress, .. } => {
            Deed::Noticed
        }
        ClientEvent::Exception { place, class, .. } => {
            Deed::Exception { place: (*place).to_owned(), class: (*class).to_owned() }
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_after_the_end_is_seen_only_where_it_stands_for_a_recorded_one() {
        let called = |name: &str, at| {
            let what = Moment::Consumer(Name::from(name), Deed::Callback(Callback::Assigned, vec![0]));
            Entry { at: Millis(at), what }
        };
        let timeline = |entries| Timeline { entries };
        let recorded = timeline(vec![called("c1", 80), called("c1", 99), called("c2", 90)]);
        let simulated = timeline(vec![called("c1", 81), called("c2", 95), called("c1", 104), called("c2", 130)]);
        let seen = simulated.seen_until(Millis(100), &recorded);
        let at: Vec<i64> = seen.entries.iter().map(|entry| entry.at.0).collect();
        assert_eq!(at, [81, 95, 104]);
    }
}
