//! The session: heartbeats against it, the brokers' bounds, and what keeps heartbeats from going out.

use crate::client::Fetching;
use crate::lint::Severity;
use crate::lint::context::Context;
use crate::lint::rule::rules;

rules! {
    HEARTBEAT_NOT_BELOW: Error "heartbeat-not-below-session",
        "`heartbeat.interval.ms` is not below `session.timeout.ms`",
        "the Java consumer does not start; other clients are expelled between two heartbeats, again and again",
        "at most a third of the session timeout; Kafka's default is 3000";
    ABOVE_A_THIRD: Warning "heartbeat-above-a-third-of-session",
        "`heartbeat.interval.ms` is more than a third of `session.timeout.ms`",
        "fewer than three heartbeats fit into a session, so one late heartbeat or a pause shorter than the session can expel a member that is alive",
        "at most a third of the session timeout; shorter also means that members notice rebalances sooner",
        "heartbeat-two-thirds-of-the-session";
    SLOWS_REBALANCES: Note "heartbeat-slows-rebalances",
        "`heartbeat.interval.ms` is above 5 s",
        "a member learns of a rebalance from its next heartbeat, so each rebalance takes up to one interval longer",
        "3000, Kafka's default, whatever the session timeout is",
        "join-stable-group";
    TOO_OFTEN: Note "heartbeat-very-frequent",
        "`heartbeat.interval.ms` is below 500 ms",
        "each member costs the coordinator more than two requests a second, and notices rebalances hardly sooner",
        "1000 to 3000";
    BACKOFF: Warning "retry-backoff-delays-heartbeats",
        "`retry.backoff.ms` is as long as the heartbeat interval, or together with it as long as the session",
        "the Java consumer's heartbeat thread sleeps that long at a time while the application works, and heartbeats go out late by as much",
        "100, Kafka's default; raise `retry.backoff.max.ms` to spare the brokers";
    OUTSIDE_RANGE: Error "session-outside-broker-range",
        "`session.timeout.ms` is outside the brokers' `group.min.session.timeout.ms` to `group.max.session.timeout.ms`",
        "the coordinator refuses every join with INVALID_SESSION_TIMEOUT, so the consumer gets no partition",
        "a session within the bounds, or other bounds at the brokers";
    SHORT: Note "session-short",
        "`session.timeout.ms` is below 10 s",
        "a pause for garbage collection or a congested network expels a member that is alive, and each time costs two rebalances",
        "45000, Kafka's default, unless crashes must be noticed within seconds",
        "jitter-short-session-before";
    LONG: Note "session-long",
        "`session.timeout.ms` is above 2 min",
        "the partitions of a process that died stand still for that long before others get them",
        "45000, Kafka's default; for static members somewhat more than a restart takes",
        "crash";
    IDLE: Warning "connection-idle-before-heartbeat",
        "`connections.max.idle.ms` is not above `heartbeat.interval.ms`",
        "the connection to the coordinator is closed between two heartbeats and set up anew for each",
        "540000, Kafka's default; below the limit of load balancers on the way if there are any";
    FETCH_HOLDS: Error "fetch-wait-holds-heartbeats",
        "a client that beats or rejoins only between fetches waits as long for a fetch as the session lasts",
        "on an idle topic members are silent until their parked fetch returns, and are expelled though nothing is wrong",
        "a wait well below the session timeout",
        "incidents/waiting-members-expire-themselves";
}

const HEARTBEAT: &str = "heartbeat.interval.ms";
const SESSION: &str = "session.timeout.ms";

/// Looks at the session.
pub fn check(context: &mut Context<'_>) {
    if context.is_consumer_protocol() {
        return;
    }
    heartbeat_against_session(context);
    heartbeat_by_itself(context);
    retry_backoff(context);
    session_by_itself(context);
    session_in_range(context);
    idle_connections(context);
    fetches_in_the_way(context);
}

fn heartbeat_against_session(context: &mut Context<'_>) {
    let (Some(heartbeat), Some(session)) = (context.number(HEARTBEAT), context.number(SESSION)) else { return };
    let place = context.settings.place(&[HEARTBEAT, SESSION]);
    let (beat, of) = (context.named(HEARTBEAT), context.named(SESSION));
    if heartbeat >= session {
        let consequence = match context.java {
            Some(_) => "the consumer does not start: its constructor refuses it",
            None => {
                "the member is silent for longer than its session and is expelled between two heartbeats, again and again"
            }
        };
        let added = context.settings.add(HEARTBEAT_NOT_BELOW, place, format!("{beat} is not below {of}"));
        added.consequence(consequence).right(format!("at most {}, a third of the session", (session / 3).max(1)));
    } else if heartbeat * 3 > session {
        let added = context.settings.add(ABOVE_A_THIRD, place, format!("{beat} is more than a third of {of}"));
        added.right(format!(
            "at most {}, a third of the session; shorter also lets members notice rebalances sooner",
            session / 3
        ));
    }
}

