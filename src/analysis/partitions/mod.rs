//! Who owns which partition, which partitions stand still and why.

mod cause;
mod report;
mod slot;

use std::sync::Arc;

use crate::analysis::Histogram;
use crate::analysis::facts::{ConsumerNumber, Facts, GroupNumber, MemberOf};
use crate::analysis::outcome::{OwnershipSpan, PauseCause, PauseSpan, SpanEnd, limits};
use crate::client::{Callback, ClientEvent, RecordBatch};
use crate::coordinator::CoordinatorEvent;
use crate::engine::SimTime;
use crate::protocol::TopicPartition;
use crate::trace::{Directory, Event, PartitionLookup};

use slot::{Holder, LastHolder, Seen, Slot};

/// The partitions of all groups.
pub(super) struct Partitions {
    groups: Vec<GroupPartitions>,
    consumers: Vec<ConsumerHoldings>,
    lookup: PartitionLookup,
    known: usize,
    /// Reference instant of the measures.
    reference: SimTime,
    /// Last listener call with partitions at or after the reference.
    settled: Option<SimTime>,
    unassigned_total: u64,
    long_unassigned: Vec<LongUnassigned>,
}

/// The partitions of one group.
struct GroupPartitions {
    slots: Vec<Slot>,
    /// Slot by the partition's index in the directory.
    by_partition: Vec<Option<u32>>,
    /// Cause of those that nobody owns, as last worked out.
    fallback: PauseCause,
    /// Counting has begun: the group's first process was up.
    started: Option<SimTime>,
    /// Partitions that stand still now.
    standing: u64,
    /// Partition-nanoseconds of standing still until `standing_since`.
    stood: u128,
    standing_since: SimTime,
    pauses: Histogram,
    pause_list: Vec<PauseSpan>,
    pauses_total: u64,
    ownership: Vec<OwnershipSpan>,
    ownership_total: u64,
}

/// What one consumer holds.
#[derive(Default)]
struct ConsumerHoldings {
    /// Slots that it holds, in order.
    held: Vec<u32>,
    /// Slots that it held last before nobody did.
    released: Vec<u32>,
    /// It was stuck when its slots were looked at last.
    stuck: bool,
}

/// What records of a partition are to the consumer that got them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Taken {
    /// The partition is not in its assignment.
    NotOwned,
    /// It is; `position` is where the consumer should have read on.
    From { position: Option<i64> },
}

/// A partition that two members of one generation own: for the invariant.
pub(super) struct SharedPartition {
    pub partition: u32,
    pub consumers: [ConsumerNumber; 2],
}

/// A partition that was left without an owner in a stable group for long: for the invariant.
pub(super) struct LongUnassigned {
    pub group: GroupNumber,
    pub partition: u32,
    pub from: SimTime,
    pub to: SimTime,
}

impl Partitions {
    pub fn new(facts: &Facts) -> Self {
        let group = || GroupPartitions {
            slots: Vec::new(),
            by_partition: Vec::new(),
            fallback: PauseCause::Startup,
            started: None,
            standing: 0,
            stood: 0,
            standing_since: SimTime::ZERO,
            pauses: Histogram::default(),
            pause_list: Vec::new(),
            pauses_total: 0,
            ownership: Vec::new(),
            ownership_total: 0,
        };
        Partitions {
            groups: facts.groups.iter().map(|_| group()).collect(),
            consumers: facts.consumers.iter().map(|_| ConsumerHoldings::default()).collect(),
            lookup: PartitionLookup::default(),
            known: 0,
            reference: SimTime::ZERO,
            settled: None,
            unassigned_total: 0,
            long_unassigned: Vec::new(),
        }
    }

