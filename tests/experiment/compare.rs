//! `rebalab compare` as users type it.

use crate::bench::Bench;

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn two_properties_files_are_compared_under_the_same_seeds() {
    let bench = Bench::new();
    bench.write("a.properties", "session.timeout.ms=6000\nheartbeat.interval.ms=2000\n");
    bench.write("b.properties", "# patient\nsession.timeout.ms = 45000\n");
    let done = bench.ends(0, "compare small.json a.properties b.properties --seeds 20 --out out");
    assert!(done.out.contains("b against a") && done.out.contains("95 % interval"), "{}", done.out);
    assert!(done.out.contains("Every value stands for 20 runs"), "{}", done.out);
    let result = json(&bench.read("out/comparison.json"));
    assert_eq!(result["seeds"], 20);
    let figure = |name: &str| {
        let figures = result["figures"].as_array().unwrap();
        figures.iter().find(|figure| figure["name"] == name).unwrap().clone()
    };
    // A crash is noticed after the session timeout at the latest, and not before most of it has passed.
    let detection = figure("detection_s.p50");
    assert_eq!(detection["differences"][0]["told"], "worse");
    assert!(detection["differences"][0]["interval"]["low"].as_f64().unwrap() > 30.0, "{detection}");
    // Pauses of up to 15 s expel members at a session of 6 s; at 45 s several must come in a row.
    let expulsions = figure("false_expulsions_per_hour");
    assert_eq!(expulsions["differences"][0]["told"], "better");
    let per_hour = |variant: usize| expulsions["values"][variant]["value"].as_f64().unwrap();
    assert!(per_hour(0) > 50.0 && per_hour(1) < 5.0, "{expulsions}");
    assert_eq!(expulsions["values"][1]["runs"], 20);
    for file in ["runs.jsonl", "runs.csv", "comparison.txt", "charts/pause.svg", "variants/b.json", "manifest.txt"] {
        assert!(!bench.read(&format!("out/{file}")).is_empty(), "{file}");
    }
    assert_eq!(bench.read("out/runs.csv").lines().count(), 41);
}

#[test]
fn a_variant_that_was_written_out_runs_on_its_own_with_the_same_figures() {
    let bench = Bench::new();
    bench.ends(0, "compare small.json --seeds 4..6 --out out");
    let rows: Vec<_> = bench.read("out/runs.jsonl").lines().skip(1).map(json).collect();
    let row = &rows[3];
    assert_eq!((row["point"].as_u64(), row["seed"].as_u64()), (Some(1), Some(5)));
    let alone = json(&bench.ends(0, "run out/variants/long.json --seed 5 --format json").out);
    assert_eq!(row["figures"]["sums"]["paused_partition_seconds"], alone["totals"]["paused_partition_seconds"]);
    assert_eq!(row["figures"]["sums"]["rebalances"].as_f64(), alone["totals"]["rebalances"].as_f64());
}

#[test]
fn variants_in_the_scenario_file_are_compared_with_each_other_or_one_with_the_scenario() {
    let bench = Bench::new();
    assert!(bench.ends(0, "compare small.json --seeds 6").out.contains("long against short"));
    assert!(bench.ends(0, "compare small.json --only long --seeds 6").out.contains("long against scenario"));
    bench.write("c.properties", "max.poll.records=100\n");
    assert!(bench.ends(0, "compare small.json c.properties --seeds 6").out.contains("c against scenario"));
}

#[test]
fn threads_make_no_difference_to_any_byte() {
    let bench = Bench::new();
    let one = bench.ends(0, "compare small.json --seeds 12 --out one --threads 1").out;
    let two = bench.ends(0, "compare small.json --seeds 12 --out two --threads 2").out;
    bench.assert_same("one", "two");
    assert_eq!(one.replace("one/", ""), two.replace("two/", ""));
}

#[test]
fn enough_is_enough() {
    let bench = Bench::new();
    let until = "compare small.json --seeds 400 --until 20% --out out";
    let done = bench.ends(0, until);
    let result = json(&bench.read("out/comparison.json"));
    let seeds = result["seeds"].as_u64().unwrap();
    assert!((10..400).contains(&seeds) && seeds.is_multiple_of(10), "{seeds}");
    assert!(done.out.contains(&format!("{seeds} of 400 seeds")), "{}", done.out);
    assert_eq!(bench.read("out/runs.jsonl").lines().count() as u64, seeds * 2 + 2);
    // The same call again finds everything done.
    assert_eq!(bench.ends(0, until).out, done.out);
}

#[test]
fn expectations_that_fail_in_a_variant_are_told_and_nothing_is_lost() {
    let bench = Bench::new();
    bench.changed("strict.json", "\"variants\"", "\"expect\": { \"false_expulsions\": \"== 0\" }, \"variants\"");
    let done = bench.ends(1, "compare strict.json --seeds 10 --out out");
    assert!(done.out.contains("short: an expectation of the scenario did not hold in "), "{}", done.out);
    assert_eq!(bench.read("out/runs.jsonl").lines().count(), 22);
}

#[test]
fn what_cannot_be_compared_is_refused_before_anything_is_written() {
    let bench = Bench::new();
    let refused = |arguments: &str, words: &str| {
        let done = bench.ends(2, arguments);
        let told = done.told();
        assert!(told.contains(words), "{arguments}: {told}");
        assert!(!bench.path("out").exists(), "{arguments} left something");
    };
    bench.write("bad.properties", "sesion.timeout.ms=6000\n");
    bench.write("wrong.properties", "session.timeout.ms=soon\n");
    bench.write("nonsense.properties", "session.timeout.ms=6000\nheartbeat.interval.ms=6000\n");
    bench.changed("alone.json", "\"variants\"", "\"unknown\"");
    refused("compare none.json --out out", "failed to read none.json");
    refused("compare alone.json --out out", "unknown key `unknown`");
    refused("compare small.json none.properties --out out", "failed to read none.properties");
    refused("compare small.json bad.properties --out out", "did you mean `session.timeout.ms`?");
    refused("compare small.json wrong.properties --out out", "session.timeout.ms=soon");
    refused("compare small.json nonsense.properties --out out", "variant `nonsense` can't be run");
    refused("compare small.json --only lang --out out", "no variant `lang`; it has: short, long");
    refused("compare small.json --figure pause_s.p990 --until 5% --out out", "there is no figure `pause_s.p990`");
    refused("compare small.json --seeds 5..1 --out out", "names no seeds");
    refused("compare small.json --until 500% --out out", "is no share");
    refused("compare small.json bad.properties bad.properties --out out", "given twice");
}

#[test]
fn an_experiment_is_not_written_over_other_files_or_another_experiment() {
    let bench = Bench::new();
    bench.ends(0, "compare small.json --seeds 2 --out out");
    let done = bench.ends(2, "compare small.json --seeds 3 --out out");
    assert!(done.err.contains("another experiment"), "{}", done.err);
    bench.ends(0, "compare small.json --seeds 3 --out out --force");
    std::fs::create_dir(bench.path("mine")).unwrap();
    bench.write("mine/thesis.txt", "mine");
    let done = bench.ends(2, "compare small.json --seeds 2 --out mine");
    assert!(done.err.contains("thesis.txt") && bench.read("mine/thesis.txt") == "mine", "{}", done.err);
    assert_eq!(bench.bytes("mine").len(), 1);
}
