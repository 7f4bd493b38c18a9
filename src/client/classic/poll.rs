//! `KafkaConsumer.poll` (consumer-client.md 1.1 to 1.3): passes over the coordinator's work, positions and fetches, until
//! there are records or the application's timeout is over.
//!
//! An idle consumer calls `poll` again each time it returns empty. These calls change nothing, so they are not carried
//! out: the thread rests in the selector and only the grid of the calls is kept ([`PollCall::deadline`]).

use std::rc::Rc;

use crate::client::{ApplicationThread, Callback, Connection, Fetching, HeartbeatFailure, RecordBatch, Subscription};
use crate::engine::{Millis, SimTime};

use super::callback::ListenerCall;
use super::consumer::{Consumer, Context};
use super::coordinator::Search;
use super::join::Join;
use super::membership::JoinFuture;
use super::positions::CommittedCall;
use super::thread::{Flow, Frame, Outcome};

/// One call of `poll`, or a row of them that return empty.
#[derive(Clone, Copy, Debug)]
pub(super) struct PollCall {
    /// When the application's timeout is over.
    pub deadline: Millis,
    /// When the selector returns by itself.
    pub until: Millis,
    step: Step,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// The head of the loop.
    Begin,
    /// Partitions were lost with the coordinator (statement 17).
    GivenUp,
    /// 1.2 row 4
    Searched,
    /// 1.2 row 5
    Rejoin,
    /// 1.2 row 6: a pattern waits for metadata newer than this version.
    Fresh {
        version: u32,
    },
    /// 1.2 row 7
    Joined,
    /// 1.2 row 8
    AutoCommit,
    /// `updateFetchPositions`
    Positions,
    Committed,
    Reset,
    /// `pollForFetches`
    Fetch,
    /// The timeout is over, but records that are there already are still returned.
    LastLook {
        inputs: u64,
    },
    Select,
    /// There are records: they are returned.
    Return,
}

impl PollCall {
    /// A call that returns at this time at the latest.
    pub fn until(deadline: Millis) -> Frame {
        Frame::Poll(PollCall { deadline, until: deadline, step: Step::Begin })
    }

    /// A call that waits in the selector; [`PollCall::rest`] says until when.
    pub const RESTING: Frame = Frame::Poll(PollCall { deadline: Millis(0), until: Millis(0), step: Step::Select });

    /// It waits until then, and returns at the deadline at the latest.
    pub fn rest(&mut self, deadline: Millis, until: Millis) {
        (self.deadline, self.until) = (deadline, until);
    }

    /// It returns with records.
    pub fn returns(&self) -> bool {
        self.step == Step::Return
    }

    /// It waits in the selector.
    pub fn is_in_selector(&self) -> bool {
        self.step == Step::Select
    }

    /// The next pass begins.
    pub fn begin_again(&mut self) {
        self.step = Step::Begin;
    }

    /// The thread waits in the selector.
    pub fn selects(&self) -> bool {
        matches!(self.step, Step::Select | Step::LastLook { .. })
    }

    /// After a pause the selector's time is over: the next pass begins, in the next call if this one's time is over too.
    pub fn resume(&mut self, now: Millis) {
        if self.step == Step::Select {
            self.step = if now >= self.deadline { Step::Return } else { Step::Begin };
        }
    }

    /// The application's timeout is over.
    pub fn return_empty(&mut self) {
        self.step = Step::Return;
    }

    fn at(&mut self, step: Step) -> Next {
        self.step = step;
        Next::Again
    }
}

/// More rows than this at one instant mean that the model goes round in circles.
const ROWS_MAX: u32 = 100_000;

/// How a call of `poll` goes on: [`Flow`] without the call itself, which stays where it is from row to row.
enum Next {
    Block,
    Again,
    Call(Frame),
    Return(Outcome),
}

impl Consumer {
    pub(super) fn step_poll(
        &mut self,
        mut call: PollCall,
        mut returned: Option<Outcome>,
        cx: &mut Context<'_>,
    ) -> Flow {
        for _ in 0..ROWS_MAX {
            match self.poll_row(&mut call, &mut returned, cx) {
                Next::Again if self.election.is_none() => {}
                Next::Again => return Flow::Again(Frame::Poll(call)),
                Next::Block => return Flow::Block(Frame::Poll(call)),
                Next::Call(callee) => return Flow::Call { caller: Frame::Poll(call), callee },
                Next::Return(outcome) => return Flow::Return(outcome),
            }
        }
        panic!("poll of {} goes round in circles at {:?}: {call:?}", self.member_id(), cx.now);
    }

