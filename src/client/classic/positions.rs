//! Positions of newly assigned partitions: the committed offset, or what the reset policy says (consumer-client.md 2.7,
//! 4.4).

use std::rc::Rc;

use crate::client::{ClientEvent, Connection};
use crate::engine::Millis;
use crate::protocol::config::AutoOffsetReset;
use crate::protocol::message::{FetchedOffset, OffsetFetchRequest, OffsetFetchResponse, Request, Response};
use crate::protocol::{BrokerId, ErrorCode, TopicPartition};

use super::backoff::exponential_ms;
use super::consumer::{Consumer, Context};
use super::coordinator::Search;
use super::exception::Exception;
use super::membership::{GroupGeneration, MemberState};
use super::subscriptions::Found;
use super::thread::{Flow, Frame, Outcome};
use super::tracked::Purpose;

/// Committed offsets, -1 where there is none.
type Offsets = Vec<Committed>;

/// A partition's committed offset.
#[derive(Clone, Copy, Debug)]
struct Committed {
    partition: TopicPartition,
    offset: i64,
    /// The epoch of the leader that the record before it came from is known.
    has_epoch: bool,
}

/// `pendingCommittedOffsetRequest`: reused only for the same partitions and generation.
#[derive(Debug)]
pub(super) struct CommittedRequest {
    id: u32,
    partitions: Vec<TopicPartition>,
    generation: Option<Rc<GroupGeneration>>,
    result: Option<Result<Offsets, Exception>>,
}

/// One call of `fetchCommittedOffsets`.
#[derive(Debug)]
pub(super) struct CommittedCall {
    deadline: Millis,
    attempts: u32,
    step: Step,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Begin,
    Search,
    Send,
    Await,
    Sleep(Millis),
}

impl CommittedCall {
    pub fn until(deadline: Millis) -> Frame {
        Frame::Committed(CommittedCall { deadline, attempts: 0, step: Step::Begin })
    }

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
    /// `initWithCommittedOffsetsIfNeeded`, which waits for the answer for as long as the application's `poll` may.
    pub(super) fn step_committed(
        &mut self,
        mut call: CommittedCall,
        returned: Option<Outcome>,
        cx: &mut Context<'_>,
    ) -> Flow {
        match call.step {
            Step::Begin if self.coordinator_unknown(cx) => {
                call.step = Step::Search;
                let callee = Frame::Coordinator(Search::until(call.deadline));
                Flow::Call { caller: Frame::Committed(call), callee }
            }
            Step::Begin => {
                call.step = Step::Send;
                Flow::Again(Frame::Committed(call))
            }
            Step::Search => match returned {
                Some(Ok(true)) => {
                    call.step = Step::Send;
                    Flow::Again(Frame::Committed(call))
                }
                Some(other) => Flow::Return(other),
                None => Flow::Block(Frame::Committed(call)),
            },
            Step::Send => {
                self.request_committed(cx);
                call.step = Step::Await;
                Flow::Again(Frame::Committed(call))
            }
            Step::Await => self.await_committed(call, cx),
            Step::Sleep(until) if cx.ms < until => Flow::Block(Frame::Committed(call)),
            Step::Sleep(_) if cx.ms < call.deadline => {
                call.step = Step::Begin;
                Flow::Again(Frame::Committed(call))
            }
            Step::Sleep(_) => Flow::Return(Ok(false)),
        }
    }

    fn request_committed(&mut self, cx: &mut Context<'_>) {
        let partitions = self.subscriptions.initializing();
        let stable = self.membership.state == MemberState::Stable;
        let generation = stable.then(|| self.membership.generation.clone());
        let same = |pending: &CommittedRequest| pending.partitions == partitions && pending.generation == generation;
        if self.committed_request.as_ref().is_some_and(same) {
            return;
        }
        let Some(connection) = self.coordinator_connection() else {
            let result = Some(Err(Exception::of(ErrorCode::CoordinatorNotAvailable)));
            self.committed_request = Some(CommittedRequest { id: u32::MAX, partitions, generation, result });
            return;
        };
        let request = Request::OffsetFetch(OffsetFetchRequest {
            group_id: self.settings.group_id,
            partitions: Some(partitions.clone()),
            topic_ids: Vec::new(),
            require_stable: true,
        });
        let id = self.send(connection, request, Purpose::OffsetFetch, cx);
        self.committed_request = Some(CommittedRequest { id, partitions, generation, result: None });
    }

