//! The Java consumer with `group.protocol=classic` (`ClassicKafkaConsumer`, `ConsumerCoordinator`).

mod consumer;

pub use consumer::{AssignedPartition, Consumer, PollThread};
