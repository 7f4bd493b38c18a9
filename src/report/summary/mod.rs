//! The summary: what a person reads in the terminal, and `summary.txt`. At most 100 columns, the answer first: what was
//! run, what came of it, then the parts that explain it, and at the end how to see it again.

pub(in crate::report) mod page;
mod rebalances;

use crate::analysis::Outcome;
use crate::analysis::outcome::{ConsumerSettings, FigureValue, GroupOutcome, Setting, SettingSource, Spread, Totals};

use super::units::{count, counted, instant, quantity, span};
use super::words::{is_trouble, pause_cause, pause_cause_meaning, removal_kind};
use super::{Exporter, OutputFile, Report};
pub use page::Style;
use page::{Page, Paint};

/// Writes `summary.txt`.
pub struct Summary;

impl Exporter for Summary {
    fn export(&self, report: &Report) -> Vec<OutputFile> {
        vec![OutputFile::new("summary.txt", text(report, Style::PLAIN))]
    }
}

/// The summary of a run.
pub fn text(report: &Report, style: Style) -> String {
    let outcome = report.outcome;
    let mut page = Page::new(style);
    title(&mut page, outcome);
    figures(&mut page, outcome);
    not_modelled(&mut page, outcome);
    configuration(&mut page, outcome);
    for group in &outcome.groups {
        rebalances::of_group(&mut page, group, outcome.groups.len() > 1);
    }
    pause_causes(&mut page, &outcome.totals);
    troubles(&mut page, outcome);
    invariants(&mut page, outcome);
    expectations(&mut page, outcome);
    identity(&mut page, report);
    page.finish()
}

fn title(page: &mut Page, outcome: &Outcome) {
    let run = &outcome.run;
    page.line(&[(Paint::Bold, run.scenario.clone())]);
    page.wrapped(0, 0, &run.description);
    let facts = format!(
        "seed {} · {} simulated · Apache Kafka {} · rebalab {}",
        run.seed,
        span(run.duration_s),
        run.kafka,
        run.version
    );
    page.line(&[(Paint::Dim, facts)]);
}

/// The figures that people ask for first, one per line with what explains it.
fn figures(page: &mut Page, outcome: &Outcome) {
    let totals = &outcome.totals;
    let partitions: usize = outcome.groups.iter().map(|group| group.partitions.len()).sum();
    page.blank();
    page.fact("rebalances", &count(totals.rebalances), &spread_text("latency", &totals.rebalance_latency));
    let paused = format!("{} partition-seconds", quantity(totals.paused_partition_seconds));
    let per_partition = if partitions > 0 {
        let mean = span(totals.paused_partition_seconds / partitions as f64);
        format!("{mean} per partition ({partitions}); {}", spread_text("single pause", &totals.pause))
    } else {
        String::new()
    };
    page.fact("paused", &paused, per_partition.trim_end_matches("; "));
    if totals.double_owned_partition_seconds > 0.0 {
        let double = format!("{} partition-seconds", quantity(totals.double_owned_partition_seconds));
        page.fact("double owned", &double, "two processes believed to own the same partition");
    }
    if totals.false_expulsions > 0 {
        page.fact("false expulsions", &count(totals.false_expulsions), "members removed although their process lived");
    }
    if totals.poll_interval_exceeded > 0 {
        let text = "members that left because max.poll.interval.ms was exceeded";
        page.fact("slow polls", &count(totals.poll_interval_exceeded), text);
    }
    if totals.detection.count > 0 {
        let text = spread_text("from the end of the process to its removal", &totals.detection);
        page.fact("crashes detected", &count(totals.detection.count), &text);
    }
    let duplicates = format!("{} processed again", count(totals.duplicates));
    page.fact("records", &count(totals.processed_records), &duplicates);
    let drain = match totals.lag_drain_s {
        Some(seconds) => format!("a tenth of it {} after the peak", span(seconds)),
        None => String::new(),
    };
    let at_end = format!("{} at the end", count(totals.lag_at_end));
    let text = [at_end, drain].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    page.fact("lag", &format!("{} at its peak", count(totals.lag_peak)), &text);
}

/// What the figures above leave out: directly below them, for whoever reads no further.
fn not_modelled(page: &mut Page, outcome: &Outcome) {
    if outcome.not_modelled.is_empty() {
        return;
    }
    page.heading("Not modelled, so a real group can differ from this prediction");
    for left_out in &outcome.not_modelled {
        page.marked(2, (Paint::Yellow, "!"), &format!("{} ({})", left_out.text, left_out.place));
    }
}

/// `latency: median 3.02 s, longest 4.75 s`; nothing if there are no values.
fn spread_text(name: &str, spread: &Spread) -> String {
    match (spread.p50, spread.max) {
        (Some(_), Some(max)) if spread.count == 1 => format!("{name} {}", span(max)),
        (Some(median), Some(max)) => format!("{name}: median {}, longest {}", span(median), span(max)),
        _ => String::new(),
    }
}