    /// Takes in partitions that are new in the directory.
    pub fn discover(&mut self, facts: &Facts, directory: &Directory) {
        if self.known == directory.partitions.len() {
            return;
        }
        self.lookup.extend(directory);
        // Partitions that are there at the first event were there from the start.
        let since = if self.known == 0 { SimTime::ZERO } else { facts.now };
        for (index, partition) in directory.partitions.iter().enumerate().skip(self.known) {
            for (number, group) in self.groups.iter_mut().enumerate() {
                let wanted = facts.groups[number].subscribes(&partition.topic);
                group.by_partition.push(wanted.then_some(group.slots.len() as u32));
                if wanted {
                    let mut slot = Slot::new(index as u32, partition);
                    slot.measured_unavailable.set(true, since);
                    group.slots.push(slot);
                }
            }
        }
        self.known = directory.partitions.len();
        for number in 0..self.groups.len() {
            self.refresh_all(facts, directory, number);
        }
    }

    /// The reference instant of the measures is now.
    pub fn set_reference(&mut self, now: SimTime) {
        self.reference = now;
        self.settled = None;
        for slot in self.groups.iter_mut().flat_map(|group| &mut group.slots) {
            slot.measured_unavailable.restart(now);
            slot.measured_double.restart(now);
        }
    }

    /// Takes in an event, but for the commonest, which have functions of their own; the facts have it already.
    pub fn event(&mut self, facts: &Facts, directory: &Directory, event: &Event) -> Option<SharedPartition> {
        match event {
            Event::Client { consumer, event } => return self.client(facts, directory, consumer.0 as usize, event),
            Event::Coordinator { event, .. } => self.coordinator(facts, directory, event),
            Event::PollStalled { consumer, .. } => {
                self.stuck_changed(facts, directory, consumer.0 as usize);
            }
            Event::CallbackBegan { consumer, callback, partitions } => {
                self.callback(facts, directory, consumer.0 as usize, *callback, partitions);
            }
            Event::CallbackEnded { consumer, .. }
            | Event::PauseBegan { consumer, .. }
            | Event::PauseEnded { consumer, .. }
            | Event::ProcessStarted { consumer } => {
                let consumer = consumer.0 as usize;
                self.refresh_group(facts, directory, facts.consumers[consumer].group);
                self.refresh_consumer(facts, directory, consumer);
            }
            Event::ProcessStopped { consumer, .. } => {
                let consumer = consumer.0 as usize;
                let held = std::mem::take(&mut self.consumers[consumer].held);
                for slot in held {
                    self.release(facts, directory, consumer, slot, SpanEnd::ProcessGone);
                }
                self.refresh_group(facts, directory, facts.consumers[consumer].group);
                self.refresh_consumer(facts, directory, consumer);
            }
            Event::BrokerUp { .. }
            | Event::BrokerDown { .. }
            | Event::BrokerFenced { .. }
            | Event::CoordinatorMoved { .. }
            | Event::FaultBegan { .. }
            | Event::FaultEnded { .. } => {
                for group in 0..self.groups.len() {
                    self.refresh_group(facts, directory, group);
                    self.refresh_all(facts, directory, group);
                }
            }
            Event::PartitionsAdded { .. }
            | Event::StopRequested { .. }
            | Event::ProcessingBegan { .. }
            | Event::ProcessingEnded { .. } => {}
        }
        None
    }

    fn client(
        &mut self,
        facts: &Facts,
        directory: &Directory,
        consumer: ConsumerNumber,
        event: &ClientEvent,
    ) -> Option<SharedPartition> {
        match event {
            ClientEvent::LeaveGroup { .. } => self.stuck_changed(facts, directory, consumer),
            ClientEvent::AssignmentChanged { partitions } => {
                let shared = self.assign(facts, directory, consumer, partitions);
                self.refresh_group(facts, directory, facts.consumers[consumer].group);
                return shared;
            }
            ClientEvent::PositionSet { partition, offset, .. } => {
                let group = facts.consumers[consumer].group;
                if let Some(slot) = self.slot(group, partition) {
                    if let Some(holder) = self.groups[group].slots[slot as usize].holder(consumer) {
                        (holder.positioned, holder.position) = (true, Some(*offset));
                    }
                    self.refresh(facts, directory, group, slot);
                }
            }
            ClientEvent::CoordinatorFound { .. } | ClientEvent::CoordinatorUnknown { .. } => {
                self.refresh_consumer(facts, directory, consumer);
            }
            _ => {}
        }
        None
    }

