//! What a person typed: the scenario file, field by field, before anything is checked or resolved.
//!
//! Kafka's settings keep Kafka's names and units under `properties`; every other time span is text with a unit.
//! The published schema (`schema/scenario.schema.json`) is generated from these types.

pub mod fault;
pub mod machine;
pub mod value;

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

pub use fault::FaultEntry;
pub use machine::{DeploymentEntry, MachineEntry};
pub use value::{Dist, Names, Settings, Shape, Span};

use super::profile;
use crate::protocol::config::{broker_table, consumer_table};

/// The `format_version` that this program reads and writes.
pub const FORMAT_VERSION: u32 = 1;

/// A scenario: a cluster, consumer groups, what befalls them, and what must hold at the end.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScenarioFile {
    /// Where the schema stands, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Version of this format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub format_version: u32,
    /// Short name, also of output files: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// What the situation is, and why the expectations hold.
    #[serde(default)]
    pub description: String,
    /// Where the situation is known from.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Simulated time of the run.
    pub duration: Span,
    /// Brokers and topics.
    pub cluster: ClusterEntry,
    /// Consumer groups.
    pub groups: Vec<GroupEntry>,
    /// Network between consumers and brokers.
    #[serde(default)]
    pub network: NetworkEntry,
    /// What befalls the cluster and its consumers.
    #[serde(default)]
    pub faults: Vec<FaultEntry>,
    /// What must hold at the end: figure and check, for example `"rebalances": "== 3"`.
    #[serde(default)]
    pub expect: IndexMap<String, String>,
    /// Settings to compare (`rebalab compare`): under a name each, Kafka properties and paths in this file with the values
    /// that they have in that variant.
    #[serde(default)]
    #[schemars(with = "IndexMap<String, IndexMap<String, serde_json::Value>>")]
    pub variants: IndexMap<String, Settings>,
}

/// The brokers and what they hold.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClusterEntry {
    /// Number of brokers; they are called 0, 1, ….
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 100))]
    pub brokers: u32,
    /// `broker.rack` of the brokers, in their order (`null` for one without); absent: none has a rack.
    #[serde(default)]
    pub racks: Vec<Option<String>>,
    /// A `server.properties` whose settings apply below `properties`; relative to this file.
    #[serde(default)]
    pub properties_file: Option<String>,
    /// Broker settings, the same on every broker.
    #[serde(default)]
    #[schemars(with = "BrokerSettings")]
    pub properties: Settings,
    /// Topics.
    pub topics: Vec<TopicEntry>,
    /// How long an append to `__consumer_offsets` takes until it is committed (local write and replication).
    #[serde(default = "append_latency")]
    pub append_latency: Dist,
    /// Time a broker takes to handle one request.
    #[serde(default = "request_time")]
    pub request_time: Dist,
    /// Time from the election of a new leader of a partition of `__consumer_offsets` until that broker knows of it and begins
    /// to read its log. Until then it answers NOT_COORDINATOR.
    #[serde(default = "leadership_time")]
    pub leadership_time: Dist,
    /// Time to read one record of `__consumer_offsets` when a coordinator loads.
    #[serde(default = "load_time")]
    pub load_time_per_record: Span,
    /// Records that each partition of `__consumer_offsets` holds when the run starts, in the segment that is being written: a
    /// coordinator that loads reads them, too.
    #[serde(default)]
    pub offsets_log_records: u64,
}

/// A topic.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TopicEntry {
    /// Name.
    pub name: String,
    /// Partitions at the start.
    #[schemars(range(min = 1, max = 100_000))]
    pub partitions: u32,
    /// Brokers of the replicas of each partition, the preferred leader first (`kafka-topics.sh --replica-assignment`).
    /// Only these lead the partition. Partitions without an entry have the default: replicas on up to three brokers in
    /// turn, beginning with one broker more for each partition, and a leader wherever a broker is up.
    #[serde(default)]
    pub replicas: Vec<Vec<u32>>,
    /// How records arrive.
    #[serde(default = "no_arrivals")]
    pub arrivals: ArrivalsEntry,
    /// Records in each partition at the start.
    #[serde(default)]
    pub backlog_per_partition: u64,
    /// Bytes of one record, against `max.partition.fetch.bytes`.
    #[serde(default = "record_bytes")]
    #[schemars(range(min = 1))]
    pub record_bytes: u32,
    /// When the topic comes into being; absent: it exists before the start.
    #[serde(default)]
    pub created_at: Option<Span>,
    /// Larger partition counts later on.
    #[serde(default)]
    pub grows: Vec<GrowsEntry>,
}

