//! Statistics over Kafka's sample windows (`org.apache.kafka.common.metrics.stats.SampledStat`, `Rate`): the last two
//! windows of 30 s, as `metrics.num.samples` and `metrics.sample.window.ms` have it by default.
//!
//! Average, maximum and count of one sensor are recorded at the same instants, so they share their samples here.

use crate::engine::Millis;

/// `metrics.sample.window.ms`
const WINDOW_MS: i64 = 30_000;
/// `metrics.num.samples`
const SAMPLES: usize = 2;

/// One sample.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    start: i64,
    /// Last event.
    last: i64,
    count: i64,
    sum: f64,
    max: f64,
}

impl Sample {
    fn new(now: i64) -> Self {
        Sample { start: now, last: now, ..Sample::default() }
    }

    /// The same value so many times, which is not negative.
    #[inline]
    fn add(&mut self, count: i64, value: f64) {
        self.count += count;
        self.sum += value * count as f64;
        if value > self.max {
            self.max = value;
        }
    }
}

/// The retained samples of a sensor.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    /// One more than `metrics.num.samples`, so that samples overlapping the window are kept whole. Those not used yet
    /// count nothing.
    samples: [Sample; SAMPLES + 1],
    used: usize,
    current: usize,
    /// No sample is outdated before this.
    fresh_until: i64,
}

impl Window {
    /// Records a value, which is not negative.
    #[inline]
    pub fn record(&mut self, Millis(now): Millis, value: f64) {
        let sample = self.sample_at(now);
        sample.add(1, value);
        sample.last = now;
    }

    /// Records the same value at `count` instants, `every_ms` apart, the first at `first`. Costs as much as there are
    /// windows, not values.
    #[inline]
    pub fn record_evenly(&mut self, Millis(first): Millis, every_ms: i64, count: i64, value: f64) {
        let (mut at, mut left, every_ms) = (first, count, every_ms.max(1));
        while left > 0 {
            let sample = self.sample_at(at);
            let full_at = sample.start + WINDOW_MS;
            // As a rule all of them fall into one window, which needs no division to see.
            let now = if at + (left - 1) * every_ms < full_at {
                left
            } else {
                ((full_at - at + every_ms - 1) / every_ms).max(1)
            };
            sample.add(now, value);
            sample.last = at + (now - 1) * every_ms;
            at += now * every_ms;
            left -= now;
        }
    }

    /// The sample that takes a value at this instant.
    #[inline]
    fn sample_at(&mut self, now: i64) -> &mut Sample {
        if self.used == 0 || now - self.samples[self.current].start >= WINDOW_MS {
            self.next_sample(now);
        }
        &mut self.samples[self.current]
    }

    #[cold]
    fn next_sample(&mut self, now: i64) {
        if self.used > 0 {
            self.current = (self.current + 1) % self.samples.len();
        }
        self.used = self.used.max(self.current + 1);
        self.samples[self.current] = Sample::new(now);
    }

    #[inline]
    fn purge(&mut self, now: i64) {
        if now >= self.fresh_until {
            self.purge_outdated(now);
        }
    }

    #[cold]
    fn purge_outdated(&mut self, now: i64) {
        const OUTDATED_MS: i64 = SAMPLES as i64 * WINDOW_MS;
        self.fresh_until = now + OUTDATED_MS;
        for sample in &mut self.samples[..self.used] {
            if now - sample.last >= OUTDATED_MS {
                *sample = Sample::new(now);
            }
            self.fresh_until = self.fresh_until.min(sample.last + OUTDATED_MS);
        }
    }

    /// `-avg`; `None` is Kafka's NaN.
    #[inline]
    pub fn avg(&mut self, Millis(now): Millis) -> Option<f64> {
        self.purge(now);
        let [a, b, c] = &self.samples;
        let (count, sum) = (a.count + b.count + c.count, a.sum + b.sum + c.sum);
        (count > 0).then(|| sum / count as f64)
    }

