//! The three timers of `Heartbeat` and the loop of the heartbeat thread (consumer-client.md 0.3, 1.5).
//!
//! The thread sleeps in slices of `retry.backoff.ms`. The slices are not ticked: from the end of the last one,
//! the first slice that has something to do is worked out ([`Consumer::heartbeat_wake`]).

use std::rc::Rc;

use crate::client::{
    Behaviour, ClientEvent, Fetching, FirstHeartbeat, HeartbeatFailure, Jitter, PollInterval, SessionTimer,
};
use crate::engine::{Millis, SimTime};
use crate::protocol::ErrorCode;
use crate::protocol::config::ConsumerConfig;
use crate::protocol::message::{HeartbeatRequest, Request};

use super::backoff::exponential_ms;
use super::consumer::{Consumer, Context};
use super::exception::Exception;
use super::membership::{GroupGeneration, MemberState};
use super::pace::WORKS;
use super::thread::Whereabouts;
use super::tracked::Purpose;

/// Deadlines of the timers (0.3).
#[derive(Debug)]
pub(super) struct Heartbeat {
    /// When the next heartbeat is due.
    pub heartbeat_at: Millis,
    /// When the session expires as the client sees it.
    pub session_at: Millis,
    /// When `max.poll.interval.ms` is over.
    pub poll_at: Millis,
    attempts: u32,
    /// The request that was sent last.
    request: Option<Rc<Request>>,
    first: FirstHeartbeat,
    cooperative: bool,
    interval_ms: i64,
    session_ms: i64,
    poll_ms: i64,
    backoff_ms: i32,
    backoff_max_ms: i32,
}

/// For a timer that a client does not have: longer than any run.
const NEVER_MS: i64 = 1 << 50;

const SESSION_TIMED_OUT: &str = "session timed out without receiving a heartbeat response";

impl Heartbeat {
    pub fn new(config: &ConsumerConfig, behaviour: &Behaviour, cooperative: bool) -> Self {
        let unlimited = behaviour.poll_interval == PollInterval::Unlimited;
        let untimed = behaviour.session_timer == SessionTimer::None;
        Heartbeat {
            heartbeat_at: Millis(0),
            session_at: Millis(0),
            poll_at: Millis(0),
            attempts: 0,
            request: None,
            first: behaviour.first_heartbeat,
            cooperative,
            interval_ms: i64::from(config.heartbeat_interval_ms),
            session_ms: if untimed { NEVER_MS } else { i64::from(config.session_timeout_ms) },
            poll_ms: if unlimited { NEVER_MS } else { i64::from(config.max_poll_interval_ms) },
            backoff_ms: config.retry_backoff_ms,
            backoff_max_ms: config.retry_backoff_max_ms,
        }
    }

    /// `resetTimeouts`, but for the poll timer: a JoinGroup answer restarts them.
    pub fn reset_timeouts(&mut self, now: Millis) {
        self.session_at = now + self.session_ms;
        self.heartbeat_at = match self.first {
            FirstHeartbeat::AfterInterval => now + self.interval_ms,
            FirstHeartbeat::CooperativeAfterMs(ms) if self.cooperative => now + ms,
            FirstHeartbeat::CooperativeAfterMs(_) => now + self.interval_ms,
            FirstHeartbeat::Kept => self.heartbeat_at,
            FirstHeartbeat::WithSession if self.cooperative => self.heartbeat_at,
            FirstHeartbeat::AtOnce | FirstHeartbeat::WithSession => now,
        };
    }

    /// `poll`: the application called `poll`.
    pub fn poll(&mut self, now: Millis) {
        self.poll_at = now + self.poll_ms;
    }

    /// `resetSessionTimeout`: the coordinator was found.
    pub fn reset_session(&mut self, now: Millis) {
        self.session_at = now + self.session_ms;
    }

