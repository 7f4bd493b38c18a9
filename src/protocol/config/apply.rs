//! Settings under Kafka's names become the typed configuration and back; what Kafka's constructors would refuse is
//! refused.

use serde_json::Value;

use super::property::{Property, PropertyValue, Refusal, Role};
use super::{AssignorName, AutoOffsetReset, BrokerConfig, ConsumerConfig, broker_table, consumer_table, nearest};
use crate::protocol::{ClientId, GroupInstanceId};

/// What came of a setting that was taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Taken {
    /// The simulation reads it.
    Applied,
    /// It has no effect here, and why.
    Ignored(&'static str),
    /// It has no effect here although it would change what is predicted: what is left out.
    Unmodelled(&'static str),
}

/// Longest `group.instance.id`, as for topic names (`JoinGroupRequest.validateGroupInstanceId`).
const INSTANCE_ID_LENGTH_MAX: usize = 249;

impl ConsumerConfig {
    /// Takes one setting of `group`'s consumer as it stands in `consumer.properties`.
    pub fn set(&mut self, group: &str, name: &str, text: &str) -> Result<Taken, Refusal> {
        let Some(property) = consumer_table::find(name) else {
            if consumer_table::OF_OTHERS.contains(&name) {
                return Ok(Taken::Ignored("It is read by a deserializer; records here have no content."));
            }
            return Err(unknown(name, "consumer", consumer_table::CONSUMER.iter().map(|property| property.name)));
        };
        let value = property.parse(text)?;
        match property.role {
            Role::Ignored => return Ok(Taken::Ignored(property.about)),
            Role::Unmodelled => return Ok(unmodelled(property, &value)),
            Role::Named => named(group, property, &value)?,
            Role::Applied => self.apply(property.name, value)?,
        }
        Ok(Taken::Applied)
    }

    /// The settings that the simulation reads, under Kafka's names, in the order of the table.
    pub fn settings(&self) -> Vec<(&'static str, Value)> {
        let mut config = self.clone();
        let applied = consumer_table::CONSUMER.iter().filter(|property| property.role == Role::Applied);
        applied.map(|property| (property.name, config.field(property.name).show())).collect()
    }

    fn apply(&mut self, name: &'static str, value: PropertyValue) -> Result<(), Refusal> {
        match (self.field(name), value) {
            (Field::Time(field), PropertyValue::Whole(number)) => *field = millis(number),
            (Field::Count(field), PropertyValue::Whole(number)) => *field = count(number),
            (Field::Flag(field), PropertyValue::Flag(flag)) => *field = flag,
            (Field::Text(field), PropertyValue::Text(text)) => *field = text,
            (Field::ClientId(field), PropertyValue::Text(text)) => *field = ClientId::from(text),
            (Field::InstanceId(field), PropertyValue::Text(text)) => *field = Some(instance_id(&text)?),
            (Field::OffsetReset(field), PropertyValue::Text(text)) => *field = offset_reset(&text)?,
            (Field::Rebootstrap(field), PropertyValue::Text(text)) => *field = text.eq_ignore_ascii_case("rebootstrap"),
            (Field::Assignors(field), PropertyValue::List(items)) => *field = assignors(&items)?,
            (_, value) => unreachable!("`{name}` has no field for {value}"),
        }
        Ok(())
    }

    fn field(&mut self, name: &'static str) -> Field<'_> {
        match name {
            "client.id" => Field::ClientId(&mut self.client_id),
            "client.rack" => Field::Text(&mut self.client_rack),
            "group.instance.id" => Field::InstanceId(&mut self.group_instance_id),
            "auto.offset.reset" => Field::OffsetReset(&mut self.auto_offset_reset),
            "metadata.recovery.strategy" => Field::Rebootstrap(&mut self.metadata_recovery_rebootstrap),
            "partition.assignment.strategy" => Field::Assignors(&mut self.partition_assignment_strategy),
            "enable.auto.commit" => Field::Flag(&mut self.enable_auto_commit),
            "internal.leave.group.on.close" => Field::Flag(&mut self.leave_group_on_close),
            "max.poll.records" => Field::Count(&mut self.max_poll_records),
            "fetch.max.bytes" => Field::Count(&mut self.fetch_max_bytes),
            "fetch.min.bytes" => Field::Count(&mut self.fetch_min_bytes),
            "max.partition.fetch.bytes" => Field::Count(&mut self.max_partition_fetch_bytes),
            "auto.commit.interval.ms" => Field::Time(&mut self.auto_commit_interval_ms),
            "default.api.timeout.ms" => Field::Time(&mut self.default_api_timeout_ms),
            "fetch.max.wait.ms" => Field::Time(&mut self.fetch_max_wait_ms),
            "heartbeat.interval.ms" => Field::Time(&mut self.heartbeat_interval_ms),
            "max.poll.interval.ms" => Field::Time(&mut self.max_poll_interval_ms),
            "metadata.max.age.ms" => Field::Time(&mut self.metadata_max_age_ms),
            "reconnect.backoff.max.ms" => Field::Time(&mut self.reconnect_backoff_max_ms),
            "reconnect.backoff.ms" => Field::Time(&mut self.reconnect_backoff_ms),
            "request.timeout.ms" => Field::Time(&mut self.request_timeout_ms),
            "retry.backoff.max.ms" => Field::Time(&mut self.retry_backoff_max_ms),
            "retry.backoff.ms" => Field::Time(&mut self.retry_backoff_ms),
            "session.timeout.ms" => Field::Time(&mut self.session_timeout_ms),
            "socket.connection.setup.timeout.max.ms" => Field::Time(&mut self.socket_connection_setup_timeout_max_ms),
            "socket.connection.setup.timeout.ms" => Field::Time(&mut self.socket_connection_setup_timeout_ms),
            _ => unreachable!("`{name}` is applied but has no field"),
        }
    }

    /// What the consumer's constructor refuses although each setting by itself is in bounds: the name of the setting
    /// to point at, and why.
    pub fn refusals(&self) -> Vec<(&'static str, Refusal)> {
        let mut refusals = Vec::new();
        if self.heartbeat_interval_ms < 0 {
            let refusal = Refusal::new(format!("`heartbeat.interval.ms` is negative: {}", self.heartbeat_interval_ms));
            refusals.push(("heartbeat.interval.ms", refusal));
        }
        if self.heartbeat_interval_ms >= self.session_timeout_ms {
            // Heartbeat's constructor: "Heartbeat must be set lower than the session timeout".
            refusals.push((
                "heartbeat.interval.ms",
                Refusal::new(format!(
                    "`heartbeat.interval.ms` ({}) must be below `session.timeout.ms` ({}): the consumer does not start",
                    self.heartbeat_interval_ms, self.session_timeout_ms
                ))
                .help("a third of the session timeout is the usual upper bound"),
            ));
        }
        refusals
    }

    /// What a reader should know about these settings under that broker: what is refused later, or has no effect.
    pub fn notes(&self, broker: &BrokerConfig) -> Vec<(&'static str, String)> {
        let mut notes = Vec::new();
        let (least, most) = (broker.group_min_session_timeout_ms, broker.group_max_session_timeout_ms);
        if !(least..=most).contains(&self.session_timeout_ms) {
            let text = format!(
                "the broker takes session timeouts from {least} to {most} ms (group.min/max.session.timeout.ms): every \
                 JoinGroup of this consumer is refused with INVALID_SESSION_TIMEOUT"
            );
            notes.push(("session.timeout.ms", text));
        }
        if self.retry_backoff_ms > self.retry_backoff_max_ms {
            let text =
                format!("above retry.backoff.max.ms: the back-off is a constant {} ms", self.retry_backoff_max_ms);
            notes.push(("retry.backoff.ms", text));
        }
        notes
    }
}

impl BrokerConfig {
    /// Takes one setting as it stands in `server.properties`.
    pub fn set(&mut self, name: &str, text: &str) -> Result<Taken, Refusal> {
        let Some(property) = broker_table::find(name) else {
            if let Some(property) = broker_table::find_unmodelled(name) {
                return Ok(unmodelled(property, &property.parse(text)?));
            }
            if broker_table::is_other_broker_property(name) {
                return Ok(Taken::Ignored("Only the group coordinator's settings are modelled."));
            }
            let known = broker_table::known().map(|property| property.name);
            return Err(unknown(name, "broker", known.chain(broker_table::OTHERS.iter().copied())));
        };
        let value = property.parse(text)?;
        if property.role != Role::Applied {
            return Ok(Taken::Ignored(property.about));
        }
        match (self.field(property.name), value) {
            (Field::Time(field), PropertyValue::Whole(number)) => *field = millis(number),
            (Field::Count(field), PropertyValue::Whole(number)) => *field = count(number),
            (Field::Long(field), PropertyValue::Whole(number)) => *field = number,
            (Field::Flag(field), PropertyValue::Flag(flag)) => *field = flag,
            (_, value) => unreachable!("`{name}` has no field for {value}"),
        }
        Ok(Taken::Applied)
    }

    /// The settings that the simulation reads, under Kafka's names, in the order of the table.
    pub fn settings(&self) -> Vec<(&'static str, Value)> {
        let mut config = self.clone();
        let applied = broker_table::known().filter(|property| property.role == Role::Applied);
        applied.map(|property| (property.name, config.field(property.name).show())).collect()
    }

    fn field(&mut self, name: &'static str) -> Field<'_> {
        match name {
            "group.min.session.timeout.ms" => Field::Time(&mut self.group_min_session_timeout_ms),
            "group.max.session.timeout.ms" => Field::Time(&mut self.group_max_session_timeout_ms),
            "group.initial.rebalance.delay.ms" => Field::Time(&mut self.group_initial_rebalance_delay_ms),
            "group.max.size" => Field::Time(&mut self.group_max_size),
            "offsets.topic.num.partitions" => Field::Count(&mut self.offsets_topic_num_partitions),
            "offsets.topic.replication.factor" => Field::Count(&mut self.offsets_topic_replication_factor),
            "offsets.topic.segment.bytes" => Field::Count(&mut self.offsets_topic_segment_bytes),
            "offsets.retention.minutes" => Field::Long(&mut self.offsets_retention_minutes),
            "offsets.retention.check.interval.ms" => Field::Long(&mut self.offsets_retention_check_interval_ms),
            "offsets.commit.timeout.ms" => Field::Time(&mut self.offsets_commit_timeout_ms),
            "offset.metadata.max.bytes" => Field::Time(&mut self.offset_metadata_max_bytes),
            "group.coordinator.append.linger.ms" => Field::Time(&mut self.group_coordinator_append_linger_ms),
            "broker.session.timeout.ms" => Field::Time(&mut self.broker_session_timeout_ms),
            "broker.heartbeat.interval.ms" => Field::Time(&mut self.broker_heartbeat_interval_ms),
            "auto.leader.rebalance.enable" => Field::Flag(&mut self.auto_leader_rebalance_enable),
            "leader.imbalance.check.interval.seconds" => Field::Long(&mut self.leader_imbalance_check_interval_seconds),
            _ => unreachable!("`{name}` is applied but has no field"),
        }
    }
}

/// A setting that would change what is predicted, unless it says what is modelled: the default.
fn unmodelled(property: &Property, value: &PropertyValue) -> Taken {
    if property.is_default(value) { Taken::Applied } else { Taken::Unmodelled(property.about) }
}

/// The field of a configuration that a setting stands in.
enum Field<'c> {
    /// Milliseconds, or another number that is signed in Kafka.
    Time(&'c mut i32),
    Count(&'c mut u32),
    Long(&'c mut i64),
    Flag(&'c mut bool),
    Text(&'c mut String),
    ClientId(&'c mut ClientId),
    InstanceId(&'c mut Option<GroupInstanceId>),
    OffsetReset(&'c mut AutoOffsetReset),
    /// `metadata.recovery.strategy`: true for `rebootstrap`.
    Rebootstrap(&'c mut bool),
    Assignors(&'c mut Vec<AssignorName>),
}

impl Field<'_> {
    /// The value as Kafka's configuration files write it.
    fn show(&self) -> Value {
        match self {
            Field::Time(number) => (**number).into(),
            Field::Count(number) => (**number).into(),
            Field::Long(number) => (**number).into(),
            Field::Flag(flag) => (**flag).into(),
            Field::Text(text) => text.as_str().into(),
            Field::ClientId(id) => id.as_str().into(),
            Field::InstanceId(id) => id.as_ref().map_or(Value::Null, |id| id.as_str().into()),
            Field::OffsetReset(AutoOffsetReset::Earliest) => "earliest".into(),
            Field::OffsetReset(AutoOffsetReset::Latest) => "latest".into(),
            Field::OffsetReset(AutoOffsetReset::None) => "none".into(),
            Field::Rebootstrap(flag) => if **flag { "rebootstrap" } else { "none" }.into(),
            Field::Assignors(list) => {
                let names: Vec<&str> = list.iter().map(|assignor| assignor.as_str()).collect();
                names.join(",").into()
            }
        }
    }
}

/// A `Long` setting in a 32-bit field: beyond 24.8 days it makes no difference to a run.
fn millis(number: i64) -> i32 {
    number.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

fn count(number: i64) -> u32 {
    number.clamp(0, i64::from(u32::MAX)) as u32
}

fn unknown<'k>(name: &str, whose: &str, known: impl Iterator<Item = &'k str>) -> Refusal {
    let refusal = Refusal::of_name(format!("`{name}` is not a {whose} property of Kafka 4.1.1"));
    match nearest::nearest(name, known) {
        Some(near) => refusal.help(format!("did you mean `{near}`?")),
        None => refusal,
    }
}

/// Settings that may be given as long as they say what the scenario says anyway.
fn named(group: &str, property: &Property, value: &PropertyValue) -> Result<(), Refusal> {
    let PropertyValue::Text(text) = value else { unreachable!("`{}` is text", property.name) };
    match property.name {
        "group.id" if text == group => Ok(()),
        "group.id" => {
            Err(Refusal::new(format!("`group.id` is `{text}`, but this consumer stands under group `{group}`"))
                .help("leave `group.id` out, or give the group that id"))
        }
        "group.protocol" if text.eq_ignore_ascii_case("classic") => Ok(()),
        "group.protocol" => Err(Refusal::new("`group.protocol=consumer` (KIP-848) is not modelled yet")
            .help("`classic`, the Java consumer's default, is")),
        // AbstractConfig: "… cannot be set when group.protocol=CLASSIC".
        _ => Err(Refusal::new(format!("Kafka refuses `{}` when `group.protocol` is `classic`", property.name))
            .help("leave it out")),
    }
}

fn offset_reset(text: &str) -> Result<AutoOffsetReset, Refusal> {
    match text {
        "earliest" => Ok(AutoOffsetReset::Earliest),
        "latest" => Ok(AutoOffsetReset::Latest),
        "none" => Ok(AutoOffsetReset::None),
        _ => Err(Refusal::new("`auto.offset.reset=by_duration` is not modelled")
            .help("it takes `earliest`, `latest`, `none`")),
    }
}

/// The assignors of a list, each by its class or by its name on the wire.
fn assignors(items: &[String]) -> Result<Vec<AssignorName>, Refusal> {
    let mut chosen = Vec::new();
    for item in items {
        let Some(assignor) = AssignorName::from_wire(item).or_else(|| AssignorName::from_class(item)) else {
            let known = AssignorName::ALL.iter().flat_map(|assignor| [assignor.as_str(), assignor.class()]);
            let refusal = Refusal::new(format!("no assignor `{item}` is known"));
            let near = nearest::nearest(item, known).map(|name| format!("did you mean `{name}`?"));
            return Err(refusal.help(near.unwrap_or_else(|| {
                "known: `range`, `roundrobin`, `sticky`, `cooperative-sticky`, or their classes".to_string()
            })));
        };
        if chosen.contains(&assignor) {
            return Err(Refusal::new(format!("assignor `{}` is listed twice", assignor.as_str())));
        }
        chosen.push(assignor);
    }
    if chosen.is_empty() {
        return Err(Refusal::new("`partition.assignment.strategy` is empty: the consumer can't subscribe"));
    }
    Ok(chosen)
}

/// A valid `group.instance.id` (`JoinGroupRequest.validateGroupInstanceId`).
fn instance_id(text: &str) -> Result<GroupInstanceId, Refusal> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if let Some(wrong) = text.chars().find(|c| !allowed(*c)) {
        return Err(Refusal::new(format!("`group.instance.id` must not contain `{wrong}`"))
            .help("it takes ASCII letters, digits, `.`, `_` and `-`"));
    }
    if text == "." || text == ".." || text.len() > INSTANCE_ID_LENGTH_MAX {
        return Err(Refusal::new(format!("`{text}` is not allowed as `group.instance.id`"))
            .help(format!("it takes up to {INSTANCE_ID_LENGTH_MAX} letters, but not `.` or `..`")));
    }
    Ok(GroupInstanceId::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consumer(settings: &[(&str, &str)]) -> Result<ConsumerConfig, Refusal> {
        let mut config = ConsumerConfig::default();
        for (name, text) in settings {
            config.set("g", name, text)?;
        }
        Ok(config)
    }

    #[test]
    fn every_applied_property_has_a_field_whose_default_is_kafkas() {
        for property in consumer_table::CONSUMER.iter().filter(|property| property.role == Role::Applied) {
            let Some(default) = property.default else { continue };
            let mut config = ConsumerConfig::default();
            assert_eq!(config.set("g", property.name, default), Ok(Taken::Applied), "{}", property.name);
            assert_eq!(config, ConsumerConfig::default(), "{}", property.name);
        }
        for property in broker_table::known().filter(|property| property.role == Role::Applied) {
            let mut config = BrokerConfig::default();
            config.set(property.name, property.default.unwrap()).unwrap();
            assert_eq!(config, BrokerConfig::default(), "{}", property.name);
        }
    }

    #[test]
    fn a_changed_setting_changes_the_configuration() {
        for property in consumer_table::CONSUMER.iter().filter(|property| property.role == Role::Applied) {
            let other = match property.name {
                "partition.assignment.strategy" => "sticky",
                "metadata.recovery.strategy" => "none",
                "auto.offset.reset" => "earliest",
                "enable.auto.commit" | "internal.leave.group.on.close" => "false",
                _ => "777",
            };
            let mut config = ConsumerConfig::default();
            config.set("g", property.name, other).unwrap();
            assert_ne!(config, ConsumerConfig::default(), "{}", property.name);
        }
    }

    #[test]
    fn settings_are_shown_under_kafkas_names_and_read_back() {
        let config = consumer(&[("session.timeout.ms", "6000"), ("partition.assignment.strategy", "sticky")]).unwrap();
        let shown = config.settings();
        assert!(shown.contains(&("session.timeout.ms", 6_000.into())));
        assert!(shown.contains(&("group.instance.id", Value::Null)));
        let mut again = ConsumerConfig::default();
        for (name, value) in shown.iter().filter(|(_, value)| !value.is_null()) {
            again.set("g", name, value.as_str().unwrap_or(&value.to_string())).unwrap();
        }
        assert_eq!(again, config);
        assert!(BrokerConfig::default().settings().contains(&("group.max.size", i32::MAX.into())));
    }

    #[test]
    fn assignors_are_taken_by_class_and_by_wire_name() {
        let classes = "org.apache.kafka.clients.consumer.StickyAssignor, range";
        let config = consumer(&[("partition.assignment.strategy", classes)]).unwrap();
        assert_eq!(config.partition_assignment_strategy, [AssignorName::Sticky, AssignorName::Range]);
        let refused = |list: &str| consumer(&[("partition.assignment.strategy", list)]).unwrap_err().to_string();
        assert!(refused("range,range").contains("twice"));
        assert!(refused("").contains("empty"));
        assert!(refused("cooperative-stiky").contains("did you mean `cooperative-sticky`?"));
    }

    #[test]
    fn what_the_consumers_constructor_refuses_is_refused() {
        let config = consumer(&[("session.timeout.ms", "6000"), ("heartbeat.interval.ms", "6000")]).unwrap();
        assert_eq!(config.refusals().len(), 1);
        let config = consumer(&[("session.timeout.ms", "6000"), ("heartbeat.interval.ms", "5999")]).unwrap();
        assert_eq!(config.refusals(), []);
        assert!(consumer(&[("group.instance.id", "a b")]).unwrap_err().message.contains("` `"));
        assert!(consumer(&[("group.instance.id", "..")]).is_err());
        assert!(consumer(&[("group.remote.assignor", "uniform")]).is_err());
        assert!(consumer(&[("group.protocol", "consumer")]).unwrap_err().message.contains("not modelled yet"));
        assert!(consumer(&[("group.id", "other")]).is_err());
        assert!(consumer(&[("group.id", "g"), ("group.protocol", "CLASSIC")]).is_ok());
    }

    #[test]
    fn a_setting_that_would_change_the_prediction_is_told_unless_it_is_the_default() {
        let consumer = |name: &str, text: &str| ConsumerConfig::default().set("g", name, text).unwrap();
        assert!(matches!(consumer("isolation.level", "read_committed"), Taken::Unmodelled(_)));
        assert_eq!(consumer("isolation.level", "read_uncommitted"), Taken::Applied);
        assert!(matches!(consumer("security.protocol", "SASL_SSL"), Taken::Unmodelled(_)));
        assert_eq!(consumer("security.protocol", "plaintext"), Taken::Applied);
        assert!(matches!(consumer("interceptor.classes", "a.Tracing"), Taken::Unmodelled(_)));
        assert_eq!(consumer("interceptor.classes", ""), Taken::Applied);
        let broker = |name: &str, text: &str| BrokerConfig::default().set(name, text).unwrap();
        assert!(matches!(broker("replica.selector.class", "a.RackAwareReplicaSelector"), Taken::Unmodelled(_)));
        assert!(matches!(broker("connections.max.reauth.ms", "3600000"), Taken::Unmodelled(_)));
        assert_eq!(broker("connections.max.reauth.ms", "0"), Taken::Applied);
    }

    #[test]
    fn every_default_of_what_is_not_modelled_is_a_value_of_its_property() {
        for property in broker_table::UNMODELLED {
            assert!(broker_table::is_other_broker_property(property.name), "{}", property.name);
            let Some(default) = property.default else { continue };
            assert_eq!(BrokerConfig::default().set(property.name, default), Ok(Taken::Applied), "{}", property.name);
        }
    }

    #[test]
    fn a_session_outside_the_brokers_bounds_is_told() {
        let config = consumer(&[("session.timeout.ms", "5000")]).unwrap();
        let notes = config.notes(&BrokerConfig::default());
        assert!(notes[0].1.contains("INVALID_SESSION_TIMEOUT"));
        assert_eq!(ConsumerConfig::default().notes(&BrokerConfig::default()), []);
    }

    #[test]
    fn unknown_properties_are_refused_with_the_nearest_name() {
        let refusal = consumer(&[("sesion.timeout.ms", "5000")]).unwrap_err();
        assert_eq!(refusal.help.as_deref(), Some("did you mean `session.timeout.ms`?"));
        let refusal = BrokerConfig::default().set("group.max.sise", "5").unwrap_err();
        assert_eq!(refusal.help.as_deref(), Some("did you mean `group.max.size`?"));
        assert!(consumer(&[("colour", "red")]).unwrap_err().help.is_none());
    }

    #[test]
    fn known_properties_without_effect_say_so() {
        let mut config = ConsumerConfig::default();
        assert!(matches!(config.set("g", "ssl.protocol", "TLSv1.3"), Ok(Taken::Ignored(_))));
        assert!(matches!(config.set("g", "schema.registry.url", "http://r"), Ok(Taken::Ignored(_))));
        assert_eq!(config, ConsumerConfig::default());
        let mut broker = BrokerConfig::default();
        assert!(matches!(broker.set("log.dirs", "/data"), Ok(Taken::Ignored(_))));
        assert!(matches!(broker.set("group.consumer.session.timeout.ms", "50000"), Ok(Taken::Ignored(_))));
    }
}
