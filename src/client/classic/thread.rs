//! The poll thread as a stack of calls that can wait: what Kafka's consumer does by blocking inside nested calls is here
//! a frame that is taken up again when something happened.

use crate::engine::{Millis, SimTime};

use super::application::Loop;
use super::callback::ListenerCall;
use super::close::CloseCall;
use super::commit::CommitSync;
use super::consumer::{Consumer, Context};
use super::coordinator::Search;
use super::exception::Exception;
use super::join::Join;
use super::poll::PollCall;
use super::positions::CommittedCall;

/// What a call returns: the boolean that most of Kafka's calls return, or an exception.
pub(super) type Outcome = Result<bool, Exception>;

/// A call on the poll thread's stack.
#[derive(Debug)]
pub(super) enum Frame {
    /// The application's loop, at the bottom.
    Application(Loop),
    /// `poll(Duration)`
    Poll(PollCall),
    /// `ensureCoordinatorReady`
    Coordinator(Search),
    /// `joinGroupIfNeeded`
    Join(Join),
    /// A call of the listener.
    Callback(ListenerCall),
    /// `commitOffsetsSync`
    CommitSync(CommitSync),
    /// `fetchCommittedOffsets`
    Committed(CommittedCall),
    /// `close`
    Close(CloseCall),
}

/// What the poll thread is at, as far as it matters to the heartbeat thread and to what the consumer waits for.
#[derive(Clone, Copy)]
pub(super) struct Whereabouts {
    /// It is blocked in the selector of `pollForFetches`, with the network client's lock.
    pub selects: bool,
    /// It is in a call that reads sockets.
    pub reads: bool,
    /// It holds the coordinator's monitor, so that the heartbeat thread can't go on (1.5, T59, T60).
    pub holds_monitor: bool,
}

/// How a call goes on.
#[derive(Debug)]
pub(super) enum Flow {
    /// It waits.
    Block(Frame),
    /// It goes on at once.
    Again(Frame),
    /// It calls another and waits for its return.
    Call { caller: Frame, callee: Frame },
    /// It returns to its caller.
    Return(Outcome),
}

/// More steps than this at one instant mean that the model goes round in circles.
const STEPS_MAX: u32 = 100_000;

/// When a thread wakes that waits for this time; never if that is the last one there is.
pub(super) fn wake_at(time: Millis, now: Millis) -> SimTime {
    if time == Millis(i64::MAX) { SimTime::MAX } else { time.max(now).sim_time() }
}

impl Consumer {
    /// Runs the poll thread until it waits.
    pub(super) fn run_poll_thread(&mut self, cx: &mut Context<'_>) {
        let mut returned = self.returned.take();
        for _ in 0..STEPS_MAX {
            if self.election.is_some() && !self.continue_election(cx) {
                self.returned = returned;
                return;
            }
            let Some(frame) = self.stack.pop() else { return };
            let flow = match frame {
                Frame::Application(step) => self.step_application(step, returned.take(), cx),
                Frame::Poll(call) => self.step_poll(call, returned.take(), cx),
                other => self.step_other(other, &mut returned, cx),
            };
            match flow {
                Flow::Block(frame) => {
                    self.stack.push(frame);
                    if self.election.is_none() {
                        return;
                    }
                }
                Flow::Again(frame) => self.stack.push(frame),
                Flow::Call { caller, callee } => self.stack.extend([caller, callee]),
                Flow::Return(outcome) => returned = Some(outcome),
            }
        }
        panic!("the poll thread of {} goes round in circles at {:?}: {:?}", self.member_id(), cx.now, self.stack);
    }

    /// A call that a steady consumer does not make: kept out of the loop that every input runs through.
    #[inline(never)]
    fn step_other(&mut self, frame: Frame, returned: &mut Option<Outcome>, cx: &mut Context<'_>) -> Flow {
        match frame {
            Frame::Application(_) | Frame::Poll(_) => unreachable!("the loop of the thread takes these steps"),
            Frame::Coordinator(search) => self.step_search(search, cx),
            Frame::Join(join) => self.step_join(join, returned.take(), cx),
            Frame::Callback(call) => self.step_callback(call, returned.take(), cx),
            Frame::CommitSync(call) => self.step_commit_sync(call, returned.take(), cx),
            Frame::Committed(call) => self.step_committed(call, returned.take(), cx),
            Frame::Close(call) => self.step_close(call, returned.take(), cx),
        }
    }

    /// The thread is blocked in the selector of `pollForFetches`, with the network client's lock.
    pub(super) fn poll_thread_selects(&self) -> bool {
        matches!(self.stack.last(), Some(Frame::Poll(call)) if call.selects())
    }

    /// `poll` is called again and again: `max.poll.interval.ms` can't pass.
    pub(super) fn keeps_polling(&self, selects: bool) -> bool {
        self.working.is_none() && (selects || self.application_works_beside())
    }

    /// What the thread is at.
    pub(super) fn whereabouts(&self) -> Whereabouts {
        let elects = self.election.is_some();
        let (selects, reads, searches) = match self.stack.last() {
            Some(Frame::Poll(call)) => (call.selects(), !elects || self.election_polls(), false),
            Some(Frame::Join(_)) => (false, !elects || self.election_polls(), false),
            Some(Frame::Coordinator(search)) => (false, search.reads(), true),
            Some(Frame::CommitSync(call)) => (false, call.reads(), false),
            Some(Frame::Committed(call)) => (false, call.reads(), false),
            Some(Frame::Close(call)) => (false, call.reads(), false),
            Some(Frame::Application(_) | Frame::Callback(_)) | None => (false, false, false),
        };
        Whereabouts { selects, reads, holds_monitor: elects || searches }
    }

    /// While the application works, what the selector waited for stands: as a rule it will wait for the same again. Coming up
    /// before, it wakes nobody.
    pub(super) fn standing_poll_wake(&self) -> SimTime {
        if self.asked.poll_wake == SimTime::ZERO { SimTime::MAX } else { self.asked.poll_wake }
    }

    /// When the poll thread next goes on by itself.
    pub(super) fn poll_wake(&self, at: Whereabouts, now: Millis) -> SimTime {
        let own = match self.stack.last() {
            _ if self.election.is_some() => Millis(i64::MAX),
            Some(Frame::Application(Loop::Working { .. })) => return self.standing_poll_wake(),
            Some(Frame::Application(step)) => step.wake(),
            Some(Frame::Poll(call)) => self.select_wake(call),
            Some(Frame::Coordinator(search)) => search.wake(),
            Some(Frame::Join(join)) => join.wake(self.membership.not_before),
            Some(Frame::CommitSync(call)) => call.wake(),
            Some(Frame::Committed(call)) => call.wake(),
            Some(Frame::Close(call)) => call.wake(),
            Some(Frame::Callback(_)) | None => Millis(i64::MAX),
        };
        let wake = if at.reads { own.min(self.network_deadline(now)) } else { own };
        wake_at(wake, now)
    }
}
