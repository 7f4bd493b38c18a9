//! The application around the consumer: `poll`, work on the records, commit, again (consumer-client.md 4.1).

use std::rc::Rc;

use crate::client::{AutoCommit, ClientEvent, CommitStrategy, Fetching, OnException, Output, RecordBatch};
use crate::engine::Millis;
use crate::protocol::ErrorCode;

use super::close::CloseCall;
use super::commit::{CommitKind, CommitPlace};
use super::consumer::{Consumer, Context};
use super::exception::Exception;
use super::poll::PollCall;
use super::thread::{Flow, Frame, Outcome};

/// How long the application rests after an exception out of `poll` before it polls again (as the one of the recordings).
const REST_AFTER_EXCEPTION_MS: i64 = 100;

/// Where the loop is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Loop {
    /// The process is not up yet.
    Down,
    /// The head of the loop.
    Poll,
    /// `poll` was called.
    Polled,
    /// It works on a batch, then calls `commitSync` if so.
    Working { commit: bool, stall: bool },
    /// `commitSync` was called.
    Committed,
    /// It rests after an exception.
    Resting(Millis),
    /// `close` was called.
    Closing,
    /// It is over.
    Over,
}

/// What the application works on beside the thread that polls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Working {
    pub commit: bool,
    pub stall: bool,
}

impl Loop {
    pub fn wake(self) -> Millis {
        match self {
            Loop::Resting(until) => until,
            _ => Millis(i64::MAX),
        }
    }
}

impl Consumer {
    pub(super) fn step_application(&mut self, at: Loop, returned: Option<Outcome>, cx: &mut Context<'_>) -> Flow {
        match at {
            Loop::Poll => self.call_poll(cx),
            Loop::Polled => match returned {
                Some(Ok(_)) => self.work(cx),
                Some(Err(exception)) => self.after_exception("poll", &exception, cx),
                None => Flow::Block(Frame::Application(at)),
            },
            Loop::Working { commit, stall } => {
                if !std::mem::take(&mut self.processing_done) {
                    return Flow::Block(Frame::Application(at));
                }
                self.after_work(commit, stall, cx)
            }
            Loop::Committed => match returned {
                Some(Ok(true)) => Flow::Again(Frame::Application(Loop::Poll)),
                Some(Ok(false)) => {
                    let timeout = self.settings.config.default_api_timeout_ms;
                    let message = format!("Timeout of {timeout}ms expired before successfully committing offsets");
                    self.report("commitSync", &Exception::new("TimeoutException", &message), cx);
                    Flow::Again(Frame::Application(Loop::Poll))
                }
                Some(Err(exception)) => {
                    self.report("commitSync", &exception, cx);
                    Flow::Again(Frame::Application(Loop::Poll))
                }
                None => Flow::Block(Frame::Application(at)),
            },
            Loop::Resting(until) if cx.ms < until => Flow::Block(Frame::Application(at)),
            Loop::Resting(_) => Flow::Again(Frame::Application(Loop::Poll)),
            Loop::Closing => match returned {
                Some(_) => {
                    cx.world.carry_out(Output::Closed);
                    Flow::Block(Frame::Application(Loop::Over))
                }
                None => Flow::Block(Frame::Application(at)),
            },
            Loop::Down | Loop::Over => Flow::Block(Frame::Application(at)),
        }
    }

    fn call_poll(&mut self, cx: &mut Context<'_>) -> Flow {
        if let Some(option) = self.close.filter(|_| self.working.is_none()) {
            let callee = CloseCall::begin(option, cx.ms + i64::from(self.close_timeout_ms()));
            return Flow::Call { caller: Frame::Application(Loop::Closing), callee };
        }
        self.stall = self.stall_asked.take().or(self.stall);
        // Between two calls nobody holds the coordinator's monitor.
        if self.lookup.coordinator.is_none() && cx.ms >= self.heartbeat_thread.wakes {
            self.heartbeat_thread.woken = true;
            self.run_heartbeat_thread(self.whereabouts(), cx);
        }
        // While the application works beside, it is not it that polls.
        if self.working.is_none() {
            self.note_poll(cx);
        }
        let callee = PollCall::until(cx.ms + self.poll_timeout_ms());
        Flow::Call { caller: Frame::Application(Loop::Polled), callee }
    }