    fn await_committed(&mut self, mut call: CommittedCall, cx: &mut Context<'_>) -> Flow {
        self.poll_network(cx);
        let ended = self.committed_request.as_ref().is_some_and(|request| request.result.is_some());
        if !ended {
            if cx.ms >= call.deadline {
                return Flow::Return(Ok(false));
            }
            return Flow::Block(Frame::Committed(call));
        }
        match self.committed_request.take().and_then(|request| request.result) {
            Some(Ok(offsets)) => {
                self.take_committed(offsets, cx);
                Flow::Return(Ok(true))
            }
            Some(Err(error)) if !error.retriable => Flow::Return(Err(error)),
            _ => {
                let config = &self.settings.config;
                let (base, max) = (config.retry_backoff_ms, config.retry_backoff_max_ms);
                let backoff = exponential_ms(base, max, call.attempts, cx.world);
                call.attempts += 1;
                call.step = Step::Sleep((cx.ms + backoff).min(call.deadline));
                Flow::Again(Frame::Committed(call))
            }
        }
    }

    /// `refreshCommittedOffsets`
    fn take_committed(&mut self, mut offsets: Offsets, cx: &mut Context<'_>) {
        offsets.retain(|of| of.offset >= 0 && self.subscriptions.is_initializing(&of.partition));
        for Committed { partition, offset, .. } in &offsets {
            cx.event(ClientEvent::PositionSet { partition: *partition, offset: *offset, reset: false });
        }
        let validates = self.settings.behaviour.validates_positions;
        let found = offsets.iter().map(|of| Found {
            partition: &of.partition,
            offset: of.offset,
            has_epoch: of.has_epoch,
            validate: validates && of.has_epoch,
        });
        self.subscriptions.seek(found);
        self.validates_next = self.subscriptions.any_to_validate(cx.ms);
    }

    /// `validatePositionsIfNeeded`: OffsetForLeaderEpoch to the leaders, without waiting.
    pub(super) fn validate_positions_if_needed(&mut self, cx: &mut Context<'_>) {
        if !self.subscriptions.any_to_validate(cx.ms) {
            return;
        }
        let due = self.subscriptions.to_validate(cx.ms);
        for (leader, partitions) in self.by_leader(due, cx) {
            let partitions: Rc<[TopicPartition]> = partitions.into();
            let request = Request::OffsetForLeaderEpoch { partitions: partitions.clone() };
            self.send(Connection::Data(leader), request, Purpose::OffsetForLeaderEpoch { partitions }, cx);
        }
    }

    /// Answer to OffsetForLeaderEpoch: the position counts, or another try after `retry.backoff.ms`. Logs are never cut off
    /// here.
    pub(super) fn on_leader_epochs(
        &mut self,
        partitions: &[TopicPartition],
        result: Result<Response, Exception>,
        cx: &mut Context<'_>,
    ) {
        let ends = match result {
            Ok(Response::OffsetForLeaderEpoch { ends }) => ends,
            _ => vec![Err(ErrorCode::NetworkException); partitions.len()],
        };
        for (partition, end) in partitions.iter().zip(&ends) {
            if end.is_err() {
                self.metadata.request_update();
                self.retry_offset(partition, cx.ms);
            }
        }
        let valid = partitions.iter().zip(ends).filter(|(_, end)| end.is_ok());
        self.subscriptions.validated(valid.map(|(partition, _)| partition));
    }

    /// `OffsetFetchResponseHandler` (2.7)
    pub(super) fn on_offset_fetch(&mut self, id: u32, result: Result<Response, Exception>, cx: &mut Context<'_>) {
        let result = match result {
            Ok(Response::OffsetFetch(response)) => self.committed_answer(response, cx),
            Ok(_) => Err(Exception::new("KafkaException", "unexpected answer")),
            Err(lost) => {
                self.mark_if_disconnected(&lost, cx);
                Err(lost)
            }
        };
        if let Some(request) = self.committed_request.as_mut().filter(|request| request.id == id) {
            request.result = Some(result);
        }
    }

    fn committed_answer(&mut self, response: OffsetFetchResponse, cx: &mut Context<'_>) -> Result<Offsets, Exception> {
        let error = response.error;
        match error {
            ErrorCode::None => {}
            ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator => {
                self.mark_coordinator_unknown(false, &format!("error response {error}"), cx);
                return Err(Exception::of(error));
            }
            ErrorCode::GroupAuthorizationFailed => return Err(Exception::of(error)),
            _ => {
                let exception = Exception::of(error);
                let unexpected = || Exception::unexpected("Unexpected error in fetch offset response", error);
                return Err(if exception.retriable { exception } else { unexpected() });
            }
        }
        let failed = |wanted: fn(ErrorCode) -> bool| response.partitions.iter().find(|fetched| wanted(fetched.error));
        let fatal = failed(|error| !matches!(error, ErrorCode::None | ErrorCode::UnstableOffsetCommit));
        if let Some(fetched) = fatal {
            let message = match fetched.error {
                ErrorCode::UnknownTopicOrPartition => {
                    format!("Topic or Partition {} does not exist", fetched.partition)
                }
                other => {
                    format!("Unexpected error in fetch offset response for partition {}: {other}", fetched.partition)
                }
            };
            return Err(Exception::new("KafkaException", &message));
        }
        if failed(|error| error == ErrorCode::UnstableOffsetCommit).is_some() {
            return Err(Exception::of(ErrorCode::UnstableOffsetCommit));
        }
        let committed = |fetched: FetchedOffset| Committed {
            partition: fetched.partition,
            offset: fetched.offset,
            has_epoch: fetched.leader_epoch >= 0,
        };
        Ok(response.partitions.into_iter().map(committed).collect())
    }

