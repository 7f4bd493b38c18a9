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
//! (`FetchSession`, `IncrementalFetchContext`). Fetches have no packets of their own: the two ways of each are drawn from
//! the network's latency when it is sent, and blocked links hold it up.

use std::collections::VecDeque;
use std::num::NonZeroU64;

use crate::client::{AssignedPartition, Connection, Input, Prefetch};
use crate::engine::{RandomStream, Sampler, SimDuration, SimTime};
use crate::protocol::BrokerId;
use crate::protocol::config::ConsumerConfig;
use crate::protocol::java_hash::JavaHashMap;
use crate::scenario::checked::Consumer;
use crate::trace::PartitionIndex;

use super::brokers::Brokers;
use super::host::FirstUse;
use super::simulation::Simulation;
use super::taken::TakenRecords;
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
    version: Option<NonZeroU64>,
    /// Indices into the run's partitions, parallel to the client's list; `None` for a partition that does not exist.
    partitions: Vec<Option<PartitionIndex>>,
    /// The place of each, by partition.
    place_of: Vec<(PartitionIndex, u32)>,
    /// Those to fetch with their places, as [`PartitionList::order_wanted`] has worked them out for that version.
    wanted: Vec<(PartitionIndex, u32)>,
    wanted_of: Option<NonZeroU64>,
}

/// What is fetched from one broker.
struct FetchSession {
    broker: BrokerId,
    /// It was made up of that version of the client's list.
    version: Option<NonZeroU64>,
    /// Those whose answer is due first stand first.
    partitions: Vec<Asked>,
    /// They are others than when it was last sent.
    made_up: bool,
    /// Partitions of which something was buffered are not among them.
    leaves_out: bool,
    /// Until when the broker parks the Fetch under way, or the one after it that followed an answer without records;
    /// [`SimTime::MAX`] if none is under way.
    parked_until: SimTime,
    /// It is at the broker from then on.
    at_broker: SimTime,
    /// How long its answer is on its way.
    way_back: SimDuration,
    /// When there is enough for an answer with records, as far as is known; [`SimTime::MAX`] if never.
    enough_at: SimTime,
    /// When that answer arrives; [`SimTime::MAX`] if no Fetch is under way.
    arrives: SimTime,
}

struct Asked {
    partition: PartitionIndex,
    place: u32,
    from: i64,
    answered: bool,
}

struct Fetched {
    partition: PartitionIndex,
    /// Its place in the client's list of that version.
    place: u32,
    version: Option<NonZeroU64>,
    broker: BrokerId,
    /// [`AssignedPartition::fetchable_since`] when it came.
    since: u64,
    from: i64,
    to: i64,
}

/// What Fetches and their answers depend on.
struct Surroundings<'a> {
    now: SimTime,
    workload: &'a mut Workload,
    /// Bytes per record of each partition.
    record_bytes: &'a [u32],
    consumer: &'a Consumer,
    /// One way over the network.
    latency: &'a Sampler,
    random: &'a mut RandomStream,
}

impl Surroundings<'_> {
    fn bytes(&self, asked: &Asked, records: i64) -> u64 {
        records as u64 * u64::from(self.record_bytes[asked.partition.0 as usize])
    }

    fn way(&mut self) -> SimDuration {
        self.latency.sample(self.random)
    }

    fn max_wait(&self) -> SimDuration {
        max_wait(&self.consumer.config)
    }
}

/// A Fetch and its answer take no longer than this beyond the wait.
const EXCHANGE: SimDuration = SimDuration::from_millis(5);

/// How long a broker parks a Fetch that finds nothing.
fn max_wait(config: &ConsumerConfig) -> SimDuration {
    SimDuration::from_millis(config.fetch_max_wait_ms.max(1) as u64)
}

