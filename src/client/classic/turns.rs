//! Turns on a connection that is shared with Fetches, where fetching goes on during a rebalance: sarama's cooperative
//! sessions (statement 22; v1.61.1, `Broker.sendAndReceive` and `consumer_group_cooperative.go`, learnt from its public
//! source).
//!
//! One request at a time has the connection until it is answered, and Fetches of the partitions that are kept are among
//! them. What wants to go out while a Fetch is parked waits for its return, and a Fetch waits until a parked JoinGroup or
//! SyncGroup is answered. Where a request follows on an answer that a Fetch waited for too, it is a race between two
//! goroutines for a mutex: JoinGroup after the heartbeat that brought the notice went first in 8 of 16 recorded cases.
//! SyncGroup follows on JoinGroup in the same goroutine and always goes first; a leader asks for metadata in between.

use std::collections::{BTreeMap, VecDeque};

use crate::client::{Callback, Connection, RecordBatch};
use crate::engine::{Millis, SimDuration, SimTime};
use crate::protocol::{BrokerId, TopicPartition};

use super::commit::CommitKind;
use super::consumer::{Consumer, Context};
use super::join::REASON_TO_GIVE_AND_REJOIN;
use super::network::Network;

/// How likely a Fetch goes first in such a race.
const FETCH_FIRST: f64 = 0.5;

/// The same for what follows on claims that were given up or are taken: it went first in all of 7 recorded cases.
const FETCH_FIRST_AMONG_CLAIMS: f64 = 0.85;

/// A Fetch that began no longer ago than this began with the answer that is being handled.
const MOMENT: SimDuration = SimDuration::from_millis(5);

/// Requests of a leader between JoinGroup and SyncGroup that a Fetch may get in front of: Metadata, and SyncGroup itself.
const RACES_OF_A_LEADER: u64 = 2;

/// Requests that open a claim: the first and the last offset of its partition.
const RACES_OF_A_CLAIM: u64 = 2;

impl Network {
    /// When the Fetch of this broker's partitions was sent, or is to be sent.
    fn fetch_since(&mut self, broker: BrokerId) -> Option<&mut SimTime> {
        let link = self.links.iter_mut().find(|link| link.connection == Connection::Data(broker))?;
        link.fetch_since.as_mut()
    }

    /// A Fetch competes at this moment for the connection to the broker: it waits, or has only just taken it.
    fn fetch_competes(&mut self, broker: BrokerId, now: SimTime) -> bool {
        self.note_fetch_cycles(now);
        self.fetch_since(broker).is_some_and(|since| *since >= now || now.since(*since) <= MOMENT)
    }

    /// The next Fetch waits until [`Network::let_fetches_go`].
    pub fn hold_fetches(&mut self, broker: BrokerId) {
        if let Some(since) = self.fetch_since(broker) {
            *since = SimTime::MAX;
        }
    }

    /// A Fetch takes the connection, if there is something to fetch.
    fn start_fetch(&mut self, broker: BrokerId, at: SimTime) {
        if let Some(since) = self.fetch_since(broker) {
            *since = at;
        }
    }

    /// Fetches that were held go out.
    fn let_fetches_go(&mut self, at: SimTime) {
        let fetches = self.links.iter_mut().filter_map(|link| link.fetch_since.as_mut());
        fetches.filter(|since| **since == SimTime::MAX).for_each(|since| *since = at);
    }
}

impl Consumer {
    /// It goes on fetching during a rebalance, on the connection of its group requests.
    pub(super) fn takes_turns(&self) -> bool {
        self.network.turns
    }

    /// So many of these races are won by a Fetch.
    fn lost_races(&self, races: u64, fetch_first: f64, cx: &mut Context<'_>) -> u64 {
        (0..races).filter(|_| cx.world.unit() < fetch_first).count() as u64
    }

    fn coordinator_to_take_turns_with(&self) -> Option<BrokerId> {
        self.lookup.coordinator.filter(|_| self.takes_turns())
    }

    /// Before JoinGroup: it goes out at once, or behind the Fetch that wants to go out too.
    pub(super) fn join_competes(&mut self, cx: &mut Context<'_>) {
        let Some(broker) = self.coordinator_to_take_turns_with() else { return };
        if self.network.fetch_competes(broker, cx.now) {
            let follows = &*self.membership.rejoin_reason == REASON_TO_GIVE_AND_REJOIN;
            let fetch_first = if follows { FETCH_FIRST_AMONG_CLAIMS } else { FETCH_FIRST };
            match self.lost_races(1, fetch_first, cx) {
                0 => self.network.hold_fetches(broker),
                _ => self.network.start_fetch(broker, cx.now),
            }
        }
    }