    /// `resetInitializingPositions`: partitions without a committed offset are left to the reset policy.
    pub(super) fn reset_initializing(&mut self, cx: &mut Context<'_>) -> Result<(), Exception> {
        if !self.subscriptions.any_initializing() {
            return Ok(());
        }
        let without = self.subscriptions.initializing();
        if self.settings.config.auto_offset_reset == AutoOffsetReset::None {
            let list = without.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let message = format!("Undefined offset with no reset policy for partitions: [{list}]");
            return Err(Exception::new("NoOffsetForPartitionException", &message));
        }
        self.subscriptions.await_reset(cx.ms);
        Ok(())
    }

    /// `resetPositionsIfNeeded`: ListOffsets to the leaders, without waiting.
    pub(super) fn list_offsets_if_needed(&mut self, cx: &mut Context<'_>) {
        let due = self.subscriptions.to_reset(cx.ms);
        if due.is_empty() {
            return;
        }
        let latest = self.settings.config.auto_offset_reset == AutoOffsetReset::Latest;
        for (leader, partitions) in self.by_leader(due, cx) {
            let request = Request::ListOffsets { latest, partitions: partitions.clone() };
            self.send(Connection::Data(leader), request, Purpose::ListOffsets { partitions }, cx);
        }
    }

    /// These partitions by their leaders, each of which is asked about them now; those whose leader can't be asked are tried
    /// again later.
    fn by_leader(
        &mut self,
        partitions: Vec<TopicPartition>,
        cx: &mut Context<'_>,
    ) -> Vec<(BrokerId, Vec<TopicPartition>)> {
        let mut by_leader: Vec<(BrokerId, Vec<TopicPartition>)> = Vec::new();
        let left = partitions.len();
        for partition in partitions {
            let leader = self.metadata.leader(&partition);
            let reachable = leader.filter(|leader| !self.network.is_unavailable(Connection::Data(*leader), cx.ms));
            let Some(leader) = reachable else {
                self.metadata.request_update();
                self.retry_offset(&partition, cx.ms);
                continue;
            };
            let barred = cx.ms + i64::from(self.settings.config.request_timeout_ms);
            self.subscriptions.retry_at(&partition, barred);
            match by_leader.iter_mut().find(|(broker, _)| *broker == leader) {
                Some((_, partitions)) => partitions.push(partition),
                None => {
                    let mut first = Vec::with_capacity(left);
                    first.push(partition);
                    by_leader.push((leader, first));
                }
            }
        }
        by_leader
    }

    fn retry_offset(&mut self, partition: &TopicPartition, now: Millis) {
        let at = now + i64::from(self.settings.config.retry_backoff_ms);
        self.subscriptions.retry_at(partition, at);
    }

    /// Answer to ListOffsets: positions, or another try after `retry.backoff.ms`.
    pub(super) fn on_list_offsets(
        &mut self,
        partitions: &[TopicPartition],
        result: Result<Response, Exception>,
        cx: &mut Context<'_>,
    ) {
        let offsets = match result {
            Ok(Response::ListOffsets { offsets }) => offsets,
            _ => vec![Err(ErrorCode::NetworkException); partitions.len()],
        };
        let mut found = Vec::new();
        for (partition, offset) in partitions.iter().zip(offsets) {
            match offset {
                Ok(offset) if self.subscriptions.awaits_reset(partition) => found.push((partition, offset)),
                Ok(_) => {}
                Err(_) => {
                    self.metadata.request_update();
                    self.retry_offset(partition, cx.ms);
                }
            }
        }
        for (partition, offset) in &found {
            cx.event(ClientEvent::PositionSet { partition: **partition, offset: *offset, reset: true });
        }
        let at_once = |(partition, offset)| Found { partition, offset, has_epoch: false, validate: false };
        self.subscriptions.seek(found.into_iter().map(at_once));
    }
}
