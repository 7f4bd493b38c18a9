//! Error codes under Kafka's names (`org.apache.kafka.common.protocol.Errors`).

use std::fmt;
use std::str::FromStr;

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal;)*) => {
        /// An error code of Kafka's wire protocol.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum ErrorCode {
            $($(#[$doc])* $variant,)*
        }
        impl ErrorCode {
            /// Kafka's name, for example `REBALANCE_IN_PROGRESS`.
            pub const fn name(self) -> &'static str {
                match self { $(ErrorCode::$variant => $name,)* }
            }
            /// The number on the wire.
            pub const fn code(self) -> i16 {
                match self { $(ErrorCode::$variant => $code,)* }
            }
        }
        impl FromStr for ErrorCode {
            type Err = String;
            fn from_str(name: &str) -> Result<Self, String> {
                match name { $($name => Ok(ErrorCode::$variant),)* _ => Err(format!("unknown Kafka error name `{name}`")) }
            }
        }
    };
}

error_codes! {
    /// An unexpected exception inside the broker.
    UnknownServerError = -1, "UNKNOWN_SERVER_ERROR";
    /// Success.
    None = 0, "NONE";
    /// The offset is outside the log.
    OffsetOutOfRange = 1, "OFFSET_OUT_OF_RANGE";
    /// The broker does not know the topic or partition.
    UnknownTopicOrPartition = 3, "UNKNOWN_TOPIC_OR_PARTITION";
    /// A fetch size that makes no sense; here from the log of the coordinator.
    InvalidFetchSize = 4, "INVALID_FETCH_SIZE";
    /// No leader at the moment.
    LeaderNotAvailable = 5, "LEADER_NOT_AVAILABLE";
    /// Not the leader of that partition.
    NotLeaderOrFollower = 6, "NOT_LEADER_OR_FOLLOWER";
    /// A request timed out inside the broker.
    RequestTimedOut = 7, "REQUEST_TIMED_OUT";
    /// The record is larger than the broker takes.
    MessageTooLarge = 10, "MESSAGE_TOO_LARGE";
    /// Commit metadata longer than `offset.metadata.max.bytes`.
    OffsetMetadataTooLarge = 12, "OFFSET_METADATA_TOO_LARGE";
    /// The connection broke.
    NetworkException = 13, "NETWORK_EXCEPTION";
    /// The coordinator reads its log.
    CoordinatorLoadInProgress = 14, "COORDINATOR_LOAD_IN_PROGRESS";
    /// No coordinator at the moment.
    CoordinatorNotAvailable = 15, "COORDINATOR_NOT_AVAILABLE";
    /// Another broker coordinates this group.
    NotCoordinator = 16, "NOT_COORDINATOR";
    /// The batch is larger than the log's segment.
    RecordListTooLarge = 18, "RECORD_LIST_TOO_LARGE";
    /// Too few in-sync replicas.
    NotEnoughReplicas = 19, "NOT_ENOUGH_REPLICAS";
    /// Too few in-sync replicas, seen after the append.
    NotEnoughReplicasAfterAppend = 20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND";
    /// The generation is not the group's.
    IllegalGeneration = 22, "ILLEGAL_GENERATION";
    /// The member's protocols don't go with the group's.
    InconsistentGroupProtocol = 23, "INCONSISTENT_GROUP_PROTOCOL";
    /// Empty or null group id.
    InvalidGroupId = 24, "INVALID_GROUP_ID";
    /// The coordinator does not know this member.
    UnknownMemberId = 25, "UNKNOWN_MEMBER_ID";
    /// The session timeout is outside the broker's bounds.
    InvalidSessionTimeout = 26, "INVALID_SESSION_TIMEOUT";
    /// The group rebalances: rejoin.
    RebalanceInProgress = 27, "REBALANCE_IN_PROGRESS";
    /// The commit record is too large.
    InvalidCommitOffsetSize = 28, "INVALID_COMMIT_OFFSET_SIZE";
    /// Not allowed to read the topic.
    TopicAuthorizationFailed = 29, "TOPIC_AUTHORIZATION_FAILED";
    /// Not allowed to use the group.
    GroupAuthorizationFailed = 30, "GROUP_AUTHORIZATION_FAILED";
    /// The request's version is unknown.
    UnsupportedVersion = 35, "UNSUPPORTED_VERSION";
    /// The producer's epoch is old.
    InvalidProducerEpoch = 47, "INVALID_PRODUCER_EPOCH";
    /// The transaction is in the wrong state.
    InvalidTxnState = 48, "INVALID_TXN_STATE";
    /// The producer id is not the transaction's.
    InvalidProducerIdMapping = 49, "INVALID_PRODUCER_ID_MAPPING";
    /// A newer transaction coordinator exists.
    TransactionCoordinatorFenced = 52, "TRANSACTION_COORDINATOR_FENCED";
    /// The broker's disk failed.
    KafkaStorageError = 56, "KAFKA_STORAGE_ERROR";
    /// The group still has members.
    NonEmptyGroup = 68, "NON_EMPTY_GROUP";
    /// No such group.
    GroupIdNotFound = 69, "GROUP_ID_NOT_FOUND";
    /// First join: join again with the id of this answer.
    MemberIdRequired = 79, "MEMBER_ID_REQUIRED";
    /// The group is full.
    GroupMaxSizeReached = 81, "GROUP_MAX_SIZE_REACHED";
    /// Another process uses this instance id.
    FencedInstanceId = 82, "FENCED_INSTANCE_ID";
    /// The group is subscribed to the topic.
    GroupSubscribedToTopic = 86, "GROUP_SUBSCRIBED_TO_TOPIC";
    /// The offset is part of an open transaction or not replicated yet.
    UnstableOffsetCommit = 88, "UNSTABLE_OFFSET_COMMIT";
    /// The producer was fenced.
    ProducerFenced = 90, "PRODUCER_FENCED";
    /// The member epoch is older than the group's (KIP-848).
    FencedMemberEpoch = 110, "FENCED_MEMBER_EPOCH";
    /// The instance id is still in use (KIP-848).
    UnreleasedInstanceId = 111, "UNRELEASED_INSTANCE_ID";
    /// The server assignor is unknown (KIP-848).
    UnsupportedAssignor = 112, "UNSUPPORTED_ASSIGNOR";
    /// The member's epoch is stale (KIP-848).
    StaleMemberEpoch = 113, "STALE_MEMBER_EPOCH";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
impl serde::Serialize for ErrorCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
