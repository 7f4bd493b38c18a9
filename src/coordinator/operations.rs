//! Operations of a shard that wait for the log, and what is answered when they end
//! (classic-coordinator.md 0.3, 0.5, 0.6; `CoordinatorRuntime.CoordinatorWriteEvent`).

use std::collections::VecDeque;
use std::rc::Rc;

use crate::engine::Millis;
use crate::protocol::message::{
    CommitErrors, HeartbeatResponse, LeaveGroupRequest, LeaveGroupResponse, OffsetCommitResponse, OffsetDeleteResponse,
    OffsetFetchResponse, Response,
};
use crate::protocol::{ErrorCode, GroupId, GroupInstanceId, MemberId};

use super::checks::{join_error, operation_error, sync_error};
use super::classic::Callback;
use super::env::Env;
use super::event::CoordinatorEvent;
use super::interface::{OperationId, Output, RequestId};
use super::record::CommitRecords;

/// Whom the end of an operation is told.
pub(super) enum Answer {
    /// Nobody: a timer of a group, a deleted topic.
    Nobody,
    /// The periodic check of offsets: it is tried again when its write fails.
    ExpireGroupMetadata,
    /// The operation behind a JoinGroup; only its failure answers the request (classic-coordinator.md 0.5).
    Join(RequestId),
    /// The operation behind a SyncGroup, likewise.
    Sync(RequestId),
    /// Heartbeat.
    Heartbeat { id: RequestId, error: ErrorCode },
    /// LeaveGroup.
    Leave { id: RequestId, response: LeaveGroupResponse },
    /// OffsetCommit, with what is told about it once it is durable.
    OffsetCommit { id: RequestId, response: OffsetCommitResponse, committed: Option<Committed> },
    /// TxnOffsetCommit.
    TxnOffsetCommit { id: RequestId, response: OffsetCommitResponse },
    /// OffsetFetch that requires stable offsets.
    OffsetFetch { id: RequestId, response: OffsetFetchResponse },
    /// OffsetDelete.
    OffsetDelete { id: RequestId, response: OffsetDeleteResponse },
    /// The first of the two operations of DeleteGroups (share-group state, nothing here): the deletion follows it.
    DeleteGroupsAfterwards { id: RequestId, groups: Vec<GroupId> },
    /// DeleteGroups.
    DeleteGroups { id: RequestId, results: Vec<(GroupId, ErrorCode)> },
    /// WriteTxnMarker.
    TxnMarker { id: RequestId },
}

/// Who committed what.
pub(super) struct Committed {
    pub(super) member: MemberId,
    pub(super) records: Rc<CommitRecords>,
}

/// An operation that ends when the log is committed up to `completes_at`.
pub(super) struct Pending {
    pub(super) id: OperationId,
    pub(super) completes_at: i64,
    /// End of its write timeout.
    pub(super) deadline: Millis,
    /// What is left to do; `None` once it has ended (by a timeout; the records may still be committed).
    pub(super) rest: Option<Rest>,
}

/// What is left to do when an operation ends.
pub(super) struct Rest {
    pub(super) callback: Option<Callback>,
    pub(super) answer: Answer,
}

/// Operations that wait, in log order.
#[derive(Default)]
pub(super) struct Operations {
    queue: VecDeque<Pending>,
    made: u64,
}

impl Operations {
    /// Queues an operation.
    pub(super) fn push(&mut self, completes_at: i64, deadline: Millis, rest: Rest) {
        self.made += 1;
        self.queue.push_back(Pending { id: OperationId(self.made), completes_at, deadline, rest: Some(rest) });
    }

    /// The next operation that is committed.
    pub(super) fn pop_committed(&mut self, high_watermark: i64) -> Option<Pending> {
        self.queue.pop_front_if(|pending| pending.completes_at <= high_watermark)
    }

    /// Takes the operations that wait for more than the log up to `base_offset`: those of a failed batch.
    pub(super) fn take_after(&mut self, base_offset: i64) -> Vec<Pending> {
        let first = self.queue.partition_point(|pending| pending.completes_at <= base_offset);
        self.queue.drain(first..).collect()
    }

    /// Takes what is left to do of an operation that timed out; it keeps its place until its records are committed.
    pub(super) fn time_out(&mut self, id: OperationId) -> Option<Rest> {
        self.queue.iter_mut().find(|pending| pending.id == id)?.rest.take()
    }

    /// The oldest operation that has not ended.
    pub(super) fn oldest_open(&self) -> Option<&Pending> {
        self.queue.iter().find(|pending| pending.rest.is_some())
    }

