//! `rebalab claims` as users type it.

use crate::bench::Bench;

/// A claim about the small scenario: a session of 40 s instead of 6 s expels fewer members that merely pause.
fn claim(figure: &str, claimed_by: &str) -> String {
    let bench = Bench::new();
    let mut scenario: serde_json::Value = serde_json::from_str(&bench.read("small.json")).unwrap();
    scenario.as_object_mut().unwrap().remove("variants");
    format!(
        r#"{{
            "format_version": 1, "name": "patience", "claim": "A patient session expels fewer members",
            "sources": ["somebody"], "experiment": "It is tried.", "seeds": 12, "along": "pauses",
            "conditions": [
                {{ "name": "pauses of 1 to 3 s", "at": 3, "settings": {{ "faults[0].gc_pause.for.uniform.to": "3s" }} }},
                {{ "name": "pauses of 1 to 15 s", "at": 15 }}
            ],
            "test": {{ "better": {{
                "without": {{ "name": "6 s", "settings": {{ "session.timeout.ms": 6000, "heartbeat.interval.ms": 2000 }} }},
                "with": {{ "name": "40 s", "settings": {{ "session.timeout.ms": 40000 }} }},
                "figure": "{figure}", "margin": 0.05
            }} }},
            "words": {{ "depends": "{claimed_by}" }},
            "scenario": {scenario}
        }}"#
    )
}

#[test]
fn a_verdict_follows_from_runs_and_says_where_it_turns() {
    let bench = Bench::new();
    bench.write("patience.json", &claim("false_expulsions_per_hour", "Only long pauses expel."));
    let done = bench.ends(0, "claims patience.json --out out");
    assert!(done.out.contains("depends  A patient session expels fewer members"), "{}", done.out);
    let page = bench.read("out/patience.md");
    assert!(page.contains("It turns between pauses of 1 to 3 s and pauses of 1 to 15 s."), "{page}");
    assert!(page.contains("Only long pauses expel.") && page.contains("48 runs in all, 12 of each"), "{page}");
    assert!(bench.read("out/charts/patience.svg").starts_with("<svg"));
    assert!(bench.read("out/README.md").contains("**depends**"));
    // The same rule on another figure turns the verdict: words in the file do not decide.
    bench.write("patience.json", &claim("detection_s.p50", "Only long pauses expel."));
    let done = bench.ends(0, "claims patience.json");
    assert!(done.out.contains("wrong  A patient session"), "{}", done.out);
}

/// The same scenario with three sessions among which one is claimed to be the best.
fn best(claimed: &str) -> String {
    let mut claim: serde_json::Value = serde_json::from_str(&claim("false_expulsions_per_hour", "")).unwrap();
    let named =
        |name: &str, millis: u32| serde_json::json!({ "name": name, "settings": { "session.timeout.ms": millis } });
    claim["name"] = claimed.replace(' ', "").into();
    claim["claim"] = format!("{claimed} is best").into();
    claim["test"] = serde_json::json!({ "best": {
        "claimed": claimed, "among": [named("6 s", 6_000), named("20 s", 20_000), named("40 s", 40_000)],
        "figure": "false_expulsions_per_hour", "margin": 0.05
    } });
    claim.to_string()
}

#[test]
fn claims_about_the_same_runs_share_them() {
    let bench = Bench::new();
    bench.write("six.json", &best("6 s"));
    bench.write("forty.json", &best("40 s"));
    let done = bench.ends(0, "claims six.json forty.json --out out");
    assert!(done.out.contains("wrong  6 s is best") && done.out.contains("depends  40 s is best"), "{}", done.out);
    let index = bench.read("out/README.md");
    assert!(index.contains("2 claims tested with 72 runs"), "3 variants, 2 conditions, 12 seeds, once: {index}");
    let page = bench.read("out/6s.md");
    assert!(page.contains("Another is better with") && page.contains("pauses of 1 to 15 s ("), "{page}");
    assert!(page.contains("| | 6 s | 20 s | 40 s | against the best other | finding |"), "{page}");
    bench.write("six.json", &best("7 s"));
    assert!(bench.ends(2, "claims six.json").told().contains("exactly one of two or more settings"));
}

