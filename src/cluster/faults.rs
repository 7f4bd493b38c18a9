//! When faults strike: fixed, repeated and random ones become a stream of occurrences.
//!
//! A fault with several targets strikes each of them on its own: every target draws gaps and lengths from a stream that
//! is named after the target and the kind of fault, so that neither other faults nor other settings shift them. Two
//! variants of a scenario under one seed meet the same misfortunes at the same moments.

use crate::engine::{RandomStream, SimDuration, SimTime};
use crate::scenario::checked::{Distribution, Fault, FaultKind, Scenario, When};

/// A fault about to strike.
pub struct Occurrence {
    /// Index into the scenario's faults.
    pub fault: u32,
    /// The consumer it strikes; `None` when the fault has no single consumer as target.
    pub consumer: Option<u32>,
    /// When.
    pub at: SimTime,
    /// How often it has struck before.
    strikes: u32,
    random: RandomStream,
}

/// `CrashLoopBackOff` of the kubelet: the first restart waits 10 s, each further one twice as long, 300 s at most.
const CRASH_BACKOFF: SimDuration = SimDuration::from_secs(10);
const CRASH_BACKOFF_MAX: SimDuration = SimDuration::from_secs(300);

/// The first occurrences of every fault of the scenario.
pub fn first_occurrences(scenario: &Scenario, seed: u64) -> Vec<Occurrence> {
    let names: Vec<_> = scenario.consumers().map(|consumer| consumer.name.clone()).collect();
    let mut ordinals = std::collections::BTreeMap::<&str, u32>::new();
    let mut all = Vec::new();
    for (index, fault) in scenario.faults.iter().enumerate() {
        let kind = fault.what.name();
        let ordinal = ordinals.entry(kind).or_insert(0);
        let purpose = format!("{kind} {ordinal}");
        *ordinal += 1;
        let targets: Vec<Option<u32>> = match fault.what.each_consumer() {
            Some(consumers) => consumers.iter().copied().map(Some).collect(),
            None => vec![None],
        };
        for consumer in targets {
            let entity = consumer.map_or("", |consumer| &*names[consumer as usize]);
            let mut random = RandomStream::new(seed, entity, &purpose);
            let at = match &fault.when {
                When::At(at) => *at,
                When::Every { from, .. } => *from,
                When::Random { from, gap, .. } => *from + gap.sample(&mut random),
            };
            let occurrence = Occurrence { fault: index as u32, consumer, at, strikes: 0, random };
            if occurrence.at <= last_instant(fault) {
                all.push(occurrence);
            }
        }
    }
    all
}

impl Occurrence {
    /// Draws the length of this occurrence.
    pub fn draw(&mut self, length: &Distribution) -> SimDuration {
        length.sample(&mut self.random)
    }

    /// How long a process that crashes again and again stays away this time.
    pub fn crash_backoff(&self) -> SimDuration {
        SimDuration((CRASH_BACKOFF.0 << self.strikes.min(10)).min(CRASH_BACKOFF_MAX.0))
    }

    /// The same fault's next occurrence for the same target.
    pub fn next(mut self, fault: &Fault) -> Option<Occurrence> {
        if let FaultKind::CrashLoop { runs_for, times, .. } = &fault.what {
            let away = self.crash_backoff();
            self.strikes += 1;
            self.at = self.at + away + runs_for.sample(&mut self.random);
            return (self.strikes < *times).then_some(self);
        }
        self.at = match &fault.when {
            When::At(_) => return None,
            When::Every { every, .. } => self.at + (*every).max(SimDuration(1)),
            When::Random { gap, .. } => {
                let gap = gap.sample(&mut self.random);
                let gap = match &fault.what {
                    FaultKind::Collection { heap, .. } => heap.gap(gap, self.at),
                    _ => gap,
                };
                self.at + gap.max(SimDuration(1))
            }
        };
        (self.at <= last_instant(fault)).then_some(self)
    }
}

