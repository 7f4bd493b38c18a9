//! Members that the groups lost: false expulsions, members that gave up by themselves, crashes and how long their
//! detection took.

use crate::analysis::Histogram;
use crate::analysis::facts::{Facts, GroupNumber};
use crate::analysis::outcome::{Measured, Removal, RemovalKind, Totals, limits};
use crate::coordinator::CoordinatorEvent;
use crate::engine::{SimDuration, SimTime};
use crate::protocol::MemberId;
use crate::trace::StopKind;

/// Removals of all groups.
pub(super) struct Removals {
    groups: Vec<GroupRemovals>,
    /// First word of the coordinators about anything since the reference instant of the measures.
    detected: Option<(SimTime, &'static str)>,
    reference: SimTime,
}

#[derive(Default)]
struct GroupRemovals {
    list: Vec<Removal>,
    false_expulsions: u64,
    poll_interval_exceeded: u64,
    detection: Histogram,
}

impl Removals {
    pub fn new(facts: &Facts) -> Self {
        Removals {
            groups: facts.groups.iter().map(|_| GroupRemovals::default()).collect(),
            detected: None,
            reference: SimTime::ZERO,
        }
    }

    /// The reference instant of the measures is now.
    pub fn set_reference(&mut self, now: SimTime) {
        self.reference = now;
        self.detected = None;
    }

    /// Takes in what a coordinator did; the facts have it already. Tells of removals that were false expulsions.
    pub fn event(&mut self, facts: &Facts, event: &CoordinatorEvent) {
        use CoordinatorEvent as C;
        let Some(group) = crate::trace::fields::group_of(event).and_then(|id| facts.group_number(id)) else { return };
        match event {
            C::MemberFailed { member, reason, .. } => self.removed(facts, group, member, reason, "MemberFailed"),
            C::MemberLeft { member, reason, .. } => self.left(facts, group, member, reason),
            C::DynamicMembersRemoved { members, .. } => {
                let reason = "did not rejoin within the rebalance timeout";
                members.iter().for_each(|member| self.removed(facts, group, member, reason, "DynamicMembersRemoved"));
            }
            C::PendingSyncExpired { members, .. } => {
                let reason = "sent no SyncGroup within the rebalance timeout";
                members.iter().for_each(|member| self.removed(facts, group, member, reason, "PendingSyncExpired"));
            }
            C::StaticMemberReplaced { .. } => self.detect(facts.now, "StaticMemberReplaced"),
            _ => {}
        }
    }

    fn detect(&mut self, now: SimTime, by: &'static str) {
        if now >= self.reference {
            self.detected = self.detected.or(Some((now, by)));
        }
    }

    fn left(&mut self, facts: &Facts, group: GroupNumber, member: &MemberId, reason: &str) {
        self.detect(facts.now, "MemberLeft");
        let exceeded = facts.leaves_unpolled(member, reason);
        let kind = if exceeded { RemovalKind::PollIntervalExceeded } else { RemovalKind::Left };
        self.groups[group].poll_interval_exceeded += u64::from(exceeded);
        self.list(facts, group, member, reason, kind, None);
    }

    /// The coordinator removed a member that did not ask for it.
    fn removed(&mut self, facts: &Facts, group: GroupNumber, member: &MemberId, reason: &str, by: &'static str) {
        self.detect(facts.now, by);
        let Some(of) = facts.member(member) else {
            return self.list(facts, group, member, reason, RemovalKind::OldMemberId, None);
        };
        let consumer = &facts.consumers[of.consumer];
        let mut detection = None;
        let kind = if facts.lives(of) {
            if consumer.member.as_ref() == Some(member) {
                RemovalKind::FalseExpulsion
            } else {
                RemovalKind::OldMemberId
            }
        } else {
            match consumer.end_of(of.incarnation) {
                Some(life) if life.how == StopKind::Closed => RemovalKind::StoppedWithoutLeaving,
                Some(life) => {
                    detection = Some(facts.now.since(life.to));
                    RemovalKind::CrashDetected
                }
                None => RemovalKind::OldMemberId,
            }
        };
        let sums = &mut self.groups[group];
        sums.false_expulsions += u64::from(kind == RemovalKind::FalseExpulsion);
        if let Some(detection) = detection {
            sums.detection.record_span(detection);
        }
        self.list(facts, group, member, reason, kind, detection);
    }

    fn list(
        &mut self,
        facts: &Facts,
        group: GroupNumber,
        member: &MemberId,
        reason: &str,
        kind: RemovalKind,
        detection: Option<SimDuration>,
    ) {
        let list = &mut self.groups[group].list;
        if list.len() == limits::REMOVALS_LISTED {
            return;
        }
        let of = facts.member(member);
        let session = of.map_or(0, |of| facts.consumers[of.consumer].settings.config.session_timeout_ms.max(0) as u64);
        let since = SimTime(facts.now.0.saturating_sub(SimDuration::from_millis(session).0));
        let fault = of.and_then(|of| facts.faults.on_itself(of.consumer, since));
        list.push(Removal {
            at_s: facts.now.as_secs_f64(),
            consumer: of.map(|of| facts.name(of.consumer)),
            member_id: member.to_string(),
            reason: reason.to_string(),
            kind,
            detection_s: detection.map(SimDuration::as_secs_f64),
            host_paused: of.is_some_and(|of| facts.lives(of) && facts.consumers[of.consumer].paused.is_some()),
            fault: fault.map(|fault| facts.faults.label(fault)),
        });
    }

    /// Adds the group's sums to its totals.
    pub fn totals(&self, group: GroupNumber, totals: &mut Totals) {
        let sums = &self.groups[group];
        totals.false_expulsions = sums.false_expulsions;
        totals.poll_interval_exceeded = sums.poll_interval_exceeded;
        totals.detection = (&sums.detection).into();
    }

    /// Detection times of a group's crashes.
    pub fn detection(&self, group: GroupNumber) -> &Histogram {
        &self.groups[group].detection
    }

    /// Hands over the group's list.
    pub fn take_list(&mut self, group: GroupNumber) -> Vec<Removal> {
        std::mem::take(&mut self.groups[group].list)
    }

    /// Adds what is measured from the reference instant on.
    pub fn measured(&self, measured: &mut Measured) {
        measured.detect_ms = self.detected.map(|(at, _)| at.since(self.reference).0 as f64 / 1e6);
        measured.detect_by = self.detected.map(|(_, by)| by.to_string());
    }
}
