//! A shard with its log, its clock and a crowd of clients that do anything; and what must hold after every input.

mod invariants;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use rebalab::coordinator::{
    ClientInfo, Input, LoggedRecord, MemberIds, Output, Record, ReleaseRule, RequestId, Shard, TimerId,
};
use rebalab::engine::Millis;
use rebalab::protocol::config::broker::BrokerConfig;
use rebalab::protocol::message::{
    CommittedPartition, HeartbeatRequest, JoinGroupProtocol, JoinGroupRequest, LeaveGroupRequest, LeavingMember,
    OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest, Request, Response, SyncGroupRequest,
    TxnMarkerRequest, TxnOffsetCommitRequest,
};
use rebalab::protocol::{
    Bytes, ErrorCode, Generation, GroupId, GroupInstanceId, MemberId, ProducerId, TopicId, TopicPartition,
};

/// Random bytes that an act makes its choices from.
#[derive(Clone, Copy, Debug)]
pub struct Choice(pub [u8; 8]);

impl Choice {
    /// One of `count`, from byte `place`.
    fn of(self, place: usize, count: usize) -> usize {
        usize::from(self.0[place]) % count
    }

    /// True for about one in `many`.
    fn rarely(self, place: usize, many: usize) -> bool {
        self.of(place, many) == 0
    }
}

/// Something that happens to the shard.
#[derive(Clone, Debug)]
pub enum Act {
    Join(Choice),
    Sync(Choice),
    Heartbeat(Choice),
    Leave(Choice),
    OffsetCommit(Choice),
    TxnOffsetCommit(Choice),
    TxnMarker(Choice),
    OffsetFetch(Choice),
    OffsetDelete(Choice),
    DeleteGroups(Choice),
    PartitionsDeleted(Choice),
    FireNextTimer,
    Wait(Choice),
    CommitLog(Choice),
    FailAppend(Choice),
    Failover(Choice),
}

/// Ids by number.
#[derive(Default)]
struct CountedIds(u32);

impl MemberIds for CountedIds {
    fn new_member_id(&mut self, prefix: &str) -> MemberId {
        self.0 += 1;
        format!("{prefix}-{:08x}", self.0.wrapping_mul(0x9e37_79b9)).into()
    }
}

/// What a failed append must bring back.
struct BeforeAppend {
    base_offset: i64,
    offsets: Vec<String>,
    groups: BTreeSet<GroupId>,
}

pub struct World {
    release: ReleaseRule,
    config: BrokerConfig,
    shard: Shard,
    ids: CountedIds,
    now: Millis,
    log: Vec<LoggedRecord>,
    high_watermark: i64,
    requests: u64,
    open: BTreeSet<RequestId>,
    /// Member ids that anybody was told, by group.
    members: BTreeMap<GroupId, Vec<MemberId>>,
    before_append: Option<BeforeAppend>,
    /// Assignments that were acknowledged since the group was made or loaded.
    acknowledged: BTreeMap<(GroupId, MemberId, i32), Bytes>,
    leader_epoch: i32,
    miscounts: invariants::Miscounts,
    /// Everything that came out, for comparing runs.
    pub transcript: Vec<String>,
}

impl World {
    pub fn new(release: ReleaseRule) -> Self {
        let config = BrokerConfig {
            group_max_size: 6,
            offsets_retention_minutes: 10,
            offsets_retention_check_interval_ms: 60_000,
            ..BrokerConfig::default()
        };
        let mut world = World {
            release,
            shard: Shard::new(config.clone(), release),
            config,
            ids: CountedIds::default(),
            now: Millis(0),
            log: Vec::new(),
            high_watermark: 0,
            requests: 0,
            open: BTreeSet::new(),
            members: BTreeMap::new(),
            before_append: None,
            acknowledged: BTreeMap::new(),
            leader_epoch: 1,
            miscounts: invariants::Miscounts::default(),
            transcript: Vec::new(),
        };
        world.elect(1);
        world
    }

