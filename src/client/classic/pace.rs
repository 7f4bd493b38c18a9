//! The shortest way through what a quiet consumer does nearly all the time: inputs of one that was left resting or working
//! ([`Pace`]). The heartbeat thread need not be looked at then, nor what is waited for be worked out from scratch.
//!
//! Each function here sees first whether its input leaves nothing else to do; if not it says so, with the consumer as it is
//! then, and both threads run on from there ([`Consumer::handle`]).

use std::rc::Rc;

use crate::client::{CommitStrategy, Connection, RecordBatch};
use crate::engine::{Millis, SimTime};
use crate::protocol::ErrorCode;
use crate::protocol::message::Response;

use super::application::{Loop, Working};
use super::consumer::{Consumer, Context};
use super::membership::MemberState;
use super::network::Arrival;
use super::thread::{Frame, Whereabouts, wake_at};

/// What an input left a consumer at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pace {
    /// Something else than the following.
    Uneven,
    /// The poll thread waits in the selector, and the heartbeat thread sleeps: a stable member that nobody wants anything of.
    /// The application may work beside.
    Rests,
    /// From there `poll` returned with records, and the application works on them on the thread that polls.
    Works,
    /// With its work done the application waits for its `commitSync`, which was sent.
    Commits,
}

/// The poll thread waits in the selector.
const SELECTS: Whereabouts = Whereabouts { selects: true, reads: true, holds_monitor: false };

/// It waits for the answer to a commit.
const COMMITS: Whereabouts = Whereabouts { selects: false, reads: true, holds_monitor: false };

/// The application works.
pub(super) const WORKS: Whereabouts = Whereabouts { selects: false, reads: false, holds_monitor: false };

impl Consumer {
    /// Notes that the consumer rests, if it does.
    pub(super) fn note_pace(&mut self) {
        #[cfg(test)]
        if self.long_way {
            return;
        }
        let rests = matches!(self.stack.as_slice(),
            [Frame::Application(Loop::Polled), Frame::Poll(call)] if call.is_in_selector());
        if rests && self.is_even() && self.is_settled() {
            self.pace = Pace::Rests;
        }
    }

    /// Nothing but the next record, the next heartbeat or the end of the application's work is waited for.
    fn is_even(&self) -> bool {
        let thread = &self.heartbeat_thread;
        let sleeps = thread.enabled && !thread.is_roused();
        (sleeps || self.fetches_in_a_loop())
            && !thread.held_back
            && self.settings.application.commit != CommitStrategy::AsyncAfterBatch
            && self.membership.state == MemberState::Stable
            && !self.network.has_any_failed()
            && self.stall.is_none()
            && self.stall_asked.is_none()
            && self.close.is_none()
    }

    /// Records come while the consumer rests: `poll` returns with them, and the application works. False if they are not
    /// wanted.
    pub(super) fn return_from_rest(&mut self, batches: Rc<[RecordBatch]>, cx: &mut Context<'_>) -> bool {
        self.asked.records = None;
        let Some(Frame::Poll(call)) = self.stack.last() else { return false };
        let Some((records, _)) = self.move_past(batches, call.deadline, cx) else { return false };
        self.begin_processing(records, false, cx);
        let commit = self.commits_after_batch();
        self.stack.pop();
        if self.application_works_beside() {
            self.application_turns(Loop::Poll);
            self.heartbeat.poll(cx.ms);
            self.working = Some(Working { commit, stall: false });
            return self.goes_on_as_settled(cx) && self.rest_again(cx);
        }
        self.application_turns(Loop::Working { commit, stall: false });
        self.pace = Pace::Works;
        let heartbeat_wake = self.heartbeat_wake_at_work(cx.ms);
        self.wish(self.standing_poll_wake(), heartbeat_wake, None);
        true
    }

    /// The application has done its work and calls `commitSync`, or `poll`, which waits in the selector. False if there is
    /// something to do first.
    pub(super) fn rest_after_work(&mut self, cx: &mut Context<'_>) -> bool {
        self.processing_done = true;
        if !self.goes_on_as_settled(cx) {
            return false;
        }
        match self.stack.first() {
            Some(Frame::Application(Loop::Working { commit: true, .. })) => self.wait_for_commit(cx),
            _ => self.rest_again(cx),
        }
    }