    /// `sentHeartbeat`.
    pub fn sent(&mut self, now: Millis) {
        let ticks = self.first == FirstHeartbeat::WithSession && self.heartbeat_at > Millis(0);
        let since_tick = if ticks { (now - self.heartbeat_at) % self.interval_ms } else { 0 };
        self.heartbeat_at = now + (self.interval_ms - since_tick);
    }

    /// `receiveHeartbeat`.
    pub fn received(&mut self, now: Millis) {
        self.attempts = 0;
        self.session_at = now + self.session_ms;
    }

    /// `failHeartbeat`.
    pub fn failed(&mut self, now: Millis, random: &mut dyn Jitter) {
        self.heartbeat_at = now + exponential_ms(self.backoff_ms, self.backoff_max_ms, self.attempts, random);
        self.attempts += 1;
    }

    /// Every deadline comes so much later.
    pub fn shift(&mut self, ms: i64) {
        for deadline in [&mut self.heartbeat_at, &mut self.session_at, &mut self.poll_at] {
            *deadline = *deadline + ms;
        }
    }

    /// `shouldHeartbeat`.
    pub fn is_due(&self, now: Millis) -> bool {
        now >= self.heartbeat_at
    }
}

/// The thread `kafka-coordinator-heartbeat-thread`.
#[derive(Debug, Default)]
pub(super) struct HeartbeatThread {
    /// It was started (`startHeartbeatThreadIfNeeded`).
    pub started: bool,
    /// Disabled it waits without a timeout.
    pub enabled: bool,
    /// A fatal error for the next `poll` to throw.
    pub failure: Option<Exception>,
    /// When its sleep ends.
    pub wakes: Millis,
    /// It was notified while it slept.
    pub notified: bool,
    /// The end of the slice that was asked for has come.
    pub woken: bool,
    /// It lost the race for the processor after a pause: it goes on at the next event.
    pub held_back: bool,
}

impl HeartbeatThread {
    /// It was notified, or the end of its slice has come.
    pub fn is_roused(&self) -> bool {
        self.notified || self.woken
    }
}

impl Consumer {
    /// `HeartbeatThread.enable()`: with it all three timers restart. Where the application works beside, a join says
    /// nothing of when it last polled (`fetcher_idle_time` of aiokafka).
    pub(super) fn enable_heartbeat_thread(&mut self, now: Millis) {
        self.network.lost_coordinator = false;
        self.heartbeat.reset_timeouts(now);
        if self.working.is_none() {
            self.heartbeat.poll(now);
        }
        if self.heartbeat_thread.started {
            self.heartbeat_thread.enabled = true;
            self.heartbeat_thread.notified = true;
        }
    }

    /// `pollHeartbeat` (1.2 row 3).
    pub(super) fn poll_heartbeat(&mut self, cx: &mut Context<'_>) -> Result<(), Exception> {
        if !self.heartbeat_thread.started {
            return Ok(());
        }
        if let Some(failure) = self.heartbeat_thread.failure.take() {
            self.heartbeat_thread = HeartbeatThread::default();
            return Err(failure);
        }
        if self.heartbeat_thread.enabled && self.heartbeat.is_due(cx.ms) {
            self.heartbeat_thread.notified = true;
        }
        if self.working.is_none() {
            self.heartbeat.poll(cx.ms);
        }
        Ok(())
    }

    /// Runs the thread if its sleep is over, and says whether it ran.
    #[inline]
    pub(super) fn run_heartbeat_thread(&mut self, poll_thread: Whereabouts, cx: &mut Context<'_>) -> bool {
        let due = self.heartbeat_pass_is_due(poll_thread, cx.ms);
        if due {
            if poll_thread.selects {
                self.note_fetches(cx.now);
            }
            self.heartbeat_pass(cx);
        }
        due
    }

    #[inline(never)]
    fn heartbeat_pass(&mut self, cx: &mut Context<'_>) {
        self.heartbeat_thread.notified = false;
        self.heartbeat_thread.woken = false;
        while self.heartbeat_row(cx) {}
    }

