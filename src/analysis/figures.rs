//! Every figure by name: for `expect` lines and tables. `docs/figures.md` lists them; a test keeps that list complete.

use serde::Serialize;
use serde_json::Value;

use crate::analysis::Outcome;
use crate::analysis::outcome::{
    FigureValue, GroupOutcome, LivelockCause, PauseCause, ReasonClass, Rebalance, Spread, Totals, TriggerKind,
};
use crate::scenario::{FigureKind, Figures};

/// A figure with its unit and its definition.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// Its name; `<…>` stands for what the reader fills in.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// What it is.
    pub text: &'static str,
}

/// What is behind a name.
#[derive(Clone, Copy)]
enum Source {
    /// A number of the totals.
    Number(fn(&Totals) -> Option<f64>),
    /// A set of values, told by one of [`SPREAD_PARTS`].
    Spread(fn(&Totals) -> &Spread),
    /// Counts or times by key; a key that did not occur is 0.
    ByKey(fn(&Totals, &str) -> f64, Keys),
}

/// Which keys a family of figures has.
#[derive(Clone, Copy)]
enum Keys {
    /// These.
    Known(fn() -> Vec<String>),
    /// Names that depend on the scenario.
    Any,
}

/// What is told of a [`Spread`].
const SPREAD_PARTS: [&str; 8] = ["count", "total", "min", "avg", "p50", "p90", "p99", "max"];

const fn number(
    name: &'static str,
    unit: &'static str,
    text: &'static str,
    take: fn(&Totals) -> Option<f64>,
) -> (Definition, Source) {
    (Definition { name, unit, text }, Source::Number(take))
}

const fn spread(name: &'static str, text: &'static str, take: fn(&Totals) -> &Spread) -> (Definition, Source) {
    (Definition { name, unit: "seconds", text }, Source::Spread(take))
}

const fn family(
    name: &'static str,
    unit: &'static str,
    text: &'static str,
    take: fn(&Totals, &str) -> f64,
    keys: Keys,
) -> (Definition, Source) {
    (Definition { name, unit, text }, Source::ByKey(take, keys))
}