    fn poll_row(&mut self, call: &mut PollCall, returned: &mut Option<Outcome>, cx: &mut Context<'_>) -> Next {
        match call.step {
            Step::Begin => self.begin_pass(call, cx),
            Step::GivenUp => match returned.take() {
                Some(Ok(_)) => {
                    self.subscriptions.assign(&[]);
                    call.at(Step::Begin)
                }
                Some(Err(exception)) => Next::Return(Err(exception)),
                None => Next::Block,
            },
            Step::Searched => match returned.take() {
                Some(Ok(true)) => call.at(Step::Rejoin),
                Some(Ok(false)) if self.gives_up_now(cx.ms) => call.at(Step::Begin),
                Some(Ok(false)) => call.at(Step::Fetch),
                Some(Err(exception)) => Next::Return(Err(exception)),
                None => Next::Block,
            },
            Step::Rejoin => self.rejoin(call, cx),
            Step::Fresh { version } => {
                self.poll_network(cx);
                if self.metadata.version == version {
                    if cx.ms >= call.deadline {
                        return call.at(Step::Fetch);
                    }
                    return Next::Block;
                }
                self.update_subscription_metadata();
                call.step = Step::Joined;
                Next::Call(Join::begin())
            }
            Step::Joined => match returned.take() {
                Some(Ok(true)) => call.at(Step::AutoCommit),
                Some(Ok(false)) => call.at(Step::Fetch),
                Some(Err(exception)) => Next::Return(Err(exception)),
                None => Next::Block,
            },
            Step::AutoCommit => match self.auto_commit_if_due(cx) {
                Ok(()) => call.at(Step::Positions),
                Err(exception) => Next::Return(Err(exception)),
            },
            Step::Positions => self.update_positions(call, cx),
            Step::Committed => match returned.take() {
                Some(Ok(true)) => call.at(Step::Reset),
                Some(Ok(false)) => call.at(Step::Fetch),
                Some(Err(exception)) => Next::Return(Err(exception)),
                None => Next::Block,
            },
            Step::Reset => {
                if let Err(exception) = self.reset_initializing(cx) {
                    return Next::Return(Err(exception));
                }
                self.list_offsets_if_needed(cx);
                call.at(Step::Fetch)
            }
            Step::Fetch => self.begin_select(call, cx),
            Step::LastLook { inputs } if inputs == self.inputs => Next::Block,
            Step::LastLook { .. } => call.at(Step::Select),
            Step::Select => self.select(call, cx),
            Step::Return => Next::Return(Ok(true)),
        }
    }

    /// 1.2 rows 1 to 4.
    fn begin_pass(&mut self, call: &mut PollCall, cx: &mut Context<'_>) -> Next {
        if self.settings.behaviour.fetching == Fetching::Loop {
            self.network.forget_answered_fetches(cx.now);
            self.poll_network(cx);
        }
        self.update_subscription_metadata();
        let rows = self.invoke_commit_callbacks(cx).and_then(|()| self.poll_heartbeat(cx));
        if let Err(exception) = rows {
            return Next::Return(Err(exception));
        }
        if self.coordinator_unknown(cx) && self.prepares_before_search() {
            call.step = Step::Joined;
            return Next::Call(Join::begin());
        }
        if self.coordinator_unknown(cx) {
            let mut until = call.deadline;
            if self.gives_up_before_the_search() {
                if self.gives_up_now(cx.ms) {
                    call.step = Step::GivenUp;
                    // A crash of kafkajs is told, a loss is not.
                    let crashes = self.settings.behaviour.heartbeat_failure == HeartbeatFailure::Crashes;
                    let callback = if crashes { Callback::Revoked } else { Callback::Lost };
                    return Next::Call(ListenerCall::frame(callback, self.subscriptions.partitions()));
                }
                until = until.min(self.membership.lost_told_at);
            }
            call.step = Step::Searched;
            let callee = Frame::Coordinator(Search::until(until));
            return Next::Call(callee);
        }
        if std::mem::take(&mut self.heartbeat_between_rows) {
            self.heartbeat_thread.woken = true;
            self.run_heartbeat_thread(self.whereabouts(), cx);
        }
        call.at(Step::Rejoin)
    }