fn configuration(page: &mut Page, outcome: &Outcome) {
    let configuration = &outcome.configuration;
    page.heading("Effective configuration");
    let topics = configuration
        .topics
        .iter()
        .map(|(topic, partitions)| format!("{topic} ({})", counted(u64::from(*partitions), "partition", "partitions")));
    let topics = topics.collect::<Vec<_>>().join(", ");
    page.wrapped(2, 4, &format!("{}; {topics}", counted(u64::from(configuration.brokers), "broker", "brokers")));
    settings(page, &configuration.broker_settings);
    for together in &configuration.consumers {
        page.wrapped(2, 4, &format!("{}: {} ({})", together.group, names(together), together.client));
        settings(page, &together.settings);
    }
    for note in &configuration.notes {
        page.marked(2, (Paint::Yellow, "note"), &format!("{}: {}", note.place, note.text));
    }
}

/// Names of consumers with equal settings, the middle ones left out.
fn names(together: &ConsumerSettings) -> String {
    match together.consumers.as_slice() {
        [first, .., last] if together.consumers.len() > 4 => {
            format!("{first} … {last}, {} consumers", together.consumers.len())
        }
        few => few.join(", "),
    }
}

/// Settings that differ from Kafka's defaults; the others are counted.
fn settings(page: &mut Page, settings: &[Setting]) {
    let (own, defaults): (Vec<&Setting>, Vec<&Setting>) =
        settings.iter().partition(|setting| setting.source == SettingSource::Scenario);
    let mut parts: Vec<String> =
        own.iter().map(|setting| format!("{}={}", setting.name, plain(&setting.value))).collect();
    if !defaults.is_empty() {
        let (one, many) = if own.is_empty() { ("setting", "settings") } else { ("other", "others") };
        parts.push(format!("({} at Kafka's default)", counted(defaults.len() as u64, one, many)));
    }
    page.wrapped(4, 4, &parts.join("  "));
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}

/// Bars, longest first: where the time that partitions stood still comes from.
fn pause_causes(page: &mut Page, totals: &Totals) {
    if totals.paused_partition_seconds <= 0.0 {
        return;
    }
    page.heading("Why partitions stood still (partition-seconds)");
    let mut causes: Vec<_> =
        totals.paused_partition_seconds_by_cause.iter().filter(|(_, seconds)| **seconds > 0.0).collect();
    causes.sort_by(|a, b| b.1.total_cmp(a.1));
    for (cause, &seconds) in causes {
        let share = seconds / totals.paused_partition_seconds;
        page.bar(pause_cause(*cause), share, &quantity(seconds), pause_cause_meaning(*cause));
    }
}

/// What went wrong: livelocks, members lost, exceptions.
fn troubles(page: &mut Page, outcome: &Outcome) {
    const SHOWN: usize = 6;
    let removals = || {
        outcome
            .groups
            .iter()
            .flat_map(|group: &GroupOutcome| &group.removals)
            .filter(|removal| is_trouble(removal.kind))
    };
    if outcome.livelocks.is_empty() && outcome.exceptions.is_empty() && removals().next().is_none() {
        return;
    }
    page.heading("What went wrong");
    for livelock in &outcome.livelocks {
        let until =
            if livelock.until_end { "to the end".to_string() } else { format!("to {}", instant(livelock.to_s)) };
        let text = format!(
            "{} from {} {until}, {} rebalances, one every {}: {}",
            livelock.group,
            instant(livelock.from_s),
            livelock.rebalances,
            span(livelock.period_s),
            livelock.text
        );
        page.marked(2, (Paint::Red, "livelock"), &text);
    }
    for removal in removals().take(SHOWN) {
        let who = removal.consumer.as_deref().unwrap_or(&removal.member_id);
        let fault = removal.fault.as_ref().map(|fault| format!(" (fault: {fault})")).unwrap_or_default();
        let text = format!("{who} {}{fault}", removal_kind(removal.kind));
        page.marked(2, (Paint::Yellow, &instant(removal.at_s)), &text);
    }
    more(page, removals().count(), SHOWN, "tables/removals.csv");
    for exception in outcome.exceptions.iter().take(SHOWN) {
        let text = format!("{} {}: {} ({})", exception.consumer, exception.place, exception.class, exception.message);
        page.marked(2, (Paint::Yellow, &instant(exception.at_s)), &text);
    }
    more(page, outcome.exceptions.len(), SHOWN, "tables/exceptions.csv");
}

fn more(page: &mut Page, all: usize, shown: usize, table: &str) {
    if all > shown {
        page.line(&[(Paint::Dim, format!("  and {} more, see {table}", all - shown))]);
    }
}

fn invariants(page: &mut Page, outcome: &Outcome) {
    let checks = outcome.invariants.iter().map(|invariant| invariant.checks).sum();
    if outcome.invariants_hold() {
        let watched = counted(outcome.invariants.len() as u64, "invariant holds", "invariants hold");
        page.blank();
        page.line(&[(Paint::Green, "✓ ".into()), (Paint::Plain, format!("{watched} ({} checks)", count(checks)))]);
        return;
    }
    page.heading("Invariants");
    for invariant in outcome.invariants.iter().filter(|invariant| invariant.violations_total > 0) {
        let times = counted(invariant.violations_total, "time", "times");
        page.marked(2, (Paint::Red, "✗"), &format!("{}, violated {times}: {}", invariant.name, invariant.statement));
        if let Some(first) = invariant.violations.first() {
            page.wrapped(6, 6, &format!("first at {}: {}", instant(first.at_s), first.text));
        }
    }
}

