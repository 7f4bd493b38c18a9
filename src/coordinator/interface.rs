//! What goes into a coordinator shard and what comes out of it: the contract between [`Shard`](super::Shard) and
//! whoever carries its inputs and outputs (the simulated broker, a replayed recording).
//!
//! # What the caller must do
//!
//! * **Time.** `now` never goes back. Inputs of one instant are handled in the order given; outputs are in the order of
//!   decisions.
//! * **Before the shard** (classic-coordinator.md 0.7). A broker first runs
//!   [`check_api_request`](super::check_api_request) and [`check_request`](super::check_request), answers what they refuse, routes the rest by
//!   `protocol::java_hash::coordinator_partition`, and answers with [`error_response`](super::error_response)
//!   NOT_COORDINATOR where it has no shard of that partition. A shard that loads or failed answers by itself.
//!   `FindCoordinator`, `Metadata` and `ListOffsets` are the broker's own: a shard panics on them.
//! * **Log.** [`Output::Append`] says: these records now stand at `base_offset` and following in the leader's log (the
//!   shard counts offsets itself, from 0 or from [`Input::Loaded`]'s `log_end`; nobody else writes there). The caller may gather
//!   appends into one batch for `group.coordinator.append.linger.ms` before it writes them. Later it says either
//!   [`Input::Committed`] when the high watermark moved (at ends of batches), or, for a batch whose *local* append
//!   failed, [`Input::AppendFailed`] with the first offset of that batch. A local append fails at the moment it is
//!   tried: nothing may have been handed to the shard between the flush and `AppendFailed`, and the failed batch is always the
//!   newest. The offsets of a failed batch are used again. Appends that merely do not get replicated are not failed:
//!   the caller does nothing, and the shard's write timeout ends the waiting.
//!   A transactional batch and a marker are appended at once (they flush what is gathered, and linger not at all).
//! * **Release** ([`ReleaseRule`]). The shard itself holds answers back until the high watermark allows them; the caller
//!   sends a [`Output::Respond`] at once.
//! * **Timers.** [`Output::SetTimer`] arms timer `timer` for `at`, or moves it; [`Output::CancelTimer`] withdraws it. When it is
//!   due: [`Input::Timer`]. A [`TimerId`] is a small dense number, free for a table; after the timer fired or was
//!   cancelled the shard may use the number for another one. A cancelled or moved timer must not fire, even if it was
//!   already due (the shard ignores one that is not due, so a late delivery does no harm).
//! * **Leadership.** [`Input::Elected`] when this broker becomes leader of the partition; on [`Output::LoadLog`] read the
//!   log and hand it in with [`Input::Loaded`] (as long as that takes, requests are answered
//!   COORDINATOR_LOAD_IN_PROGRESS, heartbeats NONE). [`Input::Resigned`] on an orderly loss of leadership. A crash is no input:
//!   drop the shard, its open requests are never answered, and make a new one.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use crate::engine::Millis;
use crate::protocol::message::{Request, Response};
use crate::protocol::{ClientId, ErrorCode, GroupId, MemberId, TopicPartition};

use super::event::CoordinatorEvent;
use super::record::{LoggedRecord, Records};

/// Names a request while its answer is open. Given by the caller, never reused within a shard's life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId(pub u64);

/// Names an operation of the shard (a write that a request or a timer caused, or a wait for earlier writes). Given by
/// the shard, counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OperationId(pub u64);

/// Names a timer of the shard: a small number that indexes a table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TimerId(pub u32);

/// Who sent a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientInfo {
    /// `client.id`
    pub client_id: ClientId,
    /// Host as the broker sees it, for example `/10.0.0.7`.
    pub client_host: Arc<str>,
}

/// When an operation that writes nothing is answered (classic-coordinator.md 0.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReleaseRule {
    /// At once, even while earlier records are not committed. Shows the pure decisions; recordings use it.
    Immediate,
    /// When everything written before it is committed: what a broker does.
    Deferred,
}

