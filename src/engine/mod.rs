//! Simulated time, the event queue, named random streams and sampling. Knows nothing of Kafka.

mod heap;
pub mod queue;
pub mod sample;
pub mod slab;
pub mod time;

pub use queue::{EventHandle, EventQueue, TimerSlot};
pub use sample::Distribution;
pub use slab::Slab;
pub use time::{Millis, SimDuration, SimTime};