fn expectations(page: &mut Page, outcome: &Outcome) {
    if outcome.expectations.is_empty() {
        return;
    }
    let met = outcome.expectations.iter().filter(|expectation| expectation.holds).count();
    page.heading(&format!("Expectations: {met} of {} hold", outcome.expectations.len()));
    for expectation in &outcome.expectations {
        let what = format!("{} {}", expectation.figure, expectation.check);
        if !expectation.holds {
            page.marked(2, (Paint::Red, "✗"), &format!("{what}: {}", expectation.text));
            continue;
        }
        let value = match &expectation.value {
            Some(FigureValue::Number(number)) => format!("  ({})", quantity(*number)),
            Some(FigureValue::Text(text)) if *text != expectation.check => format!("  ({text})"),
            _ => String::new(),
        };
        page.marked(2, (Paint::Green, "✓"), &format!("{what}{value}"));
    }
}

fn identity(page: &mut Page, report: &Report) {
    let run = &report.outcome.run;
    page.blank();
    page.fact("digest", &run.digest, &counted(run.events, "trace event", "trace events"));
    // The command is for copying: it is never wrapped.
    page.line(&[(Paint::Dim, format!("{:<18}", "replay")), (Paint::Plain, report.replay.to_string())]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::outcome::{InvariantOutcome, Livelock, LivelockCause, NotModelled, Violation};
    use crate::report::fixture;

    const REPLAY: &str = "rebalab run scenarios/gc-pause-beyond-session.json --seed 1";

    fn assert_fits(text: &str) {
        for line in text.lines().filter(|line| !line.starts_with("replay")) {
            assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
            assert!(line.trim_end() == line, "spaces at the end: {line:?}");
        }
    }

    #[test]
    fn a_small_run_is_read_at_a_glance() {
        let outcome = fixture::gc_pause();
        let text = text(&Report { outcome: &outcome, replay: REPLAY }, Style::PLAIN);
        assert_fits(&text);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_large_run_takes_no_more_than_two_screens() {
        let outcome = fixture::rollout(50, 300);
        let text = text(&Report { outcome: &outcome, replay: REPLAY }, Style::PLAIN);
        assert_fits(&text);
        assert!(text.lines().count() < 80, "{} lines", text.lines().count());
        insta::assert_snapshot!(text);
    }

    #[test]
    fn what_went_wrong_is_told() {
        let mut outcome = fixture::gc_pause();
        outcome.livelocks = vec![Livelock {
            group: "billing".into(),
            from_s: 20.0,
            to_s: 290.0,
            until_end: true,
            rebalances: 40,
            period_s: 7.0,
            cause: LivelockCause::SessionTooShort,
            consumer: Some("worker-2".into()),
            text: "worker-2 is silent for longer than session.timeout.ms (6000) again and again".into(),
        }];
        outcome.invariants = vec![InvariantOutcome {
            name: "generation_grows".into(),
            statement: "the generation of a group never goes back".into(),
            checks: 12,
            violations_total: 1,
            violations: vec![Violation { at_s: 12.5, text: "generation 4 after 5 in billing".into() }],
        }];
        let text = text(&Report { outcome: &outcome, replay: REPLAY }, Style::PLAIN);
        assert_fits(&text);
        let from = text.find("What went wrong").expect("the section");
        insta::assert_snapshot!(&text[from..]);
    }

    #[test]
    fn what_is_not_modelled_stands_directly_below_the_figures() {
        let mut outcome = fixture::gc_pause();
        let told = |outcome: &Outcome| text(&Report { outcome, replay: REPLAY }, Style::PLAIN);
        assert!(!told(&outcome).contains("Not modelled"), "nothing is left out");
        outcome.not_modelled = vec![NotModelled {
            place: "groups[0].consumers[0].properties.isolation.level".into(),
            text:
                "`isolation.level` is read_committed. There are no transactions: a consumer of `read_committed` does \
                   not wait for open ones to end."
                    .into(),
        }];
        let text = told(&outcome);
        assert_fits(&text);
        let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("no «{part}» in {text}"));
        let section = place("Not modelled, so a real group can differ from this prediction");
        assert!(place("lag  ") < section && section < place("Effective configuration"));
        assert!(text[section..].contains("! `isolation.level` is read_committed. There are no transactions"));
    }

    #[test]
    fn colour_changes_nothing_but_colour() {
        let outcome = fixture::gc_pause();
        let report = Report { outcome: &outcome, replay: REPLAY };
        let colored = text(&report, Style::COLOR);
        assert!(colored.contains("\u{1b}["));
        let mut plain = String::new();
        let mut rest = colored.as_str();
        while let Some((before, after)) = rest.split_once("\u{1b}[") {
            plain.push_str(before);
            rest = after.split_once('m').expect("the end of the escape").1;
        }
        plain.push_str(rest);
        assert_eq!(plain, text(&report, Style::PLAIN));
    }
}
