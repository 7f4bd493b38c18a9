//! A comparison as text: the figures side by side, what the seeds tell in sentences, and how to see the worst runs again.

use super::chart::distribution::{Series, chart};
use super::summary::page::{Page, Paint, Style, shorten};
use super::units::{count, counted, percent, span};
use super::{OutputFile, json};
use crate::experiment::comparison::{ComparedFigure, ComparedVariant, Comparing, Comparison};
use crate::experiment::figures::{Figure, Pool};
use crate::experiment::plan::Plan;
use crate::experiment::statistics::{Difference, Estimate, Interval, Told};

/// Columns of a figure's title.
const TITLE: usize = 44;
/// Columns of a value.
const VALUE: usize = 10;

/// Pools that are drawn as curves: what they are, and the name of the file.
pub(super) const CURVES: [(Pool, &str, &str, &str); 3] = [
    (Pool::Pause, "How long partitions stood still", "pause of a partition", "pause"),
    (Pool::RebalanceLatency, "How long rebalances took", "rebalance latency", "rebalance-latency"),
    (Pool::Detection, "How soon crashes were noticed", "detection of a crash", "detection"),
];

/// The file of a variant below the directory of a comparison.
pub fn variant_file(name: &str) -> String {
    let is_safe = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_' | '.');
    let safe: String = name.chars().map(|sign| if is_safe(sign) { sign } else { '_' }).collect();
    format!("variants/{}.json", safe.trim_start_matches('.'))
}

/// Everything that stands in the directory of a comparison beside the runs themselves: the result, the text, curves of all
/// variants over each other, and each variant as a scenario of its own.
pub fn files(plan: &Plan, comparing: &Comparing, comparison: &Comparison, text: &str) -> Vec<OutputFile> {
    let mut files =
        vec![OutputFile::new("comparison.json", json::text(comparison)), OutputFile::new("comparison.txt", text)];
    let runs = comparison.variants.first().map_or(0, |variant| variant.runs);
    for (pool, title, axis, name) in CURVES {
        let of = |(index, variant): (usize, &ComparedVariant)| (variant.name.clone(), comparing.values(index, pool));
        let values: Vec<_> = comparison.variants.iter().enumerate().map(of).collect();
        let series: Vec<Series> = values.iter().map(|(name, values)| Series { name, values }).collect();
        let subtitle =
            format!("{}, {} of each variant, under the same seeds", comparison.scenario, counted(runs, "run", "runs"));
        let svg = chart(title, &subtitle, axis, &series);
        files.extend(svg.map(|svg| OutputFile::new(format!("charts/{name}.svg"), svg)));
    }
    for (index, variant) in comparison.variants.iter().enumerate() {
        files.push(OutputFile::new(variant_file(&variant.name), plan.scenario_file(index as u64)));
    }
    files
}

/// The comparison for people. `replay` gives the command that repeats the worst run of a variant, where there is one.
pub fn text(comparison: &Comparison, style: Style, replay: &dyn Fn(usize, u64) -> Option<String>) -> String {
    let mut page = Page::new(style);
    title(&mut page, comparison);
    variants(&mut page, comparison);
    let (base, others) = comparison.variants.split_first().expect("a comparison has variants");
    for (index, other) in others.iter().enumerate() {
        page.heading(&format!("{} against {}", other.name, base.name));
        table(&mut page, comparison, base, other, index);
        page.blank();
        sentences(&mut page, comparison, other, index);
    }
    footnote(&mut page, comparison);
    troubles(&mut page, comparison);
    worst_runs(&mut page, comparison, replay);
    page.finish()
}