    /// The same, where the application worked beside the thread that polls.
    pub(super) fn rest_after_work_beside(&mut self, cx: &mut Context<'_>) -> bool {
        self.processing_done = true;
        let (Some(Frame::Poll(call)), Some(work)) = (self.stack.last(), self.working) else { return false };
        let deadline = call.deadline;
        if !self.goes_on_as_settled(cx) {
            return false;
        }
        // The selector came back to find the work done: what it waited for until then is behind it.
        self.note_fetches(cx.now);
        if cx.ms > deadline {
            self.pass_over_empty_polls(deadline, cx);
        }
        self.working = None;
        self.stack.pop();
        if work.commit { self.wait_for_commit(cx) } else { self.rest_again(cx) }
    }

    /// The application calls `commitSync` and waits for the answer. False if it has to do something else.
    fn wait_for_commit(&mut self, cx: &mut Context<'_>) -> bool {
        self.processing_done = false;
        self.application_turns(Loop::Committed);
        if !self.begin_commit_sync(cx) || !self.nothing_arrived(cx) {
            return false;
        }
        self.pace = Pace::Commits;
        self.ask(COMMITS, cx.ms);
        true
    }

    /// The `commitSync` that the application waits for has come to its end, and it calls `poll`, which waits in the selector.
    /// False if there is something else to do.
    fn rest_after_commit(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.nothing_arrived(cx) || !self.end_commit_sync() {
            return false;
        }
        self.application_turns(Loop::Poll);
        self.goes_on_as_settled(cx) && self.rest_again(cx)
    }

    /// The application calls `poll`, which has nothing to do but to wait. False if there is something to do all the same.
    fn rest_again(&mut self, cx: &mut Context<'_>) -> bool {
        // A loop of Fetches waits for the answers to its group requests, this pass's commit among them.
        let waits = self.fetches_in_a_loop() && (cx.ms >= self.auto_commit_at() || !self.may_fetch());
        if waits || !self.call_poll_again(cx) || !self.heartbeat_thread_sleeps_on(cx) {
            return false;
        }
        self.rest(cx.ms);
        true
    }

    /// The heartbeat thread wakes while the poll thread rests. False if there is something to do for that too.
    pub(super) fn beat_at_rest(&mut self, cx: &mut Context<'_>) -> bool {
        self.wake_heartbeat_thread(cx.now);
        let Some(Frame::Poll(call)) = self.stack.last() else { return false };
        let deadline = call.deadline;
        if !self.goes_on_resting(call.until, cx) {
            return false;
        }
        if cx.ms > deadline {
            let deadline = self.pass_over_empty_polls(deadline, cx);
            if let Some(Frame::Poll(call)) = self.stack.last_mut() {
                call.deadline = deadline;
            }
        }
        self.run_heartbeat_thread(SELECTS, cx);
        if !self.nothing_arrived(cx) {
            return false;
        }
        // A heartbeat unsettles nothing that the membership does not show.
        if self.is_even() && !self.membership.rejoin_needed && self.lookup.coordinator.is_some() {
            self.pace = Pace::Rests;
        }
        self.ask_at_rest(cx.ms);
        true
    }

    /// The time of the selector is over. False if there is more to do than to commit.
    pub(super) fn wake_at_rest(&mut self, cx: &mut Context<'_>) -> bool {
        self.asked.poll_wake = SimTime::MAX;
        match self.stack.last() {
            Some(Frame::Poll(call)) if cx.ms >= call.until && self.nothing_arrived(cx) => {
                !self.fetches_in_a_loop() && self.rest_on(true, cx)
            }
            _ => false,
        }
    }

