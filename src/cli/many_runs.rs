//! What every verb with many runs has in common: seeds, threads, files of runs, progress, Ctrl-C, going on later.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use miette::{IntoDiagnostic, WrapErr};

use super::run::progress;
use crate::experiment::Seeds;
use crate::experiment::plan::{Plan, Shard};
use crate::experiment::record::{Header, Row};
use crate::experiment::session::{self, SessionEnd, SessionError, Simulation};
use crate::experiment::store::{self, Earlier, Opened};
use crate::report::runs_csv::{RunsCsv, setting_names};
use crate::report::write;

/// The runs of an experiment in its directory.
pub(super) const RUNS: &str = "runs.jsonl";
const RUNS_CSV: &str = "runs.csv";

/// Seeds, threads and files of an experiment
#[derive(clap::Args, Debug)]
pub(super) struct ManyRuns {
    /// Seeds: how many, or the first and the last one (1..200)
    #[arg(long, value_name = "SEEDS", default_value = "30", value_parser = Seeds::parse)]
    pub seeds: Seeds,
    /// Threads; as many as there are cores unless said otherwise. The results don't depend on it
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Write runs, results and charts into this directory (with --shard: the name of the part file)
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Do only this part of the runs, for example 2/7; `rebalab merge` puts parts together
    #[arg(long, value_name = "I/N", requires = "out", value_parser = Shard::parse)]
    pub shard: Option<Shard>,
    /// Go on with the runs of an earlier call that was stopped
    #[arg(long, requires = "out", conflicts_with = "force")]
    pub resume: bool,
    /// Replace the runs of an earlier call, and write into a directory that holds other files too
    #[arg(long, requires = "out")]
    pub force: bool,
}

/// How the runs ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Collected {
    /// They are all there, or enough is known.
    pub whole: bool,
    /// So many were done.
    pub runs: u64,
}

impl ManyRuns {
    /// Where the runs go.
    fn file(&self) -> Option<PathBuf> {
        let out = self.out.as_ref()?;
        Some(if self.shard.is_some() { out.clone() } else { out.join(RUNS) })
    }

    /// Does the runs that are not there yet and shows all of them to `take`, in order.
    ///
    /// # Errors
    /// Files in the way, a run that fails, a disk that is full. What was finished stays.
    pub fn collect(&self, plan: &Plan, take: &mut dyn FnMut(Row) -> ControlFlow<()>) -> miette::Result<Collected> {
        if let (Some(out), None) = (&self.out, self.shard) {
            check_directory(out, self.force)?;
        }
        let header = Header::new(plan, self.shard.unwrap_or(Shard::WHOLE));
        let (mut done, mut enough) = (0, false);
        let opened = self.file().map(|path| {
            store::open(&path, &header, self.earlier(), &mut |row| {
                done += 1;
                enough |= take(row).is_break();
            })
        });
        let mut store = match opened.transpose().into_diagnostic()? {
            Some(Opened::Complete) => return Ok(Collected { whole: true, runs: done }),
            Some(Opened::Growing(store)) => Some(store),
            None => None,
        };
        let end = match enough {
            true => SessionEnd::Enough,
            false => {
                let bar = progress(header.runs);
                bar.set_position(done);
                bar.reset_eta();
                let runs = header.first_run + done..header.first_run + header.runs;
                let mut counted = |row: Row| {
                    done += 1;
                    bar.inc(1);
                    take(row)
                };
                let store = store.as_deref_mut();
                let ended = session::run(plan, runs, self.threads(), stop_flag(), &Simulation, store, &mut counted);
                bar.finish_and_clear();
                ended.map_err(|error| explained(error, self.file().as_deref()))?
            }
        };
        if end == SessionEnd::Stopped {
            return Ok(Collected { whole: false, runs: done });
        }
        if let Some(store) = store {
            store.finish().into_diagnostic()?;
        }
        Ok(Collected { whole: true, runs: done })
    }

    fn earlier(&self) -> Earlier {
        match (self.resume, self.force) {
            (true, _) => Earlier::Resume,
            (false, true) => Earlier::Replace,
            (false, false) => Earlier::Keep,
        }
    }

    fn threads(&self) -> NonZeroUsize {
        threads_or_all(self.threads)
    }

    /// Says on standard error that the runs were stopped, and how to go on.
    pub fn tell_stopped(&self, collected: Collected, plan: &Plan) {
        let total = self.shard.unwrap_or(Shard::WHOLE).share(plan.runs());
        let of = total.end - total.start;
        let kept = match self.file() {
            Some(path) => {
                format!("they are in {}; the same command with --resume goes on", store::partial_name(&path).display())
            }
            None => "they were not kept (--out DIR keeps them)".to_string(),
        };
        // A terminal that has gone away hears nothing; the runs are on the disk.
        let _ = writeln!(std::io::stderr(), "stopped after {} of {of} runs: {kept}", collected.runs);
    }
}

/// So many threads, or as many as there are cores.
pub(super) fn threads_or_all(threads: Option<NonZeroUsize>) -> NonZeroUsize {
    threads.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
}

fn explained(error: SessionError, file: Option<&Path>) -> miette::Report {
    match file {
        Some(path) => miette::miette!(
            help = format!(
                "the runs before it are in {}; --resume goes on with them",
                store::partial_name(path).display()
            ),
            "{error}"
        ),
        None => miette::miette!("{error}"),
    }
}

/// Refuses a directory with files that are not of an experiment.
pub(super) fn check_directory(out: &Path, force: bool) -> miette::Result<()> {
    let own = [RUNS.to_string(), RUNS_CSV.to_string(), format!("{RUNS}.partial")];
    write::check_directory_beside(out, &own, force).into_diagnostic()
}

/// Set by Ctrl-C, by the request to end, and by a terminal that goes away. The second time the process ends at once.
pub(super) fn stop_flag() -> &'static AtomicBool {
    static STOP: AtomicBool = AtomicBool::new(false);
    static HANDLER: OnceLock<()> = OnceLock::new();
    HANDLER.get_or_init(|| {
        // Without a handler Ctrl-C ends the process at once: every finished run is on the disk all the same.
        let _ = ctrlc::set_handler(|| {
            if STOP.swap(true, Ordering::Relaxed) {
                std::process::exit(i32::from(super::Exit::Failure.code()));
            }
        });
    });
    &STOP
}

/// Writes `runs.csv` beside the runs of an experiment, whole or not at all.
///
/// # Errors
/// If the runs can't be read or the table can't be written.
pub(super) fn write_csv(out: &Path, plan: &Plan) -> miette::Result<()> {
    let (path, partial) = (out.join(RUNS_CSV), out.join(format!("{RUNS_CSV}.partial")));
    let failed = || format!("failed to write {}", path.display());
    let settings: Vec<_> = if plan.axes().is_empty() {
        (0..plan.points()).map(|point| plan.settings(point)).collect()
    } else {
        vec![plan.settings(0)]
    };
    let file = File::create(&partial).into_diagnostic().wrap_err_with(failed)?;
    let mut csv = RunsCsv::new(BufWriter::new(file), setting_names(settings.iter())).into_diagnostic()?;
    let mut written = Ok(());
    store::read_so_far(&out.join(RUNS), &mut |row| {
        if written.is_ok() {
            written = csv.row(&row);
        }
    })
    .into_diagnostic()?;
    written.into_diagnostic().wrap_err_with(failed)?;
    csv.finish().into_diagnostic().wrap_err_with(failed)?;
    fs::rename(&partial, &path).into_diagnostic().wrap_err_with(failed)
}
