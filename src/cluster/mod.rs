//! The simulated machines: hosts, network, replicated log, brokers, workload, faults, and the one loop that turns queue
//! entries into state-machine inputs and their outputs into queue entries.
//!
//! Each file owns one fault domain and says in its first lines how things fail there.

mod brokers;
mod cleaner;
mod consumers;
mod faults;
mod fetching;
mod host;
mod inputs;
mod leadership;
mod log;
mod machine;
mod network;
mod requests;
mod rollout;
mod simulation;
mod strikes;
mod taken;
mod workload;

pub use inputs::{ConsumerInputs, FirstUses, Inputs, Reseed};
pub use simulation::{RunTotals, directory, run, run_with};
