//! The result of a search: what was chosen and why, as text; the properties to take over, with their evidence; the front.

use std::fmt::Write as _;

use super::chart::front::{self, Front, FrontPoint};
use super::comparison::significant;
use super::csv::{Cell, line as csv_line};
use super::summary::page::{Page, Paint, Style};
use super::units::{count, counted, percent};
use super::{OutputFile, json};
use crate::experiment::figures::Figure;
use crate::experiment::plan::{Plan, in_short};
use crate::experiment::statistics::{Difference, Estimate, Told};
use crate::experiment::tune::result::{Evidence, OtherValue, TriedPoint};
use crate::experiment::tune::{SearchEnd, Tuned};
use crate::protocol::config::consumer_table;

/// The scenario with the chosen settings.
pub const BEST_FILE: &str = "best.json";
/// The settings to take over.
pub const PROPERTIES_FILE: &str = "consumer.properties";

/// The result for people. `replay` gives the command that repeats the worst run left.
pub fn text(tuned: &Tuned, style: Style, replay: &dyn Fn(u64) -> Option<String>) -> String {
    let mut page = Page::new(style);
    page.line(&[(Paint::Bold, tuned.scenario.clone())]);
    let full = tuned.grid_points * tuned.seeds;
    let facts = format!(
        "{} of {} for the whole grid ({} × {} from {}) · {} · rebalab {}",
        counted(tuned.runs, "run", "runs"),
        count(full),
        counted(tuned.grid_points, "point", "points"),
        counted(tuned.seeds, "seed", "seeds"),
        tuned.seed_from,
        ending(tuned.end),
        tuned.version
    );
    page.line(&[(Paint::Dim, facts)]);
    chosen(&mut page, tuned);
    for evidence in &tuned.evidence {
        page.heading(&format!("{} = {}", evidence.axis, evidence.chosen));
        sentences(tuned, evidence).iter().for_each(|sentence| page.wrapped(0, 2, sentence));
    }
    front_table(&mut page, tuned);
    check(&mut page, tuned);
    if let Some(worst) = tuned.worst {
        page.heading("Longest standstill left under these settings");
        let paused = significant(worst.paused_partition_seconds);
        page.fact(&format!("seed {}", worst.seed), &format!("{paused} partition-seconds"), "");
        page.wrapped(0, 2, &replay(worst.seed).unwrap_or_default());
    }
    page.finish()
}

fn ending(end: SearchEnd) -> &'static str {
    match end {
        SearchEnd::Settled => "no neighbour of the chosen point is better",
        SearchEnd::OutOfRuns => "the budget was used up before it was settled",
        SearchEnd::Stopped => "stopped before it was settled",
    }
}

fn chosen(page: &mut Page, tuned: &Tuned) {
    page.heading(&format!("Chosen for {}", title(&tuned.objective)));
    page.wrapped(0, 2, &in_short(&tuned.best.settings));
    page.wrapped(0, 2, &format!("{}: {}", title(&tuned.objective), with_interval(&tuned.best.objective)));
    page.wrapped(0, 2, &format!("{}: {}", title(&tuned.against), with_interval(&tuned.best.against)));
    match &tuned.best.breaks {
        Some(breaks) => page.marked(0, (Paint::Red, "x"), &format!("no settings were found that keep it: {breaks}")),
        None => {
            let tested: Vec<_> =
                tuned.constraints.iter().filter(|name| !tuned.untested.contains(name)).cloned().collect();
            if !tested.is_empty() {
                page.marked(0, (Paint::Green, "✓"), &format!("holds: {}", tested.join(", ")));
            }
        }
    }
    for constraint in &tuned.untested {
        let text = format!("not tested: {constraint}; the figure has no value in any run of this scenario");
        page.marked(0, (Paint::Yellow, "!"), &text);
    }
    if tuned.alike > 0 {
        let alike = format!(
            "{} of the {} that were tried have the very same value: these seeds don't tell which is best. More seeds or a \
             longer scenario would, or an objective that does not wait for rare events",
            count(tuned.alike),
            counted(tuned.tried.len() as u64 - 1, "other point", "other points")
        );
        page.marked(0, (Paint::Yellow, "!"), &alike);
    }
    if !tuned.left_out.is_empty() {
        let combinations = counted(tuned.left_out.len() as u64, "combination was", "combinations were");
        page.wrapped(0, 2, &format!("{combinations} left out that nothing would start with (tune.json lists them)"));
    }
}

fn title(figure: &str) -> String {
    Figure::named(figure).map_or_else(|| figure.to_string(), |figure| figure.title())
}

