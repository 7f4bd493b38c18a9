//! `rebalab sweep` as users type it.

use crate::bench::Bench;

const AXES: &str = "--session.timeout.ms=6000,12000,40000 --heartbeat.interval.ms=1000..13000/4000";

#[test]
fn a_grid_gives_maps_curves_and_tables() {
    let bench = Bench::new();
    let done = bench.ends(0, &format!("sweep small.json {AXES} --seeds 8 --out out"));
    assert!(done.out.contains("9 points × 8 seeds"), "{}", done.out);
    assert!(done.out.contains("Left out: 3 combinations"), "{}", done.out);
    let points = bench.read("out/points.csv");
    assert_eq!(points.lines().count(), 10);
    assert!(points.starts_with("point,session.timeout.ms,heartbeat.interval.ms,runs,"), "{points}");
    let left_out = bench.read("out/left-out.csv");
    assert_eq!(left_out.lines().count(), 4);
    assert!(left_out.contains("6000,9000,") && left_out.contains("heartbeat.interval.ms"), "{left_out}");
    assert_eq!(bench.read("out/runs.csv").lines().count(), 73);
    assert_eq!(bench.read("out/runs.jsonl").lines().count(), 74);
    for chart in [
        "paused-partition-seconds-per-hour-by-session.timeout.ms-and-heartbeat.interval.ms",
        "trade-off-by-session.timeout.ms",
        "pause-by-session.timeout.ms",
        "detection-by-heartbeat.interval.ms",
    ] {
        assert!(bench.read(&format!("out/charts/{chart}.svg")).starts_with("<svg"), "{chart}");
    }
    let sweep: serde_json::Value = serde_json::from_str(&bench.read("out/sweep.json")).unwrap();
    let best = sweep["aim"]["best"].as_u64().unwrap();
    let standings = sweep["points"].as_array().unwrap().iter().filter(|point| point["from_best"].is_null());
    assert!(
        standings.map(|point| point["point"].as_u64().unwrap()).eq([best]),
        "only the best has no difference from it"
    );
    let worst = sweep["worst"]["run"]["seed"].as_u64().unwrap();
    let alone = bench.run(&format!("run out/worst.json --seed {worst} --format json")).out;
    let alone: serde_json::Value = serde_json::from_str(&alone).unwrap();
    assert_eq!(alone["totals"]["paused_partition_seconds"], sweep["worst"]["run"]["paused_partition_seconds"]);
}

#[test]
fn threads_make_no_difference_to_any_byte() {
    let bench = Bench::new();
    bench.ends(0, &format!("sweep small.json {AXES} --seeds 3 --out one --threads 1"));
    bench.ends(0, &format!("sweep small.json {AXES} --seeds 3 --out two --threads 2"));
    bench.assert_same("one", "two");
}

#[test]
fn numbers_of_the_scenario_and_values_that_follow_others_are_axes_too() {
    let bench = Bench::new();
    let axes = "--groups[billing].consumers[worker].count=2,4 --session.timeout.ms=9000,30000 \
                --heartbeat.interval.ms=session.timeout.ms/3 --faults[1].crash.restart_after=10s..20s/10s";
    bench.ends(0, &format!("sweep small.json {axes} --seeds 2 --out out"));
    let points = bench.read("out/points.csv");
    assert!(points.contains("\n7,4,30000,10000,20s,2,"), "{points}");
}

#[test]
fn samples_fall_anywhere_between() {
    let bench = Bench::new();
    let done = bench.ends(0, "sweep small.json --session.timeout.ms=6000..60000* --samples 6 --seeds 2 --out out");
    assert!(done.out.contains("6 points × 2 seeds"), "{}", done.out);
    let points = bench.read("out/points.csv");
    let sessions: Vec<u32> =
        points.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().parse().unwrap()).collect();
    assert!(sessions.iter().all(|session| (6_000..=60_000).contains(session)), "{sessions:?}");
}

#[test]
fn what_makes_no_sweep_is_refused_before_anything_is_written() {
    let bench = Bench::new();
    let refused = |arguments: &str, words: &str| {
        let done = bench.ends(2, &format!("sweep small.json {arguments}"));
        let told = done.told();
        assert!(told.contains(words), "{arguments}: {told}");
        assert!(!bench.path("out").exists(), "{arguments} left something");
    };
    refused("--out out", "nothing to vary");
    refused("--session.timeout.ms=6000", "--out DIR");
    refused("--sesion.timeout.ms=6000 --out out", "did you mean `session.timeout.ms`?");
    refused("--session.timeout.ms= --out out", "empty value");
    refused("--session.timeout.ms --out out", "gives no values");
    refused("--session.timeout.ms=1000..1000000/1 --out out", "--yes");
    refused("--session.timeout.ms=6000 --session.timeout.ms=9000 --out out", "given twice");
    refused("--max.poll.records=0 --out out", "max.poll.records=0");
    refused("--heartbeat.interval.ms=20000,30000 --out out", "none of the 2 combinations can be run");
    refused("--groups[0].consumers[0].cuont=3 --out out", "did you mean `count`?");
    refused("--groups[sales].consumers[0].count=3 --out out", "no entry `sales`");
    refused("--faults[0].random.gap=3s --out out", "not a single value");
    refused("--session.timeout.ms=6000 --figure speed --out out", "no figure `speed`");
    refused("--session.timeout.ms=6000..9000 --out out", "has no step");
    refused("--session.timeout.ms=6000 --samples 0 --out out", "at least 1");
}
