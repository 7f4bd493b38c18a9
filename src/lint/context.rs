//! What rules ask: the settings as the client would take them, with its defaults, and what else is known.

use crate::client::{Behaviour, RebalanceTimeout};
use crate::engine::SimDuration;
use crate::lint::read::{Format, read_server};
use crate::lint::rules::{names, values};
use crate::lint::settings::{Settings, Written};
use crate::lint::{Options, Severity};
use crate::protocol::config::property::{Property, PropertyValue};
use crate::protocol::config::{broker_table, consumer_table};
use crate::scenario::ClientProfile;
use crate::scenario::profile::{REBALANCE_TIMEOUT, Version, java_version};
use crate::scenario::text::{Problem, Text};

/// One configuration of a consumer.
pub struct Context<'a> {
    /// Its settings.
    pub settings: Settings,
    /// What kind of file they stand in.
    pub format: Format,
    /// Name of the client's profile.
    pub client: &'a str,
    /// The client.
    pub profile: ClientProfile,
    /// Its version, if it is the Java consumer.
    pub java: Option<Version>,
    /// The brokers' settings, if they are known.
    pub server: Option<&'a Server>,
    /// What else is known.
    pub options: &'a Options,
}

impl<'a> Context<'a> {
    /// Takes the settings and looks at each by itself.
    pub fn new(
        text: usize,
        format: Format,
        client: &'a str,
        profile: ClientProfile,
        written: Vec<Written>,
        server: Option<&'a Server>,
        options: &'a Options,
    ) -> Self {
        let settings = Settings::new(text);
        let java = java_version(client);
        let mut context = Context { settings, format, client, profile, java, server, options };
        names::no_settings(&mut context, &written);
        for setting in written {
            names::take(&mut context, setting);
        }
        context
    }

    /// How the client behaves.
    pub fn behaviour(&self) -> &Behaviour {
        &self.profile.behaviour
    }

    /// True for the Java consumer of at least this version.
    pub fn is_java_since(&self, version: Version) -> bool {
        self.java.is_some_and(|java| java >= version)
    }

    /// True for the Java consumer before this version.
    pub fn is_java_before(&self, version: Version) -> bool {
        self.java.is_some_and(|java| java < version)
    }

    /// True for librdkafka.
    pub fn is_librdkafka(&self) -> bool {
        self.profile.library() == Some("librdkafka")
    }

    /// True if the setting stands in the file.
    pub fn has(&self, name: &str) -> bool {
        self.settings.given.contains_key(name)
    }

    /// The value that counts: the file's, else the client's default. None where that is not known.
    pub fn value(&self, name: &str) -> Option<PropertyValue> {
        if self.settings.unknown.contains(name) {
            return None;
        }
        if let Some(given) = self.settings.given(name) {
            return given.value.clone();
        }
        let property = consumer_table::find(name)?;
        let of_profile = self.profile.config.settings().into_iter().find(|(own, _)| *own == name);
        let text = match of_profile {
            Some((_, value)) if value.is_null() => return None,
            Some((_, value)) => value.as_str().map_or_else(|| value.to_string(), str::to_string),
            None => property.default?.to_string(),
        };
        property.parse(&text).ok()
    }

    /// A whole number that counts.
    pub fn number(&self, name: &str) -> Option<i64> {
        match self.value(name)? {
            PropertyValue::Whole(number) => Some(number),
            _ => None,
        }
    }

