//! The Java consumer with `group.protocol=classic` (`ClassicKafkaConsumer`, `ConsumerCoordinator`).
//!
//! The poll thread is a stack of calls that can wait (`thread`), the heartbeat thread a loop whose sleeps are worked out
//! (`heartbeat`). While nothing happens but records coming in, the poll thread takes a short way (`quiet`), and an input of
//! a consumer that rests the shortest one (`pace`). Both threads read sockets through `network`, where Fetches are parked
//! (`parked`) and, of one client, take turns with other requests (`turns`); what an answer does is in the file of its
//! request. Comments that name a section mean `docs/consumer-client.md`.

mod application;
mod backoff;
mod callback;
mod close;
mod commit;
mod consumer;
mod coordinator;
mod exception;
mod group_requests;
mod handlers;
mod heartbeat;
mod join;
mod leader;
mod membership;
mod metadata;
mod network;
mod nodes;
mod pace;
mod parked;
mod poll;
mod positions;
mod quiet;
mod retry;
mod subscriptions;
mod thread;
mod tracked;
mod turns;

pub use consumer::{Consumer, PollThread, RebalanceProtocol};
pub use subscriptions::AssignedPartition;

#[cfg(test)]
mod tests;
