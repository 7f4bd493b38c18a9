//! A sweep as text, tables and charts: the best point and what can't be told from it, every point with its figures, cuts
//! through the best point along each setting and across each two.

use super::chart::distribution::{Series, chart as curves_chart};
use super::chart::heat_map::{self, Cell as HeatCell, HeatMap, Mark};
use super::chart::plot::Point;
use super::chart::tradeoff::{self, Curve, Tradeoff};
use super::comparison::{CURVES, significant};
use super::csv::{Cell, line as csv_line};
use super::summary::page::{Page, Paint, Style, shorten};
use super::units::{count, counted};
use super::{OutputFile, json};
use crate::experiment::axis::number_of;
use crate::experiment::figures::Figure;
use crate::experiment::plan::Plan;
use crate::experiment::space::Sampling;
use crate::experiment::sweep::{Curves, Sweep, SweptPoint, SweptValue, Untold, knee, line, plane};

/// Points that the text lists.
const LISTED: usize = 12;
/// Combinations left out that the text lists; all stand in `left-out.csv`.
const LEFT_OUT_LISTED: usize = 3;

/// Names of the scenarios that stand beside the result.
pub const BEST_FILE: &str = "best.json";
/// The scenario of the point with the worst run.
pub const WORST_FILE: &str = "worst.json";

/// The sweep for people. `replay` gives the command that repeats the worst run.
pub fn text(sweep: &Sweep, style: Style, replay: &dyn Fn(u64) -> Option<String>) -> String {
    let mut page = Page::new(style);
    title(&mut page, sweep);
    best(&mut page, sweep);
    ranking(&mut page, sweep);
    left_out(&mut page, sweep);
    troubles(&mut page, sweep);
    if let Some(worst) = sweep.worst {
        page.heading("Longest standstill");
        let paused = significant(worst.run.paused_partition_seconds);
        let point = sweep.points.iter().find(|point| point.point == worst.point);
        page.wrapped(
            0,
            2,
            &format!("{paused} partition-seconds with {}", point.map_or(String::new(), |p| settings(sweep, p))),
        );
        page.wrapped(0, 2, &replay(worst.run.seed).unwrap_or_default());
    }
    page.finish()
}

fn title(page: &mut Page, sweep: &Sweep) {
    page.line(&[(Paint::Bold, sweep.scenario.clone())]);
    let points = sweep.points.len() as u64;
    let missing = match sweep.points_missing {
        0 => String::new(),
        missing => format!(" ({} still to run)", count(missing)),
    };
    let facts = format!(
        "{} · {}{missing} × {} from {} · rebalab {}",
        counted(sweep.axes.len() as u64, "axis", "axes"),
        counted(points, "point", "points"),
        counted(sweep.seeds, "seed", "seeds"),
        sweep.seed_from,
        sweep.version
    );
    page.line(&[(Paint::Dim, facts)]);
}

fn figure_title(name: &str) -> String {
    Figure::named(name).map_or_else(|| name.to_string(), |figure| figure.title())
}

fn settings(sweep: &Sweep, point: &SweptPoint) -> String {
    let pairs = sweep.axes.iter().zip(point.levels.iter().zip(&point.settings));
    let shown = pairs.map(|(axis, (level, setting))| match level == setting {
        true => format!("{}={setting}", axis.name),
        false => format!("{}={setting} ({level})", axis.name),
    });
    shown.collect::<Vec<_>>().join("  ")
}

fn with_interval(value: SweptValue) -> String {
    match (value.value, value.low.zip(value.high)) {
        (None, _) => "no value".to_string(),
        (Some(value), None) => significant(value),
        (Some(value), Some((low, high))) => {
            format!("{} (95 % interval {} … {})", significant(value), significant(low), significant(high))
        }
    }
}

