//! What the libraries do that do not back off as the Java consumer does when a join is refused, no coordinator is found
//! or a connection is lost ([`JoinRetry`]).

use crate::client::{HeartbeatFailure, Jitter, JoinRetry};
use crate::engine::Millis;
use crate::protocol::ErrorCode;

use super::consumer::{Consumer, Context};
use super::exception::Exception;
use super::membership::MemberState;

/// kafkajs' `retry` with its documented defaults: 300 ms, doubling with a jitter of a fifth up to 30 s, five times.
const RETRY_FIRST_MS: i64 = 300;
const RETRY_MAX_MS: i64 = 30_000;
const RETRY_JITTER: f64 = 0.2;
const RETRIES: u32 = 5;

/// How often something of kafkajs was tried in vain (`createRetry`).
#[derive(Debug, Default)]
pub(super) struct Retrier {
    failures: u32,
    pause_ms: i64,
}

impl Retrier {
    /// It failed: the pause before the next attempt; `Err` with the pause before a restart if this was the last one.
    fn failed(&mut self, random: &mut dyn Jitter) -> Result<i64, i64> {
        self.pause_ms = match self.failures {
            0 => jittered(RETRY_FIRST_MS, random),
            _ => (2 * jittered(self.pause_ms, random)).min(RETRY_MAX_MS),
        };
        self.failures += 1;
        if self.failures <= RETRIES {
            return Ok(self.pause_ms);
        }
        Err(std::mem::take(self).pause_ms)
    }

    /// It succeeded.
    pub fn done(&mut self) {
        self.failures = 0;
    }
}

fn jittered(ms: i64, random: &mut dyn Jitter) -> i64 {
    let factor = 1.0 - RETRY_JITTER + 2.0 * RETRY_JITTER * random.unit();
    (ms as f64 * factor).ceil() as i64
}

impl Consumer {
    /// While it is a member it stays with the coordinator that it knows, whatever becomes of the connection.
    pub(super) fn keeps_coordinator(&self) -> bool {
        let ends_itself = matches!(
            self.settings.behaviour.heartbeat_failure,
            HeartbeatFailure::EndsWithConnection | HeartbeatFailure::Crashes
        );
        ends_itself && self.membership.state == MemberState::Stable && !self.membership.rejoin_needed
    }

    /// No coordinator was found: how long until it looks again, if this client has a way of its own.
    pub(super) fn search_failed(&mut self, cx: &mut Context<'_>) -> Option<Millis> {
        let pause = match self.settings.behaviour.rejoin.retry {
            JoinRetry::BacksOff | JoinRetry::Rests { .. } => return None,
            JoinRetry::StartsOver { ms } => {
                self.forget_member_id("no coordinator found", cx);
                ms
            }
            JoinRetry::Restarts => {
                let failed = self.lookup.retrier.failed(cx.world);
                self.pause_or_restart(failed, "no coordinator found", cx)
            }
        };
        self.rest_from_searching(cx.ms + pause);
        Some(self.lookup.not_before)
    }

    /// Nothing is asked of any broker before this time.
    fn rest_from_searching(&mut self, until: Millis) {
        self.lookup.not_before = until;
        self.metadata.hold_until(until);
    }

    /// The pause after a failure; after the last one the consumer starts again without its member id.
    fn pause_or_restart(&mut self, failed: Result<i64, i64>, reason: &str, cx: &mut Context<'_>) -> i64 {
        if failed.is_err() {
            self.forget_member_id(reason, cx);
        }
        failed.unwrap_or_else(|last| last)
    }

    fn forget_member_id(&mut self, reason: &str, cx: &mut Context<'_>) {
        if !self.membership.generation.member_id.is_unknown() {
            self.membership.lost |= !self.membership.first;
            self.reset_state_and_rejoin(reason, true, cx);
        }
    }

    /// JoinGroup or SyncGroup failed in a way that a retry can help against. MEMBER_ID_REQUIRED is no failure.
    pub(super) fn join_refused(&mut self, exception: &Exception, cx: &mut Context<'_>) {
        let Some(pause) = self.pause_after_refusal(exception.code, cx) else { return };
        self.membership.not_before = self.membership.not_before.max(cx.ms + pause);
        self.mark_coordinator_unknown(true, "looked up anew for the next join", cx);
    }