    /// `poll` is entered. Calls within one millisecond are told once.
    pub(super) fn note_poll(&mut self, cx: &mut Context<'_>) {
        if self.polled_at != Some(cx.ms) {
            cx.event(ClientEvent::PollCalled);
            self.polled_at = Some(cx.ms);
        }
    }

    /// `poll` has returned, with or without records.
    fn work(&mut self, cx: &mut Context<'_>) -> Flow {
        if let Some(work) = self.working {
            return self.work_goes_on(work, cx);
        }
        let records = self.fetched.take().unwrap_or_default();
        let stall = if self.settings.behaviour.fetching != Fetching::Loop {
            self.stall.take()
        } else if records.is_empty() {
            None
        } else {
            self.stall.take().or(self.stall_asked.take())
        };
        if records.is_empty() && stall.is_none() {
            return Flow::Again(Frame::Application(Loop::Poll));
        }
        let count: u32 = records.iter().map(|batch| batch.count).sum();
        self.begin_processing(records, stall.is_some(), cx);
        let commit = (self.commits_after_batch() && count > 0) || stall == Some(true);
        if self.application_works_beside() {
            self.heartbeat.poll(cx.ms);
            self.working = Some(Working { commit, stall: stall.is_some() && count == 0 });
            return Flow::Again(Frame::Application(Loop::Poll));
        }
        Flow::Block(Frame::Application(Loop::Working { commit, stall: stall.is_some() && count == 0 }))
    }

    /// `poll` returns, and the application works on what it got.
    #[inline(always)]
    pub(super) fn begin_processing(&mut self, records: Rc<[RecordBatch]>, stall: bool, cx: &mut Context<'_>) {
        self.note_busy_claim(&records, cx);
        cx.world.carry_out(Output::Process { records, stall });
        self.processing_done = false;
    }

    /// `commitSync` follows on every batch.
    pub(super) fn commits_after_batch(&self) -> bool {
        self.settings.application.commit == CommitStrategy::SyncAfterBatch
            || (self.settings.config.enable_auto_commit
                && self.settings.behaviour.auto_commit == AutoCommit::AfterBatch)
    }

    /// `poll` came back to see whether the application has done its work.
    fn work_goes_on(&mut self, work: Working, cx: &mut Context<'_>) -> Flow {
        if !std::mem::take(&mut self.processing_done) {
            return Flow::Again(Frame::Application(Loop::Poll));
        }
        self.working = None;
        self.after_work(work.commit, work.stall, cx)
    }

    fn after_work(&mut self, commit: bool, empty: bool, cx: &mut Context<'_>) -> Flow {
        if !empty {
            self.heartbeat_after_records(cx);
        }
        if commit {
            let callee = self.commit_sync_call(CommitPlace::Application, cx);
            return Flow::Call { caller: Frame::Application(Loop::Committed), callee };
        }
        if self.settings.application.commit == CommitStrategy::AsyncAfterBatch
            && !empty
            && let Err(exception) = self.commit_async(CommitKind::Async, cx)
        {
            self.report("commitAsync", &exception, cx);
        }
        Flow::Again(Frame::Application(Loop::Poll))
    }

    #[cold]
    fn after_exception(&mut self, place: &'static str, exception: &Exception, cx: &mut Context<'_>) -> Flow {
        self.report(place, exception, cx);
        self.exceptions += 1;
        if self.settings.behaviour.rejoin.fenced_stops && exception.is(ErrorCode::FencedInstanceId) {
            return Flow::Block(Frame::Application(Loop::Over));
        }
        match self.settings.application.on_exception {
            OnException::Exit => {
                cx.world.carry_out(Output::Failed);
                return Flow::Block(Frame::Application(Loop::Over));
            }
            OnException::CloseAfter(times) if self.exceptions >= times => {
                self.close.get_or_insert(crate::client::CloseOption::Default);
            }
            OnException::CloseAfter(_) | OnException::Continue => {}
        }
        Flow::Block(Frame::Application(Loop::Resting(cx.ms + REST_AFTER_EXCEPTION_MS)))
    }

    pub(super) fn report(&mut self, place: &'static str, exception: &Exception, cx: &mut Context<'_>) {
        cx.event(ClientEvent::Exception { place, class: exception.class, message: exception.text() });
    }
}
