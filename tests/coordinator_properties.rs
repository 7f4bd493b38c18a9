//! Random requests, timers, appends and failovers against a coordinator shard: it never panics, never answers a request
//! twice, decides the same every time, and keeps the invariants of the specification (classic-coordinator.md, Appendix B).

mod coordinator_world;

use coordinator_world::{Act, Choice, World};
use proptest::collection::vec;
use proptest::prelude::*;
use rebalab::coordinator::ReleaseRule;

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
