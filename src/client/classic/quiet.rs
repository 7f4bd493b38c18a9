//! The short way of the poll thread through what a quiet consumer does nearly all the time: `poll` returns with records,
//! the application works on them, `poll` is called again and waits in the selector.
//!
//! The short way does what the rows of the long way (`application.rs`, `poll.rs`) do when none of them finds anything to
//! do, and is taken only then: whatever is due, was asked for or has arrived sends the thread the long way. Speed alone
//! depends on it. Beside it there is a shortest way ([`Pace`](super::pace::Pace)).

use crate::client::{ApplicationThread, CommitStrategy, Fetching};
use crate::engine::Millis;

use super::application::Loop;
use super::consumer::{Consumer, Context};
use super::poll::PollCall;
use super::thread::Frame;

impl Consumer {
    /// A loop of Fetches on the thread that polls does everything, heartbeats too.
    pub(super) fn fetches_in_a_loop(&self) -> bool {
        self.settings.behaviour.fetching == Fetching::Loop
    }

    /// Runs the poll thread until it waits, if the short way leads there. False if nothing was done.
    #[inline]
    pub(super) fn run_poll_thread_shortly(&mut self, cx: &mut Context<'_>) -> bool {
        if self.election.is_some() || self.returned.is_some() || self.fetches_in_a_loop() {
            return false;
        }
        #[cfg(test)]
        if self.long_way {
            return false;
        }
        match self.stack.as_slice() {
            [Frame::Application(Loop::Working { commit: false, stall: false })] if self.processing_done => {
                self.poll_again(cx)
            }
            // The application works on.
            [Frame::Application(Loop::Working { .. })] => !self.processing_done,
            [Frame::Application(Loop::Polled), Frame::Poll(call)] if call.returns() => self.return_records(cx),
            [Frame::Application(Loop::Polled), Frame::Poll(call)] if call.is_in_selector() => {
                self.select_again(*call, cx)
            }
            _ => false,
        }
    }

    /// `poll` returns with records, and the application works on them.
    fn return_records(&mut self, cx: &mut Context<'_>) -> bool {
        let by_itself = self.settings.behaviour.application == ApplicationThread::Polls;
        if self.stall.is_some() || self.working.is_some() || !by_itself {
            return false;
        }
        let Some(records) = self.fetched.take_if(|records| !records.is_empty()) else { return false };
        self.begin_processing(records, false, cx);
        self.stack.truncate(1);
        self.application_turns(Loop::Working { commit: self.commits_after_batch(), stall: false });
        true
    }

    /// The application has done its work and calls `poll`, which waits in the selector.
    fn poll_again(&mut self, cx: &mut Context<'_>) -> bool {
        if self.settings.application.commit == CommitStrategy::AsyncAfterBatch
            || self.close.is_some()
            || self.stall.is_some()
            || self.stall_asked.is_some()
            || !self.has_nothing_to_do_before_select(cx)
        {
            return false;
        }
        self.call_poll_again(cx)
    }

    /// The application's loop is somewhere else.
    pub(super) fn application_turns(&mut self, to: Loop) {
        if let Some(Frame::Application(at)) = self.stack.first_mut() {
            *at = to;
        }
    }

    /// The application calls `poll`, which has nothing to do but to wait.
    #[inline(always)]
    pub(super) fn call_poll_again(&mut self, cx: &mut Context<'_>) -> bool {
        self.processing_done = false;
        if self.working.is_none() {
            self.note_poll(cx);
        }
        if self.fetches_in_a_loop() {
            self.network.forget_answered_fetches(cx.now);
        }
        let until = self.pass_shortly(cx);
        self.application_turns(Loop::Polled);
        let deadline = cx.ms + self.poll_timeout_ms();
        // Written where it stays: a copy of what was written a moment ago waits for it.
        self.stack.push(PollCall::RESTING);
        if let Some(Frame::Poll(call)) = self.stack.last_mut() {
            call.rest(deadline, until);
        }
        self.goes_on_resting(until, cx)
    }

