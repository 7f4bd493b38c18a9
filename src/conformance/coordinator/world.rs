//! The shard, its log and its timers in a replay, beside what was recorded of them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::input::{
    AppendInput, Case, FailoverInput, InputHead, PartitionsDeletedInput, Step, TimerInput, broker_config, read, request,
};
use super::show;
use crate::coordinator::{
    ClientInfo, CoordinatorEvent, Input, LoggedRecord, MemberIds, OperationId, Output, ReleaseRule, RequestId, Shard,
    TimerId, TimerKey, check_request, delete_groups_by_partition,
};
use crate::engine::Millis;
use crate::protocol::config::broker::BrokerConfig;
use crate::protocol::java_hash::string_hash;
use crate::protocol::message::{Request, Response};
use crate::protocol::{ErrorCode, GroupId, MemberId};

/// Member ids as recorded.
#[derive(Default)]
struct RecordedIds {
    next: VecDeque<String>,
    used: Vec<String>,
}

impl MemberIds for RecordedIds {
    fn new_member_id(&mut self, prefix: &str) -> MemberId {
        // An id that was not recorded, or for somebody else, shows in the comparison.
        let recorded = self
            .next
            .pop_front()
            .filter(|id| id.strip_prefix(prefix).is_some_and(|uuid| uuid.len() == 37 && uuid.starts_with('-')));
        let id = recorded.unwrap_or_else(|| format!("{prefix}-not-recorded-{}", self.used.len()));
        self.used.push(id.clone());
        id.into()
    }
}

/// An operation that was not released in its own step.
#[derive(Clone, Copy)]
struct KnownOperation {
    id: OperationId,
    completes_at: i64,
    /// Where its records begin.
    base_offset: i64,
}

/// Error per group.
type DeletionResults = Vec<(GroupId, ErrorCode)>;

/// DeleteGroups requests, which a broker splits by shard. The recordings put the shards of all groups into one.
#[derive(Default)]
struct Deletions {
    /// Request and place of each part, by the id of the part.
    parts: BTreeMap<u64, (u64, usize)>,
    /// Answers of the parts, by request.
    answers: BTreeMap<u64, Vec<Option<DeletionResults>>>,
    made: u64,
}

impl Deletions {
    /// The requests to shards that a request becomes.
    fn split(&mut self, id: u64, body: Request, partitions: u32) -> Vec<(RequestId, Request)> {
        let Request::DeleteGroups { groups } = body else { return vec![(RequestId(id), body)] };
        let parts = delete_groups_by_partition(&groups, partitions);
        self.answers.insert(id, vec![None; parts.len()]);
        let each = parts.into_iter().enumerate().map(|(place, (_, groups))| {
            self.made += 1;
            // No recorded request has such an id.
            let part = (1 << 63) + self.made;
            self.parts.insert(part, (id, place));
            (RequestId(part), Request::DeleteGroups { groups })
        });
        each.collect()
    }

    /// The answer of a request, once all its parts are answered.
    fn join(&mut self, id: RequestId, body: &Response) -> Option<(RequestId, Response)> {
        let Some((request, place)) = self.parts.remove(&id.0) else { return Some((id, body.clone())) };
        let answers = self.answers.get_mut(&request)?;
        if let Response::DeleteGroups { results } = body {
            answers[place] = Some(results.clone());
        }
        let all: Option<Vec<_>> = answers.iter().cloned().collect();
        all.map(|all| (RequestId(request), Response::DeleteGroups { results: all.concat() }))
    }
}

/// What was recorded, as it stands after the steps so far.
#[derive(Default)]
struct Recorded {
    timers: BTreeMap<String, i64>,
    groups: BTreeMap<String, Value>,
    /// Members as last given in full, by group.
    members: BTreeMap<String, BTreeMap<String, Value>>,
    offsets: Value,
}

/// See the module.
pub(super) struct World {
    config: BrokerConfig,
    release: ReleaseRule,
    shard: Shard,
    leader_epoch: i32,
    log: Vec<LoggedRecord>,
    operations: BTreeMap<u64, KnownOperation>,
    newest_operation: OperationId,
    requests: BTreeMap<u64, Request>,
    open: BTreeSet<u64>,
    deletions: Deletions,
    /// A local append failed in this case.
    was_reverted: bool,
    ids: RecordedIds,
    recorded: Recorded,
    shows_offsets: bool,
    outputs: Vec<Output>,
}

