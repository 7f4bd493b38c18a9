//! Which kind a fault is, and what charts and reports call it where the file gives no label.

use crate::scenario::file::fault::{FaultEntry, LinksEntry};
use crate::scenario::file::{Dist, Names, Shape, Span};

/// The kinds under their names in the file.
pub(super) const KINDS: [&str; 25] = [
    "gc_pause",
    "freeze",
    "vm_freeze",
    "clock_jump",
    "poll_stall",
    "slowdown",
    "crash",
    "crash_loop",
    "stop",
    "start",
    "rolling_restart",
    "rollout",
    "scale",
    "node_drain",
    "loss",
    "delay",
    "throttle",
    "black_hole",
    "reset",
    "storage_stall",
    "storage_slow",
    "append_failure",
    "broker_restart",
    "broker_rolling_restart",
    "coordinator_move",
];

/// The kinds that an entry gives, by name.
pub(super) fn kinds(entry: &FaultEntry) -> Vec<&'static str> {
    let given = [
        entry.gc_pause.is_some(),
        entry.freeze.is_some(),
        entry.vm_freeze.is_some(),
        entry.clock_jump.is_some(),
        entry.poll_stall.is_some(),
        entry.slowdown.is_some(),
        entry.crash.is_some(),
        entry.crash_loop.is_some(),
        entry.stop.is_some(),
        entry.start.is_some(),
        entry.rolling_restart.is_some(),
        entry.rollout.is_some(),
        entry.scale.is_some(),
        entry.node_drain.is_some(),
        entry.loss.is_some(),
        entry.delay.is_some(),
        entry.throttle.is_some(),
        entry.black_hole.is_some(),
        entry.reset.is_some(),
        entry.storage_stall.is_some(),
        entry.storage_slow.is_some(),
        entry.append_failure.is_some(),
        entry.broker_restart.is_some(),
        entry.broker_rolling_restart.is_some(),
        entry.coordinator_move.is_some(),
    ];
    KINDS.into_iter().zip(given).filter(|(_, given)| *given).map(|(name, _)| name).collect()
}

/// What charts call a fault: `GC pause worker-2 8s`, `Loss 20% billing 30s`.
pub(super) fn label(entry: &FaultEntry) -> String {
    let host = |kind: &str, names: &Names| format!("{kind} {}", who(names));
    let host_for = |kind: &str, names: &Names, length: &Dist| format!("{kind} {} {}", who(names), how_long(length));
    let links =
        |kind: &str, links: &LinksEntry, length: &Dist| format!("{kind} {} {}", who(&links.host), how_long(length));
    if let Some(of) = &entry.gc_pause {
        host_for("GC pause", &of.host, &of.length)
    } else if let Some(of) = &entry.freeze {
        host_for("Freeze", &of.host, &of.length)
    } else if let Some(of) = &entry.poll_stall {
        host_for("Poll stall", &of.host, &of.length)
    } else if let Some(of) = &entry.slowdown {
        format!("Slowdown {}x {} {}", of.factor, who(&of.host), how_long(&of.length))
    } else if let Some(of) = &entry.crash {
        host("Crash", &of.host)
    } else if let Some(of) = &entry.stop {
        host("Stop", &of.host)
    } else if let Some(of) = &entry.start {
        host("Start", &of.host)
    } else if let Some(of) = &entry.rolling_restart {
        host("Rolling restart", &of.host)
    } else if let Some(text) = machine_label(entry) {
        text
    } else if let Some(of) = &entry.loss {
        links(&format!("Loss {}%", of.probability * 100.0), &of.links, &of.length)
    } else if let Some(of) = &entry.delay {
        links(&format!("Delay +{}", how_long(&of.extra)), &of.links, &of.length)
    } else if let Some(of) = &entry.throttle {
        links(&format!("Throttle {}", how_long(&of.by)), &of.links, &of.length)
    } else if let Some(of) = &entry.black_hole {
        links("Network partition", &of.links, &of.length)
    } else if let Some(of) = &entry.reset {
        links("Connection reset", &of.links, &of.length)
    } else {
        broker_label(entry)
    }
}

fn machine_label(entry: &FaultEntry) -> Option<String> {
    if let Some(of) = &entry.vm_freeze {
        return Some(format!("VM freeze {} {}", who(&of.host), how_long(&of.length)));
    }
    if let Some(of) = &entry.clock_jump {
        let by = of.forward.map(|span| format!("+{span}")).or(of.back.map(|span| format!("-{span}")));
        return Some(format!("Clock jump {} {}", who(&of.host), by.unwrap_or_default()));
    }
    if let Some(of) = &entry.crash_loop {
        return Some(format!("Crash loop {}", who(&of.host)));
    }
    if let Some(of) = &entry.rollout {
        return Some(format!("Rollout {}", who(&of.host)));
    }
    if let Some(of) = &entry.scale {
        return Some(format!("Scale {} to {}", who(&of.host), of.to));
    }
    if let Some(of) = &entry.node_drain {
        return Some(format!("Drain node {} of {}", of.node, who(&of.host)));
    }
    entry.broker_rolling_restart.as_ref().map(|_| "Rolling restart of the brokers".to_string())
}

fn broker_label(entry: &FaultEntry) -> String {
    if let Some(of) = &entry.storage_stall {
        format!("Storage stall {}", how_long(&of.length))
    } else if let Some(of) = &entry.storage_slow {
        format!("Slow storage +{} {}", how_long(&of.extra), how_long(&of.length))
    } else if let Some(of) = &entry.append_failure {
        format!("Append failure {} {}", of.error, how_long(&of.length))
    } else if let Some(of) = &entry.broker_restart {
        let how = match (of.power_loss, of.unclean) {
            (true, _) => "power loss",
            (false, true) => "crash",
            (false, false) => "restart",
        };
        format!("Broker {} {how} {}", of.broker, how_long(&of.down))
    } else if let Some(of) = &entry.coordinator_move {
        format!("Coordinator of {} to broker {}", of.group, of.to)
    } else {
        String::new()
    }
}

fn who(names: &Names) -> String {
    match &names.0[..] {
        [all] if all == "*" => "all".into(),
        names => names.join(", "),
    }
}

/// A length in a few letters; of a distribution its least and most where they are bounded.
fn how_long(dist: &Dist) -> String {
    let range = |least: &Span, most: &Span| format!("{least}-{most}");
    match &dist.0 {
        Shape::Constant(span) => span.to_string(),
        Shape::Uniform { from, to } => range(from, to),
        Shape::Exponential { mean, .. } => format!("~{mean}"),
        Shape::Lognormal { median, .. } => format!("~{median}"),
        Shape::Mixture(_) => "(mixture)".into(),
        Shape::Table(lines) => match (lines.first(), lines.last()) {
            (Some(first), Some(last)) => range(&first.value, &last.value),
            _ => String::new(),
        },
    }
}
