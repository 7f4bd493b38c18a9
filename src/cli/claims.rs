//! `rebalab claims`: advice in circulation, settled by experiment.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use miette::{IntoDiagnostic, WrapErr};

use super::many_runs::{stop_flag, threads_or_all};
use super::run::progress;
use super::{Exit, terminal};
use crate::experiment::claims::{ClaimFile, JudgedClaim, Judging};
use crate::experiment::session::{self, SessionEnd, Simulation};
use crate::report::claims::{files, index, sentence, verdict_word};
use crate::report::{OutputFile, json, write};

/// Test claims: each file states a piece of advice, its sources, the experiment and the rule that decides
#[derive(clap::Args, Debug)]
pub struct Claims {
    /// Claim files, or folders of them
    #[arg(required = true)]
    claims: Vec<PathBuf>,
    /// Seeds of each variant under each condition, in place of what the files say
    #[arg(long, value_name = "N")]
    seeds: Option<u64>,
    /// Threads; as many as there are cores unless said otherwise. The results don't depend on it
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Write a page and a chart for each claim, and one page for all, into this directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write into a directory that holds other files too
    #[arg(long, requires = "out")]
    force: bool,
}

impl Claims {
    /// Tests every claim, prints the verdicts, writes the pages.
    ///
    /// # Errors
    /// A bad claim file, a run that fails, a disk or pipe that fails. Claims that were judged before are written.
    pub fn execute(&self) -> miette::Result<Exit> {
        let claims = self.read()?;
        if let Some(out) = &self.out {
            write::check_directory(out, self.force).into_diagnostic()?;
        }
        let mut judged: Vec<(ClaimFile, JudgedClaim)> = Vec::new();
        for claims in by_experiment(claims) {
            let Some(verdicts) = self.judge(&claims)? else {
                self.write(&mut judged)?;
                terminal::print(&format!("stopped after {} claims\n", judged.len()))?;
                return Ok(Exit::Failure);
            };
            for (claim, verdict) in claims.into_iter().zip(verdicts) {
                let (word, sentence) = (verdict_word(verdict.verdict), sentence(&claim, &verdict));
                terminal::print(&format!("{word:>9}  {}\n           {sentence}\n", claim.claim))?;
                judged.push((claim, verdict));
            }
        }
        self.write(&mut judged)?;
        Ok(Exit::Success)
    }

    /// All claims, each read and checked before the first run.
    fn read(&self) -> miette::Result<Vec<ClaimFile>> {
        let mut claims = Vec::new();
        for path in
            self.claims.iter().map(|path| claim_files(path)).collect::<miette::Result<Vec<_>>>()?.into_iter().flatten()
        {
            let named = || format!("{} can't be tested", path.display());
            let text = std::fs::read_to_string(&path).into_diagnostic().wrap_err_with(named)?;
            let mut claim = ClaimFile::read(&text).into_diagnostic().wrap_err_with(named)?;
            claim.seeds = self.seeds.unwrap_or(claim.seeds).max(1);
            claim.plan().into_diagnostic().wrap_err_with(named)?;
            claims.push(claim);
        }
        Ok(claims)
    }

    /// Runs the experiment that these claims share. `None`: somebody asked to stop.
    fn judge(&self, claims: &[ClaimFile]) -> miette::Result<Option<Vec<JudgedClaim>>> {
        let plan = claims[0].plan().into_diagnostic()?;
        let mut judging = Judging::new(claims.iter().collect());
        let bar = progress(plan.runs());
        let mut take = |row| {
            judging.take(row);
            bar.inc(1);
            ControlFlow::Continue(())
        };
        let threads = threads_or_all(self.threads);
        let ended = session::run(&plan, 0..plan.runs(), threads, stop_flag(), &Simulation, None, &mut take);
        bar.finish_and_clear();
        match ended.map_err(|error| miette::miette!("{}: {error}", claims[0].name))? {
            SessionEnd::Complete => Ok(Some(judging.verdicts(&plan))),
            SessionEnd::Enough | SessionEnd::Stopped => Ok(None),
        }
    }

    fn write(&self, judged: &mut [(ClaimFile, JudgedClaim)]) -> miette::Result<()> {
        let Some(out) = &self.out else { return Ok(()) };
        judged.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        let mut all: Vec<OutputFile> = judged.iter().flat_map(|(claim, judged)| files(claim, judged)).collect();
        all.push(OutputFile::new("README.md", index(judged)));
        let results: Vec<&JudgedClaim> = judged.iter().map(|(_, judged)| judged).collect();
        all.push(OutputFile::new("claims.json", json::text(&results)));
        write::directory(out, &all, self.force).into_diagnostic()
    }
}

/// Claims with the same experiment together, so that its runs are done once.
fn by_experiment(claims: Vec<ClaimFile>) -> Vec<Vec<ClaimFile>> {
    let mut experiments: Vec<(String, Vec<ClaimFile>)> = Vec::new();
    for claim in claims {
        let digest = claim.plan().map(|plan| plan.definition().digest()).unwrap_or_default();
        match experiments.iter_mut().find(|(other, _)| *other == digest) {
            Some((_, claims)) => claims.push(claim),
            None => experiments.push((digest, vec![claim])),
        }
    }
    experiments.into_iter().map(|(_, claims)| claims).collect()
}

/// The claim files that a path stands for, by name.
fn claim_files(path: &Path) -> miette::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let entries = std::fs::read_dir(path).into_diagnostic()?;
    let paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().into_diagnostic()?;
    let mut files: Vec<PathBuf> =
        paths.into_iter().filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    match files.is_empty() {
        true => Err(miette::miette!("{} has no claims in it (files that end in .json)", path.display())),
        false => Ok(files),
    }
}
