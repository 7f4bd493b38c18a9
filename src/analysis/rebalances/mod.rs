//! Rebalances of the groups: from "Preparing to rebalance" until the last member has applied its assignment.

mod barrier;
mod reason;

use std::collections::BTreeMap;

use crate::analysis::Histogram;
use crate::analysis::facts::{ConsumerNumber, Facts, GroupNumber};
use crate::analysis::outcome::{
    GroupOutcome, Measured, MeasuredRebalance, MemberPhases, ReasonClass, Rebalance, RebalanceEnd, Totals, TriggerKind,
    limits,
};
use crate::analysis::partitions::Partitions;
use crate::client::ClientEvent;
use crate::coordinator::CoordinatorEvent;
use crate::engine::{SimDuration, SimTime};
use crate::protocol::{BrokerId, Generation, MemberId};
use crate::trace::Event;

use barrier::{Arrival, JoinPhase, Progress};
use reason::{HowLost, Lost};

/// What set a rebalance off: for the livelock verdict.
#[derive(Clone, Copy, Debug)]
pub(super) struct Started {
    pub group: GroupNumber,
    pub kind: TriggerKind,
    pub consumer: Option<ConsumerNumber>,
    /// The group was waiting for its leader's assignment.
    pub completing: bool,
}

/// Rebalances of all groups.
pub(super) struct Rebalances {
    groups: Vec<GroupRebalances>,
    /// What each consumer has done towards the next barrier.
    progress: Vec<MemberProgress>,
}

/// What one consumer has done towards the next barrier.
#[derive(Clone, Copy, Debug, Default)]
struct MemberProgress {
    progress: Progress,
    /// It has noticed, and its poll thread has not come back yet.
    awaits_poll: bool,
    /// The JoinGroup was answered: the next one is for another rebalance.
    answered: bool,
}

#[derive(Default)]
struct GroupRebalances {
    open: Option<Open>,
    list: Vec<Rebalance>,
    member_entries: usize,
    lost: Option<Lost>,
    total: u64,
    by_reason: BTreeMap<ReasonClass, u64>,
    by_trigger: BTreeMap<TriggerKind, u64>,
    superseded: u64,
    generations: u64,
    latency: Histogram,
    join_phase: Histogram,
    member_latency: Histogram,
    barriers_held: BTreeMap<ConsumerNumber, u64>,
    /// Consumers that noticed the first rebalance since the reference instant of the measures.
    notices: BTreeMap<ConsumerNumber, SimDuration>,
    before_reference: u64,
}

/// The rebalance that is going on, or whose last members have yet to apply their assignments.
struct Open {
    record: Rebalance,
    initial: bool,
    began: SimTime,
    stabilized: Option<SimTime>,
    /// Consumers of `record.members`.
    members: Vec<ConsumerNumber>,
    unapplied: usize,
    /// Partition-time that the group had stood still when it began.
    stood: u128,
}

impl Rebalances {
    pub fn new(facts: &Facts) -> Self {
        Rebalances {
            groups: facts.groups.iter().map(|_| GroupRebalances::default()).collect(),
            progress: vec![MemberProgress::default(); facts.consumers.len()],
        }
    }

    /// The reference instant of the measures is now.
    pub fn set_reference(&mut self) {
        for group in &mut self.groups {
            group.before_reference = group.total;
            group.notices.clear();
        }
    }

    /// `poll` was called (one of the commonest events).
    #[inline]
    pub fn polled(&mut self, now: SimTime, consumer: ConsumerNumber) {
        let member = &mut self.progress[consumer];
        if member.awaits_poll {
            member.awaits_poll = false;
            member.progress.polled = Some(now);
        }
    }

    /// Takes in an event; the facts have it already. Tells of a rebalance that began.
    pub fn event(&mut self, facts: &Facts, partitions: &Partitions, event: &Event) -> Option<Started> {
        match event {
            Event::Client { consumer, event } => self.client(facts, partitions, consumer.0 as usize, event),
            Event::CallbackBegan { consumer, .. } => self.applied(facts, partitions, consumer.0 as usize),
            Event::ProcessStarted { consumer } => self.progress[consumer.0 as usize] = MemberProgress::default(),
            Event::BrokerDown { .. } | Event::CoordinatorMoved { .. } => {
                for group in 0..self.groups.len() {
                    let completed = |open: &Open| open.record.end == RebalanceEnd::Completed;
                    if !facts.groups[group].available && !self.groups[group].open.as_ref().is_none_or(completed) {
                        self.close(facts, partitions, group, RebalanceEnd::CoordinatorLost);
                    }
                }
            }
            Event::Coordinator { broker, event } => return self.coordinator(facts, partitions, *broker, event),
            _ => {}
        }
        None
    }

