//! The short way of the poll thread through what a quiet consumer does nearly all the time: `poll` returns with records,
//! the application works on them, `poll` is called again and waits in the selector.
//!
//! The short way does what the rows of the long way (`application.rs`, `poll.rs`) do when none of them finds anything to
//! do, and is taken only then: whatever is due, was asked for or has arrived sends the thread the long way. Speed alone
//! depends on it.

use crate::client::{ApplicationThread, CommitStrategy, Fetching};
use crate::engine::Millis;

use super::application::Loop;
use super::consumer::{Consumer, Context};
use super::poll::PollCall;
use super::thread::Frame;

impl Consumer {
    /// Runs the poll thread until it waits, if the short way leads there. False if nothing was done.
    #[inline]
    pub(super) fn run_poll_thread_shortly(&mut self, cx: &mut Context<'_>) -> bool {
        if self.election.is_some() || self.returned.is_some() || self.settings.behaviour.fetching == Fetching::Loop {
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
        self.stack[0] = Frame::Application(Loop::Working { commit: self.commits_after_batch(), stall: false });
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
        self.processing_done = false;
        self.note_poll(cx);
        let until = self.pass_shortly(cx);
        self.network.note_fetch_cycles(cx.now);
        self.stack[0] = Frame::Application(Loop::Polled);
        self.stack.push(PollCall::resting(cx.ms + self.poll_timeout_ms(), until));
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
        self.network.note_fetch_cycles(cx.now);
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
    fn pass_shortly(&mut self, cx: &mut Context<'_>) -> Millis {
        if self.working.is_none() {
            self.heartbeat.poll(cx.ms);
        }
        self.auto_commit_if_due(cx).expect("no end of a commit waits to be told");
        for place in &self.fetch_links {
            self.network.fetch_on(*place, cx);
        }
        self.auto_commit_wake()
    }

    /// In the selector, whose time is over then, there is nothing to do.
    fn goes_on_resting(&self, until: Millis, cx: &Context<'_>) -> bool {
        cx.ms < until && self.nothing_arrived(cx)
    }

    /// `poll` over the network would read, send and handle nothing.
    fn nothing_arrived(&self, cx: &Context<'_>) -> bool {
        !self.selector_woken && self.network_rests(cx.ms)
    }

    /// The rows of `poll` before the selector (1.2, 1.3) would find nothing to do, but for a periodic commit, nor would
    /// the selector.
    fn has_nothing_to_do_before_select(&mut self, cx: &mut Context<'_>) -> bool {
        let thread = &self.heartbeat_thread;
        self.nothing_arrived(cx)
            && self.settings.behaviour.heartbeat_thread
            && thread.started
            && thread.failure.is_none()
            && !self.heartbeat.is_due(cx.ms)
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
            && !self.rejoin_needed_or_pending(cx)
    }
}
