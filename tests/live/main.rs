//! Live recordings of real brokers and consumers, and simulated runs of the same scenarios.

mod cli_live;
mod coldness;
mod fetching;
mod judgements;
mod measures;
mod run;
mod scale_statements;
mod statements;
mod vectors;
