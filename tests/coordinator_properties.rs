//! Random requests, timers, appends and failovers against a coordinator shard: it never panics, never answers a request
//! twice, decides the same every time, and keeps the invariants of the specification (classic-coordinator.md, Appendix B).

mod coordinator_world;

use std::rc::Rc;
use std::sync::Arc;

use coordinator_world::{Act, Choice, World};
use proptest::collection::vec;
use proptest::prelude::*;
use rebalab::coordinator::classic::GroupState;
use rebalab::coordinator::{ClientInfo, Input, MemberIds, Output, Record, ReleaseRule, RequestId, Shard, TimerKey};
use rebalab::engine::Millis;
use rebalab::protocol::config::broker::BrokerConfig;
use rebalab::protocol::message::{
    CommittedPartition, JoinGroupProtocol, JoinGroupRequest, OffsetCommitRequest, Request, Response, SyncGroupRequest,
    TxnOffsetCommitRequest,
};
use rebalab::protocol::{
    Bytes, ErrorCode, Generation, GroupId, MemberId, ProducerId, TopicId, TopicName, TopicPartition,
};

/// Acts in the proportion that lets groups get somewhere and then be disturbed.
fn acts() -> impl Strategy<Value = Vec<Act>> {
    let choice = || any::<[u8; 8]>().prop_map(Choice);
    vec(
        prop_oneof![
            30 => choice().prop_map(Act::Join),
            20 => choice().prop_map(Act::Sync),
            8 => choice().prop_map(Act::Heartbeat),
            5 => choice().prop_map(Act::Leave),
            8 => choice().prop_map(Act::OffsetCommit),
            6 => choice().prop_map(Act::TxnOffsetCommit),
            4 => choice().prop_map(Act::TxnMarker),
            4 => choice().prop_map(Act::OffsetFetch),
            2 => choice().prop_map(Act::OffsetDelete),
            2 => choice().prop_map(Act::DeleteGroups),
            1 => choice().prop_map(Act::PartitionsDeleted),
            25 => Just(Act::FireNextTimer),
            8 => choice().prop_map(Act::Wait),
            30 => choice().prop_map(Act::CommitLog),
            3 => choice().prop_map(Act::FailAppend),
            1 => choice().prop_map(Act::Failover),
        ],
        1..160,
    )
}

fn run(release: ReleaseRule, acts: &[Act]) -> Vec<String> {
    let mut world = World::new(release);
    for act in acts {
        world.act(act);
    }
    world.let_everybody_expire();
    world.transcript
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_shard_with_slow_replication_keeps_its_invariants(acts in acts()) {
        prop_assert_eq!(run(ReleaseRule::Deferred, &acts), run(ReleaseRule::Deferred, &acts));
    }

    #[test]
    fn a_shard_that_answers_at_once_keeps_its_invariants(acts in acts()) {
        prop_assert_eq!(run(ReleaseRule::Immediate, &acts), run(ReleaseRule::Immediate, &acts));
    }
}

/// Ids by number.
struct Ids(u32);

impl MemberIds for Ids {
    fn new_member_id(&mut self, prefix: &str) -> MemberId {
        self.0 += 1;
        format!("{prefix}-{}", self.0).into()
    }
}

/// A shard that is asked by hand.
struct Asked {
    shard: Shard,
    ids: Ids,
    requests: u64,
}

impl Asked {
    /// A coordinator that has loaded an empty log at time 0.
    fn new(config: BrokerConfig) -> Self {
        let mut asked = Asked { shard: Shard::new(config, ReleaseRule::Immediate), ids: Ids(0), requests: 0 };
        asked.handle(0, Input::Elected { leader_epoch: 0 });
        asked.handle(0, Input::Loaded { records: Vec::new(), log_end: 0, high_watermark: 0 });
        asked
    }

    fn handle(&mut self, now: i64, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        self.shard.handle(Millis(now), input, &mut self.ids, &mut out);
        out
    }

    fn request(&mut self, now: i64, version: i16, body: Request) -> Vec<Output> {
        self.requests += 1;
        let client = Rc::new(ClientInfo { client_id: "app".into(), client_host: "/10.0.0.1".into() });
        let id = RequestId(self.requests);
        self.handle(now, Input::Request { id, version, client, body: body.into() })
    }

    fn commit(&mut self, now: i64) {
        let high_watermark = self.shard.last_written_offset();
        self.handle(now, Input::Committed { high_watermark });
    }

    /// Fires a timer at its deadline.
    fn fire(&mut self, key: &TimerKey) -> Vec<Output> {
        let armed = self.shard.timers().find(|(_, armed, _)| *armed == key);
        let (at, timer) = armed.map(|(timer, _, at)| (at, timer)).expect("an armed timer");
        self.handle(at.0, Input::Timer(timer))
    }
}

