//! `rebalab compare`: which of a few settings is better at what, under the same misfortunes.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use miette::IntoDiagnostic;

use super::many_runs::{ManyRuns, check_directory, write_csv};
use super::run::{Format, replay, style};
use super::{Exit, scenario_file, terminal};
use crate::experiment::comparison::Comparing;
use crate::experiment::definition::{Definition, ScenarioText, Until, Variant, Varied};
use crate::experiment::figures::Figure;
use crate::experiment::plan::Plan;
use crate::experiment::settings::Settings;
use crate::report::comparison::{files, text, variant_file};
use crate::report::summary::Style;
use crate::report::{json, write};

/// Compare settings: the same scenario under the same seeds, with what differs and how sure that is
#[derive(clap::Args, Debug)]
pub struct Compare {
    /// The scenario file
    scenario: PathBuf,
    /// Properties files, each a variant that puts its settings over the scenario's. A single one is compared with the
    /// scenario as it is; without any, the variants in the scenario file are compared
    properties: Vec<PathBuf>,
    /// Of the variants in the scenario file, only these
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with = "properties")]
    only: Vec<String>,
    /// Stop as soon as half of the interval is at most this share of the first variant's value, for example 5%
    #[arg(long, value_name = "SHARE", value_parser = share, conflicts_with = "shard")]
    until: Option<f64>,
    /// The figure that --until looks at
    #[arg(long, value_name = "FIGURE", default_value = "paused_partition_seconds_per_hour")]
    figure: String,
    #[command(flatten)]
    many: ManyRuns,
    /// What to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Reads `5%` or `0.05`.
fn share(text: &str) -> Result<f64, String> {
    let (number, unit) = text.trim().strip_suffix('%').map_or((text.trim(), 1.0), |number| (number.trim(), 100.0));
    let share: Option<f64> = number.parse().ok().map(|number: f64| number / unit);
    share.filter(|share| *share > 0.0 && *share < 1.0).ok_or_else(|| format!("`{text}` is no share: write 5% or 0.05"))
}