    #[inline]
    pub(super) fn heartbeat_pass_is_due(&mut self, poll_thread: Whereabouts, now: Millis) -> bool {
        let thread = &self.heartbeat_thread;
        if !thread.started || !thread.enabled || thread.held_back || poll_thread.holds_monitor {
            return false;
        }
        // While the poll thread selects it holds the network client's lock: a slice that is over ends when it lets go.
        let due = match poll_thread.selects {
            true if thread.notified || now >= thread.wakes => true,
            true => self.heartbeat.is_due(now) && self.lookup.coordinator.is_some(),
            false => thread.is_roused(),
        };
        self.heartbeat_thread.woken = false;
        due
    }

    /// One pass of the loop (1.5), rows in their exact order. True if the next pass follows at once.
    fn heartbeat_row(&mut self, cx: &mut Context<'_>) -> bool {
        let no_heartbeats_yet = self.membership.state == MemberState::CompletingRebalance
            && !self.settings.behaviour.heartbeat_while_completing;
        // rows 2 and 3
        if self.membership.state.has_not_joined_group()
            || no_heartbeats_yet
            || self.stops_beating()
            || self.heartbeat_thread.failure.is_some()
        {
            self.heartbeat_thread.enabled = false;
            return false;
        }
        // row 4
        self.selector_woken |= self.poll_network(cx) > 0;
        if !self.heartbeat_thread.started {
            return false;
        }
        // row 5
        if self.generation_lost_its_connection() && self.heartbeat.is_due(cx.ms) {
            self.heartbeat_unanswered(cx);
            self.mark_coordinator_unknown(false, "heartbeat failed", cx);
            return false;
        }
        if self.coordinator_unknown(cx) {
            if self.lookup.future.is_some() {
                self.lookup.future = None;
            } else {
                self.lookup_coordinator(cx);
            }
            self.heartbeat_thread.wakes = cx.ms + i64::from(self.settings.config.retry_backoff_ms.max(1));
            if self.heartbeat.is_due(cx.ms) {
                self.heartbeat_unanswered(cx);
            }
            return false;
        }
        // row 6
        if cx.ms >= self.heartbeat.session_at && self.settings.behaviour.session_timer == SessionTimer::Loses {
            self.reset_state_and_rejoin("session timed out without receiving a heartbeat response", true, cx);
            self.selector_woken = true;
            return true;
        }
        if cx.ms >= self.session_seen_at() {
            self.mark_coordinator_unknown(false, SESSION_TIMED_OUT, cx);
            return true;
        }
        // row 7
        if cx.ms >= self.poll_interval_seen_at() && !self.keeps_polling(self.poll_thread_selects()) {
            self.leave_group(None, "consumer poll timeout has expired.", cx);
            self.left_unpolled = self.working.is_some();
            self.selector_woken = true;
            return true;
        }
        // row 8
        if !self.heartbeat.is_due(cx.ms) {
            self.heartbeat_thread.wakes = cx.ms + self.slice_ms();
            return false;
        }
        // row 9
        self.send_heartbeat(cx);
        true
    }

    /// A row of a settled member whose network rests would do nothing but go to sleep again.
    pub(super) fn heartbeat_pass_is_idle(&self, cx: &Context<'_>) -> bool {
        let over = self.heartbeat.heartbeat_at.min(self.heartbeat.session_at);
        cx.ms < over
            && (cx.ms < self.poll_interval_seen_at() || self.keeps_polling(true))
            && !self.stops_beating()
            && self.network_rests(cx.ms)
    }

    /// The connection that the generation began with is gone.
    fn generation_lost_its_connection(&self) -> bool {
        self.settings.behaviour.heartbeat_failure == HeartbeatFailure::EndsWithConnection
            && self.network.lost_coordinator
    }

    /// From a notice on until the rejoin no heartbeats are sent: the generation is over for this client (kafka-go,
    /// statement 31).
    fn stops_beating(&self) -> bool {
        self.settings.behaviour.fetching == Fetching::Awaited && (self.membership.rejoin_needed || self.close.is_some())
    }