    /// A flag that counts. Spring's listener containers commit themselves unless told otherwise.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.value(name)? {
            PropertyValue::Flag(_)
                if self.format == Format::Spring && name == "enable.auto.commit" && !self.has(name) =>
            {
                Some(false)
            }
            PropertyValue::Flag(flag) => Some(flag),
            _ => None,
        }
    }

    /// A text that stands in the file.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.settings.given(name)?.value.as_ref()? {
            PropertyValue::Text(text) => Some(text.trim().to_string()),
            _ => None,
        }
    }

    /// A list that counts.
    pub fn list(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Some(PropertyValue::List(items)) => items,
            _ => Vec::new(),
        }
    }

    /// True under KIP-848's protocol.
    pub fn is_consumer_protocol(&self) -> bool {
        self.text("group.protocol").is_some_and(|protocol| protocol.eq_ignore_ascii_case("consumer"))
    }

    /// The session timeout that counts, ms: the broker's under the consumer protocol.
    pub fn session_ms(&self) -> Option<i64> {
        match self.is_consumer_protocol() {
            true => self.broker_number("group.consumer.session.timeout.ms"),
            false => self.number("session.timeout.ms"),
        }
    }

    /// What a rebalance waits for a member, ms, and the name of the setting that says it.
    pub fn rebalance_timeout(&self) -> Option<(&'static str, i64)> {
        if self.has(REBALANCE_TIMEOUT) || self.settings.unknown.contains(REBALANCE_TIMEOUT) {
            let value = self.settings.given(REBALANCE_TIMEOUT)?.value.clone()?;
            let PropertyValue::Whole(ms) = value else { return None };
            return Some((REBALANCE_TIMEOUT, ms));
        }
        match self.behaviour().rebalance_timeout {
            RebalanceTimeout::PollInterval => {
                self.number("max.poll.interval.ms").map(|ms| ("max.poll.interval.ms", ms))
            }
            RebalanceTimeout::Session => self.number("session.timeout.ms").map(|ms| ("session.timeout.ms", ms)),
            RebalanceTimeout::Own(ms) => Some((REBALANCE_TIMEOUT, i64::from(ms))),
        }
    }

    /// A setting of the brokers: the file's, else Kafka's default.
    pub fn broker_number(&self, name: &str) -> Option<i64> {
        match self.server {
            Some(server) => server.number(name),
            None => whole(broker_table::find(name)?, None),
        }
    }

    /// The setting with its value, as messages name it: "`session.timeout.ms` (45000, the default)".
    pub fn named(&self, name: &'static str) -> String {
        let value = match (name == REBALANCE_TIMEOUT, self.number(name)) {
            (true, _) => self.rebalance_timeout().map(|(_, ms)| ms.to_string()).unwrap_or_default(),
            (false, Some(number)) => number.to_string(),
            (false, None) => self.value(name).map(|value| value.to_string()).unwrap_or_default(),
        };
        let unit = if name.ends_with(".ms") { " ms" } else { "" };
        match self.settings.given(name) {
            Some(given) => format!("`{}` ({value}{unit})", given.written.shown),
            None => format!("`{}` ({value}{unit}, the default)", self.profile.own_name(name)),
        }
    }

    /// What the client calls a setting.
    pub fn own<'n>(&'n self, name: &'static str) -> &'n str {
        match self.settings.given(name) {
            Some(given) => &given.written.shown,
            None => self.profile.own_name(name),
        }
    }

    /// How bad it is that a setting does not fit the brokers: certain only if theirs are known.
    pub fn if_brokers_are_known(&self) -> Severity {
        if self.server.is_some() { Severity::Error } else { Severity::Warning }
    }
}

/// The brokers' settings.
pub struct Server {
    /// Those of `server.properties`.
    pub settings: Settings,
}

impl Server {
    /// Reads `server.properties`, the text of that number, and looks at each setting by itself.
    ///
    /// # Errors
    /// The place of what is wrong with it.
    pub fn read(text: usize, source: &Text) -> Result<Self, Problem> {
        let mut server = Server { settings: Settings::new(text) };
        for setting in read_server(source).map_err(|problem| Problem { text, ..problem })? {
            values::take_brokers(&mut server.settings, setting);
        }
        Ok(server)
    }

    /// A setting of the group coordinator: the file's, else Kafka's default.
    pub fn number(&self, name: &str) -> Option<i64> {
        whole(broker_table::find(name)?, Some(&self.settings))
    }

    /// The setting with its value, as messages name it.
    pub fn named(&self, name: &str) -> String {
        let value = self.number(name).map(|number| number.to_string()).unwrap_or_default();
        let default = if self.settings.given.contains_key(name) { "" } else { ", the default" };
        format!("`{name}` ({value}{default})")
    }
}

/// A whole number: the one that is given, else the default.
fn whole(property: &Property, settings: Option<&Settings>) -> Option<i64> {
    let value = match settings.and_then(|settings| settings.given(property.name)) {
        Some(given) => given.value.clone()?,
        None => property.parse(property.default?).ok()?,
    };
    match value {
        PropertyValue::Whole(number) => Some(number),
        _ => None,
    }
}

/// A time as people read it.
pub fn shown(duration: SimDuration) -> String {
    crate::scenario::file::Span(duration).to_string()
}