fn best(page: &mut Page, sweep: &Sweep) {
    page.heading(&format!("Best in {}", figure_title(&sweep.aim.figure)));
    let Some(best) = sweep.best() else {
        return page.wrapped(0, 0, "No point has a value.");
    };
    page.wrapped(0, 2, &settings(sweep, best));
    let value = sweep.value(best, &sweep.aim.figure).map_or_else(String::new, with_interval);
    page.wrapped(0, 2, &format!("{value}, from {} runs", count(best.runs)));
    let others = sweep.aim.not_told_from_best;
    let told = match others {
        0 => format!("{} tell it from every other point.", counted(sweep.seeds, "seed", "seeds")),
        _ => format!(
            "{} can't be told from it by {}: more seeds would, or they are as good.",
            counted(others, "other point", "other points"),
            counted(sweep.seeds, "seed", "seeds")
        ),
    };
    page.wrapped(0, 2, &told);
    page.wrapped(0, 2, "The best of many is a little flattered by luck: compare it again under other seeds before relying on its figure.");
}

/// The best points with what is traded.
fn ranking(page: &mut Page, sweep: &Sweep) {
    let mut points: Vec<&SweptPoint> = sweep.points.iter().filter(|point| aim_value(sweep, point).is_some()).collect();
    let sign = if Figure::named(&sweep.aim.figure).is_some_and(|f| f.wanted() == crate::experiment::Wanted::High) {
        -1.0
    } else {
        1.0
    };
    let key = |point: &SweptPoint| aim_value(sweep, point).unwrap_or(f64::INFINITY) * sign;
    points.sort_by(|a, b| key(a).total_cmp(&key(b)));
    page.heading(&format!("Points, best first ({} of {})", points.len().min(LISTED), count(points.len() as u64)));
    let columns = [sweep.aim.figure.as_str(), sweep.trade[0].as_str(), sweep.trade[1].as_str()];
    for (number, name) in columns.iter().enumerate() {
        page.line(&[(Paint::Dim, format!("  ({}) {}", number + 1, figure_title(name)))]);
    }
    page.line(&[(Paint::Dim, format!("{:>11}{:>11}{:>11}  {:<12}settings", "(1)", "(2)", "(3)", ""))]);
    for point in points.iter().take(LISTED) {
        let value =
            |name: &str| sweep.value(point, name).and_then(|value| value.value).map_or("-".to_string(), significant);
        let (paint, standing) = match sweep.standing(point) {
            Untold::Best => (Paint::Green, "best"),
            Untold::AsGood => (Paint::Yellow, "not told"),
            Untold::Worse => (Paint::Plain, "worse"),
            Untold::Unknown => (Paint::Dim, ""),
        };
        let numbers = columns.map(|name| format!("{:>11}", value(name))).concat();
        let values = point.settings.join("  ");
        page.line(&[
            (Paint::Plain, format!("{numbers}  ")),
            (paint, format!("{standing:<12}")),
            (Paint::Plain, shorten(&values, 53)),
        ]);
    }
    let names = sweep.axes.iter().map(|axis| axis.name.as_str()).collect::<Vec<_>>().join("  ");
    page.wrapped(0, 2, &format!("settings in this order: {names}"));
}

fn aim_value(sweep: &Sweep, point: &SweptPoint) -> Option<f64> {
    sweep.value(point, &sweep.aim.figure)?.value
}

fn left_out(page: &mut Page, sweep: &Sweep) {
    if sweep.left_out.is_empty() {
        return;
    }
    let total = sweep.left_out.len();
    page.heading(&format!(
        "Left out: {} that nothing would start with",
        counted(total as u64, "combination", "combinations")
    ));
    for left_out in sweep.left_out.iter().take(LEFT_OUT_LISTED) {
        let settings = left_out.settings.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
        page.wrapped(0, 2, &format!("{}: {}", settings.join("  "), left_out.reason));
    }
    if total > LEFT_OUT_LISTED {
        page.wrapped(0, 2, &format!("and {} more, all in left-out.csv", count((total - LEFT_OUT_LISTED) as u64)));
    }
}

fn troubles(page: &mut Page, sweep: &Sweep) {
    let points = sweep.points.iter().filter(|point| point.expectations_unmet_runs > 0).count() as u64;
    if points > 0 {
        let text = format!(
            "at {} an expectation of the scenario did not hold in some run",
            counted(points, "point", "points")
        );
        page.marked(0, (Paint::Red, "x"), &text);
    }
}

