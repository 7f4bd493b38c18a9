//! Recordings of client libraries other than Kafka's own (`tests/vectors/live-clients/README.md`): their settings under
//! Kafka's names, and what of a timeline their recorders show.

use indexmap::IndexMap;

use super::recording::{Member, Name, Recording};
use super::story::Story;
use super::timeline::{Deed, Entry, Moment, Timeline};
use crate::client::{AssignorFamily, Callback, LostCallback};
use crate::engine::Millis;
use crate::protocol::config::AssignorName;
use crate::scenario::ClientProfile;

/// The profile of a library, by the name that recordings give it.
pub(super) fn profile_name(library: &str) -> Option<&'static str> {
    ClientProfile::names().find(|profile| {
        profile.strip_prefix(library).is_some_and(|rest| rest.starts_with('-') && !rest[1..].contains('-'))
    })
}

/// What the recorder calls settings, and their names here.
const SETTINGS: [(&str, &str); 8] = [
    ("client_id", "client.id"),
    ("session", "session.timeout.ms"),
    ("heartbeat", "heartbeat.interval.ms"),
    ("max_poll", "max.poll.interval.ms"),
    ("rebalance_timeout", crate::scenario::profile::REBALANCE_TIMEOUT),
    ("assignor", "partition.assignment.strategy"),
    ("instance", "group.instance.id"),
    ("protocol", "group.protocol"),
];

/// Settings of a member under Kafka's names.
pub(super) fn settings(client: IndexMap<String, String>) -> IndexMap<String, String> {
    let kafkas = |name: String| match SETTINGS.iter().find(|(recorders, _)| *recorders == name) {
        Some((_, kafkas)) => (*kafkas).to_owned(),
        None => name,
    };
    client.into_iter().map(|(name, value)| (kafkas(name), value)).collect()
}

impl Member {
    /// The profile of its library, with its settings not yet applied.
    pub(super) fn profile(&self) -> Option<ClientProfile> {
        let mut profile = ClientProfile::find(self.library?).ok()?;
        if self.app.blocks {
            profile.application_blocks();
        }
        if self.app.without_callbacks {
            profile.without_listener();
        }
        Some(profile)
    }

    /// Its assignor decides here as it does in reality.
    fn assignor_is_modelled(&self) -> bool {
        let Some(profile) = self.profile() else { return true };
        if self.app.without_callbacks {
            // The recorder looks at the assignment from time to time and shows what differs.
            return false;
        }
        let chosen = self.client.get("partition.assignment.strategy");
        let first = chosen.and_then(|name| AssignorName::from_wire(name));
        let assignor = first.or(profile.config.partition_assignment_strategy.first().copied());
        // librdkafka's sticky ones give up where Kafka's don't; those of kafka-python were not recorded.
        let sticky = matches!(assignor, Some(AssignorName::Sticky | AssignorName::CooperativeSticky));
        !sticky || matches!(profile.behaviour.assignors, AssignorFamily::FranzGo | AssignorFamily::Sarama)
    }
}

/// Claims that begin or end together are recorded within so many milliseconds.
const CLAIMS_APART_MS: i64 = 30;

fn of_same_member(one: &Entry, other: &Entry) -> bool {
    matches!((&one.what, &other.what), (Moment::Consumer(one, _), Moment::Consumer(other, _)) if one == other)
}

/// A rebalance that a member of the group brought about by joining again.
fn is_follow_up(reason: &str) -> bool {
    reason.starts_with("Updating metadata for member ")
        || (reason.starts_with("Leader ") && reason.contains(" re-joining "))
}

impl Recording {
    /// It has clients other than Kafka's own.
    pub fn of_other_libraries(&self) -> bool {
        self.members.values().any(|member| member.library.is_some())
    }

    /// Which partitions a member gets is decided here as it was there.
    pub fn assignments_compare(&self) -> bool {
        self.members.values().all(Member::assignor_is_modelled)
    }

    /// A timeline as far as it can be compared: the recorders of other libraries show listener calls (or log lines in
    /// their place) with different habits, so calls without partitions are left out, and so are exceptions, whose classes
    /// are each language's own.
    pub(super) fn comparable(&self, mut timeline: Timeline) -> Timeline {
        if self.of_other_libraries() {
            timeline.entries.retain(|entry| match &entry.what {
                Moment::Consumer(_, Deed::Exception { .. }) => false,
                Moment::Consumer(_, Deed::Callback(_, partitions)) => !partitions.is_empty(),
                _ => true,
            });
        }
        self.with_claims_together(self.with_silent_losses_told(timeline))
    }

    /// Under sarama's cooperative protocol the recorder shows each claim that begins or ends, one partition each; a
    /// simulated listener is told of all at once.
    fn with_claims_together(&self, timeline: Timeline) -> Timeline {
        let one_by_one = |name: &Name| self.members.get(name).is_some_and(|member| member.library == Some("sarama-1"));
        let mut told = Timeline::default();
        for entry in timeline.entries {
            let last = told.entries.iter_mut().rev().find(|last| of_same_member(last, &entry));
            if let (Moment::Consumer(name, Deed::Callback(kind, more)), Some(last)) = (&entry.what, last)
                && one_by_one(name)
                && entry.at - last.at <= CLAIMS_APART_MS
                && let Moment::Consumer(_, Deed::Callback(last_kind, partitions)) = &mut last.what
                && last_kind == kind
            {
                partitions.extend_from_slice(more);
                partitions.sort_unstable();
                continue;
            }
            told.entries.push(entry);
        }
        told
    }

    /// kafkajs tells of nothing when a membership is lost; its recorder sees it with the next assignment.
    fn with_silent_losses_told(&self, timeline: Timeline) -> Timeline {
        let silent = |name: &Name| {
            let profile = self.members.get(name).and_then(Member::profile);
            profile.is_some_and(|profile| profile.behaviour.lost_callback == LostCallback::None)
        };
        let mut held: IndexMap<Name, Vec<u32>> = IndexMap::new();
        let mut told = Timeline::default();
        for entry in timeline.entries {
            if let Moment::Consumer(name, deed) = &entry.what
                && silent(name)
            {
                let held = held.entry(name.clone()).or_default();
                match deed {
                    Deed::Callback(Callback::Assigned, partitions) => {
                        let lost = std::mem::replace(held, partitions.clone());
                        if !lost.is_empty() {
                            let deed = Deed::Callback(Callback::Revoked, lost);
                            told.entries.push(Entry { at: entry.at, what: Moment::Consumer(name.clone(), deed) });
                        }
                    }
                    Deed::Callback(..) | Deed::Closed | Deed::Killed => held.clear(),
                    _ => {}
                }
            }
            told.entries.push(entry);
        }
        told
    }

    /// A story as far as it can be compared: where an assignor is not modelled, nothing that hangs on who got what.
    pub(super) fn comparable_story(&self, timeline: &Timeline, reference: Millis) -> Story {
        let mut story = Story::as_recorded(timeline, self, reference);
        if !self.assignments_compare() {
            story.members.values_mut().for_each(|member| member.callbacks.clear());
            story.ownership.unavailable_ms.clear();
            // Who has to give something up, and rejoins for it, hangs on it too.
            for rebalance in story.rebalances.iter_mut().filter(|rebalance| is_follow_up(&rebalance.reason)) {
                rebalance.notices.clear();
                let client = rebalance.reason.split_once("; ").map_or("", |(_, client)| client);
                rebalance.reason = format!("a member rejoins; {client}");
            }
        }
        story
    }
}
