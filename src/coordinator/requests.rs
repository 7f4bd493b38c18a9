//! What comes into an active shard: each request, each timer, to its handler.

use std::rc::Rc;

use super::checks::{join_error, sync_error};
use super::classic::{self, ClassicGroup, Handled, Write};
use super::env::{Env, Unexpected};
use super::interface::{ClientInfo, Output, RequestId, TimerId, TimerKey};
use super::offsets::{self, CommitOutcome};
use super::operations::{Answer, Committed, leave_of_absent_group};
use super::record::{Record, Records};
use super::shard::{Call, Operation, Shard};
use super::timers::JoinTimer;
use crate::protocol::message::{
    CommitErrors, HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, LeaveGroupRequest, LeaveGroupResponse,
    OffsetCommitRequest, OffsetCommitResponse, OffsetDeleteRequest, OffsetDeleteResponse, OffsetFetchRequest, Request,
    Response, SyncGroupRequest, TxnMarkerRequest, TxnOffsetCommitRequest,
};
use crate::protocol::{ErrorCode, GroupId, TopicPartition};

/// Requests.
impl Shard {
    /// One request to an active shard. Those that come all the time are read in place.
    pub(super) fn request(
        &mut self,
        id: RequestId,
        version: i16,
        client: &ClientInfo,
        body: Rc<Request>,
        call: &mut Call,
    ) {
        match &*body {
            Request::Heartbeat(request) => self.heartbeat(id, request, call),
            Request::OffsetCommit(request) => self.offset_commit(id, version, request, call),
            _ => self.other_request(id, version, client, Rc::unwrap_or_clone(body), call),
        }
    }

    #[inline(never)]
    fn other_request(&mut self, id: RequestId, version: i16, client: &ClientInfo, body: Request, call: &mut Call) {
        match body {
            Request::OffsetFetch(request) => self.offset_fetch(id, request, call),
            Request::JoinGroup(request) => self.join_group(id, version, client, request, call),
            Request::SyncGroup(request) => self.sync_group(id, request, call),
            Request::LeaveGroup(request) => self.leave_group(id, request, call),
            Request::TxnOffsetCommit(request) => self.txn_offset_commit(id, request, call),
            Request::WriteTxnMarker(request) => self.write_txn_marker(id, request, call),
            Request::OffsetDelete(request) => self.offset_delete(id, request, call),
            Request::DeleteGroups { groups } => {
                // Two operations in a row: the deletion is decided when everything before it is committed.
                let waits = self.release_rule() == super::ReleaseRule::Deferred
                    && self.last_committed_offset() < self.last_written_offset();
                if waits {
                    self.submit(Operation::without_records(Answer::DeleteGroupsAfterwards { id, groups }), call);
                } else {
                    self.delete_groups(id, groups, call);
                }
            }
            Request::Heartbeat(_) | Request::OffsetCommit(_) => unreachable!("read in place"),
            Request::FindCoordinator { .. }
            | Request::Metadata { .. }
            | Request::ListOffsets { .. }
            | Request::OffsetForLeaderEpoch { .. } => panic!("the broker answers it, not a shard: {body:?}"),
        }
    }

    /// classic-coordinator.md 2.1, rows 5 to 10.
    fn join_group(
        &mut self,
        id: RequestId,
        version: i16,
        client: &ClientInfo,
        request: JoinGroupRequest,
        call: &mut Call,
    ) {
        let (state, mut env) = self.split(call);
        env.open.hold(id);
        if state.group(&request.group_id).is_none() && !request.member_id.is_unknown() {
            env.answer_join(id, join_error(ErrorCode::UnknownMemberId, request.member_id));
            self.submit(Operation::without_records(Answer::Join(id)), call);
            return;
        }
        let (is_new, group) = state.get_or_create_group(&request.group_id, env.now);
        let handled = classic::join(group, is_new, id, version, client, request, &mut env);
        self.submit_group_write(handled, Answer::Join(id), call);
    }