/// Everything that stands in the directory of a sweep beside the runs themselves.
pub fn files(plan: &Plan, sweep: &Sweep, curves: &Curves, text: &str) -> Vec<OutputFile> {
    let mut files = vec![
        OutputFile::new("sweep.json", json::text(sweep)),
        OutputFile::new("sweep.txt", text),
        OutputFile::new("points.csv", points_csv(sweep)),
        OutputFile::new("left-out.csv", left_out_csv(sweep)),
    ];
    files.extend(sweep.aim.best.map(|best| OutputFile::new(BEST_FILE, plan.scenario_file(best))));
    files.extend(sweep.worst.map(|worst| OutputFile::new(WORST_FILE, plan.scenario_file(worst.point))));
    if sweep.sampling == Sampling::Grid {
        files.extend(heat_maps(sweep));
        (0..sweep.axes.len()).for_each(|axis| files.extend(along(sweep, axis, curves)));
    }
    files
}

fn points_csv(sweep: &Sweep) -> String {
    let mut head: Vec<Cell> = vec!["point".into()];
    head.extend(sweep.axes.iter().map(|axis| Cell::from(&axis.name)));
    head.extend(["runs", "simulated_s", "expectations_unmet_runs", "worst_seed"].map(Cell::from));
    head.extend(["from_best", "from_best.low", "from_best.high", "standing"].map(Cell::from));
    for figure in &sweep.figures {
        head.extend(["", ".low", ".high"].map(|part| Cell::from(format!("{figure}{part}"))));
    }
    let mut text = csv_line(&head);
    for point in &sweep.points {
        let mut cells: Vec<Cell> = vec![point.point.into()];
        cells.extend(point.settings.iter().map(Cell::from));
        cells.extend([point.runs.into(), point.simulated_s.into(), point.expectations_unmet_runs.into()]);
        cells.push(point.worst_run.map(|worst| worst.seed).into());
        let (from_best, interval) = (point.from_best.as_ref(), point.from_best.as_ref().and_then(|d| d.interval));
        cells.extend([
            from_best.and_then(|difference| difference.value).into(),
            interval.map(|interval| interval.low).into(),
            interval.map(|interval| interval.high).into(),
            sweep.standing(point).word().into(),
        ]);
        cells.extend(point.values.iter().flat_map(|value| [value.value, value.low, value.high]).map(Cell::from));
        text += &csv_line(&cells);
    }
    text
}

fn left_out_csv(sweep: &Sweep) -> String {
    let names = sweep.axes.iter().map(|axis| Cell::from(&axis.name));
    let mut text = csv_line(&names.chain(["reason".into()]).collect::<Vec<_>>());
    for left_out in &sweep.left_out {
        let values = left_out.settings.values().map(Cell::from);
        text += &csv_line(&values.chain([Cell::from(&left_out.reason)]).collect::<Vec<_>>());
    }
    text
}

fn subtitle(sweep: &Sweep, held: &[(&str, &str)]) -> String {
    let runs = counted(sweep.seeds, "run", "runs");
    let held = held.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ");
    let held = if held.is_empty() { String::new() } else { format!("; held where the best point has it: {held}") };
    format!("{}, {runs} of each point, under the same seeds{held}", sweep.scenario)
}

fn file_part(name: &str) -> String {
    name.chars().map(|sign| if sign.is_ascii_alphanumeric() || sign == '.' { sign } else { '-' }).collect()
}

/// A map for each two axes; of the first two also one for each figure that is traded.
fn heat_maps(sweep: &Sweep) -> Vec<OutputFile> {
    let mut files = Vec::new();
    for across in 0..sweep.axes.len() {
        for up in across + 1..sweep.axes.len() {
            files.extend(heat_map(sweep, (across, up), &sweep.aim.figure));
            if (across, up) == (0, 1) {
                let traded = sweep.trade.iter().filter(|figure| **figure != sweep.aim.figure);
                files.extend(traded.filter_map(|figure| heat_map(sweep, (across, up), figure)));
            }
        }
    }
    files
}

