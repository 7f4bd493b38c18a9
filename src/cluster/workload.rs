//! Records arriving at topic partitions.
//!
//! Model: each partition has its own arrivals, out of step with the others by a drawn phase, so that a topic's records
//! don't come in bursts that nobody asked for. Evenly spaced arrivals are computed, never ticked: asking for a
//! partition's log end offset costs the same after a second and after a day. Poisson arrivals are drawn one by one as
//! time passes. The random streams are named after the partition, so that nothing else in a scenario shifts them.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::engine::{Distribution, RandomStream, SimDuration, SimTime};
use crate::protocol::TopicPartition;
use crate::scenario::checked::{Arrivals, Topic};
use crate::trace::PartitionIndex;

/// All partitions' logs of records, by [`PartitionIndex`].
pub struct Workload {
    partitions: Vec<PartitionLog>,
    /// What is known of each: apart, because most questions are answered with it alone.
    known: Vec<Known>,
}

/// What is known of a partition until the next record arrives: most questions come between two.
#[derive(Clone, Copy)]
struct Known {
    /// Log end offset.
    end: i64,
    /// When the next record arrives.
    next: SimTime,
    /// From that arrival to the one after it; zero unless they come evenly.
    even_gap: SimDuration,
    /// They do up to then.
    even_until: SimTime,
}

/// Gap between two records of one partition, from each instant on; `None` while nothing arrives.
type Gaps = Arc<[(SimTime, Option<u64>)]>;

struct PartitionLog {
    /// What this partition's records draw their work from.
    key: u64,
    gaps: Gaps,
    poisson: Option<RandomStream>,
    /// Where in a gap the first record of a segment comes, as a fraction of 2^32.
    phase: u64,
    /// Segment of `gaps` that is current, when it began for this partition, and the records before it.
    segment: usize,
    segment_start: SimTime,
    before_segment: i64,
    /// One producer sends to all partitions in turn.
    in_turn: Option<InTurn>,
    /// Poisson only: the next arrival, and the records that came in this segment so far.
    next: SimTime,
    arrived: i64,
}

impl Workload {
    /// No partitions yet; they are added in directory order.
    pub fn new() -> Self {
        Workload { partitions: Vec::new(), known: Vec::new() }
    }

    /// Adds partitions of a topic that exist from `from` on. `numbers` are partition numbers.
    pub fn add(&mut self, seed: u64, topic: &Topic, numbers: std::ops::Range<u32>, from: SimTime, end: SimTime) {
        let gaps = gaps(topic, end);
        for number in numbers {
            let name = TopicPartition { topic: topic.name, partition: number as i32 }.to_string();
            let mut random = RandomStream::new(seed, &name, "arrivals");
            let phase = random.next_u64() >> 32;
            let key = random.next_u64();
            let poisson = matches!(topic.arrivals, Arrivals::Poisson { .. }).then_some(random);
            let backlog = if from <= topic.created_at { topic.backlog_per_partition as i64 } else { 0 };
            let segment = gaps.iter().rposition(|(start, _)| *start <= from).unwrap_or(0);
            let mut log = PartitionLog {
                key,
                gaps: gaps.clone(),
                poisson,
                phase,
                segment,
                segment_start: from,
                before_segment: backlog,
                next: SimTime::MAX,
                arrived: 0,
                in_turn: InTurn::of(topic, number),
            };
            log.next = log.draw_next(from);
            self.partitions.push(log);
            self.known.push(Known {
                end: 0,
                next: SimTime::ZERO,
                even_gap: SimDuration::ZERO,
                even_until: SimTime::ZERO,
            });
        }
    }

    /// Log end offset: the number of records that have arrived up to and including `now`. Time never goes back.
    pub fn log_end(&mut self, partition: PartitionIndex, now: SimTime) -> i64 {
        self.end_and_next(partition, now).0
    }

    /// Log end offset, and when the record after it arrives; [`SimTime::MAX`] if none comes any more.
    #[inline]
    pub fn end_and_next(&mut self, partition: PartitionIndex, now: SimTime) -> (i64, SimTime) {
        let known = &mut self.known[partition.0 as usize];
        if now >= known.next {
            known.look(&mut self.partitions[partition.0 as usize], now);
        }
        (known.end, known.next)
    }