impl FetchSession {
    fn new(broker: BrokerId) -> Self {
        FetchSession {
            broker,
            version: None,
            partitions: Vec::new(),
            made_up: false,
            leaves_out: false,
            parked_until: SimTime::MAX,
            at_broker: SimTime::ZERO,
            way_back: SimDuration::ZERO,
            enough_at: SimTime::MAX,
            arrives: SimTime::MAX,
        }
    }

    #[inline]
    fn is_under_way(&self) -> bool {
        self.parked_until != SimTime::MAX
    }

    /// No Fetch is under way any more.
    #[inline]
    fn end(&mut self) {
        (self.parked_until, self.arrives) = (SimTime::MAX, SimTime::MAX);
    }

    /// The Fetch was answered without records.
    #[inline]
    fn came_back_empty(&self, now: SimTime) -> bool {
        self.parked_until <= now && self.enough_at > self.parked_until
    }

    /// A poll that waits sends a Fetch again as soon as one was answered without records. One whose wait ends at this
    /// instant is still to be answered.
    #[inline]
    fn go_on_waiting(&mut self, wait: SimDuration, now: SimTime) {
        if self.parked_until < now {
            self.parked_until += SimDuration(((now.0 - self.parked_until.0 - 1) / wait.0 + 1) * wait.0);
        }
    }

    /// Makes up the list of partitions anew from those that are wanted, with their places: those that stay keep their
    /// order, new ones come behind. False if none is wanted.
    fn make_up(&mut self, version: Option<NonZeroU64>, wanted: impl Iterator<Item = (PartitionIndex, u32)>) -> bool {
        let wanted: Vec<(PartitionIndex, u32)> = wanted.collect();
        if wanted.is_empty() {
            return false;
        }
        self.version = version;
        self.made_up = true;
        let mut places: Vec<_> = wanted.iter().map(|(partition, place)| (*partition, Some(*place))).collect();
        places.sort_unstable();
        let find =
            |places: &[(PartitionIndex, _)], wanted| places.binary_search_by_key(&wanted, |(partition, _)| *partition);
        self.partitions.retain_mut(|asked| {
            let place = find(&places, asked.partition).ok().and_then(|at| places[at].1.take());
            asked.place = place.unwrap_or(asked.place);
            place.is_some()
        });
        let new =
            wanted.iter().filter(|(partition, _)| find(&places, *partition).is_ok_and(|at| places[at].1.is_some()));
        let asked = |(partition, place): &_| Asked { partition: *partition, place: *place, from: 0, answered: false };
        self.partitions.extend(new.map(asked));
        true
    }

    /// A Fetch from the present positions goes out.
    fn send(&mut self, assigned: &[AssignedPartition], around: &mut Surroundings<'_>) {
        // The positions of others have not moved. Those that were answered stand last.
        let all = std::mem::take(&mut self.made_up);
        for asked in self.partitions.iter_mut().rev().take_while(|asked| all || asked.answered) {
            asked.from = assigned[asked.place as usize].position;
        }
        self.parked_until = around.now + around.max_wait();
        self.at_broker = around.now + around.way();
        self.way_back = around.way();
        self.plan_answer(around);
        if around.consumer.behaviour.prefetch == Prefetch::Continuous && self.enough_at <= around.now {
            self.arrives = around.now;
        }
    }

    /// It reaches the broker so much later.
    fn hold_up(&mut self, by: SimDuration) {
        if self.is_under_way() {
            self.at_broker += by;
            self.plan_arrival();
        }
    }

    /// Works out when the answer arrives.
    #[inline(always)]
    fn plan_answer(&mut self, around: &mut Surroundings<'_>) {
        self.enough_at = self.look_for_answer(around);
        self.plan_arrival();
    }

    fn plan_arrival(&mut self) {
        let answered = self.enough_at.max(self.at_broker);
        self.arrives = if self.enough_at == SimTime::MAX { SimTime::MAX } else { answered + self.way_back };
    }

