//! Many runs: runs per second on one thread and on two, beside a loop that only computes.
//!
//! `cargo bench --bench experiment` runs a ten-minute scenario of eight consumers under many seeds, as `rebalab compare`
//! and `rebalab sweep` do. What a second thread can bring depends on the machine (two threads of one core share it, and
//! other work takes its part), so the same is measured in turn for a loop without memory: its gain is what there was to
//! be had.
#![allow(clippy::disallowed_types, reason = "a benchmark measures the real clock; no run sees it")]

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use rebalab::analysis::figures::KnownFigures;
use rebalab::experiment;
use rebalab::experiment::runner::{RunPanicked, in_order};
use rebalab::scenario::{NoFiles, Scenario, load};

/// Runs of one measurement.
const RUNS: u64 = 100;
/// Measurements of each kind, in turn; the best counts.
const ROUNDS: usize = 7;
/// Needed: 10,000 runs in a minute on two threads.
const NEEDED_PER_SECOND: f64 = 10_000.0 / 60.0;

/// Eight consumers, ten minutes, one of them crashes.
const EIGHT: &str = r#"{ "format_version": 1, "name": "eight", "duration": "10m",
    "cluster": { "topics": [{ "name": "orders", "partitions": 24, "arrivals": { "per_second": 8 } }] },
    "groups": [{ "id": "billing", "consumers": [{ "name": "worker", "count": 8 }] }],
    "faults": [{ "at": "5m", "crash": { "host": "worker-3" } }] }"#;

thread_local! {
    /// Threads of an experiment have scenarios of their own.
    static OWN: Scenario = eight();
}

/// A unit of work per number, on so many threads.
type Load<'a> = &'a (dyn Fn(u64) -> u64 + Sync);

fn main() {
    let shared = eight();
    let run_shared = |seed| one_run(&shared, seed);
    let run = |seed| OWN.with(|own| one_run(own, seed));
    let loads: [(&str, Load<'_>); 3] =
        [("runs", &run), ("runs that share a scenario", &run_shared), ("bare loop", &bare_loop)];
    let mut best = [[0f64; 2]; 3];
    for _ in 0..ROUNDS {
        for (best, (_, load)) in best.iter_mut().zip(&loads) {
            for (best, threads) in best.iter_mut().zip(1..) {
                *best = best.max(per_second(threads, *load));
            }
        }
    }
    println!("{:<28}{:>16}{:>16}{:>8}", "", "1 thread, /s", "2 threads, /s", "gain");
    for ((name, _), [one, two]) in loads.iter().zip(best) {
        println!("{name:<28}{one:>16.1}{two:>16.1}{:>8.2}", two / one);
    }
    let [[_, runs], ..] = best;
    println!("\n10,000 runs on two threads: {:.0} s (needed: 60 s)", 10_000.0 / runs);
    if runs < NEEDED_PER_SECOND {
        eprintln!("slower than needed");
        std::process::exit(1);
    }
}

/// How many units are done in a second.
fn per_second(threads: usize, load: Load<'_>) -> f64 {
    let threads = NonZeroUsize::new(threads).expect("at least one thread");
    let mut sum = 0u64;
    let begun = Instant::now();
    let ended = in_order(0..RUNS, threads, &AtomicBool::new(false), load, |_, result| {
        sum = sum.wrapping_add(result);
        ControlFlow::<RunPanicked>::Continue(())
    });
    ended.unwrap_or_else(|panicked| panic!("{panicked}"));
    std::hint::black_box(sum);
    RUNS as f64 / begun.elapsed().as_secs_f64()
}

fn eight() -> Scenario {
    load("eight", EIGHT, &NoFiles, &KnownFigures).unwrap_or_else(|problems| panic!("{problems}"))
}

fn one_run(scenario: &Scenario, seed: u64) -> u64 {
    let (outcome, _) = experiment::run(scenario, seed + 1, &mut []);
    outcome.totals.rebalances
}

/// Computes for some milliseconds and touches no memory.
fn bare_loop(number: u64) -> u64 {
    (0..6_000_000u64).fold(number, |sum, step| (sum ^ step).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23))
}
