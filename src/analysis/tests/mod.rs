//! Runs told by hand and what the analysis says of them.

mod story;

mod barrier;
mod invariants;
mod livelock;
mod measured;
mod outcome;
mod pauses;
mod removals;
