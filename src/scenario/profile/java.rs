//! The Java consumer from 0.9 to 4.1: defaults that changed and behaviour that did (consumer-client.md 6.2).

use super::ClientProfile;
use crate::client::{
    Behaviour, JoinTimeout, LostCallback, PollInterval, Prefetch, Reasons, RebalanceTimeout, RequestVersions,
    RevocationCommit,
};
use crate::protocol::config::{AssignorName, ConsumerConfig, Refusal, Taken};

/// What messages say is known.
pub(super) const KNOWN: &str = "the Java consumer from `java-0.9` to `java-4.1`";

/// A version of the Java consumer: major, minor, patch.
pub type Version = (u32, u32, u32);

const OLDEST: Version = (0, 9, 0);
/// First version that is not known yet.
const TOO_NEW: Version = (4, 2, 0);

/// Before which version a default was another one, newest change first: of several that apply the last counts.
const DEFAULTS_BEFORE: &[(Version, &str, &str)] = &[
    ((4, 0, 0), "metadata.recovery.strategy", "none"),
    ((3, 7, 0), "retry.backoff.max.ms", "100"), // KIP-580: constant before
    ((3, 0, 0), "session.timeout.ms", "10000"), // KIP-735
    ((3, 0, 0), "partition.assignment.strategy", "org.apache.kafka.clients.consumer.RangeAssignor"),
    ((2, 0, 0), "request.timeout.ms", "305000"),
    ((0, 11, 0), "reconnect.backoff.max.ms", "50"), // KIP-144: constant before
    ((0, 10, 1), "session.timeout.ms", "30000"),    // KIP-62
    ((0, 10, 1), "request.timeout.ms", "40000"),
    ((0, 10, 1), "max.poll.records", "2147483647"),
];

/// Properties that the Java consumer of 0.9 did not have: those that a mistake is likely about.
const SINCE: &[(&str, Version)] = &[
    ("max.poll.records", (0, 10, 0)),                        // KIP-41
    ("max.poll.interval.ms", (0, 10, 1)),                    // KIP-62
    ("reconnect.backoff.max.ms", (0, 11, 0)),                // KIP-144
    ("internal.leave.group.on.close", (0, 11, 0)),           // KAFKA-4965
    ("isolation.level", (0, 11, 0)),                         // KIP-98
    ("default.api.timeout.ms", (2, 0, 0)),                   // KIP-266
    ("group.instance.id", (2, 3, 0)),                        // KIP-345
    ("allow.auto.create.topics", (2, 3, 0)),                 // KIP-361
    ("client.rack", (2, 4, 0)),                              // KIP-392
    ("socket.connection.setup.timeout.ms", (2, 7, 0)),       // KIP-601
    ("socket.connection.setup.timeout.max.ms", (2, 7, 0)),   // KIP-601
    ("retry.backoff.max.ms", (3, 7, 0)),                     // KIP-580
    ("group.protocol", (3, 7, 0)),                           // KIP-848
    ("group.remote.assignor", (3, 7, 0)),                    // KIP-848
    ("metadata.recovery.strategy", (3, 8, 0)),               // KIP-899
    ("metadata.recovery.rebootstrap.trigger.ms", (4, 0, 0)), // KIP-1102
];

/// Since which version the Java consumer has a property; `None` if it always had, or that is not known.
///
/// ```
/// assert_eq!(rebalab::scenario::profile::java_since("group.instance.id"), Some((2, 3, 0)));
/// ```
pub fn java_since(property: &str) -> Option<Version> {
    SINCE.iter().find(|(name, _)| *name == property).map(|(_, since)| *since)
}

/// Since which version the Java consumer has an assignor (KIP-54, KIP-429).
pub const fn assignor_since(assignor: AssignorName) -> Version {
    match assignor {
        AssignorName::Range | AssignorName::RoundRobin => (0, 9, 0),
        AssignorName::Sticky => (0, 11, 0),
        AssignorName::CooperativeSticky => (2, 4, 0),
    }
}

/// The profile of a version as text.
///
/// # Errors
/// What is wrong with the version, and what would be right.
pub(super) fn find(text: &str) -> Result<ClientProfile, Refusal> {
    match version(text) {
        Some(version) if (OLDEST..TOO_NEW).contains(&version) => Ok(of(version)),
        Some(version) => {
            let nearest = if version < OLDEST { "java-0.9" } else { "java-4.1" };
            Err(Refusal::new(format!("no client `java-{text}` is known")).help(format!("the nearest is `{nearest}`")))
        }
        None => {
            Err(Refusal::new(format!("`{text}` is no version of the Java consumer")).help(format!("known: {KNOWN}")))
        }
    }
}