    /// A heartbeat failed and ended the membership: such a client gives its partitions up at once, not when it joins
    /// again (statement 17; `manageFailWait` of franz-go).
    fn gives_up_before_the_search(&self) -> bool {
        let behaviour = &self.settings.behaviour;
        let waits = self.working.is_some() && behaviour.application == ApplicationThread::BesideUntilPoll;
        behaviour.heartbeat_failure != HeartbeatFailure::Keeps
            && behaviour.fetching != Fetching::Awaited
            && self.membership.lost
            && self.membership.generation.id.0 < 0
            && self.membership.join.is_none()
            && !self.subscriptions.assigned().is_empty()
            && !waits
    }

    /// The time for that has come.
    fn gives_up_now(&self, now: Millis) -> bool {
        now >= self.membership.lost_told_at && self.gives_up_before_the_search()
    }

    /// 1.2 rows 5 to 7.
    fn rejoin(&mut self, call: &mut PollCall, cx: &mut Context<'_>) -> Next {
        if self.left_unpolled && self.working.is_none() {
            self.left_unpolled = false;
            self.rest_after_poll(cx);
        }
        if self.left_unpolled && !self.settings.behaviour.gives_up_unpolled {
            return call.at(Step::Fetch);
        }
        if self.working.is_some() && self.settings.behaviour.application == ApplicationThread::BesideUntilPoll {
            return call.at(Step::AutoCommit);
        }
        if !self.rejoin_needed_or_pending(cx) {
            return call.at(Step::AutoCommit);
        }
        if matches!(self.settings.subscription, Subscription::Prefix(_)) {
            if self.metadata.may_be_updated(cx.ms) && self.membership.join.is_none() {
                self.metadata.request_update();
            }
            if self.metadata.is_stale(cx.ms) {
                let version = self.metadata.version;
                return call.at(Step::Fresh { version });
            }
            self.update_subscription_metadata();
        }
        call.step = Step::Joined;
        Next::Call(Join::begin())
    }

    /// The application polls again: the thread that joins sees it when it next looks.
    fn rest_after_poll(&mut self, cx: &mut Context<'_>) {
        let within = self.settings.behaviour.rejoin.unpolled_within_ms;
        if within > 0 {
            let pause = (cx.world.unit() * within as f64) as i64;
            self.membership.not_before = self.membership.not_before.max(cx.ms + pause);
        }
    }

    /// `updateFetchPositions` (4.4)
    fn update_positions(&mut self, call: &mut PollCall, cx: &mut Context<'_>) -> Next {
        if self.subscriptions.has_all_positions() {
            return call.at(Step::Fetch);
        }
        self.validate_positions_if_needed(cx);
        if !self.subscriptions.any_initializing() {
            return call.at(Step::Reset);
        }
        call.step = Step::Committed;
        let callee = CommittedCall::until(call.deadline);
        Next::Call(callee)
    }

    /// `pollForFetches` up to the selector (1.3).
    fn begin_select(&mut self, call: &mut PollCall, cx: &mut Context<'_>) -> Next {
        let fetch_loop = self.settings.behaviour.fetching == Fetching::Loop;
        let mut until = self.auto_commit_wake();
        if self.may_fetch() {
            self.send_fetches(cx);
        }
        if fetch_loop {
            until = until.min(self.loop_turns_at(cx.now));
        }
        if self.next_pass_is_due_soon() {
            until = until.min(cx.ms + i64::from(self.settings.config.retry_backoff_ms)).min(call.deadline);
        }
        if !fetch_loop && !self.settings.behaviour.heartbeat_thread && self.sends_heartbeats_from_poll() {
            until = until.min(self.heartbeat.heartbeat_at);
        }
        if let Some(deadline) = self.membership.join_prepare_deadline.filter(|_| !self.waits_for_poll()) {
            until = until.min(deadline);
        }
        if std::mem::take(&mut self.validates_next) {
            // The selector was woken when OffsetFetch was sent, so the next pass follows at once (seen with Kafka 4.1.1).
            until = cx.ms;
        }
        call.until = until.max(cx.ms);
        let expired = cx.ms >= call.deadline;
        if expired {
            call.until = cx.ms;
        }
        let last_look = expired && self.subscriptions.any_fetchable();
        call.at(if last_look { Step::LastLook { inputs: self.inputs } } else { Step::Select })
    }

