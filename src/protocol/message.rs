//! Requests and responses of consumer groups, with Kafka's field names. Fields that decide nothing are left out
//! (throttle times, authorised operations).

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use crate::protocol::{
    BrokerId, Bytes, ErrorCode, Generation, GroupId, GroupInstanceId, MemberId, ProducerId, TopicId, TopicName,
    TopicPartition,
};

/// A request that a consumer sends to a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Which broker coordinates this group?
    FindCoordinator { group_id: GroupId },
    /// Partitions and leaders of topics; `None` for all topics (pattern subscription).
    Metadata { topics: Option<Vec<TopicName>> },
    /// Enter the join phase.
    JoinGroup(JoinGroupRequest),
    /// Fetch (and, as the leader, hand in) the assignment.
    SyncGroup(SyncGroupRequest),
    /// I am alive.
    Heartbeat(HeartbeatRequest),
    /// Members leave the group.
    LeaveGroup(LeaveGroupRequest),
    /// Commit offsets.
    OffsetCommit(OffsetCommitRequest),
    /// Read committed offsets.
    OffsetFetch(OffsetFetchRequest),
    /// Commit offsets as part of a transaction.
    TxnOffsetCommit(TxnOffsetCommitRequest),
    /// End of a transaction on this partition of `__consumer_offsets`, from the transaction coordinator.
    WriteTxnMarker(TxnMarkerRequest),
    /// Remove committed offsets (admin).
    OffsetDelete(OffsetDeleteRequest),
    /// Remove whole groups (admin): those of one shard.
    DeleteGroups { groups: Vec<GroupId> },
    /// Earliest or latest offsets of partitions without a committed one; goes to their leader.
    ListOffsets { latest: bool, partitions: Vec<TopicPartition> },
    /// Where the leader epoch of these partitions' committed offsets ends, which tells whether the log was cut off since; goes
    /// to their leader.
    OffsetForLeaderEpoch { partitions: Rc<[TopicPartition]> },
}

/// What a broker answers. Small, as most answers are: the large ones of a rebalance are boxed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// Answer to FindCoordinator: the broker, or an error.
    FindCoordinator { error: ErrorCode, coordinator: Option<BrokerId> },
    /// Answer to Metadata: the brokers that are up, and the topics (one that does not exist is absent).
    Metadata { brokers: Vec<BrokerId>, topics: Vec<TopicMetadata>, listing: Listing },
    /// Answer to JoinGroup.
    JoinGroup(Box<JoinGroupResponse>),
    /// Answer to SyncGroup.
    SyncGroup(Box<SyncGroupResponse>),
    /// Answer to Heartbeat.
    Heartbeat(HeartbeatResponse),
    /// Answer to LeaveGroup.
    LeaveGroup(LeaveGroupResponse),
    /// Answer to OffsetCommit.
    OffsetCommit(OffsetCommitResponse),
    /// Answer to OffsetFetch.
    OffsetFetch(OffsetFetchResponse),
    /// Answer to TxnOffsetCommit.
    TxnOffsetCommit(OffsetCommitResponse),
    /// Answer to WriteTxnMarker.
    WriteTxnMarker { error: ErrorCode },
    /// Answer to OffsetDelete.
    OffsetDelete(OffsetDeleteResponse),
    /// Answer to DeleteGroups: error per group, in the request's order.
    DeleteGroups { results: Vec<(GroupId, ErrorCode)> },
    /// Answer to ListOffsets: offset or error per partition, in the request's order.
    ListOffsets { offsets: Vec<Result<i64, ErrorCode>> },
    /// Answer to OffsetForLeaderEpoch: end offset or error per partition, in the request's order.
    OffsetForLeaderEpoch { ends: Vec<Result<i64, ErrorCode>> },
}

impl From<JoinGroupResponse> for Response {
    fn from(answer: JoinGroupResponse) -> Self {
        Response::JoinGroup(Box::new(answer))
    }
}

impl From<SyncGroupResponse> for Response {
    fn from(answer: SyncGroupResponse) -> Self {
        Response::SyncGroup(Box::new(answer))
    }
}

/// The order in which a Metadata response lists the partitions of a topic. Some clients' assignors hang on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listing {
    /// That of a broker that was not restarted since the topic was made.
    #[default]
    Fresh,
    /// That of a broker that was.
    Restarted,
}

/// A topic of a Metadata response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicMetadata {
    /// Its name.
    pub name: TopicName,
    /// The leader of each partition, from partition 0; `None` while there is none.
    pub leaders: Vec<Option<BrokerId>>,
    /// Per partition the racks of its replicas' brokers, in replica order, `None` for one without a rack or one that is
    /// down: the answer lists only brokers that are up, and a client knows no rack of another. Empty if no broker has a
    /// rack.
    pub racks: Vec<Vec<Option<Arc<str>>>>,
}

