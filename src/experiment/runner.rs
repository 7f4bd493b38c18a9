//! Many runs on several threads, their results in order.
//!
//! Workers take run after run; results are handed over in the order of the runs, whatever the threads do, so that
//! everything made of them is the same for one thread and for eight. Memory stays bounded: nobody starts a run that lies
//! far ahead of the oldest one still under way. A stop (Ctrl-C) lets the runs under way finish, so that what was handed
//! over is always all runs up to some point.

use std::any::Any;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::{ControlFlow, Range};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, mpsc};

/// So many runs per thread may wait for an older one to end.
const AHEAD_PER_THREAD: u64 = 32;

/// How a series of runs came to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// Every run was handed over.
    Complete,
    /// Somebody asked to stop: the runs before this one were handed over.
    Stopped {
        /// The first run that is missing.
        next: u64,
    },
}

/// Something of its own for each worker of [`in_order`]: a scenario, for one. A run copies the names in its scenario all
/// the time and counts the references to them; two threads that shared one would wait for each other at every count.
#[derive(Debug)]
pub struct PerThread<T>(Vec<Mutex<T>>);

impl<T: Default> PerThread<T> {
    /// The default for each of so many threads.
    pub fn new(threads: NonZeroUsize) -> Self {
        PerThread((0..threads.get()).map(|_| Mutex::default()).collect())
    }

    /// What belongs to the thread that asks.
    ///
    /// # Panics
    /// If a run panicked while it held this.
    pub fn own(&self) -> MutexGuard<'_, T> {
        let thread = rayon::current_thread_index().unwrap_or(0) % self.0.len();
        self.0[thread].lock().expect("nobody panics who holds it")
    }
}

/// A run ended in a panic: the model reached a state that must not be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("run {run} failed: {message}")]
pub struct RunPanicked {
    /// Which run.
    pub run: u64,
    /// What the panic said.
    pub message: String,
}

/// Does `work` for every run of the range on so many threads and hands the results to `take` in the order of the runs.
///
/// `take` runs on the calling thread, beside the workers. When it breaks, or `stop` is set, no new run starts.
///
/// # Errors
/// What `take` broke with, or a run that panicked; the runs before it were handed over.
///
/// ```
/// use std::{num::NonZeroUsize, ops::ControlFlow, sync::atomic::AtomicBool};
/// use rebalab::experiment::runner::{Ended, RunPanicked, in_order};
/// let mut squares = Vec::new();
/// let two = NonZeroUsize::new(2).unwrap();
/// let ended = in_order(0..5, two, &AtomicBool::new(false), |run| run * run, |_, square| {
///     squares.push(square);
///     ControlFlow::<RunPanicked>::Continue(())
/// });
/// assert_eq!((ended, squares), (Ok(Ended::Complete), vec![0, 1, 4, 9, 16]));
/// ```
pub fn in_order<R, E>(
    runs: Range<u64>,
    threads: NonZeroUsize,
    stop: &AtomicBool,
    work: impl Fn(u64) -> R + Sync,
    mut take: impl FnMut(u64, R) -> ControlFlow<E>,
) -> Result<Ended, E>
where
    R: Send,
    E: From<RunPanicked>,
{
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build();
    let pool = pool.expect("threads can be started");
    let desk = Desk::new(runs.clone(), threads, stop);
    let (results, arrivals) = mpsc::channel();
    pool.in_place_scope(|scope| {
        for _ in 0..threads.get() {
            let (desk, work, results) = (&desk, &work, results.clone());
            scope.spawn(move |_| {
                while let Some(run) = desk.next_run() {
                    let result = catch_unwind(AssertUnwindSafe(|| work(run)));
                    // Nobody listens any more once the taker has broken off.
                    let _ = results.send((run, result));
                }
            });
        }
        drop(results);
        let taken = hand_over(runs.start, &arrivals, &desk, &mut take);
        desk.close();
        taken
    })
    .map(|next| if next == runs.end { Ended::Complete } else { Ended::Stopped { next } })
}

type Arrival<R> = (u64, Result<R, Box<dyn Any + Send>>);

/// Hands results over in order; the first run that did not come, in the end.
fn hand_over<R, E: From<RunPanicked>>(
    first: u64,
    arrivals: &mpsc::Receiver<Arrival<R>>,
    desk: &Desk<'_>,
    take: &mut impl FnMut(u64, R) -> ControlFlow<E>,
) -> Result<u64, E> {
    let mut next = first;
    let mut waiting = BTreeMap::new();
    for (run, result) in arrivals {
        waiting.insert(run, result);
        while let Some(result) = waiting.remove(&next) {
            let result = result.map_err(|panic| RunPanicked { run: next, message: text_of(panic.as_ref()) })?;
            if let ControlFlow::Break(end) = take(next, result) {
                return Err(end);
            }
            next += 1;
            desk.handed_over(next);
        }
    }
    Ok(next)
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no reason was given").to_string()
}

/// Where workers get their runs.
struct Desk<'a> {
    state: Mutex<State>,
    room: Condvar,
    end: u64,
    ahead: u64,
    stop: &'a AtomicBool,
}