    /// What a record draws its work from: a property of the record, whoever works on it.
    pub fn record_stream(&self, partition: PartitionIndex, offset: i64) -> RandomStream {
        RandomStream::of_key(xxh3_64_with_seed(&offset.to_le_bytes(), self.partitions[partition.0 as usize].key))
    }

    /// Log end offsets of all partitions.
    pub fn log_ends(&mut self, now: SimTime, into: &mut Vec<i64>) {
        into.clear();
        into.extend((0..self.partitions.len() as u32).map(|index| self.log_end(PartitionIndex(index), now)));
    }
}

/// A partition's share of a producer that sends to all partitions in turn.
struct InTurn {
    every: SimDuration,
    late: SimDuration,
    /// Records of the topic in each burst; need not be whole.
    per_burst: f64,
    /// This partition's place among them.
    number: i64,
    partitions: i64,
}

impl InTurn {
    fn of(topic: &Topic, number: u32) -> Option<Self> {
        let Arrivals::InTurn { per_second, every, late } = topic.arrivals else { return None };
        let per_burst = per_second * every.0 as f64 / 1e9;
        (per_burst > 0.0).then_some(InTurn {
            every,
            late,
            per_burst,
            number: i64::from(number),
            partitions: i64::from(topic.partitions),
        })
    }

    /// Records of the topic in the first bursts.
    fn sent(&self, bursts: u64) -> i64 {
        (bursts as f64 * self.per_burst) as i64
    }

    fn arrived(&self, now: SimTime) -> i64 {
        let sent = self.sent(now.0.saturating_sub(self.late.0) / self.every.0);
        (sent - self.number + self.partitions - 1).max(0) / self.partitions
    }

    /// When the record at that offset arrives.
    fn arrival_of(&self, offset: i64) -> SimTime {
        let needed = self.number + offset * self.partitions + 1;
        let mut bursts = (needed as f64 / self.per_burst) as u64;
        while self.sent(bursts) < needed {
            bursts += 1;
        }
        SimTime(bursts * self.every.0) + self.late
    }
}

impl Known {
    /// Works out what is known at an instant at which that has changed: as a rule one more record is there, and the next one
    /// comes a gap later.
    #[inline(never)]
    fn look(&mut self, log: &mut PartitionLog, now: SimTime) {
        let next = self.next + self.even_gap;
        if now < next && next < self.even_until {
            (self.end, self.next) = (self.end + 1, next);
            return;
        }
        self.end = log.log_end(now);
        self.next = log.next_arrival(self.end);
        self.even_until = log.segment_end(log.segment);
        let is_even = log.poisson.is_none() && log.in_turn.is_none() && self.next < self.even_until;
        self.even_gap = SimDuration(log.gaps[log.segment].1.filter(|_| is_even).unwrap_or(0));
    }
}

impl PartitionLog {
    fn segment_end(&self, segment: usize) -> SimTime {
        self.gaps.get(segment + 1).map_or(SimTime::MAX, |(start, _)| *start)
    }

    fn log_end(&mut self, now: SimTime) -> i64 {
        if let Some(in_turn) = &self.in_turn {
            return self.before_segment + in_turn.arrived(now);
        }
        while self.segment_end(self.segment) <= now {
            let end = self.segment_end(self.segment);
            self.before_segment += self.count_until(SimTime(end.0 - 1));
            self.segment += 1;
            self.segment_start = end;
            self.arrived = 0;
            self.next = self.draw_next(end);
        }
        self.before_segment + self.count_until(now)
    }

    /// Records of the current segment up to and including `now`.
    fn count_until(&mut self, now: SimTime) -> i64 {
        if self.poisson.is_some() {
            while self.next <= now {
                self.arrived += 1;
                self.next = self.draw_next(self.next);
            }
            return self.arrived;
        }
        match self.first_of_segment(self.segment, self.segment_start) {
            Some((first, gap)) if first <= now => (now.since(first).0 / gap) as i64 + 1,
            _ => 0,
        }
    }

    /// First arrival and gap of a segment that begins at `start` for this partition.
    fn first_of_segment(&self, segment: usize, start: SimTime) -> Option<(SimTime, u64)> {
        let gap = self.gaps[segment].1?;
        let offset = ((u128::from(gap) * u128::from(self.phase)) >> 32) as u64;
        Some((start + SimDuration(offset), gap))
    }

