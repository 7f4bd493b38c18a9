//! Reads recordings: one JSON object per line.

use indexmap::IndexMap;
use serde_json::Value;
use thiserror::Error;

use super::recording::{
    Act, Action, App, Event, Happened, Measured, MeasuredRebalance, Member, Name, Noise, Offer, Params, Plan,
    Recording, SlowRecords, Traffic, first_topic,
};
use super::{library, raw};
use crate::client::{Callback, CloseOption};
use crate::conformance::hex;
use crate::engine::Millis;
use crate::protocol::subscription::{ConsumerProtocolSubscription, TopicPartitions};
use crate::protocol::{Bytes, Generation, GroupId, MemberId, TopicName, TopicPartition};
use crate::trace::read::of_one_line;

/// Why a line is no recording.
#[derive(Debug, Error)]
#[error("line {line}: {problem}")]
pub struct ReadError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a line.
#[derive(Debug, Error)]
pub enum Problem {
    /// Not JSON, or a field is missing or of another type.
    #[error("{path}: {message}")]
    Shape {
        /// Where in the line, for example `events[3].t_ms`.
        path: String,
        /// What the reader says.
        message: String,
    },
    /// An action that this reader does not know.
    #[error(
        "action {index}: `{what}` is not known; known are start, close, kill, sigstop, sigcont, slow, mark, note, end, \
         broker_kill, broker_start, broker_up"
    )]
    UnknownAction {
        /// Position among the actions.
        index: usize,
        /// What stands there.
        what: String,
    },
    /// A way to close that this reader does not know.
    #[error("action {index}: `close` with `how` = `{how}` is not known; known are default, leave, remain")]
    UnknownClose {
        /// Position among the actions.
        index: usize,
        /// What stands there.
        how: String,
    },
    /// An entry lacks what its kind needs.
    #[error("{list} {index}: `{what}` needs `{field}`")]
    Missing {
        /// `action` or `event`.
        list: &'static str,
        /// Position in its list.
        index: usize,
        /// The kind of entry.
        what: String,
        /// The missing field.
        field: &'static str,
    },
    /// A consumer takes part without a configuration.
    #[error("`config` says nothing about consumer `{0}`, which an action names")]
    NoConfig(String),
    /// A client library without a profile.
    #[error("no profile is known of client library `{0}`")]
    UnknownLibrary(String),
    /// A setting of the application that is no number.
    #[error("`{0}` of the application is not a whole number of milliseconds")]
    AppNumber(String),
    /// Times run backwards.
    #[error("{list} {index}: its time ({at} ms) lies before the one before it")]
    Backwards {
        /// `action` or `event`.
        list: &'static str,
        /// Position in its list.
        index: usize,
        /// Its time.
        at: i64,
    },
}

/// Reads all repetitions of a file. Empty lines are skipped.
///
/// # Errors
/// The first line that is no recording, and why.
pub fn read(text: &str) -> Result<Vec<Recording>, ReadError> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(index, line)| read_line(line).map_err(|problem| ReadError { line: index + 1, problem })).collect()
}

fn read_line(line: &str) -> Result<Recording, Problem> {
    let mut deserializer = serde_json::Deserializer::from_str(line);
    let raw: raw::Line = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| Problem::Shape { path: error.path().to_string(), message: of_one_line(error.inner()) })?;
    deserializer.end().map_err(|error| Problem::Shape { path: "end".into(), message: of_one_line(&error) })?;
    let actions = raw.actions.iter().enumerate().map(|(index, action)| read_action(index, action));
    let actions = actions.collect::<Result<Vec<_>, _>>()?;
    in_order("action", actions.iter().map(|action| action.at))?;
    let members = read_members(&raw.config, &raw.actions, raw.client.as_ref())?;
    let topic = first_topic(&members, &raw.group);
    let events = raw.events.into_iter().enumerate().map(|(index, event)| read_event(index, event, &topic));
    let events = events.collect::<Result<Vec<_>, _>>()?;
    in_order("event", events.iter().map(|event| event.at))?;
    let reference = actions.iter().find(|action| action.mark).map_or(Millis(0), |action| action.at);
    let last_commits = raw.before_fault.commit_age_ms.iter();
    Ok(Recording {
        last_commits: last_commits.map(|(name, age_ms)| (Name::from(name.as_str()), reference + -age_ms)).collect(),
        scenario: raw.scenario,
        rep: raw.rep,
        kafka: raw.kafka,
        params: Params { produce_ms: raw.params.produce_ms, rate: raw.params.rate, between_ms: raw.params.between_ms },
        broker: texts(&raw.config.broker),
        members,
        group: GroupId::from(raw.group),
        partitions: raw.partitions,
        more_topics: raw.params.more_topics,
        actions,
        events,
        measured: read_measured(raw.measured),
        noise: Noise { oversleep_p50_ms: raw.noise.oversleep_p50_ms, oversleep_p99_ms: raw.noise.oversleep_p99_ms },
        traffic: raw.traffic.map(read_traffic),
    })
}

