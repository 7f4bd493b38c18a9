//! Static membership (KIP-345), and leaving on close.

use crate::engine::SimDuration;
use crate::lint::Severity;
use crate::lint::context::{Context, shown};
use crate::lint::rule::rules;

rules! {
    BELOW_RESTART: Error "static-session-below-restart",
        "a static member's session is not above the usual time of a restart (needs `--restart-time`)",
        "its partitions stand still for a whole session before others get them, and its return is a second rebalance: worse than without static membership",
        "a session well above the longest restart",
        "static-restart-too-late";
    BELOW_LONGEST: Note "static-session-below-longest-restart",
        "a static member's session is above the usual time of a restart, but not above the longest (needs `--restart-time USUAL..LONGEST`)",
        "the few restarts that take longer cost a session of standstill and two rebalances each; a session above them all would have each crash unnoticed as long",
        "weigh the two: `rebalab sweep --session.timeout.ms=…` over a scenario with such restarts and crashes",
        "fifty-pods";
    SESSION_UNSTATED: Note "static-session-unstated",
        "a static member has the default session timeout",
        "a restart that takes longer stops its partitions for a whole session and costs two rebalances",
        "a session above the longest restart; say `--restart-time` to have it checked",
        "static-restart-too-late";
    LEAVE_ON_CLOSE: Warning "static-leave-on-close",
        "`internal.leave.group.on.close` is set for a static member",
        "it has no effect: a static member never leaves on close, its place is kept for a session",
        "leave it out",
        "rolling-restart-static";
    FIXED_ID: Warning "fixed-instance-id",
        "`group.instance.id` is the same for every process that reads the file",
        "two processes with one id fence each other, and records are worked on twice",
        "an id of its own for each process, such as the name of a StatefulSet's pod: `${POD_NAME}`",
        "duplicate-instance-id";
    STAYS: Warning "leave-on-close-off",
        "`internal.leave.group.on.close` is false for a dynamic member",
        "each orderly stop looks like a crash: the partitions stand still for a whole session",
        "leave it out, or use static membership for restarts without a rebalance",
        "incidents/leave-on-close-off";
}

const ID: &str = "group.instance.id";
const LEAVE: &str = "internal.leave.group.on.close";

/// Looks at static membership.
pub fn check(context: &mut Context<'_>) {
    if !context.has(ID) {
        dynamic(context);
        return;
    }
    session_against_restart(context);
    if let Some(text) = context.text(ID).filter(|text| !text.contains('{')) {
        let place = context.settings.place(&[ID]);
        context.settings.add(FIXED_ID, place, format!("`{}` is `{text}` for every process", context.own(ID)));
    }
    // consumer-client.md 5: close(), static
    if context.flag(LEAVE).is_some_and(|_| context.has(LEAVE)) {
        let place = context.settings.place(&[LEAVE]);
        context.settings.add(LEAVE_ON_CLOSE, place, format!("`{LEAVE}` is set beside `{ID}`"));
    }
}

fn session_against_restart(context: &mut Context<'_>) {
    let Some(session) = context.session_ms() else { return };
    let of_broker = context.is_consumer_protocol();
    let named = match of_broker {
        true => format!("the brokers' `group.consumer.session.timeout.ms` ({session} ms)"),
        false => context.named("session.timeout.ms"),
    };
    let Some(restart) = context.options.restart_time else {
        if !context.has("session.timeout.ms") && !of_broker {
            let place = context.settings.place(&[ID]);
            context.settings.add(SESSION_UNSTATED, place, format!("{named} is what a restart may take"));
        }
        return;
    };
    let millis = |time: SimDuration| i64::try_from(time.0 / 1_000_000).unwrap_or(i64::MAX);
    let place = context.settings.place(&["session.timeout.ms", ID]);
    if millis(restart.usual) < session {
        if millis(restart.longest) >= session {
            let message = format!("{named} is not above the longest restarts, {}", shown(restart.longest));
            context.settings.add(BELOW_LONGEST, place, message);
        }
        return;
    }
    let restart_ms = millis(restart.usual);
    let wanted = restart_ms.saturating_add(restart_ms / 4).max(restart_ms.saturating_add(10_000));
    let right = match of_broker {
        true => format!(
            "`group.consumer.session.timeout.ms` (and its maximum, `group.consumer.max.session.timeout.ms`) of {wanted} at the brokers"
        ),
        false => format!("`session.timeout.ms` of {wanted}: the restart and some room"),
    };
    let message = format!("{named} is not above a restart of {}", shown(restart.usual));
    context.settings.add(BELOW_RESTART, place, message).right(right);
}

fn dynamic(context: &mut Context<'_>) {
    if context.has(LEAVE) && context.flag(LEAVE) == Some(false) {
        let place = context.settings.place(&[LEAVE]);
        context.settings.add(STAYS, place, format!("`{LEAVE}` is false")).severity(Severity::Warning);
    }
}