fn of(version: Version) -> ClientProfile {
    let mut config = ConsumerConfig::default();
    for (before, name, value) in DEFAULTS_BEFORE {
        if version < *before {
            config.set("", name, value).expect("a test sets every default");
        }
    }
    ClientProfile { config, behaviour: behaviour(version), library: None, java: Some(version) }
}

/// What becomes of a setting that this version does not take as today's does: one that it does not know has no effect (the
/// client warns and goes on), an assignor that it does not have keeps it from starting. `None` for all others.
pub(super) fn take(version: Version, name: &str, config: &ConsumerConfig) -> Option<Result<Taken, Refusal>> {
    if java_since(name).is_some_and(|since| version < since) {
        return Some(Ok(Taken::Ignored("this version of the Java consumer does not know it: it warns and goes on")));
    }
    let of = |list: &[AssignorName]| list.iter().copied().find(|assignor| version < assignor_since(*assignor));
    let missing = (name == "partition.assignment.strategy").then(|| of(&config.partition_assignment_strategy))??;
    let ((major, minor, _), (own, of_own, patch)) = (assignor_since(missing), version);
    let message =
        format!("the Java consumer {own}.{of_own}.{patch} has no assignor `{}`: it does not start", missing.as_str());
    Some(Err(Refusal::new(message).help(format!("there is one since {major}.{minor}"))))
}

fn behaviour(version: Version) -> Behaviour {
    let threaded = version >= (0, 10, 1);
    Behaviour {
        heartbeat_thread: threaded,
        rebalance_timeout: if threaded { RebalanceTimeout::PollInterval } else { RebalanceTimeout::Session },
        poll_interval: if threaded { PollInterval::Leaves } else { PollInterval::Unlimited },
        heartbeat_while_completing: version >= (2, 7, 0),
        validates_positions: version >= (2, 3, 0), // KAFKA-7747
        keeps_member_id_on_illegal_generation: version >= (3, 2, 0),
        reasons: if version >= (3, 2, 0) { Reasons::Java } else { Reasons::None },
        revocation_commit: if version >= (3, 2, 0) { RevocationCommit::AsyncAwaited } else { RevocationCommit::Sync },
        lost_callback: if version >= (2, 4, 0) { LostCallback::Lost } else { LostCallback::Revoked },
        polls_during_join: version >= (2, 6, 0),
        prefetch: if version >= (4, 0, 0) { Prefetch::PerBroker } else { Prefetch::PerPartition },
        join_timeout: match version {
            (0 | 1, ..) => JoinTimeout::RequestTimeout,
            (2, 0..=5, _) => JoinTimeout::PollIntervalPlus5s,
            _ => JoinTimeout::Longer,
        },
        versions: RequestVersions {
            join_group: since(version, &[(9, (3, 2)), (7, (2, 5)), (6, (2, 4)), (5, (2, 3)), (4, (2, 2)), (3, (2, 0))])
                .max(since_patch(version, &[(2, (0, 11, 0)), (1, (0, 10, 1))])),
            sync_group: since(version, &[(5, (2, 5)), (4, (2, 4)), (3, (2, 3)), (2, (2, 0)), (1, (0, 11))]),
            heartbeat: since(version, &[(4, (2, 4)), (3, (2, 3)), (2, (2, 0)), (1, (0, 11))]),
            leave_group: since(version, &[(5, (3, 2)), (4, (2, 4)), (2, (2, 0)), (1, (0, 11))]),
            offset_commit: since(version, &[(9, (3, 7)), (8, (2, 4)), (7, (2, 3)), (6, (2, 1)), (4, (2, 0))])
                .max(since_patch(version, &[(3, (0, 11, 0)), (2, OLDEST)])),
            offset_fetch: since(
                version,
                &[(9, (3, 7)), (8, (3, 0)), (7, (2, 5)), (6, (2, 4)), (5, (2, 1)), (4, (2, 0))],
            )
            .max(since_patch(version, &[(3, (0, 11, 0)), (2, (0, 10, 2)), (1, OLDEST)])),
        },
        ..Behaviour::default()
    }
}

/// The newest request version whose Kafka version is reached; 0 if none is.
fn since(version: Version, table: &[(i16, (u32, u32))]) -> i16 {
    table.iter().find(|(_, (major, minor))| version >= (*major, *minor, 0)).map_or(0, |(request, _)| *request)
}