fn in_order(list: &'static str, times: impl Iterator<Item = Millis>) -> Result<(), Problem> {
    let mut last = Millis(0);
    for (index, at) in times.enumerate() {
        if at < last {
            return Err(Problem::Backwards { list, index, at: at.0 });
        }
        last = at;
    }
    Ok(())
}

fn read_action(index: usize, action: &raw::Action) -> Result<Action, Problem> {
    let missing = |field| Problem::Missing { list: "action", index, what: action.what.clone(), field };
    let who = || action.who.as_deref().map(Name::from).ok_or_else(|| missing("who"));
    let what = match action.what.as_str() {
        "start" => Act::Start(who()?),
        "close" => Act::Close(who()?, close_option(index, action.how.as_deref().unwrap_or("default"))?),
        "kill" => Act::Kill(who()?),
        "sigstop" => Act::Freeze(who()?),
        "sigcont" => Act::Thaw(who()?),
        "slow" => Act::Slow {
            who: who()?,
            ms: action.ms.ok_or_else(|| missing("ms"))?,
            commit: action.commit.unwrap_or(false),
        },
        "mark" => Act::Mark { busy: action.busy.as_deref().map(Name::from) },
        "note" => Act::Note,
        "broker_kill" => Act::BrokerKill,
        "broker_start" => Act::BrokerStart,
        "broker_up" => Act::BrokerUp,
        "end" => Act::End,
        other => return Err(Problem::UnknownAction { index, what: other.to_owned() }),
    };
    Ok(Action { at: Millis(action.t_ms), what, mark: action.mark.is_some() })
}

fn close_option(index: usize, how: &str) -> Result<CloseOption, Problem> {
    match how {
        "default" => Ok(CloseOption::Default),
        "leave" => Ok(CloseOption::LeaveGroup),
        "remain" => Ok(CloseOption::RemainInGroup),
        other => Err(Problem::UnknownClose { index, how: other.to_owned() }),
    }
}

/// The consumers that are started, each with what is configured for it alone or for every member.
fn read_members(
    config: &raw::Config,
    actions: &[raw::Action],
    all: Option<&raw::Library>,
) -> Result<IndexMap<Name, Member>, Problem> {
    let mut members = IndexMap::new();
    for (index, action) in actions.iter().enumerate().filter(|(_, action)| !action.what.starts_with("broker_")) {
        let Some(who) = action.who.as_deref() else { continue };
        if members.contains_key(who) {
            continue;
        }
        let mut member = config.members.get(who).or(config.every_member.as_ref()).cloned();
        let Some(mut member) = member.take() else { return Err(Problem::NoConfig(who.to_owned())) };
        if !member.client.contains_key("client_id") {
            member.client.entry("client.id".into()).or_insert_with(|| Value::from(who));
        }
        if let Some(instance) = &action.instance {
            member.client.insert("group.instance.id".into(), Value::from(instance.as_str()));
        }
        let library = member.library.as_ref().or(all).map(|library| {
            library::profile_name(&library.name).ok_or_else(|| Problem::UnknownLibrary(library.name.clone()))
        });
        let library = library.transpose()?;
        let client = texts(&member.client);
        let client = if library.is_some() { library::settings(client) } else { client };
        let process = process(actions, index);
        members.insert(Name::from(who), Member { client, app: read_app(&member.app)?, library, process });
    }
    Ok(members)
}

/// Which process the consumer of a start runs in: consumers that were closed are followed by others in the same process,
/// after a kill it is another one.
fn process(actions: &[raw::Action], start: usize) -> Option<Name> {
    let jvm = actions[start].jvm.as_ref()?;
    let killed = actions[..start].iter().any(|action| action.what == "kill" && action.jvm.as_ref() == Some(jvm));
    Some(Name::from(if killed { format!("{jvm} again") } else { jvm.clone() }))
}

/// Property values as text, as a properties file has them.
fn texts(properties: &IndexMap<String, Value>) -> IndexMap<String, String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    properties.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