    /// When the next record arrives, where `end` is the present log end offset.
    fn next_arrival(&self, end: i64) -> SimTime {
        let count = end - self.before_segment;
        if let Some(in_turn) = &self.in_turn {
            return in_turn.arrival_of(count);
        }
        if self.poisson.is_some() {
            if self.next < self.segment_end(self.segment) {
                return self.next;
            }
        } else if let Some((first, gap)) = self.first_of_segment(self.segment, self.segment_start) {
            let next = first + SimDuration(gap.saturating_mul(count as u64));
            if next < self.segment_end(self.segment) {
                return next;
            }
        }
        // Nothing more in this segment: the first arrival of a later one. A Poisson segment's arrivals are drawn only
        // when it begins, so its beginning is when to ask again.
        for segment in self.segment + 1..self.gaps.len() {
            let start = self.gaps[segment].0;
            if self.poisson.is_some() && self.gaps[segment].1.is_some() {
                return start;
            }
            if let Some((first, _)) = self.first_of_segment(segment, start)
                && first < self.segment_end(segment)
            {
                return first;
            }
        }
        SimTime::MAX
    }

    fn draw_next(&mut self, after: SimTime) -> SimTime {
        let (Some(random), Some(gap)) = (self.poisson.as_mut(), self.gaps[self.segment].1) else { return SimTime::MAX };
        let mean = SimDuration(gap);
        let gap = Distribution::Exponential { mean, min: SimDuration(1), max: None }.sample(random);
        after + gap
    }
}

