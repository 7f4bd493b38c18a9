//! Statistics over Kafka's sample windows (`org.apache.kafka.common.metrics.stats.SampledStat`, `Rate`): the last two
//! windows of 30 s, as `metrics.num.samples` and `metrics.sample.window.ms` have it by default.
//!
//! Average, maximum and count of one sensor are recorded at the same instants, so they share their samples here.

use crate::engine::Millis;

/// `metrics.sample.window.ms`
const WINDOW_MS: i64 = 30_000;
/// `metrics.num.samples`
const SAMPLES: usize = 2;
/// A sample without a value for so long counts no more.
const OUTDATED_MS: i64 = SAMPLES as i64 * WINDOW_MS;

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
}

/// The retained samples of a sensor.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    /// The sample that takes values; what `samples` has of it is older.
    present: Sample,
    /// Until then the present sample takes values, and none is outdated.
    settled_until: i64,
    others: Others,
    /// One more than `metrics.num.samples`, so that samples overlapping the window are kept whole. Those not used yet
    /// count nothing.
    samples: [Sample; SAMPLES + 1],
    used: usize,
    /// Place of the present sample.
    current: usize,
    /// What there was in samples that count no more.
    gone: Amounts,
}

/// What the samples beside the present one come to. Sums are added in the order of the samples: what stands before the
/// present one, and after it.
#[derive(Clone, Copy, Debug, Default)]
struct Others {
    count: i64,
    before: f64,
    after: f64,
}

/// Amounts over the life of a sensor.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Amounts {
    pub count: i64,
    pub sum: f64,
    pub max: f64,
}

impl Amounts {
    fn add(&mut self, sample: &Sample) {
        self.count += sample.count;
        self.sum += sample.sum;
        self.max = self.max.max(sample.max);
    }
}

impl Window {
    /// Until when values need no [`advance`](Window::advance).
    #[inline]
    pub fn settled_until(&self) -> Millis {
        Millis(self.settled_until)
    }

    /// Makes ready for a value at this instant: a new sample when the current one is full, outdated ones emptied.
    #[cold]
    #[inline(never)]
    pub fn advance(&mut self, Millis(now): Millis) {
        self.put_back();
        if self.used == 0 || now - self.present.start >= WINDOW_MS {
            self.current = if self.used == 0 { 0 } else { (self.current + 1) % self.samples.len() };
            self.used = self.used.max(self.current + 1);
            self.gone.add(&self.samples[self.current]);
            self.samples[self.current] = Sample::new(now);
        }
        self.empty_outdated(now);
        self.take_out();
        let outdated = self.samples[..self.used].iter().map(|sample| sample.last + OUTDATED_MS);
        self.settled_until = outdated.fold(self.present.start + WINDOW_MS, i64::min);
    }

    fn put_back(&mut self) {
        self.samples[self.current] = self.present;
    }

    fn take_out(&mut self) {
        self.present = self.samples[self.current];
        let [a, b, c] = &self.samples;
        let (before, after) = match self.current {
            0 => (b.sum, c.sum),
            1 => (a.sum, c.sum),
            _ => (a.sum + b.sum, 0.0),
        };
        self.others = Others { count: a.count + b.count + c.count - self.present.count, before, after };
    }

    /// Records the same value so many times, at last at this instant, before which the window is settled. The value is
    /// not negative.
    #[inline]
    pub fn add(&mut self, Millis(now): Millis, count: i64, value: f64) {
        let sample = &mut self.present;
        sample.count += count;
        sample.sum += value * count as f64;
        sample.max = if value > sample.max { value } else { sample.max };
        sample.last = now;
    }