    /// When a fetch loop goes on by itself: its last parked Fetch has returned.
    pub(super) fn loop_turns_at(&self, now: SimTime) -> Millis {
        self.network.last_parked(now).map_or(Millis(i64::MAX), |parked| parked.millis() + 1)
    }

    /// The next pass has something to do that no answer announces: positions to be looked up again, a join to be tried
    /// again, a commit to be sent again (1.3 step 4, 1.4 last paragraph).
    fn next_pass_is_due_soon(&self) -> bool {
        let waits_for_join = matches!(self.membership.join, Some(JoinFuture::Pending));
        let waits_for_commit = self.commits.before_join.is_some();
        !self.subscriptions.has_all_positions()
            || self.lookup.coordinator.is_none()
            || (self.membership.rejoin_needed && !waits_for_join && !waits_for_commit && !self.waits_for_poll())
    }

    /// A rejoin waits until the application polls.
    fn waits_for_poll(&self) -> bool {
        let blocked = self.settings.behaviour.application == ApplicationThread::BesideUntilPoll;
        self.working.is_some() && (self.left_unpolled || blocked)
    }

    /// Each Fetch that was answered was followed by the next, as long as there is something to fetch.
    #[inline]
    pub(super) fn note_fetches(&mut self, now: SimTime) {
        if self.subscriptions.any_fetchable() {
            self.network.note_fetch_cycles(now);
        } else {
            self.network.forget_answered_fetches(now);
        }
    }

    fn select(&mut self, call: &mut PollCall, cx: &mut Context<'_>) -> Next {
        if self.settings.behaviour.fetching != Fetching::Loop {
            self.note_fetches(cx.now);
        }
        let woken = std::mem::take(&mut self.selector_woken);
        let events = self.poll_network(cx) + u32::from(woken);
        if self.election.is_some() {
            return Next::Block;
        }
        if cx.ms > call.deadline && !self.application_has_plans() {
            call.deadline = self.pass_over_empty_polls(call.deadline, cx);
        }
        if events > 0 {
            return call.at(Step::Begin);
        }
        if self.processing_done && self.working.is_some() {
            return Next::Return(Ok(true));
        }
        let returns = self.application_has_plans() || cx.ms >= call.until;
        let idle = self.working.is_none() && self.application_works_beside();
        let acts_at_once = self.close.is_some() || (self.stall.is_some() && self.has_a_handler_per_claim());
        if (cx.ms >= call.deadline && returns) || (idle && acts_at_once) {
            return Next::Return(Ok(true));
        }
        if cx.ms >= call.until.min(self.refetch_wake()) {
            return call.at(Step::Begin);
        }
        Next::Block
    }

    /// The application makes a plan: the calls before this one returned empty, this one will not be passed over.
    #[inline(never)]
    pub(super) fn note_plan(&mut self, cx: &mut Context<'_>) {
        if self.application_has_plans() {
            return;
        }
        let Some(Frame::Poll(call)) = self.stack.last() else { return };
        if cx.ms > call.deadline && matches!(call.step, Step::Select) {
            let deadline = self.pass_over_empty_polls(call.deadline, cx);
            if let Some(Frame::Poll(call)) = self.stack.last_mut() {
                call.deadline = deadline;
            }
        }
    }

    /// The calls that returned empty after this deadline: the last one began at most one timeout ago. Says when that one's
    /// timeout is over.
    ///
    /// Each took up to a millisecond longer than its timeout (the timer slack of the selector, then the pass itself), so
    /// that after a while nothing is left of the phase they began with.
    pub(super) fn pass_over_empty_polls(&mut self, deadline: Millis, cx: &mut Context<'_>) -> Millis {
        let timeout = self.poll_timeout_ms();
        let calls = (cx.ms - deadline + timeout - 1) / timeout;
        let slip = (cx.world.unit() * calls.min(timeout) as f64) as i64;
        let mut last = deadline + calls * timeout + slip;
        if last > cx.ms + timeout {
            last = last + -timeout;
        }
        if self.working.is_none() {
            self.heartbeat.poll(last + -timeout);
        }
        last
    }

