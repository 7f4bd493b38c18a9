//! Every scenario of the pack runs under several seeds, and what it expects holds: one test per file.

#[path = "scenarios/brokers.rs"]
mod brokers;
#[path = "scenarios/members.rs"]
mod members;

use std::path::{Path, PathBuf};

use rebalab::analysis::figures::{self, KnownFigures};
use rebalab::analysis::outcome::FigureValue;
use rebalab::experiment;
use rebalab::scenario::{Files, Scenario, load};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// Files beside a scenario, which it names.
struct Beside(PathBuf);

impl Files for Beside {
    fn read(&self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(self.0.join(path)).map_err(|error| error.to_string())
    }
}

fn scenario(name: &str) -> Scenario {
    let path = folder().join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).expect("a scenario of the pack");
    let files = Beside(path.parent().expect("a folder").to_path_buf());
    load(&path.display().to_string(), &text, &files, &KnownFigures).unwrap_or_else(|problems| panic!("{problems}"))
}

fn holds(name: &str) {
    let scenario = scenario(name);
    let file = name.rsplit('/').next().unwrap_or(name);
    assert_eq!(scenario.name, file, "a scenario is named as its file");
    assert!(
        !scenario.expect.is_empty() && !scenario.description.is_empty(),
        "{name} says what it is and what it expects"
    );
    // Those in folders of their own are larger.
    let seeds = if name == file { 4 } else { 2 };
    for seed in 1..=seeds {
        let (outcome, _) = experiment::run(&scenario, seed, &mut []);
        for expectation in &outcome.expectations {
            assert!(expectation.holds, "rebalab run scenarios/{name}.json --seed {seed}: {}", expectation.text);
        }
    }
}

/// Scenarios of a folder, as tests name them.
fn files_of(sub: &str) -> Vec<String> {
    let listed = std::fs::read_dir(folder().join(sub)).expect("the pack");
    let names = listed.filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix(".json")?.to_string()));
    names.map(|name| if sub.is_empty() { name } else { format!("{sub}/{name}") }).collect()
}