    fn client(&mut self, facts: &Facts, partitions: &Partitions, consumer: ConsumerNumber, event: &ClientEvent) {
        let now = facts.now;
        let group = facts.consumers[consumer].group;
        match event {
            ClientEvent::RebalanceNoticed => {
                self.groups[group].notice(now, consumer);
                self.noticed(facts, consumer);
            }
            ClientEvent::RejoinRequested { .. } => self.noticed(facts, consumer),
            ClientEvent::JoinGroupSent { .. } => {
                let member = &mut self.progress[consumer];
                if std::mem::take(&mut member.answered) {
                    member.progress.parked = None;
                }
                if member.progress.parked.is_none() {
                    member.progress.join_sent = Some(now);
                    member.progress.polled = member.progress.polled.or(Some(now));
                    member.awaits_poll = false;
                }
            }
            ClientEvent::Joined { generation, .. } => {
                self.progress[consumer].answered = true;
                if let Some(entry) = self.groups[group].entry(*generation, consumer) {
                    entry.joined_s = Some(now.as_secs_f64());
                }
            }
            ClientEvent::Synced { generation, rebalance_latency_ns, .. } => {
                self.progress[consumer] = MemberProgress::default();
                let latency = SimDuration(*rebalance_latency_ns);
                self.groups[group].synced(now, consumer, *generation, latency);
            }
            ClientEvent::AssignmentChanged { .. } => self.applied(facts, partitions, consumer),
            _ => {}
        }
    }

    /// The member learns of a rebalance or asks for one.
    fn noticed(&mut self, facts: &Facts, consumer: ConsumerNumber) {
        let began = self.groups[facts.consumers[consumer].group].open.as_ref().map(|open| open.began);
        let in_poll = facts.consumers[consumer].in_poll;
        let member = &mut self.progress[consumer];
        let known = member.progress.noticed.is_some_and(|noticed| began.is_none_or(|began| noticed >= began));
        if !known {
            let polled = in_poll.then_some(facts.now);
            member.progress = Progress { noticed: Some(facts.now), polled, ..Progress::default() };
            member.awaits_poll = !in_poll;
            member.answered = false;
        }
    }

    /// The consumer has applied its assignment, if that of the open rebalance was due.
    fn applied(&mut self, facts: &Facts, partitions: &Partitions, consumer: ConsumerNumber) {
        let number = facts.consumers[consumer].group;
        let generation = facts.consumers[consumer].generation;
        let group = &mut self.groups[number];
        let Some(entry) = group.entry(generation, consumer) else { return };
        if entry.synced_s.is_none() || entry.applied_s.is_some() {
            return;
        }
        entry.applied_s = Some(facts.now.as_secs_f64());
        let Some(open) = &mut group.open else { return };
        open.unapplied -= 1;
        if open.unapplied == 0 {
            open.record.applied_s = Some(facts.now.as_secs_f64());
            let end = open.record.end;
            self.close(facts, partitions, number, end);
        }
    }

