//! What was run: identity, settings, consumers, faults, exceptions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What was run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RunIdentity {
    /// Name of the scenario.
    pub scenario: String,
    /// Its description.
    pub description: String,
    /// Where the situation is known from.
    pub sources: Vec<String>,
    /// Seed of all random draws.
    pub seed: u64,
    /// Simulated time, seconds.
    pub duration_s: f64,
    /// Digest of the trace: xxh3 (64 bits, hexadecimal) over the canonical bytes of every event.
    pub digest: String,
    /// Digest of each group's own events.
    pub group_digests: BTreeMap<String, String>,
    /// Number of trace events.
    pub events: u64,
    /// Version of rebalab.
    pub version: String,
    /// Version of Apache Kafka whose behaviour is modelled.
    pub kafka: String,
}

/// The settings that took effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Configuration {
    /// Number of brokers.
    pub brokers: u32,
    /// Coordinator settings of every broker.
    pub broker_settings: Vec<Setting>,
    /// Topics with their partition counts at the start.
    pub topics: BTreeMap<String, u32>,
    /// Consumers with equal settings together, in scenario order.
    pub consumers: Vec<ConsumerSettings>,
    /// What a real client or broker would clamp or ignore, and what is used instead.
    pub notes: Vec<EffectiveNote>,
}

/// Settings shared by some consumers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ConsumerSettings {
    /// The group's id.
    pub group: String,
    /// Names of the consumers.
    pub consumers: Vec<String>,
    /// Client library, for example `java-4.1`.
    pub client: String,
    /// Settings under Kafka's names; `client.id` and `group.instance.id` differ between consumers and are left out.
    pub settings: Vec<Setting>,
}

/// One setting under Kafka's name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Setting {
    /// Kafka's name, for example `session.timeout.ms`.
    pub name: String,
    /// The value in Kafka's unit.
    pub value: serde_json::Value,
    /// Where the value comes from.
    pub source: SettingSource,
}

/// Where the value of a setting comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettingSource {
    /// Equal to Kafka's default.
    Default,
    /// Differs from Kafka's default.
    Scenario,
}

/// Something the reader should know about the effective configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct EffectiveNote {
    /// Where in the scenario, for example `groups[0].consumers[0].properties.session.timeout.ms`.
    pub place: String,
    /// What, in a sentence.
    pub text: String,
}

/// Something that a real cluster would do and the model leaves out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NotModelled {
    /// Where in the scenario it is asked for.
    pub place: String,
    /// What is left out, in a sentence.
    pub text: String,
}

/// One consumer over the whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ConsumerOutcome {
    /// Name in the scenario.
    pub name: String,
    /// The group's id.
    pub group: String,
    /// Life spans of its processes.
    pub processes: Vec<ProcessSpan>,
    /// Records whose processing was finished, repetitions included.
    pub processed_records: u64,
    /// Longest time from the start of one `poll` to the start of the next, seconds.
    pub longest_poll_gap_s: f64,
    /// Longest batch, seconds of processing.
    pub longest_batch_s: f64,
    /// How often this consumer held the barrier of a rebalance.
    pub barriers_held: u64,
    /// Kafka's own metrics of the consumer under their real names.
    pub metrics: Vec<Metric>,
}

/// One life of a consumer process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ProcessSpan {
    /// Process start, seconds.
    pub from_s: f64,
    /// Process end, seconds; `null` if it lived at the end of the run.
    pub to_s: Option<f64>,
    /// How it ended: `closed`, `killed_after_grace`, `crashed`, `failed`; `null` if it lived at the end.
    pub ended: Option<String>,
}

/// One of Kafka's own metrics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Metric {
    /// Metric group, for example `consumer-coordinator-metrics`.
    pub group: String,
    /// Metric name, for example `rebalance-latency-max`.
    pub name: String,
    /// The values.
    #[serde(default)]
    pub values: MetricValues,
}

/// Values of a metric, in Kafka's unit (milliseconds for times, unless the name says otherwise).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct MetricValues {
    /// What JMX shows at the end of the run; `null` for NaN and for a consumer that does not run.
    pub at_end: Option<f64>,
    /// The highest value that JMX could have shown in the run.
    pub highest: Option<f64>,
}

/// One occurrence of a fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FaultOutcome {
    /// Index into the scenario's `faults`.
    pub fault: u32,
    /// As the scenario tells it.
    pub label: String,
    /// What it hit: a consumer, a broker, a link.
    pub target: String,
    /// Beginning, seconds.
    pub from_s: f64,
    /// End, seconds; `null` if it lasts at the end of the run. Equal to the beginning for a momentary fault.
    pub to_s: Option<f64>,
}

/// An exception that reached an application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ExceptionOutcome {
    /// When, seconds.
    pub at_s: f64,
    /// Whose application.
    pub consumer: String,
    /// Which call threw it, for example `poll` or `commitSync`.
    pub place: String,
    /// Kafka's class, for example `CommitFailedException`.
    pub class: String,
    /// Its message.
    pub message: String,
}
