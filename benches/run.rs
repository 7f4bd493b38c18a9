//! Whole runs: what the simulator must reach on one core, and simulated seconds per second.
//!
//! `cargo bench --bench run` prints each run's best and median time over several rounds and the process's peak memory, and
//! fails when the median or the peak is above what is needed. Machines differ and are busy with other things: the bare
//! event queue's own speed, measured in the same run, stands beside the figures for comparison.
#![allow(clippy::disallowed_types, reason = "a benchmark measures the real clock; no run sees it")]

use std::time::{Duration, Instant};

use rebalab::analysis::Analysis;
use rebalab::analysis::figures::KnownFigures;
use rebalab::cluster;
use rebalab::engine::{EventQueue, SimDuration};
use rebalab::scenario::profile::DEFAULT;
use rebalab::scenario::{ClientProfile, NoFiles, Scenario, load};
use rebalab::trace::Digest;

struct Case {
    name: &'static str,
    text: String,
    needed: Option<Duration>,
    /// Peak memory of the process that it may take, MiB: of the first case alone the process's peak is its own.
    memory_needed: Option<u64>,
    rounds: usize,
}

/// What a rollout may take on one core.
const ROLLOUT_NEEDED: Duration = Duration::from_millis(150);

/// 50 consumers, 300 partitions, an hour with a rolling restart; every consumer polls about once a second.
fn rollout(client: &str) -> String {
    format!(
        r#"{{ "format_version": 1, "name": "rollout", "duration": "1h",
        "cluster": {{ "topics": [{{ "name": "orders", "partitions": 300, "arrivals": {{ "per_second": 50 }} }}] }},
        "groups": [{{ "id": "billing", "consumers": [{{ "name": "pod", "count": 50, "client": "{client}" }}] }}],
        "faults": [{{ "at": "10m", "rolling_restart": {{ "host": "pod", "down": "10s" }} }}] }}"#
    )
}

/// A day of ten members with nothing to do.
fn idle() -> String {
    r#"{ "format_version": 1, "name": "idle", "duration": "24h",
        "cluster": { "topics": [{ "name": "orders", "partitions": 30 }] },
        "groups": [{ "id": "billing", "consumers": [{ "name": "worker", "count": 10 }] }] }"#
        .to_string()
}

/// A join to and a leave from a group of 1,000 members and 10,000 partitions.
fn large() -> String {
    r#"{ "format_version": 1, "name": "large", "duration": "2m",
        "cluster": { "topics": [{ "name": "orders", "partitions": 10000 }] },
        "groups": [{ "id": "billing", "consumers": [
            { "name": "worker", "count": 1000 }, { "name": "late", "count": 1, "start": { "at": "40s" } }] }],
        "faults": [{ "at": "80s", "stop": { "host": "late" } }] }"#
        .to_string()
}

fn main() {
    let cases = [
        Case {
            name: "50 × 300, 1 h, rollout",
            text: rollout(DEFAULT),
            needed: Some(ROLLOUT_NEEDED),
            memory_needed: Some(64),
            rounds: 7,
        },
        Case {
            name: "idle group, 1 day",
            text: idle(),
            needed: Some(Duration::from_secs(1)),
            memory_needed: None,
            rounds: 5,
        },
        Case { name: "1,000 × 10,000", text: large(), needed: None, memory_needed: None, rounds: 1 },
    ];
    println!("bare event queue: {:.1} million events/s\n", queue_speed() / 1e6);
    println!(
        "{:<26}{:>10}{:>10}{:>10}{:>14}{:>14}{:>16}{:>16}",
        "run", "best", "median", "needed", "queue events", "trace events", "simulated s/s", "peak so far"
    );
    let mut all_reached = true;
    for case in &cases {
        all_reached &= case.measure();
    }
    all_reached &= profiles();
    if !all_reached {
        eprintln!("slower, or with more memory, than needed");
        std::process::exit(1);
    }
}

