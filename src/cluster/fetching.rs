//! Fetching: what a consumer has asked brokers for, and what has come of it.
//!
//! Model (consumer-client.md 4.2): a consumer has one Fetch at a time under way to each broker. A broker answers when
//! `fetch.min.bytes` are there, with everything that is there at that moment, and without records after
//! `fetch.max.wait.ms`. The answer waits in the consumer's buffer until `poll` asks, at most `max.poll.records` at a
//! time. When the next Fetch goes out is the client's own way ([`Prefetch`]): a Java consumer sends it just before
//! `poll` returns the last of its buffer, so after a slow batch there is first what had come when that batch *began*, and
//! the whole backlog only with the Fetch after it.
//!
//! Partitions are answered in the order of the broker's fetch session, in which those that had records go to the end
//! (`FetchSession`, `IncrementalFetchContext`). Fetches have no packets of their own: their times are drawn from the
//! network's latency, and blocked links hold them up.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::client::{AssignedPartition, Connection, Input, Prefetch, RecordBatch};
use crate::engine::{SimDuration, SimTime};
use crate::protocol::BrokerId;
use crate::protocol::config::ConsumerConfig;
use crate::protocol::java_hash::JavaHashMap;
use crate::scenario::checked::Consumer;
use crate::trace::PartitionIndex;

use super::brokers::Brokers;
use super::host::FirstUse;
use super::simulation::Simulation;
use super::workload::Workload;

/// A consumer's Fetches and buffer.
#[derive(Default)]
pub struct Fetcher {
    list: PartitionList,
    /// One per broker.
    sessions: Vec<FetchSession>,
    /// What has come and was not asked for yet, in the order in which it came.
    buffer: VecDeque<Fetched>,
    /// A Fetch was sent.
    begun: bool,
}

/// The client's list of partitions.
#[derive(Default)]
struct PartitionList {
    /// The client's version of it.
    version: Option<u64>,
    /// Indices into the run's partitions, parallel to the client's list; `None` for a partition that does not exist.
    partitions: Vec<Option<PartitionIndex>>,
    place_of: FxHashMap<PartitionIndex, u32>,
    /// Those to fetch with their places, as [`PartitionList::order_wanted`] has worked them out for that version.
    wanted: Vec<(PartitionIndex, u32)>,
    wanted_of: Option<u64>,
}

/// What is fetched from one broker.
struct FetchSession {
    broker: BrokerId,
    /// It was made up of that version of the client's list.
    version: Option<u64>,
    /// Those whose answer is due first stand first.
    partitions: Vec<Asked>,
    /// When the Fetch under way was sent, or sent again after an answer without records.
    sent: Option<SimTime>,
    /// The answer can't be there before.
    ready: SimTime,
    /// No record comes before; in the past when that has to be looked at anew.
    nothing_before: SimTime,
}

struct Asked {
    partition: PartitionIndex,
    place: u32,
    from: i64,
    answered: bool,
}

struct Fetched {
    partition: PartitionIndex,
    broker: BrokerId,
    /// [`AssignedPartition::fetchable_since`] when it came.
    since: u64,
    from: i64,
    to: i64,
}

/// What an answer depends on.
struct Surroundings<'a> {
    now: SimTime,
    workload: &'a mut Workload,
    /// Bytes per record of each partition.
    record_bytes: &'a [u32],
    config: &'a ConsumerConfig,
}

impl Surroundings<'_> {
    fn bytes(&self, asked: &Asked, records: i64) -> u64 {
        records as u64 * u64::from(self.record_bytes[asked.partition.0 as usize])
    }
}

/// A Fetch and its answer take no longer than this beyond the wait.
const EXCHANGE: SimDuration = SimDuration::from_millis(5);

/// How long a broker parks a Fetch that finds nothing.
fn max_wait(config: &ConsumerConfig) -> SimDuration {
    SimDuration::from_millis(config.fetch_max_wait_ms.max(1) as u64)
}

impl FetchSession {
    fn wait_is_over(&self, wait: SimDuration, now: SimTime) -> bool {
        self.sent.is_none_or(|sent| sent + wait <= now)
    }

    /// A poll that waits sends a Fetch again as soon as one was answered without records. One whose wait ends at this
    /// instant is still to be answered.
    fn go_on_waiting(&mut self, wait: SimDuration, now: SimTime) {
        if let Some(sent) = &mut self.sent {
            *sent += SimDuration(now.since(*sent).0.saturating_sub(1) / wait.0 * wait.0);
        }
    }