fn last_instant(fault: &Fault) -> SimTime {
    match fault.when {
        When::At(_) => SimTime::MAX,
        When::Every { until, .. } | When::Random { until, .. } => until,
    }
}

/// A rolling restart under way: consumers are stopped and started again, so many at a time.
pub struct Rollout {
    /// Index into the scenario's faults.
    pub fault: u32,
    /// Whose turn is still to come, in order.
    waiting: std::collections::VecDeque<u32>,
    /// Who is being restarted.
    under_way: Vec<u32>,
    /// Its end stands in the trace.
    pub told: bool,
}

impl Rollout {
    /// A restart of these consumers, in this order.
    pub fn new(fault: u32, consumers: &[u32]) -> Self {
        Rollout { fault, waiting: consumers.iter().copied().collect(), under_way: Vec::new(), told: false }
    }

    /// The next consumer to stop, if fewer than `concurrency` are under way.
    pub fn next(&mut self, concurrency: u32) -> Option<u32> {
        if self.under_way.len() >= concurrency.max(1) as usize {
            return None;
        }
        let consumer = self.waiting.pop_front()?;
        self.under_way.push(consumer);
        Some(consumer)
    }

    /// A consumer is up again and its readiness delay has passed.
    pub fn done(&mut self, consumer: u32) {
        self.under_way.retain(|other| *other != consumer);
    }

    /// Is this consumer being restarted by it?
    pub fn restarts(&self, consumer: u32) -> bool {
        self.under_way.contains(&consumer)
    }

    /// Everybody was restarted.
    pub fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.under_way.is_empty()
    }
}

impl FaultKind {
    /// The fault's name in scenario files.
    pub fn name(&self) -> &'static str {
        match self {
            FaultKind::GcPause { .. } => "gc_pause",
            FaultKind::Collection { .. } => "collection",
            FaultKind::Freeze { .. } => "freeze",
            FaultKind::VmFreeze { .. } => "vm_freeze",
            FaultKind::ClockJump { .. } => "clock_jump",
            FaultKind::CpuQuota { .. } => "cpu_quota",
            FaultKind::CrashLoop { .. } => "crash_loop",
            FaultKind::Rollout { .. } => "rollout",
            FaultKind::Scale { .. } => "scale",
            FaultKind::PollStall { .. } => "poll_stall",
            FaultKind::Slowdown { .. } => "slowdown",
            FaultKind::Crash { .. } => "crash",
            FaultKind::Stop { .. } => "stop",
            FaultKind::Start { .. } => "start",
            FaultKind::RollingRestart { .. } => "rolling_restart",
            FaultKind::Loss { .. } => "loss",
            FaultKind::Delay { .. } => "delay",
            FaultKind::Throttle { .. } => "throttle",
            FaultKind::BlackHole { .. } => "black_hole",
            FaultKind::Reset { .. } => "reset",
            FaultKind::StorageStall { .. } => "storage_stall",
            FaultKind::StorageSlow { .. } => "storage_slow",
            FaultKind::AppendFailure { .. } => "append_failure",
            FaultKind::BrokerRestart { .. } => "broker_restart",
            FaultKind::CoordinatorMove { .. } => "coordinator_move",
        }
    }

    /// The consumers that this fault strikes one by one, each with draws of its own.
    pub fn each_consumer(&self) -> Option<&[u32]> {
        match self {
            FaultKind::GcPause { consumers, .. }
            | FaultKind::Collection { consumers, .. }
            | FaultKind::Freeze { consumers, .. }
            | FaultKind::VmFreeze { consumers, .. }
            | FaultKind::ClockJump { consumers, .. }
            | FaultKind::CpuQuota { consumers, .. }
            | FaultKind::CrashLoop { consumers, .. }
            | FaultKind::PollStall { consumers, .. }
            | FaultKind::Slowdown { consumers, .. }
            | FaultKind::Crash { consumers, .. }
            | FaultKind::Stop { consumers, .. }
            | FaultKind::Start { consumers } => Some(consumers),
            _ => None,
        }
    }
}
