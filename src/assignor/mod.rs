//! Partition assignors: those of the consumer (range, roundrobin, sticky, cooperative-sticky) and those of the broker
//! (uniform and range of KIP-848).
//!
//! Each decides exactly as Kafka 4.1.1 does, to the order inside lists and to the exceptions thrown; the words used are
//! those of `docs/assignors.md`. Nothing here knows time or I/O: an assignment is computed from what goes in, and its cost
//! in time is modelled apart.
//!
//! A consumer holds a [`ConsumerPartitionAssignor`] per configured strategy.

mod assignment;
mod client;
mod cluster;
mod cost;
mod distinct;
mod error;
mod franz_go;
mod group;
mod map_order;
mod others;
mod racks;
mod range;
mod round_robin;
mod sarama;
pub mod server;
mod sticky;

pub use assignment::{AssignedPartition, GroupAssignment, MemberAssignment};
pub use client::{ClientAssignor, ConsumerPartitionAssignor, leader_order};
pub use cluster::{Cluster, TopicMetadata};
pub use cost::{Assignor, kafka_cost};
pub use error::AssignorError;
pub use group::GroupMember;