    /// An answer comes in while the consumer rests, or waits for its `commitSync`. False if it leaves something to do.
    pub(super) fn answer_at_rest(
        &mut self,
        connection: Connection,
        correlation_id: u32,
        body: Response,
        cx: &mut Context<'_>,
    ) -> bool {
        let unsettles = match &body {
            Response::Heartbeat(answer) => answer.error != ErrorCode::None,
            Response::OffsetCommit(answer) => answer.first_error() != ErrorCode::None,
            _ => true,
        };
        let (selects, reads) = match self.stack.last() {
            Some(Frame::Poll(call)) => (true, cx.ms < call.until && !self.fetches_in_a_loop()),
            _ => (false, !unsettles),
        };
        if !reads || !self.nothing_arrived(cx) {
            self.network.inbox.push_back(Arrival::Response { connection, correlation_id, body });
            return false;
        }
        let done = self.network.take_answer(connection, correlation_id, body, cx.now);
        let rests = done.is_some_and(|done| {
            self.on_completed(done, cx);
            if selects { self.rest_on(!unsettles, cx) } else { self.rest_after_commit(cx) }
        });
        self.selector_woken |= selects && !rests;
        rests
    }

    /// The selector has come back to a consumer that rests, and is settled still or may not be. False if there is something
    /// to do, or the call of `poll` is over.
    fn rest_on(&mut self, is_settled: bool, cx: &mut Context<'_>) -> bool {
        let Some(Frame::Poll(call)) = self.stack.last().filter(|_| self.election.is_none()) else { return false };
        let mut call = *call;
        if !self.nothing_arrived(cx) {
            return false;
        }
        if cx.ms > call.deadline {
            call.deadline = self.pass_over_empty_polls(call.deadline, cx);
        }
        let rests = cx.ms < call.deadline
            && self.invoke_commit_callbacks(cx).is_ok()
            && !self.heartbeat.is_due(cx.ms)
            && (is_settled || self.is_settled());
        if rests {
            call.until = self.mind_timers(cx);
        }
        self.stack[1] = Frame::Poll(call);
        if !rests || !self.goes_on_resting(call.until, cx) || !self.heartbeat_thread_sleeps_on(cx) {
            return false;
        }
        self.rest(cx.ms);
        true
    }

    /// The poll thread waits in the selector, after a pass in which a commit of nothing may have ended at once.
    #[inline(always)]
    fn rest(&mut self, now: Millis) {
        self.pace = if self.commits.has_news() { Pace::Uneven } else { Pace::Rests };
        self.ask_at_rest(now);
    }

    #[inline(always)]
    fn ask_at_rest(&mut self, now: Millis) {
        let takes = self.working.is_none();
        let records = self.fetch_version().filter(|_| takes && self.subscriptions.any_fetchable());
        let until = match self.stack.last() {
            Some(Frame::Poll(call)) => call.until,
            _ => now,
        };
        let poll_wake = wake_at(until.min(self.network_deadline(now)), now);
        let beat = self.heartbeat.heartbeat_at.max(now);
        let beats_next = self.pace == Pace::Rests
            && self.heartbeat_thread.started
            && self.session_seen_at() >= beat
            // The end of the poll interval is seen then, or later.
            && (takes || self.heartbeat.poll_at >= beat);
        let heartbeat_wake = if beats_next { beat.sim_time() } else { self.heartbeat_wake(SELECTS, now) };
        self.wish(poll_wake, heartbeat_wake, records);
    }

    /// The heartbeat thread need not run, or finds nothing to do but to sleep for another slice: false if it may find
    /// something.
    #[inline]
    fn heartbeat_thread_sleeps_on(&mut self, cx: &mut Context<'_>) -> bool {
        !self.heartbeat_pass_is_due(SELECTS, cx.ms) || self.heartbeat_thread_sleeps_another_slice(cx)
    }

    #[inline(never)]
    fn heartbeat_thread_sleeps_another_slice(&mut self, cx: &mut Context<'_>) -> bool {
        if self.heartbeat_thread.notified || !self.heartbeat_pass_is_idle(cx) {
            return false;
        }
        self.note_fetches(cx.now);
        self.heartbeat_thread.wakes = cx.ms + self.slice_ms();
        true
    }

    /// What a call of `poll` finds to do before the selector is nothing: the consumer was settled when its last input ended, and
    /// nothing but time has passed since.
    fn goes_on_as_settled(&self, cx: &Context<'_>) -> bool {
        !self.heartbeat.is_due(cx.ms) && self.nothing_arrived(cx)
    }
}
