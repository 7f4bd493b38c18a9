//! Simulated time, the event queue, named random streams and sampling. Knows nothing of Kafka.

pub mod sample;
pub mod time;

pub use sample::Distribution;
pub use time::{Millis, SimDuration, SimTime};