impl Compare {
    /// Runs, prints, writes.
    ///
    /// # Errors
    /// A bad scenario or properties file, files in the way, a run that fails, a disk or pipe that fails.
    pub fn execute(&self) -> miette::Result<Exit> {
        check_figure(&self.figure)?;
        let scenario = scenario_file::read_whole(&self.scenario)?;
        let variants = self.variants(&scenario)?;
        let until = self.until.map(|share| Until { figure: self.figure.clone(), share });
        let definition =
            Definition { varied: Varied::Variants(variants), seeds: self.many.seeds, until: until.clone(), scenario };
        let plan = scenario_file::plan(definition, false)?;
        let mut comparing = Comparing::new(plan.points());
        let shard = self.many.shard.is_some();
        let collected = self.many.collect(&plan, &mut |row| {
            if !shard {
                comparing.take(row);
            }
            match &until {
                Some(until) if comparing.is_enough(until) => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        })?;
        if !collected.whole {
            self.many.tell_stopped(collected, &plan);
        }
        if !shard && comparing.seeds() > 0 {
            let exit = finish(&plan, &comparing, self.many.out.as_deref(), self.many.force, self.format)?;
            return Ok(if collected.whole { exit } else { Exit::Failure });
        }
        Ok(if collected.whole { Exit::Success } else { Exit::Failure })
    }

    fn variants(&self, scenario: &ScenarioText) -> miette::Result<Vec<Variant>> {
        if self.properties.is_empty() {
            return named(scenario, &self.only, &self.scenario);
        }
        let mut variants = Vec::new();
        if self.properties.len() == 1 {
            variants.push(Variant { name: "scenario".into(), settings: Settings::new() });
        }
        for (path, name) in self.properties.iter().zip(names(&self.properties)) {
            if variants.iter().any(|other| other.name == name) {
                return Err(miette::miette!("{} is given twice", path.display()));
            }
            variants.push(Variant { name, settings: scenario_file::properties(path)? });
        }
        Ok(variants)
    }
}

/// The variants that the scenario file names.
fn named(scenario: &ScenarioText, only: &[String], file: &Path) -> miette::Result<Vec<Variant>> {
    let variants = scenario.variants();
    if let Some(unknown) = only.iter().find(|name| !variants.contains_key(*name)) {
        let known = variants.keys().cloned().collect::<Vec<_>>().join(", ");
        return Err(miette::miette!("{} has no variant `{unknown}`; it has: {known}", file.display()));
    }
    let wanted = |name: &String| only.is_empty() || only.contains(name);
    let variants: IndexMap<String, Settings> = variants.into_iter().filter(|(name, _)| wanted(name)).collect();
    let mut chosen: Vec<Variant> = variants.into_iter().map(|(name, settings)| Variant { name, settings }).collect();
    match chosen.len() {
        0 => Err(miette::miette!(
            help = "name properties files after the scenario, or write \"variants\": { \"short\": { \"session.timeout.ms\": 6000 } } into it",
            "there is nothing to compare {} with",
            file.display()
        )),
        1 => {
            chosen.insert(0, Variant { name: "scenario".into(), settings: Settings::new() });
            Ok(chosen)
        }
        _ => Ok(chosen),
    }
}

/// Names of variants after their files: without folder and ending where that tells them apart.
fn names(paths: &[PathBuf]) -> Vec<String> {
    let stem = |path: &PathBuf| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let stems: Vec<String> = paths.iter().map(stem).collect();
    let is_clear = |name: &String| stems.iter().filter(|other| *other == name).count() == 1 && name != "scenario";
    let name =
        |(path, stem): (&PathBuf, &String)| if is_clear(stem) { stem.clone() } else { path.display().to_string() };
    paths.iter().zip(&stems).map(name).collect()
}

/// Refuses a figure that does not exist, with those that do.
pub(super) fn check_figure(name: &str) -> miette::Result<Figure> {
    Figure::named(name).ok_or_else(|| {
        let known = Figure::told().into_iter().map(|figure| figure.name).collect::<Vec<_>>();
        let near = crate::protocol::config::nearest::nearest(name, known.iter().map(String::as_str));
        let near = near.map_or(String::new(), |near| format!("did you mean `{near}`? "));
        miette::miette!(help = format!("{near}known: {}", known.join(", ")), "there is no figure `{name}`")
    })
}

/// Prints the result and writes it.
///
/// # Errors
/// Files in the way, a disk or pipe that fails.
pub(super) fn finish(
    plan: &Plan,
    comparing: &Comparing,
    out: Option<&Path>,
    force: bool,
    format: Format,
) -> miette::Result<Exit> {
    let comparison = comparing.result(plan);
    let command =
        |variant: usize, seed: u64| Some(replay(&out?.join(variant_file(&comparison.variants[variant].name)), seed));
    if let Some(out) = out {
        check_directory(out, force)?;
        write_csv(out, plan)?;
        // In the directory itself, commands are those that work from there.
        let here = |variant: usize, seed: u64| {
            Some(replay(Path::new(&variant_file(&comparison.variants[variant].name)), seed))
        };
        let told = text(&comparison, Style::PLAIN, &here);
        write::directory(out, &files(plan, comparing, &comparison, &told), true).into_diagnostic()?;
    }
    match format {
        Format::Text => terminal::print(&text(&comparison, style(), &command))?,
        Format::Json => terminal::print(&json::text(&comparison))?,
    }
    let unmet = comparison.variants.iter().any(|variant| variant.expectations_unmet_runs > 0);
    Ok(if unmet { Exit::Unmet } else { Exit::Success })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_with_and_without_percent() {
        assert_eq!(["5%", "0.05", " 5 % "].map(share), [Ok(0.05), Ok(0.05), Ok(0.05)]);
        assert!(["5", "0%", "-1%", "x", ""].into_iter().all(|text| share(text).is_err()));
    }

    #[test]
    fn variants_are_called_after_their_files_where_that_is_clear() {
        let named = |paths: &[&str]| names(&paths.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(named(&["a/short.properties", "b/long.properties"]), ["short", "long"]);
        assert_eq!(named(&["a/c.properties", "b/c.properties"]), ["a/c.properties", "b/c.properties"]);
    }
}