/// Figures of a group or of the run. Each is defined once: where the totals have it.
static OF_TOTALS: [(Definition, Source); 34] = [
    number("rebalances", "count", "rebalances: \"Preparing to rebalance\" lines of the coordinator", |t| {
        Some(t.rebalances as f64)
    }),
    family(
        "rebalances_by_reason.<reason>",
        "count",
        "rebalances by the kind of reason that the coordinator gives",
        |t, key| by_name(&t.rebalances_by_reason, key, |count| *count as f64),
        Keys::Known(|| names::<ReasonClass>(&REASONS)),
    ),
    family(
        "rebalances_by_trigger.<trigger>",
        "count",
        "rebalances by what set them off",
        |t, key| by_name(&t.rebalances_by_trigger, key, |count| *count as f64),
        Keys::Known(|| names::<TriggerKind>(&TRIGGERS)),
    ),
    number(
        "rebalances_superseded",
        "count",
        "rebalances that the next one overtook before the group was stable",
        |t| Some(t.rebalances_superseded as f64),
    ),
    number("generations", "count", "join phases that ended with members (\"Stabilized\")", |t| {
        Some(t.generations as f64)
    }),
    spread(
        "rebalance_latency.<part>",
        "coordinator's view: \"Preparing to rebalance\" to \"Assignment received from leader\"",
        |t| &t.rebalance_latency,
    ),
    spread("join_phase.<part>", "\"Preparing to rebalance\" to \"Stabilized\"", |t| &t.join_phase),
    spread(
        "member_rebalance_latency.<part>",
        "client's view: Kafka's `rebalance-latency` of every member and rebalance",
        |t| &t.member_rebalance_latency,
    ),
    family(
        "barriers_held.<consumer>",
        "count",
        "how often the consumer held the barrier of a rebalance",
        |t, key| t.barrier_holders.get(key).map_or(0.0, |count| *count as f64),
        Keys::Any,
    ),
    number("paused_partition_seconds", "partition-seconds", "time that partitions stood still", |t| {
        Some(t.paused_partition_seconds)
    }),
    family(
        "paused_partition_seconds.<cause>",
        "partition-seconds",
        "the same by cause; the causes add up to the whole",
        |t, key| by_name(&t.paused_partition_seconds_by_cause, key, |seconds| *seconds),
        Keys::Known(|| names::<PauseCause>(&CAUSES)),
    ),
    spread("pause.<part>", "length of single pauses of single partitions", |t| &t.pause),
    number(
        "unavailable_partition_seconds",
        "partition-seconds",
        "time without an owner that runs and is connected",
        |t| Some(t.unavailable_partition_seconds),
    ),
    number("unavailable.max", "seconds", "longest single time of that kind of one partition", |t| {
        Some(t.unavailable_max_s)
    }),
    number("unowned_partition_seconds", "partition-seconds", "time without any owner", |t| {
        Some(t.unowned_partition_seconds)
    }),
    number(
        "double_owned_partition_seconds",
        "partition-seconds",
        "time in which two or more processes believed to own the same partition",
        |t| Some(t.double_owned_partition_seconds),
    ),
    number("false_expulsions", "count", "members that the coordinator removed although their process lived", |t| {
        Some(t.false_expulsions as f64)
    }),
    number(
        "poll_interval_exceeded",
        "count",
        "members that left by themselves because max.poll.interval.ms was exceeded",
        |t| Some(t.poll_interval_exceeded as f64),
    ),
    spread("detection.<part>", "from the end of a crashed process to its removal from the group", |t| &t.detection),
    number("processed_records", "records", "records whose processing was finished, repetitions included", |t| {
        Some(t.processed_records as f64)
    }),
    number("duplicates", "records", "records processed again although they had been processed before", |t| {
        Some(t.duplicates as f64)
    }),
    number("commits", "count", "commits tried", |t| Some(t.commits as f64)),
    number("commit_failures", "count", "commits that failed", |t| Some(t.commit_failures.values().sum::<u64>() as f64)),
    family(
        "commit_failures.<class>",
        "count",
        "the same by Kafka's exception class",
        |t, key| t.commit_failures.get(key).map_or(0.0, |count| *count as f64),
        Keys::Any,
    ),
    number("exceptions", "count", "exceptions that reached applications", |t| {
        Some(t.exceptions.values().sum::<u64>() as f64)
    }),
    family(
        "exceptions.<class>",
        "count",
        "the same by Kafka's class",
        |t, key| t.exceptions.get(key).map_or(0.0, |count| *count as f64),
        Keys::Any,
    ),
    number("lag.peak", "records", "largest lag at a sample: records in the log beyond the last processed one", |t| {
        Some(t.lag_peak as f64)
    }),
    number("lag.end", "records", "lag at the end of the run", |t| Some(t.lag_at_end as f64)),
    number("lag.drain", "seconds", "from the largest lag to the first later sample with at most a tenth of it", |t| {
        t.lag_drain_s
    }),
    number("committed_lag.peak", "records", "largest lag against committed offsets", |t| {
        Some(t.committed_lag_peak as f64)
    }),
    number("barrier_seconds", "seconds", "time spent in join phases", |t| Some(t.join_phase.total)),
    number("longest_pause", "seconds", "longest single pause of one partition; 0 if none stood still", |t| {
        Some(t.pause.max.unwrap_or(0.0))
    }),
    number("crashes_detected", "count", "crashed processes that the coordinator removed", |t| {
        Some(t.detection.count as f64)
    }),
    number("rebalances_completed", "count", "rebalances in which the assignment was received", |t| {
        Some(t.rebalance_latency.count as f64)
    }),
];

/// Figures of the whole run.
const OF_RUN: [Definition; 4] = [
    Definition {
        name: "invariants",
        unit: "text",
        text: "`hold`, or the name of the first invariant that was violated",
    },
    Definition { name: "livelock", unit: "text", text: "`none`, or the cause of the first livelock" },
    Definition { name: "livelocks", unit: "count", text: "livelocks found" },
    Definition { name: "faults", unit: "count", text: "occurrences of faults" },
];

/// Figures of the n-th rebalance of a group, counted from 1.
const OF_REBALANCE: [Definition; 8] = [
    Definition { name: "rebalance.<n>.latency", unit: "seconds", text: "coordinator's view of the n-th rebalance" },
    Definition { name: "rebalance.<n>.join_phase", unit: "seconds", text: "length of its join phase" },
    Definition { name: "rebalance.<n>.generation", unit: "number", text: "the generation that it made" },
    Definition { name: "rebalance.<n>.members", unit: "count", text: "members of that generation" },
    Definition { name: "rebalance.<n>.reason", unit: "text", text: "the kind of the coordinator's reason" },
    Definition { name: "rebalance.<n>.trigger", unit: "text", text: "what set it off" },
    Definition { name: "barrier_holder.<n>", unit: "text", text: "the consumer that held its barrier" },
    Definition { name: "barrier_phase.<n>", unit: "text", text: "what took that consumer longest" },
];

