//! Simulated time, the event queue, named random streams and sampling. Knows nothing of Kafka.

pub mod time;

pub use time::{Millis, SimDuration, SimTime};