fn read_app(app: &IndexMap<String, Value>) -> Result<App, Problem> {
    let number = |name: &str| match app.get(name) {
        None => Ok(None),
        Some(value) => value.as_u64().map(Some).ok_or_else(|| Problem::AppNumber(name.to_owned())),
    };
    let plain = App::default();
    let slow = match (number("slow.permille")?, number("slow.ms")?, number("slow.seed")?) {
        (Some(permille), Some(ms), Some(seed)) => Some(SlowRecords { seed, permille, ms }),
        _ => None,
    };
    Ok(App {
        topic: app.get("topic").and_then(Value::as_str).map(TopicName::from),
        poll_timeout_ms: number("poll.timeout.ms")?.unwrap_or(plain.poll_timeout_ms),
        process_ms: number("process.ms")?.unwrap_or(plain.process_ms),
        commit_sync: app.get("commit").and_then(Value::as_str) == Some("sync"),
        slow,
        blocks: app.get("block").and_then(Value::as_bool) == Some(true),
        without_callbacks: app.get("callbacks").and_then(Value::as_bool) == Some(false),
    })
}

fn read_event(index: usize, event: raw::Event, topic: &TopicName) -> Result<Event, Problem> {
    let at = Millis(event.t_ms);
    let who = Name::from(event.who.as_str());
    Ok(Event { at, who, what: read_happened(index, event, topic)? })
}

fn read_happened(index: usize, event: raw::Event, topic: &TopicName) -> Result<Happened, Problem> {
    let kind = event.what;
    let missing = |field| Problem::Missing { list: "event", index, what: kind.clone(), field };
    let callback = |callback, partitions: Option<Vec<u32>>| {
        let partitions = partitions.ok_or_else(|| missing("partitions"))?;
        Ok(Happened::Callback { callback, partitions })
    };
    let generation = event.generation.map(Generation);
    Ok(match kind.as_str() {
        "started" => Happened::Started,
        "assigned" => callback(Callback::Assigned, event.partitions)?,
        "revoked" => callback(Callback::Revoked, event.partitions)?,
        "lost" => callback(Callback::Lost, event.partitions)?,
        "slow_begin" => Happened::SlowBegin {
            ms: event.ms.ok_or_else(|| missing("ms"))?,
            records: event.records.unwrap_or_default(),
        },
        "slow_end" => Happened::SlowEnd,
        "commit_ok" => Happened::CommitOk,
        "exception" => Happened::Exception {
            place: event.place.ok_or_else(|| missing("where"))?,
            class: event.class.ok_or_else(|| missing("class"))?,
            times: event.repeated.unwrap_or_default() + 1,
            records: event.records,
        },
        "closing" => Happened::Closing,
        "closed" => Happened::Closed,
        "abandoned" => Happened::Abandoned,
        "first_records" => Happened::FirstRecords,
        "offset_jump" => Happened::OffsetJump,
        "send" => Happened::Send {
            api: event.api.ok_or_else(|| missing("api"))?,
            generation,
            reason: event.reason,
            member: event.member.filter(|member| !member.is_empty()).map(MemberId::from),
            offers: event.protocols.map(offers).unwrap_or_default(),
            plan: event.assignments.map(|assignments| plan(&assignments, topic)).unwrap_or_default(),
        },
        "recv" => Happened::Receive {
            api: event.api.ok_or_else(|| missing("api"))?,
            error: event.error.filter(|error| error != "NONE"),
            generation,
            member: event.member.filter(|member| !member.is_empty()).map(MemberId::from),
            leads: event.is_leader.unwrap_or(false),
        },
        "log" => Happened::Log(event.text.ok_or_else(|| missing("text"))?),
        other => Happened::Other(other.to_owned()),
    })
}

/// What a JoinGroup offers; nothing where the recorder does not show subscriptions.
fn offers(protocols: Value) -> Vec<Offer> {
    let protocols: Vec<raw::Protocol> = serde_json::from_value(protocols).unwrap_or_default();
    let offer = |raw: raw::Protocol| {
        let owned = raw.owned.unwrap_or_default().into_iter();
        let subscription = ConsumerProtocolSubscription {
            topics: raw.topics.into_iter().map(TopicName::from).collect(),
            user_data: raw.user_data.and_then(|text| hex::decode(&text).ok()).map(Bytes::from),
            owned_partitions: owned
                .map(|(topic, partitions)| TopicPartitions { topic: topic.into(), partitions })
                .collect(),
            generation: raw.generation.map_or(Generation::NONE, Generation),
            rack: raw.rack.map(Into::into),
        };
        Offer { name: raw.name, metadata: subscription.encode(raw.version) }
    };
    protocols.into_iter().map(offer).collect()
}

/// What a leader's SyncGroup assigns; nothing where the recorder shows only how many.
fn plan(assignments: &Value, first: &TopicName) -> Plan {
    let of_topic = |topic: &TopicName, numbers: &Value| {
        let numbers = numbers.as_array().into_iter().flatten().filter_map(Value::as_i64);
        numbers.map(|number| TopicPartition::new(*topic, number as i32)).collect::<Vec<_>>()
    };
    let partitions = |value: &Value| {
        let mut partitions = match value.as_object() {
            Some(topics) => topics.iter().flat_map(|(topic, it)| of_topic(&topic.as_str().into(), it)).collect(),
            None => of_topic(first, value),
        };
        partitions.sort_unstable();
        partitions
    };
    let members = assignments.as_object().into_iter().flatten();
    members.map(|(member, value)| (MemberId::from(member.as_str()), partitions(value))).collect()
}

