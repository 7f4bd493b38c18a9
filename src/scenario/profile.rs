//! Client profiles: the defaults and the behaviour that a client library brings along, by its version
//! (consumer-client.md 6.2).

use crate::client::Behaviour;
use crate::client::behaviour::{JoinTimeout, RequestVersions, RevocationCommit};
use crate::protocol::config::{ConsumerConfig, Refusal};

/// The client used where a scenario names none.
pub const DEFAULT: &str = "java-4.1";

/// A version of the Java consumer: major, minor, patch.
type Version = (u32, u32, u32);

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

/// What a client library brings along.
#[derive(Clone, PartialEq, Debug)]
pub struct ClientProfile {
    /// Its configuration before anything is set.
    pub config: ConsumerConfig,
    /// How it behaves where versions differ.
    pub behaviour: Behaviour,
}

impl ClientProfile {
    /// The profile of a client by name: `java-` and a version of the Java consumer from 0.9 to 4.1, for example `java-3.4`.
    ///
    /// # Errors
    /// What is wrong with the name, and what would be right.
    pub fn find(name: &str) -> Result<ClientProfile, Refusal> {
        let known = "known: the Java consumer from `java-0.9` to `java-4.1`";
        let Some(text) = name.strip_prefix("java-") else {
            return Err(Refusal::new(format!("no client `{name}` is known")).help(known));
        };
        match version(text) {
            Some(version) if (OLDEST..TOO_NEW).contains(&version) => Ok(Self::of(version)),
            Some(version) => {
                let nearest = if version < OLDEST { "java-0.9" } else { "java-4.1" };
                Err(Refusal::new(format!("no client `{name}` is known")).help(format!("the nearest is `{nearest}`")))
            }
            None => Err(Refusal::new(format!("`{text}` is no version of the Java consumer")).help(known)),
        }
    }

    fn of(version: Version) -> ClientProfile {
        let mut config = ConsumerConfig::default();
        for (before, name, value) in DEFAULTS_BEFORE {
            if version < *before {
                config.set("", name, value).expect("a test sets every default");
            }
        }
        ClientProfile { config, behaviour: behaviour(version) }
    }
}

fn behaviour(version: Version) -> Behaviour {
    Behaviour {
        heartbeat_thread: version >= (0, 10, 1),
        heartbeat_while_completing: version >= (2, 7, 0),
        keeps_member_id_on_illegal_generation: version >= (3, 2, 0),
        sends_reasons: version >= (3, 2, 0),
        revocation_commit: if version >= (3, 2, 0) { RevocationCommit::AsyncAwaited } else { RevocationCommit::Sync },
        lost_callback: version >= (2, 4, 0),
        polls_during_join: version >= (2, 6, 0),
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
    }
}

/// The newest request version whose Kafka version is reached; 0 if none is.
fn since(version: Version, table: &[(i16, (u32, u32))]) -> i16 {
    table.iter().find(|(_, (major, minor))| version >= (*major, *minor, 0)).map_or(0, |(request, _)| *request)
}

fn since_patch(version: Version, table: &[(i16, Version)]) -> i16 {
    table.iter().find(|(_, from)| version >= *from).map_or(0, |(request, _)| *request)
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
    use super::*;
    use crate::protocol::config::AssignorName;

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

    #[test]
    fn an_unknown_client_is_refused_with_the_nearest_name() {
        let refused = |name: &str| ClientProfile::find(name).unwrap_err().to_string();
        assert_eq!(refused("java-5.0"), "no client `java-5.0` is known (the nearest is `java-4.1`)");
        assert_eq!(refused("java-0.8"), "no client `java-0.8` is known (the nearest is `java-0.9`)");
        assert!(refused("librdkafka-2.6").contains("from `java-0.9` to `java-4.1`"));
        assert!(refused("java-x").contains("no version"));
    }
}
