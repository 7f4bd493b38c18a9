//! The outcome as a whole: identity, figures by name, expectations, limits, JSON.

use super::story::{GROUP, Story};
use crate::analysis::Outcome;
use crate::analysis::outcome::{FigureValue, limits};
use crate::client::ClientEvent;
use crate::protocol::ErrorCode;
use crate::scenario::checked::{Check, Comparison, Expectation};

fn some_run() -> Story {
    let mut story = Story::new(2, 4);
    story.forms_at(1.0);
    story.at(2.0).log_ends(&[0, 0, 0, 0]);
    story.at(5.0).takes(0, 0, 0, 10).at(6.0).processed(0, 0, 0, 10).polls(0);
    story.client(0, ClientEvent::CommitSent { sync: true, partitions: 1 });
    let failed = ClientEvent::CommitEnded {
        offsets: std::iter::empty().collect(),
        result: Err("CommitFailedException"),
        latency_ns: 0,
    };
    story.client(0, failed);
    let message = "the group has already rebalanced".into();
    story.client(0, ClientEvent::Exception { place: "commitSync", class: "CommitFailedException", message });
    story.at(8.0).log_ends(&[30, 5, 0, 5]).at(10.0).crashes(1).at(20.0).log_ends(&[11, 0, 0, 0]);
    story.at(50.0).fails(1).prepares("Stable", "removing member worker-1-1 on heartbeat expiration.");
    story.at(51.0).notices(0).gives_up(0, &[0, 1]).sends_join(0).parks(0).completes_with(51.0, &[0]);
    story.at(52.0).takes(0, 0, 0, 4).at(53.0).processed(0, 0, 0, 4);
    story
}

fn number(outcome: &Outcome, path: &str) -> Option<f64> {
    match outcome.figure(path).unwrap() {
        Some(FigureValue::Number(number)) => Some(number),
        Some(FigureValue::Text(text)) => panic!("{path} is the text {text}"),
        None => None,
    }
}

fn text(outcome: &Outcome, path: &str) -> String {
    match outcome.figure(path).unwrap() {
        Some(FigureValue::Text(text)) => text,
        other => panic!("{path} is {other:?}"),
    }
}

#[test]
fn figures_are_found_by_name() {
    let outcome = some_run().ends_at(60.0);
    assert_eq!(number(&outcome, "rebalances"), Some(2.0));
    assert_eq!(number(&outcome, "groups.billing.rebalances_by_reason.session_expired"), Some(1.0));
    assert_eq!(number(&outcome, "rebalances_by_trigger.closed"), Some(0.0));
    assert_eq!(number(&outcome, "paused_partition_seconds.undetected_failure"), Some(80.0));
    assert_eq!(number(&outcome, "detection.max"), Some(40.0));
    assert_eq!(number(&outcome, "crashes_detected"), Some(1.0));
    assert_eq!((number(&outcome, "processed_records"), number(&outcome, "duplicates")), (Some(14.0), Some(4.0)));
    assert_eq!(number(&outcome, "commit_failures.CommitFailedException"), Some(1.0));
    assert_eq!(number(&outcome, "exceptions.CommitFailedException"), Some(1.0));
    assert_eq!(number(&outcome, "exceptions.WakeupException"), Some(0.0));
    assert_eq!((number(&outcome, "lag.peak"), number(&outcome, "lag.end")), (Some(30.0), Some(1.0)));
    assert_eq!(number(&outcome, "lag.drain"), Some(12.0));
    assert_eq!(number(&outcome, "rebalance.2.latency"), Some(1.0));
    assert_eq!(number(&outcome, "rebalance.3.latency"), None);
    assert_eq!(text(&outcome, "barrier_holder.1"), "none");
    assert_eq!(text(&outcome, "groups.billing.barrier_holder.2"), "worker-0");
    assert_eq!(text(&outcome, "barrier_phase.1"), "initial_delay");
    assert_eq!(text(&outcome, "rebalance.2.trigger"), "crash_detected");
    assert_eq!((text(&outcome, "invariants"), text(&outcome, "livelock")), ("hold".into(), "none".into()));
    assert_eq!(outcome.figure("rebalance").unwrap_err().nearest, "rebalances");
}

#[test]
fn expectations_are_judged_with_the_value_seen() {
    let mut story = some_run();
    let mut expect = |figure: &str, check: Check, text: &str| {
        story.scenario.expect.push(Expectation { figure: figure.into(), check, text: text.into() });
    };
    expect("rebalances", Check::Compare(Comparison::Equal, 2.0), "== 2");
    expect("detection.max", Check::Compare(Comparison::Less, 30.0), "< 30");
    expect("invariants", Check::Hold, "hold");
    expect("rebalance.9.latency", Check::Compare(Comparison::Less, 30.0), "< 30");
    let outcome = story.ends_at(60.0);
    let holds: Vec<bool> = outcome.expectations.iter().map(|expectation| expectation.holds).collect();
    assert_eq!(holds, [true, false, true, false]);
    assert!(!outcome.expectations_hold());
    assert_eq!(outcome.expectations[1].text, "detection.max is 40, expected < 30");
    assert_eq!(outcome.expectations[1].value, Some(FigureValue::Number(40.0)));
    assert_eq!(outcome.expectations[3].text, "rebalance.9.latency has no value in this run, expected < 30");
}