    /// classic-coordinator.md 3.1, rows 2 and 3.
    fn sync_group(&mut self, id: RequestId, request: SyncGroupRequest, call: &mut Call) {
        let (state, mut env) = self.split(call);
        env.open.hold(id);
        let group = state.group_mut(&request.group_id).filter(|group| group.state() != classic::GroupState::Empty);
        let handled = match group {
            Some(group) => classic::sync(group, id, request, &mut env),
            None => {
                env.answer_sync(id, sync_error(ErrorCode::UnknownMemberId));
                Ok(None)
            }
        };
        self.submit_group_write(handled, Answer::Sync(id), call);
    }

    /// Submits what a group's handler did. An unexpected exception answers at once.
    fn submit_group_write(&mut self, handled: Handled, answer: Answer, call: &mut Call) {
        match handled {
            Ok(None) => self.submit(Operation::without_records(answer), call),
            Ok(Some(Write { record, callback })) => {
                self.submit(
                    Operation { records: vec![record].into(), replay: false, callback: Some(callback), answer },
                    call,
                );
            }
            Err(Unexpected(message)) => {
                self.unexpected(&message, call);
                let (_, mut env) = self.split(call);
                answer.fail(ErrorCode::UnknownServerError, &mut env);
            }
        }
    }

    fn heartbeat(&mut self, id: RequestId, request: &HeartbeatRequest, call: &mut Call) {
        let (state, mut env) = self.split(call);
        let handled = match state.group_mut(&request.group_id) {
            Some(group) => classic::heartbeat(group, request, &mut env),
            None => Err(ErrorCode::UnknownMemberId),
        };
        let error = match handled {
            Ok(error) if !self.ends_at_once() => {
                return self.submit(Operation::without_records(Answer::Heartbeat { id, error }), call);
            }
            Ok(error) | Err(error) => error,
        };
        call.out.push(Output::Respond { id, body: Response::Heartbeat(HeartbeatResponse { error }) });
    }

    fn leave_group(&mut self, id: RequestId, request: LeaveGroupRequest, call: &mut Call) {
        let (state, mut env) = self.split(call);
        let Some(group) = state.group_mut(&request.group_id) else {
            let response = leave_of_absent_group(request);
            call.out.push(Output::Respond { id, body: Response::LeaveGroup(response) });
            return;
        };
        match classic::leave(group, request, &mut env) {
            Ok((response, write)) => self.submit_group_write(Ok(write), Answer::Leave { id, response }, call),
            Err(unexpected) => {
                let response = LeaveGroupResponse { error: ErrorCode::None, members: Vec::new() };
                self.submit_group_write(Err(unexpected), Answer::Leave { id, response }, call);
            }
        }
    }

    fn offset_commit(&mut self, id: RequestId, version: i16, request: &OffsetCommitRequest, call: &mut Call) {
        let (state, mut env) = self.split(call);
        match offsets::commit(state, version, request, &mut env) {
            Ok(outcome) => {
                let CommitOutcome { records, response } = outcome;
                // What is told when the commit is durable.
                let committed = Committed { member: request.member_id.clone(), records: records.clone() };
                let committed = (!records.partitions.is_empty()).then_some(committed);
                let answer = Answer::OffsetCommit { id, response, committed };
                self.submit(Operation::replayed(Records::Commit(records), answer), call);
            }
            Err(error) => {
                let partitions = request.partitions.clone();
                let response = OffsetCommitResponse { partitions, errors: CommitErrors::All(error) };
                call.out.push(Output::Respond { id, body: Response::OffsetCommit(response) });
            }
        }
    }

    fn txn_offset_commit(&mut self, id: RequestId, request: TxnOffsetCommitRequest, call: &mut Call) {
        let (state, mut env) = self.split(call);
        match offsets::commit_transactional(state, request, &mut env) {
            Ok(outcome) => {
                let answer = Answer::TxnOffsetCommit { id, response: outcome.response };
                self.submit(Operation::replayed(Records::Commit(outcome.records), answer), call);
            }
            Err((error, partitions)) => {
                let response = OffsetCommitResponse { partitions, errors: CommitErrors::All(error) };
                call.out.push(Output::Respond { id, body: Response::TxnOffsetCommit(response) });
            }
        }
    }