    /// When there is enough for an answer: now, or at an arrival that may make it enough.
    #[inline(always)]
    fn look_for_answer(&self, around: &mut Surroundings<'_>) -> SimTime {
        let mut next = SimTime::MAX;
        let mut bytes = 0;
        for asked in &self.partitions {
            let (end, arrival) = around.workload.end_and_next(asked.partition, around.now);
            let there = end - asked.from;
            if there > 0 {
                bytes += around.bytes(asked, there);
                if bytes >= u64::from(around.consumer.config.fetch_min_bytes) {
                    return around.now;
                }
            }
            next = next.min(arrival);
        }
        if bytes > 0 { next.min(self.parked_until.max(around.now)) } else { next }
    }

    /// There is less than `fetch.min.bytes`.
    #[inline(never)]
    fn lacks_bytes(&self, around: &mut Surroundings<'_>) -> bool {
        self.look_for_answer(around) > around.now
    }

    /// The broker's answer: what is there of each partition, as far as the limits of a Fetch allow. As much of it as `poll`
    /// may still return is taken at once, the rest goes into the buffer. False if there is not enough for an answer.
    fn answer(
        &mut self,
        around: &mut Surroundings<'_>,
        list: &PartitionList,
        assigned: &[AssignedPartition],
        buffer: &mut VecDeque<Fetched>,
        taken: &mut TakenRecords,
    ) -> bool {
        let config = &around.consumer.config;
        if config.fetch_min_bytes > 1 && self.lacks_bytes(around) {
            return false;
        }
        let mut room = u64::from(config.fetch_max_bytes);
        let mut first = true;
        let mut in_order = true;
        for asked in &mut self.partitions {
            let there = around.workload.end_and_next(asked.partition, around.now).0 - asked.from;
            asked.answered = false;
            if there <= 0 {
                in_order &= first;
                continue;
            }
            let record = u64::from(around.record_bytes[asked.partition.0 as usize]).max(1);
            let limit = room.min(u64::from(config.max_partition_fetch_bytes));
            let mut count = there;
            if there as u64 * record > limit {
                // The first batch comes whatever its size.
                count = there.min(((limit / record) as i64).max(i64::from(first)));
                if count == 0 {
                    in_order = false;
                    continue;
                }
            }
            asked.answered = true;
            first = false;
            room = room.saturating_sub(count as u64 * record);
            let (partition, mut from, version) = (asked.partition, asked.from, list.version);
            let to = from + count;
            if let Some(place) = list.place(partition, asked.place, self.version)
                && assigned[place as usize].fetchable
            {
                let owned = &assigned[place as usize];
                if owned.position == from {
                    from += taken.take(place, from, count);
                }
                if from < to {
                    let (broker, since) = (self.broker, owned.fetchable_since);
                    buffer.push_back(Fetched { partition, place, version, broker, since, from, to });
                }
            }
        }
        if first {
            return false;
        }
        self.end();
        if !in_order {
            self.put_answered_last();
        }
        true
    }

    /// Those that had records go to the end of the session: as a rule a single one.
    fn put_answered_last(&mut self) {
        let is_answered = |asked: &Asked| asked.answered;
        match self.partitions.iter().position(is_answered) {
            Some(first) if !self.partitions[first + 1..].iter().any(is_answered) => {
                self.partitions[first..].rotate_left(1);
            }
            _ => self.partitions.sort_by_key(is_answered),
        }
    }
}

impl PartitionList {
    /// The partition's place in this list, where it had that one in the list of some version.
    #[inline]
    fn place(&self, partition: PartitionIndex, place: u32, version: Option<NonZeroU64>) -> Option<u32> {
        if version == self.version {
            return Some(place);
        }
        let found = self.place_of.binary_search_by_key(&partition, |(partition, _)| *partition);
        found.ok().map(|at| self.place_of[at].1)
    }

