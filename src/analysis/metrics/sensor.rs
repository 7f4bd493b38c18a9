//! A sensor: its sample windows, its totals, and the highest values that it could have shown.

use crate::analysis::outcome::MetricValues;
use crate::engine::Millis;

use super::window::Window;

/// One sensor of one process.
#[derive(Clone, Debug, Default)]
pub(super) struct Sensor {
    pub window: Window,
    pub count: i64,
    pub sum: f64,
    highest: Highest,
}

/// The highest values over the run; zero before the first value.
#[derive(Clone, Copy, Debug, Default)]
struct Highest {
    avg: f64,
    max: f64,
    count: f64,
    sum: f64,
}

impl Sensor {
    /// Records a value, which is not negative.
    #[inline]
    pub fn record(&mut self, now: Millis, value: f64) {
        if now < self.window.settled_until() {
            self.add(now, value);
        } else {
            self.record_later(now, value);
        }
    }

    #[cold]
    #[inline(never)]
    fn record_later(&mut self, now: Millis, value: f64) {
        self.window.advance(now);
        self.add(now, value);
    }

    #[inline]
    fn add(&mut self, now: Millis, value: f64) {
        self.window.add(now, 1, value);
        self.added(1, value);
    }

    /// Records the same value at `count` instants, `every_ms` apart.
    pub fn record_evenly(&mut self, first: Millis, every_ms: i64, count: i64, value: f64) {
        let last = self.window.record_evenly(first, every_ms, count, value);
        if last >= self.window.settled_until() {
            self.window.advance(last);
        }
        self.added(count, value);
    }

    #[inline]
    fn added(&mut self, count: i64, value: f64) {
        self.count += count;
        self.sum += value * count as f64;
        let avg = self.window.present_avg().unwrap_or(0.0);
        let highest = &mut self.highest;
        highest.avg = if avg > highest.avg { avg } else { highest.avg };
        highest.max = if value > highest.max { value } else { highest.max };
    }

    /// Count and sum only grow within a process: they are highest at its end.
    fn highest_totals(&self) -> (f64, f64) {
        (self.highest.count.max(self.count as f64), self.highest.sum.max(self.sum))
    }

    /// A new process begins with a new sensor; the highest values of the run stay.
    pub fn restart(&mut self) {
        let (count, sum) = self.highest_totals();
        *self = Sensor { highest: Highest { count, sum, ..self.highest }, ..Sensor::default() };
    }

    /// A highest value, once there was one at all.
    fn once_recorded(&self, highest: f64) -> Option<f64> {
        (self.highest_totals().0 > 0.0).then_some(highest)
    }

    /// `-avg`
    pub fn avg(&mut self, now: Millis) -> MetricValues {
        MetricValues { at_end: self.window.avg(now), highest: self.once_recorded(self.highest.avg) }
    }

    /// `-max`
    pub fn max(&mut self, now: Millis) -> MetricValues {
        MetricValues { at_end: self.window.max(now), highest: self.once_recorded(self.highest.max) }
    }

    /// `-total`, as a count.
    pub fn total(&self) -> MetricValues {
        MetricValues { at_end: Some(self.count as f64), highest: Some(self.highest_totals().0) }
    }

    /// `-total`, as a sum.
    pub fn sum(&self) -> MetricValues {
        MetricValues { at_end: Some(self.sum), highest: Some(self.highest_totals().1) }
    }

    /// `-rate`
    pub fn rate(&mut self, now: Millis) -> MetricValues {
        MetricValues { at_end: Some(self.window.rate(now)), highest: None }
    }

    /// `-rate` of a summed quantity.
    pub fn sum_rate(&mut self, now: Millis) -> MetricValues {
        MetricValues { at_end: Some(self.window.sum_rate(now)), highest: None }
    }

    /// `-rate-per-hour`
    pub fn rate_per_hour(&mut self, now: Millis) -> MetricValues {
        MetricValues { at_end: Some(self.window.rate_per_hour(now)), highest: None }
    }
}
