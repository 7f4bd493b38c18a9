//! Offset commits: sending, what each answer does, and the three ways to wait for one (consumer-client.md 2.6, 4.2, 4.5).

use std::collections::VecDeque;
use std::rc::Rc;

use crate::client::{AutoCommit, AutoCommitClock, ClientEvent, Connection};
use crate::engine::{Millis, SimDuration};
use crate::protocol::ErrorCode;
use crate::protocol::message::{CommittedPartition, OffsetCommitRequest, OffsetCommitResponse, Request, Response};

use super::backoff::exponential_ms;
use super::consumer::{Consumer, Context};
use super::coordinator::Search;
use super::exception::{Exception, commit_failed, commit_failed_locally, rebalance_in_progress};
use super::membership::{GroupGeneration, MemberState};
use super::thread::{Flow, Frame, Outcome};
use super::tracked::Purpose;

/// Names a commit while it is under way.
pub(super) type CommitId = u32;

/// Why offsets are committed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CommitKind {
    /// `enable.auto.commit`, periodically.
    Auto,
    /// `enable.auto.commit`, before a rebalance: the join waits for its result.
    BeforeJoin,
    /// `commitAsync` of the application.
    Async,
    /// `commitSync`.
    Sync,
}

/// A commit that waits for the coordinator to be found.
#[derive(Debug)]
pub(super) struct PendingCommit {
    offsets: Rc<[CommittedPartition]>,
    kind: CommitKind,
}

/// A commit that was sent.
#[derive(Debug)]
struct Underway {
    id: CommitId,
    kind: CommitKind,
    offsets: Rc<[CommittedPartition]>,
}

/// An asynchronous commit that ended and whose callback has not run.
#[derive(Debug)]
struct Completion {
    kind: CommitKind,
    /// Failed with a `RetriableCommitFailedException`.
    retriable: bool,
}

/// Commits under way.
#[derive(Debug)]
pub(super) struct Commits {
    /// When the next periodic auto-commit is due.
    pub next_auto: Millis,
    /// The commit that `onJoinPrepare` waits for (`autoCommitOffsetRequestFuture`).
    pub before_join: Option<CommitId>,
    underway: Vec<Underway>,
    /// Results of commits that somebody waits for.
    results: Vec<(CommitId, Result<(), Exception>)>,
    completions: VecDeque<Completion>,
    /// Commits chained to a coordinator lookup (`pendingAsyncCommits`).
    pub pending: u32,
    in_flight_async: u32,
    fenced: bool,
    next_id: CommitId,
    /// The last request: the next one takes its memory when nobody looks at it any more.
    request: Option<Rc<Request>>,
}

impl Commits {
    pub fn new() -> Self {
        Commits {
            next_auto: Millis(0),
            before_join: None,
            underway: Vec::new(),
            results: Vec::new(),
            completions: VecDeque::new(),
            pending: 0,
            in_flight_async: 0,
            fenced: false,
            next_id: 0,
            request: None,
        }
    }

    /// The request, to be shared.
    fn share(&mut self, request: OffsetCommitRequest) -> Rc<Request> {
        let request = Request::OffsetCommit(request);
        match self.request.as_mut().and_then(Rc::get_mut) {
            Some(earlier) => *earlier = request,
            None => self.request = Some(Rc::new(request)),
        }
        self.request.clone().expect("it was put there just now")
    }

    /// The first of the fixed times after this one.
    fn tick_after(&self, Millis(now): Millis, interval_ms: i64) -> Millis {
        let ticks = (now - self.next_auto.0).div_euclid(interval_ms.max(1)) + 1;
        Millis(self.next_auto.0 + ticks.max(0) * interval_ms.max(1))
    }

    /// Callbacks of commits wait for the next `poll`, or it throws.
    pub fn has_news(&self) -> bool {
        self.fenced || !self.completions.is_empty()
    }

    /// The result of a commit that somebody waits for, once it has ended.
    pub fn take_result(&mut self, id: CommitId) -> Option<Result<(), Exception>> {
        let place = self.results.iter().position(|(ended, _)| *ended == id)?;
        Some(self.results.swap_remove(place).1)
    }
}

/// Which call of `commitSync` this is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CommitPlace {
    /// By the application, after a batch.
    Application,
    /// Inside the listener.
    Listener,
    /// By `close()`, with auto-commit.
    Close,
    /// Before a rebalance, by clients before 3.2.
    Prepare,
}