    /// When the thread sees the end of the session by itself.
    pub(super) fn session_seen_at(&self) -> Millis {
        if self.looks_at_session_after_beat() { Millis(i64::MAX) } else { self.heartbeat.session_at }
    }

    fn looks_at_session_after_beat(&self) -> bool {
        self.settings.behaviour.session_timer == SessionTimer::DropsCoordinatorAfterBeat
    }

    /// A heartbeat failed, and the session is over too: the coordinator counts as dead.
    fn drop_coordinator_after_beat(&mut self, cx: &mut Context<'_>) {
        if self.looks_at_session_after_beat() && cx.ms >= self.heartbeat.session_at {
            self.mark_coordinator_unknown(true, SESSION_TIMED_OUT, cx);
        }
    }

    /// When the end of the poll interval is seen: at once, by a check every so often, or with the next heartbeat.
    fn poll_interval_seen_at(&self) -> Millis {
        let over = self.heartbeat.poll_at;
        match self.settings.behaviour.poll_interval {
            PollInterval::Leaves => over,
            PollInterval::LeavesChecked { every_ms } => {
                let checks = (over - self.synced_at + every_ms - 1) / every_ms;
                self.synced_at + checks * every_ms
            }
            PollInterval::LeavesAtHeartbeat => over.max(self.heartbeat.heartbeat_at),
            PollInterval::Unlimited => Millis(i64::MAX),
        }
    }

    /// Before KIP-62 heartbeats were a task of the network polls of the application's thread (1.8).
    #[inline]
    pub(super) fn heartbeat_from_poll(&mut self, cx: &mut Context<'_>) {
        if self.poll_minds_heartbeat(cx.ms) && self.sends_heartbeats_from_poll() {
            self.heartbeat_of_poll(cx);
        }
    }

    /// The thread that polls has to look after a heartbeat or the session.
    #[inline]
    pub(super) fn poll_minds_heartbeat(&self, now: Millis) -> bool {
        let over = self.heartbeat.is_due(now) || now >= self.heartbeat.session_at;
        over && !self.settings.behaviour.heartbeat_thread
    }

    #[inline(never)]
    fn heartbeat_of_poll(&mut self, cx: &mut Context<'_>) {
        if self.close.is_some() || self.fetches_in_a_loop() && !self.loop_comes_to_heartbeat(cx.now) {
            return;
        }
        if cx.ms >= self.heartbeat.session_at {
            self.mark_coordinator_unknown(false, SESSION_TIMED_OUT, cx);
        } else {
            self.send_heartbeat(cx);
        }
    }

    /// A loop of Fetches comes to its heartbeat when one has returned without records; after records the application does.
    fn loop_comes_to_heartbeat(&mut self, now: SimTime) -> bool {
        let returned = self.subscriptions.assigned().is_empty() || self.network.has_fetch_returned(now);
        returned && self.membership.join.is_none() && self.network.last_parked(now).is_none()
    }

    /// The application is done with records that a loop of Fetches brought: a heartbeat that is due goes out before anything
    /// else (kafkajs, `processEachMessage`).
    pub(super) fn heartbeat_after_records(&mut self, cx: &mut Context<'_>) {
        let beats = self.fetches_in_a_loop() && self.heartbeat.is_due(cx.ms) && self.close.is_none();
        if beats && self.sends_heartbeats_from_poll() {
            self.send_heartbeat(cx);
        }
    }

    /// A valid generation, no rejoin needed, and a coordinator (1.8).
    pub(super) fn sends_heartbeats_from_poll(&self) -> bool {
        self.membership.state == MemberState::Stable
            && !self.membership.rejoin_needed
            && self.lookup.coordinator.is_some()
    }