fn title(page: &mut Page, comparison: &Comparison) {
    page.line(&[(Paint::Bold, comparison.scenario.clone())]);
    let simulated = comparison.variants.iter().map(|variant| variant.simulated_s).sum();
    let seeds = match comparison.seeds == comparison.seeds_planned {
        true => counted(comparison.seeds, "seed", "seeds"),
        false => format!("{} of {} seeds", count(comparison.seeds), count(comparison.seeds_planned)),
    };
    let facts = format!(
        "{} under the same {seeds} from {} · {} simulated · rebalab {}",
        counted(comparison.variants.len() as u64, "variant", "variants"),
        comparison.seed_from,
        span(simulated),
        comparison.version
    );
    page.line(&[(Paint::Dim, facts)]);
}

fn variants(page: &mut Page, comparison: &Comparison) {
    page.heading("Variants");
    for variant in &comparison.variants {
        let settings = variant.settings.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
        let settings = if settings.is_empty() { "as the scenario says".to_string() } else { settings.join("  ") };
        page.fact(&shorten(&variant.name, 17), "", &settings);
        for note in &variant.notes {
            page.marked(2, (Paint::Yellow, "!"), note);
        }
    }
}

/// One line per figure that was ever other than zero.
fn table(page: &mut Page, comparison: &Comparison, base: &ComparedVariant, other: &ComparedVariant, index: usize) {
    let name = |variant: &ComparedVariant| shorten(&variant.name, VALUE - 1);
    let head = format!(
        "{:<TITLE$}{:>VALUE$}{:>VALUE$}{:>VALUE$}  {:<18}{}",
        "",
        name(base),
        name(other),
        "change",
        "95 % interval",
        "verdict"
    );
    page.line(&[(Paint::Dim, head)]);
    for figure in comparison.figures.iter().filter(|figure| is_shown(figure)) {
        let difference = &figure.differences[index];
        let (paint, verdict) = verdict(difference);
        let left = format!(
            "{:<TITLE$}{:>VALUE$}{:>VALUE$}{:>VALUE$}  {:<18}",
            shorten(&figure.title, TITLE - 1),
            value(&figure.values[0]),
            value(&figure.values[index + 1]),
            difference.value.map_or_else(dash, change),
            difference.interval.map_or_else(dash, interval),
        );
        page.line(&[(Paint::Plain, left), (paint, verdict)]);
    }
}

fn is_shown(figure: &ComparedFigure) -> bool {
    figure.values.iter().any(|estimate| estimate.value.is_some_and(|value| value != 0.0))
}

fn verdict(difference: &Difference) -> (Paint, String) {
    match difference.told {
        Told::Better => (Paint::Green, "better".into()),
        Told::Worse => (Paint::Red, "worse".into()),
        Told::Equal => (Paint::Dim, "equal".into()),
        Told::NotYet { .. } => (Paint::Dim, "not told".into()),
        Told::NoValue => (Paint::Dim, "-".into()),
    }
}

/// What the seeds tell, in sentences.
fn sentences(page: &mut Page, comparison: &Comparison, other: &ComparedVariant, index: usize) {
    let shown = || comparison.figures.iter().filter(|figure| is_shown(figure));
    let told = |wanted: Told| {
        let figures = shown().filter(move |figure| figure.differences[index].told == wanted);
        figures.map(|figure| in_words(figure, index)).collect::<Vec<_>>()
    };
    let seeds = counted(comparison.seeds, "seed", "seeds");
    let (better, worse) = (told(Told::Better), told(Told::Worse));
    if !better.is_empty() {
        page.marked(0, (Paint::Green, "+"), &format!("{} is better at {}.", other.name, better.join("; ")));
    }
    if !worse.is_empty() {
        page.marked(0, (Paint::Red, "-"), &format!("{} is worse at {}.", other.name, worse.join("; ")));
    }
    if better.is_empty() && worse.is_empty() {
        page.marked(0, (Paint::Dim, "="), &format!("In no figure do {seeds} tell which of the two is better."));
    }
    let open: Vec<String> = shown().filter_map(|figure| still_open(figure, index)).collect();
    if !open.is_empty() {
        page.marked(0, (Paint::Dim, "?"), &format!("{seeds} don't tell yet: {}.", open.join("; ")));
    }
    let equal: Vec<&str> =
        shown().filter(|f| f.differences[index].told == Told::Equal).map(|f| f.title.as_str()).collect();
    if !equal.is_empty() {
        page.marked(0, (Paint::Dim, "="), &format!("Equal under every seed: {}.", equal.join("; ")));
    }
}