/// One call of `commitOffsetsSync`.
#[derive(Debug)]
pub(super) struct CommitSync {
    offsets: Rc<[CommittedPartition]>,
    deadline: Millis,
    attempts: u32,
    step: Step,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Begin,
    Search,
    Send,
    Await(CommitId),
    Sleep(Millis),
    /// Nothing to commit: earlier asynchronous commits are awaited.
    AwaitAsync,
}

impl CommitSync {
    pub fn reads(&self) -> bool {
        !matches!(self.step, Step::Sleep(_))
    }

    pub fn wake(&self) -> Millis {
        match self.step {
            Step::Sleep(until) => until,
            _ => self.deadline,
        }
    }
}

impl Consumer {
    /// `commitSync()` of everything consumed, with `default.api.timeout.ms`.
    pub(super) fn commit_sync_call(&mut self, place: CommitPlace, cx: &mut Context<'_>) -> Frame {
        let timeout = match place {
            CommitPlace::Application | CommitPlace::Listener => self.settings.config.default_api_timeout_ms,
            CommitPlace::Close => self.close_timeout_ms(),
            CommitPlace::Prepare => self.settings.config.max_poll_interval_ms,
        };
        let deadline = cx.ms + i64::from(timeout);
        self.commits.results.clear();
        let automatic = matches!(place, CommitPlace::Close | CommitPlace::Prepare);
        Frame::CommitSync(CommitSync {
            offsets: if automatic { self.committed_automatically() } else { self.subscriptions.all_consumed() },
            deadline,
            attempts: 0,
            step: Step::Begin,
        })
    }

    /// `commitSync` of a settled member: it is sent at once, and its call waits on the stack. False if there is something
    /// else to do for it.
    pub(super) fn begin_commit_sync(&mut self, cx: &mut Context<'_>) -> bool {
        let Frame::CommitSync(mut call) = self.commit_sync_call(CommitPlace::Application, cx) else { return false };
        let sends = !call.offsets.is_empty();
        if sends {
            call.step = Step::Await(self.send_commit(call.offsets.clone(), CommitKind::Sync, cx));
        }
        self.stack.push(Frame::CommitSync(call));
        sends && self.commits.results.is_empty()
    }

    /// The call that waits on the stack is over if its commit has succeeded. False if it has to go on.
    pub(super) fn end_commit_sync(&mut self) -> bool {
        let Some(Frame::CommitSync(CommitSync { step: Step::Await(id), .. })) = self.stack.last() else { return false };
        let succeeded = matches!(self.commits.results.as_slice(), [(ended, Ok(()))] if ended == id);
        if succeeded {
            self.commits.results.clear();
            self.stack.pop();
        }
        succeeded
    }

    pub(super) fn step_commit_sync(
        &mut self,
        mut call: CommitSync,
        returned: Option<Outcome>,
        cx: &mut Context<'_>,
    ) -> Flow {
        match call.step {
            Step::Begin => {
                if let Err(fenced) = self.invoke_commit_callbacks(cx) {
                    return Flow::Return(Err(fenced));
                }
                call.step = if call.offsets.is_empty() { Step::AwaitAsync } else { Step::Search };
                if call.step == Step::Search && self.coordinator_unknown(cx) {
                    let callee = Frame::Coordinator(Search::until(call.deadline));
                    return Flow::Call { caller: Frame::CommitSync(call), callee };
                }
                if call.step == Step::Search {
                    call.step = Step::Send;
                }
                Flow::Again(Frame::CommitSync(call))
            }
            Step::Search => match returned {
                Some(Ok(true)) => {
                    call.step = Step::Send;
                    Flow::Again(Frame::CommitSync(call))
                }
                Some(other) => Flow::Return(other),
                None => Flow::Block(Frame::CommitSync(call)),
            },
            Step::Send => {
                let id = self.send_commit(call.offsets.clone(), CommitKind::Sync, cx);
                call.step = Step::Await(id);
                Flow::Again(Frame::CommitSync(call))
            }
            Step::Await(id) => self.await_commit(call, id, cx),
            Step::Sleep(until) if cx.ms < until => Flow::Block(Frame::CommitSync(call)),
            Step::Sleep(_) if cx.ms < call.deadline => {
                call.step = Step::Begin;
                Flow::Again(Frame::CommitSync(call))
            }
            Step::Sleep(_) => Flow::Return(Ok(false)),
            Step::AwaitAsync => {
                self.poll_network(cx);
                if let Err(fenced) = self.invoke_commit_callbacks(cx) {
                    return Flow::Return(Err(fenced));
                }
                match self.commits.in_flight_async {
                    0 => Flow::Return(Ok(true)),
                    _ if cx.ms >= call.deadline => Flow::Return(Ok(false)),
                    _ => Flow::Block(Frame::CommitSync(call)),
                }
            }
        }
    }

