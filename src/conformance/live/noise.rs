//! What things cost on the machine that the recordings were made on, as their README states it: the noise floor.

use super::recording::Recording;
use crate::cluster::{FirstUses, Inputs};
use crate::engine::{Distribution, SimDuration};

/// Costs and delays that no rule of Kafka decides.
#[derive(Clone, Debug)]
pub struct NoiseFloor {
    /// One way over the loopback network, the processes at both ends included.
    pub latency: Distribution,
    /// The broker's work on a request.
    pub request_time: Distribution,
    /// A write to `__consumer_offsets`, without `group.coordinator.append.linger.ms`.
    pub append_latency: Distribution,
    /// From a broker's return until it begins to load its coordinators.
    pub leadership_time: Distribution,
    /// From the start of a process to its first `poll`.
    pub startup: Distribution,
    /// From the first start of a consumer in a process that several share, as at scale, until the process is warm: consumers
    /// that start meanwhile wait for the same classes.
    pub warm_up: Distribution,
    /// What each of those consumers needs besides to its first `poll`.
    pub startup_in_shared: Distribution,
    /// How long after the even times of its own clock the bursts of a producer come, counted from the first start of a
    /// consumer; one draw for a run.
    pub traffic_late: Distribution,
    /// How late a thread of a client wakes.
    pub thread_lateness: Distribution,
    /// How late the coordinator acts on a timer.
    pub timer_lateness: Distribution,
    /// How much longer the first request of each kind takes in a new process.
    pub first_use: Distribution,
    /// The same at scale, where many consumers share a process: how cold it is tells how long each takes to start up and how
    /// long its first exchanges take ([`FirstUses::ByStartup`]).
    pub first_use_by_startup: Distribution,
}

const fn micros(micros: u64) -> SimDuration {
    SimDuration::from_micros(micros)
}

/// The median of the start-up times of the live recordings' processes.
const USUAL_STARTUP: SimDuration = SimDuration::from_millis(20);

fn constant(span: SimDuration) -> Distribution {
    Distribution::Constant(span)
}

impl NoiseFloor {
    /// The middle of everything: no chance at all.
    pub fn median() -> NoiseFloor {
        NoiseFloor {
            latency: constant(micros(350)),
            request_time: constant(micros(300)),
            append_latency: constant(micros(1_000)),
            leadership_time: constant(micros(117_000)),
            startup: constant(micros(20_000)),
            warm_up: constant(SimDuration::ZERO),
            startup_in_shared: constant(micros(20_000)),
            traffic_late: constant(micros(14_000)),
            thread_lateness: constant(micros(1_000)),
            timer_lateness: constant(micros(1_500)),
            first_use: constant(micros(1_000)),
            first_use_by_startup: constant(micros(1_000)),
        }
    }

    /// As the README of the recordings states it. Where it gives one value for most cases and the recordings have rare
    /// larger ones, the tail is that of all exchanges of all recordings.
    ///
    /// An exchange takes 1 ms in the median, 6 ms in one of ten, 38 ms in one of a hundred and never more than 261 ms,
    /// 7 ms more if something is written (SyncGroup, OffsetCommit). Heartbeats go out 0 to 3 ms late, but naps of 5 ms
    /// end up to 133 ms late on this machine (`noise`); sessions expire 0 to 6 ms late. A consumer needs 5 to 100 ms
    /// from its start to its first JoinGroup, some of which are its first exchanges; one of ten of the 528 starts took
    /// longer, one of a hundred longer than 390 ms, the longest 609 ms. Members that just started are up to 150 ms late:
    /// between the answer to a process's first JoinGroup and its SyncGroup lie 1 ms in the median, 9 ms in one of ten,
    /// 74 ms in one of a hundred; later in its life never more than 23 ms. 24 consumers of a cold virtual machine, which took
    /// 507 ms to start (25 times the usual), had their first exchange after 20 ms in the median, 141 ms in one of ten, 190 ms
    /// at most.
    pub fn measured() -> NoiseFloor {
        NoiseFloor {
            latency: Distribution::Table(vec![
                (0.0, micros(100)),
                (0.5, micros(350)),
                (0.85, micros(1_500)),
                (0.95, micros(4_000)),
                (0.99, micros(19_000)),
                (0.999, micros(50_000)),
                (1.0, micros(130_000)),
            ]),
            request_time: Distribution::Uniform { from: micros(100), to: micros(500) },
            append_latency: Distribution::Uniform { from: micros(300), to: micros(2_000) },
            // `broker-kill-5000` of the seven libraries: 30, 39, 50, 117, 128, 389 and 408 ms after the broker was usable
            leadership_time: Distribution::Table(vec![
                (0.0, micros(25_000)),
                (0.5, micros(117_000)),
                (0.75, micros(380_000)),
                (1.0, micros(450_000)),
            ]),
            startup: Distribution::Table(vec![
                (0.0, micros(3_000)),
                (0.5, micros(20_000)),
                (0.9, micros(100_000)),
                (0.95, micros(200_000)),
                (0.99, micros(390_000)),
                (1.0, micros(600_000)),
            ]),
            warm_up: Distribution::Table(vec![
                (0.0, SimDuration::ZERO),
                (0.77, SimDuration::ZERO),
                (0.8, micros(200_000)),
                (0.85, micros(450_000)),
                (0.9, micros(560_000)),
                (0.95, micros(700_000)),
                (0.97, micros(950_000)),
                (1.0, micros(1_110_000)),
            ]),
            startup_in_shared: Distribution::Table(vec![
                (0.0, micros(2_000)),
                (0.25, micros(5_000)),
                (0.5, micros(9_000)),
                (0.75, micros(28_000)),
                (0.9, micros(63_000)),
                (0.95, micros(91_000)),
                (1.0, micros(180_000)),
            ]),
            traffic_late: Distribution::Table(vec![
                (0.0, micros(7_000)),
                (0.5, micros(14_000)),
                (0.8, micros(28_000)),
                (0.9, micros(68_000)),
                (1.0, micros(115_000)),
            ]),
            thread_lateness: Distribution::Table(vec![
                (0.0, SimDuration::ZERO),
                (0.97, micros(3_000)),
                (0.99, micros(10_000)),
                (0.999, micros(50_000)),
                (1.0, micros(130_000)),
            ]),
            timer_lateness: Distribution::Uniform { from: SimDuration::ZERO, to: micros(6_000) },
            first_use: Distribution::Table(vec![
                (0.0, SimDuration::ZERO),
                (0.5, micros(1_000)),
                (0.9, micros(9_000)),
                (0.95, micros(20_000)),
                (0.99, micros(74_000)),
                (1.0, micros(150_000)),
            ]),
            first_use_by_startup: Distribution::Table(vec![
                (0.0, SimDuration::ZERO),
                (0.5, micros(1_000)),
                (0.9, micros(3_000)),
                (1.0, micros(10_000)),
            ]),
        }
    }

    /// Inputs of a run of that recording in which nothing but lateness and first uses is stated.
    pub fn inputs(&self, recording: &Recording) -> Inputs {
        let first_uses = if recording.is_thinned() {
            FirstUses::ByStartup { cost: self.first_use_by_startup.clone(), usual_startup: USUAL_STARTUP }
        } else {
            FirstUses::Requests(self.first_use.clone())
        };
        Inputs {
            consumers: Vec::new(),
            thread_lateness: self.thread_lateness.clone(),
            timer_lateness: self.timer_lateness.clone(),
            first_uses,
            reseeds: Vec::new(),
        }
    }
}
