//! What a broker decides about a group request before its shard is asked, and answers that carry an error.

use std::sync::Arc;

use crate::protocol::config::broker::BrokerConfig;
use crate::protocol::message::{
    CommitErrors, HeartbeatResponse, JoinGroupResponse, LeaveGroupResponse, Listing, OffsetCommitResponse,
    OffsetDeleteResponse, OffsetFetchResponse, Request, Response, SyncGroupResponse,
};
use crate::protocol::{Bytes, ErrorCode, Generation, MemberId};

/// The group coordinator component's own checks (classic-coordinator.md 0.7; `GroupCoordinatorService`): the answer if the
/// request is refused before it reaches a shard.
pub fn check_request(config: &BrokerConfig, body: &Request) -> Option<Response> {
    let no_group = match body {
        Request::JoinGroup(request) => request.group_id.as_str().is_empty(),
        Request::SyncGroup(request) => request.group_id.as_str().is_empty(),
        Request::Heartbeat(request) => request.group_id.as_str().is_empty(),
        Request::LeaveGroup(request) => request.group_id.as_str().is_empty(),
        Request::TxnOffsetCommit(request) => request.group_id.as_str().is_empty(),
        Request::OffsetDelete(request) => request.group_id.as_str().is_empty(),
        // OffsetCommit, OffsetFetch and DeleteGroups take the empty id.
        _ => false,
    };
    if let Request::JoinGroup(request) = body {
        // Bounds are valid themselves.
        let timeouts = config.group_min_session_timeout_ms..=config.group_max_session_timeout_ms;
        let error = match (no_group, timeouts.contains(&request.session_timeout_ms)) {
            (true, _) => ErrorCode::InvalidGroupId,
            (false, false) => ErrorCode::InvalidSessionTimeout,
            (false, true) => return None,
        };
        return Some(join_error(error, request.member_id.clone()).into());
    }
    no_group.then(|| error_response(body, ErrorCode::InvalidGroupId))
}

/// The request layer's check (`KafkaApis`), made before everything else: SyncGroup from version 5 on must name protocol
/// type and protocol (classic-coordinator.md 0.7).
pub fn check_api_request(version: i16, body: &Request) -> Option<Response> {
    match body {
        Request::SyncGroup(request)
            if version >= 5 && (request.protocol_type.is_none() || request.protocol_name.is_none()) =>
        {
            Some(error_response(body, ErrorCode::InconsistentGroupProtocol))
        }
        _ => None,
    }
}

/// The answer to `body` that carries `error` and nothing else: every partition of a commit, the whole of the others. A
/// JoinGroup answer does not echo the member id (classic-coordinator.md 0.6).
pub fn error_response(body: &Request, error: ErrorCode) -> Response {
    match body {
        Request::FindCoordinator { .. } => Response::FindCoordinator { error, coordinator: None },
        Request::Metadata { .. } => {
            Response::Metadata { brokers: Vec::new(), topics: Vec::new(), listing: Listing::Fresh }
        }
        Request::ListOffsets { partitions, .. } => {
            Response::ListOffsets { offsets: partitions.iter().map(|_| Err(error)).collect() }
        }
        Request::OffsetForLeaderEpoch { partitions } => {
            Response::OffsetForLeaderEpoch { ends: partitions.iter().map(|_| Err(error)).collect() }
        }
        Request::JoinGroup(_) => join_error(error, MemberId::default()).into(),
        Request::SyncGroup(_) => sync_error(error).into(),
        Request::Heartbeat(_) => Response::Heartbeat(HeartbeatResponse { error }),
        Request::LeaveGroup(_) => Response::LeaveGroup(LeaveGroupResponse { error, members: Vec::new() }),
        Request::OffsetCommit(request) => Response::OffsetCommit(OffsetCommitResponse {
            partitions: request.partitions.clone(),
            errors: CommitErrors::All(error),
        }),
        Request::TxnOffsetCommit(request) => Response::TxnOffsetCommit(OffsetCommitResponse {
            partitions: request.partitions.clone(),
            errors: CommitErrors::All(error),
        }),
        Request::OffsetFetch(_) => Response::OffsetFetch(OffsetFetchResponse { error, partitions: Vec::new() }),
        Request::WriteTxnMarker(_) => Response::WriteTxnMarker { error },
        Request::OffsetDelete(_) => Response::OffsetDelete(OffsetDeleteResponse { error, topics: Vec::new() }),
        Request::DeleteGroups { groups } => {
            Response::DeleteGroups { results: groups.iter().map(|group| (*group, error)).collect() }
        }
    }
}

/// A JoinGroup answer with an error: generation -1, no protocol type, empty protocol name, empty leader.
pub(super) fn join_error(error: ErrorCode, member_id: MemberId) -> JoinGroupResponse {
    JoinGroupResponse {
        error,
        generation_id: Generation::NONE,
        protocol_type: None,
        protocol_name: Some(Arc::from("")),
        leader: MemberId::default(),
        skip_assignment: false,
        member_id,
        members: Vec::new(),
    }
}

/// A SyncGroup answer with an error: no protocol, empty assignment.
pub(super) fn sync_error(error: ErrorCode) -> SyncGroupResponse {
    SyncGroupResponse { error, protocol_type: None, protocol_name: None, assignment: Bytes::from([]) }
}

/// The error that a client sees for an operation that failed inside the coordinator (classic-coordinator.md 0.6;
/// `CoordinatorOperationExceptionHelper`).
pub(super) fn operation_error(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition | ErrorCode::NotEnoughReplicas | ErrorCode::RequestTimedOut => {
            ErrorCode::CoordinatorNotAvailable
        }
        ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge | ErrorCode::InvalidFetchSize => {
            ErrorCode::UnknownServerError
        }
        // From the verification of a transaction.
        ErrorCode::NetworkException => ErrorCode::CoordinatorLoadInProgress,
        other => other,
    }
}