/// `rebalances per hour (12.3 → 4.1, -67 %)`
fn in_words(figure: &ComparedFigure, index: usize) -> String {
    let (first, second) = (value(&figure.values[0]), value(&figure.values[index + 1]));
    let share = figure.differences[index].share.map(|share| format!(", {}", signed_percent(share)));
    format!("{} ({first} → {second}{})", figure.title, share.unwrap_or_default())
}

fn still_open(figure: &ComparedFigure, index: usize) -> Option<String> {
    let Told::NotYet { seeds_needed } = figure.differences[index].told else { return None };
    let is_largest = Figure::named(&figure.name).is_some_and(|figure| !figure.can_have_interval());
    let needed = match seeds_needed {
        _ if is_largest => "a largest value has no interval".to_string(),
        Some(needed) => format!("about {} would", count(needed)),
        None if figure.differences[index].interval.is_some() => "no number of seeds in reach would".to_string(),
        None => "too few values for an interval".to_string(),
    };
    Some(format!("{} ({needed})", figure.title))
}

fn footnote(page: &mut Page, comparison: &Comparison) {
    page.blank();
    let seeds = count(comparison.seeds);
    page.wrapped(
        0,
        0,
        &format!(
            "Every value stands for {seeds} runs, one per seed. Intervals: bootstrap over the {seeds} paired seeds. Each \
             is a 95 % interval by itself: of twenty figures without a difference, one is called different by chance."
        ),
    );
}

fn troubles(page: &mut Page, comparison: &Comparison) {
    for variant in comparison.variants.iter().filter(|variant| variant.expectations_unmet_runs > 0) {
        let (unmet, runs) = (count(variant.expectations_unmet_runs), count(variant.runs));
        let text = format!("{}: an expectation of the scenario did not hold in {unmet} of {runs} runs", variant.name);
        page.marked(0, (Paint::Red, "x"), &text);
    }
}

fn worst_runs(page: &mut Page, comparison: &Comparison, replay: &dyn Fn(usize, u64) -> Option<String>) {
    page.heading("Longest standstill");
    for (index, variant) in comparison.variants.iter().enumerate() {
        let Some(worst) = variant.worst_run else { continue };
        let what = format!("seed {}, {} partition-seconds", worst.seed, significant(worst.paused_partition_seconds));
        page.fact(&shorten(&variant.name, 17), &what, &replay(index, worst.seed).unwrap_or_default());
    }
}

fn value(estimate: &Estimate) -> String {
    estimate.value.map_or_else(dash, significant)
}

fn dash() -> String {
    "-".to_string()
}

fn change(value: f64) -> String {
    if value > 0.0 { format!("+{}", significant(value)) } else { significant(value) }
}

fn interval(interval: Interval) -> String {
    format!("{} … {}", change(interval.low), change(interval.high))
}

fn signed_percent(share: f64) -> String {
    let sign = if share > 0.0 { "+" } else { "-" };
    format!("{sign}{}", percent(share.abs()))
}