/// A larger partition count from some instant on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrowsEntry {
    /// When.
    pub at: Span,
    /// Partitions from then on, in all.
    #[schemars(range(min = 1, max = 100_000))]
    pub partitions: u32,
}

/// How records arrive at a topic; rates are records per second over all its partitions.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ArrivalsEntry {
    /// No records arrive.
    None,
    /// Evenly spaced in each partition.
    PerSecond(f64),
    /// At random moments (a Poisson process per partition).
    Poisson {
        /// Mean rate.
        per_second: f64,
    },
    /// More for a while, again and again.
    Bursts {
        /// Rate between bursts.
        #[serde(default)]
        base_per_second: f64,
        /// Rate within a burst.
        per_second: f64,
        /// From the beginning of one burst to the next.
        every: Span,
        /// Length of a burst.
        length: Span,
    },
    /// Rates that change at given instants, in time order; no records before the first.
    Table(Vec<RateEntry>),
}

/// A rate from some instant on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateEntry {
    /// From when.
    pub at: Span,
    /// Records per second over all partitions.
    pub per_second: f64,
}

/// A consumer group.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupEntry {
    /// `group.id`
    pub id: String,
    /// A `consumer.properties` for all consumers of the group, below `properties`; relative to this file.
    #[serde(default)]
    pub properties_file: Option<String>,
    /// Settings of all consumers of the group, below the consumers' own.
    #[serde(default)]
    #[schemars(with = "ConsumerSettings")]
    pub properties: Settings,
    /// Consumers, each process on a host of its own.
    pub consumers: Vec<ConsumerEntry>,
}

/// One consumer, or several alike.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsumerEntry {
    /// Name of the consumer; with `count` the consumers are `worker-1`, `worker-2`, …. Also the name of its host.
    pub name: String,
    /// How many alike; absent: one, named without a number.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10_000))]
    pub count: Option<u32>,
    /// The client library with its defaults: `java-4.1`, an older version of the Java consumer, or `librdkafka-2`,
    /// `franz-go-1`, `sarama-1`, `kafkajs-2`, `kafka-go-0.4`, `kafka-python-3`, `aiokafka-0`.
    #[serde(default = "client")]
    pub client: String,
    /// When the processes start.
    #[serde(default)]
    pub start: StartEntry,
    /// From the start of a process to its first `poll` (loading, construction).
    #[serde(default)]
    pub startup: Dist,
    /// A `consumer.properties` below `properties`; relative to this file.
    #[serde(default)]
    pub properties_file: Option<String>,
    /// The machine that each process runs on.
    #[serde(default)]
    pub machine: MachineEntry,
    /// How these consumers are deployed in Kubernetes; `count` is `replicas`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<DeploymentEntry>,
    /// Settings of these consumers.
    #[serde(default)]
    #[schemars(with = "ConsumerSettings")]
    pub properties: Settings,
    /// What they subscribe to; absent: all topics of the cluster.
    #[serde(default)]
    pub subscription: Option<SubscriptionEntry>,
    /// How long the application works.
    #[serde(default)]
    pub processing: ProcessingEntry,
    /// Length of the listener's calls.
    #[serde(default)]
    pub callbacks: CallbacksEntry,
    /// When the application commits by itself, beside `enable.auto.commit`.
    #[serde(default)]
    pub commit: CommitEntry,
    /// Timeout that the application passes to `poll`.
    #[serde(default = "poll_timeout")]
    pub poll_timeout: Span,
    /// Time the leader's assignor takes.
    #[serde(default)]
    pub assignor_cost: AssignorCostEntry,
    /// What the application does when `poll` throws a fatal exception.
    #[serde(default)]
    pub on_exception: OnExceptionEntry,
}

/// When consumers of an entry start.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartEntry {
    /// Start of the first, from the beginning of the run or of `after`.
    #[serde(default)]
    pub at: Span,
    /// From the start of one consumer to the next.
    #[serde(default)]
    pub every: Span,
    /// Counts from the start of this consumer, or of the last one of this entry.
    #[serde(default)]
    pub after: Option<String>,
    /// True: none starts until a `start` fault says so.
    #[serde(default)]
    pub held: bool,
}

/// What consumers subscribe to.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SubscriptionEntry {
    /// These topics.
    Topics(Vec<String>),
    /// All topics whose names start so (pattern subscription).
    Prefix(String),
}

/// How long the application works.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProcessingEntry {
    /// Per record.
    #[serde(default)]
    pub per_record: Dist,
    /// Per non-empty batch, on top.
    #[serde(default)]
    pub per_batch: Dist,
    /// Other times per record later on, in time order.
    #[serde(default)]
    pub changes: Vec<ProcessingChange>,
}