/// A process joins as a static member that lists these protocols, without knowing its id.
fn static_join(instance: &str, protocols: &[&str]) -> Request {
    let listed = |name: &&str| JoinGroupProtocol { name: Arc::from(*name), metadata: Bytes::from([0, 0]) };
    Request::JoinGroup(JoinGroupRequest {
        group_id: GroupId::from("billing"),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 60_000,
        member_id: MemberId::default(),
        group_instance_id: Some(instance.into()),
        protocol_type: Arc::from("consumer"),
        protocols: protocols.iter().map(listed).collect(),
        reason: None,
    })
}

/// The seed that found this is among the regressions, and `replacement-fails-after-second-replacement` in
/// `tests/vectors/coordinator/replacements.jsonl.gz` is what Kafka's own class does in this very sequence: it takes the
/// protocols of a member object that has left the group from the counts once more, and adds those it had before.
#[test]
fn a_replacement_that_fails_after_the_next_one_counts_a_protocol_for_somebody_who_is_not_there() {
    let mut asked = Asked::new(BrokerConfig::default());
    asked.request(0, 9, static_join("i1", &["range", "sticky"]));
    asked.commit(0);
    asked.fire(&TimerKey::Join { group: GroupId::from("billing") });
    let sync = SyncGroupRequest {
        group_id: GroupId::from("billing"),
        generation_id: Generation(1),
        member_id: "i1-1".into(),
        group_instance_id: Some("i1".into()),
        protocol_type: None,
        protocol_name: None,
        assignments: Vec::new(),
    };
    asked.request(3_000, 5, Request::SyncGroup(sync));
    asked.commit(3_000);
    // Two processes take over, one after the other; the first one's record is not replicated in time.
    asked.request(3_000, 9, static_join("i1", &["range"]));
    asked.request(4_000, 9, static_join("i1", &["range", "sticky"]));
    let (first, _, _) = asked.shard.waiting_operations().next().expect("the first record is on its way");
    asked.handle(8_000, Input::OperationTimedOut(first));

    let group = asked.shard.group(&GroupId::from("billing")).expect("the group");
    assert_eq!((group.state(), group.members().len()), (GroupState::Stable, 1));
    assert_eq!((group.supporters("range"), group.supporters("sticky")), (1, 2));
    // The one member lists sticky, and yet a member that lists nothing else is refused.
    let refused = asked.request(8_000, 9, static_join("i2", &["sticky"]));
    let errors = refused.iter().filter_map(|output| match output {
        Output::Respond { body: Response::JoinGroup(response), .. } => Some(response.error),
        _ => None,
    });
    assert_eq!(errors.collect::<Vec<_>>(), [ErrorCode::InconsistentGroupProtocol]);
}

/// `OffsetMetadataManager.cleanupExpiredOffsets`: an offset is kept while a transaction is open on its partition. The
/// recordings do not reach this, so it has a test of its own.
#[test]
fn an_offset_does_not_expire_while_a_transaction_is_open_on_its_partition() {
    let group = GroupId::from("billing");
    let committed = |partition: i32| CommittedPartition {
        partition: TopicPartition::new(TopicName::from("orders"), partition),
        topic_id: TopicId::ZERO,
        offset: 42,
        leader_epoch: -1,
        metadata: None,
    };
    let plain = Request::OffsetCommit(OffsetCommitRequest {
        group_id: group,
        generation_id: Generation::NONE,
        member_id: MemberId::default(),
        group_instance_id: None,
        retention_time_ms: -1,
        partitions: [committed(0), committed(1)].into(),
    });
    let transactional = Request::TxnOffsetCommit(TxnOffsetCommitRequest {
        group_id: group,
        producer_id: ProducerId(7),
        producer_epoch: 0,
        generation_id: Generation::NONE,
        member_id: MemberId::default(),
        group_instance_id: None,
        partitions: [committed(1)].into(),
    });
    let config = BrokerConfig { offsets_retention_minutes: 1, ..BrokerConfig::default() };
    let mut asked = Asked::new(config);
    for body in [plain, transactional] {
        asked.request(0, 8, body);
        asked.commit(0);
    }
    let removed: Vec<i32> = asked
        .fire(&TimerKey::ExpireGroupMetadata)
        .into_iter()
        .flat_map(
            |output| if let Output::Append { records, .. } = output { records.iter().collect() } else { Vec::new() },
        )
        .filter_map(|record| match record {
            Record::OffsetCommit { partition, value: None, .. } => Some(partition.partition),
            _ => None,
        })
        .collect();
    assert_eq!(removed, [0]);
}