fn heartbeat_by_itself(context: &mut Context<'_>) {
    let Some(heartbeat) = context.number(HEARTBEAT).filter(|_| context.has(HEARTBEAT)) else { return };
    let (place, beat) = (context.settings.place(&[HEARTBEAT]), context.named(HEARTBEAT));
    if heartbeat > 5_000 {
        context.settings.add(SLOWS_REBALANCES, place, format!("{beat} is above 5 s"));
    } else if heartbeat < 500 {
        context.settings.add(TOO_OFTEN, place, format!("{beat} is below half a second"));
    }
}

fn retry_backoff(context: &mut Context<'_>) {
    // consumer-client.md 1.5: the thread waits in slices of retry.backoff.ms
    if !(context.behaviour().heartbeat_thread && context.behaviour().sleeps_in_slices) {
        return;
    }
    let numbers = (context.number("retry.backoff.ms"), context.number(HEARTBEAT), context.number(SESSION));
    let (Some(backoff), Some(heartbeat), Some(session)) = numbers else { return };
    if heartbeat < session
        && (backoff >= heartbeat || backoff + heartbeat >= session)
        && context.has("retry.backoff.ms")
    {
        let place = context.settings.place(&["retry.backoff.ms"]);
        let message =
            format!("{} is as long as {} allows", context.named("retry.backoff.ms"), context.named(HEARTBEAT));
        context.settings.add(BACKOFF, place, message);
    }
}

fn session_by_itself(context: &mut Context<'_>) {
    let Some(session) = context.number(SESSION).filter(|_| context.has(SESSION)) else { return };
    let (place, named) = (context.settings.place(&[SESSION]), context.named(SESSION));
    if session < 10_000 {
        context.settings.add(SHORT, place, format!("{named} is below 10 s"));
    } else if session > 120_000 {
        context.settings.add(LONG, place, format!("{named} is above 2 min"));
    }
}

fn session_in_range(context: &mut Context<'_>) {
    // classic-coordinator.md 1.1: both bounds are valid
    let bounds =
        ["group.min.session.timeout.ms", "group.max.session.timeout.ms"].map(|name| context.broker_number(name));
    let (Some(session), [Some(least), Some(most)]) = (context.number(SESSION), bounds) else { return };
    if (least..=most).contains(&session) {
        return;
    }
    let whose = match context.server {
        Some(_) => "the brokers' bounds",
        None => "Kafka's default bounds",
    };
    let message = format!("{} is outside {whose}, {least} to {most}", context.named(SESSION));
    let (place, severity) = (context.settings.place(&[SESSION]), context.if_brokers_are_known());
    let added = context.settings.add(OUTSIDE_RANGE, place, message).severity(severity);
    let bound = if session < least { least } else { most };
    added.right(format!("{bound}, or other `group.min/max.session.timeout.ms` at the brokers (say `--server`)"));
}

fn idle_connections(context: &mut Context<'_>) {
    let (Some(idle), Some(heartbeat)) = (context.number("connections.max.idle.ms"), context.number(HEARTBEAT)) else {
        return;
    };
    if context.has("connections.max.idle.ms") && idle > 0 && idle <= heartbeat {
        let place = context.settings.place(&["connections.max.idle.ms"]);
        let message = format!("{} is not above {}", context.named("connections.max.idle.ms"), context.named(HEARTBEAT));
        context.settings.add(IDLE, place, message);
    }
}

fn fetches_in_the_way(context: &mut Context<'_>) {
    const WAIT: &str = "fetch.max.wait.ms";
    let holds = matches!(context.behaviour().fetching, Fetching::Shared | Fetching::Awaited | Fetching::Loop);
    let (Some(wait), Some(session), Some(heartbeat)) =
        (context.number(WAIT), context.number(SESSION), context.number(HEARTBEAT))
    else {
        return;
    };
    let place = context.settings.place(&[WAIT, SESSION]);
    if !holds || place.is_none() || wait + heartbeat <= session {
        return;
    }
    let message = format!("{} leaves no room for a heartbeat within {}", context.named(WAIT), context.named(SESSION));
    let severity = if wait >= session { Severity::Error } else { Severity::Warning };
    context.settings.add(FETCH_HOLDS, place, message).severity(severity);
}