    pub(super) fn send_heartbeat(&mut self, cx: &mut Context<'_>) {
        self.heartbeat.sent(cx.ms);
        let Some(connection) = self.coordinator_connection() else { return };
        let sent = self.membership.generation.clone();
        let request = self.heartbeat_request(&sent);
        self.send_and_poll(connection, request, Purpose::Heartbeat { sent }, cx);
        cx.event(ClientEvent::HeartbeatSent);
    }

    /// The Heartbeat of a member in a generation: the same one each time.
    fn heartbeat_request(&mut self, sent: &GroupGeneration) -> Rc<Request> {
        if let Some(last) = &self.heartbeat.request
            && let Request::Heartbeat(request) = &**last
            && request.generation_id == sent.id
            && request.member_id.is_same(&sent.member_id)
        {
            return last.clone();
        }
        let request = Rc::new(Request::Heartbeat(HeartbeatRequest {
            group_id: self.settings.group_id,
            generation_id: sent.id,
            member_id: sent.member_id.clone(),
            group_instance_id: self.instance_id_since(self.settings.behaviour.versions.heartbeat, 3),
        }));
        self.heartbeat.request = Some(request.clone());
        request
    }

    /// `HeartbeatResponseHandler` and the listener of the heartbeat's future (2.4).
    pub(super) fn on_heartbeat(&mut self, sent: &Rc<GroupGeneration>, error: ErrorCode, cx: &mut Context<'_>) {
        let unchanged = *sent == self.membership.generation;
        match error {
            ErrorCode::None => {
                self.heartbeat.received(cx.ms);
                if self.settings.behaviour.fetching == Fetching::Loop {
                    // kafkajs counts the interval from the answer (`lastRequest`): under load the next beat often
                    // misses the return of a Fetch by that much.
                    self.heartbeat.sent(cx.ms);
                }
            }
            ErrorCode::NotCoordinator if self.rejoins_elsewhere(cx) => {}
            ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator => {
                self.mark_coordinator_unknown(false, &format!("error response {error}"), cx);
                self.heartbeat_refused(cx);
            }
            ErrorCode::RebalanceInProgress => {
                if self.membership.state == MemberState::Stable {
                    cx.event(ClientEvent::RebalanceNoticed);
                    self.request_rejoin("group is already rebalancing", cx);
                }
                self.heartbeat.received(cx.ms);
            }
            ErrorCode::IllegalGeneration | ErrorCode::UnknownMemberId | ErrorCode::FencedInstanceId if unchanged => {
                self.reset_on_response_error("HEARTBEAT", error, cx);
                self.drop_coordinator_after_beat(cx);
                if error == ErrorCode::FencedInstanceId {
                    self.heartbeat_thread.failure = Some(Exception::of(error));
                } else {
                    self.fail_heartbeat(cx);
                }
            }
            ErrorCode::IllegalGeneration | ErrorCode::UnknownMemberId | ErrorCode::FencedInstanceId => {
                self.heartbeat.received(cx.ms);
            }
            _ => self.heartbeat_refused(cx),
        }
    }

    /// The coordinator answers a heartbeat with an error that says nothing of the membership.
    fn heartbeat_refused(&mut self, cx: &mut Context<'_>) {
        if matches!(self.settings.behaviour.heartbeat_failure, HeartbeatFailure::EndsAfterMs(_)) {
            self.fail_heartbeat(cx);
        } else {
            self.heartbeat_failed(cx);
        }
    }

    /// A heartbeat came to nothing.
    pub(super) fn heartbeat_failed(&mut self, cx: &mut Context<'_>) {
        self.fail_heartbeat(cx);
        self.drop_coordinator_after_beat(cx);
        self.heartbeat_unanswered(cx);
    }

