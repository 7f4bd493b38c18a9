//! `rebalab conform --live`: judges simulated runs against live recordings.

use std::fmt::Write;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use miette::{IntoDiagnostic, WrapErr};
use rayon::prelude::*;

use super::conform::{Recording as Found, open};
use super::{Exit, terminal};
use crate::conformance::live::{
    self, BuildError, Measures, RUNS_MAX, Recording, Replayed, SEEDS_MIN, Verdict, side_by_side,
};
use crate::report::chart;

/// What `--live` can do besides judging.
#[derive(clap::Args, Debug)]
pub struct LiveOptions {
    /// Judge simulated runs against live recordings (README in `tests/vectors/live`): replay and distribution
    #[arg(long)]
    pub live: bool,
    /// Seeds of the judgement of distributions
    #[arg(long, value_name = "N", default_value_t = SEEDS_MIN, requires = "live",
          value_parser = clap::value_parser!(u64).range(SEEDS_MIN..=1_000_000))]
    seeds: u64,
    /// Print the recorded and the simulated timeline of each repetition side by side
    #[arg(long, requires = "live")]
    story: bool,
    /// Write one table per client into this file (Markdown)
    #[arg(long, value_name = "FILE", requires = "live")]
    table: Option<PathBuf>,
    /// Draw recorded against simulated times into this file (SVG)
    #[arg(long, value_name = "FILE", requires = "live")]
    plot: Option<PathBuf>,
}

/// The repetitions of one scenario.
struct Scenario {
    name: String,
    repetitions: Vec<Recording>,
}

/// Judges all recordings and prints.
///
/// # Errors
/// A damaged recording, a recording that no scenario can be built from, a chart that cannot be written.
pub fn execute(options: &LiveOptions, found: &[Found]) -> miette::Result<Exit> {
    let (scenarios, not_modelled) = read_all(found)?;
    miette::ensure!(
        !scenarios.is_empty() || !not_modelled.is_empty(),
        "no live recordings (.jsonl or .jsonl.gz) to judge"
    );
    let bar = progress(scenarios.iter().map(|scenario| scenario.repetitions.len() as u64 + options.seeds).sum());
    let verdicts = scenarios.iter().map(|scenario| judge(scenario, options.seeds, &bar));
    let verdicts = verdicts.collect::<miette::Result<Vec<Verdict>>>()?;
    bar.finish_and_clear();
    let mut text = String::new();
    for verdict in &verdicts {
        if options.story {
            stories(verdict, &mut text);
        }
        let _ = write!(text, "{verdict}");
    }
    summary(&verdicts, &not_modelled, &mut text);
    terminal::print(&text)?;
    if let Some(path) = &options.table {
        let failed = || format!("failed to write {}", path.display());
        std::fs::write(path, live::table(&verdicts)).into_diagnostic().wrap_err_with(failed)?;
    }
    if let Some(path) = &options.plot {
        let failed = || format!("failed to write {}", path.display());
        std::fs::write(path, chart::live::chart(&verdicts)).into_diagnostic().wrap_err_with(failed)?;
    }
    Ok(if verdicts.iter().all(Verdict::passes) { Exit::Success } else { Exit::Unmet })
}

/// Repetitions by scenario, in the order in which they were found; and the names of those that are not modelled.
fn read_all(found: &[Found]) -> miette::Result<(Vec<Scenario>, Vec<String>)> {
    let mut scenarios: Vec<Scenario> = Vec::new();
    let mut not_modelled = Vec::new();
    for file in found {
        for recording in read(&file.path)? {
            if recording.uses_consumer_protocol() {
                not_modelled.push(recording.scenario);
                continue;
            }
            match scenarios.iter_mut().find(|scenario| scenario.name == recording.scenario) {
                Some(scenario) => scenario.repetitions.push(recording),
                None => scenarios.push(Scenario { name: recording.scenario.clone(), repetitions: vec![recording] }),
            }
        }
    }
    not_modelled.dedup();
    Ok((scenarios, not_modelled))
}

fn read(path: &Path) -> miette::Result<Vec<Recording>> {
    let failed = || format!("failed to read {}", path.display());
    let mut text = String::new();
    open(path)?.read_to_string(&mut text).into_diagnostic().wrap_err_with(failed)?;
    live::read(&text).into_diagnostic().wrap_err_with(failed)
}

fn judge(scenario: &Scenario, seeds: u64, bar: &ProgressBar) -> miette::Result<Verdict> {
    let Scenario { name, repetitions } = scenario;
    let failed = || format!("failed to judge {name}");
    let replays: Result<Vec<Replayed>, BuildError> =
        repetitions.par_iter().map(|recording| live::replay(recording, RUNS_MAX).inspect(|_| bar.inc(1))).collect();
    let replay = replays.into_diagnostic().wrap_err_with(failed)?;
    let runs: Result<Vec<Measures>, BuildError> =
        (0..seeds).into_par_iter().map(|seed| live::draw(repetitions, seed).inspect(|_| bar.inc(1))).collect();
    let runs = runs.into_diagnostic().wrap_err_with(failed)?;
    let client = repetitions.first().map_or_else(String::new, |recording| recording.client().to_owned());
    Ok(Verdict { client, scenario: name.clone(), replay, distribution: live::judge(repetitions, &runs) })
}

fn progress(steps: u64) -> ProgressBar {
    let target =
        if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} repetitions and runs, {eta} to go");
    ProgressBar::with_draw_target(Some(steps), target).with_style(style.expect("the template is well formed"))
}

fn stories(verdict: &Verdict, text: &mut String) {
    for replayed in &verdict.replay {
        let _ = writeln!(text, "{}, repetition {}", verdict.scenario, replayed.rep);
        let (recorded, simulated) = &*replayed.timelines;
        text.push_str(&side_by_side(recorded, simulated));
        text.push('\n');
    }
}

fn summary(verdicts: &[Verdict], not_modelled: &[String], text: &mut String) {
    for name in not_modelled {
        let _ = writeln!(text, "{name:30}  not judged: group.protocol=consumer is not modelled yet");
    }
    let count = |holds: fn(&Verdict) -> bool| verdicts.iter().filter(|verdict| holds(verdict)).count();
    let _ = writeln!(
        text,
        "{} scenarios: replay passes in {}, distribution in {}",
        verdicts.len(),
        count(Verdict::replay_passes),
        count(Verdict::distribution_passes),
    );
    let sum = |of: fn(&Verdict) -> usize| verdicts.iter().map(of).sum::<usize>();
    let _ = writeln!(
        text,
        "{} repetitions: {} stories told alike, {} of them with every cost at its median, the others by a race that \
         fell the same way in a run with drawn costs; {} of {} times inside",
        sum(|verdict| verdict.replay.len()),
        sum(Verdict::same_stories),
        sum(Verdict::told_at_median),
        sum(Verdict::inside),
        sum(Verdict::quantities),
    );
}