/// One embedded protocol of a JoinGroup: an assignor's name and the member's subscription for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinGroupProtocol {
    /// `range`, `cooperative-sticky`, …
    pub name: Arc<str>,
    /// `ConsumerProtocolSubscription` bytes; opaque to the coordinator but for the topics.
    pub metadata: Bytes,
}

/// JoinGroup request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinGroupRequest {
    /// `group.id`.
    pub group_id: GroupId,
    /// `session.timeout.ms`.
    pub session_timeout_ms: i32,
    /// `max.poll.interval.ms` in the Java consumer.
    pub rebalance_timeout_ms: i32,
    /// Empty on a first join.
    pub member_id: MemberId,
    /// `group.instance.id`.
    pub group_instance_id: Option<GroupInstanceId>,
    /// `consumer`.
    pub protocol_type: Arc<str>,
    /// The member's assignors, most wanted first.
    pub protocols: Vec<JoinGroupProtocol>,
    /// Why the client joins (KIP-800).
    pub reason: Option<Arc<str>>,
}

/// A member as the leader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinGroupResponseMember {
    /// Member id.
    pub member_id: MemberId,
    /// Instance id of a static member.
    pub group_instance_id: Option<GroupInstanceId>,
    /// Its subscription for the chosen protocol.
    pub metadata: Bytes,
}

/// JoinGroup response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinGroupResponse {
    /// NONE or why not.
    pub error: ErrorCode,
    /// Generation, -1 with an error.
    pub generation_id: Generation,
    /// The group's protocol type.
    pub protocol_type: Option<Arc<str>>,
    /// The chosen assignor.
    pub protocol_name: Option<Arc<str>>,
    /// The leader's member id.
    pub leader: MemberId,
    /// The leader must not compute an assignment (KIP-814).
    pub skip_assignment: bool,
    /// The recipient's member id.
    pub member_id: MemberId,
    /// All members, for the leader only.
    pub members: Vec<JoinGroupResponseMember>,
}

/// SyncGroup request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncGroupRequest {
    /// `group.id`.
    pub group_id: GroupId,
    /// Generation of the join answer.
    pub generation_id: Generation,
    /// The sender.
    pub member_id: MemberId,
    /// Instance id of a static member.
    pub group_instance_id: Option<GroupInstanceId>,
    /// Protocol type as the client knows it.
    pub protocol_type: Option<Arc<str>>,
    /// Assignor as the client knows it.
    pub protocol_name: Option<Arc<str>>,
    /// The leader's assignment per member; empty from followers.
    pub assignments: Vec<(MemberId, Bytes)>,
}

/// SyncGroup response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncGroupResponse {
    /// NONE or why not.
    pub error: ErrorCode,
    /// The group's protocol type.
    pub protocol_type: Option<Arc<str>>,
    /// The chosen assignor.
    pub protocol_name: Option<Arc<str>>,
    /// `ConsumerProtocolAssignment` bytes of this member.
    pub assignment: Bytes,
}

/// Heartbeat request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeartbeatRequest {
    /// `group.id`.
    pub group_id: GroupId,
    /// The sender's generation.
    pub generation_id: Generation,
    /// The sender.
    pub member_id: MemberId,
    /// Instance id of a static member.
    pub group_instance_id: Option<GroupInstanceId>,
}

/// Heartbeat response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeartbeatResponse {
    /// NONE, REBALANCE_IN_PROGRESS, …
    pub error: ErrorCode,
}

/// LeaveGroup request (batch form).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaveGroupRequest {
    /// `group.id`.
    pub group_id: GroupId,
    /// Who leaves.
    pub members: Vec<LeavingMember>,
}

/// One leaving member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeavingMember {
    /// Member id; may be empty when the instance id says who (admin removal).
    pub member_id: MemberId,
    /// Instance id of a static member.
    pub group_instance_id: Option<GroupInstanceId>,
    /// Why (KIP-800).
    pub reason: Option<Arc<str>>,
}

/// LeaveGroup response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaveGroupResponse {
    /// Group-level error.
    pub error: ErrorCode,
    /// Per member: id, instance id, error, in the request's order.
    pub members: Vec<(MemberId, Option<GroupInstanceId>, ErrorCode)>,
}

/// One offset of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedPartition {
    /// Partition.
    pub partition: TopicPartition,
    /// Id of its topic; [`TopicId::ZERO`] when the client names none.
    pub topic_id: TopicId,
    /// The next offset to read.
    pub offset: i64,
    /// Leader epoch of the last consumed record, -1 for none.
    pub leader_epoch: i32,
    /// Free text.
    pub metadata: Option<Arc<str>>,
}

/// Offsets by partition as a commit names them, for events: made from a request it shares the request's memory. Only
/// partitions and offsets count when two are compared.
#[derive(Clone)]
pub struct CommittedOffsets(Rc<[CommittedPartition]>);

impl CommittedOffsets {
    /// How many partitions there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True without a partition.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each partition with its offset, in the request's order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&TopicPartition, i64)> {
        self.0.iter().map(|committed| (&committed.partition, committed.offset))
    }
}

