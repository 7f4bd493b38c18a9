//! Client profiles: the defaults and the behaviour that a client library brings along, by its version. The Java
//! consumer's are in `java`, the other libraries' in `libraries`; their own names for settings in `own_settings`.

mod java;
mod libraries;
mod own_settings;

use crate::client::{ApplicationThread, Behaviour, PollInterval, RebalanceTimeout};
use crate::protocol::config::{ConsumerConfig, Refusal, Taken, nearest};

pub use java::{Version, assignor_since, java_since, java_version};
use libraries::{LIBRARIES, Library};
pub use own_settings::{Meant, OwnSetting, REBALANCE_TIMEOUT, Unit};

/// The client used where a scenario names none.
pub const DEFAULT: &str = "java-4.1";

/// What a client library brings along.
#[derive(Clone, Debug)]
pub struct ClientProfile {
    /// Its configuration before anything is set.
    pub config: ConsumerConfig,
    /// How it behaves where clients differ.
    pub behaviour: Behaviour,
    /// `None` for the Java consumer.
    library: Option<&'static Library>,
    /// Its version, for the Java consumer.
    java: Option<Version>,
}

impl ClientProfile {
    /// The profile of a client by name: `java-` and a version of the Java consumer from 0.9 to 4.1, for example
    /// `java-3.4`, or one of the other libraries, for example `librdkafka-2` (or `librdkafka-2.6`).
    ///
    /// ```
    /// use rebalab::scenario::ClientProfile;
    /// assert_eq!(ClientProfile::find("sarama-1").unwrap().config.session_timeout_ms, 10_000);
    /// let refused = ClientProfile::find("sarama-2").unwrap_err();
    /// assert_eq!(refused.to_string(), "no client `sarama-2` is known (the nearest is `sarama-1`)");
    /// ```
    ///
    /// # Errors
    /// What is wrong with the name, and what would be right.
    pub fn find(name: &str) -> Result<ClientProfile, Refusal> {
        if let Some(version) = name.strip_prefix("java-") {
            return java::find(version);
        }
        let of_library = |library: &&Library| {
            name.strip_prefix(library.name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        let Some(library) = LIBRARIES.iter().filter(of_library).max_by_key(|library| library.name.len()) else {
            let refusal = Refusal::new(format!("no client `{name}` is known"));
            return Err(match nearest::nearest(name, Self::names()) {
                Some(near) => refusal.help(format!("the nearest is `{near}`")),
                None => refusal.help(format!(
                    "known: {}, {}",
                    java::KNOWN,
                    LIBRARIES.iter().map(|library| format!("`{}`", library.profile)).collect::<Vec<_>>().join(", ")
                )),
            });
        };
        let is_known = name.strip_prefix(library.profile).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        if is_known {
            return Ok(library.profile());
        }
        Err(Refusal::new(format!("no client `{name}` is known")).help(format!("the nearest is `{}`", library.profile)))
    }

    /// Names of profiles: every library, and the newest Java consumer.
    pub fn names() -> impl Iterator<Item = &'static str> {
        LIBRARIES.iter().map(|library| library.profile).chain([DEFAULT])
    }

    /// Takes a setting under the client's own name, or Kafka's where the client has it under that.
    ///
    /// # Errors
    /// A setting that this client does not have, with the one that it has instead; a value that it refuses.
    pub fn set(&mut self, group: &str, name: &str, text: &str) -> Result<Taken, Refusal> {
        let meant = self.meaning(name, text)?;
        self.apply(group, &meant)
    }

    /// What a setting under the client's own name means under Kafka's.
    ///
    /// # Errors
    /// A setting that this client does not have, or a value not in its unit.
    pub fn meaning(&self, name: &str, text: &str) -> Result<Meant, Refusal> {
        match self.library {
            None => Ok(Meant { name: name.to_string(), value: text.to_string() }),
            Some(library) => library.meaning(name, text),
        }
    }

    /// Takes a setting whose meaning is known.
    ///
    /// # Errors
    /// A value that is refused.
    pub fn apply(&mut self, group: &str, meant: &Meant) -> Result<Taken, Refusal> {
        if meant.name != REBALANCE_TIMEOUT {
            let mut config = self.config.clone();
            let taken = config.set(group, &meant.name, &meant.value)?;
            if let Some(otherwise) = self.java.and_then(|version| java::take(version, &meant.name, &config)) {
                return otherwise;
            }
            self.config = config;
            return Ok(taken);
        }
        let refused =
            || Refusal::new(format!("`{}` is no rebalance timeout", meant.value)).help("it takes 1 ms or more");
        let ms: i32 = meant.value.parse().ok().filter(|ms| *ms > 0).ok_or_else(refused)?;
        self.behaviour.rebalance_timeout = RebalanceTimeout::Own(ms);
        Ok(Taken::Applied)
    }

    /// The application keeps rebalances waiting where this library usually does not let it: franz-go's
    /// `BlockRebalanceOnPoll` (statement 15), an aiokafka application that blocks the event loop (statement 37).
    pub fn application_blocks(&mut self) {
        let behaviour = &mut self.behaviour;
        if behaviour.poll_interval == PollInterval::Leaves {
            behaviour.application = ApplicationThread::Polls;
            behaviour.heartbeat_thread = false;
        } else {
            behaviour.application = ApplicationThread::BesideUntilPoll;
        }
    }

    /// There is no rebalance callback, so nothing waits for the application (librdkafka, statement 5).
    pub fn without_listener(&mut self) {
        if self.behaviour.application == ApplicationThread::BesideWithListener {
            self.behaviour.application = ApplicationThread::Beside;
            self.behaviour.gives_up_unpolled = true;
            // No callback wakes the main thread up, which looks with its timer of one second (`rd_kafka_1s_tmr_cb`).
            self.behaviour.rejoin.unpolled_within_ms = 1_000;
        }
    }

    /// The client's own name of a setting of Kafka's; Kafka's where it is the same.
    pub fn own_name(&self, kafka: &'static str) -> &'static str {
        let own = self.library.and_then(|library| library.settings.iter().find(|setting| setting.kafka == kafka));
        own.map_or(kafka, |setting| setting.own)
    }

    /// The client's name without its version, for example `librdkafka`; none for the Java consumer.
    pub fn library(&self) -> Option<&'static str> {
        self.library.map(|library| library.name)
    }

    /// What this client has in place of Kafka's setting of that name, if it lacks that: a setting of another name, or a
    /// sentence.
    ///
    /// ```
    /// use rebalab::scenario::ClientProfile;
    /// let kafkajs = ClientProfile::find("kafkajs-2").unwrap();
    /// assert_eq!(kafkajs.instead_of("session.timeout.ms").unwrap(), "it has `sessionTimeout`");
    /// ```
    pub fn instead_of(&self, kafka: &str) -> Option<String> {
        self.library.and_then(|library| library.instead_of(kafka))
    }

    /// What a reader should know about this client, in sentences: how it differs from the Java consumer of today.
    pub fn remarks(&self) -> &'static [&'static str] {
        self.library.map_or(&[], |library| library.remarks)
    }
}