#[test]
fn what_a_scenario_asks_for_that_is_not_modelled_is_told() {
    use crate::scenario::checked::Note;
    let mut story = Story::new(2, 2);
    story.scenario.not_modelled.push(Note { place: "groups[0]".into(), text: "Something.".into() });
    let told = story.ends_at(60.0).not_modelled;
    assert_eq!((told.len(), told[0].place.as_str(), told[0].text.as_str()), (1, "groups[0]", "Something."));
}

#[test]
fn the_outcome_survives_json_and_can_cross_threads() {
    fn can_cross_threads<T: Send + Sync + 'static>(_: &T) {}
    let outcome = some_run().ends_at(60.0);
    can_cross_threads(&outcome);
    let json = serde_json::to_string(&outcome).unwrap();
    let read: Outcome = serde_json::from_str(&json).unwrap();
    assert_eq!(read, outcome);
    assert_eq!(serde_json::to_string(&read).unwrap(), json);
}

#[test]
fn the_same_events_give_the_same_bytes() {
    let json = || serde_json::to_string(&some_run().ends_at(60.0)).unwrap();
    assert_eq!(json(), json());
}

#[test]
fn lists_are_cut_and_totals_stay_exact() {
    let mut story = Story::new(1, 3);
    story.forms_at(1.0);
    let rebalances = limits::REBALANCES_LISTED + 500;
    for round in 0..rebalances {
        let start = 10.0 + round as f64;
        story
            .at(start)
            .gives_up(0, &[0, 1, 2])
            .sends_join(0)
            .prepares("Stable", "Leader worker-0-1 re-joining")
            .parks(0);
        story.completes_at(start + 0.5);
    }
    let outcome = story.ends_at(10_000.0);
    let group = outcome.group(GROUP).unwrap();
    assert_eq!(group.rebalances.len(), limits::REBALANCES_LISTED);
    assert_eq!(group.totals.rebalances, rebalances as u64 + 1);
    assert_eq!(group.totals.join_phase.count, rebalances as u64 + 1);
    assert!((group.totals.paused_partition_seconds - 3.0 * (rebalances as f64 * 0.5 + 0.01)).abs() < 1e-9);
    assert_eq!(group.ownership_total, 3 * (rebalances as u64 + 1));
}

#[test]
fn lag_is_counted_from_where_the_group_begins() {
    let mut story = Story::new(1, 2);
    story.at(1.0).log_ends(&[100, 100]);
    story.forms_at(2.0);
    story.positions(0, 0, 100).positions(0, 1, 100).at(3.0).log_ends(&[110, 105]);
    let outcome = story.ends_at(10.0);
    let lags: Vec<u64> = outcome.group(GROUP).unwrap().lag.samples.iter().map(|sample| sample.lag).collect();
    assert_eq!(lags, [0, 15], "with auto.offset.reset=latest the backlog before the start is not the group's");
    let earliest = |consumer: &mut crate::scenario::checked::Consumer| {
        consumer.config.auto_offset_reset = crate::protocol::config::AutoOffsetReset::Earliest;
    };
    let mut story = Story::new(1, 2).with(earliest);
    story.at(1.0).log_ends(&[100, 100]);
    story.forms_at(2.0);
    assert_eq!(story.ends_at(10.0).totals.lag_peak, 200);
}

#[test]
fn metrics_and_processes_of_each_consumer_are_told() {
    let mut story = some_run();
    story.at(55.0).heartbeat(0, ErrorCode::None);
    let outcome = story.ends_at(60.0);
    let [first, second] = &outcome.consumers[..] else { panic!("two consumers") };
    assert_eq!((first.processes.len(), second.processes[0].to_s), (1, Some(10.0)));
    assert_eq!(second.processes[0].ended.as_deref(), Some("crashed"));
    let value = |name: &str| first.metrics.iter().find(|metric| metric.name == name).unwrap().values.at_end;
    assert_eq!(value("rebalance-total"), Some(2.0));
    assert_eq!(value("assigned-partitions"), Some(4.0));
    assert_eq!(value("last-heartbeat-seconds-ago"), Some(5.0));
    assert_eq!((first.longest_batch_s, first.processed_records), (1.0, 14));
    let stable = outcome.broker_metrics.iter().find(|metric| metric.name == "classic-group-count{state=Stable}");
    assert_eq!(stable.unwrap().values.at_end, Some(1.0));
    assert_eq!(outcome.run.group_digests.len(), 1);
    assert_eq!(outcome.run.digest.len(), 16);
}