    /// A heartbeat got no answer, or could not be sent: for some clients the membership is over.
    pub(super) fn heartbeat_unanswered(&mut self, cx: &mut Context<'_>) {
        match self.settings.behaviour.heartbeat_failure {
            HeartbeatFailure::Keeps => return,
            HeartbeatFailure::Crashes => return self.heartbeat_retried(cx),
            HeartbeatFailure::Ends | HeartbeatFailure::EndsWithConnection | HeartbeatFailure::EndsAfterMs(_) => {}
        }
        if self.membership.state == MemberState::Stable {
            if let HeartbeatFailure::EndsAfterMs(ms) = self.settings.behaviour.heartbeat_failure {
                self.membership.lost_told_at = cx.ms + ms;
            }
            self.membership.lost = true;
            self.reset_state_and_rejoin("heartbeat failed", false, cx);
            self.selector_woken = true;
        }
    }

    /// `failHeartbeat` and the notification that reschedules the next one.
    pub(super) fn fail_heartbeat(&mut self, cx: &mut Context<'_>) {
        self.heartbeat.failed(cx.ms, cx.world);
        if self.heartbeat_thread.enabled {
            self.heartbeat_thread.notified = true;
        }
    }

    /// The instant that the thread asked for has come. If the application works, and so nobody reads sockets, it sleeps on
    /// to the end of its slice.
    pub(super) fn wake_heartbeat_thread(&mut self, now: SimTime) {
        let asked = std::mem::replace(&mut self.asked.heartbeat_wake, SimTime::MAX);
        let thread = &self.heartbeat_thread;
        let sleeps_on = || !self.poll_thread_selects() && self.slice_at(thread.wakes, asked.millis()) > asked.millis();
        self.heartbeat_thread.woken = asked <= now && !sleeps_on();
    }

    /// When the thread next has something to do while the application works, where it was asleep while `poll` waited: it
    /// may go on waiting for the same instant, which is that of the next heartbeat ([`Consumer::wake_heartbeat_thread`]).
    pub(super) fn heartbeat_wake_at_work(&self, now: Millis) -> SimTime {
        let asked = self.asked.heartbeat_wake;
        let other = self.poll_interval_seen_at().min(self.network_deadline(now));
        if other >= asked.millis() { asked } else { self.heartbeat_wake(WORKS, now) }
    }

    /// When the thread next has something to do; [`SimTime::MAX`] if nothing but another event can bring it about.
    pub(super) fn heartbeat_wake(&self, poll_thread: Whereabouts, now: Millis) -> SimTime {
        let thread = &self.heartbeat_thread;
        if !thread.started || !thread.enabled || poll_thread.holds_monitor {
            return SimTime::MAX;
        }
        let lost = self.coordinator_connection().is_none_or(|connection| self.network.has_failed(connection))
            && !self.keeps_coordinator();
        if self.stops_beating() {
            return SimTime::MAX;
        }
        if self.membership.state.has_not_joined_group() || lost {
            return self.slice_at(thread.wakes, now).sim_time();
        }
        let beat = self.heartbeat.heartbeat_at.max(now);
        let mut at = if poll_thread.selects { beat } else { self.slice_at(thread.wakes, beat) };
        let mut busy = self.session_seen_at();
        if !self.keeps_polling(poll_thread.selects) {
            busy = busy.min(self.poll_interval_seen_at());
        }
        if !poll_thread.reads {
            busy = busy.min(self.network_deadline(now));
        }
        let busy = busy.max(now);
        // A slice never ends before the instant that it is asked for.
        if busy < at {
            at = at.min(self.slice_at(thread.wakes, busy));
        }
        at.max(now).sim_time()
    }

    /// The first end of a slice at or after `at`, where one slice ends at `wakes`.
    fn slice_at(&self, wakes: Millis, at: Millis) -> Millis {
        if at <= wakes {
            return wakes;
        }
        let slice = self.slice_ms();
        wakes + (at - wakes + slice - 1) / slice * slice
    }

    pub(super) fn slice_ms(&self) -> i64 {
        if self.settings.behaviour.sleeps_in_slices {
            i64::from(self.settings.config.retry_backoff_ms.max(1))
        } else {
            1
        }
    }
}