/// Another time per record from some instant on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProcessingChange {
    /// From when.
    pub at: Span,
    /// Per record from then on.
    pub per_record: Dist,
}

/// Lengths of the calls of the `ConsumerRebalanceListener`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallbacksEntry {
    /// `onPartitionsAssigned`
    #[serde(default)]
    pub assigned: Dist,
    /// `onPartitionsRevoked`
    #[serde(default)]
    pub revoked: Dist,
    /// `onPartitionsLost`
    #[serde(default)]
    pub lost: Dist,
    /// `commitSync` inside `onPartitionsRevoked`.
    #[serde(default)]
    pub commit_on_revoke: bool,
}

/// When the application commits by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CommitEntry {
    /// Never.
    #[default]
    None,
    /// `commitSync` after each processed batch.
    SyncAfterBatch,
    /// `commitAsync` after each processed batch.
    AsyncAfterBatch,
}

/// Time the leader's assignor takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AssignorCostEntry {
    /// No time.
    Zero,
    /// Always this long.
    Constant(Span),
    /// As measured of Kafka's own assignors, by members and partitions.
    #[default]
    Kafka,
}

/// What the application does when `poll` throws a fatal exception.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnExceptionEntry {
    /// The process ends without `close()`.
    #[default]
    Exit,
    /// It logs the exception and polls again.
    Continue,
}

/// The network between consumers and brokers.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkEntry {
    /// One-way latency of every link.
    #[serde(default = "latency")]
    pub latency: Dist,
    /// Probability that a packet (one request or answer) is lost and sent again, per direction: 0 to 1.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 0.99))]
    pub loss: f64,
    /// First retransmission timeout; doubles with each further loss.
    #[serde(default = "rto")]
    pub rto: Span,
}

impl Default for NetworkEntry {
    fn default() -> Self {
        NetworkEntry { latency: latency(), loss: 0.0, rto: rto() }
    }
}

fn three() -> u32 {
    3
}
/// A local write and two followers in the same zone.
fn append_latency() -> Dist {
    Dist(Shape::Uniform { from: Span::millis(1), to: Span::millis(3) })
}
fn request_time() -> Dist {
    Dist::constant(Span(crate::engine::SimDuration::from_micros(100)))
}
fn leadership_time() -> Dist {
    Dist::constant(Span::millis(0))
}
fn load_time() -> Span {
    Span(crate::engine::SimDuration::from_micros(10))
}
fn no_arrivals() -> ArrivalsEntry {
    ArrivalsEntry::None
}
fn record_bytes() -> u32 {
    1_000
}
fn client() -> String {
    profile::DEFAULT.to_string()
}
fn poll_timeout() -> Span {
    Span::millis(100)
}
/// Two machines of one region.
fn latency() -> Dist {
    let micros = |micros| Span(crate::engine::SimDuration::from_micros(micros));
    Dist(Shape::Uniform { from: micros(250), to: micros(750) })
}
/// Linux' smallest retransmission timeout (TCP_RTO_MIN).
fn rto() -> Span {
    Span::millis(200)
}

/// Stands for [`Settings`] of a broker in the schema.
struct BrokerSettings;

impl JsonSchema for BrokerSettings {
    fn schema_name() -> Cow<'static, str> {
        "BrokerSettings".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let about = "Broker settings under Kafka's names.";
        value::settings_schema(about, broker_table::known(), broker_table::OTHERS)
    }
}

/// Stands for [`Settings`] of a consumer in the schema.
struct ConsumerSettings;

impl JsonSchema for ConsumerSettings {
    fn schema_name() -> Cow<'static, str> {
        "ConsumerSettings".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let about = "Consumer settings under Kafka's names, or under those of another `client`. `client.id`, \
                     `group.instance.id` and `client.rack` take the placeholders {name}, {index} and {group}.";
        let mut schema = value::settings_schema(about, consumer_table::CONSUMER.iter(), consumer_table::OF_OTHERS);
        if let Some(properties) = schema.get_mut("properties").and_then(serde_json::Value::as_object_mut) {
            for (own, about) in profile::own_settings() {
                properties.entry(own).or_insert_with(|| serde_json::json!({ "description": about }));
            }
        }
        schema
    }
}

/// The JSON Schema of scenario files, as text.
pub fn schema() -> String {
    let schema = schemars::schema_for!(ScenarioFile);
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is plain JSON");
    text.push('\n');
    text
}