const REASONS: [ReasonClass; 9] = [
    ReasonClass::MemberJoined,
    ReasonClass::MemberLeft,
    ReasonClass::SessionExpired,
    ReasonClass::SyncTimeout,
    ReasonClass::LeaderRejoined,
    ReasonClass::MemberRejoined,
    ReasonClass::StaticMemberChanged,
    ReasonClass::AssignmentNotStored,
    ReasonClass::Other,
];

const TRIGGERS: [TriggerKind; 13] = [
    TriggerKind::ProcessStarted,
    TriggerKind::Closed,
    TriggerKind::CrashDetected,
    TriggerKind::SessionExpiredAlive,
    TriggerKind::PollIntervalExceeded,
    TriggerKind::SyncTimeout,
    TriggerKind::Returned,
    TriggerKind::CooperativeRevocation,
    TriggerKind::MetadataChanged,
    TriggerKind::AttemptFailed,
    TriggerKind::StaticMemberChanged,
    TriggerKind::AssignmentNotStored,
    TriggerKind::Unknown,
];

/// All causes of pauses, in the order of the enum.
pub(super) const CAUSES: [PauseCause; 13] = [
    PauseCause::UndetectedFailure,
    PauseCause::Barrier,
    PauseCause::Assignment,
    PauseCause::Callback,
    PauseCause::HostPause,
    PauseCause::SlowBatch,
    PauseCause::Network,
    PauseCause::CoordinatorUnavailable,
    PauseCause::Position,
    PauseCause::InitialDelay,
    PauseCause::Startup,
    PauseCause::ProcessDown,
    PauseCause::Unassigned,
];

/// A path that names no figure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no figure `{path}`; the nearest is `{nearest}`")]
pub struct UnknownFigure {
    /// What was asked for.
    pub path: String,
    /// The known name that is most like it.
    pub nearest: String,
}

/// Every figure: those of a group or the run, those of the run, those of one rebalance.
///
/// `groups.<id>.` before the name of a figure that is not one of the whole run alone asks for one group.
pub fn definitions() -> impl Iterator<Item = Definition> {
    OF_TOTALS.iter().map(|(definition, _)| *definition).chain(OF_RUN).chain(OF_REBALANCE)
}

/// The definition of the figure that `path` names in a scenario with these groups, so that a misspelt `expect` is found
/// before the run.
///
/// # Errors
/// [`UnknownFigure`] with the nearest known name.
///
/// ```
/// use rebalab::analysis::figures::check;
/// assert!(check("groups.billing.paused_partition_seconds.barrier", &["billing"]).is_ok());
/// let error = check("paused_partition_second", &["billing"]).unwrap_err();
/// assert_eq!(error.nearest, "paused_partition_seconds");
/// ```
pub fn check(path: &str, groups: &[&str]) -> Result<Definition, UnknownFigure> {
    let (group, name) = split_group(path, groups.iter().copied());
    let of_totals = OF_TOTALS.iter().find(|(definition, source)| key_of(definition, *source, name).is_some());
    if let Some((definition, _)) = of_totals {
        return Ok(*definition);
    }
    let of_run = OF_RUN.iter().find(|definition| group.is_none() && definition.name == name);
    let of_rebalance = || OF_REBALANCE.iter().find(|d| of_rebalance(name).is_some_and(|(_, known)| known == d.name));
    of_run.or_else(of_rebalance).copied().ok_or_else(|| unknown(path, groups))
}

/// The figures of a scenario's `expect` lines.
pub struct KnownFigures;

impl Figures for KnownFigures {
    fn find(&self, path: &str, groups: &[&str]) -> Result<FigureKind, String> {
        match check(path, groups) {
            Ok(definition) if definition.unit == "text" => Ok(FigureKind::Text),
            Ok(_) => Ok(FigureKind::Number),
            Err(unknown) => Err(unknown.nearest),
        }
    }
}

impl Outcome {
    /// The value of a figure; `None` if it has none in this run (the latency of rebalances when there was none).
    ///
    /// # Errors
    /// [`UnknownFigure`] if there is no such figure.
    pub fn figure(&self, path: &str) -> Result<Option<FigureValue>, UnknownFigure> {
        let ids: Vec<&str> = self.groups.iter().map(|group| group.id.as_str()).collect();
        check(path, &ids)?;
        let (group, name) = split_group(path, ids.iter().copied());
        if let Some((number, part)) = of_rebalance(name) {
            let group = group.map_or_else(|| self.groups.first(), |place| self.groups.get(place));
            return Ok(group.and_then(|group| rebalance_figure(group, number, part)));
        }
        if group.is_none()
            && let Some(value) = self.run_figure(name)
        {
            return Ok(Some(value));
        }
        let totals = group.map_or(&self.totals, |place| &self.groups[place].totals);
        let value = OF_TOTALS.iter().find_map(|(definition, source)| {
            let key = key_of(definition, *source, name)?;
            Some(total_figure(totals, *source, key))
        });
        Ok(value.flatten().map(FigureValue::Number))
    }

