//! A sensor: its sample windows, its totals, and the highest values that it could have shown.

use crate::analysis::outcome::MetricValues;
use crate::engine::Millis;

use super::window::{Amounts, Window};

/// One sensor of one process. Its values are not negative.
#[derive(Clone, Debug, Default)]
pub(super) struct Sensor {
    pub window: Window,
    /// Highest average that it showed.
    highest_avg: f64,
    /// Over the run; of former processes.
    former: Amounts,
}

impl Sensor {
    /// True if values until then find their sample ready: then they need not come one by one.
    #[inline]
    pub fn is_settled(&self, until: Millis) -> bool {
        until < self.window.settled_until()
    }

    /// Records a value.
    #[inline]
    pub fn record(&mut self, now: Millis, value: f64) {
        if !self.is_settled(now) {
            return self.record_later(now, 0, 1, value);
        }
        self.add(now, 1, value);
    }

    /// Records the same value at `count` instants, `every_ms` apart.
    pub fn record_evenly(&mut self, first: Millis, every_ms: i64, count: i64, value: f64) {
        self.record_later(first, every_ms, count, value);
    }

    /// Records a value so often, at last at this instant, until which the sensor is settled.
    #[inline]
    pub fn add(&mut self, last: Millis, count: i64, value: f64) {
        self.window.add(last, count, value);
        // While no sample goes, an average only rises towards values above it.
        if value > self.highest_avg {
            self.look();
        }
    }

    #[cold]
    #[inline(never)]
    fn record_later(&mut self, first: Millis, every_ms: i64, count: i64, value: f64) {
        self.window.record_evenly(first, every_ms, count, value);
        self.look();
    }

    /// The average may be the highest so far.
    #[inline]
    fn look(&mut self) {
        let avg = self.window.present_avg().unwrap_or(0.0);
        self.highest_avg = if avg > self.highest_avg { avg } else { self.highest_avg };
    }

    /// The highest values of the run but for averages. Count and sum only grow within a process: they are highest at its
    /// end.
    fn highest(&self) -> Amounts {
        let total = self.window.total();
        Amounts {
            count: total.count.max(self.former.count),
            sum: total.sum.max(self.former.sum),
            max: total.max.max(self.former.max),
        }
    }

    /// A new process begins with a new sensor; the highest values of the run stay.
    pub fn restart(&mut self) {
        *self = Sensor { former: self.highest(), highest_avg: self.highest_avg, ..Sensor::default() };
    }

    /// A highest value, once there was one at all.
    fn once_recorded(&self, highest: f64) -> Option<f64> {
        (self.highest().count > 0).then_some(highest)
    }

    /// `-avg`
    pub fn avg(&mut self, now: Millis) -> MetricValues {
        MetricValues { at_end: self.window.avg(now), highest: self.once_recorded(self.highest_avg) }
    }

    /// `-max`
    pub fn max(&mut self, now: Millis) -> MetricValues {
        MetricValues { at_end: self.window.max(now), highest: self.once_recorded(self.highest().max) }
    }

    /// `-total`, as a count.
    pub fn total(&self) -> MetricValues {
        let count = |amounts: Amounts| Some(amounts.count as f64);
        MetricValues { at_end: count(self.window.total()), highest: count(self.highest()) }
    }

    /// `-total`, as a sum.
    pub fn sum(&self) -> MetricValues {
        MetricValues { at_end: Some(self.window.total().sum), highest: Some(self.highest().sum) }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The highest average of a sensor, and that of a window which is looked at after every value.
    fn highest(value_of: fn(i64) -> f64) -> (f64, f64) {
        let (mut sensor, mut window, mut highest) = (Sensor::default(), Window::default(), 0.0f64);
        let mut now = Millis(0);
        for i in 0..20_000 {
            now = now + 13 + (i * i) % 97 + if i % 4_001 == 0 { 70_000 } else { 0 };
            let value = value_of(i);
            sensor.record(now, value);
            window.record_evenly(now, 0, 1, value);
            highest = highest.max(window.present_avg().unwrap_or(0.0));
        }
        (sensor.avg(now).highest.expect("values were recorded"), highest)
    }

    #[test]
    fn the_highest_average_is_known_without_looking_at_every_value() {
        let whole = |i: i64| ((i * 7_919) % 1_009 + (i / 500) % 7 * 100) as f64;
        let fraction = |i: i64| ((i * 7_919) % 1_009) as f64 / 1_009.0;
        let first_one = |i: i64| if i == 0 { 1.0 } else { ((i * 7_919) % 1_009 + 1) as f64 / 1_010.0 };
        for value_of in [whole, fraction, first_one] {
            let (of_sensor, of_window) = highest(value_of);
            assert_eq!(of_sensor, of_window);
        }
    }
}