    fn await_commit(&mut self, mut call: CommitSync, id: CommitId, cx: &mut Context<'_>) -> Flow {
        self.poll_network(cx);
        let result = self.commits.take_result(id);
        if let Err(fenced) = self.invoke_commit_callbacks(cx) {
            return Flow::Return(Err(fenced));
        }
        match result {
            Some(Ok(())) => Flow::Return(Ok(true)),
            Some(Err(error)) if !error.retriable || !self.retries_commits() => Flow::Return(Err(error)),
            Some(Err(_)) => {
                let config = &self.settings.config;
                let (base, max) = (config.retry_backoff_ms, config.retry_backoff_max_ms);
                let backoff = exponential_ms(base, max, call.attempts, cx.world);
                call.attempts += 1;
                call.step = Step::Sleep((cx.ms + backoff).min(call.deadline));
                Flow::Again(Frame::CommitSync(call))
            }
            None if cx.ms >= call.deadline => Flow::Return(Ok(false)),
            None => Flow::Block(Frame::CommitSync(call)),
        }
    }

    /// What automatic commits carry.
    fn committed_automatically(&mut self) -> Rc<[CommittedPartition]> {
        match self.settings.behaviour.auto_commit {
            AutoCommit::AllPositions => self.subscriptions.all_consumed(),
            AutoCommit::MovedPositions | AutoCommit::AfterBatch => self.subscriptions.moved(),
        }
    }

    /// `sendOffsetCommitRequest`: local checks first, then the request. The result is there at once if no request is
    /// needed or possible.
    pub(super) fn send_commit(
        &mut self,
        offsets: Rc<[CommittedPartition]>,
        kind: CommitKind,
        cx: &mut Context<'_>,
    ) -> CommitId {
        let id = self.commits.next_id;
        self.commits.next_id += 1;
        if kind != CommitKind::Sync {
            self.commits.in_flight_async += 1;
        }
        let request_to = self.commit_target(&offsets, cx);
        match request_to {
            Ok(Some(connection)) => {
                let sent = self.membership.generation.clone();
                let sync = kind == CommitKind::Sync;
                cx.event(ClientEvent::CommitSent { sync, partitions: offsets.len() as u32 });
                self.subscriptions.note_committed(&offsets);
                let request = self.commits.share(OffsetCommitRequest {
                    group_id: self.settings.group_id,
                    generation_id: sent.id,
                    member_id: sent.member_id.clone(),
                    group_instance_id: self.instance_id_since(self.settings.behaviour.versions.offset_commit, 7),
                    retention_time_ms: -1,
                    partitions: offsets.clone(),
                });
                self.commits.underway.push(Underway { id, kind, offsets });
                self.send_and_poll(connection, request, Purpose::OffsetCommit { id, sent }, cx);
            }
            Ok(None) => self.commit_ended(Underway { id, kind, offsets }, Ok(()), SimDuration::ZERO, cx),
            Err(error) => self.commit_ended(Underway { id, kind, offsets }, Err(error), SimDuration::ZERO, cx),
        }
        id
    }

    /// Where a commit goes, `None` if there is nothing to send (2.6, local pre-checks).
    fn commit_target(
        &mut self,
        offsets: &[CommittedPartition],
        cx: &mut Context<'_>,
    ) -> Result<Option<Connection>, Exception> {
        if offsets.is_empty() {
            return Ok(None);
        }
        if self.coordinator_unknown(cx) {
            return Err(Exception::of(ErrorCode::CoordinatorNotAvailable));
        }
        if self.membership.state == MemberState::Stable {
            return Ok(self.coordinator_connection());
        }
        if self.membership.rebalance_in_progress() {
            return Err(rebalance_in_progress(
                "Offset commit cannot be completed since the consumer is undergoing a rebalance for auto partition \
                 assignment. You can try completing the rebalance by calling poll() and then retry the operation.",
            ));
        }
        Err(commit_failed_locally())
    }