    pub fn act(&mut self, act: &Act) {
        match act {
            Act::FireNextTimer => self.fire_next_timer(),
            Act::Wait(choice) => self.wait(i64::from(choice.0[0]) * 40),
            Act::CommitLog(choice) => self.commit_log(*choice),
            Act::FailAppend(choice) => self.fail_append(*choice),
            Act::Failover(choice) => self.failover(*choice),
            Act::PartitionsDeleted(choice) => {
                self.handle(Input::PartitionsDeleted { partitions: vec![partition(*choice)] });
            }
            Act::Join(choice) => self.join(*choice),
            Act::Sync(choice) => self.sync(*choice),
            Act::Heartbeat(choice) => self.heartbeat(*choice),
            Act::Leave(choice) => self.leave(*choice),
            Act::OffsetCommit(choice) => self.offset_commit(*choice),
            Act::TxnOffsetCommit(choice) => self.txn_offset_commit(*choice),
            Act::TxnMarker(choice) => {
                let marker = TxnMarkerRequest {
                    producer_id: producer(*choice),
                    producer_epoch: 0,
                    commit: !choice.rarely(3, 3),
                };
                self.request(9, Request::WriteTxnMarker(marker));
            }
            Act::OffsetFetch(choice) => {
                let partitions = (!choice.rarely(3, 3)).then(|| vec![partition(*choice)]);
                let request = OffsetFetchRequest {
                    group_id: group(*choice),
                    partitions,
                    topic_ids: Vec::new(),
                    require_stable: choice.rarely(4, 2),
                };
                self.request(9, Request::OffsetFetch(request));
            }
            Act::OffsetDelete(choice) => {
                let TopicPartition { topic, partition } = partition(*choice);
                let request = OffsetDeleteRequest { group_id: group(*choice), topics: vec![(topic, vec![partition])] };
                self.request(0, Request::OffsetDelete(request));
            }
            Act::DeleteGroups(choice) => {
                self.request(2, Request::DeleteGroups { groups: vec![group(*choice)] });
            }
        }
    }

    /// Nobody says anything any more: sessions expire, groups empty, offsets expire.
    pub fn let_everybody_expire(&mut self) {
        for _ in 0..2_000 {
            self.commit_all();
            if self.shard.groups().next().is_none() {
                return;
            }
            self.fire_next_timer();
        }
        let left: Vec<String> = self.shard.groups().map(|group| format!("{group:?}")).collect();
        // Offsets of open transactions keep a group alive; members do not.
        assert!(self.shard.groups().all(|group| group.members().len() == 0), "members never expire: {left:?}");
        assert!(self.shard.pending_offsets().next().is_some(), "groups never expire: {left:?}");
    }
}

/// Requests.
impl World {
    fn join(&mut self, choice: Choice) {
        let instance = choice.rarely(1, 3).then(|| GroupInstanceId::from(["i1", "i2"][choice.of(2, 2)]));
        let member_id = if choice.rarely(3, 3) { MemberId::default() } else { self.member(choice) };
        let names: &[&str] = [&["range"][..], &["range", "sticky"], &["sticky", "range"], &["sticky"]][choice.of(4, 4)];
        let metadata = if choice.rarely(5, 3) { subscription(&["t1", "t2"]) } else { subscription(&["t1"]) };
        // Too short to be read: the topics of the group are unknown then.
        let metadata = if choice.rarely(6, 40) { Bytes::from([0]) } else { metadata };
        let request = JoinGroupRequest {
            group_id: group(choice),
            session_timeout_ms: [6_000, 10_000, 45_000][choice.of(6, 3)],
            rebalance_timeout_ms: [1_000, 20_000, 60_000][choice.of(5, 3)],
            member_id,
            group_instance_id: instance,
            protocol_type: Arc::from(if choice.rarely(7, 30) { "connect" } else { "consumer" }),
            protocols: names
                .iter()
                .map(|name| JoinGroupProtocol { name: Arc::from(*name), metadata: metadata.clone() })
                .collect(),
            reason: None,
        };
        self.request([9, 9, 9, 8, 5, 3][choice.of(7, 6)], Request::JoinGroup(request));
    }

    fn sync(&mut self, choice: Choice) {
        let member_id = self.member(choice);
        let assigned = Bytes::from([choice.0[6]; 4]);
        let leads = self.shard.group(&group(choice)).is_some_and(|group| group.leader() == Some(&member_id));
        let all = self.members.get(&group(choice)).cloned().unwrap_or_default();
        let request = SyncGroupRequest {
            group_id: group(choice),
            generation_id: self.generation(choice),
            member_id,
            group_instance_id: self.instance(choice),
            protocol_type: choice.rarely(5, 2).then(|| Arc::from("consumer")),
            protocol_name: None,
            assignments: if leads {
                all.into_iter().map(|member| (member, assigned.clone())).collect()
            } else {
                vec![]
            },
        };
        self.request(5, Request::SyncGroup(request));
    }