    fn coordinator(
        &mut self,
        facts: &Facts,
        partitions: &Partitions,
        broker: BrokerId,
        event: &CoordinatorEvent,
    ) -> Option<Started> {
        use CoordinatorEvent as C;
        let now = facts.now;
        if let C::OffsetsCommitted { .. } = event {
            return None;
        }
        let number = facts.group_number(crate::trace::fields::group_of(event)?)?;
        let group = &mut self.groups[number];
        let mut lost = |member: &MemberId, how| group.lost = Some(Lost { at: now, member: member.clone(), how });
        match event {
            C::MemberLeft { member, reason, .. } => lost(member, HowLost::by_leaving(facts, member, reason)),
            C::PendingMemberLeft { member, .. } => lost(member, HowLost::Left),
            C::MemberFailed { member, .. } => lost(member, HowLost::Session),
            C::PendingMemberExpired { member, .. } => lost(member, HowLost::PendingSession),
            C::DynamicMembersRemoved { members, .. } => {
                members.first().into_iter().for_each(|member| lost(member, HowLost::RebalanceTimeout));
            }
            C::PendingSyncExpired { members, .. } => {
                members.first().into_iter().for_each(|member| lost(member, HowLost::SyncTimeout));
            }
            C::JoinParked { member, .. } => {
                if let Some(member) = facts.member(member) {
                    let progress = &mut self.progress[member.consumer].progress;
                    progress.parked = progress.parked.or(Some(now));
                }
            }
            C::PreparingRebalance { from_state, old_generation, reason, .. } => {
                let end = match group.open.as_ref().map(|open| open.record.end) {
                    Some(RebalanceEnd::Unfinished) => RebalanceEnd::Superseded,
                    Some(end) => end,
                    None => RebalanceEnd::Completed,
                };
                self.close(facts, partitions, number, end);
                let stood = partitions.stood(number, now);
                return Some(self.open(facts, number, broker, (from_state, *old_generation, reason), stood));
            }
            C::Stabilized { generation, members, leader, protocol, .. } => {
                self.stabilized(facts, number, *generation, *members);
                if let Some(open) = &mut self.groups[number].open {
                    open.record.leader = Some(facts.member_name(leader));
                    open.record.protocol = Some(protocol.to_string());
                }
            }
            C::Empty { generation, .. } => {
                if let Some(open) = &mut group.open {
                    open.record.generation = Some(generation.0);
                    open.stabilized = Some(now);
                    open.record.stabilized_s = Some(now.as_secs_f64());
                    open.record.join_phase_s = Some(now.since(open.began).as_secs_f64());
                    self.close(facts, partitions, number, RebalanceEnd::GroupEmpty);
                }
            }
            C::AssignmentReceived { generation, .. } => group.assignment_received(now, *generation),
            C::Stable { generation, .. } => {
                let open = group.open.as_mut().filter(|open| open.record.generation == Some(generation.0));
                if let Some(open) = open.filter(|open| open.record.stable_s.is_none()) {
                    open.record.stable_s = Some(now.as_secs_f64());
                    open.record.end = RebalanceEnd::Completed;
                }
            }
            _ => {}
        }
        None
    }

    fn open(
        &mut self,
        facts: &Facts,
        number: GroupNumber,
        broker: BrokerId,
        (from_state, old_generation, reason): (&str, Generation, &str),
        stood: u128,
    ) -> Started {
        let group = &mut self.groups[number];
        let (trigger, consumer) = reason::trigger(facts, reason, group.lost.as_ref());
        let reason_class = reason::class(reason);
        group.total += 1;
        *group.by_reason.entry(reason_class).or_default() += 1;
        *group.by_trigger.entry(trigger.kind).or_default() += 1;
        let kind = trigger.kind;
        let record = Rebalance {
            number: group.total,
            broker: broker.0,
            reason: reason.to_string(),
            reason_class,
            trigger,
            from_state: from_state.to_string(),
            old_generation: old_generation.0,
            generation: None,
            preparing_s: facts.now.as_secs_f64(),
            stabilized_s: None,
            assignment_received_s: None,
            stable_s: None,
            applied_s: None,
            end: RebalanceEnd::Unfinished,
            join_phase_s: None,
            latency_s: None,
            member_latency_max_s: None,
            members_count: 0,
            leader: None,
            protocol: None,
            barrier: None,
            paused_partition_seconds: 0.0,
            members: Vec::new(),
        };
        group.open = Some(Open {
            record,
            initial: from_state == "Empty",
            began: facts.now,
            stabilized: None,
            members: Vec::new(),
            unapplied: 0,
            stood,
        });
        Started { group: number, kind, consumer, completing: from_state == "CompletingRebalance" }
    }

