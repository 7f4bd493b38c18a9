//! Random requests, timers, appends and failovers against a coordinator shard: it never panics, never answers a request
//! twice, decides the same every time, and keeps the invariants of the specification (classic-coordinator.md, Appendix B).

mod coordinator_world;

use coordinator_world::{Act, Choice, World};
use proptest::collection::vec;
use proptest::prelude::*;
use rebalab::coordinator::{ClientInfo, Input, MemberIds, Output, Record, ReleaseRule, RequestId, Shard};
use rebalab::engine::Millis;
use rebalab::protocol::config::broker::BrokerConfig;
use rebalab::protocol::message::{CommittedPartition, OffsetCommitRequest, Request, TxnOffsetCommitRequest};
use rebalab::protocol::{Generation, GroupId, MemberId, ProducerId, TopicId, TopicName, TopicPartition};

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

/// No id is made in this test.
struct NoIds;

impl MemberIds for NoIds {
    fn new_member_id(&mut self, _prefix: &str) -> MemberId {
        unreachable!("nobody joins")
    }
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
        group_id: group.clone(),
        generation_id: Generation::NONE,
        member_id: MemberId::default(),
        group_instance_id: None,
        retention_time_ms: -1,
        partitions: vec![committed(0), committed(1)],
    });
    let transactional = Request::TxnOffsetCommit(TxnOffsetCommitRequest {
        group_id: group.clone(),
        producer_id: ProducerId(7),
        producer_epoch: 0,
        generation_id: Generation::NONE,
        member_id: MemberId::default(),
        group_instance_id: None,
        partitions: vec![committed(1)],
    });
    let config = BrokerConfig { offsets_retention_minutes: 1, ..BrokerConfig::default() };
    let mut shard = Shard::new(config, ReleaseRule::Immediate);
    let handle = |shard: &mut Shard, now: i64, input: Input| {
        let mut out = Vec::new();
        shard.handle(Millis(now), input, &mut NoIds, &mut out);
        out
    };
    handle(&mut shard, 0, Input::Elected { leader_epoch: 0 });
    handle(&mut shard, 0, Input::Loaded { records: Vec::new(), log_end: 0, high_watermark: 0 });
    for (number, body) in [plain, transactional].into_iter().enumerate() {
        let client = ClientInfo { client_id: "app".into(), client_host: "/10.0.0.1".into() };
        handle(&mut shard, 0, Input::Request { id: RequestId(number as u64), version: 8, client, body });
        let high_watermark = shard.last_written_offset();
        handle(&mut shard, 0, Input::Committed { high_watermark });
    }
    let (timer, at) = shard.timers().map(|(timer, _, at)| (timer, at)).next().expect("the periodic check");
    let removed: Vec<i32> = handle(&mut shard, at.0, Input::Timer(timer))
        .into_iter()
        .flat_map(|output| if let Output::Append { records, .. } = output { records } else { Vec::new() })
        .filter_map(|record| match record {
            Record::OffsetCommit { partition, value: None, .. } => Some(partition.partition),
            _ => None,
        })
        .collect();
    assert_eq!(removed, [0]);
}