    /// The place of the partition of what was fetched, if records can still be returned from there.
    #[inline]
    fn place_owned(&self, fetched: &Fetched, assigned: &[AssignedPartition]) -> Option<u32> {
        let place = self.place(fetched.partition, fetched.place, fetched.version)?;
        let owned = &assigned[place as usize];
        let fits = owned.fetchable_since == fetched.since && owned.position == fetched.from;
        (owned.fetchable && fits).then_some(place)
    }

    fn is_owned(&self, fetched: &Fetched, assigned: &[AssignedPartition]) -> bool {
        self.place_owned(fetched, assigned).is_some()
    }

    /// Works out which partitions to fetch, in the order of the `HashSet` that `AbstractFetch.fetchablePartitions` makes:
    /// all that are fetchable, but for those of which there is something in `unless_in`.
    fn order_wanted(&mut self, assigned: &[AssignedPartition], unless_in: Option<&VecDeque<Fetched>>) {
        if self.wanted_of == self.version && unless_in.is_none() {
            return;
        }
        let is_left_out = |partition| unless_in.is_some_and(|buffer| buffer.iter().any(|it| it.partition == partition));
        let wanted = self.partitions.iter().zip(assigned).zip(0..).filter_map(|((partition, owned), place)| {
            let partition = partition.filter(|partition| !is_left_out(*partition))?;
            owned.fetchable.then_some((&owned.partition, (partition, place)))
        });
        let mut fetchable = Vec::with_capacity(assigned.len());
        fetchable.extend(wanted);
        let mut set = JavaHashMap::for_set_of(fetchable.len());
        set.extend(fetchable);
        self.wanted.clear();
        self.wanted.extend(set.values().copied());
        self.wanted_of = self.version.filter(|_| unless_in.is_none());
    }
}

impl Fetcher {
    /// The first Fetches of all were sent just now.
    #[inline]
    fn has_begun(&mut self) -> bool {
        let begins = !self.begun && self.sessions.iter().any(FetchSession::is_under_way);
        self.begun |= begins;
        begins
    }

    /// `sendFetches`: a Fetch to each broker that may get one now.
    fn send(&mut self, assigned: &[AssignedPartition], brokers: &Brokers, around: &mut Surroundings<'_>) {
        let per_partition = around.consumer.behaviour.prefetch == Prefetch::PerPartition;
        let Fetcher { list, sessions, buffer, .. } = self;
        for session in sessions {
            if session.is_under_way() && !session.came_back_empty(around.now) {
                continue;
            }
            let broker = session.broker;
            let is_buffered = |fetched: &Fetched| fetched.broker == broker && list.is_owned(fetched, assigned);
            if !per_partition && !buffer.is_empty() && buffer.iter().any(is_buffered) {
                continue;
            }
            let leaves_out = per_partition && !buffer.is_empty();
            if leaves_out || session.leaves_out || session.version != list.version {
                list.order_wanted(assigned, leaves_out.then_some(&*buffer));
                session.leaves_out = leaves_out;
                let wanted = list.wanted.iter().filter(|(partition, _)| brokers.serves(*partition) == Some(broker));
                if !session.make_up(list.version, wanted.copied()) {
                    session.end();
                    continue;
                }
            }
            session.send(assigned, around);
        }
    }

    /// `collectFetch`: the next records of the buffer. What was fetched for partitions that are not fetchable any more, or
    /// from other positions, is dropped.
    fn collect(&mut self, assigned: &[AssignedPartition], taken: &mut TakenRecords) {
        while taken.has_room()
            && let Some(mut fetched) = self.buffer.pop_front()
        {
            let Some(place) = self.list.place_owned(&fetched, assigned) else { continue };
            fetched.from += taken.take(place, fetched.from, fetched.to - fetched.from);
            if fetched.from < fetched.to {
                self.buffer.push_front(fetched);
            }
        }
    }

    /// Every broker has a Fetch for the partitions that are wanted now.
    #[inline]
    fn is_under_way(&self, now: SimTime) -> bool {
        let asks = |session: &FetchSession| session.is_under_way() && !session.came_back_empty(now);
        self.sessions.iter().all(|session| session.version == self.list.version && asks(session))
    }