/// Three digits that count, also of small numbers; whole numbers from a thousand on.
pub(super) fn significant(value: f64) -> String {
    let size = value.abs();
    let sign = if value < 0.0 { "-" } else { "" };
    match size {
        _ if !value.is_finite() => dash(),
        0.0 => "0".to_string(),
        _ if size >= 999.5 => format!("{sign}{}", count(size.round() as u64)),
        _ => {
            let decimals = (2 - libm::floor(libm::log10(size)) as i32).clamp(0, 9) as usize;
            let text = format!("{size:.decimals$}");
            let text = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
            if text == "0" { text.to_string() } else { format!("{sign}{text}") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::comparison::WorstRun;
    use crate::experiment::settings::Settings;

    fn variant(name: &str, settings: &[(&str, &str)], unmet: u64) -> ComparedVariant {
        let pair = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        ComparedVariant {
            name: name.into(),
            settings: settings.iter().map(pair).collect::<Settings>(),
            runs: 30,
            simulated_s: 18_000.0,
            expectations_unmet_runs: unmet,
            worst_run: Some(WorstRun { seed: 17, paused_partition_seconds: 1_234.5 }),
            notes: Vec::new(),
        }
    }

    fn figure(name: &str, values: [Option<f64>; 2], told: Told, interval: Option<Interval>) -> ComparedFigure {
        let difference = values[0].zip(values[1]).map(|(a, b)| b - a);
        let estimate = |value| Estimate { value, interval: None, runs: 30, values: None };
        ComparedFigure {
            name: name.into(),
            title: Figure::named(name).unwrap().title(),
            values: values.map(estimate).into(),
            differences: vec![Difference {
                value: difference,
                interval,
                share: values[0].zip(difference).map(|(base, difference)| difference / base),
                share_interval: None,
                seeds: 30,
                differing: 12,
                told,
            }],
        }
    }

    fn comparison() -> Comparison {
        let within = |low, high| Some(Interval { low, high });
        Comparison {
            format_version: 1,
            version: "0.1.0".into(),
            scenario: "gc-pauses".into(),
            experiment: "0123456789abcdef".into(),
            seed_from: 1,
            seeds: 30,
            seeds_planned: 100,
            variants: vec![
                variant("scenario", &[], 0),
                variant("patient", &[("session.timeout.ms", "45000"), ("heartbeat.interval.ms", "3000")], 3),
            ],
            figures: vec![
                figure("rebalances_per_hour", [Some(12.3), Some(4.06)], Told::Better, within(-9.12, -7.3)),
                figure("detection_s.p50", [Some(6.2), Some(44.9)], Told::Worse, within(37.0, 40.2)),
                figure(
                    "duplicates_per_hour",
                    [Some(120.0), Some(118.0)],
                    Told::NotYet { seeds_needed: Some(1_400) },
                    within(-9.0, 5.0),
                ),
                figure("pause_s.max", [Some(6.9), Some(7.1)], Told::NotYet { seeds_needed: None }, None),
                figure("pause_s.p99", [Some(6.9), Some(7.1)], Told::NotYet { seeds_needed: None }, None),
                figure("lag_peak.p50", [Some(40_000.0), Some(40_000.0)], Told::Equal, within(0.0, 0.0)),
                figure("livelocks_per_hour", [Some(0.0), Some(0.0)], Told::Equal, within(0.0, 0.0)),
                figure("rebalance_latency_s.p99", [None, Some(3.0)], Told::NoValue, None),
            ],
        }
    }

    #[test]
    fn a_comparison_is_read_as_a_table_and_in_sentences() {
        let replay = |variant: usize, seed: u64| Some(format!("rebalab run out/variants/{variant}.json --seed {seed}"));
        insta::assert_snapshot!(text(&comparison(), Style::PLAIN, &replay));
    }

    #[test]
    fn no_line_is_wider_than_the_page() {
        let mut wide = comparison();
        for variant in &mut wide.variants {
            variant.name = "a-name-that-somebody-thought-was-a-good-idea".into();
        }
        let text = text(&wide, Style::PLAIN, &|_, _| None);
        assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
    }

    #[test]
    fn small_numbers_keep_the_digits_that_count() {
        let texts = [0.0, 0.001234, 0.5, 12.34, 123.4, 999.6, 12_345.6, -0.0456, -7.0].map(significant);
        assert_eq!(texts, ["0", "0.00123", "0.5", "12.3", "123", "1,000", "12,346", "-0.0456", "-7"]);
    }
}