    /// Records the same value at `count` instants, `every_ms` apart, the first at `first`. Costs as much as there are
    /// windows, not values.
    pub fn record_evenly(&mut self, first: Millis, every_ms: i64, count: i64, value: f64) {
        let (mut at, mut left, every_ms) = (first, count, every_ms.max(1));
        loop {
            if at >= self.settled_until() {
                self.advance(at);
            }
            let full_at = self.present.start + WINDOW_MS;
            // As a rule all of them fall into one window, which needs no division to see.
            let now = if at.0 + (left - 1) * every_ms < full_at {
                left
            } else {
                ((full_at - at.0 + every_ms - 1) / every_ms).max(1)
            };
            let last = Millis(at.0 + (now - 1) * every_ms);
            self.add(last, now, value);
            left -= now;
            if left == 0 {
                if last >= self.settled_until() {
                    self.advance(last);
                }
                return;
            }
            at = Millis(last.0 + every_ms);
        }
    }

    fn purge(&mut self, now: i64) {
        self.put_back();
        self.empty_outdated(now);
        self.take_out();
    }

    #[inline]
    fn empty_outdated(&mut self, now: i64) {
        for sample in &mut self.samples[..self.used] {
            if now - sample.last >= OUTDATED_MS {
                self.gone.add(sample);
                *sample = Sample::new(now);
            }
        }
    }

    /// All values so far.
    pub fn total(&self) -> Amounts {
        let mut total = self.gone;
        let others = self.samples.iter().enumerate().filter(|(place, _)| *place != self.current);
        others.map(|(_, sample)| sample).chain([&self.present]).for_each(|sample| total.add(sample));
        total
    }

    /// The average over the samples as they are; `None` without values.
    #[inline]
    pub fn present_avg(&self) -> Option<f64> {
        let count = self.others.count + self.present.count;
        let sum = self.others.before + self.present.sum + self.others.after;
        (count > 0).then(|| sum / count as f64)
    }

    /// `-avg`; `None` is Kafka's NaN.
    pub fn avg(&mut self, Millis(now): Millis) -> Option<f64> {
        self.purge(now);
        self.present_avg()
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

    fn record(window: &mut Window, now: Millis, value: f64) {
        window.record_evenly(now, 1, 1, value);
    }

    #[test]
    fn a_single_event_shows_as_120_per_hour_then_60_then_nothing() {
        let mut window = Window::default();
        record(&mut window, at(100.0), 1.0);
        assert_eq!(window.rate_per_hour(at(100.0)), 120.0);
        assert_eq!(window.rate_per_hour(at(129.999)).round(), 60.0);
        assert_eq!(window.rate_per_hour(at(159.999)).round(), 60.0);
        assert_eq!(window.rate_per_hour(at(160.0)), 0.0);
    }

    #[test]
    fn a_maximum_is_kept_until_its_sample_had_no_event_for_a_minute() {
        let mut window = Window::default();
        record(&mut window, at(0.0), 9.0);
        record(&mut window, at(29.0), 1.0);
        assert_eq!(window.max(at(88.9)), Some(9.0));
        assert_eq!(window.max(at(89.0)), None);
    }

    #[test]
    fn the_average_is_over_the_retained_samples() {
        let mut window = Window::default();
        record(&mut window, at(0.0), 1.0);
        record(&mut window, at(31.0), 3.0);
        assert_eq!(window.avg(at(40.0)), Some(2.0));
        assert_eq!(window.avg(at(61.0)), Some(3.0));
        assert_eq!(window.avg(at(91.0)), None);
    }

    #[test]
    fn values_at_even_distances_are_recorded_as_if_one_by_one() {
        for every_ms in [7, 100, 1_000, 29_999, 30_000, 70_000] {
            let (mut one_by_one, mut evenly) = (Window::default(), Window::default());
            for window in [&mut one_by_one, &mut evenly] {
                record(window, at(3.0), 5.0);
            }
            let first = at(3.5);
            for i in 0..2_000 {
                record(&mut one_by_one, Millis(first.0 + i * every_ms), 2.0);
            }
            evenly.record_evenly(first, every_ms, 2_000, 2.0);
            let end = Millis(first.0 + 2_000 * every_ms);
            assert_eq!(one_by_one.rate(end), evenly.rate(end), "every {every_ms} ms");
            assert_eq!(one_by_one.avg(end), evenly.avg(end), "every {every_ms} ms");
            assert_eq!(one_by_one.max(end), evenly.max(end), "every {every_ms} ms");
        }
    }
}