fn with_interval(estimate: &Estimate) -> String {
    let runs = counted(estimate.runs, "run", "runs");
    match (estimate.value, estimate.interval) {
        (None, _) => format!("no value in {runs}"),
        (Some(value), None) => format!("{} ({runs})", significant(value)),
        (Some(value), Some(interval)) => {
            let (low, high) = (significant(interval.low), significant(interval.high));
            format!("{} (95 % interval {low} … {high}, {runs})", significant(value))
        }
    }
}

/// What speaks for the value of an axis, a sentence for each value beside it.
fn sentences(tuned: &Tuned, evidence: &Evidence) -> Vec<String> {
    if evidence.others.is_empty() {
        return vec!["No value beside it was tried with everything else alike.".to_string()];
    }
    evidence.others.iter().map(|other| sentence(tuned, other)).collect()
}

fn sentence(tuned: &Tuned, other: &OtherValue) -> String {
    let mut text = format!("{}: {}", other.value, in_words(tuned, &other.difference));
    if let Some(breaks) = &other.breaks {
        let _ = write!(text, "; {breaks}");
    }
    text + "."
}

fn in_words(tuned: &Tuned, difference: &Difference) -> String {
    let seeds = counted(difference.seeds, "seed", "seeds");
    let objective = title(&tuned.objective);
    let change = match (difference.share, difference.value) {
        (Some(share), _) => format!("{objective} {}", signed(share, percent(share.abs()))),
        (None, Some(value)) => format!("{objective} {}", signed(value, significant(value.abs()))),
        (None, None) => return format!("{objective} has no value ({seeds})"),
    };
    let interval = difference.share_interval.map_or(String::new(), |interval| {
        let end = |share: f64| signed(share, percent(share.abs()));
        format!(", 95 % interval {} … {}", end(interval.low), end(interval.high))
    });
    let verdict = match difference.told {
        Told::Worse => "worse",
        Told::Better => "better",
        Told::Equal => "the same under every seed",
        Told::NotYet { .. } => "not told apart",
        Told::NoValue => "no value",
    };
    format!("{change}{interval}: {verdict} ({seeds})")
}

fn signed(value: f64, size: String) -> String {
    match value {
        0.0 => size,
        _ if value > 0.0 => format!("+{size}"),
        _ => format!("-{size}"),
    }
}

fn front_points(tuned: &Tuned) -> Vec<&TriedPoint> {
    let mut front: Vec<&TriedPoint> = tuned.tried.iter().filter(|tried| tried.on_front).collect();
    let key = |tried: &TriedPoint| tried.objective.value.unwrap_or(f64::INFINITY);
    front.sort_by(|a, b| key(a).total_cmp(&key(b)));
    front
}

fn front_table(page: &mut Page, tuned: &Tuned) {
    page.heading("The front: no other point that was tried is as good in both");
    if front_points(tuned).is_empty() {
        let without = format!(
            "There is none: no point has a value of both {} and {}.",
            title(&tuned.objective),
            title(&tuned.against)
        );
        return page.wrapped(0, 2, &without);
    }
    page.line(&[(Paint::Dim, format!("  (1) {}", title(&tuned.objective)))]);
    page.line(&[(Paint::Dim, format!("  (2) {}", title(&tuned.against)))]);
    page.line(&[(Paint::Dim, format!("{:>11}{:>11}{:>7}  settings", "(1)", "(2)", "runs"))]);
    for tried in front_points(tuned) {
        let cell = |estimate: &Estimate| estimate.value.map_or("-".to_string(), significant);
        let (paint, mark) = if tried.point == tuned.best.point { (Paint::Green, "▸ ") } else { (Paint::Plain, "") };
        let numbers = format!("{:>11}{:>11}", cell(&tried.objective), cell(&tried.against));
        let settings = format!("{:>7}  {mark}{}", count(tried.objective.runs), in_short(&tried.settings));
        page.line(&[(Paint::Plain, numbers), (paint, settings)]);
    }
}

/// The chosen settings against the scenario as it is, under seeds that had no part in the choice.
fn check(page: &mut Page, tuned: &Tuned) {
    let Some(check) = &tuned.check else { return };
    let seeds = counted(check.seeds, "seed", "seeds");
    page.heading(&format!(
        "Against the scenario as it is, under {seeds} from {} that had no part in the choice",
        check.seed_from
    ));
    for name in [&tuned.objective, &tuned.against] {
        // A comparison tells rates per hour.
        let name = &name.replace("_per_day", "_per_hour");
        let Some(figure) = check.figures.iter().find(|figure| figure.name == *name) else { continue };
        let values = figure.values.iter().map(|value| value.value.map_or("-".to_string(), significant));
        let values = values.collect::<Vec<_>>().join(" → ");
        let told = figure.differences.first().map_or(String::new(), |difference| match difference.told {
            Told::Better => "better".into(),
            Told::Worse => "worse".into(),
            Told::Equal => "equal".into(),
            Told::NotYet { .. } => "not told apart".into(),
            Told::NoValue => "no value".to_string(),
        });
        page.wrapped(0, 2, &format!("{}: {values} ({told}, {} runs each)", figure.title, count(check.seeds)));
    }
}