/// The gaps of one partition of the topic over time: the topic's rate divided by the partitions it has at each moment.
fn gaps(topic: &Topic, end: SimTime) -> Gaps {
    let mut rates: Vec<(SimTime, f64)> = match &topic.arrivals {
        Arrivals::None | Arrivals::InTurn { .. } => vec![(SimTime::ZERO, 0.0)],
        Arrivals::Constant { per_second } | Arrivals::Poisson { per_second } => vec![(SimTime::ZERO, *per_second)],
        Arrivals::Bursts { base_per_second, per_second, every, length } => {
            let mut steps = Vec::new();
            let mut start = SimTime::ZERO;
            while start <= end {
                steps.push((start, *per_second));
                steps.push((start + *length, *base_per_second));
                start += *every;
            }
            steps
        }
        Arrivals::Table { steps } => {
            let mut all = vec![(SimTime::ZERO, 0.0)];
            all.extend(steps.iter().copied());
            all
        }
    };
    for (when, _) in &topic.grows {
        if let Err(place) = rates.binary_search_by_key(when, |(start, _)| *start) {
            let rate = rates[place - 1].1;
            rates.insert(place, (*when, rate));
        }
    }
    let partitions_at = |at: SimTime| {
        let grown = topic.grows.iter().rev().find(|(when, _)| *when <= at);
        grown.map_or(topic.partitions, |(_, count)| *count).max(1)
    };
    rates
        .into_iter()
        .map(|(start, rate)| {
            let per_partition = rate / f64::from(partitions_at(start));
            (start, (per_partition > 0.0).then(|| ((1e9 / per_partition) as u64).max(1)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::TopicName;

    const END: SimTime = SimTime(3_600_000_000_000);

    fn second(seconds: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs(seconds)
    }

    fn topic(partitions: u32, arrivals: Arrivals) -> Topic {
        Topic {
            name: TopicName::from("orders"),
            partitions,
            replicas: Vec::new(),
            arrivals,
            backlog_per_partition: 0,
            record_bytes: 100,
            created_at: SimTime::ZERO,
            grows: Vec::new(),
        }
    }

    fn workload(topic: &Topic) -> Workload {
        let mut workload = Workload::new();
        workload.add(1, topic, 0..topic.partitions, SimTime::ZERO, END);
        workload
    }

    fn total(workload: &mut Workload, at: SimTime) -> i64 {
        let mut ends = Vec::new();
        workload.log_ends(at, &mut ends);
        ends.iter().sum()
    }

    #[test]
    fn a_constant_rate_is_spread_evenly_over_the_partitions() {
        let mut workload = workload(&topic(4, Arrivals::Constant { per_second: 8.0 }));
        for partition in 0..4 {
            assert_eq!(workload.log_end(PartitionIndex(partition), second(100)), 200);
        }
    }

    #[test]
    fn the_next_arrival_is_the_instant_at_which_the_log_end_moves() {
        for arrivals in [
            Arrivals::Constant { per_second: 3.0 },
            Arrivals::Poisson { per_second: 3.0 },
            Arrivals::Table { steps: vec![(second(2), 5.0), (second(9), 0.0), (second(20), 2.0)] },
            Arrivals::InTurn {
                per_second: 7.0,
                every: SimDuration::from_millis(200),
                late: SimDuration::from_millis(30),
            },
            Arrivals::Bursts {
                base_per_second: 0.5,
                per_second: 40.0,
                every: SimDuration::from_secs(10),
                length: SimDuration::from_secs(1),
            },
        ] {
            let mut workload = workload(&topic(2, arrivals.clone()));
            let mut now = SimTime::ZERO;
            for _ in 0..200 {
                let before = workload.log_end(PartitionIndex(1), now);
                let (_, next) = workload.end_and_next(PartitionIndex(1), now);
                if next == SimTime::MAX || next > END {
                    break;
                }
                assert!(next > now, "{arrivals:?}: the next arrival lies ahead");
                assert_eq!(workload.log_end(PartitionIndex(1), SimTime(next.0 - 1)), before, "{arrivals:?} at {now}");
                now = next;
            }
            assert!(now > second(10), "{arrivals:?} goes on");
        }
    }

    #[test]
    fn one_producer_serves_all_partitions_in_turn_in_bursts() {
        let every = SimDuration::from_millis(200);
        let mut workload = workload(&topic(4, Arrivals::InTurn { per_second: 15.0, every, late: SimDuration::ZERO }));
        let ends = |workload: &mut Workload, ms: u64| {
            let mut ends = Vec::new();
            workload.log_ends(SimTime::ZERO + SimDuration::from_millis(ms), &mut ends);
            ends
        };
        assert_eq!(ends(&mut workload, 199), [0, 0, 0, 0]);
        assert_eq!(ends(&mut workload, 200), [1, 1, 1, 0]);
        assert_eq!(ends(&mut workload, 400), [2, 2, 1, 1]);
        assert_eq!(ends(&mut workload, 2_000), [8, 8, 7, 7]);
    }

    #[test]
    fn poisson_arrivals_come_at_their_rate() {
        let mut workload = workload(&topic(10, Arrivals::Poisson { per_second: 50.0 }));
        let count = total(&mut workload, second(1_000));
        assert!((49_000..51_000).contains(&count), "50 a second for 1000 s, got {count}");
    }

    #[test]
    fn a_topic_that_grows_spreads_the_same_rate_over_more_partitions() {
        let mut grown = topic(2, Arrivals::Constant { per_second: 12.0 });
        grown.grows = vec![(second(100), 6)];
        let mut workload = workload(&grown);
        workload.log_end(PartitionIndex(0), second(100));
        workload.add(1, &grown, 2..6, second(100), END);
        assert_eq!(workload.log_end(PartitionIndex(0), second(200)), 600 + 200);
        assert_eq!(workload.log_end(PartitionIndex(5), second(200)), 200);
    }

    #[test]
    fn a_backlog_is_there_from_the_start() {
        let mut backlog = topic(3, Arrivals::None);
        backlog.backlog_per_partition = 1_000;
        let mut workload = workload(&backlog);
        assert_eq!(total(&mut workload, SimTime::ZERO), 3_000);
        assert_eq!(workload.end_and_next(PartitionIndex(0), second(1)).1, SimTime::MAX);
    }

    #[test]
    fn the_work_on_a_record_depends_on_the_record_alone() {
        let workload = workload(&topic(2, Arrivals::None));
        let draw = |partition, offset| workload.record_stream(PartitionIndex(partition), offset).next_u64();
        assert_eq!(draw(0, 7), draw(0, 7));
        assert_ne!(draw(0, 7), draw(0, 8));
        assert_ne!(draw(0, 7), draw(1, 7));
    }
}
