//! The fields of a recording line as they stand in the file. Fields that are not compared are left out and skipped.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub(super) struct Line {
    pub scenario: String,
    pub rep: u32,
    pub kafka: String,
    /// The library of every member that names none of its own.
    pub client: Option<Library>,
    #[serde(default)]
    pub params: Params,
    pub config: Config,
    pub group: String,
    pub partitions: u32,
    pub actions: Vec<Action>,
    pub events: Vec<Event>,
    #[serde(default)]
    pub measured: Measured,
    #[serde(default)]
    pub before_fault: BeforeFault,
    #[serde(default)]
    pub noise: Noise,
    pub traffic: Option<Traffic>,
}

#[derive(Deserialize, Default)]
pub(super) struct Params {
    pub produce_ms: Option<u64>,
    pub rate: Option<f64>,
    pub between_ms: Option<i64>,
    #[serde(default)]
    pub more_topics: Vec<u32>,
}

#[derive(Deserialize, Clone)]
pub(super) struct Library {
    pub name: String,
}

#[derive(Deserialize)]
pub(super) struct Config {
    #[serde(default)]
    pub broker: IndexMap<String, Value>,
    #[serde(default)]
    pub members: IndexMap<String, Member>,
    pub every_member: Option<Member>,
}

#[derive(Deserialize, Clone, Default)]
pub(super) struct Member {
    #[serde(default)]
    pub client: IndexMap<String, Value>,
    #[serde(default)]
    pub app: IndexMap<String, Value>,
    pub library: Option<Library>,
}

#[derive(Deserialize)]
pub(super) struct Action {
    pub t_ms: i64,
    #[serde(rename = "do")]
    pub what: String,
    pub who: Option<String>,
    pub jvm: Option<String>,
    pub how: Option<String>,
    pub ms: Option<u64>,
    pub commit: Option<bool>,
    pub instance: Option<String>,
    pub mark: Option<String>,
    pub busy: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Event {
    pub t_ms: i64,
    pub who: String,
    pub what: String,
    pub partitions: Option<Vec<u32>>,
    pub ms: Option<u64>,
    pub records: Option<u64>,
    #[serde(rename = "where")]
    pub place: Option<String>,
    pub class: Option<String>,
    pub repeated: Option<u64>,
    pub api: Option<String>,
    pub error: Option<String>,
    pub generation: Option<i32>,
    pub member: Option<String>,
    pub is_leader: Option<bool>,
    pub reason: Option<String>,
    pub text: Option<String>,
    /// Of other libraries' recorders a list of [`Protocol`]; Java's shows names.
    pub protocols: Option<Value>,
    /// Of other libraries' recorders partitions by member: numbers if all are of the first topic, else by topic; Java's shows how many.
    pub assignments: Option<Value>,
}

/// An assignor that a JoinGroup offers: the fields of its subscription.
#[derive(Deserialize)]
pub(super) struct Protocol {
    pub name: String,
    #[serde(default)]
    pub version: i16,
    #[serde(default)]
    pub topics: Vec<String>,
    pub user_data: Option<String>,
    pub owned: Option<IndexMap<String, Vec<i32>>>,
    pub generation: Option<i32>,
    pub rack: Option<String>,
}

#[derive(Deserialize, Default)]
pub(super) struct Measured {
    #[serde(default)]
    pub rebalances_before: u64,
    #[serde(default)]
    pub rebalances: u64,
    #[serde(default)]
    pub rebalance: Vec<Rebalance>,
    pub detect_ms: Option<i64>,
    pub settled_ms: Option<i64>,
    #[serde(default)]
    pub unavailable_ms: IndexMap<u32, i64>,
    #[serde(default)]
    pub unavailable_max_ms: i64,
    #[serde(default)]
    pub unavailable_partition_ms: i64,
    #[serde(default)]
    pub double_owner_partition_ms: i64,
    #[serde(default)]
    pub notice_ms: IndexMap<String, i64>,
}

#[derive(Deserialize)]
pub(super) struct Rebalance {
    pub t_ms: i64,
    pub join_ms: Option<i64>,
    pub latency_ms: Option<i64>,
}

#[derive(Deserialize, Default)]
pub(super) struct BeforeFault {
    #[serde(default)]
    pub commit_age_ms: IndexMap<String, i64>,
}

#[derive(Deserialize, Default)]
pub(super) struct Noise {
    #[serde(default)]
    pub oversleep_p50_ms: f64,
    #[serde(default)]
    pub oversleep_p99_ms: f64,
}

#[derive(Deserialize)]
pub(super) struct Traffic {
    pub processed: u64,
    pub duplicates: u64,
    pub gap_ms: IndexMap<u32, i64>,
    #[serde(default)]
    pub commit_failures: IndexMap<String, u64>,
    #[serde(default)]
    pub lag: Vec<(f64, i64, i64, i64)>,
}