fn read_measured(measured: raw::Measured) -> Measured {
    let rebalance = |raw: raw::Rebalance| MeasuredRebalance {
        at: Millis(raw.t_ms),
        join_ms: raw.join_ms,
        latency_ms: raw.latency_ms,
    };
    Measured {
        rebalances_before: measured.rebalances_before,
        rebalances: measured.rebalances,
        rebalance: measured.rebalance.into_iter().map(rebalance).collect(),
        detect_ms: measured.detect_ms,
        settled_ms: measured.settled_ms,
        unavailable_ms: measured.unavailable_ms,
        unavailable_max_ms: measured.unavailable_max_ms,
        unavailable_partition_ms: measured.unavailable_partition_ms,
        double_owner_partition_ms: measured.double_owner_partition_ms,
        notice_ms: measured.notice_ms.into_iter().map(|(who, ms)| (Name::from(who), ms)).collect(),
    }
}

fn read_traffic(traffic: raw::Traffic) -> Traffic {
    Traffic {
        processed: traffic.processed,
        duplicates: traffic.duplicates,
        gap_ms: traffic.gap_ms,
        commit_failures: traffic.commit_failures,
        lag: traffic.lag.into_iter().map(|(second, lag, _, _)| (second, lag)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"scenario":"x/range","rep":3,"kafka":"4.1.1","params":{"members":1},
        "config":{"broker":{"offsets.topic.num.partitions":"8"},"members":{"c1":{"client":{"group.protocol":"classic"},
        "app":{"topic":"t","poll.timeout.ms":250}}}},"group":"g","partitions":8,
        "actions":[{"t_ms":0,"do":"start","who":"c1","instance":"i-c1"},{"t_ms":5,"do":"slow","who":"c1","ms":70,"commit":true,"mark":"fault"}],
        "events":[{"t_ms":4,"who":"c1","what":"assigned","partitions":[1,2],"generation":1}]}"#;

    fn one_line(text: &str) -> String {
        text.lines().map(str::trim).collect()
    }

    fn problem(text: &str) -> String {
        read(&format!("\n{}", one_line(text))).expect_err("a damaged line").to_string()
    }

    #[test]
    fn a_line_becomes_a_recording() {
        let read = read(&one_line(LINE)).expect("a recording");
        let recording = &read[0];
        assert_eq!((recording.rep, recording.partitions, recording.reference()), (3, 8, Millis(5)));
        let member = &recording.members["c1"];
        assert_eq!(member.client["group.instance.id"], "i-c1");
        assert_eq!(member.client["client.id"], "c1");
        assert_eq!((member.app.poll_timeout_ms, recording.topic()), (250, TopicName::from("t")));
        let callback = Happened::Callback { callback: Callback::Assigned, partitions: vec![1, 2] };
        assert_eq!(recording.events[0].what, callback);
        assert!(!recording.uses_consumer_protocol());
    }

    #[test]
    fn damage_is_named_with_its_place() {
        let cases = [
            (r#""t_ms":4"#, r#""t_ms":"soon""#, "line 2: events[0].t_ms: invalid type"),
            (r#""do":"slow""#, r#""do":"dance""#, "action 1: `dance` is not known"),
            (r#","ms":70"#, "", "action 1: `slow` needs `ms`"),
            (r#","partitions":[1,2]"#, "", "event 0: `assigned` needs `partitions`"),
            (r#""who":"c1","ms""#, r#""who":"c9","ms""#, "says nothing about consumer `c9`"),
            (r#"{"t_ms":5"#, r#"{"t_ms":-1"#, "action 1: its time (-1 ms) lies before"),
            (r#""poll.timeout.ms":250"#, r#""poll.timeout.ms":"long""#, "`poll.timeout.ms` of the application"),
        ];
        for (good, bad, said) in cases {
            let text = one_line(LINE);
            assert!(text.contains(good), "{good}");
            let message = problem(&text.replace(good, bad));
            assert!(message.contains(said), "{message} should contain {said}");
        }
        assert!(problem("{").contains("line 2"));
    }

    #[test]
    fn slow_records_follow_the_recorders_hash() {
        // Counted with the recorder's formula over 96 partitions of 1000 records each.
        let slow = SlowRecords { seed: 1000, permille: 30, ms: 4000 };
        let count = (0..96).flat_map(|p| (0..1000).map(move |o| (p, o))).filter(|(p, o)| slow.is_slow(*p, *o)).count();
        assert_eq!(count, 2_948);
    }
}