/// What a timer is for. `Display` gives Kafka's key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TimerKey {
    /// Session of a member, or validity of a member id that was handed out (`heartbeat-<group>-<member>`).
    Heartbeat { group: GroupId, member: MemberId },
    /// End of the join phase (`join-<group>`).
    Join { group: GroupId },
    /// End of the sync phase (`sync-<group>`).
    Sync { group: GroupId },
    /// Periodic removal of expired offsets and empty groups (`expire-group-metadata`).
    ExpireGroupMetadata,
    /// `offsets.commit.timeout.ms` of the oldest operation that waits. One timer stands for all of them: it re-arms
    /// itself for the next one, and fires without effect when the one it was armed for is done.
    WriteTimeout,
}

impl fmt::Display for TimerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TimerKey::Heartbeat { group, member } => write!(f, "heartbeat-{group}-{member}"),
            TimerKey::Join { group } => write!(f, "join-{group}"),
            TimerKey::Sync { group } => write!(f, "sync-{group}"),
            TimerKey::ExpireGroupMetadata => f.write_str("expire-group-metadata"),
            TimerKey::WriteTimeout => f.write_str("write-timeout"),
        }
    }
}

/// Where new member ids come from: drawn in a simulation, read from a recording in a replay.
pub trait MemberIds {
    /// A new id `<prefix>-<uuid>`; the prefix is the client id, or the instance id of a static member.
    fn new_member_id(&mut self, prefix: &str) -> MemberId;
}

/// Takes what a shard wants done, in the order of its decisions: the broker that does it at once, or a list for those who
/// look at it afterwards.
pub trait Outputs {
    /// The next thing that is to be done.
    fn push(&mut self, output: Output);
}

impl Outputs for Vec<Output> {
    fn push(&mut self, output: Output) {
        self.push(output);
    }
}

/// What happens to a shard.
#[derive(Clone, Debug)]
pub enum Input {
    /// A request arrives.
    Request { id: RequestId, version: i16, client: Rc<ClientInfo>, body: Rc<Request> },
    /// A timer expires.
    Timer(TimerId),
    /// Everything before this offset of the shard's log is committed.
    Committed { high_watermark: i64 },
    /// The local append of the newest batch, which starts at this offset, failed.
    AppendFailed { base_offset: i64, error: ErrorCode },
    /// The write timeout of one operation passed. For replays, which name the operation; a simulation lets
    /// [`TimerKey::WriteTimeout`] do it.
    OperationTimedOut(OperationId),
    /// Topic deletion reaches the shard.
    PartitionsDeleted { partitions: Vec<TopicPartition> },
    /// This broker leads the partition from now on.
    Elected { leader_epoch: i32 },
    /// The answer to the newest [`Output::LoadLog`]: all records of the log in order, where it ends, and its high watermark.
    Loaded { records: Vec<LoggedRecord>, log_end: i64, high_watermark: i64 },
    /// The log could not be read; the shard answers NOT_COORDINATOR until an election with a higher epoch.
    LoadFailed,
    /// Another broker leads from this epoch on (`None`: the replica is deleted). What waits is answered NOT_COORDINATOR.
    Resigned { leader_epoch: Option<i32> },
}

/// What a shard wants done. The order of outputs is the order of decisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Answer a request.
    Respond { id: RequestId, body: Response },
    /// Append records to the shard's log, the first at `base_offset`.
    Append { base_offset: i64, records: Records },
    /// Arm (or move) a timer.
    SetTimer { timer: TimerId, at: Millis },
    /// Withdraw a timer.
    CancelTimer(TimerId),
    /// Read the log of this partition and hand it in with [`Input::Loaded`] or [`Input::LoadFailed`].
    LoadLog { leader_epoch: i32 },
    /// Something for people and for the trace.
    Event(CoordinatorEvent),
}