    /// `OffsetCommitResponseHandler`
    pub(super) fn on_offset_commit(
        &mut self,
        id: CommitId,
        sent: &Rc<GroupGeneration>,
        result: Result<Response, Exception>,
        latency: SimDuration,
        cx: &mut Context<'_>,
    ) {
        let Some(place) = self.commits.underway.iter().position(|underway| underway.id == id) else { return };
        let underway = self.commits.underway.remove(place);
        let result = match result {
            Ok(Response::OffsetCommit(response)) => self.commit_answer(&response, sent, cx),
            Ok(_) => Err(Exception::new("KafkaException", "unexpected answer")),
            Err(lost) => {
                self.mark_if_disconnected(&lost, cx);
                self.commit_came_to_nothing(cx);
                Err(lost)
            }
        };
        self.commit_ended(underway, result, latency, cx);
    }

    /// The first partition that failed decides (2.6).
    fn commit_answer(
        &mut self,
        response: &OffsetCommitResponse,
        sent: &Rc<GroupGeneration>,
        cx: &mut Context<'_>,
    ) -> Result<(), Exception> {
        let error = response.first_error();
        if error == ErrorCode::None {
            return Ok(());
        }
        let unchanged = *sent == self.membership.generation;
        let preparing = self.membership.state == MemberState::PreparingRebalance;
        Err(match error {
            ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator | ErrorCode::RequestTimedOut => {
                if error != ErrorCode::NotCoordinator || !self.rejoins_elsewhere(cx) {
                    self.commit_came_to_nothing(cx);
                }
                self.mark_coordinator_unknown(false, &format!("error response {error}"), cx);
                Exception::of(error)
            }
            ErrorCode::FencedInstanceId if unchanged => Exception::of(error),
            ErrorCode::FencedInstanceId if preparing => rebalance_in_progress(
                "Offset commit cannot be completed since the consumer member's old generation is fenced by its group \
                 instance id, it is possible that this consumer has already participated another rebalance and got a \
                 new generation",
            ),
            ErrorCode::FencedInstanceId => commit_failed(),
            ErrorCode::RebalanceInProgress => {
                self.request_rejoin("offset commit failed since group is already rebalancing", cx);
                rebalance_in_progress(
                    "Offset commit cannot be completed since the consumer group is executing a rebalance at the moment. \
                     You can try completing the rebalance by calling poll() and then retry commit again",
                )
            }
            ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration if !unchanged && preparing => {
                rebalance_in_progress(
                    "Offset commit cannot be completed since the consumer member's generation is already stale, meaning \
                     it has already participated another rebalance and got a new generation. You can try completing \
                     the rebalance by calling poll() and then retry commit again",
                )
            }
            ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration => {
                self.reset_on_response_error("OFFSET_COMMIT", error, cx);
                commit_failed()
            }
            ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::OffsetMetadataTooLarge
            | ErrorCode::InvalidCommitOffsetSize
            | ErrorCode::GroupAuthorizationFailed
            | ErrorCode::TopicAuthorizationFailed => Exception::of(error),
            other => Exception::unexpected("Unexpected error in commit", other),
        })
    }

    fn commit_ended(
        &mut self,
        commit: Underway,
        result: Result<(), Exception>,
        latency: SimDuration,
        cx: &mut Context<'_>,
    ) {
        if !commit.offsets.is_empty() {
            let class = result.as_ref().copied().map_err(|error| match error.retriable {
                true if commit.kind != CommitKind::Sync => "RetriableCommitFailedException",
                _ => error.class,
            });
            cx.event(ClientEvent::CommitEnded { offsets: commit.offsets.into(), result: class, latency_ns: latency.0 });
        }
        if commit.kind != CommitKind::Sync {
            self.commits.in_flight_async -= 1;
            let retriable = match self.settings.behaviour.auto_commit_clock {
                AutoCommitClock::Deadline => commit.kind == CommitKind::Auto && result.is_err(),
                _ => matches!(&result, Err(error) if error.retriable),
            };
            self.commits.fenced |= matches!(&result, Err(error) if error.is(ErrorCode::FencedInstanceId));
            self.commits.completions.push_back(Completion { kind: commit.kind, retriable });
        }
        if matches!(commit.kind, CommitKind::Sync | CommitKind::BeforeJoin) {
            self.commits.results.push((commit.id, result));
        }
    }

    /// `invokeCompletedOffsetCommitCallbacks` (1.2 row 2)
    pub(super) fn invoke_commit_callbacks(&mut self, cx: &mut Context<'_>) -> Result<(), Exception> {
        if self.commits.fenced {
            let instance = self.settings.config.group_instance_id.as_ref();
            let message = format!(
                "Get fenced exception for group.instance.id {}, current member.id is {}",
                instance.map_or("unset_instance_id", |instance| instance.as_str()),
                self.membership.generation.member_id
            );
            let fenced = Exception::of(ErrorCode::FencedInstanceId);
            return Err(Exception { message: Some(message.into()), ..fenced });
        }
        while let Some(completion) = self.commits.completions.pop_front() {
            if completion.kind != CommitKind::Async && completion.retriable {
                self.commits.next_auto = cx.ms + i64::from(self.settings.config.retry_backoff_ms);
            }
        }
        Ok(())
    }