    fn pause_after_refusal(&mut self, error: Option<ErrorCode>, cx: &mut Context<'_>) -> Option<i64> {
        use ErrorCode::{
            CoordinatorLoadInProgress, CoordinatorNotAvailable, IllegalGeneration, NotCoordinator, RebalanceInProgress,
            UnknownMemberId,
        };
        match (self.settings.behaviour.rejoin.retry, error) {
            (JoinRetry::BacksOff, _) | (_, Some(ErrorCode::MemberIdRequired)) => None,
            (
                JoinRetry::Rests { ms },
                Some(NotCoordinator | CoordinatorNotAvailable | CoordinatorLoadInProgress | RebalanceInProgress),
            ) => Some(ms),
            (JoinRetry::Rests { .. }, _) => None,
            (JoinRetry::StartsOver { .. }, Some(RebalanceInProgress)) => None,
            (JoinRetry::StartsOver { ms }, _) => {
                self.forget_member_id("join failed", cx);
                Some(ms)
            }
            (JoinRetry::Restarts, Some(RebalanceInProgress | NotCoordinator | IllegalGeneration | UnknownMemberId)) => {
                let failed = self.membership.retrier.failed(cx.world);
                Some(self.pause_or_restart(failed, "join failed", cx))
            }
            (JoinRetry::Restarts, _) => {
                self.forget_member_id("join failed", cx);
                Some(RETRY_FIRST_MS)
            }
        }
    }

    /// A heartbeat of kafkajs failed: its fetch loop tries again, in the end it crashes.
    pub(super) fn heartbeat_retried(&mut self, cx: &mut Context<'_>) {
        match self.membership.retrier.failed(cx.world) {
            Ok(pause) => self.heartbeat.heartbeat_at = cx.ms + pause,
            Err(pause) => self.crash(cx.ms, pause, cx),
        }
    }

    /// `commitSync` is repeated inside until it succeeds or its time is over.
    pub(super) fn retries_commits(&self) -> bool {
        !matches!(self.settings.behaviour.rejoin.retry, JoinRetry::StartsOver { .. } | JoinRetry::Restarts)
    }

    /// kafkajs takes NOT_COORDINATOR for a rebalance (`isRebalancing`). True if it is such a client.
    pub(super) fn rejoins_elsewhere(&mut self, cx: &mut Context<'_>) -> bool {
        let rejoins = self.settings.behaviour.heartbeat_failure == HeartbeatFailure::Crashes;
        if rejoins {
            self.request_rejoin_if_necessary("error response NOT_COORDINATOR", cx);
            self.mark_coordinator_unknown(true, "error response NOT_COORDINATOR", cx);
        }
        rejoins
    }

    /// A commit got no answer: to the fetch loop of kafkajs that is as a heartbeat that failed.
    pub(super) fn commit_came_to_nothing(&mut self, cx: &mut Context<'_>) {
        if self.settings.behaviour.heartbeat_failure == HeartbeatFailure::Crashes
            && self.membership.state == MemberState::Stable
        {
            self.heartbeat_retried(cx);
        }
    }

    /// A connection was lost. With none left the fetch loop of kafkajs finds no broker in its next attempt, and crashes.
    pub(super) fn connection_lost(&mut self, cx: &mut Context<'_>) {
        let crashes = self.settings.behaviour.heartbeat_failure == HeartbeatFailure::Crashes;
        if crashes && self.membership.state == MemberState::Stable && !self.network.reaches_a_broker() {
            self.crash(cx.ms + jittered(RETRY_FIRST_MS, cx.world), RETRY_FIRST_MS, cx);
        }
    }

    /// The consumer crashes at that time: it gives everything up, forgets its member id and starts again after a pause.
    fn crash(&mut self, at: Millis, pause_ms: i64, cx: &mut Context<'_>) {
        self.membership.lost = true;
        self.membership.lost_told_at = at;
        self.membership.retrier.done();
        self.reset_state_and_rejoin("the consumer crashed", true, cx);
        self.mark_coordinator_unknown(false, "the consumer crashed", cx);
        self.rest_from_searching(at + pause_ms);
        self.selector_woken = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retrier_pauses_300_ms_and_doubles_until_it_gives_up_after_five_retries() {
        let mut middle = || 0.5;
        let mut retrier = Retrier::default();
        for pause in [300, 600, 1_200, 2_400, 4_800] {
            assert_eq!(retrier.failed(&mut middle), Ok(pause));
        }
        assert_eq!(retrier.failed(&mut middle), Err(9_600));
        assert_eq!(retrier.failed(&mut middle), Ok(300), "and begins anew");
    }

    #[test]
    fn its_jitter_is_a_fifth_either_way_of_the_pause_before() {
        let mut low = || 0.0;
        let mut retrier = Retrier::default();
        assert_eq!(retrier.failed(&mut low), Ok(240));
        assert_eq!(retrier.failed(&mut low), Ok(384));
    }
}
