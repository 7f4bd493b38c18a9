//! OffsetCommit and TxnOffsetCommit (classic-coordinator.md 6.1 to 6.4).

use std::rc::Rc;
use std::sync::Arc;

use crate::coordinator::classic::{ClassicGroup, GroupState};
use crate::coordinator::env::Env;
use crate::coordinator::event::CoordinatorEvent;
use crate::coordinator::record::CommitRecords;
use crate::coordinator::state::State;
use crate::engine::Millis;
use crate::protocol::message::{
    CommitErrors, CommittedPartition, OffsetCommitRequest, OffsetCommitResponse, TxnOffsetCommitRequest,
};
use crate::protocol::{ErrorCode, Generation, GroupId, GroupInstanceId, MemberId, ProducerId};

/// A commit that was accepted: records to write, and the answer once they are committed.
pub(in crate::coordinator) struct CommitOutcome {
    pub(in crate::coordinator) records: Rc<CommitRecords>,
    pub(in crate::coordinator) response: OffsetCommitResponse,
}

/// Who commits.
struct Committer<'a> {
    generation: Generation,
    member_id: &'a MemberId,
    instance: Option<&'a GroupInstanceId>,
    is_transactional: bool,
}

/// OffsetCommit. `Err` refuses the whole request, at once.
pub(in crate::coordinator) fn commit(
    state: &mut State,
    version: i16,
    request: &OffsetCommitRequest,
    env: &mut Env,
) -> Result<CommitOutcome, ErrorCode> {
    let committer = Committer {
        generation: request.generation_id,
        member_id: &request.member_id,
        instance: request.group_instance_id.as_ref(),
        is_transactional: false,
    };
    accept_commit(state, version, &request.group_id, &committer, env)?;
    let expire_timestamp = (request.retention_time_ms != -1).then(|| env.now + request.retention_time_ms);
    Ok(records_of(request.group_id, request.partitions.clone(), None, expire_timestamp, env))
}

/// Resolves the group, validates, and keeps the committer's session alive (classic-coordinator.md 6.1 to 6.3).
fn accept_commit(
    state: &mut State,
    version: i16,
    group_id: &GroupId,
    committer: &Committer,
    env: &mut Env,
) -> Result<(), ErrorCode> {
    if let Some(group) = state.group_mut(group_id) {
        validate(group, committer)?;
        if matches!(group.state(), GroupState::Stable | GroupState::PreparingRebalance) {
            group.reschedule_heartbeat(committer.member_id, env);
        }
        return Ok(());
    }
    if committer.generation.0 >= 0 {
        return Err(if version >= 9 { ErrorCode::GroupIdNotFound } else { ErrorCode::IllegalGeneration });
    }
    env.event(CoordinatorEvent::SimpleGroupCreated { group: *group_id });
    let _ = state.get_or_create_group(group_id, env.now);
    Ok(())
}

/// TxnOffsetCommit. `Err` refuses the whole request, at once; the partitions come back for the answer.
pub(in crate::coordinator) fn commit_transactional(
    state: &mut State,
    request: TxnOffsetCommitRequest,
    env: &mut Env,
) -> Result<CommitOutcome, (ErrorCode, Rc<[CommittedPartition]>)> {
    let committer = Committer {
        generation: request.generation_id,
        member_id: &request.member_id,
        instance: request.group_instance_id.as_ref(),
        is_transactional: true,
    };
    let accepted = match state.group(&request.group_id) {
        Some(group) => validate(group, &committer),
        None if request.generation_id.0 >= 0 => Err(ErrorCode::IllegalGeneration),
        None => {
            let _ = state.get_or_create_group(&request.group_id, env.now);
            Ok(())
        }
    };
    if let Err(error) = accepted {
        return Err((error, request.partitions));
    }
    let producer = Some((request.producer_id, request.producer_epoch));
    Ok(records_of(request.group_id, request.partitions, producer, None, env))
}

/// classic-coordinator.md 6.2.
fn validate(group: &ClassicGroup, committer: &Committer) -> Result<(), ErrorCode> {
    let state = group.state();
    if state == GroupState::Dead {
        return Err(ErrorCode::CoordinatorNotAvailable);
    }
    if committer.generation.0 < 0 && state == GroupState::Empty {
        return Ok(());
    }
    if committer.generation.0 >= 0 || !committer.member_id.is_unknown() || committer.instance.is_some() {
        group.validate_member(committer.member_id, committer.instance)?;
        if committer.generation != group.generation() {
            return Err(ErrorCode::IllegalGeneration);
        }
    } else if !committer.is_transactional {
        return Err(ErrorCode::UnknownMemberId);
    }
    if !committer.is_transactional && state == GroupState::CompletingRebalance {
        return Err(ErrorCode::RebalanceInProgress);
    }
    Ok(())
}

/// One record per partition whose metadata is not too long (classic-coordinator.md 6.3).
fn records_of(
    group: GroupId,
    partitions: Rc<[CommittedPartition]>,
    producer: Option<(ProducerId, i16)>,
    expire_timestamp: Option<Millis>,
    env: &Env,
) -> CommitOutcome {
    let max_length = usize::try_from(env.config.offset_metadata_max_bytes).unwrap_or(0);
    let is_too_long = |committed: &CommittedPartition| {
        committed.metadata.as_ref().is_some_and(|metadata| utf16_length(metadata) > max_length)
    };
    let (errors, accepted) = if partitions.iter().any(is_too_long) {
        let error =
            |committed| if is_too_long(committed) { ErrorCode::OffsetMetadataTooLarge } else { ErrorCode::None };
        let accepted = partitions.iter().filter(|committed| !is_too_long(committed)).cloned().collect();
        (CommitErrors::Each(partitions.iter().map(error).collect()), accepted)
    } else {
        (CommitErrors::All(ErrorCode::None), partitions.clone())
    };
    let commit_timestamp = env.now;
    let records = CommitRecords { group, partitions: accepted, producer, commit_timestamp, expire_timestamp };
    CommitOutcome { records: Rc::new(records), response: OffsetCommitResponse { partitions, errors } }
}

/// Length of a Java string.
fn utf16_length(text: &Arc<str>) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}
