//! What a caller fixes that a run otherwise draws: for replays of a recording, whose story must not depend on chance
//! that the recording itself knows the outcome of.

use std::collections::VecDeque;

use crate::engine::{Distribution, SimDuration, SimTime};
use crate::protocol::MemberId;

/// Fixed values for a run. What is not fixed (or used up) is drawn as always, from the same streams.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// By consumer, in the order of [`Scenario::consumers`](crate::scenario::Scenario::consumers); may be shorter.
    pub consumers: Vec<ConsumerInputs>,
    /// How late a thread of a consumer wakes after its time is up: timer slack and a busy machine.
    pub thread_lateness: Distribution,
    /// How late a coordinator acts on a timer.
    pub timer_lateness: Distribution,
    /// What takes longer the first time.
    pub first_uses: FirstUses,
    /// From these instants on, what is drawn is drawn under another seed, in time order. Until then the run is the
    /// same as without: so a run can be continued in another way from a point in its middle.
    pub reseeds: Vec<Reseed>,
}

/// What takes a process longer the first time: a virtual machine loads classes when they are first used. What comes before
/// the first JoinGroup belongs to the start-up time.
#[derive(Clone, Debug)]
pub enum FirstUses {
    /// The first request of each kind, by so much, whatever the start-up time was.
    Requests(Distribution),
    /// The first request of each kind, call of the listener, Fetch and run of the assignor: by `cost` in a process that took
    /// `usual_startup` to start, in proportion in one that was slower (a cold virtual machine, a busy machine) or faster.
    ByStartup {
        /// In a process that took the usual time.
        cost: Distribution,
        /// That time.
        usual_startup: SimDuration,
    },
}

/// What is drawn is drawn under another seed from an instant on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reseed {
    /// The instant.
    pub at: SimTime,
    /// Only what is drawn for that consumer, by its index; for all and for the brokers' logs if `None`.
    pub consumer: Option<u32>,
    /// The seed.
    pub seed: u64,
}

impl Default for Inputs {
    /// Nothing is fixed, and everybody is punctual.
    fn default() -> Self {
        let punctual = Distribution::Constant(SimDuration::ZERO);
        Inputs {
            consumers: Vec::new(),
            thread_lateness: punctual.clone(),
            timer_lateness: punctual.clone(),
            first_uses: FirstUses::Requests(punctual),
            reseeds: Vec::new(),
        }
    }
}

/// What is fixed of one consumer.
#[derive(Clone, Debug, Default)]
pub struct ConsumerInputs {
    /// How long its process starts up, one entry for each start.
    pub startups: VecDeque<SimDuration>,
    /// The member ids that coordinators make for it, in order.
    pub member_ids: VecDeque<MemberId>,
    /// The orders of Go's maps in the assignments that it computes as a leader, one after the other
    /// ([`Jitter::map_order`](crate::client::Jitter::map_order)).
    pub map_orders: VecDeque<u64>,
}
