//! Same file and seed, same bytes: whatever else is looked at, written or simulated beside it.

use rebalab::analysis::Outcome;
use rebalab::analysis::figures::KnownFigures;
use rebalab::experiment;
use rebalab::report::json;
use rebalab::scenario::{NoFiles, load};
use rebalab::trace::{Directory, Observer, TraceEvent, TraceWriter};

const BILLING: &str = r#"{ "id": "billing", "consumers": [{
    "name": "worker", "count": 4, "start": { "every": "300ms" },
    "properties": { "session.timeout.ms": 6000, "heartbeat.interval.ms": 2000 },
    "processing": { "per_record": { "lognormal": { "median": "2ms", "p99": "40ms" } } } }] }"#;

const AUDIT: &str = r#"{ "id": "audit", "consumers": [{ "name": "auditor", "count": 3 }] }"#;

fn scenario(groups: &[&str]) -> rebalab::scenario::Scenario {
    let text = format!(
        r#"{{ "format_version": 1, "name": "determinism", "duration": "10m",
        "cluster": {{ "topics": [{{ "name": "orders", "partitions": 12, "arrivals": {{ "per_second": 60 }} }}] }},
        "groups": [{}],
        "network": {{ "latency": {{ "uniform": {{ "from": "300us", "to": "2ms" }} }}, "loss": 0.01 }},
        "faults": [
            {{ "at": "60s", "gc_pause": {{ "host": "worker-2", "for": "8s" }} }},
            {{ "at": "120s", "crash": {{ "host": "worker-3", "restart_after": "5s" }} }} ] }}"#,
        groups.join(", ")
    );
    load("determinism.json", &text, &NoFiles, &KnownFigures).unwrap_or_else(|problems| panic!("{problems}"))
}

fn run(groups: &[&str], seed: u64, others: &mut [&mut dyn Observer]) -> Outcome {
    experiment::run(&scenario(groups), seed, others).0
}

#[test]
fn the_same_seed_gives_the_same_report_to_the_byte() {
    assert_eq!(json::text(&run(&[BILLING], 7, &mut [])), json::text(&run(&[BILLING], 7, &mut [])));
}

#[test]
fn another_seed_gives_another_run() {
    assert_ne!(run(&[BILLING], 7, &mut []).run.digest, run(&[BILLING], 8, &mut []).run.digest);
}

#[test]
fn a_trace_changes_nothing() {
    let mut trace = Vec::new();
    let directory = rebalab::cluster::directory(&scenario(&[BILLING]));
    let mut writer = TraceWriter::new(&directory, &mut trace);
    let traced = run(&[BILLING], 7, &mut [&mut writer]);
    writer.finish().unwrap();
    assert_eq!(traced.run.digest, run(&[BILLING], 7, &mut []).run.digest);
    assert!(trace.len() > 10_000);
}

#[test]
fn an_unrelated_group_leaves_the_first_groups_trace_unchanged() {
    let alone = run(&[BILLING], 7, &mut []);
    let beside = run(&[BILLING, AUDIT], 7, &mut []);
    assert_eq!(alone.run.group_digests["billing"], beside.run.group_digests["billing"]);
    assert_ne!(alone.run.digest, beside.run.digest);
}

#[test]
fn time_never_goes_back_in_a_trace() {
    struct Clock(rebalab::engine::SimTime);
    impl Observer for Clock {
        fn event(&mut self, _directory: &Directory, event: &TraceEvent) {
            assert!(event.at >= self.0);
            self.0 = event.at;
        }
    }
    run(&[BILLING, AUDIT], 7, &mut [&mut Clock(rebalab::engine::SimTime::ZERO)]);
}