macro_rules! scenarios {
    ($($test:ident => $name:literal,)*) => {
        $(#[test] fn $test() { holds($name); })*

        #[test]
        fn every_file_of_the_pack_has_a_test() {
            let folders = ["", "deployments", "incidents", "machines"];
            let mut files: Vec<String> = folders.into_iter().flat_map(files_of).collect();
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
    coordinator_crash => "coordinator-crash",
    coordinator_lost_in_a_rebalance => "coordinator-lost-in-a-rebalance",
    coordinator_restart => "coordinator-restart",
    crash_and_ghost => "crash-and-ghost",
    crash => "crash",
    duplicate_instance_id => "duplicate-instance-id",
    fifty_pods => "fifty-pods",
    full_reshuffle => "full-reshuffle",
    gc_pause_longer_than_session => "gc-pause-longer-than-session",
    gc_pause_shorter_than_session => "gc-pause-shorter-than-session",
    graceful_leave => "graceful-leave",
    group_too_large => "group-too-large",
    growing_processing_after => "growing-processing-after",
    growing_processing_before => "growing-processing-before",
    heartbeat_two_thirds_of_the_session => "heartbeat-two-thirds-of-the-session",
    jitter_short_session_after => "jitter-short-session-after",
    jitter_short_session_before => "jitter-short-session-before",
    join_stable_group => "join-stable-group",
    member_stuck_at_rebalance_timeout => "member-stuck-at-rebalance-timeout",
    new_partitions => "new-partitions",
    only_broker_restarts => "only-broker-restarts",
    one_way_loss => "one-way-loss",
    partition_longer_than_session => "partition-longer-than-session",
    partition_shorter_than_session => "partition-shorter-than-session",
    poll_stall_beyond_max_poll_interval => "poll-stall-beyond-max-poll-interval",
    rolling_restart_dynamic => "rolling-restart-dynamic",
    rolling_restart_static => "rolling-restart-static",
    slow_batch_before_kip_62 => "slow-batch-before-kip-62",
    slow_batch_since_kip_62 => "slow-batch-since-kip-62",
    slow_batch_holds_the_barrier => "slow-batch-holds-the-barrier",
    slow_listener => "slow-listener",
    static_restart_in_time => "static-restart-in-time",
    static_restart_too_late => "static-restart-too-late",
    storage_stall_in_a_rebalance => "storage-stall-in-a-rebalance",
    upgrade_to_cooperative => "upgrade-to-cooperative",
    deployments_crash_loop => "deployments/crash-loop",
    deployments_deployment_from_a_manifest => "deployments/deployment-from-a-manifest",
    deployments_killed_before_it_could_leave => "deployments/killed-before-it-could-leave",
    deployments_node_drain => "deployments/node-drain",
    deployments_scaled_up_and_down => "deployments/scaled-up-and-down",
    deployments_stateful_set_from_a_manifest => "deployments/stateful-set-from-a-manifest",
    incidents_a_commit_between_join_and_sync => "incidents/a-commit-between-join-and-sync",
    incidents_a_message_of_seven_minutes => "incidents/a-message-of-seven-minutes",
    incidents_a_rollout_while_brokers_restart => "incidents/a-rollout-while-brokers-restart",
    incidents_a_static_leader_with_a_new_subscription => "incidents/a-static-leader-with-a-new-subscription",
    incidents_first_heartbeat_after_a_slow_set_up => "incidents/first-heartbeat-after-a-slow-set-up",
    incidents_lag_makes_batches_too_long => "incidents/lag-makes-batches-too-long",
    incidents_leave_on_close_off => "incidents/leave-on-close-off",
    incidents_metadata_that_flaps => "incidents/metadata-that-flaps",
    incidents_poll_barrier_of_30_minutes => "incidents/poll-barrier-of-30-minutes",
    incidents_racks_and_unequal_subscriptions => "incidents/racks-and-unequal-subscriptions",
    incidents_racks_while_brokers_restart => "incidents/racks-while-brokers-restart",
    incidents_request_timeout_below_the_rebalance => "incidents/request-timeout-below-the-rebalance",
    incidents_rollout_of_40_pods_cooperative => "incidents/rollout-of-40-pods-cooperative",
    incidents_rollout_of_40_pods_eager => "incidents/rollout-of-40-pods-eager",
    incidents_rollout_of_40_pods_late_threads => "incidents/rollout-of-40-pods-late-threads",
    incidents_rollout_of_40_pods_static => "incidents/rollout-of-40-pods-static",
    incidents_twenty_records_of_a_minute => "incidents/twenty-records-of-a-minute",
    incidents_unequal_subscriptions => "incidents/unequal-subscriptions",
    incidents_waiting_members_expire_themselves => "incidents/waiting-members-expire-themselves",
    machines_clock_jumps_back => "machines/clock-jumps-back",
    machines_clock_jumps_forward => "machines/clock-jumps-forward",
    machines_concurrent_collector_is_harmless => "machines/concurrent-collector-is-harmless",
    machines_cpu_quota_throttles_a_batch => "machines/cpu-quota-throttles-a-batch",
    machines_heap_pressure_makes_pauses_too_long => "machines/heap-pressure-makes-pauses-too-long",
    machines_noisy_neighbours_stretch_batches => "machines/noisy-neighbours-stretch-batches",
    machines_vm_frozen_and_resumed => "machines/vm-frozen-and-resumed",
}

/// Figures that no scenario of the pack is about: what seldom happens, and keys that are names of exceptions.
const NOT_IN_THE_PACK: [&str; 9] = [
    "rebalances_by_reason.sync_timeout",
    "rebalances_by_reason.static_member_changed",
    "rebalances_by_reason.other",
    "rebalances_by_trigger.sync_timeout",
    "rebalances_by_trigger.attempt_failed",
    "rebalances_by_trigger.static_member_changed",
    "rebalances_by_trigger.unknown",
    "commit_failures.worker-2",
    "exceptions.worker-2",
];

#[test]
fn every_other_figure_has_a_value_in_some_run_of_the_pack() {
    let mut missing = figures::paths("worker-2");
    missing.retain(|path| !NOT_IN_THE_PACK.contains(&path.as_str()));
    for entry in std::fs::read_dir(folder()).expect("the pack") {
        let file = entry.expect("a file").file_name();
        let Some(name) = file.to_str().and_then(|name| name.strip_suffix(".json")) else { continue };
        let (outcome, _) = experiment::run(&scenario(name), 1, &mut []);
        missing.retain(|path| match outcome.figure(path).expect("a known figure") {
            None => true,
            Some(FigureValue::Number(number)) => number == 0.0,
            Some(FigureValue::Text(text)) => text.is_empty(),
        });
    }
    assert!(missing.is_empty(), "{missing:?}");
}