    fn run_figure(&self, name: &str) -> Option<FigureValue> {
        Some(match name {
            "invariants" => {
                let violated = self.invariants.iter().find(|invariant| invariant.violations_total > 0);
                FigureValue::Text(violated.map_or_else(|| "hold".to_string(), |invariant| invariant.name.clone()))
            }
            "livelock" => FigureValue::Text(self.livelocks.first().map_or_else(|| "none".to_string(), cause_name)),
            "livelocks" => FigureValue::Number(self.livelocks.len() as f64),
            "faults" => FigureValue::Number(self.faults_total as f64),
            _ => return None,
        })
    }
}

fn cause_name(livelock: &crate::analysis::outcome::Livelock) -> String {
    word::<LivelockCause>(&livelock.cause)
}

/// Splits `groups.<id>.` off a path. Ids may hold dots: the longest that fits counts.
fn split_group(path: &str, ids: impl Iterator<Item = impl AsRef<str>>) -> (Option<usize>, &str) {
    let Some(rest) = path.strip_prefix("groups.") else { return (None, path) };
    let fits = ids.enumerate().filter_map(|(place, id)| {
        let name = rest.strip_prefix(id.as_ref())?.strip_prefix('.')?;
        Some((place, name))
    });
    fits.min_by_key(|(_, name)| name.len()).map_or((None, path), |(place, name)| (Some(place), name))
}

/// The variable part of a figure's name, if `path` is that figure; empty if it has none.
fn key_of<'p>(definition: &Definition, source: Source, path: &'p str) -> Option<&'p str> {
    match source {
        Source::Number(_) => (definition.name == path).then_some(""),
        Source::Spread(_) => {
            let part = path.strip_prefix(stem(definition))?;
            SPREAD_PARTS.contains(&part).then_some(part)
        }
        Source::ByKey(_, keys) => {
            let key = path.strip_prefix(stem(definition)).filter(|key| !key.is_empty())?;
            let known = match keys {
                Keys::Known(names) => names().iter().any(|name| name == key),
                Keys::Any => true,
            };
            known.then_some(key)
        }
    }
}

/// A name up to its variable part.
fn stem(definition: &Definition) -> &'static str {
    definition.name.split('<').next().unwrap_or(definition.name)
}

fn total_figure(totals: &Totals, source: Source, key: &str) -> Option<f64> {
    match source {
        Source::Number(take) => take(totals),
        Source::ByKey(take, _) => Some(take(totals, key)),
        Source::Spread(take) => {
            let spread = take(totals);
            match key {
                "count" => Some(spread.count as f64),
                "total" => Some(spread.total),
                "min" => spread.min,
                "avg" => spread.avg,
                "p50" => spread.p50,
                "p90" => spread.p90,
                "p99" => spread.p99,
                _ => spread.max,
            }
        }
    }
}

/// Number and part of a figure of one rebalance.
fn of_rebalance(name: &str) -> Option<(usize, &'static str)> {
    OF_REBALANCE.iter().find_map(|definition| {
        let (before, after) = definition.name.split_once("<n>")?;
        let number = name.strip_prefix(before)?.strip_suffix(after)?;
        let number: usize = number.parse().ok().filter(|number| *number > 0)?;
        Some((number, definition.name))
    })
}

fn rebalance_figure(group: &GroupOutcome, number: usize, part: &str) -> Option<FigureValue> {
    let rebalance: &Rebalance = group.rebalances.get(number - 1)?;
    let count = |value: Option<f64>| value.map(FigureValue::Number);
    let barrier = rebalance.barrier.as_ref();
    match part {
        "rebalance.<n>.latency" => count(rebalance.latency_s),
        "rebalance.<n>.join_phase" => count(rebalance.join_phase_s),
        "rebalance.<n>.generation" => count(rebalance.generation.map(f64::from)),
        "rebalance.<n>.members" => count(Some(f64::from(rebalance.members_count))),
        "rebalance.<n>.reason" => Some(FigureValue::Text(word(&rebalance.reason_class))),
        "rebalance.<n>.trigger" => Some(FigureValue::Text(word(&rebalance.trigger.kind))),
        "barrier_holder.<n>" => {
            let holder = |b: &crate::analysis::outcome::Barrier| b.holder.clone().unwrap_or_else(|| "none".to_string());
            barrier.map(|barrier| FigureValue::Text(holder(barrier)))
        }
        _ => barrier.map(|barrier| FigureValue::Text(word(&barrier.phase))),
    }
}

