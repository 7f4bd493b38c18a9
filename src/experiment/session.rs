//! Doing the runs of a plan: on several threads, into a file if one is wanted, from where an earlier call stopped.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::figures::RunFigures;
use super::plan::{Plan, RunOf};
use super::record::Row;
use super::runner::{Ended, PerThread, RunPanicked, in_order};
use super::store::{Store, StoreError};
use crate::scenario::Scenario;

/// How one run is made: by the simulation, or by something else in tests of what surrounds it.
pub trait Simulate: Sync {
    /// The figures of a scenario under a seed.
    fn run(&self, scenario: &Scenario, seed: u64) -> RunFigures;
}

/// The simulation itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Simulation;

impl Simulate for Simulation {
    fn run(&self, scenario: &Scenario, seed: u64) -> RunFigures {
        let (outcome, distributions) = super::run(scenario, seed, &mut []);
        RunFigures::of(&outcome, &distributions)
    }
}

/// Why a session ended early with an error.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// A run failed.
    #[error("run {run} (seed {seed}, {settings}) failed: {message}")]
    Run {
        /// Which run.
        run: u64,
        /// Its seed.
        seed: u64,
        /// Its settings.
        settings: String,
        /// What the panic said.
        message: String,
    },
    /// Runs could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How a session came to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionEnd {
    /// All runs are done.
    Complete,
    /// The taker has seen enough.
    Enough,
    /// Somebody asked to stop.
    Stopped,
}

/// Why no run follows.
enum Break {
    Enough,
    Store(StoreError),
    Panicked(RunPanicked),
}

impl From<RunPanicked> for Break {
    fn from(panicked: RunPanicked) -> Self {
        Break::Panicked(panicked)
    }
}

/// Does these runs of the plan, writes each to the store and shows it to `take`, in order. `take` breaks when it has seen
/// enough.
///
/// # Errors
/// A run that fails, or a store that can't be written; all runs before it are in the store.
pub fn run(
    plan: &Plan,
    runs: Range<u64>,
    threads: NonZeroUsize,
    stop: &AtomicBool,
    simulation: &dyn Simulate,
    mut store: Option<&mut Store>,
    take: &mut dyn FnMut(Row) -> ControlFlow<()>,
) -> Result<SessionEnd, SessionError> {
    let mut kept = |row: Row| {
        if let Some(Err(error)) = store.as_mut().map(|store| store.row(&row)) {
            return ControlFlow::Break(Break::Store(error));
        }
        take(row).map_break(|()| Break::Enough)
    };
    each(plan, runs, &|run| (run, plan.run(run)), threads, stop, simulation, &mut kept)
}

/// Does the runs of these points under these seeds and shows each to `take`, in order.
///
/// # Errors
/// A run that fails.
pub fn run_listed(
    plan: &Plan,
    wanted: &[RunOf],
    threads: NonZeroUsize,
    stop: &AtomicBool,
    simulation: &dyn Simulate,
    take: &mut dyn FnMut(Row) -> ControlFlow<()>,
) -> Result<SessionEnd, SessionError> {
    let of = |index: u64| {
        let of = wanted[index as usize];
        (plan.run_number(of), of)
    };
    let mut taken = |row: Row| take(row).map_break(|()| Break::Enough);
    each(plan, 0..wanted.len() as u64, &of, threads, stop, simulation, &mut taken)
}

fn each(
    plan: &Plan,
    indices: Range<u64>,
    of: &(dyn Fn(u64) -> (u64, RunOf) + Sync),
    threads: NonZeroUsize,
    stop: &AtomicBool,
    simulation: &dyn Simulate,
    take: &mut dyn FnMut(Row) -> ControlFlow<Break>,
) -> Result<SessionEnd, SessionError> {
    let scenarios = Scenarios::new(plan, threads);
    let work = |index: u64| {
        let (run, of) = of(index);
        let figures = simulation.run(&scenarios.get(of.point), of.seed);
        Row { run, point: of.point, seed: of.seed, settings: plan.settings(of.point), figures }
    };
    match in_order(indices, threads, stop, work, |_, row| take(row)) {
        Ok(Ended::Complete) => Ok(SessionEnd::Complete),
        Ok(Ended::Stopped { .. }) => Ok(SessionEnd::Stopped),
        Err(Break::Enough) => Ok(SessionEnd::Enough),
        Err(Break::Store(error)) => Err(error.into()),
        Err(Break::Panicked(RunPanicked { run: index, message })) => {
            let (run, of) = of(index);
            Err(SessionError::Run { run, seed: of.seed, settings: plan.name(of.point), message })
        }
    }
}

/// Scenarios by point, those made last at the back.
type Kept = VecDeque<(u64, Arc<Scenario>)>;

/// Scenarios of the points under way: made once by each thread for all its runs of a point, forgotten when others take
/// their place.
struct Scenarios<'p> {
    plan: &'p Plan,
    room: usize,
    kept: PerThread<Kept>,
}

impl<'p> Scenarios<'p> {
    /// Few variants stay all the time: they are wanted again with the next seed.
    const VARIANTS_KEPT: u64 = 64;

    fn new(plan: &'p Plan, threads: NonZeroUsize) -> Self {
        let room = 2 + plan.points().min(Self::VARIANTS_KEPT) as usize;
        Scenarios { plan, room, kept: PerThread::new(threads) }
    }

    fn get(&self, point: u64) -> Arc<Scenario> {
        let mut kept = self.kept.own();
        if let Some((_, scenario)) = kept.iter().find(|(other, _)| *other == point) {
            return scenario.clone();
        }
        let scenario = Arc::new(self.plan.scenario(point));
        if kept.len() >= self.room {
            kept.pop_front();
        }
        kept.push_back((point, scenario.clone()));
        scenario
    }
}
