//! Timeouts of requests, and back-offs.

use crate::client::JoinTimeout;
use crate::lint::Severity;
use crate::lint::context::Context;
use crate::lint::rule::rules;

rules! {
    JOIN: Error "join-times-out-before-rebalance",
        "a client whose JoinGroup ends with `request.timeout.ms` (Java before 2.0) has one below the rebalance timeout",
        "when one member is slow the others' joins time out and start over, and the rebalance never completes",
        "`request.timeout.ms` above the rebalance timeout, or a client of Kafka 2.0 or later",
        "incidents/request-timeout-below-the-rebalance";
    OLD_ORDER: Error "request-timeout-not-above-session",
        "Java before 2.0: `request.timeout.ms` is not above `session.timeout.ms`",
        "the consumer does not start: its constructor refuses it",
        "`request.timeout.ms` above the session timeout";
    AT_SESSION: Warning "request-timeout-not-below-session",
        "`request.timeout.ms` is not below `session.timeout.ms`",
        "a heartbeat on a connection that broke silently is given up only when the session is over, so an alive member is expelled for one broken connection",
        "a request timeout below the session timeout: Kafka's defaults are 30000 and 45000";
    FETCH: Error "fetch-wait-not-below-request-timeout",
        "`fetch.max.wait.ms` is not below `request.timeout.ms`",
        "every fetch that finds nothing times out, and the connection to the broker is closed each time",
        "a wait well below the request timeout: Kafka's defaults are 500 and 30000";
    API: Warning "api-timeout-below-request-timeout",
        "`default.api.timeout.ms` is below `request.timeout.ms`",
        "`commitSync` and `position` give up before their first request does, and are never tried a second time",
        "60000, Kafka's default, or at least twice the request timeout";
    COMMIT: Warning "request-timeout-below-broker-write",
        "`request.timeout.ms` is not above the brokers' `offsets.commit.timeout.ms`",
        "when replication is slow the client closes the connection before the coordinator can say so, and rejoins",
        "a request timeout above `offsets.commit.timeout.ms`, 5000 unless the brokers say otherwise";
    NO_LONGER: Note "request-timeout-raised-for-joins",
        "`request.timeout.ms` is above `max.poll.interval.ms` at a client whose joins have a timeout of their own (Java since 2.0)",
        "joins don't need it, and every other request on a broken connection hangs as long",
        "30000, Kafka's default since 2.0";
    BACKOFF: Warning "backoff-above-its-maximum",
        "a back-off or set-up timeout is above its own maximum",
        "it does not grow from try to try: the smaller of the two is what counts",
        "a maximum above the first value";
}

const REQUEST: &str = "request.timeout.ms";
const SESSION: &str = "session.timeout.ms";

/// Pairs of a first value and its maximum.
const GROWING: [(&str, &str); 3] = [
    ("retry.backoff.ms", "retry.backoff.max.ms"),
    ("reconnect.backoff.ms", "reconnect.backoff.max.ms"),
    ("socket.connection.setup.timeout.ms", "socket.connection.setup.timeout.max.ms"),
];

/// Looks at timeouts of requests and back-offs.
pub fn check(context: &mut Context<'_>) {
    joins(context);
    against_session(context);
    fetches(context);
    calls(context);
    broker_writes(context);
    for (first, most) in GROWING {
        growing(context, first, most);
    }
}

fn joins(context: &mut Context<'_>) {
    let (Some(request), Some((name, rebalance))) = (context.number(REQUEST), context.rebalance_timeout()) else {
        return;
    };
    let Some(place) = context.settings.place(&[REQUEST, name]) else { return };
    let (ours, theirs) = (context.named(REQUEST), context.named(name));
    if context.behaviour().join_timeout == JoinTimeout::RequestTimeout {
        if request <= rebalance && context.java.is_some() {
            context.settings.add(JOIN, Some(place), format!("{ours} is not above the rebalance timeout, {theirs}"));
        }
    } else if context.java.is_some() && context.has(REQUEST) && request > rebalance && request > 60_000 {
        context.settings.add(NO_LONGER, Some(place), format!("{ours} is above {theirs}"));
    }
}

fn against_session(context: &mut Context<'_>) {
    if context.java.is_none() || context.is_consumer_protocol() {
        return;
    }
    let (Some(request), Some(session)) = (context.number(REQUEST), context.number(SESSION)) else { return };
    let Some(place) = context.settings.place(&[REQUEST, SESSION]) else { return };
    let (ours, theirs) = (context.named(REQUEST), context.named(SESSION));
    // KIP-266 turned the order round: until then the constructor wanted it above.
    if context.is_java_before((2, 0, 0)) {
        if request <= session {
            context.settings.add(OLD_ORDER, Some(place), format!("{ours} is not above {theirs}"));
        }
    } else if request >= session {
        // Whoever shortens the session alone may not think of the request timeout.
        let severity = if context.has(REQUEST) { Severity::Warning } else { Severity::Note };
        let added = context.settings.add(AT_SESSION, Some(place), format!("{ours} is not below {theirs}"));
        added.severity(severity);
    }
}

fn fetches(context: &mut Context<'_>) {
    // librdkafka adds the wait to its timeout; the loops of other libraries are not known so well.
    if context.java.is_none() {
        return;
    }
    let (Some(request), Some(wait)) = (context.number(REQUEST), context.number("fetch.max.wait.ms")) else { return };
    if let Some(place) = context.settings.place(&["fetch.max.wait.ms", REQUEST]).filter(|_| wait >= request) {
        let message = format!("{} is not below {}", context.named("fetch.max.wait.ms"), context.named(REQUEST));
        context.settings.add(FETCH, Some(place), message);
    }
}

fn calls(context: &mut Context<'_>) {
    const API_TIMEOUT: &str = "default.api.timeout.ms";
    if !context.is_java_since((2, 0, 0)) {
        return;
    }
    let (Some(request), Some(call)) = (context.number(REQUEST), context.number(API_TIMEOUT)) else { return };
    if let Some(place) = context.settings.place(&[API_TIMEOUT, REQUEST]).filter(|_| call < request) {
        let message = format!("{} is below {}", context.named(API_TIMEOUT), context.named(REQUEST));
        context.settings.add(API, Some(place), message);
    }
}

fn broker_writes(context: &mut Context<'_>) {
    let (Some(request), Some(write)) = (context.number(REQUEST), context.broker_number("offsets.commit.timeout.ms"))
    else {
        return;
    };
    let is_stated = context.has(REQUEST) || context.server.is_some();
    if is_stated && request <= write {
        let place = context.settings.place(&[REQUEST]);
        let message =
            format!("{} is not above the brokers' `offsets.commit.timeout.ms` ({write} ms)", context.named(REQUEST));
        context.settings.add(COMMIT, place, message);
    }
}

fn growing(context: &mut Context<'_>, first: &'static str, most: &'static str) {
    // Libraries other than librdkafka have one of the two at most.
    if context.java.is_none() && !context.is_librdkafka() {
        return;
    }
    let (Some(start), Some(end)) = (context.number(first), context.number(most)) else { return };
    if let Some(place) = context.settings.place(&[first, most]).filter(|_| start > end) {
        let message = format!("{} is above {}", context.named(first), context.named(most));
        let refused = context.is_librdkafka() && first == "reconnect.backoff.ms";
        let added = context.settings.add(BACKOFF, Some(place), message);
        if refused {
            added.severity(Severity::Error).consequence("librdkafka refuses to start with it");
        } else {
            added.consequence(format!("it does not grow from try to try: it is {end} ms each time"));
        }
    }
}
