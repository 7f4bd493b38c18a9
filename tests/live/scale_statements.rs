//! What the recordings of groups of 24 under traffic say as statements (README of `live-scale`), held against simulated
//! runs of the same scenarios under several seeds. Statements on `group.protocol=consumer` (6, 10 and parts of others)
//! are not modelled; 7 is a metric (`analysis::metrics`); 8 and 9 are judged by the recordings themselves.

use std::collections::BTreeMap;

use rebalab::client::ClientEvent;
use rebalab::conformance::live::Act;
use rebalab::coordinator::CoordinatorEvent;
use rebalab::engine::Millis;
use rebalab::trace::Event;

use super::run::*;

const SEEDS: std::ops::Range<u64> = 0..8;
const HEARTBEAT_MS: i64 = 3_000;
const SESSION_MS: i64 = 10_000;

/// Those of which a process was killed, by name.
fn killed(run: &Run) -> Vec<String> {
    let killed = run.actions.iter().filter_map(|action| match &action.what {
        Act::Kill(name) => Some(name.to_string()),
        _ => None,
    });
    killed.collect()
}

#[test]
fn statement_1_who_commits_after_every_batch_is_expired_a_session_after_its_last_commit() {
    let mut late = Vec::new();
    for run in runs("s3-crash-range", SEEDS).iter().chain(&runs("s3-crash-coop", SEEDS)) {
        let mut last_commit: BTreeMap<String, Millis> = BTreeMap::new();
        for (at, event) in &run.events {
            // In the recordings nobody's heartbeat came between its last commit and the crash; it would count as much.
            let restarts =
                |event: &ClientEvent| matches!(event, ClientEvent::CommitSent { .. } | ClientEvent::HeartbeatSent);
            if let Event::Client { consumer, event } = event
                && restarts(event)
            {
                last_commit.insert(run.name(*consumer).to_string(), *at);
            }
        }
        let killed = killed(run);
        assert_eq!(killed.len(), 8);
        let mut failed = 0;
        for (at, event) in run.coordinator_events() {
            let CoordinatorEvent::MemberFailed { member, .. } = event else { continue };
            let who =
                killed.iter().find(|name| member.as_str().starts_with(&format!("{name}-"))).expect("it was killed");
            // One commit of a hundred is 19 ms and more on its way (noise floor).
            within(run, "the expiry after a session", at - last_commit[who] - SESSION_MS, 0..=150);
            late.push(at - last_commit[who] - SESSION_MS);
            failed += 1;
        }
        assert_eq!(failed, 8, "seed {}", run.seed);
    }
    assert!(quantile(&late, 0.5) <= 7, "recorded: 10.000 to 10.007 s, here {} ms in the middle", quantile(&late, 0.5));
}

#[test]
fn statement_2_the_heartbeats_of_24_members_lie_close_together_and_decide_when_survivors_notice() {
    for run in runs("s3-crash-range", SEEDS) {
        let beats = run.last_heartbeats();
        if beats.len() < 24 {
            continue; // The crash came before the first heartbeats.
        }
        let (first, last) = (*beats.iter().min().unwrap(), *beats.iter().max().unwrap());
        within(&run, "the spread of 24 heartbeats", last - first, 0..=250);
        let rebalance = &run.rebalances()[0];
        let age = rebalance.start - middle_of(&beats);
        let next = (age / HEARTBEAT_MS + 1) * HEARTBEAT_MS - age;
        let mut notices: Vec<i64> = rebalance.notices.values().map(|at| *at - rebalance.start).collect();
        notices.sort_unstable();
        let middle = notices[notices.len() / 2];
        // Up to 150 ms early, because beats drift apart, and up to 250 ms late: 24 of them on one machine.
        let late = (middle - next + 150).rem_euclid(HEARTBEAT_MS) - 150;
        within(&run, "the notice after the next heartbeat", late, -150..=250);
    }
}

fn middle_of(beats: &[Millis]) -> Millis {
    let mut sorted = beats.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

#[test]
fn statement_3_a_join_stops_everything_for_a_moment_under_range_and_the_moved_for_an_interval_if_cooperative() {
    for run in runs("s2-join-range", SEEDS) {
        within(&run, "the longest pause", run.story.ownership.unavailable_max_ms, 20..=450);
    }
    for run in runs("s2-join-coop", SEEDS) {
        within(&run, "the longest pause", run.story.ownership.unavailable_max_ms, 2_700..=3_450);
    }
}

#[test]
fn statement_4_every_commit_of_a_cooperative_member_between_its_join_and_its_sync_fails_without_a_request() {
    for run in runs("s2-join-coop", SEEDS) {
        let mut joining: BTreeMap<String, bool> = BTreeMap::new();
        let mut synced: BTreeMap<String, Millis> = BTreeMap::new();
        let mut refused: BTreeMap<(String, u32), u32> = BTreeMap::new();
        let mut joins: BTreeMap<String, u32> = BTreeMap::new();
        for (at, name, event) in run.client_events() {
            let is_joining = joining.entry(name.to_string()).or_default();
            match event {
                ClientEvent::JoinGroupSent { .. } => {
                    *is_joining = true;
                    *joins.entry(name.to_string()).or_default() += 1;
                }
                ClientEvent::Synced { .. } => {
                    *is_joining = false;
                    synced.insert(name.to_string(), at);
                }
                ClientEvent::Exception { place: "commitSync", class, .. } => {
                    assert_eq!(*class, "RebalanceInProgressException", "seed {}", run.seed);
                    // A refused commit looks at the network once before it throws, and may read the SyncGroup answer there.
                    let read_it = synced.get(&**name) == Some(&at);
                    assert!(*is_joining || read_it, "seed {}: {name} was not joining", run.seed);
                    *refused.entry((name.to_string(), joins[&**name])).or_default() += 1;
                }
                ClientEvent::CommitSent { .. } => assert!(!*is_joining, "seed {}: {name} committed", run.seed),
                _ => {}
            }
        }
        // Recorded: three donors, some 15 batches each in the interval that the second round lasts. In a free run a consumer
        // that starts up late has donors of its own; and in a first round everybody waits for a few batches at most, as long
        // as heartbeats lie apart.
        let (donors, others): (Vec<u32>, Vec<u32>) = refused.values().partition(|batches| **batches > 5);
        assert!(donors.len() >= 3, "seed {}: {refused:?}", run.seed);
        assert!(donors.iter().all(|batches| (12..=18).contains(batches)), "seed {}: {donors:?}", run.seed);
        assert!(others.iter().all(|batches| *batches <= 3), "seed {}: {others:?}", run.seed);
    }
}

#[test]
fn statement_5_a_rolling_restart_of_three_times_eight_costs_six_rebalances_nine_if_cooperative_none_if_static() {
    let counts =
        |name: &str| -> Vec<i64> { runs(name, SEEDS).iter().map(|run| run.rebalances().len() as i64).collect() };
    assert_eq!(quantile(&counts("s5-rolling-range"), 0.5), 6);
    // Three for each process; one more where a newcomer was late and the others had noticed the first ones already, which
    // hangs on the phase of the heartbeats (the recording has one phase for all three).
    let cooperative = counts("s5-rolling-coop");
    assert!(cooperative.contains(&9) && cooperative.iter().all(|count| (9..=12).contains(count)), "{cooperative:?}");
    assert!(counts("s5-rolling-static-range").iter().chain(&counts("s5-rolling-static-coop")).all(|count| *count == 0));
}
