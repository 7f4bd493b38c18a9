//! The enums of an outcome as words for people, and as the keys that `report.json` and the tables use.

use serde::Serialize;

use crate::analysis::outcome::{BarrierPhase, PauseCause, RebalanceEnd, RemovalKind};

/// The key that a value has in `report.json`, for example `session_expired`.
pub(super) fn key(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(key)) => key,
        Ok(other) => other.to_string(),
        Err(error) => unreachable!("a plain value has a key: {error}"),
    }
}

/// Why a partition stands still, in few words.
pub(super) fn pause_cause(cause: PauseCause) -> &'static str {
    match cause {
        PauseCause::UndetectedFailure => "undetected failure",
        PauseCause::Barrier => "barrier",
        PauseCause::Assignment => "assignment",
        PauseCause::Callback => "callback",
        PauseCause::HostPause => "host pause",
        PauseCause::SlowBatch => "slow batch",
        PauseCause::Network => "network",
        PauseCause::CoordinatorUnavailable => "coordinator unavailable",
        PauseCause::Position => "position",
        PauseCause::InitialDelay => "initial delay",
        PauseCause::Startup => "start-up",
        PauseCause::ProcessDown => "process down",
        PauseCause::Unassigned => "unassigned",
    }
}

/// What that cause means, in half a sentence.
pub(super) fn pause_cause_meaning(cause: PauseCause) -> &'static str {
    match cause {
        PauseCause::UndetectedFailure => "owner gone, not yet noticed",
        PauseCause::Barrier => "waiting for all members to rejoin",
        PauseCause::Assignment => "assignment on its way to members",
        PauseCause::Callback => "rebalance listener at work",
        PauseCause::HostPause => "owner's host stands still",
        PauseCause::SlowBatch => "owner's poll thread is stuck",
        PauseCause::Network => "owner cut off from the brokers",
        PauseCause::CoordinatorUnavailable => "no coordinator answers",
        PauseCause::Position => "owner looks up its position",
        PauseCause::InitialDelay => "group.initial.rebalance.delay.ms",
        PauseCause::Startup => "no member has joined yet",
        PauseCause::ProcessDown => "all down, or owner keeps its place",
        PauseCause::Unassigned => "nobody owns it, no rebalance",
    }
}

/// How a member kept the others waiting.
pub(super) fn barrier_phase(phase: BarrierPhase) -> &'static str {
    match phase {
        BarrierPhase::Discover => "discover",
        BarrierPhase::FinishBatch => "finish batch",
        BarrierPhase::Prepare => "prepare",
        BarrierPhase::Rejoin => "rejoin",
        BarrierPhase::InitialDelay => "initial rebalance delay",
        BarrierPhase::SessionTimeout => "session timeout",
        BarrierPhase::RebalanceTimeout => "rebalance timeout",
        BarrierPhase::Left => "left instead",
    }
}

/// How a rebalance ended, if not in the usual way.
pub(super) fn unusual_end(end: RebalanceEnd) -> Option<&'static str> {
    match end {
        RebalanceEnd::Completed => None,
        RebalanceEnd::Superseded => Some("overtaken by the next one"),
        RebalanceEnd::GroupEmpty => Some("ended with an empty group"),
        RebalanceEnd::CoordinatorLost => Some("coordinator lost"),
        RebalanceEnd::Unfinished => Some("not over at the end of the run"),
    }
}

/// What the removal of a member really was.
pub(super) fn removal_kind(kind: RemovalKind) -> &'static str {
    match kind {
        RemovalKind::FalseExpulsion => "expelled although alive",
        RemovalKind::PollIntervalExceeded => "left: poll interval exceeded",
        RemovalKind::CrashDetected => "crash detected",
        RemovalKind::StoppedWithoutLeaving => "stopped without leaving",
        RemovalKind::OldMemberId => "old member id",
        RemovalKind::Left => "left",
    }
}

/// Whether the removal of a member is something that went wrong, and not an orderly end.
pub(super) fn is_trouble(kind: RemovalKind) -> bool {
    match kind {
        RemovalKind::FalseExpulsion | RemovalKind::PollIntervalExceeded | RemovalKind::CrashDetected => true,
        RemovalKind::StoppedWithoutLeaving | RemovalKind::OldMemberId | RemovalKind::Left => false,
    }
}
