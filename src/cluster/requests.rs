//! Packets, brokers and coordinator shards: carries requests to them and answers back.

use std::collections::{BTreeMap, VecDeque};

use crate::client::Input as ClientInput;
use crate::coordinator::{self, MemberIds, Output as ShardOutput, Records, ReleaseRule, RequestId, Shard, TimerId};
use crate::engine::{Millis, RandomStream, SimDuration, SimTime};
use crate::protocol::message::{Listing, Request, Response, TopicMetadata};
use crate::protocol::{BrokerId, ErrorCode, GroupId, MemberId, TopicName, TopicPartition};
use crate::trace::{Event, PartitionIndex};

use super::brokers::{ShardHost, append_stream, leadership_stream, timer_stream};
use super::log::ReplicatedLog;
use super::network::{ConnectionId, Flight, Packet, Sent, Unread, Way};
use super::simulation::{Simulation, Target};

/// Makes member ids for the consumer whose request is handled: those that are fixed first, then drawn ones.
struct DrawnMemberIds {
    fixed: VecDeque<MemberId>,
    random: RandomStream,
}

impl MemberIds for DrawnMemberIds {
    fn new_member_id(&mut self, prefix: &str) -> MemberId {
        if let Some(fixed) = self.fixed.pop_front() {
            return fixed;
        }
        let (high, low) = (self.random.next_u64(), self.random.next_u64());
        // A version 4 UUID, as `Uuid.randomUuid` makes them.
        MemberId::from(format!(
            "{prefix}-{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0x0fff,
            (low >> 48) & 0x3fff | 0x8000,
            low & 0xffff_ffff_ffff
        ))
    }
}

/// Inputs without a request make no member ids.
struct NoMemberIds;

impl MemberIds for NoMemberIds {
    fn new_member_id(&mut self, _prefix: &str) -> MemberId {
        unreachable!("only a JoinGroup makes member ids")
    }
}

/// The broker that does what a shard wants done.
struct ShardWorld<'s, 'a> {
    simulation: &'s mut Simulation<'a>,
    shard: u32,
    leader: BrokerId,
}

impl coordinator::Outputs for ShardWorld<'_, '_> {
    fn push(&mut self, output: ShardOutput) {
        match output {
            ShardOutput::Respond { id, body } => {
                let (connection, correlation_id) = asked_on(id);
                self.simulation.respond(connection, correlation_id, body);
            }
            ShardOutput::SetTimer { timer, at } => self.simulation.set_shard_timer(self.shard, timer, at),
            ShardOutput::Event(event) => {
                self.simulation.emit(Event::Coordinator { broker: self.leader, event });
            }
            ShardOutput::Append { base_offset, records } => self.simulation.append(self.shard, base_offset, records),
            ShardOutput::CancelTimer(timer) => self.simulation.cancel_shard_timer(self.shard, timer),
            ShardOutput::LoadLog { .. } => self.simulation.load_log(self.shard),
        }
    }
}

