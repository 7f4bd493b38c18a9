//! Which protocol, and which assignors.

use crate::lint::Severity;
use crate::lint::context::Context;
use crate::lint::rule::rules;
use crate::protocol::config::AssignorName;
use crate::protocol::config::property::PropertyValue;

rules! {
    CLASSIC_SETTING: Error "classic-setting-under-consumer-protocol",
        "`session.timeout.ms`, `heartbeat.interval.ms` or `partition.assignment.strategy` beside `group.protocol=consumer`",
        "the client refuses to start with it (before Kafka 4.0 it ignored it): under KIP-848 the brokers say these",
        "`group.consumer.session.timeout.ms`, `group.consumer.heartbeat.interval.ms` at the brokers, `group.remote.assignor` at the client";
    CONSUMER_SETTING: Error "consumer-protocol-setting-under-classic",
        "`group.remote.assignor` or `share.acknowledgement.mode` without the protocol that it belongs to",
        "the consumer does not start with it",
        "`group.protocol=consumer` beside it, or leave it out";
    OFF_AT_BROKER: Error "consumer-protocol-off-at-brokers",
        "`group.protocol=consumer`, and the brokers' `group.coordinator.rebalance.protocols` lacks `consumer`",
        "the brokers answer every heartbeat with UNSUPPORTED_VERSION, and the consumer gets no partition",
        "`consumer` in `group.coordinator.rebalance.protocols`, where it stands by default since Kafka 4.0";
    REMOTE_ASSIGNOR: Error "unknown-remote-assignor",
        "`group.remote.assignor` is none that the brokers have",
        "the coordinator refuses every heartbeat with UNSUPPORTED_ASSIGNOR, so the consumer gets no partition",
        "`uniform` or `range`, or another of `group.consumer.assignors` at the brokers";
    MIXED: Warning "mixed-assignor-protocols",
        "eager and cooperative assignors in one list",
        "the consumer rebalances eagerly as long as an eager one is in its list: everybody gives up everything in every rebalance",
        "right for the first of the two bounces of an upgrade; after the second `CooperativeStickyAssignor` stands alone",
        "upgrade-to-cooperative";
}

/// Settings of the classic protocol alone.
const CLASSIC: [&str; 3] = ["session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy"];

/// Looks at the protocol and the assignors.
pub fn check(context: &mut Context<'_>) {
    if context.is_consumer_protocol() {
        classic_settings(context);
        remote_assignor(context);
        off_at_broker(context);
        return;
    }
    for name in ["group.remote.assignor", "share.acknowledgement.mode"] {
        let is_known = context.settings.given("group.protocol").is_none_or(|given| given.value.is_some());
        if context.has(name) && is_known && (context.java.is_some() || name == "group.remote.assignor") {
            let place = context.settings.place(&[name]);
            let severity = if context.java.is_some() { Severity::Error } else { Severity::Warning };
            let added = context.settings.add(
                CONSUMER_SETTING,
                place,
                format!("`{name}` does not belong to the classic protocol"),
            );
            let added = added.severity(severity);
            if severity == Severity::Warning {
                added.consequence("it has no effect");
            }
        }
    }
    mixed_assignors(context);
}

fn classic_settings(context: &mut Context<'_>) {
    let is_refused = context.java.is_none() || context.is_java_since((4, 0, 0));
    for name in CLASSIC.into_iter().filter(|name| context.has(name)).collect::<Vec<_>>() {
        let place = context.settings.place(&[name]);
        let message = format!("`{}` is set beside `group.protocol=consumer`", context.own(name));
        let right = match name {
            "session.timeout.ms" => "leave it out; the brokers' `group.consumer.session.timeout.ms` is what counts",
            "heartbeat.interval.ms" => {
                "leave it out; the brokers' `group.consumer.heartbeat.interval.ms` is what counts"
            }
            _ => "leave it out; `group.remote.assignor` takes one of the brokers' assignors, `uniform` or `range`",
        };
        let added = context.settings.add(CLASSIC_SETTING, place, message).right(right);
        match is_refused {
            true => added.consequence("the client refuses to start with it"),
            false => added
                .severity(Severity::Warning)
                .consequence("it has no effect, and from Kafka 4.0 on the client refuses to start with it"),
        };
    }
}