struct State {
    /// The next run to start.
    next: u64,
    /// The oldest run not handed over.
    oldest: u64,
    closed: bool,
}

impl<'a> Desk<'a> {
    fn new(runs: Range<u64>, threads: NonZeroUsize, stop: &'a AtomicBool) -> Self {
        let state = State { next: runs.start, oldest: runs.start, closed: false };
        let ahead = AHEAD_PER_THREAD * threads.get() as u64;
        Desk { state: Mutex::new(state), room: Condvar::new(), end: runs.end, ahead, stop }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics at the desk")
    }

    /// The next run to start; waits while that lies too far ahead. `None`: no more.
    fn next_run(&self) -> Option<u64> {
        let far_ahead = |state: &mut State| !state.closed && state.next >= state.oldest + self.ahead;
        let mut state = self.room.wait_while(self.state(), far_ahead).expect("nobody panics at the desk");
        if state.closed || state.next >= self.end || self.stop.load(Ordering::Relaxed) {
            return None;
        }
        state.next += 1;
        Some(state.next - 1)
    }

    fn handed_over(&self, oldest: u64) {
        self.state().oldest = oldest;
        self.room.notify_all();
    }

    fn close(&self) {
        self.state().closed = true;
        self.room.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    fn threads(count: usize) -> NonZeroUsize {
        NonZeroUsize::new(count).unwrap()
    }

    /// Work whose length has nothing to do with its order.
    fn uneven(run: u64) -> u64 {
        let rounds = (run.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50) + 1;
        (0..rounds).fold(run, |sum, round| std::hint::black_box(sum.rotate_left(5) ^ round))
    }

    #[test]
    fn results_come_in_the_order_of_the_runs_for_any_number_of_threads() {
        let taken = |count| {
            let mut all = Vec::new();
            let ended = in_order(3..500, threads(count), &AtomicBool::new(false), uneven, |run, result| {
                all.push((run, result));
                ControlFlow::<RunPanicked>::Continue(())
            });
            assert_eq!(ended, Ok(Ended::Complete));
            all
        };
        assert_eq!(taken(1), taken(2));
        assert_eq!(taken(1), taken(7));
        assert!(taken(7).iter().map(|(run, _)| *run).eq(3..500));
    }

    #[test]
    fn a_stop_leaves_all_runs_up_to_some_point() {
        let stop = AtomicBool::new(false);
        let mut taken = 0;
        let ended = in_order(0..1_000_000, threads(2), &stop, uneven, |run, _| {
            assert_eq!(run, taken);
            taken += 1;
            stop.store(taken >= 100, Ordering::Relaxed);
            ControlFlow::<RunPanicked>::Continue(())
        });
        assert_eq!(ended, Ok(Ended::Stopped { next: taken }));
        assert!((100..1_000).contains(&taken), "{taken}");
    }

    #[test]
    fn the_taker_can_break_off() {
        #[derive(Debug, PartialEq)]
        enum End {
            DiskFull(u64),
            Panicked,
        }
        impl From<RunPanicked> for End {
            fn from(_: RunPanicked) -> End {
                End::Panicked
            }
        }
        let started = AtomicU64::new(0);
        let count = |run| started.fetch_add(1, Ordering::Relaxed) + run;
        let ended = in_order(0..1_000_000, threads(2), &AtomicBool::new(false), count, |run, _| match run {
            70 => ControlFlow::Break(End::DiskFull(run)),
            _ => ControlFlow::Continue(()),
        });
        assert_eq!(ended, Err(End::DiskFull(70)));
        assert!(started.load(Ordering::Relaxed) <= 71 + 2 * AHEAD_PER_THREAD + 2);
    }

    #[test]
    fn nobody_runs_far_ahead_of_a_slow_run() {
        let furthest = AtomicU64::new(0);
        let work = |run: u64| {
            furthest.fetch_max(run, Ordering::Relaxed);
            if run == 0 {
                while furthest.load(Ordering::Relaxed) < 2 * AHEAD_PER_THREAD - 1 {
                    std::thread::yield_now();
                }
                // The other thread has all it may have; what it does next it must not do.
                std::thread::sleep(std::time::Duration::from_millis(20));
                return furthest.load(Ordering::Relaxed);
            }
            0
        };
        let mut seen = None;
        let ended = in_order(0..10_000, threads(2), &AtomicBool::new(false), work, |_, result| {
            seen.get_or_insert(result);
            ControlFlow::<RunPanicked>::Continue(())
        });
        assert_eq!((ended, seen), (Ok(Ended::Complete), Some(2 * AHEAD_PER_THREAD - 1)));
    }

    #[test]
    fn a_run_that_panics_is_named_and_the_runs_before_it_are_handed_over() {
        let mut taken = 0;
        let work = |run| {
            assert!(run != 40, "generation went back");
            run
        };
        let ended = in_order(0..1_000, threads(2), &AtomicBool::new(false), work, |_, _| {
            taken += 1;
            ControlFlow::<RunPanicked>::Continue(())
        });
        assert_eq!((ended, taken), (Err(RunPanicked { run: 40, message: "generation went back".into() }), 40));
    }
}