    /// How many Fetches get in front of this member's SyncGroup.
    pub(super) fn fetches_before_sync(&mut self, cx: &mut Context<'_>) -> u64 {
        let Some(broker) = self.coordinator_to_take_turns_with() else { return 0 };
        if self.is_leader && self.network.fetch_since(broker).is_some() {
            self.lost_races(RACES_OF_A_LEADER, FETCH_FIRST, cx)
        } else {
            0
        }
    }

    /// SyncGroup was answered, or the join has failed: the Fetch that waited goes out. A heartbeat that is due
    /// competes with it.
    pub(super) fn end_turn(&mut self, cx: &mut Context<'_>) {
        if !self.takes_turns() {
            return;
        }
        let beats_first = self.heartbeat.is_due(cx.ms) && self.lost_races(1, FETCH_FIRST, cx) == 0;
        let at = if beats_first { cx.now + MOMENT } else { cx.now };
        self.network.let_fetches_go(at);
    }

    /// When the Fetch that is parked at the coordinator returns, and the next ones so many times after it.
    fn fetches_return(&mut self, more: u64, cx: &Context<'_>) -> Option<SimTime> {
        let broker = self.coordinator_to_take_turns_with()?;
        self.network.note_fetch_cycles(cx.now);
        let first = self.network.parked_until(Connection::Data(broker), cx.now)?;
        Some(first + self.network.fetch_wait * more)
    }

    /// Each claim has a handler of its own: of what the application works on the one with the records alone is busy, or any
    /// if it is held up without records.
    pub(super) fn note_busy_claim(&mut self, records: &[RecordBatch], cx: &mut Context<'_>) {
        if !self.takes_turns() {
            return;
        }
        let owned = self.subscriptions.assigned();
        let any = || owned.get((cx.world.unit() * owned.len() as f64) as usize).map(|owned| owned.partition);
        self.busy_claim = records.first().map(|batch| batch.partition).or_else(any);
    }

    /// The handler that is busy need not return for this call.
    pub(super) fn busy_claim_goes_on(&self, callback: Callback, partitions: &[TopicPartition]) -> bool {
        self.takes_turns()
            && match callback {
                Callback::Assigned => true,
                Callback::Revoked => self.busy_claim.as_ref().is_none_or(|claim| !partitions.contains(claim)),
                Callback::Lost => false,
            }
    }

    /// JoinGroup follows on claims that were given up only when another Fetch has returned: their offsets are flushed
    /// under the connection's mutex (`offsetManager.removePartitions`).
    pub(super) fn flush_released_claims(&mut self, cx: &mut Context<'_>) {
        if !self.takes_turns() {
            return;
        }
        if self.settings.config.enable_auto_commit
            && let Err(exception) = self.commit_async(CommitKind::Auto, cx)
        {
            self.report("commitAsync", &exception, cx);
        }
        if let Some(until) = self.fetches_return(0, cx) {
            self.membership.not_before = self.membership.not_before.max(until.millis() + 1);
        }
    }

    /// When the claims of added partitions begin, in order, with the partitions of each time: at once, but in turns metadata
    /// are asked for first, then one committed offset after the other, then the first and last offset of each, and Fetches
    /// get in between.
    pub(super) fn claims_begin(
        &mut self,
        added: Vec<TopicPartition>,
        cx: &mut Context<'_>,
    ) -> VecDeque<(Millis, Vec<TopicPartition>)> {
        if !self.takes_turns() || added.is_empty() {
            return [(cx.ms, added)].into();
        }
        let offsets = self.lost_races(added.len() as u64, FETCH_FIRST_AMONG_CLAIMS, cx);
        let Some(first) = self.fetches_return(offsets, cx) else { return [(cx.ms, added)].into() };
        let mut claims: BTreeMap<Millis, Vec<TopicPartition>> = BTreeMap::new();
        for partition in added {
            let begins = first + self.network.fetch_wait * self.lost_races(RACES_OF_A_CLAIM, FETCH_FIRST, cx);
            claims.entry(begins.millis()).or_default().push(partition);
        }
        claims.into_iter().collect()
    }
}