    /// Makes up the list of partitions anew from those that are wanted, with their places: those that stay keep their
    /// order, new ones come behind. False if none is wanted.
    fn make_up(&mut self, version: Option<u64>, wanted: impl Iterator<Item = (PartitionIndex, u32)> + Clone) -> bool {
        let mut places: FxHashMap<PartitionIndex, u32> = wanted.clone().collect();
        if places.is_empty() {
            return false;
        }
        self.version = version;
        self.partitions.retain_mut(|asked| {
            let place = places.remove(&asked.partition);
            asked.place = place.unwrap_or(asked.place);
            place.is_some()
        });
        let new = wanted.filter(|(partition, _)| places.contains_key(partition));
        self.partitions.extend(new.map(|(partition, place)| Asked { partition, place, from: 0, answered: false }));
        true
    }

    /// A Fetch from the present positions goes out.
    fn send(&mut self, assigned: &[AssignedPartition], now: SimTime) {
        for asked in &mut self.partitions {
            asked.from = assigned[asked.place as usize].position;
        }
        self.sent = Some(now);
        self.ready = SimTime::ZERO;
        self.nothing_before = SimTime::ZERO;
    }

    /// When there is enough for an answer: now, or at an arrival that may make it enough.
    #[inline]
    fn first_answer(&mut self, around: &mut Surroundings<'_>) -> SimTime {
        if around.now < self.nothing_before { self.nothing_before } else { self.look_for_answer(around) }
    }

    fn look_for_answer(&mut self, around: &mut Surroundings<'_>) -> SimTime {
        let mut next = SimTime::MAX;
        let mut bytes = 0;
        for asked in &self.partitions {
            let (end, arrival) = around.workload.end_and_next(asked.partition, around.now);
            let there = end - asked.from;
            if there > 0 {
                bytes += around.bytes(asked, there);
                if bytes >= u64::from(around.config.fetch_min_bytes) {
                    return around.now;
                }
            }
            next = next.min(arrival);
        }
        if bytes == 0 {
            self.nothing_before = next;
        }
        match self.sent {
            Some(sent) if bytes > 0 => next.min((sent + max_wait(around.config)).max(around.now)),
            _ => next,
        }
    }

    /// The broker's answer: what is there of each partition, as far as the limits of a Fetch allow.
    fn answer(
        &mut self,
        around: &mut Surroundings<'_>,
        since: impl Fn(PartitionIndex) -> Option<u64>,
        buffer: &mut VecDeque<Fetched>,
    ) -> bool {
        let mut room = u64::from(around.config.fetch_max_bytes);
        let mut first = true;
        for asked in &mut self.partitions {
            let there = around.workload.end_and_next(asked.partition, around.now).0 - asked.from;
            let record = u64::from(around.record_bytes[asked.partition.0 as usize]).max(1);
            let limit = room.min(u64::from(around.config.max_partition_fetch_bytes)) / record;
            // The first batch comes whatever its size.
            let count = there.min((limit as i64).max(i64::from(first)));
            asked.answered = count > 0;
            if asked.answered {
                first = false;
                room = room.saturating_sub(count as u64 * record);
                let (partition, from) = (asked.partition, asked.from);
                if let Some(since) = since(partition) {
                    buffer.push_back(Fetched { partition, broker: self.broker, since, from, to: from + count });
                }
            }
        }
        if first {
            return false;
        }
        self.sent = None;
        self.partitions.sort_by_key(|asked| asked.answered);
        true
    }
}

