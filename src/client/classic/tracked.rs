//! A request of the consumer from the moment when it is queued to its handler.

use std::rc::Rc;

use crate::client::Connection;
use crate::engine::{Millis, SimDuration, SimTime};
use crate::protocol::TopicPartition;
use crate::protocol::message::{Request, Response};

use super::commit::CommitId;
use super::exception::Exception;
use super::membership::GroupGeneration;

/// What a request is for, with what its handler needs to know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    FindCoordinator,
    Metadata { wanted: u32 },
    JoinGroup { sent: Rc<GroupGeneration> },
    SyncGroup { sent: Rc<GroupGeneration> },
    Heartbeat { sent: Rc<GroupGeneration> },
    LeaveGroup,
    OffsetCommit { id: CommitId, sent: Rc<GroupGeneration> },
    OffsetFetch,
    ListOffsets { partitions: Vec<TopicPartition> },
    OffsetForLeaderEpoch { partitions: Rc<[TopicPartition]> },
}

/// How far a request is.
#[derive(Debug)]
pub(super) enum Progress {
    Unsent(Rc<Request>),
    Sent(Millis),
}

/// A request that has not come to its end.
#[derive(Debug)]
pub(super) struct Tracked {
    pub correlation_id: u32,
    pub connection: Connection,
    pub created: SimTime,
    pub timeout_ms: i64,
    /// So many Fetches get in front of it on a shared connection.
    pub behind_fetches: u64,
    pub progress: Progress,
    pub purpose: Purpose,
}

impl Tracked {
    pub fn ended(self, result: Result<Response, Exception>, now: SimTime) -> Completed {
        Completed {
            correlation_id: self.correlation_id,
            purpose: self.purpose,
            latency: now.since(self.created),
            result,
        }
    }
}

/// A request that came to its end, before its handler has run.
#[derive(Debug)]
pub(super) struct Completed {
    pub correlation_id: u32,
    pub purpose: Purpose,
    /// From creation to receipt, as Kafka's latency metrics have it.
    pub latency: SimDuration,
    pub result: Result<Response, Exception>,
}
