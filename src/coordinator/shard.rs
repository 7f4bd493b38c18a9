//! The shard: one partition of `__consumer_offsets` with the groups and offsets in it.

use super::checks::error_response;
use super::interface::{Input, MemberIds, Output, ReleaseRule};
use crate::engine::Millis;
use crate::protocol::ErrorCode;
use crate::protocol::config::broker::BrokerConfig;
use crate::protocol::message::{HeartbeatResponse, Request, Response};

/// Where a shard stands in its life (classic-coordinator.md 7.3; `CoordinatorRuntime.CoordinatorState`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lifecycle {
    /// Never elected, or resigned: NOT_COORDINATOR.
    Initial,
    /// Reads the log: COORDINATOR_LOAD_IN_PROGRESS.
    Loading,
    /// Answers.
    Active,
    /// The log could not be read: NOT_COORDINATOR.
    Failed,
}

/// One partition of `__consumer_offsets` with the groups and offsets in it. See [`interface`](super::interface) for
/// what its caller must do.
pub struct Shard {
    config: BrokerConfig,
    release: ReleaseRule,
    lifecycle: Lifecycle,
    leader_epoch: i32,
}

impl Shard {
    /// A shard that nobody elected yet.
    pub fn new(config: BrokerConfig, release: ReleaseRule) -> Self {
        Shard { config, release, lifecycle: Lifecycle::Initial, leader_epoch: -1 }
    }

    /// Where the shard stands in its life.
    pub fn lifecycle(&self) -> Lifecycle {
        self.lifecycle
    }

    /// The settings it decides by.
    pub fn config(&self) -> &BrokerConfig {
        &self.config
    }

    /// When it answers operations that write nothing.
    pub fn release_rule(&self) -> ReleaseRule {
        self.release
    }

    /// Takes one input at time `now` and pushes what it wants done, in order.
    pub fn handle(&mut self, _now: Millis, input: Input, _ids: &mut dyn MemberIds, out: &mut Vec<Output>) {
        match input {
            Input::Request { id, body, .. } => out.push(Output::Respond { id, body: self.refuse(&body) }),
            Input::Elected { leader_epoch } if leader_epoch > self.leader_epoch => {
                self.leader_epoch = leader_epoch;
                if matches!(self.lifecycle, Lifecycle::Initial | Lifecycle::Failed) {
                    self.lifecycle = Lifecycle::Loading;
                    out.push(Output::LoadLog { leader_epoch });
                }
            }
            _ => {}
        }
    }

    /// The answer of a shard that is not active (classic-coordinator.md 0.7).
    fn refuse(&self, body: &Request) -> Response {
        match (self.lifecycle, body) {
            // A heartbeat succeeds blindly while the log is read.
            (Lifecycle::Loading, Request::Heartbeat(_)) => {
                Response::Heartbeat(HeartbeatResponse { error: ErrorCode::None })
            }
            (Lifecycle::Loading, _) => error_response(body, ErrorCode::CoordinatorLoadInProgress),
            _ => error_response(body, ErrorCode::NotCoordinator),
        }
    }
}