impl PartitionList {
    /// The partition of what was fetched, if records can still be returned from there.
    fn owned<'a>(&self, fetched: &Fetched, assigned: &'a [AssignedPartition]) -> Option<&'a AssignedPartition> {
        let owned = &assigned[*self.place_of.get(&fetched.partition)? as usize];
        let fits = owned.fetchable_since == fetched.since && owned.position == fetched.from;
        (owned.fetchable && fits).then_some(owned)
    }

    fn is_owned(&self, fetched: &Fetched, assigned: &[AssignedPartition]) -> bool {
        self.owned(fetched, assigned).is_some()
    }

    /// Works out which partitions to fetch, in the order of the `HashSet` that `AbstractFetch.fetchablePartitions` makes:
    /// all that are fetchable, but for those of which there is something in `unless_in`.
    fn order_wanted(&mut self, assigned: &[AssignedPartition], unless_in: Option<&VecDeque<Fetched>>) {
        if self.wanted_of == self.version && unless_in.is_none() {
            return;
        }
        let is_left_out = |partition| unless_in.is_some_and(|buffer| buffer.iter().any(|it| it.partition == partition));
        let fetchable = self.partitions.iter().zip(assigned).zip(0..).filter_map(|((partition, owned), place)| {
            let partition = partition.filter(|partition| !is_left_out(*partition))?;
            owned.fetchable.then_some((&owned.partition, (partition, place)))
        });
        let fetchable: Vec<_> = fetchable.collect();
        let mut set = JavaHashMap::for_set_of(fetchable.len());
        set.extend(fetchable);
        self.wanted = set.values().copied().collect();
        self.wanted_of = self.version;
    }
}

impl Fetcher {
    /// The first Fetches of all were sent just now.
    #[inline]
    fn has_begun(&mut self) -> bool {
        let begins = !self.begun && self.sessions.iter().any(|session| session.sent.is_some());
        self.begun |= begins;
        begins
    }

    /// `sendFetches`: a Fetch to each broker that may get one now.
    fn send(&mut self, assigned: &[AssignedPartition], now: SimTime, consumer: &Consumer, brokers: &Brokers) {
        let wait = max_wait(&consumer.config);
        let per_partition = consumer.behaviour.prefetch == Prefetch::PerPartition;
        let Fetcher { list, sessions, buffer, .. } = self;
        for session in sessions {
            let broker = session.broker;
            if !session.wait_is_over(wait, now)
                || !per_partition
                    && buffer.iter().any(|fetched| fetched.broker == broker && list.is_owned(fetched, assigned))
            {
                continue;
            }
            if per_partition || session.version != list.version {
                list.order_wanted(assigned, per_partition.then_some(&*buffer));
                let wanted = list.wanted.iter().filter(|(partition, _)| brokers.serves(*partition) == Some(broker));
                if !session.make_up(list.version, wanted.copied()) {
                    session.sent = None;
                    continue;
                }
            }
            session.send(assigned, now);
        }
    }

    /// `collectFetch`: the next records of the buffer, at most so many. What was fetched for partitions that are not
    /// fetchable any more, or from other positions, is dropped.
    fn collect(&mut self, assigned: &[AssignedPartition], max: u32, batches: &mut Vec<RecordBatch>) {
        let mut left = i64::from(max);
        while left > 0
            && let Some(mut fetched) = self.buffer.pop_front()
        {
            let Some(owned) = self.list.owned(&fetched, assigned) else { continue };
            let count = (fetched.to - fetched.from).min(left);
            batches.push(RecordBatch { partition: owned.partition.clone(), from: fetched.from, count: count as u32 });
            fetched.from += count;
            left -= count;
            if fetched.from < fetched.to {
                self.buffer.push_front(fetched);
            }
        }
    }

    /// There are records to return, once what is of no use is dropped.
    fn has_records(&mut self, assigned: &[AssignedPartition]) -> bool {
        while self.buffer.front().is_some_and(|fetched| !self.list.is_owned(fetched, assigned)) {
            self.buffer.pop_front();
        }
        !self.buffer.is_empty()
    }
}

