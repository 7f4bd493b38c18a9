//! What crosses the wire between clients and brokers, and the settings both sides read. No behaviour.

pub mod config;
pub mod error;
pub mod ids;
pub mod java_hash;
pub mod message;
pub mod subscription;
mod topic_id;
mod wire;

pub use error::ErrorCode;
pub use ids::{
    BrokerId, Bytes, ClientId, Generation, GroupId, GroupInstanceId, MemberId, ProducerId, TopicId, TopicName,
    TopicPartition,
};