    fn heartbeat(&mut self, choice: Choice) {
        let request = HeartbeatRequest {
            group_id: group(choice),
            generation_id: self.generation(choice),
            member_id: self.member(choice),
            group_instance_id: self.instance(choice),
        };
        self.request(4, Request::Heartbeat(request));
    }

    fn leave(&mut self, choice: Choice) {
        let member_id = if choice.rarely(3, 5) { MemberId::default() } else { self.member(choice) };
        let leaving = LeavingMember { member_id, group_instance_id: self.instance(choice), reason: None };
        let other = LeavingMember {
            member_id: self.member(Choice([choice.0[0], 7, choice.0[4], 3, 4, 5, 6, 7])),
            group_instance_id: None,
            reason: None,
        };
        let members = if choice.rarely(5, 2) { vec![leaving, other] } else { vec![leaving] };
        self.request(5, Request::LeaveGroup(LeaveGroupRequest { group_id: group(choice), members }));
    }

    fn offset_commit(&mut self, choice: Choice) {
        let outside = choice.rarely(1, 3);
        let request = OffsetCommitRequest {
            group_id: group(choice),
            generation_id: if outside { Generation::NONE } else { self.generation(choice) },
            member_id: if outside { MemberId::default() } else { self.member(choice) },
            group_instance_id: if outside { None } else { self.instance(choice) },
            retention_time_ms: if choice.rarely(4, 4) { 30_000 } else { -1 },
            partitions: commits(choice),
        };
        let id = self.request([9, 8][choice.of(5, 2)], Request::OffsetCommit(request.clone()));
        self.check_accepted_commit(id, &request);
    }

    fn txn_offset_commit(&mut self, choice: Choice) {
        let outside = choice.rarely(1, 2);
        let request = TxnOffsetCommitRequest {
            group_id: group(choice),
            producer_id: producer(choice),
            producer_epoch: 0,
            generation_id: if outside { Generation::NONE } else { self.generation(choice) },
            member_id: if outside { MemberId::default() } else { self.member(choice) },
            group_instance_id: None,
            partitions: commits(choice),
        };
        self.request(4, Request::TxnOffsetCommit(request));
    }

    /// Hands in a request; its id.
    fn request(&mut self, version: i16, body: Request) -> RequestId {
        self.requests += 1;
        let id = RequestId(self.requests);
        self.open.insert(id);
        let client = Rc::new(ClientInfo { client_id: "c".into(), client_host: Arc::from("/10.0.0.1") });
        self.handle(Input::Request { id, version, client, body: body.into() });
        id
    }

    /// A member id that somebody was told, mostly.
    fn member(&self, choice: Choice) -> MemberId {
        let known = self.members.get(&group(choice)).map(Vec::as_slice).unwrap_or_default();
        match known.len() {
            0 => MemberId::from("nobody"),
            // Younger ids are more likely to be members.
            count => known[count - 1 - choice.of(2, count.min(6))].clone(),
        }
    }

    fn generation(&self, choice: Choice) -> Generation {
        let current = self.shard.group(&group(choice)).map_or(0, |group| group.generation().0);
        Generation(if choice.rarely(3, 6) { current - 1 } else { current })
    }

    fn instance(&self, choice: Choice) -> Option<GroupInstanceId> {
        choice.rarely(4, 6).then(|| GroupInstanceId::from(["i1", "i2", "i3"][choice.of(5, 3)]))
    }
}

/// Time, log and leadership.
impl World {
    fn elect(&mut self, leader_epoch: i32) {
        self.handle(Input::Elected { leader_epoch });
        let log_end = self.log.last().map_or(0, |record| record.offset + 1);
        let records = self.log.clone();
        self.handle(Input::Loaded { records, log_end, high_watermark: self.high_watermark.min(log_end) });
    }

    fn fire_next_timer(&mut self) {
        let next = self.shard.timers().map(|(timer, key, at)| (at, key.to_string(), timer)).min();
        if let Some((at, _, timer)) = next {
            self.now = self.now.max(at);
            self.fire(timer);
        }
    }

    fn fire(&mut self, timer: TimerId) {
        self.handle(Input::Timer(timer));
    }