impl Simulation<'_> {
    /// `poll` waits for records.
    pub(super) fn await_records(&mut self, consumer: u32) {
        self.note_waiting(consumer);
        if let Some(process) = self.process(consumer) {
            process.awaits_records = true;
        }
        self.fetch(consumer);
    }

    /// `poll` waits no more. A Fetch that is under way goes on.
    pub(super) fn stop_awaiting(&mut self, consumer: u32) {
        self.note_waiting(consumer);
        if let Some(process) = self.process(consumer) {
            process.awaits_records = false;
        }
        self.plan_records(consumer);
    }

    /// `poll` has waited until now: each Fetch that was answered without records was followed by another.
    pub(super) fn note_waiting(&mut self, consumer: u32) {
        let wait = max_wait(&self.consumers[consumer as usize].config);
        let host = &mut self.hosts[consumer as usize];
        if let Some(process) = host.process.as_mut().filter(|process| process.awaits_records && host.paused.is_none()) {
            process.fetcher.sessions.iter_mut().for_each(|session| session.go_on_waiting(wait, self.now));
        }
    }

    /// Sends the Fetches that a waiting poll sends, and plans when it gets records.
    pub(super) fn fetch(&mut self, consumer: u32) {
        self.note_assignment(consumer);
        let host = &mut self.hosts[consumer as usize];
        let Some(process) = host.process.as_mut().filter(|process| process.awaits_records && host.paused.is_none())
        else {
            return;
        };
        if !process.fetcher.has_records(process.client.assigned()) {
            self.send_fetches(consumer);
        }
        self.plan_records(consumer);
    }

    /// Takes the client's list of partitions over if it has changed.
    #[inline]
    fn note_assignment(&mut self, consumer: u32) {
        let process = self.hosts[consumer as usize].process.as_ref();
        if process.is_some_and(|process| process.fetcher.list.version != Some(process.client.fetch_version())) {
            self.assignment_changed(consumer);
        }
    }

    #[inline(never)]
    fn assignment_changed(&mut self, consumer: u32) {
        let Some(process) = self.hosts[consumer as usize].process.as_mut() else { return };
        let (client, fetcher) = (&process.client, &mut process.fetcher);
        let list = &mut fetcher.list;
        list.version = Some(client.fetch_version());
        list.wanted_of = None;
        let indices = client.assigned().iter().map(|owned| {
            let topic = self.topic_index.get(&owned.partition.topic)?;
            self.topics[*topic as usize].partitions.get(owned.partition.partition as usize).copied()
        });
        list.partitions = indices.collect();
        let places = list.partitions.iter().zip(0..);
        list.place_of = places.filter_map(|(index, place)| Some(((*index)?, place))).collect();
        for partition in list.partitions.iter().flatten() {
            if let Some(broker) = self.brokers.serves(*partition)
                && fetcher.sessions.iter().all(|session| session.broker != broker)
            {
                fetcher.sessions.push(FetchSession {
                    broker,
                    version: None,
                    partitions: Vec::new(),
                    sent: None,
                    ready: SimTime::ZERO,
                    nothing_before: SimTime::ZERO,
                });
            }
        }
    }

    #[inline]
    fn send_fetches(&mut self, consumer: u32) {
        self.note_assignment(consumer);
        let entry = self.consumers[consumer as usize];
        let Some(process) = self.hosts[consumer as usize].process.as_mut() else { return };
        process.fetcher.send(process.client.assigned(), self.now, entry, &self.brokers);
        if process.fetcher.has_begun() {
            let first = self.first_use(consumer, FirstUse::Fetch);
            let host = &mut self.hosts[consumer as usize];
            if let Some(process) = host.process.as_mut().filter(|_| first > SimDuration::ZERO) {
                process.fetcher.sessions.iter_mut().for_each(|session| session.ready = self.now + first);
            }
        }
    }

    /// Works out when a waiting poll finds something in the buffer, or the next Fetch under way is answered.
    pub(super) fn plan_records(&mut self, consumer: u32) {
        let entry = self.consumers[consumer as usize];
        let host = &mut self.hosts[consumer as usize];
        let timer = self.timers[consumer as usize].records;
        let Some(process) = host.process.as_mut() else { return };
        let waits = process.awaits_records && host.paused.is_none();
        let (client, fetcher) = (&process.client, &mut process.fetcher);
        let is_current = fetcher.list.version == Some(client.fetch_version());
        if waits && is_current && fetcher.has_records(client.assigned()) {
            return self.queue.set(timer, self.now);
        }
        let mut around = Surroundings {
            now: self.now,
            workload: &mut self.workload,
            record_bytes: &self.partition_bytes,
            config: &entry.config,
        };
        let wait = max_wait(&entry.config);
        let mut wake = SimTime::MAX;
        for session in &mut fetcher.sessions {
            let Some(sent) = session.sent else { continue };
            if self.network.data_blocked(consumer, session.broker) {
                continue;
            }
            let answer = session.first_answer(&mut around);
            if answer <= self.now {
                let at_once = entry.behaviour.prefetch == Prefetch::Continuous;
                if session.ready == SimTime::ZERO && !at_once {
                    let random = &mut host.random.fetch;
                    session.ready = self.now + self.latency.sample(random) + self.latency.sample(random);
                }
                wake = wake.min(session.ready.max(self.now));
            } else if answer != SimTime::MAX && (waits || answer <= sent + wait) {
                wake = wake.min(answer + self.latency.sample(&mut host.random.fetch));
            }
            // New partitions come into the next Fetch, at the latest when this one was parked long enough.
            if waits && session.version != fetcher.list.version {
                wake = wake.min(sent + wait);
            }
        }
        match wake {
            SimTime::MAX => self.queue.cancel(timer),
            _ => self.queue.set(timer, wake),
        }
    }

    /// When the Fetch that is parked on this connection returns: with the records that come first, or without any.
    pub(super) fn fetch_returns(&mut self, consumer: u32, connection: Connection, parked_until: SimTime) -> SimTime {
        let (Connection::Bootstrap(broker) | Connection::Data(broker) | Connection::Coordinator(broker)) = connection;
        let entry = self.consumers[consumer as usize];
        let wait = max_wait(&entry.config);
        // Behind several Fetches nobody knows yet which records they find.
        if parked_until <= self.now || parked_until.since(self.now) > wait + EXCHANGE {
            return parked_until;
        }
        let Some(process) = self.hosts[consumer as usize].process.as_mut() else { return parked_until };
        let mut sessions = process.fetcher.sessions.iter_mut();
        let Some(session) = sessions.find(|session| session.broker == broker && session.sent.is_some()) else {
            return parked_until;
        };
        let mut around = Surroundings {
            now: self.now,
            workload: &mut self.workload,
            record_bytes: &self.partition_bytes,
            config: &entry.config,
        };
        parked_until.min(session.first_answer(&mut around).max(self.now))
    }

    /// Links or leaders changed: Fetches to brokers that are down have failed, everybody who waits fetches anew.
    pub(super) fn replan_all_records(&mut self) {
        for consumer in 0..self.hosts.len() as u32 {
            let Some(process) = self.hosts[consumer as usize].process.as_mut() else { continue };
            process.fetcher.list.version = None;
            for session in &mut process.fetcher.sessions {
                session.version = None;
                if !self.brokers.is_up(session.broker) {
                    session.sent = None;
                }
            }
            if process.awaits_records {
                self.fetch(consumer);
            } else {
                self.plan_records(consumer);
            }
        }
    }

    /// A Fetch is answered, or the buffer has what a waiting poll asks for.
    pub(super) fn records_arrived(&mut self, consumer: u32) {
        self.note_assignment(consumer);
        let entry = self.consumers[consumer as usize];
        let host = &mut self.hosts[consumer as usize];
        let Some(process) = host.process.as_mut() else { return };
        let waits = process.awaits_records && host.paused.is_none();
        let (assigned, fetcher) = (process.client.assigned(), &mut process.fetcher);
        let mut around = Surroundings {
            now: self.now,
            workload: &mut self.workload,
            record_bytes: &self.partition_bytes,
            config: &entry.config,
        };
        let wait = max_wait(&entry.config);
        for session in &mut fetcher.sessions {
            if waits {
                session.go_on_waiting(wait, self.now);
            }
            if session.sent.is_none() || session.ready > self.now || self.network.data_blocked(consumer, session.broker)
            {
                continue;
            }
            let is_due = session.wait_is_over(wait, self.now) || session.first_answer(&mut around) <= self.now;
            let place_of = &fetcher.list.place_of;
            let since = |partition| {
                let owned = place_of.get(&partition).map(|place| &assigned[*place as usize]);
                owned.filter(|owned| owned.fetchable).map(|owned| owned.fetchable_since)
            };
            if is_due
                && !session.answer(&mut around, since, &mut fetcher.buffer)
                && session.wait_is_over(wait, self.now)
            {
                session.sent = None;
            }
        }
        if !waits {
            return self.plan_records(consumer);
        }
        fetcher.collect(assigned, entry.config.max_poll_records, &mut self.batches);
        if self.batches.is_empty() {
            return self.fetch(consumer);
        }
        process.awaits_records = false;
        let incarnation = host.incarnation;
        let batches = self.share_batches();
        self.client_input(consumer, Input::Records(batches));
        if entry.behaviour.prefetch != Prefetch::None && self.hosts[consumer as usize].incarnation == incarnation {
            self.send_fetches(consumer);
        }
        self.plan_records(consumer);
    }
}
