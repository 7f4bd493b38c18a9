//! The story of a timeline: rebalances in order, what each member went through, and the times of it all.

use indexmap::IndexMap;

use super::ownership::Ownership;
use super::recording::{Name, Recording};
use super::said::Said;
use super::timeline::{Deed, Timeline};
use crate::client::Callback;
use crate::engine::Millis;

/// What happened, ready to be compared.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// Measured values count from here.
    pub reference: Millis,
    /// Rebalances in order.
    pub rebalances: Vec<Rebalance>,
    /// Members, in the order of their first deed.
    pub members: IndexMap<Name, MemberStory>,
    /// The first thing after the reference that the coordinator said about a loss.
    pub detected: Option<Millis>,
    /// The last callback with partitions after the reference.
    pub settled: Option<Millis>,
    /// Who owned what from the reference until the group had settled (or the last pause was over).
    pub ownership: Ownership,
}

/// One rebalance: from "Preparing to rebalance" to the next one.
#[derive(Clone, Debug, PartialEq)]
pub struct Rebalance {
    /// When it began.
    pub start: Millis,
    /// The generation it began in.
    pub old_generation: i32,
    /// Why, in the coordinator's words, member ids without their drawn part.
    pub reason: String,
    /// The end of its join phase.
    pub joined: Option<Joined>,
    /// "Assignment received from leader".
    pub assigned: Option<Millis>,
    /// Who heard REBALANCE_IN_PROGRESS from a heartbeat, and when first.
    pub notices: IndexMap<Name, Millis>,
}

/// The end of a join phase.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Joined {
    /// When.
    pub at: Millis,
    /// The new generation.
    pub generation: i32,
    /// Members in it.
    pub members: u32,
}

/// What one member went through.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemberStory {
    /// Listener calls, in order.
    pub callbacks: Vec<(Millis, Callback, Vec<u32>)>,
    /// Exceptions that reached the application, in order: place and class.
    pub exceptions: Vec<(Millis, String, String)>,
}

impl Story {
    /// Works out the story of a timeline.
    pub fn of(timeline: &Timeline, partitions: u32, reference: Millis) -> Story {
        let mut story = Story { reference, ..Story::default() };
        story.take_rebalances(timeline);
        let mut last_thaw = None;
        for (at, name, deed) in timeline.deeds() {
            let member = story.members.entry(name.clone()).or_default();
            match deed {
                Deed::Callback(callback, numbers) => {
                    member.callbacks.push((at, *callback, numbers.clone()));
                    if at >= reference && !numbers.is_empty() {
                        story.settled = Some(at);
                    }
                }
                Deed::Exception { place, class } => member.exceptions.push((at, place.clone(), class.clone())),
                Deed::Noticed => {
                    if let Some(rebalance) = story.rebalances.iter_mut().rev().find(|rebalance| rebalance.start <= at) {
                        rebalance.notices.entry(name.clone()).or_insert(at);
                    }
                }
                Deed::Thawed if at >= reference => last_thaw = Some(at),
                _ => {}
            }
        }
        let until = story.settled.max(last_thaw).unwrap_or(reference);
        story.ownership = Ownership::of(timeline, partitions, reference, until);
        story
    }

    /// The same, with what the recording leaves out left out: at scale, equal exceptions in a row count as one.
    pub fn as_recorded(timeline: &Timeline, recording: &Recording, reference: Millis) -> Story {
        let mut story = Story::of(timeline, recording.partitions, reference);
        if recording.is_thinned() {
            for member in story.members.values_mut() {
                member.exceptions.dedup_by(|next, last| (&next.1, &next.2) == (&last.1, &last.2));
            }
        }
        story
    }

    fn take_rebalances(&mut self, timeline: &Timeline) {
        for (at, said) in timeline.said() {
            if at >= self.reference && self.detected.is_none() && said.tells_a_loss() {
                self.detected = Some(at);
            }
            match said {
                Said::Preparing { old_generation, reason } => self.rebalances.push(Rebalance {
                    start: at,
                    old_generation: *old_generation,
                    reason: reason.clone(),
                    joined: None,
                    assigned: None,
                    notices: IndexMap::new(),
                }),
                Said::Stabilized { generation, members } => {
                    if let Some(rebalance) = self.rebalances.last_mut() {
                        let joined = Joined { at, generation: *generation, members: *members };
                        rebalance.joined = rebalance.joined.or(Some(joined));
                    }
                }
                Said::AssignmentReceived { .. } => {
                    if let Some(rebalance) = self.rebalances.last_mut() {
                        rebalance.assigned = rebalance.assigned.or(Some(at));
                    }
                }
                _ => {}
            }
        }
    }

    /// Rebalances that began at the reference or later.
    pub fn after_reference(&self) -> &[Rebalance] {
        let first = self.rebalances.partition_point(|rebalance| rebalance.start < self.reference);
        &self.rebalances[first..]
    }

    /// Milliseconds from the reference.
    pub fn since_reference(&self, at: Option<Millis>) -> Option<i64> {
        at.map(|at| at - self.reference)
    }
}