fn remote_assignor(context: &mut Context<'_>) {
    let Some(name) = context.text("group.remote.assignor") else { return };
    const ASSIGNORS: &str = "group.consumer.assignors";
    let of_server = context.server.and_then(|server| server.settings.given(ASSIGNORS));
    let known = match of_server.map(|given| given.value.as_ref()) {
        None => vec!["uniform".to_string(), "range".to_string()],
        Some(Some(PropertyValue::List(items))) => items.clone(),
        Some(_) => return,
    };
    // A class at the brokers has a name of its own that is not known here.
    if known.contains(&name) || known.iter().any(|item| item.contains('.')) {
        return;
    }
    let (place, severity) = (context.settings.place(&["group.remote.assignor"]), context.if_brokers_are_known());
    let message = format!("the brokers have no assignor `{name}`, but {}", known.join(", "));
    context.settings.add(REMOTE_ASSIGNOR, place, message).severity(severity);
}

fn off_at_broker(context: &mut Context<'_>) {
    const PROTOCOLS: &str = "group.coordinator.rebalance.protocols";
    let given =
        context.server.and_then(|server| server.settings.given(PROTOCOLS)).and_then(|given| given.value.as_ref());
    let Some(PropertyValue::List(protocols)) = given else { return };
    if !protocols.iter().any(|protocol| protocol == "consumer") {
        let message =
            format!("`group.protocol` is `consumer`, and the brokers' `{PROTOCOLS}` is `{}`", protocols.join(","));
        let place = context.settings.place(&["group.protocol"]);
        context.settings.add(OFF_AT_BROKER, place, message);
    }
}

fn mixed_assignors(context: &mut Context<'_>) {
    const STRATEGY: &str = "partition.assignment.strategy";
    if !context.has(STRATEGY) {
        return;
    }
    let items = context.list(STRATEGY);
    let known: Vec<AssignorName> = items
        .iter()
        .filter_map(|item| AssignorName::from_class(item).or_else(|| AssignorName::from_wire(item)))
        .collect();
    let cooperative = known.iter().position(|assignor| *assignor == AssignorName::CooperativeSticky);
    let eager = known.iter().position(|assignor| *assignor != AssignorName::CooperativeSticky);
    let (Some(cooperative), Some(eager)) = (cooperative, eager) else { return };
    let place = context.settings.place(&[STRATEGY]);
    let eager_first = eager < cooperative;
    let message = match eager_first {
        true => format!("`{}` is listed before `{}`", known[eager].as_str(), known[cooperative].as_str()),
        false => format!("`{}` is listed before `{}`", known[cooperative].as_str(), known[eager].as_str()),
    };
    let is_librdkafka = context.is_librdkafka();
    let is_default = items.len() == 2 && eager_first && known[eager] == AssignorName::Range;
    let added = context.settings.add(MIXED, place, message);
    match (is_librdkafka, eager_first) {
        (true, _) => added
            .severity(Severity::Error)
            .consequence("librdkafka refuses to start with both kinds in its list")
            .right("one kind alone; a group moves from one to the other by stopping all its members"),
        (false, true) if is_default => added.severity(Severity::Note).consequence(
            "this is Kafka's default: the group chooses range and rebalances eagerly, everybody gives up everything each time",
        ),
        (false, true) => added.consequence(format!(
            "the group chooses {} and rebalances eagerly: everybody gives up everything in every rebalance",
            known[eager].as_str()
        )),
        (false, false) => added.consequence(
            "once every member has this list the group chooses cooperative-sticky, but still rebalances eagerly: the list, not the choice, decides what is given up",
        ),
    };
}