    /// The join phase is complete: who came when, and who held the barrier.
    fn stabilized(&mut self, facts: &Facts, number: GroupNumber, generation: Generation, members: u32) {
        let now = facts.now;
        let group = &mut self.groups[number];
        group.generations += 1;
        let Some(open) = &mut group.open else { return };
        let mut arrivals: Vec<Arrival> = facts.groups[number]
            .members
            .keys()
            .filter_map(|id| {
                let member = facts.member(id)?;
                let consumer = member.consumer;
                // The id of a process that is gone while its successor joins anew has made no progress.
                let present = facts.consumers[consumer].incarnation == member.incarnation;
                let progress = if present { self.progress[consumer].progress } else { Progress::default() };
                Some(Arrival { consumer, member: id.clone(), progress })
            })
            .collect();
        arrivals.sort_by_key(|arrival| (arrival.progress.parked.unwrap_or(SimTime::MAX), arrival.consumer));
        let phase = JoinPhase {
            group: number,
            initial: open.initial,
            began: open.began,
            ended: now,
            arrivals: &arrivals,
            lost: group.lost.as_ref(),
        };
        let (barrier, holder) = barrier::blame(facts, &phase);
        if let Some(holder) = holder {
            *group.barriers_held.entry(holder).or_default() += 1;
        }
        open.stabilized = Some(now);
        open.unapplied = arrivals.len();
        open.members = arrivals.iter().map(|arrival| arrival.consumer).collect();
        let record = &mut open.record;
        record.generation = Some(generation.0);
        record.stabilized_s = Some(now.as_secs_f64());
        record.join_phase_s = Some(now.since(open.began).as_secs_f64());
        record.members_count = members;
        record.barrier = Some(barrier);
        let began = open.began;
        record.members = arrivals.iter().map(|arrival| phases(facts, arrival, began, now, holder)).collect();
        group.join_phase.record_span(now.since(began));
    }

    /// Puts the open rebalance on the list.
    fn close(&mut self, facts: &Facts, partitions: &Partitions, number: GroupNumber, end: RebalanceEnd) {
        let group = &mut self.groups[number];
        let Some(mut open) = group.open.take() else { return };
        open.record.end = end;
        group.superseded += u64::from(end == RebalanceEnd::Superseded);
        let stood = partitions.stood(number, facts.now) - open.stood;
        open.record.paused_partition_seconds = stood as f64 / 1e9;
        if group.list.len() < limits::REBALANCES_LISTED {
            if group.member_entries + open.record.members.len() > limits::MEMBER_PHASES_LISTED {
                open.record.members.clear();
            }
            group.member_entries += open.record.members.len();
            group.list.push(open.record);
        }
    }

    /// The run is over.
    pub fn finish(&mut self, facts: &Facts, partitions: &Partitions) {
        for number in 0..self.groups.len() {
            if let Some(end) = self.groups[number].open.as_ref().map(|open| open.record.end) {
                self.close(facts, partitions, number, end);
            }
        }
    }

    /// Adds the group's sums to its totals.
    pub fn totals(&self, facts: &Facts, number: GroupNumber, totals: &mut Totals) {
        let group = &self.groups[number];
        totals.rebalances = group.total;
        totals.rebalances_by_reason = group.by_reason.clone();
        totals.rebalances_by_trigger = group.by_trigger.clone();
        totals.rebalances_superseded = group.superseded;
        totals.generations = group.generations;
        totals.rebalance_latency = (&group.latency).into();
        totals.join_phase = (&group.join_phase).into();
        totals.member_rebalance_latency = (&group.member_latency).into();
        totals.barrier_holders =
            group.barriers_held.iter().map(|(consumer, count)| (facts.name(*consumer), *count)).collect();
    }

    /// Distributions of a group: coordinator's latency, join phase, members' latency.
    pub fn histograms(&self, number: GroupNumber) -> [&Histogram; 3] {
        let group = &self.groups[number];
        [&group.latency, &group.join_phase, &group.member_latency]
    }

    /// How often the consumer held the barrier.
    pub fn barriers_held(&self, group: GroupNumber, consumer: ConsumerNumber) -> u64 {
        self.groups[group].barriers_held.get(&consumer).copied().unwrap_or(0)
    }

    /// Hands over the group's list.
    pub fn list(&mut self, group: GroupNumber) -> Vec<Rebalance> {
        std::mem::take(&mut self.groups[group].list)
    }

