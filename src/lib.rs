//! rebalab: a deterministic simulator of Apache Kafka consumer-group rebalances.
//!
//! Data moves left to right, once:
//!
//! ```text
//! scenario file ──load──▶ Scenario ──build──▶ Simulation ══events══▶ observers ──▶ Outcome ──▶ report
//! ```
//!
//! The folders below stand in their order: each uses only those above it (`tests/architecture.rs` holds it).
//! `ARCHITECTURE.md` is the house in one page.
#![forbid(unsafe_code)]

pub mod analysis;
pub mod assignor;
#[cfg(feature = "cli")]
pub mod cli;
pub mod client;
pub mod cluster;
pub mod conformance;
pub mod coordinator;
pub mod engine;
pub mod experiment;
pub mod lint;
pub mod protocol;
#[cfg(feature = "cli")]
pub mod report;
pub mod scenario;
pub mod trace;
