//! Parts of an experiment that ran in several places: `--shard` and `rebalab merge`.

use crate::bench::Bench;

const SWEEP: &str = "sweep small.json --session.timeout.ms=6000,12000,40000 --max.poll.records=50,500 --seeds 4";
const COMPARE: &str = "compare small.json --seeds 9";

/// Runs a command in so many shards and names the parts, last first.
fn shards(bench: &Bench, command: &str, of: u32) -> String {
    let name = |number| format!("part-{number}-of-{of}");
    (1..=of).for_each(|number| {
        bench.ends(0, &format!("{command} --shard {number}/{of} --out {}", name(number)));
    });
    (1..=of).rev().map(name).collect::<Vec<_>>().join(" ")
}

#[test]
fn one_two_and_seven_shards_of_a_sweep_merge_to_the_bytes_of_one_run_in_any_order() {
    let bench = Bench::new();
    let whole = bench.ends(0, &format!("{SWEEP} --out whole")).out;
    for of in [1, 2, 7] {
        let parts = shards(&bench, SWEEP, of);
        let merged = bench.ends(0, &format!("merge {parts} --out merged-{of}")).out;
        bench.assert_same("whole", &format!("merged-{of}"));
        assert_eq!(whole.replace("whole/", ""), merged.replace(&format!("merged-{of}/"), ""));
    }
}

#[test]
fn shards_of_a_comparison_merge_to_the_bytes_of_one_run() {
    let bench = Bench::new();
    bench.ends(0, &format!("{COMPARE} --out whole"));
    // Five shards of eighteen runs: seeds are torn apart between them.
    let parts = shards(&bench, COMPARE, 5);
    bench.ends(0, &format!("merge {parts} --out merged"));
    bench.assert_same("whole", "merged");
}

#[test]
fn a_shard_that_runs_again_changes_nothing() {
    let bench = Bench::new();
    let shard = format!("{SWEEP} --shard 2/3 --out part");
    bench.ends(0, &shard);
    let before = bench.read("part");
    bench.ends(0, &shard);
    assert_eq!(before, bench.read("part"));
    let other = bench.ends(2, &format!("{SWEEP} --shard 1/3 --out part"));
    assert!(other.err.contains("is another shard"), "{}", other.err);
    assert_eq!(before, bench.read("part"));
}

#[test]
fn parts_that_do_not_belong_together_are_refused_and_missing_ones_listed() {
    let bench = Bench::new();
    shards(&bench, SWEEP, 4);
    bench.ends(0, &format!("{SWEEP} --max.poll.interval.ms=60000 --shard 2/4 --out other-axis"));
    bench.ends(0, &format!("{} --shard 2/4 --out other-seeds", SWEEP.replace("--seeds 4", "--seeds 5")));
    bench.ends(0, &format!("{SWEEP} --shard 2/3 --out other-count"));
    bench.changed("small.json", "\"3m\"", "\"4m\"");
    bench.ends(0, &format!("{SWEEP} --shard 2/4 --out other-scenario"));
    let refused = |parts: &str, words: &str| {
        let done = bench.ends(2, &format!("merge {parts} --out merged"));
        let told = done.told();
        assert!(told.contains(words), "{parts}: {told}");
        assert!(!bench.path("merged").exists(), "{parts} left something");
    };
    refused("part-3-of-4 part-1-of-4", "2 of 4 shards are missing: 2/4, 4/4");
    refused("part-1-of-4 part-1-of-4", "are the same shard, 1/4");
    refused("part-1-of-4 other-axis", "differ in the settings that are varied");
    refused("part-1-of-4 other-seeds", "differ in seeds: 1..4 and 1..5");
    refused("part-1-of-4 other-count", "differ in number of shards: 4 and 3");
    refused("part-1-of-4 other-scenario", "differ in scenario: `small`");
    refused("part-1-of-4 none", "none");
    refused("small.json", "this is no file of runs");
}

#[test]
fn a_part_that_is_broken_or_cut_off_is_refused_by_name_and_line() {
    let bench = Bench::new();
    let parts = shards(&bench, SWEEP, 2);
    let second = bench.read("part-2-of-2");
    let refused = |text: &str, words: &str| {
        bench.write("part-2-of-2", text);
        let done = bench.ends(2, &format!("merge {parts} --out merged"));
        let told = done.told();
        assert!(told.contains(words), "{told}");
        assert!(!bench.path("merged/runs.jsonl").exists());
    };
    refused(&second[..second.len() / 2], "part-2-of-2: it breaks off after");
    refused(&second.replacen("\"rebalances\":", "\"rebalance\":", 1), "part-2-of-2: line 2 is damaged");
    refused(&second.replacen("\"duration_s\":180.0", "\"duration_s\":181.0", 1), "part-2-of-2: line 14 is damaged");
    bench.write("part-2-of-2", &second);
    bench.ends(0, &format!("merge {parts} --out merged"));
}

#[test]
fn shards_are_counted_from_one_to_their_number() {
    let bench = Bench::new();
    for (shard, words) in [("0/3", "counted from 1"), ("4/3", "only 3 shards"), ("x", "is no shard")] {
        let done = bench.ends(2, &format!("{COMPARE} --shard {shard} --out part"));
        assert!(done.err.contains(words), "{}", done.err);
    }
    let done = bench.ends(2, &format!("{COMPARE} --shard 1/3"));
    assert!(done.err.contains("--out"), "{}", done.err);
}