    fn wait(&mut self, ms: i64) {
        let until = self.now + ms;
        while let Some((at, _, timer)) = self
            .shard
            .timers()
            .map(|(timer, key, at)| (at, key.to_string(), timer))
            .min()
            .filter(|next| next.0 <= until)
        {
            self.now = self.now.max(at);
            self.fire(timer);
        }
        self.now = until;
    }

    fn commit_log(&mut self, choice: Choice) {
        let end = self.shard.last_written_offset();
        let behind = end - self.high_watermark;
        self.high_watermark += if choice.rarely(0, 3) { behind * i64::from(choice.0[1]) / 255 } else { behind };
        self.handle(Input::Committed { high_watermark: self.high_watermark });
    }

    fn commit_all(&mut self) {
        self.high_watermark = self.shard.last_written_offset();
        self.handle(Input::Committed { high_watermark: self.high_watermark });
    }

    /// The last append fails, if nothing happened since.
    fn fail_append(&mut self, choice: Choice) {
        let Some(before) = self.before_append.take() else { return };
        let errors = [ErrorCode::NotLeaderOrFollower, ErrorCode::MessageTooLarge, ErrorCode::KafkaStorageError];
        let error = errors[choice.of(0, 3)];
        self.log.retain(|record| record.offset < before.base_offset);
        self.handle(Input::AppendFailed { base_offset: before.base_offset, error });
        assert_eq!(self.offsets(), before.offsets, "a failed append leaves offsets behind");
        let groups: BTreeSet<GroupId> = self.shard.groups().map(|group| *group.group_id()).collect();
        assert!(groups.is_subset(&before.groups), "a failed append leaves groups behind");
    }

    /// Another broker takes over: orderly or not, with or without the uncommitted end of the log.
    fn failover(&mut self, choice: Choice) {
        self.leader_epoch += 1;
        let epoch = self.leader_epoch;
        if choice.rarely(0, 2) {
            self.handle(Input::Resigned { leader_epoch: Some(epoch) });
            assert_eq!(self.shard.timers().count(), 0, "timers survive a resignation");
            assert_eq!(self.shard.waiting_operations().count(), 0, "operations survive a resignation");
        }
        let live = (self.offsets(), self.shard.last_written_offset());
        let lost = choice.rarely(1, 2);
        if lost {
            self.log.retain(|record| record.offset < self.high_watermark);
        }
        self.shard = Shard::new(self.config.clone(), self.release);
        self.acknowledged.clear();
        self.miscounts = invariants::Miscounts::default();
        self.open.clear();
        self.before_append = None;
        let crashed = !choice.rarely(0, 2);
        self.elect(epoch);
        if crashed && !lost && self.shard.last_written_offset() == live.1 {
            assert_eq!(self.offsets(), live.0, "the log does not tell what memory held");
        }
    }

    /// All offsets, with what survives their records' bytes.
    fn offsets(&self) -> Vec<String> {
        let committed = self.shard.committed_offsets();
        let committed = committed.map(|(group, partition, offset)| {
            format!("{group} {partition} {:?} at {}", offset.value().as_read(), offset.record_offset())
        });
        let pending = self.shard.pending_offsets();
        let pending = pending.map(|(producer, group, partition, offset)| {
            format!("{producer:?} {group} {partition} {:?} at {}", offset.value().as_read(), offset.record_offset())
        });
        let mut all: Vec<String> = committed.chain(pending).collect();
        all.sort();
        all
    }

    fn handle(&mut self, input: Input) {
        let before = invariants::Before::of(&self.shard);
        let appended = BeforeAppend {
            base_offset: self.shard.last_written_offset(),
            offsets: self.offsets(),
            groups: self.shard.groups().map(|group| *group.group_id()).collect(),
        };
        let mut out = Vec::new();
        let mut ids = std::mem::take(&mut self.ids);
        self.shard.handle(self.now, input, &mut ids, &mut out);
        self.ids = ids;
        self.before_append = None;
        for output in &out {
            self.transcript.push(format!("{output:?}"));
            self.take(output);
            if let Output::Append { .. } = output {
                self.before_append = Some(BeforeAppend { ..appended_once(&appended) });
            }
        }
        invariants::check(&before, &mut self.miscounts, &self.shard, &out, self.release);
    }