impl Case {
    fn measure(&self) -> bool {
        let scenario = load(self.name, &self.text, &NoFiles, &KnownFigures);
        let scenario = scenario.unwrap_or_else(|problems| panic!("{problems}"));
        let mut times: Vec<(Duration, cluster::RunTotals)> = (0..self.rounds).map(|_| time(&scenario)).collect();
        times.sort_by_key(|(time, _)| *time);
        let (best, (median, totals)) = (times[0].0, times[times.len() / 2]);
        let needed = self.needed.map_or("-".to_string(), |needed| format!("{needed:.0?}"));
        let peak = peak_memory();
        println!(
            "{:<26}{:>10}{:>10}{:>10}{:>14}{:>14}{:>16.0}{:>16}",
            self.name,
            format!("{best:.1?}"),
            format!("{median:.1?}"),
            needed,
            totals.queue_events,
            totals.trace_events,
            scenario.duration.as_secs_f64() / median.as_secs_f64(),
            peak.map_or("unknown".to_string(), |kib| format!("{:.1} MiB", kib as f64 / 1024.0))
        );
        let small_enough = self.memory_needed.zip(peak).is_none_or(|(needed, peak)| peak <= needed * 1024);
        self.needed.is_none_or(|needed| median <= needed) && small_enough
    }
}

/// The rollout with every client profile's defaults, in turns with the Java consumer's: times, and the median of the
/// ratios within a round, which says more than times on a machine that does other things too.
fn profiles() -> bool {
    const ROUNDS: usize = 5;
    let of = |client: &str| load(client, &rollout(client), &NoFiles, &KnownFigures).unwrap_or_else(|p| panic!("{p}"));
    let java = of(DEFAULT);
    println!(
        "\n{:<26}{:>10}{:>10}{:>16}{:>14}{:>14}",
        "rollout with", "median", "needed", "times of Java's", "queue events", "trace events"
    );
    let mut all_reached = true;
    for client in ClientProfile::names().filter(|client| *client != DEFAULT) {
        let scenario = of(client);
        let mut rounds: Vec<(Duration, f64, cluster::RunTotals)> = (0..ROUNDS)
            .map(|_| {
                let (java, _) = time(&java);
                let (own, totals) = time(&scenario);
                (own, own.as_secs_f64() / java.as_secs_f64(), totals)
            })
            .collect();
        rounds.sort_by(|one, other| one.1.total_cmp(&other.1));
        let ratio = rounds[ROUNDS / 2].1;
        rounds.sort_by_key(|(time, ..)| *time);
        let (median, _, totals) = rounds[ROUNDS / 2];
        println!(
            "{client:<26}{:>10}{:>10}{ratio:>16.2}{:>14}{:>14}",
            format!("{median:.1?}"),
            format!("{ROLLOUT_NEEDED:.0?}"),
            totals.queue_events,
            totals.trace_events
        );
        all_reached &= median <= ROLLOUT_NEEDED;
    }
    all_reached
}

/// One run with digest and analysis, without a trace file.
fn time(scenario: &Scenario) -> (Duration, cluster::RunTotals) {
    let begun = Instant::now();
    let mut digest = Digest::new(&cluster::directory(scenario));
    let mut analysis = Analysis::new(scenario);
    let totals = cluster::run(scenario, 1, &mut [&mut digest, &mut analysis]);
    std::hint::black_box(analysis.outcome(1, &digest));
    (begun.elapsed(), totals)
}

/// Events per second of the bare queue with 1,000 pending events.
fn queue_speed() -> f64 {
    let mut queue = EventQueue::new();
    for number in 0..1_000u32 {
        queue.schedule(rebalab::engine::SimTime(u64::from(number) * 7_919), number);
    }
    let begun = Instant::now();
    const EVENTS: u32 = 1_000_000;
    for _ in 0..EVENTS {
        if let Some((at, number)) = queue.pop() {
            queue.schedule(at + SimDuration(1_000_000 + u64::from(number) * 104_729), number);
        }
    }
    f64::from(EVENTS) / begun.elapsed().as_secs_f64()
}

/// The process's peak resident memory, KiB, where the system tells it.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().strip_suffix("kB")?.trim().parse().ok()
}