impl World {
    /// A coordinator that has loaded an empty log at time 0.
    pub(super) fn new(case: &Case) -> Result<Self, String> {
        let config = broker_config(&case.config)?;
        let release = match case.release.as_str() {
            "immediate" => ReleaseRule::Immediate,
            "deferred" => ReleaseRule::Deferred,
            other => return Err(format!("unknown release rule `{other}`")),
        };
        let timers = case.initial_timers.iter().map(|timer| (timer.key.clone(), timer.deadline)).collect();
        let no_offsets = json!({ "committed": [], "pending": [] });
        let mut world = World {
            shard: Shard::new(config.clone(), release),
            config,
            release,
            leader_epoch: 0,
            log: Vec::new(),
            operations: BTreeMap::new(),
            newest_operation: OperationId(0),
            requests: BTreeMap::new(),
            open: BTreeSet::new(),
            deletions: Deletions::default(),
            was_reverted: false,
            ids: RecordedIds { next: case.generated_member_ids.iter().cloned().collect(), used: Vec::new() },
            recorded: Recorded { timers, offsets: no_offsets, ..Recorded::default() },
            shows_offsets: case.steps.iter().any(|step| step.get("offsets").is_some()),
            outputs: Vec::new(),
        };
        world.elect(Millis(0));
        Ok(world)
    }

    /// Replays a step; what was recorded of it and what came out, in the recording's words.
    pub(super) fn step(&mut self, step: &Step) -> Result<(Value, Value), String> {
        let head: InputHead = read(&step.input)?;
        self.outputs.clear();
        self.ids.used.clear();
        let log_before = self.log.len();
        self.feed(Millis(step.at), &head, &step.input)?;
        self.note_operation(&head, log_before);
        let responses = self.responses();
        self.follow_recording(step)?;
        let mut expected = self.recorded_state();
        let mut actual = self.actual_state();
        leave_out_counts(&expected, &mut actual);
        expected.insert("generated_member_ids".into(), json!(step.generated_member_ids));
        actual.insert("generated_member_ids".into(), json!(self.ids.used));
        expected.insert("completes_at".into(), json!(step.completes_at));
        let completes_at = head.id.and_then(|id| self.operations.get(&id)).map(|operation| operation.completes_at);
        actual.insert("completes_at".into(), json!(completes_at));
        expected.insert("records".into(), step.records.clone());
        actual.insert("records".into(), self.appended());
        expected.insert("responses".into(), step.responses.clone());
        actual.insert("responses".into(), responses);
        expected.insert("exception".into(), json!(step.exception.is_some()));
        actual.insert("exception".into(), json!(self.events().any(is_unexpected)));
        for side in [&mut expected, &mut actual] {
            self.forget_timeline_order(head.id, side);
        }
        Ok((Value::Object(expected), Value::Object(actual)))
    }

    /// Hands the input of a step to the shard.
    fn feed(&mut self, now: Millis, head: &InputHead, input: &Value) -> Result<(), String> {
        if let Some(body) = request(&head.kind, input)? {
            return self.feed_request(now, head, body);
        }
        match head.kind.as_str() {
            "timer" => {
                let TimerInput { keys } = read(input)?;
                let [key] = keys.as_slice() else { return Err("a timer step names one key".to_owned()) };
                // One that should be armed but is not shows in the comparison of timers.
                if let Some(timer) = self.timer_of(key) {
                    self.handle(now, Input::Timer(timer));
                }
                self.recorded.timers.remove(key);
            }
            "append" => self.feed_append(now, read(input)?)?,
            "partitions_deleted" => {
                let PartitionsDeletedInput { partitions } = read(input)?;
                let partitions = partitions.into_iter().map(Into::into).collect();
                self.handle(now, Input::PartitionsDeleted { partitions });
            }
            "failover" => self.feed_failover(now, read(input)?)?,
            other => return Err(format!("unknown kind of input `{other}`")),
        }
        Ok(())
    }