    /// Of every partition something has come that was not asked for yet.
    fn is_full(&self) -> bool {
        let has_come = |partition: &PartitionIndex| self.buffer.iter().any(|fetched| fetched.partition == *partition);
        let mut partitions = self.list.partitions.iter().flatten();
        !self.buffer.is_empty() && partitions.all(has_come)
    }

    /// There are records to return, once what is of no use is dropped.
    #[inline]
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
        if let Some(process) = self.process(consumer)
            && std::mem::replace(&mut process.awaits_records, true)
        {
            self.note_waiting(consumer);
        }
        self.fetch(consumer);
    }

    /// `poll` waits no more. A Fetch that is under way goes on.
    pub(super) fn stop_awaiting(&mut self, consumer: u32) {
        self.note_waiting(consumer);
        if let Some(process) = self.process(consumer) {
            process.awaits_records = false;
        }
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
        let fetcher = &mut process.fetcher;
        if !fetcher.has_records(process.client.assigned()) {
            if fetcher.is_under_way(self.now) {
                return;
            }
            self.send_fetches(consumer);
        }
        self.plan_records(consumer);
    }

    /// Takes the client's list of partitions over if it has changed.
    #[inline]
    fn note_assignment(&mut self, consumer: u32) {
        let process = self.hosts[consumer as usize].process.as_ref();
        if process.is_some_and(|process| process.fetcher.list.version != process.client.fetch_version()) {
            self.assignment_changed(consumer);
        }
    }

    #[inline(never)]
    fn assignment_changed(&mut self, consumer: u32) {
        let Some(process) = self.hosts[consumer as usize].process.as_mut() else { return };
        let (client, fetcher) = (&process.client, &mut process.fetcher);
        let list = &mut fetcher.list;
        list.version = client.fetch_version();
        list.wanted_of = None;
        let indices = client.assigned().iter().map(|owned| {
            let topic = self.topic_index.get(&owned.partition.topic)?;
            self.topics[*topic as usize].partitions.get(owned.partition.partition as usize).copied()
        });
        list.partitions.clear();
        list.partitions.extend(indices);
        let places = list.partitions.iter().zip(0..);
        list.place_of.clear();
        list.place_of.extend(places.filter_map(|(index, place)| Some(((*index)?, place))));
        list.place_of.sort_unstable();
        for partition in list.partitions.iter().flatten() {
            if let Some(broker) = self.brokers.serves(*partition)
                && fetcher.sessions.iter().all(|session| session.broker != broker)
            {
                fetcher.sessions.push(FetchSession::new(broker));
            }
        }
    }

    #[inline]
    fn send_fetches(&mut self, consumer: u32) {
        self.note_assignment(consumer);
        let host = &mut self.hosts[consumer as usize];
        let Some(process) = host.process.as_mut() else { return };
        let mut around = Surroundings {
            now: self.now,
            workload: &mut self.workload,
            record_bytes: &self.partition_bytes,
            consumer: self.consumers[consumer as usize],
            latency: &self.latency,
            random: &mut host.random.fetch,
        };
        process.fetcher.send(process.client.assigned(), &self.brokers, &mut around);
        if process.fetcher.has_begun() {
            let first = self.first_use(consumer, FirstUse::Fetch);
            let host = &mut self.hosts[consumer as usize];
            if let Some(process) = host.process.as_mut().filter(|_| first > SimDuration::ZERO) {
                process.fetcher.sessions.iter_mut().for_each(|session| session.hold_up(first));
            }
        }
    }

    /// Works out when a waiting poll finds something in the buffer, or the next Fetch under way is answered.
    pub(super) fn plan_records(&mut self, consumer: u32) {
        let host = &mut self.hosts[consumer as usize];
        let Some(process) = host.process.as_mut() else { return };
        let waits = process.awaits_records && host.paused.is_none();
        let (client, fetcher) = (&process.client, &mut process.fetcher);
        let is_current = fetcher.list.version == client.fetch_version();
        if waits && is_current && fetcher.has_records(client.assigned()) {
            return self.queue.set(self.timers[consumer as usize].records, self.now);
        }
        let mut wake = SimTime::MAX;
        for session in &fetcher.sessions {
            if self.network.data_blocked(consumer, session.broker) {
                continue;
            }
            wake = wake.min(session.arrives);
            // New partitions come into the next Fetch, at the latest when this one was parked long enough.
            if waits && session.version != fetcher.list.version && session.enough_at > session.parked_until {
                wake = wake.min(session.parked_until);
            }
        }
        self.queue.set(self.timers[consumer as usize].records, wake);
    }

    /// When the Fetch that is parked on this connection returns: with the records that come first, or without any.
    pub(super) fn fetch_returns(&mut self, consumer: u32, connection: Connection, parked_until: SimTime) -> SimTime {
        let (Connection::Bootstrap(broker) | Connection::Data(broker) | Connection::Coordinator(broker)) = connection;
        let wait = max_wait(&self.consumers[consumer as usize].config);
        // Behind several Fetches nobody knows yet which records they find.
        if parked_until <= self.now || parked_until.since(self.now) > wait + EXCHANGE {
            return parked_until;
        }
        let Some(process) = &self.hosts[consumer as usize].process else { return parked_until };
        let per_partition = self.consumers[consumer as usize].behaviour.prefetch == Prefetch::PerPartition;
        let mut sessions = process.fetcher.sessions.iter();
        match sessions.find(|session| session.broker == broker && session.is_under_way()) {
            Some(session) => parked_until.min(session.enough_at.max(self.now)),
            // Nothing is fetched while something of every partition waits to be taken (aiokafka, `stall-20000`).
            None if per_partition && process.fetcher.is_full() => self.now,
            None => parked_until,
        }
    }

    /// Links or leaders changed: Fetches to brokers that are down have failed, everybody who waits fetches anew.
    pub(super) fn replan_all_records(&mut self) {
        for consumer in 0..self.hosts.len() as u32 {
            let Some(process) = self.hosts[consumer as usize].process.as_mut() else { continue };
            process.fetcher.list.version = None;
            for session in &mut process.fetcher.sessions {
                session.version = None;
                if !self.brokers.is_up(session.broker) {
                    session.end();
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
        // What was buffered before comes first.
        self.taken.allow(if waits { entry.config.max_poll_records } else { 0 });
        process.fetcher.collect(process.client.assigned(), &mut self.taken);
        let (assigned, Fetcher { list, sessions, buffer, .. }) = (process.client.assigned(), &mut process.fetcher);
        let mut around = Surroundings {
            now: self.now,
            workload: &mut self.workload,
            record_bytes: &self.partition_bytes,
            consumer: entry,
            latency: &self.latency,
            random: &mut host.random.fetch,
        };
        let wait = around.max_wait();
        for session in sessions {
            if waits {
                session.go_on_waiting(wait, self.now);
            }
            if session.came_back_empty(self.now) {
                session.end();
            }
            if session.arrives > self.now || self.network.data_blocked(consumer, session.broker) {
                continue;
            }
            if !session.answer(&mut around, list, assigned, buffer, &mut self.taken) {
                session.plan_answer(&mut around);
            }
        }
        if !waits {
            return self.plan_records(consumer);
        }
        if self.taken.is_empty() {
            self.fetch(consumer);
            return self.plan_records(consumer);
        }
        process.awaits_records = false;
        let incarnation = host.incarnation;
        let batches = self.taken.share(assigned);
        self.client_input(consumer, Input::Records(batches));
        if entry.behaviour.prefetch != Prefetch::None && self.hosts[consumer as usize].incarnation == incarnation {
            self.send_fetches(consumer);
        }
        self.plan_records(consumer);
    }
}