/// Settings that other libraries have under names of their own, each with what it is, for the schema.
pub fn own_settings() -> impl Iterator<Item = (&'static str, String)> {
    let of = |library: &'static Library| {
        let about = |setting: &OwnSetting| format!("{}: {}", library.name, setting.kafka);
        library
            .settings
            .iter()
            .filter(|setting| setting.own != setting.kafka)
            .map(move |setting| (setting.own, about(setting)))
    };
    LIBRARIES.iter().flat_map(of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::AssignorFamily;
    use crate::protocol::config::AssignorName;

    #[test]
    fn an_unknown_client_is_refused_with_the_nearest_name() {
        let refused = |name: &str| ClientProfile::find(name).unwrap_err().to_string();
        assert_eq!(refused("java-5.0"), "no client `java-5.0` is known (the nearest is `java-4.1`)");
        assert_eq!(refused("java-0.8"), "no client `java-0.8` is known (the nearest is `java-0.9`)");
        assert_eq!(refused("librdkafka-1.9"), "no client `librdkafka-1.9` is known (the nearest is `librdkafka-2`)");
        assert_eq!(refused("librdkafa-2"), "no client `librdkafa-2` is known (the nearest is `librdkafka-2`)");
        assert_eq!(refused("kafka-go"), "no client `kafka-go` is known (the nearest is `kafka-go-0.4`)");
        assert!(refused("ruby").contains("`aiokafka-0`"));
        assert!(refused("java-x").contains("no version"));
    }

    #[test]
    fn every_library_has_the_defaults_that_its_recordings_show() {
        // S, R, H of the table «Profiles, as observed»
        let expected = [
            ("librdkafka-2", 45_000, RebalanceTimeout::PollInterval),
            ("franz-go-1", 45_000, RebalanceTimeout::Own(60_000)),
            ("sarama-1", 10_000, RebalanceTimeout::Own(60_000)),
            ("kafkajs-2", 30_000, RebalanceTimeout::Own(60_000)),
            ("kafka-go-0.4", 30_000, RebalanceTimeout::Own(30_000)),
            ("kafka-python-3", 45_000, RebalanceTimeout::PollInterval),
            ("aiokafka-0", 10_000, RebalanceTimeout::Session),
        ];
        for (name, session, rebalance) in expected {
            let profile = ClientProfile::find(name).unwrap();
            assert_eq!((profile.config.session_timeout_ms, profile.config.heartbeat_interval_ms), (session, 3_000));
            assert_eq!(profile.behaviour.rebalance_timeout, rebalance, "{name}");
        }
        assert_eq!(ClientProfile::names().count(), expected.len() + 1);
    }

    #[test]
    fn a_version_within_the_known_line_is_known() {
        let profile = ClientProfile::find("kafka-go-0.4.51").unwrap();
        assert_eq!(profile.behaviour.assignors, AssignorFamily::KafkaGo);
        assert_eq!(ClientProfile::find("franz-go-1.22").unwrap().behaviour.application, ApplicationThread::Beside);
    }

    #[test]
    fn a_library_takes_its_own_names_in_its_own_units() {
        let mut sarama = ClientProfile::find("sarama-1").unwrap();
        sarama.set("g", "Consumer.Group.Session.Timeout", "20s").unwrap();
        sarama.set("g", "Consumer.Group.Rebalance.Timeout", "1m30s").unwrap();
        sarama.set("g", "Consumer.Group.Rebalance.GroupStrategies", "sticky").unwrap();
        assert_eq!(sarama.config.session_timeout_ms, 20_000);
        assert_eq!(sarama.behaviour.rebalance_timeout, RebalanceTimeout::Own(90_000));
        assert_eq!(sarama.config.partition_assignment_strategy, [AssignorName::Sticky]);
        let mut kafkajs = ClientProfile::find("kafkajs-2").unwrap();
        kafkajs.set("g", "sessionTimeout", "20000").unwrap();
        assert_eq!(kafkajs.config.session_timeout_ms, 20_000);
    }

    #[test]
    fn a_setting_that_the_library_lacks_is_refused_with_the_one_it_has() {
        let refused = |client: &str, name: &str, value: &str| {
            ClientProfile::find(client).unwrap().set("g", name, value).unwrap_err().to_string()
        };
        assert_eq!(
            refused("sarama-1", "session.timeout.ms", "1000"),
            "sarama has no `session.timeout.ms` (it has `Consumer.Group.Session.Timeout`)"
        );
        assert!(refused("sarama-1", "max.poll.interval.ms", "1000").contains("`Consumer.Group.Rebalance.Timeout`"));
        assert!(refused("librdkafka-2", "max.poll.records", "10").starts_with("librdkafka has no `max.poll.records`"));
        assert!(refused("kafkajs-2", "sessionTimout", "10").contains("did you mean `sessionTimeout`?"));
        assert!(refused("sarama-1", "Consumer.Group.Session.Timeout", "20").contains("a Go duration"));
    }

    #[test]
    fn every_own_setting_has_a_meaning_and_every_default_is_taken() {
        for library in LIBRARIES {
            let profile = library.profile();
            for setting in library.settings {
                let value = setting.unit.example();
                assert!(profile.meaning(setting.own, value).is_ok(), "{} of {}", setting.own, library.name);
            }
            for (kafka, instead) in library.absent {
                assert!(!instead.is_empty() && profile.meaning(kafka, "1").is_err(), "{kafka} of {}", library.name);
            }
        }
    }
}