#[test]
fn threads_make_no_difference_to_any_byte() {
    let bench = Bench::new();
    bench.write("patience.json", &claim("false_expulsions_per_hour", ""));
    bench.ends(0, "claims patience.json --out one --threads 1");
    bench.ends(0, "claims patience.json --out two --threads 2");
    bench.assert_same("one", "two");
}

#[test]
fn what_is_no_claim_is_refused_before_anything_runs() {
    let bench = Bench::new();
    let refused = |text: &str, words: &str| {
        bench.write("bad.json", text);
        let done = bench.ends(2, "claims bad.json --out out");
        assert!(done.told().contains(words), "{}", done.err);
        assert!(!bench.path("out").exists());
    };
    let good = claim("false_expulsions_per_hour", "");
    refused("{}", "missing field");
    refused(&good.replace("false_expulsions_per_hour", "luck"), "there is no figure `luck`");
    refused(&good.replace("[\"somebody\"]", "[]"), "needs a source");
    refused(&good.replace("faults[0].gc_pause", "faults[0].gc_puase"), "has no `gc_puase`");
    refused(&good.replace("\"along\"", "\"verdict\": \"holds\", \"along\""), "unknown field `verdict`");
    bench.ends(2, "claims none.json");
}

#[test]
fn every_claim_of_the_pack_can_be_tested() {
    let pack = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/claims");
    let files: Vec<_> = std::fs::read_dir(&pack).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 14, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let claim = rebalab::experiment::claims::ClaimFile::read(&text);
        let claim = claim.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_eq!(file.file_stem().unwrap().to_str(), Some(claim.name.as_str()));
        claim.plan().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
}

fn repository() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_report_has_a_page_a_chart_and_a_verdict_for_every_claim_of_the_pack() {
    let report = repository().join("reports/claims");
    let read =
        |name: &str| std::fs::read_to_string(report.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let (index, judged) = (read("README.md"), read("claims.json"));
    let judged: Vec<rebalab::experiment::claims::JudgedClaim> = serde_json::from_str(&judged).unwrap();
    let pack = repository().join("scenarios/claims");
    let mut files: Vec<_> = std::fs::read_dir(&pack).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(judged.len(), files.len());
    for (judged, file) in judged.iter().zip(files) {
        let claim = rebalab::experiment::claims::ClaimFile::read(&std::fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(judged.name, claim.name);
        let experiment = claim.plan().unwrap().definition().digest();
        assert_eq!(judged.experiment, experiment, "{} was changed after it was judged", claim.name);
        let page = read(&format!("{}.md", claim.name));
        assert!(page.starts_with(&format!("# {}\n", claim.claim)), "{}", claim.name);
        assert!(claim.sources.iter().all(|source| page.contains(source)), "{}", claim.name);
        assert!(index.contains(&format!("[{}]({}.md)", claim.claim, claim.name)), "{}", claim.name);
        assert!(read(&format!("charts/{}.svg", claim.name)).starts_with("<svg"));
    }
}

#[test]
fn a_claim_of_the_report_comes_out_again_byte_for_byte() {
    let bench = Bench::new();
    let name = "heartbeat-a-third-of-the-session";
    let file = repository().join(format!("scenarios/claims/{name}.json"));
    bench.ends(0, &format!("claims {} --out out", file.display()));
    for file in [format!("{name}.md"), format!("charts/{name}.svg")] {
        let kept = std::fs::read_to_string(repository().join("reports/claims").join(&file)).unwrap();
        assert_eq!(bench.read(&format!("out/{file}")), kept, "{file}: see reports/claims/README.md for how it is made");
    }
}

#[test]
fn claims_about_one_value_each_share_their_experiment() {
    let digest = |seconds: u32| {
        let file = repository().join(format!("scenarios/claims/session-{seconds}s.json"));
        let claim = rebalab::experiment::claims::ClaimFile::read(&std::fs::read_to_string(file).unwrap()).unwrap();
        claim.plan().unwrap().definition().digest()
    };
    assert!([10, 30, 45, 120].map(digest).iter().all(|other| *other == digest(6)));
}
