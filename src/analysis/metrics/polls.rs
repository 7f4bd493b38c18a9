//! Polls of one consumer: the metrics of `consumer-metrics`. Polls that return empty from an idle topic are no events of
//! their own; they follow each other at the poll timeout and are worked out here.

use crate::engine::{SimDuration, SimTime};

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
            self.returned(now); // It returned empty and was entered again.
        }
        let gap = self.last.map_or(SimDuration::ZERO, |last| now.since(last));
        self.begin(now, gap);
    }

    #[inline]
    fn begin(&mut self, now: SimTime, gap: SimDuration) {
        self.gap_ms = gap.as_millis() as f64;
        self.longest = self.longest.max(gap);
        self.between.record(now.millis(), self.gap_ms);
        self.last = Some(now);
        self.inside = true;
    }

    /// `poll` returned (with records, or to the application for another reason).
    #[inline]
    pub fn returned(&mut self, now: SimTime) {
        if self.inside {
            self.catch_up(now);
            self.inside = false;
            let length = self.last.map_or(SimDuration::ZERO, |last| now.since(last));
            self.end(now, length);
        }
    }

    #[inline]
    fn end(&mut self, now: SimTime, length: SimDuration) {
        let length = length.as_millis() as f64;
        if length + self.gap_ms > 0.0 {
            self.idle.record(now.millis(), length / (length + self.gap_ms));
        }
    }

    /// Empty polls until now.
    #[inline]
    pub fn catch_up(&mut self, now: SimTime) {
        if let Some(last) = self.last.filter(|last| self.inside && now.since(*last) >= self.timeout) {
            self.polls_since(last, now);
        }
    }

    fn polls_since(&mut self, last: SimTime, now: SimTime) {
        if self.timeout.0 == 0 {
            return;
        }
        let polls = (now.since(last).0 / self.timeout.0) as i64;
        let every_ms = self.timeout.as_millis() as i64;
        let first = last + self.timeout;
        self.end(first, self.timeout);
        self.between.record_evenly(first.millis(), every_ms, polls, every_ms as f64);
        if polls > 1 {
            self.idle.record_evenly((first + self.timeout).millis(), every_ms, polls - 1, 0.5);
        }
        self.gap_ms = every_ms as f64;
        self.longest = self.longest.max(self.timeout);
        self.last = Some(last + self.timeout * polls as u64);
    }

    /// The poll thread was held up inside `poll` (listener call, pause): that poll ends now at the earliest.
    pub fn held_up(&mut self, now: SimTime) {
        let Some(last) = self.last.filter(|_| self.inside) else { return };
        if self.timeout.0 > 0 && now.since(last) >= self.timeout {
            self.end(now, now.since(last));
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
        polls.returned(at(10));
        polls.called(at(7_010));
        assert_eq!(polls.between.window.max(at(7_010).millis()), Some(7_010.0));
        assert_eq!(polls.longest, SimDuration::from_millis(7_010));
        polls.returned(at(7_010));
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