impl Simulation<'_> {
    /// Sends a packet at `at` (now, or a little later when the sender needs time first).
    pub(super) fn send_packet(&mut self, at: SimTime, connection: ConnectionId, way: Way, packet: Packet) {
        match self.network.send(at, connection, way, packet) {
            Sent::Arrives(arrival, flight) => self.queue.schedule(arrival, Target::Packet(flight)),
            Sent::RetryAt(retry) => self.queue.schedule(retry, Target::Retransmit(connection, way)),
            Sent::Held => {}
        }
    }

    pub(super) fn retransmit(&mut self, connection: ConnectionId, way: Way) {
        match self.network.retry(self.now, connection, way) {
            Ok((arrival, flights)) => {
                for flight in flights {
                    self.queue.schedule(arrival, Target::Packet(flight));
                }
            }
            Err(next) => self.queue.schedule(next, Target::Retransmit(connection, way)),
        }
    }

    pub(super) fn packet_arrives(&mut self, flight: u32) {
        let Flight { connection, way, packet } = self.network.take(flight);
        match way {
            Way::ToBroker => self.packet_at_broker(connection, packet),
            Way::FromBroker => self.packet_at_client(connection, packet),
        }
    }

    fn packet_at_client(&mut self, id: ConnectionId, packet: Packet) {
        let Some(link) = self.network.link(id) else { return };
        let (consumer, incarnation, kind, open) = (link.consumer, link.incarnation, link.kind, link.client_open);
        if !open || self.hosts[consumer as usize].incarnation != incarnation {
            return;
        }
        match packet {
            Packet::Established { versions_known: true } => self.client_input(consumer, ClientInput::Connected(kind)),
            Packet::Established { versions_known: false } => {
                self.send_packet(self.now, id, Way::ToBroker, Packet::Syn { versions: true });
            }
            Packet::Response { correlation_id, response } => {
                self.client_input(consumer, ClientInput::Response { connection: kind, correlation_id, body: response });
            }
            Packet::Reset => self.connection_broken(id),
            Packet::Syn { .. } | Packet::Request { .. } | Packet::Fin => {}
        }
    }

    /// The client learns that a connection is gone.
    pub(super) fn connection_broken(&mut self, id: ConnectionId) {
        let Some(link) = self.network.link(id) else { return };
        let was_open = std::mem::replace(&mut link.client_open, false);
        let (consumer, incarnation, kind) = (link.consumer, link.incarnation, link.kind);
        self.network.forget_if_closed(id);
        let host = &mut self.hosts[consumer as usize];
        if !was_open || host.incarnation != incarnation {
            return;
        }
        if let Some(process) = host.process.as_mut() {
            process.connections.retain(|(_, open)| *open != id);
            self.client_input(consumer, ClientInput::Disconnected(kind));
        }
    }

    fn packet_at_broker(&mut self, id: ConnectionId, packet: Packet) {
        let Some(link) = self.network.link(id) else { return };
        let (consumer, broker, kind) = (link.consumer, link.broker, link.kind);
        match packet {
            Packet::Syn { versions } => {
                if !self.brokers.is_up(broker) || self.network.refuses(consumer, broker, kind) {
                    self.send_packet(self.now, id, Way::FromBroker, Packet::Reset);
                } else if let Some(link) = self.network.link(id) {
                    link.broker_open = true;
                    let answer = Packet::Established { versions_known: versions };
                    self.send_packet(self.now, id, Way::FromBroker, answer);
                }
            }
            Packet::Request { correlation_id, version, request, .. } => {
                let unread = Unread { correlation_id, version, request };
                if !link.broker_open {
                    self.send_packet(self.now, id, Way::FromBroker, Packet::Reset);
                } else if link.in_service {
                    link.unread.push_back(unread);
                } else if link.muted_until > self.now {
                    link.unread.push_back(unread);
                    if link.unread.len() == 1 {
                        self.queue.schedule(link.muted_until, Target::ReadNext(id));
                    }
                } else {
                    link.in_service = true;
                    self.serve(id, consumer, broker, unread);
                }
            }
            Packet::Fin => {
                link.fin = true;
                self.close_if_read(id);
            }
            Packet::Established { .. } | Packet::Reset | Packet::Response { .. } => {}
        }
    }

    /// The broker reads the end of a connection only after everything that came before it, and it reads nothing
    /// while a request of the connection is unanswered (`SocketServer` mutes it).
    fn close_if_read(&mut self, id: ConnectionId) {
        let Some(link) = self.network.link(id) else { return };
        if link.fin && !link.in_service && link.unread.is_empty() {
            link.broker_open = false;
            link.client_open = false;
            self.network.forget_if_closed(id);
        }
    }

    /// The broker takes a request off a connection, which is in service from now on.
    fn serve(&mut self, id: ConnectionId, consumer: u32, broker: BrokerId, unread: Unread) {
        let Unread { correlation_id, version, request } = unread;
        match &*request {
            Request::FindCoordinator { .. } => {
                let coordinator = self.coordinator_of(consumer);
                let error = if coordinator.is_some() { ErrorCode::None } else { ErrorCode::CoordinatorNotAvailable };
                self.respond(id, correlation_id, Response::FindCoordinator { error, coordinator });
            }
            Request::Metadata { topics } => {
                let response = self.metadata(topics.as_deref(), broker);
                self.respond(id, correlation_id, response);
            }
            Request::ListOffsets { latest, partitions } => {
                let offsets = partitions.iter().map(|partition| self.list_offset(broker, partition, *latest));
                let offsets = offsets.collect();
                self.respond(id, correlation_id, Response::ListOffsets { offsets });
            }
            Request::OffsetForLeaderEpoch { partitions } => {
                let ends = partitions.iter().map(|partition| self.list_offset(broker, partition, true)).collect();
                self.respond(id, correlation_id, Response::OffsetForLeaderEpoch { ends });
            }
            body => {
                if let Some(refusal) = coordinator::check_request(&self.scenario.cluster.config, body) {
                    return self.respond(id, correlation_id, refusal);
                }
                let shard = self.shard_of(consumer);
                if self.brokers.shards[shard as usize].leader != Some(broker) {
                    let refusal = coordinator::error_response(body, ErrorCode::NotCoordinator);
                    return self.respond(id, correlation_id, refusal);
                }
                let joins = matches!(body, Request::JoinGroup(_));
                let client = self.client_info[consumer as usize].clone();
                let id = request_id(id, correlation_id);
                let input = coordinator::Input::Request { id, version, client, body: request };
                if joins { self.joins(consumer, shard, input) } else { self.shard_input(shard, input) }
            }
        }
    }

    /// A consumer's JoinGroup reaches its shard, which may make a member id.
    fn joins(&mut self, consumer: u32, shard: u32, input: coordinator::Input) {
        let place = consumer as usize;
        let fixed = std::mem::take(&mut self.fixed[place].member_ids);
        let random = self.hosts[place].random.member_id.clone();
        let mut ids = DrawnMemberIds { fixed, random };
        self.shard_handles(shard, input, &mut ids);
        self.fixed[place].member_ids = ids.fixed;
        self.hosts[place].random.member_id = ids.random;
    }

    /// The shard of a consumer's group, which is the one that all its requests are about.
    fn shard_of(&self, consumer: u32) -> u32 {
        self.brokers.shard_of(self.group_of[consumer as usize])
    }

    fn metadata(&self, topics: Option<&[TopicName]>, from: BrokerId) -> Response {
        let brokers = (0..self.scenario.cluster.brokers).map(BrokerId).filter(|broker| self.brokers.may_lead(*broker));
        let all = || self.scenario.cluster.topics.iter().map(|topic| topic.name).collect();
        let names: Vec<TopicName> = topics.map_or_else(all, <[TopicName]>::to_vec);
        let known = names.into_iter().filter_map(|name| {
            let state = &self.topics[*self.topic_index.get(&name)? as usize];
            let leaders = state.partitions.iter().map(|partition| self.brokers.leader_of(*partition)).collect();
            let racked: &[_] = if self.brokers.have_racks() { &state.partitions } else { &[] };
            let racks = racked.iter().map(|partition| self.brokers.racks_of(*partition)).collect();
            state.exists.then_some(TopicMetadata { name, leaders, racks })
        });
        let restarted = self.brokers.brokers[from.0 as usize].restarted;
        let listing = if restarted { Listing::Restarted } else { Listing::Fresh };
        Response::Metadata { brokers: brokers.collect(), topics: known.collect(), listing }
    }

    fn list_offset(&mut self, broker: BrokerId, partition: &TopicPartition, latest: bool) -> Result<i64, ErrorCode> {
        let index = self.partition_index(partition).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        if self.brokers.leader_of(index) != Some(broker) {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        Ok(if latest { self.workload.log_end(index, self.now) } else { 0 })
    }

    /// The broker reads the next request of a connection.
    pub(super) fn read_next(&mut self, id: ConnectionId) {
        let Some(link) = self.network.link(id) else { return };
        let reads = !link.in_service && link.muted_until <= self.now;
        match link.unread.pop_front_if(|_| reads) {
            Some(unread) => {
                link.in_service = true;
                let (consumer, broker) = (link.consumer, link.broker);
                self.serve(id, consumer, broker, unread);
            }
            None => self.close_if_read(id),
        }
    }

    fn coordinator_of(&self, consumer: u32) -> Option<BrokerId> {
        let shard = &self.brokers.shards[self.shard_of(consumer) as usize];
        shard.leader.filter(|leader| self.brokers.may_lead(*leader))
    }

    pub(super) fn partition_index(&self, partition: &TopicPartition) -> Option<PartitionIndex> {
        let topic = &self.topics[*self.topic_index.get(&partition.topic)? as usize];
        topic.partitions.get(partition.partition as usize).copied()
    }

    /// Answers the request that a connection waits for, and reads the next one.
    fn respond(&mut self, id: ConnectionId, correlation_id: u32, response: Response) {
        let Some(link) = self.network.link(id) else { return };
        link.in_service = false;
        let (consumer, nothing_follows) = (link.consumer, link.unread.is_empty() && !link.fin);
        let time = self.request_time.sample(&mut self.hosts[consumer as usize].random.request);
        let packet = Packet::Response { correlation_id, response };
        self.send_packet(self.now + time, id, Way::FromBroker, packet);
        if nothing_follows && !self.network.is_faulty() {
            return;
        }
        let rests = self.network.throttle(id);
        let Some(link) = self.network.link(id) else { return };
        if rests > SimDuration::ZERO {
            link.muted_until = self.now + time + rests;
        }
        if !link.unread.is_empty() {
            // As an event of its own, so that what the answered request still wants done comes first.
            self.queue.schedule(link.muted_until.max(self.now), Target::ReadNext(id));
        } else if link.fin {
            self.close_if_read(id);
        }
    }

    /// Makes the shard of a group's partition if it is the first group there.
    pub(super) fn place_group(&mut self, group: &GroupId) {
        let cluster = &self.scenario.cluster;
        let config = &cluster.config;
        let partition =
            crate::protocol::java_hash::coordinator_partition(group.as_str(), config.offsets_topic_num_partitions);
        let seed = self.seed;
        let known = self.brokers.shards.len();
        let index = self.brokers.place(partition, |leader| ShardHost {
            partition,
            leader: Some(leader),
            shard: Some(Box::new(Shard::new(config.clone(), ReleaseRule::Deferred))),
            log: ReplicatedLog::new(u64::from(config.offsets_topic_segment_bytes), cluster.offsets_log_records),
            timers: Vec::new(),
            latency: append_stream(seed, partition),
            lateness: timer_stream(seed, partition),
            leadership: leadership_stream(seed, partition),
            epoch: 0,
        });
        if self.brokers.shards.len() > known {
            self.shard_input(index, coordinator::Input::Elected { leader_epoch: 0 });
        }
    }

    /// Feeds a shard and does what it wants done.
    pub(super) fn shard_input(&mut self, index: u32, input: coordinator::Input) {
        self.shard_handles(index, input, &mut NoMemberIds);
    }

    fn shard_handles(&mut self, index: u32, input: coordinator::Input, ids: &mut dyn MemberIds) {
        let host = &mut self.brokers.shards[index as usize];
        let leader = host.leader.unwrap_or(BrokerId(0));
        let mut shard = host.shard.take().expect("a shard is given one input at a time");
        let now = self.now.millis();
        shard.handle(now, input, ids, &mut ShardWorld { simulation: self, shard: index, leader });
        self.brokers.shards[index as usize].shard = Some(shard);
    }

    fn append(&mut self, index: u32, base_offset: i64, records: Records) {
        let host = &mut self.brokers.shards[index as usize];
        if host.log.append(base_offset, records) {
            let linger = self.scenario.cluster.config.group_coordinator_append_linger_ms.max(0) as u64;
            let target = Target::Flush { shard: index as u16, epoch: host.epoch };
            self.queue.schedule(self.now + SimDuration::from_millis(linger), target);
        }
    }

    fn load_log(&mut self, index: u32) {
        let host = &self.brokers.shards[index as usize];
        // The first leaders were there before the run.
        let records = if host.epoch == 0 { 0 } else { host.log.records_to_read() };
        let time = self.scenario.cluster.load_time_per_record * records;
        let target = Target::Loaded { shard: index as u16, epoch: host.epoch };
        self.queue.schedule(self.now + time, target);
    }

    fn cancel_shard_timer(&mut self, index: u32, timer: TimerId) {
        if let Some(Some(slot)) = self.brokers.shards[index as usize].timers.get(timer.0 as usize) {
            self.queue.cancel(*slot);
        }
    }

    fn set_shard_timer(&mut self, index: u32, timer: TimerId, at: Millis) {
        let timers = &mut self.brokers.shards[index as usize].timers;
        let place = timer.0 as usize;
        if timers.len() <= place {
            timers.resize(place + 1, None);
        }
        let queue = &mut self.queue;
        let slot = *timers[place]
            .get_or_insert_with(|| queue.add_timer(Target::ShardTimer { shard: index as u16, timer: timer.0 }));
        let late = self.timer_lateness.sample(&mut self.brokers.shards[index as usize].lateness);
        self.queue.set(slot, at.sim_time().max(self.now) + late);
    }

    pub(super) fn shard_timer(&mut self, index: u32, timer: u32) {
        self.shard_input(index, coordinator::Input::Timer(TimerId(timer)));
    }

    /// The linger time of the open batch is over: it is written, or the write fails.
    pub(super) fn flush(&mut self, index: u32, epoch: u32) {
        let (host, storage) = self.brokers.shard_and_storage(index);
        if host.epoch != epoch {
            return;
        }
        if let Some((_, error)) = storage.failing.last() {
            let error = *error;
            if let Some(base_offset) = host.log.refuse() {
                self.shard_input(index, coordinator::Input::AppendFailed { base_offset, error });
            }
            return;
        }
        if host.log.open_base().is_none() {
            return;
        }
        let latency = host.append_latency(&self.scenario.cluster.append_latency, storage);
        let committed = host.log.flush((self.now + latency).max(storage.stalled_until));
        self.queue.schedule(committed, Target::Commit { shard: index as u16, epoch });
    }

    /// The in-sync replicas have the oldest write, unless the storage stands still.
    pub(super) fn commit(&mut self, index: u32, epoch: u32) {
        let (host, storage) = self.brokers.shard_and_storage(index);
        if host.epoch != epoch {
            return;
        }
        if storage.stalled_until > self.now {
            self.queue.schedule(storage.stalled_until, Target::Commit { shard: index as u16, epoch });
            return;
        }
        if let Some(high_watermark) = host.log.commit() {
            self.shard_input(index, coordinator::Input::Committed { high_watermark });
        }
    }

    /// A machine is gone: its connections are open at the other end until somebody there gives them up, or the machine
    /// is back and knows nothing of them.
    pub(super) fn abandon_all(&mut self, ids: Vec<ConnectionId>) {
        for id in ids {
            if let Some(link) = self.network.link(id) {
                link.broker_is_gone();
            }
            self.network.forget_if_closed(id);
        }
    }

    /// A process is gone: its machine closes all its sockets at once, and a client reads the ends of its own in one go.
    pub(super) fn reset_all(&mut self, ids: Vec<ConnectionId>) {
        let mut latest: BTreeMap<u32, SimTime> = BTreeMap::new();
        let mut broken = Vec::new();
        for id in ids {
            let Some(link) = self.network.link(id) else { continue };
            link.broker_is_gone();
            let consumer = link.consumer;
            match self.network.send(self.now, id, Way::FromBroker, Packet::Reset) {
                Sent::Arrives(arrival, flight) => {
                    let latest = latest.entry(consumer).or_insert(arrival);
                    *latest = arrival.max(*latest);
                    broken.push((consumer, flight));
                }
                Sent::RetryAt(retry) => self.queue.schedule(retry, Target::Retransmit(id, Way::FromBroker)),
                Sent::Held => {}
            }
        }
        for (consumer, flight) in broken {
            self.queue.schedule(latest[&consumer], Target::Packet(flight));
        }
    }
}

/// A request is named by its connection and its number there.
fn request_id(connection: ConnectionId, correlation_id: u32) -> RequestId {
    RequestId(u64::from(connection.0) << 32 | u64::from(correlation_id))
}

fn asked_on(RequestId(id): RequestId) -> (ConnectionId, u32) {
    (ConnectionId((id >> 32) as u32), id as u32)
}