    /// All that have not ended, in log order.
    pub(super) fn open(&self) -> impl Iterator<Item = &Pending> {
        self.queue.iter().filter(|pending| pending.rest.is_some())
    }
}

impl Answer {
    /// The operation succeeded.
    pub(super) fn succeed(self, env: &mut Env) {
        let (id, body) = match self {
            Answer::Nobody | Answer::ExpireGroupMetadata => return,
            // The group's logic answers these.
            Answer::Join(id) | Answer::Sync(id) => return env.open.abandon(id),
            // The shard runs the deletion.
            Answer::DeleteGroupsAfterwards { .. } => return,
            Answer::Heartbeat { id, error } => (id, Response::Heartbeat(HeartbeatResponse { error })),
            Answer::Leave { id, response } => (id, Response::LeaveGroup(response)),
            Answer::OffsetCommit { id, response, committed } => {
                if let Some(Committed { member, records }) = committed {
                    let (group, partitions) = (records.group, records.partitions.clone().into());
                    env.event(CoordinatorEvent::OffsetsCommitted { group, member, partitions });
                }
                (id, Response::OffsetCommit(response))
            }
            Answer::TxnOffsetCommit { id, response } => (id, Response::TxnOffsetCommit(response)),
            Answer::OffsetFetch { id, response } => (id, Response::OffsetFetch(response)),
            Answer::OffsetDelete { id, response } => (id, Response::OffsetDelete(response)),
            Answer::DeleteGroups { id, results } => (id, Response::DeleteGroups { results }),
            Answer::TxnMarker { id } => (id, Response::WriteTxnMarker { error: ErrorCode::None }),
        };
        env.out.push(Output::Respond { id, body });
    }

    /// The operation failed (classic-coordinator.md 0.6).
    pub(super) fn fail(self, raw: ErrorCode, env: &mut Env) {
        let error = operation_error(raw);
        let all = |response| OffsetCommitResponse { errors: CommitErrors::All(error), ..response };
        let (id, body) = match self {
            Answer::Nobody | Answer::ExpireGroupMetadata => return,
            Answer::Join(id) => return env.answer_join(id, join_error(error, MemberId::default())),
            Answer::Sync(id) => return env.answer_sync(id, sync_error(error)),
            Answer::Heartbeat { id, .. } => {
                // While a coordinator loads, heartbeats succeed blindly.
                let error = if error == ErrorCode::CoordinatorLoadInProgress { ErrorCode::None } else { error };
                (id, Response::Heartbeat(HeartbeatResponse { error }))
            }
            Answer::Leave { id, .. } => (id, Response::LeaveGroup(LeaveGroupResponse { error, members: Vec::new() })),
            Answer::OffsetCommit { id, response, .. } => (id, Response::OffsetCommit(all(response))),
            Answer::TxnOffsetCommit { id, response } => (id, Response::TxnOffsetCommit(all(response))),
            Answer::OffsetFetch { id, .. } => {
                let error = fetch_error(raw);
                (id, Response::OffsetFetch(OffsetFetchResponse { error, partitions: Vec::new() }))
            }
            Answer::OffsetDelete { id, .. } => {
                (id, Response::OffsetDelete(OffsetDeleteResponse { error, topics: Vec::new() }))
            }
            Answer::DeleteGroupsAfterwards { id, groups } => {
                (id, Response::DeleteGroups { results: groups.into_iter().map(|group| (group, error)).collect() })
            }
            Answer::DeleteGroups { id, results } => {
                (id, Response::DeleteGroups { results: results.into_iter().map(|(group, _)| (group, error)).collect() })
            }
            // The runtime's own error, unmapped.
            Answer::TxnMarker { id } => (id, Response::WriteTxnMarker { error: raw }),
        };
        env.out.push(Output::Respond { id, body });
    }
}

/// OffsetFetch maps some errors its own way, for older consumers (`handleOffsetFetchException`).
fn fetch_error(raw: ErrorCode) -> ErrorCode {
    match raw {
        ErrorCode::UnknownTopicOrPartition | ErrorCode::NotEnoughReplicas | ErrorCode::RequestTimedOut => {
            ErrorCode::NotCoordinator
        }
        other => operation_error(other),
    }
}

/// LeaveGroup for a group that does not exist: it succeeds, but for nobody (classic-coordinator.md 0.6).
pub(super) fn leave_of_absent_group(request: LeaveGroupRequest) -> LeaveGroupResponse {
    let members = request.members.into_iter();
    let members: Vec<(MemberId, Option<GroupInstanceId>, ErrorCode)> =
        members.map(|leaving| (leaving.member_id, leaving.group_instance_id, ErrorCode::UnknownMemberId)).collect();
    LeaveGroupResponse { error: ErrorCode::None, members }
}
