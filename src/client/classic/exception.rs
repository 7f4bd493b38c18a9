//! Exceptions as the Java client has them: class, message, and whether a retry may help.

use std::sync::Arc;

use crate::protocol::ErrorCode;

/// What a request's future fails with, or what comes out of a call of the consumer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Exception {
    /// Simple name of the class.
    pub class: &'static str,
    /// `getMessage()`; `None` for null.
    pub message: Option<Arc<str>>,
    /// A `RetriableException`.
    pub retriable: bool,
    /// The error code it stands for, if it stands for one.
    pub code: Option<ErrorCode>,
}

impl Exception {
    /// An exception that is not an error code's.
    pub fn new(class: &'static str, message: &str) -> Self {
        Exception { class, message: Some(Arc::from(message)), retriable: false, code: None }
    }

    /// `Errors.exception()`: class and message of an error code (`org.apache.kafka.common.protocol.Errors`).
    pub fn of(code: ErrorCode) -> Self {
        let (class, message, retriable) = describe(code);
        Exception { class, message: Some(Arc::from(message)), retriable, code: Some(code) }
    }

    /// `KafkaException`, for answers that the client does not expect.
    pub fn unexpected(place: &str, code: ErrorCode) -> Self {
        Exception::new("KafkaException", &format!("{place}: {}", describe(code).1))
    }

    /// `DisconnectException.INSTANCE`, which has no message.
    pub fn disconnect() -> Self {
        Exception { class: "DisconnectException", message: None, retriable: true, code: None }
    }

    /// A request that could not be sent within its timeout.
    pub fn send_timeout(timeout_ms: i64) -> Self {
        let message = format!("Failed to send request after {timeout_ms} ms.");
        Exception { class: "TimeoutException", message: Some(Arc::from(message)), retriable: true, code: None }
    }

    /// `NoAvailableBrokersException`.
    pub fn no_brokers() -> Self {
        Exception { class: "NoAvailableBrokersException", message: None, retriable: true, code: None }
    }

    /// `UnjoinedGroupException`.
    pub fn unjoined() -> Self {
        Exception { class: "UnjoinedGroupException", message: None, retriable: true, code: None }
    }

    /// True for the exception of this error code.
    pub fn is(&self, code: ErrorCode) -> bool {
        self.code == Some(code)
    }

    /// The message as it is printed.
    pub fn text(&self) -> Arc<str> {
        self.message.clone().unwrap_or_else(|| Arc::from("null"))
    }
}

/// Commit without an active group (`sendOffsetCommitRequest`), UNJOINED.
pub(super) fn commit_failed_locally() -> Exception {
    Exception::new(
        "CommitFailedException",
        "Offset commit cannot be completed since the consumer is not part of an active group for auto partition \
         assignment; it is likely that the consumer was kicked out of the group.",
    )
}

/// `CommitFailedException()` as the answer of the coordinator raises it.
pub(super) fn commit_failed() -> Exception {
    Exception::new(
        "CommitFailedException",
        "Commit cannot be completed since the group has already rebalanced and assigned the partitions to another \
         member. This means that the time between subsequent calls to poll() was longer than the configured \
         max.poll.interval.ms, which typically implies that the poll loop is spending too much time message \
         processing. You can address this either by increasing max.poll.interval.ms or by reducing the maximum size \
         of batches returned in poll() with max.poll.records.",
    )
}

/// `RebalanceInProgressException` with this message.
pub(super) fn rebalance_in_progress(message: &str) -> Exception {
    Exception { code: Some(ErrorCode::RebalanceInProgress), ..Exception::new("RebalanceInProgressException", message) }
}

/// Class, message and retriability of an error code.
fn describe(code: ErrorCode) -> (&'static str, &'static str, bool) {
    use ErrorCode as E;
    match code {
        E::UnknownTopicOrPartition => {
            ("UnknownTopicOrPartitionException", "This server does not host this topic-partition.", true)
        }
        E::LeaderNotAvailable => (
            "LeaderNotAvailableException",
            "There is no leader for this topic-partition as we are in the middle of a leadership election.",
            true,
        ),
        E::NotLeaderOrFollower => (
            "NotLeaderOrFollowerException",
            "For requests intended only for the leader, this error indicates that the broker is not the current \
             leader. For requests intended for any replica, this error indicates that the broker is not a replica of \
             the topic partition.",
            true,
        ),
        E::RequestTimedOut => ("TimeoutException", "The request timed out.", true),
        E::NetworkException => ("NetworkException", "The server disconnected before a response was received.", true),
        E::CoordinatorLoadInProgress => {
            ("CoordinatorLoadInProgressException", "The coordinator is loading and hence can't process requests.", true)
        }
        E::CoordinatorNotAvailable => ("CoordinatorNotAvailableException", "The coordinator is not available.", true),
        E::NotCoordinator => ("NotCoordinatorException", "This is not the correct coordinator.", true),
        E::UnstableOffsetCommit => {
            ("UnstableOffsetCommitException", "There are unstable offsets that need to be cleared.", true)
        }
        other => {
            let (class, message) = describe_final(other);
            (class, message, false)
        }
    }
}

/// The error codes after which a retry does not help.
fn describe_final(code: ErrorCode) -> (&'static str, &'static str) {
    use ErrorCode as E;
    match code {
        E::IllegalGeneration => ("IllegalGenerationException", "Specified group generation id is not valid."),
        E::InconsistentGroupProtocol => (
            "InconsistentGroupProtocolException",
            "The group member's supported protocols are incompatible with those of existing members or first group \
             member tried to join with empty protocol type or empty protocol list.",
        ),
        E::InvalidGroupId => ("InvalidGroupIdException", "The group id is invalid."),
        E::UnknownMemberId => ("UnknownMemberIdException", "The coordinator is not aware of this member."),
        E::InvalidSessionTimeout => (
            "InvalidSessionTimeoutException",
            "The session timeout is not within the range allowed by the broker (as configured by \
             group.min.session.timeout.ms and group.max.session.timeout.ms).",
        ),
        E::RebalanceInProgress => ("RebalanceInProgressException", "The group is rebalancing, so a rejoin is needed."),
        E::InvalidCommitOffsetSize => {
            ("InvalidCommitOffsetSizeException", "The committing offset data size is not valid.")
        }
        E::OffsetMetadataTooLarge => {
            ("OffsetMetadataTooLarge", "The metadata field of the offset request was too large.")
        }
        E::TopicAuthorizationFailed => ("TopicAuthorizationException", "Topic authorization failed."),
        E::GroupAuthorizationFailed => ("GroupAuthorizationException", "Group authorization failed."),
        E::MemberIdRequired => (
            "MemberIdRequiredException",
            "The group member needs to have a valid member id before actually entering a consumer group.",
        ),
        E::GroupMaxSizeReached => ("GroupMaxSizeReachedException", "The consumer group has reached its max size."),
        E::FencedInstanceId => (
            "FencedInstanceIdException",
            "The broker rejected this static consumer since another consumer with the same group.instance.id has \
             registered with a different member.id.",
        ),
        E::UnsupportedVersion => ("UnsupportedVersionException", "The version of API is not supported."),
        E::OffsetOutOfRange => (
            "OffsetOutOfRangeException",
            "The requested offset is not within the range of offsets maintained by the server.",
        ),
        _ => ("UnknownServerException", "The server experienced an unexpected error when processing the request."),
    }
}