    /// `-max`; `None` is Kafka's NaN.
    pub fn max(&mut self, Millis(now): Millis) -> Option<f64> {
        self.purge(now);
        let counted = self.samples[..self.used].iter().filter(|sample| sample.count > 0);
        counted.map(|sample| sample.max).reduce(f64::max)
    }

    /// `-rate`: values per second.
    pub fn rate(&mut self, now: Millis) -> f64 {
        self.per(now, 1_000.0, |sample| sample.count as f64)
    }

    /// `-rate-per-hour`: values per hour.
    pub fn rate_per_hour(&mut self, now: Millis) -> f64 {
        self.per(now, 3_600_000.0, |sample| sample.count as f64)
    }

    /// `-rate` of a summed quantity: sum of the values per second.
    pub fn sum_rate(&mut self, now: Millis) -> f64 {
        self.per(now, 1_000.0, |sample| sample.sum)
    }

    /// `Rate.measure`: the windowed amount by the time since the oldest sample began, padded to at least one full window.
    fn per(&mut self, Millis(now): Millis, unit_ms: f64, amount: impl Fn(&Sample) -> f64) -> f64 {
        self.purge(now);
        let oldest = self.samples[..self.used].iter().map(|sample| sample.start).min().unwrap_or(now);
        let mut elapsed = now - oldest;
        let full = elapsed / WINDOW_MS;
        let least = SAMPLES as i64 - 1;
        if full < least {
            elapsed += (least - full) * WINDOW_MS;
        }
        self.samples[..self.used].iter().map(amount).sum::<f64>() * unit_ms / elapsed as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: f64) -> Millis {
        Millis((second * 1e3) as i64)
    }

    #[test]
    fn a_single_event_shows_as_120_per_hour_then_60_then_nothing() {
        let mut window = Window::default();
        window.record(at(100.0), 1.0);
        assert_eq!(window.rate_per_hour(at(100.0)), 120.0);
        assert_eq!(window.rate_per_hour(at(129.999)).round(), 60.0);
        assert_eq!(window.rate_per_hour(at(159.999)).round(), 60.0);
        assert_eq!(window.rate_per_hour(at(160.0)), 0.0);
    }

    #[test]
    fn a_maximum_is_kept_until_its_sample_had_no_event_for_a_minute() {
        let mut window = Window::default();
        window.record(at(0.0), 9.0);
        window.record(at(29.0), 1.0);
        assert_eq!(window.max(at(88.9)), Some(9.0));
        assert_eq!(window.max(at(89.0)), None);
    }

    #[test]
    fn the_average_is_over_the_retained_samples() {
        let mut window = Window::default();
        window.record(at(0.0), 1.0);
        window.record(at(31.0), 3.0);
        assert_eq!(window.avg(at(40.0)), Some(2.0));
        assert_eq!(window.avg(at(61.0)), Some(3.0));
        assert_eq!(window.avg(at(91.0)), None);
    }

    #[test]
    fn values_at_even_distances_are_recorded_as_if_one_by_one() {
        for every_ms in [7, 100, 1_000, 29_999, 30_000, 70_000] {
            let (mut one_by_one, mut evenly) = (Window::default(), Window::default());
            for window in [&mut one_by_one, &mut evenly] {
                window.record(at(3.0), 5.0);
            }
            let first = at(3.5);
            for i in 0..2_000 {
                one_by_one.record(Millis(first.0 + i * every_ms), 2.0);
            }
            evenly.record_evenly(first, every_ms, 2_000, 2.0);
            let end = Millis(first.0 + 2_000 * every_ms);
            assert_eq!(one_by_one.rate(end), evenly.rate(end), "every {every_ms} ms");
            assert_eq!(one_by_one.avg(end), evenly.avg(end), "every {every_ms} ms");
            assert_eq!(one_by_one.max(end), evenly.max(end), "every {every_ms} ms");
        }
    }
}