    fn feed_request(&mut self, now: Millis, head: &InputHead, body: Request) -> Result<(), String> {
        let id = head.id.ok_or("a request has an id")?;
        let derived = [(head.require_known_member_id, 4), (head.skip_assignment, 9)];
        if derived.iter().any(|(flag, from)| flag.is_some_and(|flag| flag != (head.version >= *from))) {
            return Err(format!("the flags of request {id} do not go with version {}", head.version));
        }
        self.open.insert(id);
        self.requests.insert(id, body.clone());
        if let Some(response) = check_request(&self.config, &body) {
            self.outputs.push(Output::Respond { id: RequestId(id), body: response });
            return Ok(());
        }
        let host = 1 + string_hash(&head.client_id).rem_euclid(200);
        let (client_id, client_host) = (head.client_id.as_str().into(), Arc::from(format!("/10.0.0.{host}")));
        let client = Rc::new(ClientInfo { client_id, client_host });
        for (id, body) in self.deletions.split(id, body, self.config.offsets_topic_num_partitions) {
            self.handle(now, Input::Request { id, version: head.version, client: client.clone(), body: body.into() });
        }
        Ok(())
    }

    /// The fate of an operation (README of the recordings, "Appends").
    fn feed_append(&mut self, now: Millis, append: AppendInput) -> Result<(), String> {
        let of = append.of;
        let Some(operation) = self.operations.get(&of).copied() else {
            return Err(format!("operation {of} waits for nothing"));
        };
        let input = match (append.error, append.revert) {
            (None, _) => Input::Committed { high_watermark: operation.completes_at },
            (Some(error), true) => {
                self.log.retain(|record| record.offset < operation.base_offset);
                self.was_reverted = true;
                let error = error.parse::<ErrorCode>()?;
                Input::AppendFailed { base_offset: operation.base_offset, error }
            }
            (Some(error), false) if error == "REQUEST_TIMED_OUT" => Input::OperationTimedOut(operation.id),
            (Some(error), false) => return Err(format!("{error} without a revert is unknown")),
        };
        self.handle(now, input);
        Ok(())
    }

    /// The old coordinator goes, a new one reads the log.
    fn feed_failover(&mut self, now: Millis, failover: FailoverInput) -> Result<(), String> {
        match failover.mode.as_str() {
            "resign" => self.handle(now, Input::Resigned { leader_epoch: Some(self.leader_epoch + 1) }),
            "crash" => {}
            other => return Err(format!("unknown mode of failover `{other}`")),
        }
        self.log.retain(|record| record.offset < failover.log_end);
        self.operations.clear();
        self.newest_operation = OperationId(0);
        self.shard = Shard::new(self.config.clone(), self.release);
        self.elect(now);
        Ok(())
    }

    fn elect(&mut self, now: Millis) {
        self.leader_epoch += 1;
        self.handle(now, Input::Elected { leader_epoch: self.leader_epoch });
        let log_end = self.log.last().map_or(0, |record| record.offset + 1);
        let records = self.log.clone();
        self.handle(now, Input::Loaded { records, log_end, high_watermark: log_end });
    }

    fn handle(&mut self, now: Millis, input: Input) {
        let before = self.outputs.len();
        self.shard.handle(now, input, &mut self.ids, &mut self.outputs);
        for output in &self.outputs[before..] {
            if let Output::Append { base_offset, records } = output {
                let placed = records.iter().zip(*base_offset..);
                self.log.extend(placed.map(|(record, offset)| LoggedRecord { offset, record }));
            }
        }
    }

    /// Notes the operation that the step left waiting, under the number of its input.
    fn note_operation(&mut self, head: &InputHead, log_before: usize) {
        let newest = self.shard.waiting_operations().filter(|(id, _, _)| *id > self.newest_operation).last();
        let Some((id, completes_at, _)) = newest else { return };
        self.newest_operation = id;
        let appended = self.log.len().saturating_sub(log_before) as i64;
        // A timer that writes nothing waits, too, but nobody is told when it ends: the recordings leave it out.
        if let Some(input) = head.id.filter(|_| head.kind != "timer" || appended > 0) {
            let operation = KnownOperation { id, completes_at, base_offset: completes_at - appended };
            self.operations.insert(input, operation);
        }
    }