    /// The selector comes back because something has arrived or is due. With that done, the thread goes on waiting.
    fn select_again(&mut self, mut call: PollCall, cx: &mut Context<'_>) -> bool {
        if self.processing_done || self.application_has_plans() || !self.settings.behaviour.heartbeat_thread {
            return false;
        }
        if cx.ms <= call.deadline && self.goes_on_resting(call.until, cx) {
            return self.refetch_wake() > cx.ms;
        }
        self.note_fetches(cx.now);
        let woken = std::mem::take(&mut self.selector_woken);
        let read = self.poll_network(cx);
        if self.election.is_some() {
            return false;
        }
        if cx.ms > call.deadline {
            call.deadline = self.pass_over_empty_polls(call.deadline, cx);
        }
        let is_news = read > 0 || woken;
        let rests = if !is_news && cx.ms < call.until.min(self.refetch_wake()) {
            true
        } else if !is_news && cx.ms >= call.until.max(call.deadline) {
            call.return_empty();
            false
        } else if cx.ms < call.deadline
            && self.invoke_commit_callbacks(cx).is_ok()
            && self.has_nothing_to_do_before_select(cx)
        {
            call.until = self.pass_shortly(cx);
            self.goes_on_resting(call.until, cx)
        } else {
            call.begin_again();
            false
        };
        self.stack[1] = Frame::Poll(call);
        rests
    }

    /// A pass of `poll` that does nothing but commit what is due and see to its Fetches. Says when the selector returns by
    /// itself.
    #[inline(always)]
    fn pass_shortly(&mut self, cx: &mut Context<'_>) -> Millis {
        let until = self.mind_timers(cx);
        for place in &self.fetch_links {
            self.network.fetch_on(*place, cx);
        }
        if self.fetches_in_a_loop() { until.min(self.loop_turns_at(cx.now)) } else { until }
    }

    /// What such a pass does without its Fetches.
    #[inline(always)]
    pub(super) fn mind_timers(&mut self, cx: &mut Context<'_>) -> Millis {
        if self.working.is_none() && self.heartbeat_thread.started {
            self.heartbeat.poll(cx.ms);
        }
        self.auto_commit_if_due(cx).expect("no end of a commit waits to be told");
        self.auto_commit_wake()
    }

    /// In the selector, whose time is over then, there is nothing to do.
    pub(super) fn goes_on_resting(&self, until: Millis, cx: &Context<'_>) -> bool {
        cx.ms < until && self.nothing_arrived(cx)
    }

    /// `poll` over the network would read, send and handle nothing.
    pub(super) fn nothing_arrived(&self, cx: &Context<'_>) -> bool {
        !self.selector_woken && self.network_rests(cx.ms)
    }

    /// The rows of `poll` before the selector (1.2, 1.3) would find nothing to do, but for a periodic commit, nor would
    /// the selector.
    pub(super) fn has_nothing_to_do_before_select(&self, cx: &mut Context<'_>) -> bool {
        self.nothing_arrived(cx) && !self.heartbeat.is_due(cx.ms) && self.is_settled()
    }

    /// As far as no time is over, nor anything has arrived.
    pub(super) fn is_settled(&self) -> bool {
        let thread = &self.heartbeat_thread;
        (thread.started || self.fetches_in_a_loop())
            && thread.failure.is_none()
            && !self.heartbeat_between_rows
            && !self.left_unpolled
            && !self.membership.rejoin_needed
            && self.membership.join.is_none()
            && self.membership.join_prepare_deadline.is_none()
            && self.metadata.version <= self.metadata_snapshot.version
            && !self.commits.has_news()
            && self.subscriptions.has_all_positions()
            && self.fetch_links_of == (self.subscriptions.version, self.metadata.version)
            && self.fetch_links.iter().all(|place| self.network.is_ready(*place))
            && self.coordinator_connection().is_some_and(|coordinator| !self.network.has_failed(coordinator))
            && self.reason_to_rejoin().is_none()
    }
}