    /// The application does something else than poll again when `poll` returns empty, and is free to.
    pub(super) fn application_has_plans(&self) -> bool {
        // A handler that is called with records only is not kept busy without them.
        let with_records = self.settings.behaviour.fetching == Fetching::Loop;
        let stalls = (self.stall_asked.is_some() || self.stall.is_some()) && !with_records;
        self.working.is_none() && (stalls || self.close.is_some())
    }

    /// When the selector returns by itself, or the application gets control for something it was asked to do.
    pub(super) fn select_wake(&self, call: &PollCall) -> Millis {
        match call.step {
            Step::LastLook { .. } => call.until,
            Step::Select if self.application_has_plans() => call.until.min(call.deadline),
            Step::Select => call.until.min(self.refetch_wake()),
            _ => call.deadline,
        }
    }

    /// A fetch loop (kafkajs) waits for the answers to its group requests.
    pub(super) fn may_fetch(&self) -> bool {
        self.settings.behaviour.fetching != Fetching::Loop
            || self.coordinator_connection().is_none_or(|connection| self.network.pending(connection) == 0)
    }

    /// `sendFetches`: which brokers hold a Fetch of this consumer from now on.
    fn send_fetches(&mut self, cx: &mut Context<'_>) {
        if self.fetch_links_of != (self.subscriptions.version, self.metadata.version) {
            self.find_fetch_links();
        }
        for place in &self.fetch_links {
            self.network.fetch_on(*place, cx);
        }
    }

    #[inline(never)]
    fn find_fetch_links(&mut self) {
        self.fetch_links_of = (self.subscriptions.version, self.metadata.version);
        self.fetch_links.clear();
        for owned in self.subscriptions.assigned().iter().filter(|owned| owned.fetchable) {
            let Some(leader) = self.metadata.leader(&owned.partition) else { continue };
            let place = self.network.link_place(Connection::Data(leader));
            if !self.fetch_links.contains(&place) {
                self.fetch_links.push(place);
            }
        }
    }

    /// When a broker to fetch from, whose connection failed, can be connected to again.
    pub(super) fn refetch_wake(&self) -> Millis {
        if !self.network.has_any_failed() || !self.may_fetch() {
            return Millis(i64::MAX);
        }
        let retries = self.fetch_links.iter().filter_map(|place| self.network.retry_at(*place));
        retries.min().unwrap_or(Millis(i64::MAX))
    }

    /// Records for a `poll` that waits: it returns with them.
    pub(super) fn take_records(&mut self, batches: Rc<[RecordBatch]>, cx: &mut Context<'_>) {
        let Some(Frame::Poll(call)) = self.stack.last() else { return };
        if !call.selects() {
            return;
        }
        let Some((batches, deadline)) = self.move_past(batches, call.deadline, cx) else { return };
        self.fetched = Some(batches);
        if let Some(Frame::Poll(call)) = self.stack.last_mut() {
            call.deadline = deadline;
            call.step = Step::Return;
        }
    }

    /// A call of `poll` that waits until this deadline is about to return with these records. Says which of them it returns,
    /// and the call's own deadline; `None` if they are not wanted.
    #[inline(always)]
    pub(super) fn move_past(
        &mut self,
        batches: Rc<[RecordBatch]>,
        mut deadline: Millis,
        cx: &mut Context<'_>,
    ) -> Option<(Rc<[RecordBatch]>, Millis)> {
        let batches = self.subscriptions.consume(batches);
        if batches.is_empty() {
            return None;
        }
        let ahead = self.settings.behaviour.fetching != Fetching::Loop;
        for place in &self.fetch_links {
            self.network.fetched_on(*place, cx.now, ahead);
        }
        self.end_slice_at_return(cx.ms);
        if cx.ms > deadline {
            deadline = self.pass_over_empty_polls(deadline, cx);
        }
        Some((batches, deadline))
    }

    /// `poll` returns and lets go of the network client's lock: a slice of the heartbeat thread that is over ends now.
    fn end_slice_at_return(&mut self, now: Millis) {
        if self.heartbeat_thread.wakes <= now {
            self.heartbeat_thread.wakes = now + self.slice_ms();
        }
    }

    /// The application's timeout for `poll`, at least a millisecond.
    pub(super) fn poll_timeout_ms(&self) -> i64 {
        (self.settings.application.poll_timeout.as_millis() as i64).max(1)
    }
}