/// The name of an enum's value as the JSON has it.
fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(text)) => text,
        other => unreachable!("names are texts, not {other:?}"),
    }
}

fn names<T: Serialize>(values: &[T]) -> Vec<String> {
    values.iter().map(word).collect()
}

fn by_name<K: Serialize, V>(map: &std::collections::BTreeMap<K, V>, key: &str, number: impl Fn(&V) -> f64) -> f64 {
    map.iter().find(|(name, _)| word(*name) == key).map_or(0.0, |(_, value)| number(value))
}

/// The known name that is most like the path.
fn unknown(path: &str, groups: &[&str]) -> UnknownFigure {
    let name = match path.strip_prefix("groups.") {
        Some(_) => split_group(path, groups.iter().copied()).1,
        None => path,
    };
    let nearest = paths("<name>").into_iter().min_by_key(|candidate| distance(candidate, name)).unwrap_or_default();
    UnknownFigure { path: path.to_string(), nearest }
}

/// All names, with the known keys filled in.
/// Every path to a figure: with all known keys, the first rebalance, and `name` where a name of the scenario belongs.
pub fn paths(name: &str) -> Vec<String> {
    let mut all: Vec<String> = OF_RUN.iter().chain(&OF_REBALANCE).map(|d| d.name.replace("<n>", "1")).collect();
    all.extend(with_keys(name));
    all
}

/// Figures of groups with the known keys filled in, and this in place of a key that may be anything.
fn with_keys(any: &str) -> Vec<String> {
    let names = OF_TOTALS.iter().flat_map(|(definition, source)| {
        let keys = match source {
            Source::Number(_) => vec![String::new()],
            Source::Spread(_) => SPREAD_PARTS.map(str::to_string).to_vec(),
            Source::ByKey(_, Keys::Known(names)) => names(),
            Source::ByKey(_, Keys::Any) => vec![any.to_string()],
        };
        keys.into_iter().map(|key| format!("{}{key}", stem(definition)))
    });
    names.collect()
}

/// Edits (insert, delete, replace a character) from one text to the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_stands_in_the_documentation_with_its_unit_and_definition() {
        let text = include_str!("../../docs/figures.md");
        for definition in definitions() {
            let row = format!("| `{}` | {} | {} |", definition.name, definition.unit, definition.text);
            assert!(text.contains(&row), "docs/figures.md lacks the row\n{row}");
        }
        for key in [names(&REASONS), names(&TRIGGERS), names(&CAUSES)].concat() {
            assert!(text.contains(&format!("`{key}`")), "docs/figures.md lacks `{key}`");
        }
    }

    #[test]
    fn every_key_of_a_family_is_listed_once() {
        for names in [names(&REASONS), names(&TRIGGERS), names(&CAUSES)] {
            let mut unique = names.clone();
            unique.sort();
            unique.dedup();
            assert_eq!(unique.len(), names.len());
        }
        for (place, cause) in CAUSES.iter().enumerate() {
            assert_eq!(*cause as usize, place);
        }
    }

    #[test]
    fn a_misspelt_figure_is_told_with_the_nearest_name() {
        let nearest = |path: &str| check(path, &["a.b", "a"]).unwrap_err().nearest;
        assert_eq!(nearest("rebalance"), "rebalances");
        assert_eq!(nearest("paused_partition_seconds.barier"), "paused_partition_seconds.barrier");
        assert_eq!(nearest("groups.a.b.lag.peek"), "lag.peak");
        assert_eq!(nearest("rebalance_latency.p95"), "rebalance_latency.p90");
        assert_eq!(nearest("groups.a.invariants"), "invariants");
    }

    #[test]
    fn group_ids_with_dots_are_understood() {
        assert!(check("groups.a.b.lag.peak", &["a", "a.b"]).is_ok());
        assert!(check("groups.a.lag.peak", &["a", "a.b"]).is_ok());
        assert!(check("groups.c.lag.peak", &["a", "a.b"]).is_err());
    }

    #[test]
    fn names_that_depend_on_the_scenario_are_taken_as_they_are() {
        for path in ["exceptions.CommitFailedException", "barriers_held.worker-2", "barrier_holder.12"] {
            assert!(check(path, &[]).is_ok(), "{path}");
        }
        for path in ["exceptions.", "barrier_holder.0", "barrier_holder.x", "rebalance.1", "rebalances_by_reason.fun"] {
            assert!(check(path, &[]).is_err(), "{path}");
        }
    }
}