/// `consumer.properties` with a comment per line that says which evidence chose it.
pub fn properties(tuned: &Tuned) -> String {
    let mut text = format!(
        "# Chosen by `rebalab tune` for {} in the scenario {}, rebalab {}.\n# {} under the first {} from seed {}.\n",
        title(&tuned.objective),
        tuned.scenario,
        tuned.version,
        counted(tuned.runs, "run", "runs"),
        counted(tuned.seeds, "seed", "seeds"),
        tuned.seed_from
    );
    for constraint in &tuned.constraints {
        let untested = if tuned.untested.contains(constraint) { " (not tested: no value in any run)" } else { "" };
        let _ = writeln!(text, "# Must hold: {constraint}{untested}");
    }
    let _ = writeln!(text, "# {}: {}", title(&tuned.objective), with_interval(&tuned.best.objective));
    let _ = writeln!(text, "# {}: {}", title(&tuned.against), with_interval(&tuned.best.against));
    for evidence in &tuned.evidence {
        text.push('\n');
        for sentence in sentences(tuned, evidence) {
            let _ = writeln!(text, "# {} = {sentence}", evidence.axis);
        }
        let is_consumers = consumer_table::find(&evidence.axis).is_some();
        let prefix = if is_consumers { "" } else { "# no property of the consumer: " };
        let _ = writeln!(text, "{prefix}{}={}", evidence.axis, evidence.chosen);
    }
    text
}

/// Everything that stands in the directory of a search beside the runs.
pub fn files(plan: &Plan, tuned: &Tuned, text: &str) -> Vec<OutputFile> {
    let mut files = vec![
        OutputFile::new("tune.json", json::text(tuned)),
        OutputFile::new("tune.txt", text),
        OutputFile::new(PROPERTIES_FILE, properties(tuned)),
        OutputFile::new(BEST_FILE, plan.scenario_file(tuned.best.point)),
        OutputFile::new("tried.csv", tried_csv(tuned)),
    ];
    files.extend(front_chart(tuned).map(|svg| OutputFile::new("charts/front.svg", svg)));
    files
}

fn tried_csv(tuned: &Tuned) -> String {
    let mut head: Vec<Cell> = vec!["point".into()];
    head.extend(tuned.best.settings.keys().map(Cell::from));
    head.extend(["runs", "on_front", "breaks"].map(Cell::from));
    for figure in [&tuned.objective, &tuned.against] {
        head.extend(["", ".low", ".high"].map(|part| Cell::from(format!("{figure}{part}"))));
    }
    let mut text = csv_line(&head);
    for tried in &tuned.tried {
        let mut cells: Vec<Cell> = vec![tried.point.into()];
        cells.extend(tried.settings.values().map(Cell::from));
        cells.extend([tried.objective.runs.into(), Cell::from(tried.on_front.to_string())]);
        cells.push(Cell::from(tried.breaks.clone().unwrap_or_default()));
        for estimate in [&tried.objective, &tried.against] {
            let interval = estimate.interval;
            cells.extend([estimate.value, interval.map(|i| i.low), interval.map(|i| i.high)].map(Cell::from));
        }
        text += &csv_line(&cells);
    }
    text
}

fn front_chart(tuned: &Tuned) -> Option<String> {
    let point = |tried: &TriedPoint| {
        Some(FrontPoint {
            at: (tried.against.value?, tried.objective.value?),
            name: in_short(&tried.settings),
            on_front: tried.on_front,
            is_chosen: tried.point == tuned.best.point,
        })
    };
    let bound = tuned.constraints.iter().find_map(|constraint| {
        let (figure, most) = constraint.split_once(" <= ")?;
        if figure == tuned.against { most.parse().ok() } else { None }
    });
    let subtitle = format!(
        "{}: {}, {} to {} runs of each point shown, under the same seeds",
        tuned.scenario,
        counted(tuned.runs, "run", "runs"),
        count(tuned.tried.iter().map(|tried| tried.objective.runs).min().unwrap_or(0)),
        count(tuned.seeds)
    );
    front::chart(&Front {
        title: &format!("{} against {}", title(&tuned.objective), title(&tuned.against)),
        subtitle: &subtitle,
        across: &title(&tuned.against),
        up: &title(&tuned.objective),
        points: tuned.tried.iter().filter_map(point).collect(),
        bound,
    })
}
