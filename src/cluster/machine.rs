//! The machine under a process: its share of the processor, and its clock.
//!
//! Fault model: a container with a quota of the processor may compute for so much of every period (cgroup `cpu.max`);
//! what is beyond that waits, with *all* threads of the process, until the next period begins. What computes here is the
//! application's work, the listener's calls, the start-up and the leader's assignor; the threads of the client cost
//! nothing. A clock that jumps moves every deadline that the client worked out with it, forwards or back. A virtual
//! machine that is frozen does not see the time pass: its deadlines move with it, until something sets its clock right.

use crate::client::Input;
use crate::engine::{Distribution, SimDuration, SimTime};
use crate::trace::HostPause;

use super::simulation::{Simulation, Target};

/// What a quota leaves to a process.
#[derive(Debug)]
pub struct Quota {
    /// How much of each period it may compute.
    pub share: SimDuration,
    /// Length of a period.
    pub period: SimDuration,
    /// When the periods began.
    pub origin: SimTime,
    /// The period that `used` is of, counted from the origin.
    current: u64,
    /// How much it has computed in that period.
    used: SimDuration,
    /// It computes, since then.
    busy_since: Option<SimTime>,
}

impl Quota {
    /// A quota whose first period begins now.
    pub fn new(share: SimDuration, period: SimDuration, origin: SimTime) -> Self {
        Quota { share, period, origin, current: 0, used: SimDuration::ZERO, busy_since: None }
    }

    fn turn_to(&mut self, now: SimTime) {
        let period = now.since(self.origin).0 / self.period.0;
        if period != self.current {
            self.current = period;
            self.used = SimDuration::ZERO;
        }
    }

    fn period_end(&self) -> SimTime {
        self.origin + self.period * (self.current + 1)
    }

    /// It begins to compute.
    fn begin(&mut self, now: SimTime) {
        self.turn_to(now);
        self.busy_since.get_or_insert(now);
    }

    /// It computes no more, or waits.
    fn end(&mut self, now: SimTime) {
        if let Some(since) = self.busy_since.take() {
            self.turn_to(now);
            let begin = self.origin + self.period * self.current;
            self.used += now.since(since.max(begin));
        }
    }

    /// When the quota of a period is used up if it goes on computing.
    fn used_up_at(&self, now: SimTime) -> SimTime {
        let left = SimDuration(self.share.0.saturating_sub(self.used.0));
        let end = self.period_end();
        if now + left < end { now + left } else { end + self.share }
    }
}

impl Simulation<'_> {
    /// The process computes, or computes no more: its quota is counted.
    #[inline]
    pub(super) fn count_quota(&mut self, consumer: u32) {
        if self.hosts[consumer as usize].quota.is_some() {
            self.count_share(consumer);
        }
    }

    #[inline(never)]
    fn count_share(&mut self, consumer: u32) {
        let host = &mut self.hosts[consumer as usize];
        let timer = self.timers[consumer as usize].quota;
        let Some(quota) = host.quota.as_mut() else { return };
        quota.end(self.now);
        let computes = host.paused.is_none()
            && host.process.as_ref().is_some_and(|process| {
                process.work.is_some() || process.batch.is_some() || process.assignment.is_some()
            });
        if computes {
            quota.begin(self.now);
            let at = quota.used_up_at(self.now);
            self.queue.set(timer, at);
        } else {
            self.queue.cancel(timer);
        }
    }

    /// The quota of this period is used up: every thread waits for the next one.
    pub(super) fn quota_used_up(&mut self, consumer: u32) {
        let Some(quota) = self.hosts[consumer as usize].quota.as_mut() else { return };
        quota.turn_to(self.now);
        let wait = quota.period_end().since(self.now);
        self.pause(consumer, HostPause::Throttled, wait);
        self.count_quota(consumer);
    }

    /// The virtual machine stands still; its clock does not see it.
    pub(super) fn freeze_machine(
        &mut self,
        consumer: u32,
        length: SimDuration,
        corrected_after: Option<&Distribution>,
    ) {
        let host = &mut self.hosts[consumer as usize];
        if host.process.is_none() {
            return;
        }
        host.clock_stands += length;
        host.clock_corrected_after = corrected_after.map(|after| after.sample(&mut host.random.restart));
        self.pause(consumer, HostPause::Frozen, length);
    }

    /// The machine goes on: for its threads no time has passed.
    pub(super) fn tell_of_standing_clock(&mut self, consumer: u32) {
        let host = &mut self.hosts[consumer as usize];
        let stood = std::mem::take(&mut host.clock_stands);
        if stood == SimDuration::ZERO {
            return;
        }
        if let Some(after) = host.clock_corrected_after.take() {
            host.clock_behind += stood;
            self.queue.schedule(self.now + after, Target::ClockCorrected(consumer));
        }
        self.client_input(consumer, Input::ClockStood(stood));
    }

    /// Something sets the clock right.
    pub(super) fn clock_corrected(&mut self, consumer: u32) {
        let behind = std::mem::take(&mut self.hosts[consumer as usize].clock_behind);
        self.client_input(consumer, Input::ClockJump { ms: behind.as_millis() as i64 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn at(ms: u64) -> SimTime {
        SimTime(ms * MS)
    }

    fn quota() -> Quota {
        Quota::new(SimDuration::from_millis(50), SimDuration::from_millis(100), SimTime::ZERO)
    }

    #[test]
    fn work_that_goes_on_is_stopped_when_the_share_of_the_period_is_used() {
        let mut quota = quota();
        quota.begin(at(0));
        assert_eq!(quota.used_up_at(at(0)), at(50));
    }

    #[test]
    fn what_was_used_earlier_in_the_period_counts() {
        let mut quota = quota();
        quota.begin(at(10));
        quota.end(at(40));
        quota.begin(at(60));
        assert_eq!(quota.used_up_at(at(60)), at(80));
    }

    #[test]
    fn work_that_begins_late_in_a_period_is_stopped_in_the_next() {
        let mut quota = quota();
        quota.begin(at(70));
        assert_eq!(quota.used_up_at(at(70)), at(150));
        quota.end(at(120));
        quota.begin(at(130));
        assert_eq!(quota.used_up_at(at(130)), at(160));
    }
}
