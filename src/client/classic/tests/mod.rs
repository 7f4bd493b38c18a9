//! The statements T1 to T60 of the specification that one consumer alone can show, each under its number, and what else
//! its state machine has to hold. `docs/client-statements.md` lists all of them.

mod close;
mod commits;
mod context;
mod cooperative;
mod eager;
mod heartbeats;
mod joins;
mod libraries;
mod lost_brokers;
mod metadata;
mod network;
mod pauses;
mod poll_interval;
mod positions;
mod quiet;
mod retries;
mod turns;