impl From<Rc<[CommittedPartition]>> for CommittedOffsets {
    fn from(partitions: Rc<[CommittedPartition]>) -> Self {
        CommittedOffsets(partitions)
    }
}

impl FromIterator<(TopicPartition, i64)> for CommittedOffsets {
    fn from_iter<T: IntoIterator<Item = (TopicPartition, i64)>>(offsets: T) -> Self {
        let named = |(partition, offset)| CommittedPartition {
            partition,
            topic_id: TopicId::ZERO,
            offset,
            leader_epoch: -1,
            metadata: None,
        };
        CommittedOffsets(offsets.into_iter().map(named).collect())
    }
}

impl PartialEq for CommittedOffsets {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for CommittedOffsets {}

impl fmt::Debug for CommittedOffsets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// OffsetCommit request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetCommitRequest {
    /// `group.id`.
    pub group_id: GroupId,
    /// The sender's generation, -1 outside group management.
    pub generation_id: Generation,
    /// The sender.
    pub member_id: MemberId,
    /// Instance id of a static member.
    pub group_instance_id: Option<GroupInstanceId>,
    /// Offset retention override, -1 for the broker's.
    pub retention_time_ms: i64,
    /// What to commit.
    pub partitions: Rc<[CommittedPartition]>,
}

/// OffsetCommit response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetCommitResponse {
    /// The partitions of the request.
    pub partitions: Rc<[CommittedPartition]>,
    /// What became of them.
    pub errors: CommitErrors,
}

/// Errors of a commit's partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitErrors {
    /// The same for all.
    All(ErrorCode),
    /// One for each, in the request's order.
    Each(Box<[ErrorCode]>),
}

impl OffsetCommitResponse {
    /// Each partition with its error, in the request's order.
    pub fn iter(&self) -> impl Iterator<Item = (&TopicPartition, ErrorCode)> {
        self.partitions.iter().enumerate().map(|(place, committed)| match &self.errors {
            CommitErrors::All(error) => (&committed.partition, *error),
            CommitErrors::Each(errors) => (&committed.partition, errors[place]),
        })
    }

    /// The error of the first partition that has one; NONE if all were committed.
    pub fn first_error(&self) -> ErrorCode {
        match &self.errors {
            CommitErrors::All(error) => *error,
            CommitErrors::Each(errors) => {
                errors.iter().copied().find(|error| *error != ErrorCode::None).unwrap_or(ErrorCode::None)
            }
        }
    }
}

/// OffsetFetch request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetFetchRequest {
    /// `group.id`.
    pub group_id: GroupId,
    /// Which partitions; `None` for all that the group has.
    pub partitions: Option<Vec<TopicPartition>>,
    /// Topic id of each of `partitions`, in the same order; empty when the client names none.
    pub topic_ids: Vec<TopicId>,
    /// Wait for open transactions and unreplicated commits (KIP-447).
    pub require_stable: bool,
}

/// One answer of an OffsetFetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedOffset {
    /// Partition.
    pub partition: TopicPartition,
    /// Committed offset, -1 for none.
    pub offset: i64,
    /// Leader epoch stored with it, -1 for none.
    pub leader_epoch: i32,
    /// Stored free text.
    pub metadata: Option<Arc<str>>,
    /// Error of this partition.
    pub error: ErrorCode,
}

/// OffsetFetch response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetFetchResponse {
    /// Group-level error.
    pub error: ErrorCode,
    /// Per partition.
    pub partitions: Vec<FetchedOffset>,
}

/// TxnOffsetCommit request. The verification with the transaction coordinator (KIP-890) has been passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxnOffsetCommitRequest {
    /// `group.id`.
    pub group_id: GroupId,
    /// The producer whose transaction this is.
    pub producer_id: ProducerId,
    /// Its epoch.
    pub producer_epoch: i16,
    /// Generation of the consumer, -1 outside group management.
    pub generation_id: Generation,
    /// The consumer's member id.
    pub member_id: MemberId,
    /// Instance id of a static member.
    pub group_instance_id: Option<GroupInstanceId>,
    /// What to commit.
    pub partitions: Rc<[CommittedPartition]>,
}

/// End of a transaction: visible or discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TxnMarkerRequest {
    /// The producer whose transaction ends.
    pub producer_id: ProducerId,
    /// Its epoch.
    pub producer_epoch: i16,
    /// True for COMMIT, false for ABORT.
    pub commit: bool,
}

/// OffsetDelete request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetDeleteRequest {
    /// `group.id`.
    pub group_id: GroupId,
    /// Partitions by topic.
    pub topics: Vec<(TopicName, Vec<i32>)>,
}

/// OffsetDelete response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetDeleteResponse {
    /// Group-level error.
    pub error: ErrorCode,
    /// Error per partition, by topic, in the request's order; empty with a group-level error.
    pub topics: Vec<(TopicName, Vec<(i32, ErrorCode)>)>,
}
