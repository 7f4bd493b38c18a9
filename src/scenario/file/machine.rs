//! What people type about the machines of consumers, and about how they are deployed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::value::{Dist, Span};

/// The machine (container) that each process of an entry runs on.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MachineEntry {
    /// Garbage collection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gc: Option<GcEntry>,
    /// A quota of the processor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_quota: Option<CpuQuotaEntry>,
    /// Other tenants of the same machine that take processor time away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbours: Option<NeighboursEntry>,
}

/// How a runtime collects garbage.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum GcEntry {
    /// Once in a while everything stops for long.
    Occasional {
        /// From one pause to the next.
        every: Dist,
        /// How long.
        pause: Dist,
    },
    /// Frequent short pauses, rare long ones; the long ones get longer and come sooner as the heap fills up.
    Generational {
        /// The short ones.
        young: PausesEntry,
        /// The long ones, at the heap's use at the start.
        old: PausesEntry,
        /// How the heap fills up; absent: it stays as it is.
        #[serde(default)]
        heap: Option<HeapEntry>,
    },
    /// Short pauses, and between them a collector that takes processor time from the application.
    Concurrent {
        /// From one cycle to the next.
        every: Dist,
        /// How long everything stops in a cycle.
        pause: Dist,
        /// Length of a cycle, in which the collector runs beside the application.
        cycle: Dist,
        /// Share of the processor that the collector takes in a cycle, 0 to 0.9.
        #[schemars(range(min = 0.0, max = 0.9))]
        cpu: f64,
    },
}

/// Pauses of one kind.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PausesEntry {
    /// From one to the next.
    pub every: Dist,
    /// How long.
    pub pause: Dist,
}

/// How a heap fills up. A collection takes as long as there is to look at (in proportion to the share in use), and the
/// next one comes when what is free is used up (in proportion to the free share).
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeapEntry {
    /// Share in use at the start, between 0 and 1.
    #[schemars(range(min = 0.05, max = 0.99))]
    pub used: f64,
    /// Share in use in the end.
    #[schemars(range(min = 0.05, max = 0.99))]
    pub grows_to: f64,
    /// How long it takes to get there.
    pub over: Span,
}

/// A quota of the processor (cgroup `cpu.max`; `resources.limits.cpu` in Kubernetes).
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CpuQuotaEntry {
    /// Processors, below 1: an application of one thread cannot use more.
    #[schemars(range(min = 0.01, max = 1.0))]
    pub cores: f64,
    /// Length of a period.
    #[serde(default = "period")]
    pub period: Span,
}

/// Other tenants of the same machine.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NeighboursEntry {
    /// From one burst of theirs to the next.
    pub every: Dist,
    /// How long a burst lasts.
    #[serde(rename = "for")]
    pub length: Dist,
    /// Share of the processor that they take, 0 to 0.95.
    #[schemars(range(min = 0.0, max = 0.95))]
    pub steal: f64,
}

/// How an entry is deployed in Kubernetes: what `rollout`, `scale` and `node_drain` need to know. What a `manifest` says
/// need not be written here; what is written here wins.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeploymentEntry {
    /// A YAML file with a Deployment or StatefulSet; relative to this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    /// Which of those in the manifest, by `metadata.name`; absent: the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_name: Option<String>,
    /// Deployment or StatefulSet; absent: as in the manifest, else a Deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<DeploymentKind>,
    /// `maxSurge`: pods above `replicas`, a number or a percentage (rounded up). Absent: 25%.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_surge: Option<CountOrPercent>,
    /// `maxUnavailable`: pods that may be missing, a number or a percentage (rounded down). Absent: 25%; 1 in a StatefulSet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<CountOrPercent>,
    /// From the consumer's first `poll` to the pod's being ready (probes).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness: Option<Dist>,
    /// `minReadySeconds`: a pod counts as available so long after it is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_ready: Option<Span>,
    /// `terminationGracePeriodSeconds`: from the beginning of the termination to SIGKILL. Absent: 30s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace: Option<Span>,
    /// Length of the preStop hook, a part of the grace period: SIGTERM comes after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_stop: Option<Span>,
    /// From the end of a pod to the start of the process in its successor where that has to wait for it (StatefulSet, node
    /// drain): scheduling, image, container. Absent: 2s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reschedule: Option<Dist>,
    /// Over how many nodes the pods are spread, in turn. Absent: each has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub nodes: Option<u32>,
}

/// What kind of workload it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentKind {
    /// Pods are replaced by others with new names.
    Deployment,
    /// Pods keep their ordinal names: `worker-0`, `worker-1`, …; the last is replaced first.
    StatefulSet,
}

/// A number of pods, or a percentage of `replicas`: `2` or `"25%"`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum CountOrPercent {
    /// So many.
    Count(u32),
    /// So many percent of the replicas.
    Percent(u32),
}

impl CountOrPercent {
    /// How many pods that is; percentages are rounded up or down.
    pub fn of(self, replicas: u32, up: bool) -> u32 {
        match self {
            CountOrPercent::Count(count) => count,
            CountOrPercent::Percent(percent) if up => (replicas * percent).div_ceil(100),
            CountOrPercent::Percent(percent) => replicas * percent / 100,
        }
    }
}

impl std::str::FromStr for CountOrPercent {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no number of pods: it takes `2` or `25%`");
        match text.trim().strip_suffix('%') {
            Some(percent) => percent.parse().map(CountOrPercent::Percent).map_err(|_| wrong()),
            None => text.trim().parse().map(CountOrPercent::Count).map_err(|_| wrong()),
        }
    }
}

impl<'de> Deserialize<'de> for CountOrPercent {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl serde::de::Visitor<'_> for Reader {
            type Value = CountOrPercent;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number of pods (`2`) or a percentage (`\"25%\"`)")
            }
            fn visit_u64<E: serde::de::Error>(self, count: u64) -> Result<CountOrPercent, E> {
                u32::try_from(count).map(CountOrPercent::Count).map_err(E::custom)
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<CountOrPercent, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl Serialize for CountOrPercent {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            CountOrPercent::Count(count) => serializer.serialize_u32(*count),
            CountOrPercent::Percent(percent) => serializer.collect_str(&format_args!("{percent}%")),
        }
    }
}

impl JsonSchema for CountOrPercent {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CountOrPercent".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A number of pods, or a percentage of them: 2 or \"25%\".",
            "anyOf": [{ "type": "integer", "minimum": 0 }, { "type": "string", "pattern": "^[0-9]+%?$" }],
        })
    }
}

/// The kernel's default for containers.
fn period() -> Span {
    Span::millis(100)
}

#[cfg(test)]
mod tests {
    use super::CountOrPercent;

    #[test]
    fn percentages_are_rounded_as_kubernetes_rounds_them() {
        let quarter: CountOrPercent = "25%".parse().unwrap();
        assert_eq!((quarter.of(10, true), quarter.of(10, false), quarter.of(1, false)), (3, 2, 0));
        assert_eq!("3".parse::<CountOrPercent>().unwrap().of(10, true), 3);
        assert!("a few".parse::<CountOrPercent>().unwrap_err().contains("25%"));
    }
}
