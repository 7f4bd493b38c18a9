//! Replays recordings of real Kafka and counts agreement.

pub mod assignor;
pub mod assignor_server;
pub mod difference;
pub mod hash;
mod hex;
pub mod live;
