//! Settings under Kafka's names: typed values with Kafka's defaults. The table of every known property (type, default,
//! bounds, source) stands beside them.

pub mod broker;
pub mod consumer;

pub use broker::BrokerConfig;
pub use consumer::{AssignorName, AutoOffsetReset, ConsumerConfig};
