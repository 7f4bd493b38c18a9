//! Simulated time, the event queue, named random streams and sampling. Knows nothing of Kafka.

mod heap;
pub(crate) mod normal;
pub mod queue;
pub mod random;
pub mod sample;
pub mod slab;
pub mod time;
mod wheel;

pub use queue::{EventHandle, EventQueue, TimerSlot};
pub use random::RandomStream;
pub use sample::{Distribution, DistributionError, Sampler};
pub use slab::Slab;
pub use time::{Millis, SimDuration, SimTime};