    fn timer_of(&self, key: &str) -> Option<TimerId> {
        self.shard.timers().find(|(_, armed, _)| armed.to_string() == key).map(|(timer, _, _)| timer)
    }
}

/// What came out.
impl World {
    /// Sorts what stands in an order of Kafka's timeline maps that is not rebuilt: see the module's documentation.
    fn forget_timeline_order(&self, input: Option<u64>, side: &mut Map<String, Value>) {
        let has_traces = |id: u64| match self.requests.get(&id) {
            Some(Request::OffsetFetch(request)) if request.partitions.is_none() => {
                let is_behind = self.shard.last_committed_offset() < self.shard.last_written_offset();
                self.was_reverted || (is_behind && !request.require_stable)
            }
            _ => false,
        };
        for response in side.get_mut("responses").and_then(Value::as_array_mut).into_iter().flatten() {
            if response["to"].as_u64().is_some_and(has_traces) {
                show::sort_topics(response);
            }
        }
        let is_in_request_order = matches!(input.and_then(|id| self.requests.get(&id)), Some(Request::OffsetDelete(_)));
        if self.was_reverted && !is_in_request_order {
            show::sort_tombstones(side.get_mut("records"));
        }
    }

    fn events(&self) -> impl Iterator<Item = &CoordinatorEvent> {
        self.outputs.iter().filter_map(|output| match output {
            Output::Event(event) => Some(event),
            _ => None,
        })
    }

    fn responses(&mut self) -> Value {
        let mut shown = Vec::new();
        for output in &self.outputs {
            let Output::Respond { id, body } = output else { continue };
            let Some((id, body)) = self.deletions.join(*id, body) else { continue };
            let first = self.open.remove(&id.0);
            shown.push(match self.requests.get(&id.0) {
                Some(request) if first => show::response(id, request, &body),
                _ => json!({ "to": id.0, "error": "answered twice, or never asked" }),
            });
        }
        Value::Array(shown)
    }

    fn appended(&self) -> Value {
        let mut shown = Vec::new();
        for output in &self.outputs {
            if let Output::Append { base_offset, records } = output {
                shown.extend(records.iter().zip(*base_offset..).map(|(record, offset)| show::record(offset, &record)));
            }
        }
        Value::Array(shown)
    }

    /// Groups, timers and offsets after the step.
    fn actual_state(&self) -> Map<String, Value> {
        let mut state = Map::new();
        state.insert("timers".into(), self.actual_timers());
        let mut groups: Vec<(String, Value)> =
            self.shard.groups().map(|group| (group.group_id().to_string(), show::group(group))).collect();
        groups.sort_by(|left, right| left.0.cmp(&right.0));
        state.insert("groups".into(), Value::Object(groups.into_iter().collect()));
        if self.shows_offsets {
            state.insert("offsets".into(), self.offsets());
        }
        state
    }

    fn offsets(&self) -> Value {
        let mut committed: Vec<_> = self.shard.committed_offsets().collect();
        committed.sort_by(|left, right| (left.0, &left.1).cmp(&(right.0, &right.1)));
        let mut pending: Vec<_> = self.shard.pending_offsets().collect();
        pending.sort_by(|left, right| (left.0, left.1, &left.2).cmp(&(right.0, right.1, &right.2)));
        let committed = committed.iter().map(|(group, partition, offset)| show::offset(None, group, partition, offset));
        let pending = pending
            .iter()
            .map(|(producer, group, partition, offset)| show::offset(Some(*producer), group, partition, offset));
        json!({ "committed": committed.collect::<Vec<Value>>(), "pending": pending.collect::<Vec<Value>>() })
    }

    /// Armed timers by key, with their deadlines.
    pub(super) fn actual_timers(&self) -> Value {
        let armed = self.shard.timers().filter(|(_, key, _)| **key != TimerKey::WriteTimeout);
        let armed: BTreeMap<String, i64> = armed.map(|(_, key, at)| (key.to_string(), at.0)).collect();
        json!(armed)
    }

