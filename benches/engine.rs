//! The event queue against a bare `std::collections::BinaryHeap` loop, in one run.
//!
//! `cargo bench --bench engine` prints events per second and the ratio of the two; it fails when a ratio is below what the
//! queue must reach. A machine that does other things as well slows both sides alike only if they run at the same time:
//! so the two take turns in short rounds, and the ratio is the median over the rounds.
#![allow(clippy::disallowed_types, reason = "a benchmark measures the real clock; no run sees it")]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;
use std::time::Instant;

use rebalab::engine::{Distribution, EventQueue, RandomStream, SimDuration, SimTime, TimerSlot};

const ROUNDS: usize = 41;
const EVENTS_PER_ROUND: usize = 200_000;

const SECOND: u64 = 1_000_000_000;
const HEARTBEAT_INTERVAL: u64 = 3 * SECOND;
const SESSION_TIMEOUT: u64 = 45 * SECOND;

fn main() {
    println!("closed hold model: N pending events, each schedules one successor after an exponential time");
    println!("{:>10} {:>16} {:>16} {:>8} {:>8}", "N", "queue events/s", "bare heap ev./s", "ratio", "needed");
    let mut all_reached = true;
    for (pending, needed) in [(32, Some(0.7)), (1_000, Some(0.7)), (100_000, None)] {
        let times = exponential_times();
        let measured = paired(&mut QueueHold::new(pending, &times), &mut BareHold::new(pending, &times));
        all_reached &= measured.print(pending, needed);
    }
    println!();
    println!("heartbeat model: N members beat every 3 s, each beat moves the member's session deadline of 45 s");
    println!("{:>10} {:>16} {:>16} {:>8} {:>8}", "N", "queue beats/s", "push-and-skip", "ratio", "needed");
    for (members, needed) in [(32, Some(2.0)), (1_000, Some(2.0)), (10_000, Some(2.0))] {
        let measured = paired(&mut QueueHeartbeats::new(members), &mut BareHeartbeats::new(members));
        all_reached &= measured.print(members, needed);
    }
    if !all_reached {
        eprintln!("below what the queue must reach");
        std::process::exit(1);
    }
}

/// A model that can be run on for a while.
trait Model {
    /// Handles so many events (beats, in the heartbeat model) and gives a number that depends on all of them.
    fn run(&mut self, events: usize) -> u64;
}

struct Measured {
    queue_per_second: f64,
    bare_per_second: f64,
    ratio: f64,
}

impl Measured {
    /// Prints a line; false if a ratio was needed and not reached.
    fn print(&self, size: usize, needed: Option<f64>) -> bool {
        let bound = needed.map_or("-".to_string(), |needed| format!("{needed:.1}"));
        println!(
            "{size:>10} {:>16.0} {:>16.0} {:>8.2} {bound:>8}",
            self.queue_per_second, self.bare_per_second, self.ratio
        );
        needed.is_none_or(|needed| self.ratio >= needed)
    }
}

/// Runs both models by turns and checks that they see the same events.
fn paired(queue: &mut impl Model, bare: &mut impl Model) -> Measured {
    assert_eq!(queue.run(EVENTS_PER_ROUND), bare.run(EVENTS_PER_ROUND), "both must see the same events");
    let timed = |model: &mut dyn FnMut() -> u64| {
        let start = Instant::now();
        black_box(model());
        EVENTS_PER_ROUND as f64 / start.elapsed().as_secs_f64()
    };
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let queue_per_second = timed(&mut || queue.run(EVENTS_PER_ROUND));
        let bare_per_second = timed(&mut || bare.run(EVENTS_PER_ROUND));
        rounds.push((queue_per_second, bare_per_second));
    }
    Measured {
        queue_per_second: median(rounds.iter().map(|round| round.0)),
        bare_per_second: median(rounds.iter().map(|round| round.1)),
        ratio: median(rounds.iter().map(|round| round.0 / round.1)),
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Drawn beforehand, so that the queue is measured and not the generator.
fn exponential_times() -> Vec<u64> {
    let mean = SimDuration::from_millis(1);
    let sampler = Distribution::Exponential { mean, min: SimDuration::ZERO, max: None }.sampler();
    let mut stream = RandomStream::new(1, "bench", "hold");
    (0..1 << 16).map(|_| sampler.sample(&mut stream).0).collect()
}

/// The hold model on the event queue.
struct QueueHold<'a> {
    queue: EventQueue<u32>,
    times: std::iter::Cycle<std::slice::Iter<'a, u64>>,
}

impl<'a> QueueHold<'a> {
    fn new(pending: usize, times: &'a [u64]) -> Self {
        let mut hold = QueueHold { queue: EventQueue::new(), times: times.iter().cycle() };
        for number in 0..pending {
            let at = SimTime(*hold.times.next().expect("endless"));
            hold.queue.schedule(at, number as u32);
        }
        hold
    }
}

