//! `rebalab merge`: parts of an experiment that ran in several places become what one run would have given.

use std::path::{Path, PathBuf};

use miette::IntoDiagnostic;

use super::many_runs::{RUNS, check_directory};
use super::run::Format;
use super::{Exit, compare, scenario_file, sweep};
use crate::experiment::comparison::Comparing;
use crate::experiment::definition::Varied;
use crate::experiment::plan::{Plan, Shard};
use crate::experiment::record::{Header, Row};
use crate::experiment::store::{self, Earlier, Opened, StoreError};
use crate::experiment::sweep::Sweeping;

/// Put the parts of an experiment together that were run with --shard
#[derive(clap::Args, Debug)]
pub struct Merge {
    /// The part files, in any order
    #[arg(required = true)]
    parts: Vec<PathBuf>,
    /// Write runs, results and charts into this directory
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Replace the runs of an earlier call, and write into a directory that holds other files too
    #[arg(long)]
    force: bool,
    /// What to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// A part with its header.
struct Part<'p> {
    path: &'p Path,
    header: Header,
}

impl Merge {
    /// Merges, prints, writes.
    ///
    /// # Errors
    /// Parts that are damaged, foreign, of different experiments or missing; files in the way; a disk or pipe that fails.
    pub fn execute(&self) -> miette::Result<Exit> {
        let parts = ordered(&self.parts)?;
        check_directory(&self.out, self.force)?;
        let definition = parts[0].header.experiment.clone();
        let plan = scenario_file::plan(definition, true)?;
        match &plan.definition().varied {
            Varied::Variants(_) => {
                let mut comparing = Comparing::new(plan.points());
                self.join(&plan, &parts, &mut |row| comparing.take(row))?;
                compare::finish(&plan, &comparing, Some(&self.out), self.force, self.format)
            }
            Varied::Axes { .. } => {
                let mut sweeping = Sweeping::new(&plan);
                self.join(&plan, &parts, &mut |row| sweeping.take(&row))?;
                sweep::finish(&plan, sweeping.result(), &self.out, self.force, self.format)
            }
        }
    }

    /// Writes the runs of all parts into one file and shows them, in order.
    fn join(&self, plan: &Plan, parts: &[Part], take: &mut dyn FnMut(Row)) -> miette::Result<()> {
        let header = Header::new(plan, Shard::WHOLE);
        if let Some(what) = header.differs(&Header { shard: Shard::WHOLE, ..parts[0].header.clone() }) {
            return Err(miette::miette!(
                help = "merge with the version of rebalab that ran the parts",
                "{} can't be merged by this program: {what}",
                parts[0].path.display()
            ));
        }
        // What a merge that was stopped left behind is not worth going on with.
        let path = self.out.join(RUNS);
        let earlier = if self.force || store::partial_name(&path).exists() { Earlier::Replace } else { Earlier::Keep };
        let mut store = match store::open(&path, &header, earlier, take).into_diagnostic()? {
            Opened::Complete => return Ok(()),
            Opened::Growing(store) => store,
        };
        let mut written: Result<(), StoreError> = Ok(());
        for part in parts {
            store::read(part.path, &mut |row| {
                if written.is_ok() {
                    written = store.row(&row);
                    take(row);
                }
            })
            .into_diagnostic()?;
        }
        written.into_diagnostic()?;
        store.finish().into_diagnostic()
    }
}

/// The parts by their numbers, each once.
fn ordered(paths: &[PathBuf]) -> miette::Result<Vec<Part<'_>>> {
    let mut parts: Vec<Part> = Vec::new();
    for path in paths {
        let header = store::reader(path).into_diagnostic()?.header().clone();
        if let Some(first) = parts.first()
            && let Some(what) = first.header.differs(&header)
        {
            let (one, other) = (first.path.display(), path.display());
            return Err(miette::miette!("{one} and {other} are not parts of one experiment; they differ in {what}"));
        }
        parts.push(Part { path, header });
    }
    parts.sort_by_key(|part| part.header.shard);
    check_twice(&parts)?;
    let of = parts[0].header.shard.of;
    let missing: Vec<String> = (1..=of)
        .filter(|number| parts.iter().all(|part| part.header.shard.number != *number))
        .map(|number| format!("{number}/{of}"))
        .collect();
    match missing.is_empty() {
        true => Ok(parts),
        false => Err(miette::miette!(
            help = "run each with --shard and name its part too",
            "{} of {of} shards are missing: {}",
            missing.len(),
            missing.join(", ")
        )),
    }
}

/// The same part may be named twice if both say the same; the second one is left out.
fn check_twice(parts: &[Part]) -> miette::Result<()> {
    for pair in parts.windows(2) {
        let [a, b] = pair else { continue };
        if a.header.shard == b.header.shard {
            let shard = a.header.shard;
            return Err(miette::miette!(
                "{} and {} are the same shard, {}/{}: name it once",
                a.path.display(),
                b.path.display(),
                shard.number,
                shard.of
            ));
        }
    }
    Ok(())
}