    /// Adds what is measured from the reference instant on.
    pub fn measured(&self, facts: &Facts, outcomes: &[GroupOutcome], measured: &mut Measured) {
        for (number, group) in self.groups.iter().enumerate() {
            measured.rebalances_before += group.before_reference;
            let since =
                outcomes[number].rebalances.iter().filter(|rebalance| rebalance.number > group.before_reference);
            measured.rebalances.extend(since.map(|rebalance| MeasuredRebalance {
                group: facts.groups[number].id.to_string(),
                at_ms: millis(rebalance.preparing_s),
                reason: rebalance.reason.clone(),
                join_ms: rebalance.join_phase_s.map(millis),
                latency_ms: rebalance.latency_s.map(millis),
            }));
            for (consumer, span) in &group.notices {
                measured.notice_ms.insert(facts.name(*consumer), span.0 as f64 / 1e6);
            }
        }
        measured.rebalances.sort_by(|a, b| a.at_ms.total_cmp(&b.at_ms));
    }
}

impl GroupRebalances {
    /// The entry of the consumer in the open rebalance, if that made this generation.
    fn entry(&mut self, generation: Generation, consumer: ConsumerNumber) -> Option<&mut MemberPhases> {
        let open = self.open.as_mut().filter(|open| open.record.generation == Some(generation.0))?;
        let place = open.members.iter().position(|member| *member == consumer)?;
        open.record.members.get_mut(place)
    }

    fn notice(&mut self, now: SimTime, consumer: ConsumerNumber) {
        let first = self.total == self.before_reference + 1;
        if let Some(open) = self.open.as_ref().filter(|_| first) {
            self.notices.entry(consumer).or_insert(now.since(open.began));
        }
    }

    fn synced(&mut self, now: SimTime, consumer: ConsumerNumber, generation: Generation, latency: SimDuration) {
        self.member_latency.record_span(latency);
        let Some(entry) = self.entry(generation, consumer) else { return };
        entry.synced_s = Some(now.as_secs_f64());
        entry.rebalance_latency_s = Some(latency.as_secs_f64());
        let Some(open) = &mut self.open else { return };
        let stabilized = open.stabilized.unwrap_or(now);
        let place = open.members.iter().position(|member| *member == consumer);
        if let Some(entry) = place.and_then(|place| open.record.members.get_mut(place)) {
            entry.sync_s = Some(now.since(stabilized).as_secs_f64());
        }
        let longest = open.record.member_latency_max_s.unwrap_or(0.0).max(latency.as_secs_f64());
        open.record.member_latency_max_s = Some(longest);
    }

    fn assignment_received(&mut self, now: SimTime, generation: Generation) {
        let open = self.open.as_mut().filter(|open| open.record.generation == Some(generation.0));
        if let Some(open) = open.filter(|open| open.record.assignment_received_s.is_none()) {
            open.record.assignment_received_s = Some(now.as_secs_f64());
            open.record.latency_s = Some(now.since(open.began).as_secs_f64());
            self.latency.record_span(now.since(open.began));
        }
    }
}

/// The entry of one member at the end of the join phase.
fn phases(
    facts: &Facts,
    arrival: &Arrival,
    began: SimTime,
    ended: SimTime,
    holder: Option<ConsumerNumber>,
) -> MemberPhases {
    let at = |time: Option<SimTime>| time.map(SimTime::as_secs_f64);
    let progress = &arrival.progress;
    let [discover, finish_batch, prepare, rejoin] =
        progress.phases(began).map(|(_, span)| span.map(SimDuration::as_secs_f64));
    MemberPhases {
        consumer: facts.name(arrival.consumer),
        member_id: String::from(arrival.member.as_str()),
        held_barrier: Some(arrival.consumer) == holder,
        noticed_s: at(progress.noticed),
        polled_s: at(progress.polled),
        join_sent_s: at(progress.join_sent),
        parked_s: at(progress.parked),
        joined_s: None,
        synced_s: None,
        applied_s: None,
        discover_s: discover,
        finish_batch_s: finish_batch,
        prepare_s: prepare,
        rejoin_s: rejoin,
        wait_s: progress.parked.map(|parked| ended.since(parked).as_secs_f64()),
        sync_s: None,
        rebalance_latency_s: None,
    }
}

fn millis(seconds: f64) -> f64 {
    seconds * 1e3
}