    fn write_txn_marker(&mut self, id: RequestId, request: TxnMarkerRequest, call: &mut Call) {
        let TxnMarkerRequest { producer_id, producer_epoch, commit } = request;
        let marker = Record::EndTxnMarker { producer_id, producer_epoch, commit };
        self.submit(Operation::replayed(vec![marker].into(), Answer::TxnMarker { id }), call);
    }

    /// classic-coordinator.md 6.5: stable offsets wait like a write, others are read at once.
    fn offset_fetch(&mut self, id: RequestId, request: OffsetFetchRequest, call: &mut Call) {
        let require_stable = request.require_stable;
        let (state, env) = self.split(call);
        let response = offsets::fetch(state, request, &env);
        if require_stable {
            self.submit(Operation::without_records(Answer::OffsetFetch { id, response }), call);
        } else {
            call.out.push(Output::Respond { id, body: Response::OffsetFetch(response) });
        }
    }

    fn offset_delete(&mut self, id: RequestId, request: OffsetDeleteRequest, call: &mut Call) {
        let (state, _) = self.split(call);
        match offsets::delete_offsets(state, request) {
            Ok((response, records)) => {
                self.submit(Operation::replayed(records.into(), Answer::OffsetDelete { id, response }), call);
            }
            Err(error) => {
                let response = OffsetDeleteResponse { error, topics: Vec::new() };
                call.out.push(Output::Respond { id, body: Response::OffsetDelete(response) });
            }
        }
    }

    /// The second operation of DeleteGroups.
    pub(super) fn delete_groups(&mut self, id: RequestId, groups: Vec<GroupId>, call: &mut Call) {
        let (state, mut env) = self.split(call);
        let (results, records) = offsets::delete_groups(state, &groups, &mut env);
        self.submit(Operation::replayed(records.into(), Answer::DeleteGroups { id, results }), call);
    }

    /// A topic was deleted.
    pub(super) fn partitions_deleted(&mut self, partitions: &[TopicPartition], call: &mut Call) {
        let (state, _) = self.split(call);
        let records = offsets::partitions_deleted(state, partitions);
        self.submit(Operation::replayed(records.into(), Answer::Nobody), call);
    }
}

/// Timers.
impl Shard {
    /// A timer expired (classic-coordinator.md 8.1).
    pub(super) fn timer_fired(&mut self, timer: TimerId, call: &mut Call) {
        let (state, mut env) = self.split(call);
        let Some((key, join)) = env.timers.fire(timer, env.now) else { return };
        let handled = match &key {
            TimerKey::WriteTimeout => return self.write_timeout_fired(call),
            TimerKey::ExpireGroupMetadata => return self.expire_group_metadata(call),
            TimerKey::Heartbeat { group, member } => {
                on_group(state.group_mut(group), &mut env, |group, env| classic::expire_heartbeat(group, member, env))
            }
            TimerKey::Join { group } => on_group(state.group_mut(group), &mut env, |group, env| match join {
                JoinTimer::Initial { delay_ms, remaining_ms } => {
                    classic::try_complete_initial_rebalance(group, delay_ms, remaining_ms, env)
                }
                JoinTimer::Plain => classic::complete_join(group, env),
            }),
            TimerKey::Sync { group } => on_group(state.group_mut(group), &mut env, classic::expire_pending_sync),
        };
        self.submit_group_write(handled, Answer::Nobody, call);
    }

    /// classic-coordinator.md 6.6.
    fn expire_group_metadata(&mut self, call: &mut Call) {
        let (state, mut env) = self.split(call);
        let records = offsets::expire(state, &mut env);
        let next_check = env.now + env.config.offsets_retention_check_interval_ms;
        env.timers.set(TimerKey::ExpireGroupMetadata, next_check, env.out);
        self.submit(Operation::replayed(records.into(), Answer::ExpireGroupMetadata), call);
    }
}

/// A timer of a group that is gone finds nothing.
fn on_group(
    group: Option<&mut ClassicGroup>,
    env: &mut Env,
    action: impl FnOnce(&mut ClassicGroup, &mut Env) -> Handled,
) -> Handled {
    group.map_or(Ok(None), |group| action(group, env))
}
