//! Why a partition stands still: the precedence that [`PauseCause`] documents.

use crate::analysis::facts::{Facts, GroupFacts, GroupNumber, Phase};
use crate::analysis::outcome::PauseCause;
use crate::protocol::BrokerId;
use crate::trace::StopKind;

use super::slot::{Holder, LastHolder, Slot};

/// The broker that leads a partition: in turn, skipping those that are fenced (as the simulated cluster has it).
pub(super) fn leader(facts: &Facts, partition: u32) -> Option<BrokerId> {
    let count = facts.brokers_fenced.len() as u32;
    let in_turn = (0..count).map(|step| (partition + step) % count);
    in_turn.map(BrokerId).find(|broker| !facts.brokers_fenced[broker.0 as usize])
}

/// True if the owner runs and is connected: the owner of live recordings.
pub(super) fn is_available(facts: &Facts, leader: Option<BrokerId>, holder: &Holder) -> bool {
    let consumer = &facts.consumers[holder.consumer];
    consumer.running && consumer.paused.is_none() && reaches(facts, leader, holder)
}

fn reaches(facts: &Facts, leader: Option<BrokerId>, holder: &Holder) -> bool {
    leader.is_some_and(|broker| facts.reaches(holder.consumer, broker))
}

/// What keeps the owner from taking records; `None` if nothing does.
fn obstacle(facts: &Facts, leader: Option<BrokerId>, holder: &Holder) -> Option<PauseCause> {
    let consumer = &facts.consumers[holder.consumer];
    if consumer.paused.is_some() {
        Some(PauseCause::HostPause)
    } else if !reaches(facts, leader, holder) {
        Some(PauseCause::Network)
    } else if consumer.in_callback.is_some() {
        Some(PauseCause::Callback)
    } else if consumer.is_stuck() {
        Some(PauseCause::SlowBatch)
    } else if holder.positioned {
        None
    } else if facts.groups[consumer.group].available && consumer.coordinator_known {
        Some(PauseCause::Position)
    } else {
        Some(PauseCause::CoordinatorUnavailable)
    }
}

/// Why the partition, led by `leader`, stands still; `None` if it goes on. `fallback` is [`without_owner`] of the group.
pub(super) fn cause(
    facts: &Facts,
    group: GroupNumber,
    slot: &Slot,
    leader: Option<BrokerId>,
    fallback: PauseCause,
) -> Option<PauseCause> {
    let mut blocked = None;
    for holder in &slot.holders {
        let obstacle = obstacle(facts, leader, holder)?;
        if blocked.is_none() && facts.is_member(holder.consumer) {
            blocked = Some(obstacle);
        }
    }
    let group = &facts.groups[group];
    Some(blocked.or_else(|| of_last_owner(facts, group, slot.last.as_ref())).unwrap_or(fallback))
}

/// A cause that lies with the last owner.
fn of_last_owner(facts: &Facts, group: &GroupFacts, last: Option<&LastHolder>) -> Option<PauseCause> {
    let last = last?;
    if facts.lives(last.member) {
        let gives_up = facts.consumers[last.member.consumer].in_callback.is_some();
        return gives_up.then_some(PauseCause::Callback);
    }
    let counted_on = last.id.as_ref().is_some_and(|id| group.members.contains_key(id));
    if !counted_on || !group.available {
        return None;
    }
    match facts.consumers[last.member.consumer].end_of(last.member.incarnation).map(|life| life.how) {
        // It gave its partitions up in `close` and did not leave.
        Some(StopKind::Closed) => Some(PauseCause::ProcessDown),
        // Had it given the partition up before (for a rebalance), its death would not be what is waited for.
        _ => last.process_gone.then_some(PauseCause::UndetectedFailure),
    }
}

/// Why partitions of the group stand still that no member owns, as far as the group as a whole is the cause.
pub(super) fn without_owner(group: &GroupFacts) -> PauseCause {
    if !group.available {
        return PauseCause::CoordinatorUnavailable;
    }
    if group.running == 0 {
        return PauseCause::ProcessDown;
    }
    match group.phase {
        Phase::Empty => PauseCause::Startup,
        Phase::Preparing { initial: true } => PauseCause::InitialDelay,
        Phase::Preparing { initial: false } => PauseCause::Barrier,
        Phase::Completing | Phase::Stable if group.unapplied_live > 0 => PauseCause::Assignment,
        Phase::Completing | Phase::Stable if group.unapplied_paused > 0 => PauseCause::HostPause,
        Phase::Completing | Phase::Stable if group.unapplied > 0 => PauseCause::UndetectedFailure,
        Phase::Completing => PauseCause::Assignment,
        Phase::Stable => PauseCause::Unassigned,
    }
}
