//! From an answer to its handler.

use crate::client::{Api, ClientEvent};
use crate::protocol::ErrorCode;
use crate::protocol::message::Response;

use super::consumer::{Consumer, Context};
use super::tracked::{Completed, Purpose};

impl Consumer {
    /// A request came to its end: its handler runs on the thread that polls the network.
    pub(super) fn on_completed(&mut self, done: Completed, cx: &mut Context<'_>) {
        if let Ok(response) = &done.result {
            let (api, error) = api_and_error(response);
            // The end of a commit that succeeded says all that there is to say.
            if (api, error) != (Api::OffsetCommit, ErrorCode::None) {
                cx.event(ClientEvent::ResponseHandled { api, error, latency_ns: done.latency.0 });
            }
        }
        match (done.purpose, done.result) {
            (Purpose::FindCoordinator, result) => self.on_find_coordinator(done.correlation_id, result, cx),
            (Purpose::Metadata { wanted }, result) => self.on_metadata(wanted, result, cx),
            (Purpose::OffsetFetch, result) => self.on_offset_fetch(done.correlation_id, result, cx),
            (Purpose::ListOffsets { partitions }, result) => self.on_list_offsets(&partitions, result, cx),
            (Purpose::OffsetForLeaderEpoch { partitions }, result) => self.on_leader_epochs(&partitions, result, cx),
            (Purpose::OffsetCommit { id, sent }, result) => {
                self.on_offset_commit(id, &sent, result, done.latency, cx);
            }
            (Purpose::JoinGroup { sent }, Ok(Response::JoinGroup(answer))) => self.on_join_group(&sent, *answer, cx),
            (Purpose::SyncGroup { sent }, Ok(Response::SyncGroup(answer))) => self.on_sync_group(&sent, *answer, cx),
            (Purpose::Heartbeat { sent }, Ok(Response::Heartbeat(answer))) => {
                self.on_heartbeat(&sent, answer.error, cx);
            }
            (Purpose::JoinGroup { .. } | Purpose::SyncGroup { .. }, Err(lost)) => {
                self.mark_if_disconnected(&lost, cx);
                self.fail_join(lost, cx);
            }
            (Purpose::Heartbeat { .. }, Err(lost)) => {
                self.mark_if_disconnected(&lost, cx);
                self.heartbeat_failed(cx);
            }
            (Purpose::LeaveGroup, Err(lost)) => self.mark_if_disconnected(&lost, cx),
            // the answer to LeaveGroup is only logged
            (Purpose::LeaveGroup, Ok(_)) => {}
            (purpose, Ok(response)) => panic!("{response:?} answers {purpose:?}"),
        }
    }
}

fn api_and_error(response: &Response) -> (Api, ErrorCode) {
    match response {
        Response::FindCoordinator { error, .. } => (Api::FindCoordinator, *error),
        Response::Metadata { .. } => (Api::Metadata, ErrorCode::None),
        Response::JoinGroup(answer) => (Api::JoinGroup, answer.error),
        Response::SyncGroup(answer) => (Api::SyncGroup, answer.error),
        Response::Heartbeat(answer) => (Api::Heartbeat, answer.error),
        Response::LeaveGroup(answer) => (Api::LeaveGroup, answer.error),
        Response::OffsetCommit(answer) => (Api::OffsetCommit, answer.first_error()),
        Response::OffsetFetch(answer) => (Api::OffsetFetch, answer.error),
        Response::ListOffsets { offsets } => {
            let failed = offsets.iter().find_map(|offset| offset.err());
            (Api::ListOffsets, failed.unwrap_or(ErrorCode::None))
        }
        Response::OffsetForLeaderEpoch { ends } => {
            let failed = ends.iter().find_map(|end| end.err());
            (Api::OffsetForLeaderEpoch, failed.unwrap_or(ErrorCode::None))
        }
        other => panic!("a consumer got {other:?}"),
    }
}