    fn take(&mut self, output: &Output) {
        match output {
            Output::Append { base_offset, records } => {
                assert_eq!(*base_offset, self.log.last().map_or(0, |record| record.offset + 1), "a hole in the log");
                let placed = records.iter().zip(*base_offset..);
                self.log.extend(placed.map(|(record, offset)| LoggedRecord { offset, record }));
                for record in records.iter() {
                    if let Record::GroupMetadata { group, value: None } = record {
                        self.acknowledged.retain(|(of, _, _), _| *of != group);
                    }
                }
            }
            Output::Respond { id, body } => {
                assert!(self.open.remove(id), "{id:?} is answered twice, or was never asked: {body:?}");
                self.learn_members();
                self.check_assignment(body);
            }
            _ => {}
        }
    }

    /// Member ids become known by answers; ids of parked members are known to the test as well.
    fn learn_members(&mut self) {
        for group in self.shard.groups() {
            let known = self.members.entry(*group.group_id()).or_default();
            let ids = group.members().map(|member| &member.member_id).chain(group.pending_join_members());
            for id in ids {
                if !known.contains(id) {
                    known.push(id.clone());
                }
            }
        }
    }

    /// Appendix B 11: one assignment per member and generation.
    fn check_assignment(&mut self, body: &Response) {
        let Response::SyncGroup(response) = body else { return };
        if response.error != ErrorCode::None {
            return;
        }
        let acknowledged = self.shard.groups().flat_map(|group| {
            let stable = group.state() == rebalab::coordinator::classic::GroupState::Stable;
            let members = group.members().filter(move |_| stable);
            members.map(|member| {
                let key = (*group.group_id(), member.member_id.clone(), group.generation().0);
                (key, member.assignment.clone())
            })
        });
        for (key, assignment) in acknowledged.collect::<Vec<_>>() {
            let first = self.acknowledged.entry(key.clone()).or_insert_with(|| assignment.clone());
            assert_eq!(*first, assignment, "two assignments in one generation: {key:?}");
        }
    }

    /// Appendix B 12: who commits with a generation is a member of it, and the group is not waiting for its leader.
    fn check_accepted_commit(&mut self, id: RequestId, request: &OffsetCommitRequest) {
        let wrote = self.before_append.is_some();
        let group = self.shard.group(&request.group_id);
        if let Some(group) = group.filter(|_| wrote && request.generation_id.0 >= 0) {
            assert_eq!(group.generation(), request.generation_id, "{id:?}");
            assert!(group.member(&request.member_id).is_some(), "{id:?}");
            assert_ne!(group.state().name(), "CompletingRebalance", "{id:?}");
        }
    }
}

fn appended_once(before: &BeforeAppend) -> BeforeAppend {
    BeforeAppend { base_offset: before.base_offset, offsets: before.offsets.clone(), groups: before.groups.clone() }
}

fn group(choice: Choice) -> GroupId {
    GroupId::from(if choice.rarely(0, 8) { "g2" } else { "g1" })
}

fn partition(choice: Choice) -> TopicPartition {
    TopicPartition::new(["t1", "t2", "t3"][choice.of(1, 3)], choice.of(2, 2) as i32)
}

fn producer(choice: Choice) -> ProducerId {
    ProducerId(1_000 + choice.of(5, 2) as i64)
}

fn commits(choice: Choice) -> Rc<[CommittedPartition]> {
    let commit = |partition: TopicPartition, offset: u8, metadata: Option<String>| CommittedPartition {
        partition,
        topic_id: TopicId::ZERO,
        offset: i64::from(offset),
        leader_epoch: -1,
        metadata: metadata.map(Arc::from),
    };
    let too_long = choice.rarely(3, 10).then(|| "x".repeat(5_000));
    Rc::from([
        commit(TopicPartition::new("t1", choice.of(2, 3) as i32), choice.0[6], too_long),
        commit(TopicPartition::new("t2", choice.of(4, 2) as i32), choice.0[7], None),
    ])
}

/// A subscription in version 1 without owned partitions.
fn subscription(topics: &[&str]) -> Bytes {
    let mut bytes = vec![0, 1];
    bytes.extend((topics.len() as i32).to_be_bytes());
    for topic in topics {
        bytes.extend((topic.len() as i16).to_be_bytes());
        bytes.extend(topic.as_bytes());
    }
    bytes.extend((-1i32).to_be_bytes());
    bytes.extend(0i32.to_be_bytes());
    Bytes::from(bytes)
}