fn since_patch(version: Version, table: &[(i16, Version)]) -> i16 {
    table.iter().find(|(_, from)| version >= *from).map_or(0, |(request, _)| *request)
}

/// The version in the name of a profile of the Java consumer; `None` for other clients.
///
/// ```
/// use rebalab::scenario::profile::java_version;
///
/// assert_eq!(java_version("java-0.10"), Some((0, 10, 2)));
/// assert_eq!(java_version("java-3.4.1"), Some((3, 4, 1)));
/// assert_eq!(java_version("sarama-1"), None);
/// ```
pub fn java_version(client: &str) -> Option<Version> {
    version(client.strip_prefix("java-")?)
}

/// `3.4` or `3.4.1`; `0.10` counts as 0.10.2, the last of its line.
fn version(text: &str) -> Option<Version> {
    let parts = text.split('.').map(|part| part.parse().ok()).collect::<Option<Vec<u32>>>()?;
    match parts[..] {
        [0, 10] => Some((0, 10, 2)),
        [major, minor] => Some((major, minor, 0)),
        [major, minor, patch] => Some((major, minor, patch)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::DEFAULT;
    use super::*;
    use crate::protocol::config::consumer_table;

    #[test]
    fn every_java_version_has_the_defaults_of_its_time() {
        let of = |name: &str| ClientProfile::find(name).unwrap().config;
        assert_eq!(of(DEFAULT), ConsumerConfig::default());
        assert_eq!(of("java-4.0.1"), ConsumerConfig::default());
        assert_eq!(of("java-3.0").session_timeout_ms, 45_000);
        assert_eq!(of("java-2.8").session_timeout_ms, 10_000);
        assert_eq!(of("java-2.3").partition_assignment_strategy, [AssignorName::Range]);
        assert_eq!(of("java-1.1").request_timeout_ms, 305_000);
        assert_eq!(of("java-0.10.0").session_timeout_ms, 30_000);
        assert!(!of("java-3.9").metadata_recovery_rebootstrap);
    }

    #[test]
    fn a_setting_that_a_version_does_not_know_has_no_effect() {
        let mut old = ClientProfile::find("java-2.2").unwrap();
        assert!(matches!(old.set("g", "group.instance.id", "one"), Ok(Taken::Ignored(_))));
        assert_eq!(old.config.group_instance_id, None);
        assert_eq!(ClientProfile::find("java-2.3").unwrap().set("g", "group.instance.id", "one"), Ok(Taken::Applied));
        let mut older = ClientProfile::find("java-0.10.0").unwrap();
        assert!(matches!(older.set("g", "max.poll.interval.ms", "1000"), Ok(Taken::Ignored(_))));
        assert_eq!(older.set("g", "max.poll.records", "10"), Ok(Taken::Applied));
        assert!(SINCE.iter().all(|(name, _)| consumer_table::find(name).is_some()));
    }

    #[test]
    fn an_assignor_that_a_version_does_not_have_is_refused() {
        let set = |client: &str, assignor: &str| {
            ClientProfile::find(client).unwrap().set("g", "partition.assignment.strategy", assignor)
        };
        let refused = set("java-2.3", "range,cooperative-sticky").unwrap_err().to_string();
        assert_eq!(
            refused,
            "the Java consumer 2.3.0 has no assignor `cooperative-sticky`: it does not start (there is one since 2.4)"
        );
        assert!(set("java-0.10.0", "sticky").is_err());
        assert_eq!(set("java-2.4", "cooperative-sticky"), Ok(Taken::Applied));
        assert_eq!(set("java-0.11", "sticky"), Ok(Taken::Applied));
    }

    #[test]
    fn every_java_version_behaves_as_it_did() {
        let of = |name: &str| ClientProfile::find(name).unwrap().behaviour;
        assert_eq!(of(DEFAULT), Behaviour::default());
        assert!(!of("java-2.6").heartbeat_while_completing);
        assert!(of("java-2.7").heartbeat_while_completing);
        assert_eq!(of("java-2.1").versions.join_group, 3);
        assert_eq!(of("java-2.2").versions.join_group, 4);
        assert_eq!(of("java-0.10").versions.join_group, 1);
        assert!(!of("java-0.10.0").heartbeat_thread);
        assert_eq!(of("java-1.1").join_timeout, JoinTimeout::RequestTimeout);
        assert_eq!(of("java-2.5").join_timeout, JoinTimeout::PollIntervalPlus5s);
    }
}