impl Model for QueueHold<'_> {
    fn run(&mut self, events: usize) -> u64 {
        let mut seen = 0u64;
        for (_, time) in (0..events).zip(&mut self.times) {
            let (at, number) = self.queue.pop().expect("the model is closed");
            seen = seen.wrapping_mul(31).wrapping_add(at.0 ^ u64::from(number));
            self.queue.schedule(at + SimDuration(*time), number);
        }
        seen
    }
}

/// The hold model as one would write it in ten minutes, with the same order and the same 24 bytes.
struct BareHold<'a> {
    heap: BinaryHeap<Reverse<(u64, u64, u32)>>,
    sequence: u64,
    times: std::iter::Cycle<std::slice::Iter<'a, u64>>,
}

impl<'a> BareHold<'a> {
    fn new(pending: usize, times: &'a [u64]) -> Self {
        let mut hold = BareHold { heap: BinaryHeap::new(), sequence: 0, times: times.iter().cycle() };
        for number in 0..pending {
            hold.sequence += 1;
            hold.heap.push(Reverse((*hold.times.next().expect("endless"), hold.sequence, number as u32)));
        }
        hold
    }
}

impl Model for BareHold<'_> {
    fn run(&mut self, events: usize) -> u64 {
        let mut seen = 0u64;
        for (_, time) in (0..events).zip(&mut self.times) {
            let Reverse((at, _, number)) = self.heap.pop().expect("the model is closed");
            seen = seen.wrapping_mul(31).wrapping_add(at ^ u64::from(number));
            self.sequence += 1;
            self.heap.push(Reverse((at + time, self.sequence, number)));
        }
        seen
    }
}

/// What an entry of the heartbeat model is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Beat {
    Heartbeat(u32),
    SessionExpires(u32),
}

/// The heartbeat model with a timer per session.
struct QueueHeartbeats {
    queue: EventQueue<Beat>,
    sessions: Vec<TimerSlot>,
}

impl QueueHeartbeats {
    fn new(members: usize) -> Self {
        let mut queue = EventQueue::new();
        let sessions = (0..members).map(|member| queue.add_timer(Beat::SessionExpires(member as u32))).collect();
        for member in 0..members {
            queue.schedule(SimTime(first_beat(member, members)), Beat::Heartbeat(member as u32));
        }
        QueueHeartbeats { queue, sessions }
    }
}

impl Model for QueueHeartbeats {
    fn run(&mut self, events: usize) -> u64 {
        let mut seen = 0u64;
        for _ in 0..events {
            let Some((at, Beat::Heartbeat(member))) = self.queue.pop() else { panic!("nobody misses a session") };
            seen = seen.wrapping_mul(31).wrapping_add(at.0 ^ u64::from(member));
            self.queue.set(self.sessions[member as usize], at + SimDuration(SESSION_TIMEOUT));
            self.queue.schedule(at + SimDuration(HEARTBEAT_INTERVAL), Beat::Heartbeat(member));
        }
        seen
    }
}

/// The heartbeat model that pushes a new deadline with each beat and skips the stale ones as they come up.
struct BareHeartbeats {
    heap: BinaryHeap<Reverse<(u64, u64, Beat)>>,
    sequence: u64,
    deadlines: Vec<u64>,
}

impl BareHeartbeats {
    fn new(members: usize) -> Self {
        let mut model = BareHeartbeats { heap: BinaryHeap::new(), sequence: 0, deadlines: vec![0; members] };
        for member in 0..members {
            model.push(first_beat(member, members), Beat::Heartbeat(member as u32));
        }
        model
    }

    fn push(&mut self, at: u64, beat: Beat) {
        self.sequence += 1;
        self.heap.push(Reverse((at, self.sequence, beat)));
    }
}

impl Model for BareHeartbeats {
    fn run(&mut self, events: usize) -> u64 {
        let mut seen = 0u64;
        let mut beats = 0;
        while beats < events {
            let Reverse((at, _, beat)) = self.heap.pop().expect("the model is closed");
            match beat {
                Beat::SessionExpires(member) => {
                    assert!(self.deadlines[member as usize] > at, "nobody misses a session")
                }
                Beat::Heartbeat(member) => {
                    beats += 1;
                    seen = seen.wrapping_mul(31).wrapping_add(at ^ u64::from(member));
                    self.deadlines[member as usize] = at + SESSION_TIMEOUT;
                    self.push(at + SESSION_TIMEOUT, Beat::SessionExpires(member));
                    self.push(at + HEARTBEAT_INTERVAL, Beat::Heartbeat(member));
                }
            }
        }
        seen
    }
}

/// Members beat out of step, spread over the interval.
fn first_beat(member: usize, members: usize) -> u64 {
    HEARTBEAT_INTERVAL * member as u64 / members as u64
}
