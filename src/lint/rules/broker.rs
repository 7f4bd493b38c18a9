//! Settings of the brokers that concern groups.

use crate::lint::context::Server;
use crate::lint::rule::rules;

rules! {
    EMPTY_RANGE: Error "broker-session-range-empty",
        "`group.min.session.timeout.ms` is above `group.max.session.timeout.ms`",
        "no session timeout is within the bounds: every join of every consumer is refused with INVALID_SESSION_TIMEOUT",
        "bounds the right way round: Kafka's defaults are 6000 and 1800000";
    REFUSED: Error "broker-group-settings-refused",
        "`group.consumer.*`: the session or heartbeat is outside its bounds, or the heartbeat is not below the session",
        "the broker does not start",
        "the heartbeat below the session, each within its own minimum and maximum";
    NO_DELAY: Note "initial-rebalance-delay-off",
        "`group.initial.rebalance.delay.ms` is 0 or less",
        "the first member of an empty group forms a generation alone, and those that start with it cost a rebalance more",
        "3000, Kafka's default; 0 suits tests on one machine",
        "cold-start-without-delay";
    LONG_DELAY: Warning "initial-rebalance-delay-long",
        "`group.initial.rebalance.delay.ms` is above 30 s",
        "each start of a group from nothing stands still that long, extended by every member that arrives meanwhile",
        "about as long as members take to start one after the other",
        "cold-start";
    MAX_SIZE: Note "group-max-size-limited",
        "`group.max.size` is set",
        "a member beyond it is refused with GROUP_MAX_SIZE_REACHED and its process ends; so is a static member that returns to a full group",
        "well above the largest group, with the members that a rollout adds for a while",
        "group-too-large";
    UNREPLICATED: Warning "offsets-topic-unreplicated",
        "`offsets.topic.replication.factor` is below 3",
        "while the broker that coordinates a group is away nobody else can: with one replica the group stands still until that broker is back",
        "3, Kafka's default",
        "only-broker-restarts";
    RETENTION: Warning "offsets-retention-short",
        "`offsets.retention.minutes` is below a day",
        "a group that stays empty longer, over a night or a weekend, loses its offsets and begins anew where `auto.offset.reset` says",
        "10080, Kafka's default: seven days";
}

/// Looks at the brokers' settings as a whole.
pub fn check(server: &mut Server) {
    session_range(server);
    for kind in ["consumer", "share", "streams"] {
        own_session(server, kind);
    }
    delay(server);
    let has = |server: &Server, name: &str| server.settings.given(name).is_some_and(|given| given.value.is_some());
    if has(server, "group.max.size") {
        let (place, named) = (server.settings.place(&["group.max.size"]), server.named("group.max.size"));
        server.settings.add(MAX_SIZE, place, format!("{named} limits every classic group"));
    }
    let replicas = "offsets.topic.replication.factor";
    if has(server, replicas) && server.number(replicas).is_some_and(|count| count < 3) {
        let (place, named) = (server.settings.place(&[replicas]), server.named(replicas));
        server.settings.add(UNREPLICATED, place, format!("{named} is below 3"));
    }
    let retention = "offsets.retention.minutes";
    if has(server, retention) && server.number(retention).is_some_and(|minutes| minutes < 1_440) {
        let (place, named) = (server.settings.place(&[retention]), server.named(retention));
        server.settings.add(RETENTION, place, format!("{named} is below a day"));
    }
}

fn session_range(server: &mut Server) {
    let (least, most) = ("group.min.session.timeout.ms", "group.max.session.timeout.ms");
    let (Some(lower), Some(upper)) = (server.number(least), server.number(most)) else { return };
    if lower > upper {
        let place = server.settings.place(&[least, most]);
        let message = format!("{} is above {}", server.named(least), server.named(most));
        server.settings.add(EMPTY_RANGE, place, message);
    }
}

/// What `GroupCoordinatorConfig` requires of the newer protocols' settings.
fn own_session(server: &mut Server, kind: &str) {
    let name = |what: &str| format!("group.{kind}.{what}.ms");
    let [session, heartbeat] = [name("session.timeout"), name("heartbeat.interval")];
    let pairs = [
        (session.clone(), name("min.session.timeout"), "below"),
        (session.clone(), name("max.session.timeout"), "above"),
        (heartbeat.clone(), name("min.heartbeat.interval"), "below"),
        (heartbeat.clone(), name("max.heartbeat.interval"), "above"),
        (heartbeat.clone(), session.clone(), "not below"),
        (name("max.session.timeout"), name("min.session.timeout"), "below"),
        (name("max.heartbeat.interval"), name("min.heartbeat.interval"), "below"),
    ];
    for (first, second, relation) in pairs {
        let (Some(one), Some(other)) = (server.number(&first), server.number(&second)) else { continue };
        let wrong = match relation {
            "below" => one < other,
            "above" => one > other,
            _ => one >= other,
        };
        let place = server.settings.place(&[&first, &second]);
        if wrong && place.is_some() {
            let message = format!("{} is {relation} {}", server.named(&first), server.named(&second));
            server.settings.add(REFUSED, place, message);
        }
    }
}

fn delay(server: &mut Server) {
    const DELAY: &str = "group.initial.rebalance.delay.ms";
    let Some(delay) = server.number(DELAY).filter(|_| server.settings.given(DELAY).is_some()) else { return };
    let (place, named) = (server.settings.place(&[DELAY]), server.named(DELAY));
    if delay <= 0 {
        server.settings.add(NO_DELAY, place, format!("{named} lets the first member go on alone"));
    } else if delay > 30_000 {
        server.settings.add(LONG_DELAY, place, format!("{named} is above 30 s"));
    }
}
