//! The records of `__consumer_offsets`, typed: what Kafka writes as key and value bytes.
//!
//! classic-coordinator.md 7.6. A value of `None` is a tombstone.

use std::rc::Rc;
use std::sync::Arc;

use crate::engine::Millis;
use crate::protocol::message::CommittedPartition;
use crate::protocol::{
    Bytes, ClientId, Generation, GroupId, GroupInstanceId, MemberId, ProducerId, TopicId, TopicPartition,
};

/// One record of a shard's log. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// State of a group (`GroupMetadataKey`, `GroupMetadataValue`).
    GroupMetadata {
        /// Key.
        group: GroupId,
        /// Value; `None` deletes the group.
        value: Option<Arc<GroupMetadataValue>>,
    },
    /// A committed offset (`OffsetCommitKey`, `OffsetCommitValue`).
    OffsetCommit {
        /// Key: the group.
        group: GroupId,
        /// Key: the partition whose offset this is.
        partition: TopicPartition,
        /// The transactional producer that wrote it; the offset counts once its COMMIT marker follows.
        producer: Option<(ProducerId, i16)>,
        /// Value; `None` deletes the offset.
        value: Option<OffsetCommitValue>,
    },
    /// Control record: the transaction of this producer ends.
    EndTxnMarker {
        /// The producer.
        producer_id: ProducerId,
        /// Its epoch.
        producer_epoch: i16,
        /// True for COMMIT, false for ABORT.
        commit: bool,
    },
}

/// Value of a group metadata record (`GroupMetadataValue` version 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMetadataValue {
    /// Protocol type, empty for none.
    pub protocol_type: Arc<str>,
    /// Generation.
    pub generation: Generation,
    /// The chosen assignor.
    pub protocol: Option<Arc<str>>,
    /// The leader.
    pub leader: Option<MemberId>,
    /// When the group entered the state it was written in.
    pub current_state_timestamp: Option<Millis>,
    /// Members, in the group's own order.
    pub members: Vec<MemberMetadata>,
}

/// A member inside a group metadata record (`GroupMetadataValue.MemberMetadata`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberMetadata {
    /// Member id.
    pub member_id: MemberId,
    /// Instance id of a static member.
    pub group_instance_id: Option<GroupInstanceId>,
    /// `client.id`.
    pub client_id: ClientId,
    /// Host of the client.
    pub client_host: Arc<str>,
    /// Rebalance timeout in ms.
    pub rebalance_timeout_ms: i32,
    /// Session timeout in ms.
    pub session_timeout_ms: i32,
    /// Subscription for the chosen protocol.
    pub subscription: Bytes,
    /// Assignment.
    pub assignment: Bytes,
}

/// Value of an offset commit record (`OffsetCommitValue`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetCommitValue {
    /// The next offset to read.
    pub offset: i64,
    /// Leader epoch of the last consumed record, -1 for none.
    pub leader_epoch: i32,
    /// Free text of the committer; `None` for none, which Kafka writes as the empty text.
    pub metadata: Option<Arc<str>>,
    /// When it was committed.
    pub commit_timestamp: Millis,
    /// When it expires, if the request said so (OffsetCommit versions 2 to 4).
    pub expire_timestamp: Option<Millis>,
    /// Id of the topic; zero for none.
    pub topic_id: TopicId,
}

impl OffsetCommitValue {
    /// The version that Kafka 4.1.1 writes: 4, or 1 with an expiry. Version 1 has no leader epoch and no topic id.
    pub fn version(&self) -> i16 {
        if self.expire_timestamp.is_some() { 1 } else { 4 }
    }

    /// The value as it is read back from its bytes: what the written version cannot hold is lost.
    pub fn as_read(&self) -> OffsetCommitValue {
        match self.version() {
            1 => OffsetCommitValue { leader_epoch: -1, topic_id: TopicId::ZERO, ..self.clone() },
            _ => self.clone(),
        }
    }
}

/// What one operation appends: a commit's records share what the request says of its partitions. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Records {
    /// Those of an accepted commit, one for each partition.
    Commit(Rc<CommitRecords>),
    /// Any others.
    Each(Vec<Record>),
}

/// The records of a commit.
#[derive(Clone, Debug)]
pub struct CommitRecords {
    /// The group.
    pub group: GroupId,
    /// The partitions, with what was committed.
    pub partitions: Rc<[CommittedPartition]>,
    /// The transactional producer that commits.
    pub producer: Option<(ProducerId, i16)>,
    /// When it was committed.
    pub commit_timestamp: Millis,
    /// When it expires, if the request said so.
    pub expire_timestamp: Option<Millis>,
}

impl CommitRecords {
    /// The value that is written for one of the partitions.
    pub fn value(&self, committed: &CommittedPartition) -> OffsetCommitValue {
        OffsetCommitValue {
            offset: committed.offset,
            leader_epoch: committed.leader_epoch,
            metadata: committed.metadata.clone().filter(|metadata| !metadata.is_empty()),
            commit_timestamp: self.commit_timestamp,
            expire_timestamp: self.expire_timestamp,
            // TxnOffsetCommit names no topic ids.
            topic_id: if self.producer.is_some() { TopicId::ZERO } else { committed.topic_id },
        }
    }

    fn record(&self, committed: &CommittedPartition) -> Record {
        Record::OffsetCommit {
            group: self.group,
            partition: committed.partition,
            producer: self.producer,
            value: Some(self.value(committed)),
        }
    }
}

impl Records {
    /// How many records there are.
    pub fn len(&self) -> usize {
        match self {
            Records::Commit(commit) => commit.partitions.len(),
            Records::Each(records) => records.len(),
        }
    }

    /// True without a record.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each record, in the order of the log.
    pub fn iter(&self) -> impl Iterator<Item = Record> {
        let (commit, others) = match self {
            Records::Commit(commit) => (Some(commit), &[][..]),
            Records::Each(records) => (None, &records[..]),
        };
        let committed =
            commit.into_iter().flat_map(|commit| commit.partitions.iter().map(|committed| commit.record(committed)));
        committed.chain(others.iter().cloned())
    }
}

impl From<Vec<Record>> for Records {
    fn from(records: Vec<Record>) -> Self {
        Records::Each(records)
    }
}

impl PartialEq for Records {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Records {}

/// A record with its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRecord {
    /// Offset in the log.
    pub offset: i64,
    /// The record.
    pub record: Record,
}