fn heat_map(sweep: &Sweep, (across, up): (usize, usize), figure: &str) -> Option<OutputFile> {
    let plane = plane(sweep, across, up)?;
    let is_aim = figure == sweep.aim.figure;
    let mark = |point: &SweptPoint| match sweep.standing(point) {
        _ if !is_aim => Mark::None,
        Untold::Best => Mark::Best,
        Untold::AsGood => Mark::AsGood,
        Untold::Worse | Untold::Unknown => Mark::None,
    };
    let cell =
        |point: &&SweptPoint| HeatCell { value: sweep.value(point, figure).and_then(|v| v.value), mark: mark(point) };
    let [x, y] = [across, up].map(|axis| &sweep.axes[axis]);
    let svg = heat_map::chart(&HeatMap {
        title: &capitalised(&figure_title(figure)),
        subtitle: &subtitle(sweep, &plane.held),
        across: &x.name,
        columns: x.values.iter().map(String::as_str).collect(),
        up: &y.name,
        rows: y.values.iter().map(String::as_str).collect(),
        cells: plane.rows.iter().map(|row| row.iter().map(|point| point.as_ref().map(cell)).collect()).collect(),
    })?;
    let name = format!("charts/{}-by-{}-and-{}.svg", file_part(figure), file_part(&x.name), file_part(&y.name));
    Some(OutputFile::new(name, svg))
}

fn capitalised(text: &str) -> String {
    let mut signs = text.chars();
    signs.next().map_or_else(String::new, |first| first.to_uppercase().chain(signs).collect())
}

/// Charts along one axis: the trade-off, and the distributions over each other.
fn along(sweep: &Sweep, axis: usize, curves: &Curves) -> Vec<OutputFile> {
    let Some(slice) = line(sweep, axis).filter(|slice| slice.points.len() > 1) else { return Vec::new() };
    let (name, subtitle) = (&sweep.axes[axis].name, subtitle(sweep, &slice.held));
    let mut files: Vec<OutputFile> = tradeoff_chart(sweep, name, &slice.points, &subtitle).into_iter().collect();
    for (pool, title, quantity, part) in CURVES {
        let values = curves.line(axis).iter().filter_map(|point| {
            let level = slice.points.iter().find(|(_, other)| other.point == *point)?.0;
            Some((format!("{name} {level}"), curves.values(*point, pool)?))
        });
        let values: Vec<_> = values.collect();
        let series: Vec<Series> = values.iter().map(|(name, values)| Series { name, values }).collect();
        let svg = curves_chart(title, &subtitle, quantity, &series);
        files.extend(svg.map(|svg| OutputFile::new(format!("charts/{part}-by-{}.svg", file_part(name)), svg)));
    }
    files
}

fn tradeoff_chart(sweep: &Sweep, name: &str, points: &[(&str, &SweptPoint)], subtitle: &str) -> Option<OutputFile> {
    let titles = [0, 1].map(|index| figure_title(&sweep.trade[index]));
    let curve = |index: usize| {
        let point = |(_, point): &(&str, &SweptPoint)| {
            let value = sweep.value(point, &sweep.trade[index])?;
            Some(Point { value: value.value?, interval: value.low.zip(value.high) })
        };
        Curve { title: &titles[index], points: points.iter().map(point).collect() }
    };
    let (left, right) = (curve(0), curve(1));
    let pairs: Option<Vec<(f64, f64)>> =
        left.points.iter().zip(&right.points).map(|(a, b)| Some((a.as_ref()?.value, b.as_ref()?.value))).collect();
    let is_numeric = points.iter().all(|(_, point)| {
        sweep.axes.iter().zip(&point.settings).any(|(axis, value)| axis.name == name && number_of(value).is_some())
    });
    let knee = pairs.filter(|_| is_numeric).and_then(|pairs| knee(&pairs));
    let values = points.iter().map(|(level, _)| *level).collect();
    let title = format!("What {name} buys and costs");
    let svg = tradeoff::chart(&Tradeoff { title: &title, subtitle, setting: name, values, left, right, knee })?;
    Some(OutputFile::new(format!("charts/trade-off-by-{}.svg", file_part(name)), svg))
}