    fn coordinator(&mut self, facts: &Facts, directory: &Directory, event: &CoordinatorEvent) {
        use CoordinatorEvent as C;
        if let C::Loaded { .. } = event {
            for group in 0..self.groups.len() {
                self.refresh_group(facts, directory, group);
                self.refresh_all(facts, directory, group);
            }
            return;
        }
        if let C::OffsetsCommitted { .. } | C::JoinParked { .. } | C::SyncParked { .. } = event {
            return;
        }
        let Some(group) = crate::trace::fields::group_of(event).and_then(|id| facts.group_number(id)) else { return };
        self.refresh_group(facts, directory, group);
        let mut removed = |id| {
            if let Some(member) = facts.member(id) {
                self.refresh_consumer(facts, directory, member.consumer);
            }
        };
        match event {
            C::MemberFailed { member, .. } | C::MemberLeft { member, .. } => removed(member),
            C::StaticMemberReplaced { old, .. } => removed(old),
            C::DynamicMembersRemoved { members, .. } | C::PendingSyncExpired { members, .. } => {
                members.iter().for_each(removed);
            }
            _ => {}
        }
    }

    fn callback(
        &mut self,
        facts: &Facts,
        directory: &Directory,
        consumer: ConsumerNumber,
        callback: Callback,
        partitions: &[TopicPartition],
    ) {
        if !partitions.is_empty() && facts.now >= self.reference {
            self.settled = Some(facts.now);
        }
        let group = facts.consumers[consumer].group;
        let ended = match callback {
            Callback::Revoked => SpanEnd::Revoked,
            Callback::Lost => SpanEnd::Lost,
            Callback::Assigned => {
                self.refresh_group(facts, directory, group);
                self.refresh_consumer(facts, directory, consumer);
                return;
            }
        };
        // Each partition is looked at when it is released, and need not be looked at again.
        let released_before = self.consumers[consumer].released.len();
        for partition in partitions {
            let Some(slot) = self.slot(group, partition) else { continue };
            if let Ok(place) = self.consumers[consumer].held.binary_search(&slot) {
                self.consumers[consumer].held.remove(place);
                self.release(facts, directory, consumer, slot, ended);
            }
        }
        self.refresh_holdings(facts, directory, consumer, released_before);
    }

