//! `close(CloseOptions)` (consumer-client.md 5.1): commit, then the listener, then LeaveGroup.

use crate::client::{Callback, CloseOption, Fetching};
use crate::engine::Millis;

use super::callback::ListenerCall;
use super::commit::CommitPlace;
use super::consumer::{Consumer, Context};
use super::coordinator::Search;
use super::heartbeat::HeartbeatThread;
use super::thread::{Flow, Frame, Outcome};

/// `ConsumerUtils.DEFAULT_CLOSE_TIMEOUT_MS`
const DEFAULT_CLOSE_TIMEOUT_MS: i32 = 30_000;

/// One call of `close`.
#[derive(Debug)]
pub(super) struct CloseCall {
    option: CloseOption,
    deadline: Millis,
    /// The listener was called.
    called: bool,
    step: Step,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Begin,
    /// Clients whose fetches have to return first wait for them, until this time at the latest.
    Fetches {
        until: Millis,
    },
    /// Steps 1 and 2.
    Commit,
    /// Step 3.
    AwaitAsync,
    Searched,
    /// Steps 4 to 6.
    Leave,
    CalledBack,
    /// Step 7.
    AwaitRequests,
    /// Step 8: the last Fetch waits behind a parked one.
    FetchSessions {
        until: Millis,
    },
}

impl CloseCall {
    pub fn begin(option: CloseOption, deadline: Millis) -> Frame {
        Frame::Close(CloseCall { option, deadline, called: false, step: Step::Begin })
    }

    pub fn reads(&self) -> bool {
        true
    }

    /// It waits for parked Fetches.
    pub fn awaits_fetches(&self) -> bool {
        matches!(self.step, Step::Fetches { .. })
    }

    /// They returned.
    pub fn fetches_returned(&mut self, now: Millis) {
        self.step = Step::Fetches { until: now };
    }

    pub fn wake(&self) -> Millis {
        match self.step {
            Step::FetchSessions { until } | Step::Fetches { until } => until,
            _ => self.deadline,
        }
    }

    fn at(mut self, step: Step) -> Flow {
        self.step = step;
        Flow::Again(Frame::Close(self))
    }
}

impl Consumer {
    /// `min(30 s, request.timeout.ms)`
    pub(super) fn close_timeout_ms(&self) -> i32 {
        DEFAULT_CLOSE_TIMEOUT_MS.min(self.settings.config.request_timeout_ms)
    }

    pub(super) fn step_close(&mut self, mut call: CloseCall, returned: Option<Outcome>, cx: &mut Context<'_>) -> Flow {
        match call.step {
            Step::Begin if self.settings.behaviour.fetching == Fetching::Awaited && !call.called => {
                call.called = true;
                let owned = self.subscriptions.partitions();
                Flow::Call { caller: Frame::Close(call), callee: ListenerCall::frame(Callback::Revoked, owned) }
            }
            Step::Begin => {
                let waits = self.settings.behaviour.fetching != Fetching::Apart;
                if waits && self.settings.behaviour.fetching != Fetching::Loop {
                    self.network.note_fetch_cycles(cx.now);
                }
                let parked = self.network.last_parked(cx.now).filter(|_| waits);
                call.at(parked.map_or(Step::Commit, |until| Step::Fetches { until: until.millis() + 1 }))
            }
            Step::Fetches { until } if cx.ms < until => {
                self.poll_network(cx);
                Flow::Block(Frame::Close(call))
            }
            Step::Fetches { .. } => {
                self.network.end_fetches();
                call.at(Step::Commit)
            }
            Step::Commit if returned.is_none() && self.settings.config.enable_auto_commit => {
                // what it throws is only logged
                let callee = self.commit_sync_call(CommitPlace::Close, cx);
                Flow::Call { caller: Frame::Close(call), callee }
            }
            Step::Commit => call.at(Step::AwaitAsync),
            Step::AwaitAsync => {
                if self.commits.pending == 0 || cx.ms >= call.deadline {
                    return call.at(Step::Leave);
                }
                call.step = Step::Searched;
                let callee = Frame::Coordinator(Search::until(call.deadline));
                Flow::Call { caller: Frame::Close(call), callee }
            }
            Step::Searched => {
                self.poll_network(cx);
                if self.commits.pending > 0 && cx.ms < call.deadline && returned.is_none() {
                    return Flow::Block(Frame::Close(call));
                }
                call.at(Step::Leave)
            }
            Step::Leave => {
                self.heartbeat_thread = HeartbeatThread::default();
                if !self.settings.config.leave_group_on_close {
                    return call.at(Step::AwaitRequests);
                }
                let owned = self.subscriptions.partitions();
                call.step = Step::CalledBack;
                if owned.is_empty() || call.called || !self.settings.behaviour.listener_on_close {
                    return Flow::Again(Frame::Close(call));
                }
                let membership = &self.membership;
                let generation = &membership.generation;
                let lost =
                    generation.id.0 < 0 || generation.member_id.is_unknown() || membership.rebalance_in_progress();
                let callback = if lost { Callback::Lost } else { Callback::Revoked };
                Flow::Call { caller: Frame::Close(call), callee: ListenerCall::frame(callback, owned) }
            }
            Step::CalledBack => {
                if !self.subscriptions.assigned().is_empty() {
                    self.set_assignment(&[], cx);
                }
                self.leave_group(Some(call.option), "the consumer is being closed", cx);
                call.at(Step::AwaitRequests)
            }
            Step::AwaitRequests => {
                self.poll_network(cx);
                let pending = self.coordinator_connection().map_or(0, |connection| self.network.pending(connection));
                if pending > 0 && cx.ms < call.deadline {
                    return Flow::Block(Frame::Close(call));
                }
                let waits = self.settings.behaviour.closes_fetch_sessions;
                let parked = self.network.last_parked(cx.now).filter(|_| waits);
                let parked = parked.map_or(cx.ms, |until| until.millis() + 1);
                let until = parked.min(call.deadline.max(cx.ms));
                call.at(Step::FetchSessions { until })
            }
            Step::FetchSessions { until } if cx.ms < until => {
                self.poll_network(cx);
                Flow::Block(Frame::Close(call))
            }
            Step::FetchSessions { .. } => {
                self.network.close(cx);
                Flow::Return(Ok(true))
            }
        }
    }
}