    /// Requests without an answer.
    pub(super) fn unanswered(&self) -> Value {
        json!(self.open)
    }

    /// The step for people: what came out, and the coordinator's log lines.
    pub(super) fn describe(&self, actual: &Value) -> Vec<String> {
        let event = |event: &CoordinatorEvent| match event.is_logged() {
            true => format!("log: {event}"),
            false => format!("({event})"),
        };
        let mut lines: Vec<String> = self.events().map(event).collect();
        for (name, what) in [("records", "append"), ("responses", "answer")] {
            let each = actual[name].as_array().into_iter().flatten();
            lines.extend(each.map(|value| format!("{what}: {value}")));
        }
        if !actual["completes_at"].is_null() {
            lines.push(format!("completes when the log is committed up to {}", actual["completes_at"]));
        }
        lines.push(format!("timers: {}", actual["timers"]));
        let groups = actual["groups"].as_object().into_iter().flatten();
        lines.extend(groups.map(|(id, group)| format!("group {id}: {group}")));
        if let Some(offsets) = actual.get("offsets") {
            lines.push(format!("offsets: {offsets}"));
        }
        lines
    }
}

/// Leaves out what only some recordings give of a group: how Kafka counts its members' protocols and parked JoinGroups.
fn leave_out_counts(expected: &Map<String, Value>, actual: &mut Map<String, Value>) {
    let groups = actual.get_mut("groups").and_then(Value::as_object_mut).into_iter().flatten();
    for (id, group) in groups {
        let recorded = expected["groups"].get(id).and_then(Value::as_object);
        let Some(group) = group.as_object_mut() else { continue };
        for count in ["numMembersAwaitingJoin", "supportedProtocols"] {
            if recorded.is_some_and(|recorded| !recorded.contains_key(count)) {
                group.remove(count);
            }
        }
    }
}

fn is_unexpected(event: &CoordinatorEvent) -> bool {
    matches!(event, CoordinatorEvent::UnexpectedError { .. })
}

/// What was recorded.
impl World {
    /// Brings the recorded state up to the end of a step.
    fn follow_recording(&mut self, step: &Step) -> Result<(), String> {
        for key in &step.timers.gone {
            self.recorded.timers.remove(key);
        }
        for timer in &step.timers.set {
            self.recorded.timers.insert(timer.key.clone(), timer.deadline);
        }
        for (id, group) in &step.groups {
            if group.is_null() {
                self.recorded.groups.remove(id);
            } else {
                let full = self.recorded.in_full(id, group)?;
                self.recorded.groups.insert(id.clone(), full);
            }
        }
        if let Some(offsets) = &step.offsets {
            self.recorded.offsets = offsets.clone();
        }
        Ok(())
    }

    fn recorded_state(&self) -> Map<String, Value> {
        let mut state = Map::new();
        state.insert("timers".into(), self.expected_timers());
        state.insert("groups".into(), json!(self.recorded.groups));
        if self.shows_offsets {
            state.insert("offsets".into(), self.recorded.offsets.clone());
        }
        state
    }

    /// Recorded timers by key, with their deadlines.
    pub(super) fn expected_timers(&self) -> Value {
        json!(self.recorded.timers)
    }
}

impl Recorded {
    /// A group with its members in full: an id stands for the member as it was last given.
    fn in_full(&mut self, id: &str, group: &Value) -> Result<Value, String> {
        let known = self.members.entry(id.to_owned()).or_default();
        let mut group = group.clone();
        let members = group.get_mut("members").and_then(Value::as_array_mut).ok_or("a group has members")?;
        for member in members {
            match member {
                Value::String(member_id) => {
                    let last = known.get(member_id.as_str());
                    *member = last.cloned().ok_or_else(|| format!("member {member_id} was never given in full"))?;
                }
                full => {
                    let member_id = full["memberId"].as_str().ok_or("a member has an id")?.to_owned();
                    known.insert(member_id, full.clone());
                }
            }
        }
        Ok(group)
    }
}