    /// The consumer's assignment is now this.
    fn assign(
        &mut self,
        facts: &Facts,
        directory: &Directory,
        consumer: ConsumerNumber,
        partitions: &[TopicPartition],
    ) -> Option<SharedPartition> {
        let group = facts.consumers[consumer].group;
        let mut wanted: Vec<u32> = partitions.iter().filter_map(|partition| self.slot(group, partition)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let held = std::mem::replace(&mut self.consumers[consumer].held, wanted.clone());
        for slot in held.iter().filter(|slot| wanted.binary_search(slot).is_err()) {
            self.release(facts, directory, consumer, *slot, SpanEnd::Revoked);
        }
        let mut shared = None;
        for slot in wanted.iter().filter(|slot| held.binary_search(slot).is_err()) {
            shared = shared.or(self.take(facts, directory, consumer, *slot));
        }
        shared
    }

    /// The consumer takes a partition.
    fn take(
        &mut self,
        facts: &Facts,
        directory: &Directory,
        consumer: ConsumerNumber,
        place: u32,
    ) -> Option<SharedPartition> {
        let group = facts.consumers[consumer].group;
        let generation = facts.consumers[consumer].generation;
        let slot = &mut self.groups[group].slots[place as usize];
        let rival = slot.holders.iter().map(|holder| holder.consumer).find(|other| {
            facts.consumers[*other].generation == generation && facts.is_member(*other) && facts.is_member(consumer)
        });
        slot.holders.push(Holder { consumer, generation, since: facts.now, positioned: false, position: None });
        slot.owners += 1;
        let partition = slot.partition;
        self.refresh(facts, directory, group, place);
        rival.map(|rival| SharedPartition { partition, consumers: [rival, consumer] })
    }

    /// The consumer no longer owns a partition.
    fn release(&mut self, facts: &Facts, directory: &Directory, consumer: ConsumerNumber, place: u32, ended: SpanEnd) {
        let facts_of = &facts.consumers[consumer];
        let group = &mut self.groups[facts_of.group];
        let slot = &mut group.slots[place as usize];
        let Some(found) = slot.holders.iter().position(|holder| holder.consumer == consumer) else { return };
        let holder = slot.holders.remove(found);
        slot.last = Some(LastHolder {
            member: MemberOf { consumer, incarnation: facts_of.incarnation },
            id: facts_of.member.clone(),
            process_gone: ended == SpanEnd::ProcessGone,
        });
        group.list_ownership(place, &facts_of.settings.name, &holder, facts.now, ended);
        self.consumers[consumer].released.push(place);
        self.refresh(facts, directory, facts_of.group, place);
    }

    #[inline]
    fn slot(&mut self, group: GroupNumber, partition: &TopicPartition) -> Option<u32> {
        let index = self.lookup.find(partition)?;
        self.groups[group].by_partition.get(index.0 as usize).copied().flatten()
    }

    /// A batch or `poll` began or ended, a stall began: the consumer may be stuck, or no longer.
    #[inline]
    pub fn stuck_changed(&mut self, facts: &Facts, directory: &Directory, consumer: ConsumerNumber) {
        let stuck = facts.consumers[consumer].is_stuck();
        if std::mem::replace(&mut self.consumers[consumer].stuck, stuck) != stuck {
            self.refresh_consumer(facts, directory, consumer);
        }
    }

    /// Looks anew at everything that the consumer owns or owned last.
    fn refresh_consumer(&mut self, facts: &Facts, directory: &Directory, consumer: ConsumerNumber) {
        self.refresh_holdings(facts, directory, consumer, self.consumers[consumer].released.len());
    }

    /// Looks anew at everything that the consumer owns, and at the first so many of what it owned last.
    fn refresh_holdings(&mut self, facts: &Facts, directory: &Directory, consumer: ConsumerNumber, released: usize) {
        let group = facts.consumers[consumer].group;
        let holdings = std::mem::take(&mut self.consumers[consumer]);
        for slot in holdings.held.iter().chain(&holdings.released[..released]) {
            self.refresh(facts, directory, group, *slot);
        }
        let slots = &self.groups[group].slots;
        let mut released = holdings.released;
        released.retain(|slot| {
            let slot = &slots[*slot as usize];
            slot.holders.is_empty() && slot.last.as_ref().is_some_and(|last| last.member.consumer == consumer)
        });
        released.sort_unstable();
        released.dedup();
        self.consumers[consumer] = ConsumerHoldings { released, ..holdings };
    }

    /// Looks anew at the group's partitions if what it means to be without an owner has changed.
    fn refresh_group(&mut self, facts: &Facts, directory: &Directory, number: GroupNumber) {
        let fallback = cause::without_owner(&facts.groups[number]);
        let group = &mut self.groups[number];
        let begins = group.started.is_none() && facts.groups[number].started.is_some();
        group.started = facts.groups[number].started;
        let changed = std::mem::replace(&mut group.fallback, fallback) != fallback;
        if begins {
            self.refresh_all(facts, directory, number);
        } else if changed {
            // What goes on has an owner: what stops that one is looked at when it happens.
            for slot in 0..self.groups[number].slots.len() {
                if self.groups[number].slots[slot].cause().is_some() {
                    self.refresh(facts, directory, number, slot as u32);
                }
            }
        }
    }

    fn refresh_all(&mut self, facts: &Facts, directory: &Directory, group: GroupNumber) {
        for slot in 0..self.groups[group].slots.len() as u32 {
            self.refresh(facts, directory, group, slot);
        }
    }

    /// Looks anew at one partition of one group.
    fn refresh(&mut self, facts: &Facts, directory: &Directory, number: GroupNumber, place: u32) {
        let now = facts.now;
        let group = &mut self.groups[number];
        let slot = &mut group.slots[place as usize];
        let leader = cause::leader(facts, slot.partition);
        let available = slot.holders.iter().any(|holder| cause::is_available(facts, leader, holder));
        let runs = |holder: &&Holder| facts.consumers[holder.consumer].paused.is_none();
        let double = slot.holders.len() > 1 && slot.holders.iter().filter(runs).count() > 1;
        let counts = group.started.is_some();
        let seen = Seen { available, double, owned: !slot.holders.is_empty(), counts };
        if slot.seen.replace(seen) != Some(seen) {
            slot.measured_unavailable.set(!available, now);
            slot.measured_double.set(double, now);
            if counts {
                slot.unavailable.set(!available, now);
                slot.double.set(double, now);
                slot.unowned.set(!seen.owned, now);
            }
        }
        if !counts {
            return;
        }
        let cause = cause::cause(facts, number, slot, leader, group.fallback);
        if cause == slot.cause() {
            return;
        }
        let before = slot.cause().is_some();
        let (slice, pause) = slot.stand(cause, now);
        if before != cause.is_some() {
            group.count_standing(now, cause.is_some());
        }
        if let Some(length) = pause {
            group.pauses.record_span(length);
        }
        if let Some(slice) = slice {
            self.slice_over(facts, directory, number, place, &slice);
        }
    }

    /// Partition-time that the group's partitions stood still until now.
    pub fn stood(&self, group: GroupNumber, now: SimTime) -> u128 {
        let group = &self.groups[group];
        group.stood + u128::from(group.standing) * u128::from(now.since(group.standing_since).0)
    }

    /// Times without an owner in a stable group: how many there were, and those that were too long.
    pub fn unassigned(&self) -> (u64, &[LongUnassigned]) {
        (self.unassigned_total, &self.long_unassigned)
    }

    /// The consumer gets records of a partition.
    #[inline]
    pub fn records(&mut self, group: GroupNumber, consumer: ConsumerNumber, batch: &RecordBatch) -> Taken {
        let Some(slot) = self.slot(group, &batch.partition) else { return Taken::NotOwned };
        let Some(holder) = self.groups[group].slots[slot as usize].holder(consumer) else { return Taken::NotOwned };
        let position = holder.position.replace(batch.from + i64::from(batch.count));
        Taken::From { position }
    }

    /// A slice of standing still is over.
    fn slice_over(
        &mut self,
        facts: &Facts,
        directory: &Directory,
        number: GroupNumber,
        place: u32,
        slice: &slot::Slice,
    ) {
        if slice.cause == PauseCause::Unassigned {
            self.unassigned_total += 1;
            let index = self.groups[number].slots[place as usize].partition;
            let partition = &directory.partitions[index as usize];
            let wanted = facts.wants(number, &partition.topic);
            let too_long = slice.to.since(slice.from) > facts.groups[number].metadata_seen_after;
            if wanted && too_long && self.long_unassigned.len() < limits::VIOLATIONS_LISTED {
                let (from, to) = (slice.from, slice.to);
                self.long_unassigned.push(LongUnassigned { group: number, partition: index, from, to });
            }
        }
        self.groups[number].list_pause(place, slice);
    }
}

impl GroupPartitions {
    fn count_standing(&mut self, now: SimTime, stands: bool) {
        self.stood += u128::from(self.standing) * u128::from(now.since(self.standing_since).0);
        self.standing_since = now;
        self.standing = if stands { self.standing + 1 } else { self.standing - 1 };
    }

    fn list_pause(&mut self, place: u32, slice: &slot::Slice) {
        self.pauses_total += 1;
        if self.pause_list.len() < limits::PAUSE_SPANS_LISTED {
            self.pause_list.push(PauseSpan {
                partition: self.slots[place as usize].label.clone(),
                cause: slice.cause,
                from_s: slice.from.as_secs_f64(),
                to_s: slice.to.as_secs_f64(),
            });
        }
    }

    fn list_ownership(&mut self, place: u32, consumer: &Arc<str>, holder: &Holder, now: SimTime, ended: SpanEnd) {
        self.ownership_total += 1;
        if self.ownership.len() < limits::OWNERSHIP_SPANS_LISTED {
            self.ownership.push(OwnershipSpan {
                partition: self.slots[place as usize].label.clone(),
                consumer: consumer.clone(),
                generation: holder.generation.0,
                from_s: holder.since.as_secs_f64(),
                to_s: now.as_secs_f64(),
                ended,
            });
        }
    }
}