    /// `maybeAutoCommitOffsetsAsync(now)` (1.2 row 8)
    pub(super) fn auto_commit_if_due(&mut self, cx: &mut Context<'_>) -> Result<(), Exception> {
        if cx.ms < self.auto_commit_at() {
            return Ok(());
        }
        let interval_ms = i64::from(self.settings.config.auto_commit_interval_ms);
        self.commits.next_auto = match self.settings.behaviour.auto_commit_clock {
            AutoCommitClock::Ticks => self.commits.tick_after(cx.ms, interval_ms),
            AutoCommitClock::RestartedByJoins | AutoCommitClock::Deadline => cx.ms + interval_ms,
        };
        self.commit_async(CommitKind::Auto, cx).map(|_| ())
    }

    /// A member has its assignment: sets when the next periodic commit is due.
    pub(super) fn auto_commit_clock_at_join(&mut self, now: Millis) {
        let interval_ms = i64::from(self.settings.config.auto_commit_interval_ms);
        match self.settings.behaviour.auto_commit_clock {
            AutoCommitClock::RestartedByJoins => self.commits.next_auto = now + interval_ms,
            AutoCommitClock::Ticks => self.commits.next_auto = self.commits.tick_after(now, interval_ms),
            AutoCommitClock::Deadline => {}
        }
    }

    /// `commitOffsetsAsync` of everything consumed: `None` if it waits for the coordinator to be found.
    pub(super) fn commit_async(
        &mut self,
        kind: CommitKind,
        cx: &mut Context<'_>,
    ) -> Result<Option<CommitId>, Exception> {
        self.invoke_commit_callbacks(cx)?;
        if kind == CommitKind::BeforeJoin {
            self.commits.results.clear();
        }
        let offsets =
            if kind == CommitKind::Async { self.subscriptions.all_consumed() } else { self.committed_automatically() };
        let id = if offsets.is_empty() || self.ensure_coordinator_now(cx) {
            Some(self.send_commit(offsets, kind, cx))
        } else {
            self.commits.pending += 1;
            self.lookup_coordinator(cx);
            self.commit_after_lookup(PendingCommit { offsets, kind }, cx);
            None
        };
        self.poll_network(cx);
        Ok(id)
    }

    /// The coordinator was found for a commit that waited for it.
    pub(super) fn send_chained_commit(&mut self, commit: PendingCommit, cx: &mut Context<'_>) {
        self.commits.pending -= 1;
        self.send_commit(commit.offsets, commit.kind, cx);
    }

    /// The coordinator was not found: no retry (2.6).
    pub(super) fn chained_commit_failed(&mut self, commit: PendingCommit, error: Exception, cx: &mut Context<'_>) {
        self.commits.pending -= 1;
        self.commits.in_flight_async += 1;
        let id = self.commits.next_id;
        self.commits.next_id += 1;
        let retriable = Exception { retriable: true, ..error };
        let underway = Underway { id, kind: commit.kind, offsets: commit.offsets };
        self.commit_ended(underway, Err(retriable), SimDuration::ZERO, cx);
    }

    /// A group request ended with a disconnect: so the coordinator is gone (`CoordinatorResponseHandler.onFailure`).
    pub(super) fn mark_if_disconnected(&mut self, error: &Exception, cx: &mut Context<'_>) {
        if error.class == "DisconnectException" {
            self.mark_coordinator_unknown(true, &error.text(), cx);
        }
    }

    /// When the next periodic auto-commit is due, if there are any.
    pub(super) fn auto_commit_at(&self) -> Millis {
        if self.settings.config.enable_auto_commit { self.commits.next_auto } else { Millis(i64::MAX) }
    }

    /// When the next periodic auto-commit has to go out, if the poll thread would send one.
    pub(super) fn auto_commit_wake(&self) -> Millis {
        let sends = self.lookup.coordinator.is_some()
            && !self.membership.rejoin_needed
            && self.membership.join.is_none()
            && !self.subscriptions.assigned().is_empty();
        if sends { self.auto_commit_at() } else { Millis(i64::MAX) }
    }
}
