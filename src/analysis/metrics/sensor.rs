//! A sensor: its sample windows, its totals, and the highest values that it could have shown.

use crate::analysis::outcome::MetricValues;
use crate::engine::SimTime;

use super::window::Window;

/// One sensor of one process.
#[derive(Clone, Debug, Default)]
pub(super) struct Sensor {
    pub window: Window,
    pub count: u64,
    pub sum: f64,
    highest: Highest,
}

/// The highest values over the run.
#[derive(Clone, Copy, Debug, Default)]
struct Highest {
    avg: Option<f64>,
    max: Option<f64>,
    count: f64,
    sum: f64,
}

impl Sensor {
    /// Records a value.
    pub fn record(&mut self, now: SimTime, value: f64) {
        self.window.record(now, value);
        self.recorded(now, 1, value);
    }

    /// Records the same value at `count` instants, `every_ms` apart.
    pub fn record_evenly(&mut self, first: SimTime, every_ms: i64, count: u64, value: f64) {
        self.window.record_evenly(first, every_ms, count, value);
        let last = SimTime(first.0 + (count.saturating_sub(1)) * every_ms.max(0) as u64 * 1_000_000);
        self.recorded(last, count, value);
    }

    fn recorded(&mut self, now: SimTime, count: u64, value: f64) {
        self.count += count;
        self.sum += value * count as f64;
        let avg = self.window.avg(now);
        let highest = &mut self.highest;
        highest.avg = larger(highest.avg, avg);
        highest.max = larger(highest.max, Some(value));
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

    /// `-avg`
    pub fn avg(&mut self, now: SimTime) -> MetricValues {
        MetricValues { at_end: self.window.avg(now), highest: self.highest.avg }
    }

    /// `-max`
    pub fn max(&mut self, now: SimTime) -> MetricValues {
        MetricValues { at_end: self.window.max(now), highest: self.highest.max }
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
    pub fn rate(&mut self, now: SimTime) -> MetricValues {
        MetricValues { at_end: Some(self.window.rate(now)), highest: None }
    }

    /// `-rate` of a summed quantity.
    pub fn sum_rate(&mut self, now: SimTime) -> MetricValues {
        MetricValues { at_end: Some(self.window.sum_rate(now)), highest: None }
    }

    /// `-rate-per-hour`
    pub fn rate_per_hour(&mut self, now: SimTime) -> MetricValues {
        MetricValues { at_end: Some(self.window.rate_per_hour(now)), highest: None }
    }
}

fn larger(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    }
}
