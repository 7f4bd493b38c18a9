//! Polls of one consumer: the metrics of `consumer-metrics`. Polls that return empty from an idle topic are no events of
//! their own; they follow each other at the poll timeout and are worked out here.

use crate::engine::{Millis, SimDuration, SimTime};

use super::sensor::Sensor;

/// Polls of one consumer's process (consumer-client.md 7.4).
#[derive(Clone, Debug, Default)]
pub(in crate::analysis) struct Polls {
    /// `time-between-poll-*`: start to start, milliseconds.
    pub(super) between: Sensor,
    /// `poll-idle-ratio-avg`.
    pub(super) idle: Sensor,
    /// Start of the last poll.
    pub last: Option<SimTime>,
    /// From the start of the poll before to the start of the last.
    gap_ms: f64,
    /// `poll` has not returned.
    inside: bool,
    timeout: SimDuration,
    /// Longest time from start to start.
    pub longest: SimDuration,
}

impl Polls {
    pub fn new(timeout: SimDuration) -> Self {
        Polls { timeout, ..Polls::default() }
    }

    /// A new process: new sensors, the longest gap of the run stays.
    pub fn restart(&mut self, timeout: SimDuration) {
        self.between.restart();
        self.idle.restart();
        (self.last, self.gap_ms, self.inside, self.timeout) = (None, 0.0, false, timeout);
    }

    /// `poll` is entered.
    #[inline]
    pub fn called(&mut self, now: SimTime) {
        if self.inside {
            return self.called_again(now);
        }
        let gap = self.last.map_or(SimDuration::ZERO, |last| now.since(last));
        self.begin(now, gap);
    }

    /// `poll` is entered and its last return was not told: it returned empty.
    #[cold]
    #[inline(never)]
    fn called_again(&mut self, now: SimTime) {
        self.over(now);
        let gap = self.last.map_or(SimDuration::ZERO, |last| now.since(last));
        self.begin(now, gap);
    }

    #[inline]
    fn begin(&mut self, now: SimTime, gap: SimDuration) {
        self.gap_ms = gap.as_millis() as f64;
        self.longest = self.longest.max(gap);
        self.last = Some(now);
        self.inside = true;
        self.between.record(now.millis(), self.gap_ms);
    }

    /// True if what is told until then finds the samples ready.
    #[inline]
    pub fn is_settled(&self, until: Millis) -> bool {
        self.between.is_settled(until) && self.idle.is_settled(until)
    }

    /// `poll` returned with records, at an instant until which the polls are settled.
    #[inline]
    pub fn returned(&mut self, now: SimTime) {
        if self.inside {
            self.poll_until(now, true);
            self.inside = false;
            let length = self.last.map_or(SimDuration::ZERO, |last| now.since(last));
            self.end(now, length, true);
        }
    }

    /// `poll` returned, if it has not yet.
    #[inline]
    pub fn over(&mut self, now: SimTime) {
        if self.inside {
            self.returned_later(now);
        }
    }

    #[cold]
    #[inline(never)]
    fn returned_later(&mut self, now: SimTime) {
        self.poll_until(now, false);
        self.inside = false;
        let length = self.last.map_or(SimDuration::ZERO, |last| now.since(last));
        self.end(now, length, false);
    }

    /// A poll that took so long ends; the polls are settled until then, or may not be.
    #[inline]
    fn end(&mut self, now: SimTime, length: SimDuration, settled: bool) {
        let length = length.as_millis() as f64;
        if length + self.gap_ms > 0.0 {
            self.idles(now.millis(), 0, 1, length / (length + self.gap_ms), settled);
        }
    }

    #[inline]
    fn idles(&mut self, first: Millis, every_ms: i64, count: i64, ratio: f64, settled: bool) {
        if settled {
            self.idle.add(Millis(first.0 + (count - 1) * every_ms), count, ratio);
        } else {
            self.idle.record_evenly(first, every_ms, count, ratio);
        }
    }

    /// Empty polls until now.
    pub fn catch_up(&mut self, now: SimTime) {
        if self.inside {
            self.poll_until(now, false);
        }
    }

    /// Empty polls until now, while inside `poll`; settled until now, or maybe not.
    #[inline]
    fn poll_until(&mut self, now: SimTime, settled: bool) {
        if let Some(last) = self.last.filter(|last| now.since(*last) >= self.timeout && self.timeout.0 > 0) {
            self.polls_since(last, now, settled);
        }
    }

    #[inline]
    fn polls_since(&mut self, last: SimTime, now: SimTime, settled: bool) {
        let polls = now.since(last).0 / self.timeout.0;
        let timeout_ms = self.timeout.as_millis();
        let (count, every_ms) = (polls as i64, timeout_ms.max(1) as i64);
        let first = last + self.timeout;
        self.end(first, self.timeout, settled);
        if settled {
            self.between.add(Millis(first.millis().0 + (count - 1) * every_ms), count, timeout_ms as f64);
        } else {
            self.between.record_evenly(first.millis(), every_ms, count, timeout_ms as f64);
        }
        if count > 1 {
            self.idles((first + self.timeout).millis(), every_ms, count - 1, 0.5, settled);
        }
        self.gap_ms = timeout_ms as f64;
        self.longest = self.longest.max(self.timeout);
        self.last = Some(last + self.timeout * polls);
    }

    /// The poll thread was held up inside `poll` (listener call, pause): that poll ends now at the earliest.
    pub fn held_up(&mut self, now: SimTime) {
        let Some(last) = self.last.filter(|_| self.inside) else { return };
        if self.timeout.0 > 0 && now.since(last) >= self.timeout {
            self.end(now, now.since(last), false);
            self.begin(now, now.since(last));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> SimTime {
        SimTime(millis * 1_000_000)
    }

    #[test]
    fn t54_an_idle_consumer_polls_at_its_timeout_and_is_idle_half_of_the_time_as_kafka_counts() {
        let mut polls = Polls::new(SimDuration::from_millis(100));
        polls.called(at(0));
        polls.catch_up(at(20_000));
        assert_eq!(polls.between.window.max(at(20_000).millis()), Some(100.0));
        assert_eq!(polls.last, Some(at(20_000)));
        let ratio = polls.idle.window.avg(at(20_000).millis()).unwrap();
        assert!((0.5..0.505).contains(&ratio), "{ratio}");
    }

    #[test]
    fn time_between_polls_includes_the_batch() {
        let mut polls = Polls::new(SimDuration::from_millis(100));
        polls.called(at(0));
        polls.over(at(10));
        polls.called(at(7_010));
        assert_eq!(polls.between.window.max(at(7_010).millis()), Some(7_010.0));
        assert_eq!(polls.longest, SimDuration::from_millis(7_010));
        polls.over(at(7_010));
        assert_eq!(
            polls.idle.window.avg(at(7_010).millis()),
            Some(0.5),
            "one fully idle first poll, one with no idle time"
        );
    }

    #[test]
    fn a_pause_inside_poll_makes_that_poll_longer() {
        let mut polls = Polls::new(SimDuration::from_millis(100));
        polls.called(at(0));
        polls.catch_up(at(250));
        polls.held_up(at(5_250));
        assert_eq!(polls.between.window.max(at(5_250).millis()), Some(5_050.0));
    }
}
