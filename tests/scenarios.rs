//! Every scenario of the pack runs under several seeds, and what it expects holds: one test per file.

use std::path::{Path, PathBuf};

use rebalab::analysis::figures::KnownFigures;
use rebalab::experiment;
use rebalab::scenario::{NoFiles, Scenario, load};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

fn scenario(name: &str) -> Scenario {
    let path = folder().join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).expect("a scenario of the pack");
    load(&path.display().to_string(), &text, &NoFiles, &KnownFigures).unwrap_or_else(|problems| panic!("{problems}"))
}

fn holds(name: &str) {
    let scenario = scenario(name);
    assert_eq!(scenario.name, name, "a scenario is named as its file");
    assert!(
        !scenario.expect.is_empty() && !scenario.description.is_empty(),
        "{name} says what it is and what it expects"
    );
    for seed in 1..=4 {
        let (outcome, _) = experiment::run(&scenario, seed, &mut []);
        for expectation in &outcome.expectations {
            assert!(expectation.holds, "rebalab run scenarios/{name}.json --seed {seed}: {}", expectation.text);
        }
    }
}

macro_rules! scenarios {
    ($($test:ident => $name:literal,)*) => {
        $(#[test] fn $test() { holds($name); })*

        #[test]
        fn every_file_of_the_pack_has_a_test() {
            let mut files: Vec<String> = std::fs::read_dir(folder())
                .expect("the pack")
                .filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix(".json")?.to_string()))
                .collect();
            files.sort();
            let mut tested = vec![$($name),*];
            tested.sort();
            assert_eq!(files, tested);
        }
    };
}

scenarios! {
    close_remain_in_group => "close-remain-in-group",
    cold_start_without_delay => "cold-start-without-delay",
    cold_start => "cold-start",
    commit_in_a_rebalance => "commit-in-a-rebalance",
    cooperative_join => "cooperative-join",
    coordinator_restart => "coordinator-restart",
    crash_and_ghost => "crash-and-ghost",
    crash => "crash",
    duplicate_instance_id => "duplicate-instance-id",
    full_reshuffle => "full-reshuffle",
    gc_pause_longer_than_session => "gc-pause-longer-than-session",
    gc_pause_shorter_than_session => "gc-pause-shorter-than-session",
    graceful_leave => "graceful-leave",
    group_too_large => "group-too-large",
    growing_processing_after => "growing-processing-after",
    growing_processing_before => "growing-processing-before",
    jitter_short_session_after => "jitter-short-session-after",
    jitter_short_session_before => "jitter-short-session-before",
    join_stable_group => "join-stable-group",
    member_stuck_at_rebalance_timeout => "member-stuck-at-rebalance-timeout",
    new_partitions => "new-partitions",
    one_way_loss => "one-way-loss",
    partition_longer_than_session => "partition-longer-than-session",
    partition_shorter_than_session => "partition-shorter-than-session",
    poll_stall_beyond_max_poll_interval => "poll-stall-beyond-max-poll-interval",
    rolling_restart_dynamic => "rolling-restart-dynamic",
    rolling_restart_static => "rolling-restart-static",
    slow_batch_holds_the_barrier => "slow-batch-holds-the-barrier",
    static_restart_in_time => "static-restart-in-time",
    static_restart_too_late => "static-restart-too-late",
    storage_stall_in_a_rebalance => "storage-stall-in-a-rebalance",
}
