//! The shard: one partition of `__consumer_offsets` with the groups and offsets in it. This file holds its life and
//! its operations; [`requests`](super::requests) dispatches what comes in.

use std::sync::Arc;

use super::checks::error_response;
use super::classic::{Callback, ClassicGroup, load_group, unload_group};
use super::env::{Env, OpenRequests};
use super::event::CoordinatorEvent;
use super::interface::{Input, MemberIds, OperationId, Output, Outputs, ReleaseRule, TimerId, TimerKey};
use super::offsets::StoredOffset;
use super::operations::{Answer, Operations, Rest};
use super::record::{LoggedRecord, Records};
use super::state::State;
use super::timers::Timers;
use crate::engine::Millis;
use crate::protocol::config::broker::BrokerConfig;
use crate::protocol::message::{HeartbeatResponse, Request, Response};
use crate::protocol::{ErrorCode, GroupId, ProducerId, TopicPartition};

/// Where a shard stands in its life (classic-coordinator.md 7.3; `CoordinatorRuntime.CoordinatorState`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lifecycle {
    /// Never elected, or resigned: NOT_COORDINATOR.
    Initial,
    /// Reads the log: COORDINATOR_LOAD_IN_PROGRESS.
    Loading,
    /// Answers.
    Active,
    /// The log could not be read: NOT_COORDINATOR.
    Failed,
}

/// One partition of `__consumer_offsets` with the groups and offsets in it. See [`interface`](super::interface) for
/// what its caller must do.
pub struct Shard {
    config: BrokerConfig,
    release: ReleaseRule,
    lifecycle: Lifecycle,
    leader_epoch: i32,
    state: State,
    timers: Timers,
    open: OpenRequests,
    operations: Operations,
    /// The timer that stood for all write timeouts last.
    write_timeout: Option<TimerId>,
    empty: Arc<str>,
}

/// What one input brings along.
pub(super) struct Call<'a> {
    pub(super) now: Millis,
    pub(super) ids: &'a mut dyn MemberIds,
    pub(super) out: &'a mut dyn Outputs,
}

/// What a handler wants done: records to append, and what follows.
pub(super) struct Operation {
    pub(super) records: Records,
    /// Records of offsets and tombstones change memory when they are appended; group records stand for a change that
    /// was made already (classic-coordinator.md 0.4).
    pub(super) replay: bool,
    pub(super) callback: Option<Callback>,
    pub(super) answer: Answer,
}

impl Operation {
    /// An operation that writes nothing.
    pub(super) fn without_records(answer: Answer) -> Self {
        Operation { records: Vec::new().into(), replay: false, callback: None, answer }
    }

    /// An operation whose records change memory.
    pub(super) fn replayed(records: Records, answer: Answer) -> Self {
        Operation { records, replay: true, callback: None, answer }
    }
}

/// Reading, for replays and tests.
impl Shard {
    /// Where the shard stands in its life.
    pub fn lifecycle(&self) -> Lifecycle {
        self.lifecycle
    }
    /// The settings it decides by.
    pub fn config(&self) -> &BrokerConfig {
        &self.config
    }
    /// When it answers operations that write nothing.
    pub fn release_rule(&self) -> ReleaseRule {
        self.release
    }
    /// A group.
    pub fn group(&self, group: &GroupId) -> Option<&ClassicGroup> {
        self.state.group(group)
    }
    /// All groups, in the order of Kafka's map.
    pub fn groups(&self) -> impl Iterator<Item = &ClassicGroup> {
        self.state.groups()
    }
    /// Offset after the last record that was appended.
    pub fn last_written_offset(&self) -> i64 {
        self.state.last_written
    }
    /// The high watermark as far as the shard knows.
    pub fn last_committed_offset(&self) -> i64 {
        self.state.last_committed
    }
    /// What a timer is for, and when it is due, while it is armed.
    pub fn timer(&self, timer: TimerId) -> Option<(&TimerKey, Millis)> {
        self.timers.armed(timer)
    }
    /// All armed timers, in no order that means anything.
    pub fn timers(&self) -> impl Iterator<Item = (TimerId, &TimerKey, Millis)> {
        self.timers.all_armed()
    }
    /// Operations that wait, in log order, each with the log offset up to which it waits and the end of its write timeout.
    pub fn waiting_operations(&self) -> impl Iterator<Item = (OperationId, i64, Millis)> {
        self.operations.open().map(|pending| (pending.id, pending.completes_at, pending.deadline))
    }
    /// All committed offsets (the newest state), in the order of Kafka's maps.
    pub fn committed_offsets(&self) -> impl Iterator<Item = (&GroupId, TopicPartition, &StoredOffset)> {
        offsets_of(&self.state.offsets.committed)
    }
    /// All offsets of open transactions, by producer.
    pub fn pending_offsets(&self) -> impl Iterator<Item = (ProducerId, &GroupId, TopicPartition, &StoredOffset)> {
        let producers = self.state.offsets.pending.iter();
        producers.flat_map(|(producer, offsets)| {
            offsets_of(offsets).map(|(group, partition, offset)| (*producer, group, partition, offset))
        })
    }
}

fn offsets_of(offsets: &super::offsets::Offsets) -> impl Iterator<Item = (&GroupId, TopicPartition, &StoredOffset)> {
    offsets.by_group.iter().flat_map(|(group, topics)| {
        topics.iter().flat_map(move |(topic, partitions)| {
            partitions.iter().map(move |(number, offset)| (group, TopicPartition::new(*topic, *number), offset))
        })
    })
}

/// Life.
impl Shard {
    /// A shard that nobody elected yet.
    pub fn new(config: BrokerConfig, release: ReleaseRule) -> Self {
        Shard {
            config,
            release,
            lifecycle: Lifecycle::Initial,
            leader_epoch: -1,
            state: State::default(),
            timers: Timers::default(),
            open: OpenRequests::default(),
            operations: Operations::default(),
            write_timeout: None,
            empty: Arc::from(""),
        }
    }

    /// Takes one input at time `now` and hands out what it wants done, in order.
    pub fn handle(&mut self, now: Millis, input: Input, ids: &mut dyn MemberIds, out: &mut dyn Outputs) {
        let call = &mut Call { now, ids, out };
        match input {
            Input::Elected { leader_epoch } => self.elected(leader_epoch, call),
            Input::Loaded { records, log_end, high_watermark } => self.loaded(&records, log_end, high_watermark, call),
            Input::LoadFailed if self.lifecycle == Lifecycle::Loading => self.lifecycle = Lifecycle::Failed,
            Input::Resigned { leader_epoch } => self.resigned(leader_epoch, call),
            Input::Request { id, body, .. } if self.lifecycle != Lifecycle::Active => {
                call.out.push(Output::Respond { id, body: self.refuse(&body) });
            }
            // What belongs to a former leadership comes too late.
            _ if self.lifecycle != Lifecycle::Active => {}
            Input::Request { id, version, client, body } => self.request(id, version, &client, body, call),
            Input::Timer(timer) => self.timer_fired(timer, call),
            Input::Committed { high_watermark } => self.committed(high_watermark, call),
            Input::AppendFailed { base_offset, error } => self.append_failed(base_offset, error, call),
            Input::OperationTimedOut(id) => self.time_out(id, call),
            Input::PartitionsDeleted { partitions } => self.partitions_deleted(&partitions, call),
            Input::LoadFailed => {}
        }
    }

    /// State and environment, side by side.
    pub(super) fn split<'s>(&'s mut self, call: &'s mut Call) -> (&'s mut State, Env<'s>) {
        let env = Env {
            now: call.now,
            config: &self.config,
            empty: &self.empty,
            timers: &mut self.timers,
            open: &mut self.open,
            ids: &mut *call.ids,
            out: &mut *call.out,
        };
        (&mut self.state, env)
    }

    /// The answer of a shard that is not active (classic-coordinator.md 0.7).
    fn refuse(&self, body: &Request) -> Response {
        match (self.lifecycle, body) {
            // A heartbeat succeeds blindly while the log is read.
            (Lifecycle::Loading, Request::Heartbeat(_)) => {
                Response::Heartbeat(HeartbeatResponse { error: ErrorCode::None })
            }
            (Lifecycle::Loading, _) => error_response(body, ErrorCode::CoordinatorLoadInProgress),
            _ => error_response(body, ErrorCode::NotCoordinator),
        }
    }

    /// classic-coordinator.md 7.3: only a higher epoch counts, and an active shard does not load again.
    fn elected(&mut self, leader_epoch: i32, call: &mut Call) {
        if leader_epoch <= self.leader_epoch {
            return;
        }
        self.leader_epoch = leader_epoch;
        if matches!(self.lifecycle, Lifecycle::Initial | Lifecycle::Failed) {
            self.lifecycle = Lifecycle::Loading;
            call.out.push(Output::LoadLog { leader_epoch });
        }
    }

    /// classic-coordinator.md 7.4.
    fn loaded(&mut self, records: &[LoggedRecord], log_end: i64, high_watermark: i64, call: &mut Call) {
        if self.lifecycle != Lifecycle::Loading {
            return;
        }
        self.state = State::of_log(log_end, high_watermark);
        if let Err(unexpected) = self.state.load(records, call.now) {
            self.state = State::default();
            self.lifecycle = Lifecycle::Failed;
            call.out.push(Output::Event(CoordinatorEvent::UnexpectedError { message: unexpected.0.into() }));
            return;
        }
        self.lifecycle = Lifecycle::Active;
        let (state, mut env) = self.split(call);
        env.event(CoordinatorEvent::Loaded { groups: state.group_count() as u32, records: records.len() as u64 });
        for group in state.group_ids() {
            if let Some(group) = state.group_mut(&group) {
                load_group(group, &mut env);
            }
        }
        let next_check = env.now + env.config.offsets_retention_check_interval_ms;
        env.timers.set(TimerKey::ExpireGroupMetadata, next_check, env.out);
    }

    /// classic-coordinator.md 7.5.
    fn resigned(&mut self, leader_epoch: Option<i32>, call: &mut Call) {
        if leader_epoch.is_some_and(|epoch| epoch <= self.leader_epoch) {
            return;
        }
        if let Some(epoch) = leader_epoch {
            self.leader_epoch = epoch;
        }
        let was_active = self.lifecycle == Lifecycle::Active;
        self.lifecycle = Lifecycle::Initial;
        if !was_active {
            return;
        }
        self.timers.cancel_all(call.out);
        for pending in self.operations.take_after(i64::MIN) {
            if let Some(rest) = pending.rest {
                self.end(rest, Err(ErrorCode::NotCoordinator), &mut [], call);
            }
        }
        let (state, mut env) = self.split(call);
        let groups = state.group_ids();
        for group in &groups {
            if let Some(group) = state.group_mut(group) {
                unload_group(group, &mut env);
            }
        }
        env.event(CoordinatorEvent::Unloaded { groups: groups.len() as u32 });
        // What the failed operations armed again.
        self.timers.cancel_all(call.out);
        self.state = State::default();
        self.open = OpenRequests::default();
    }
}

/// Operations.
impl Shard {
    /// An operation without records ends at once: nothing before it waits to be committed, or nobody waits for that.
    pub(super) fn ends_at_once(&self) -> bool {
        self.release == ReleaseRule::Immediate || self.state.last_committed >= self.state.last_written
    }

    /// Appends an operation's records, and lets it wait as long as the release rule says (classic-coordinator.md 0.3).
    pub(super) fn submit(&mut self, operation: Operation, call: &mut Call) {
        let Operation { records, replay, callback, answer } = operation;
        let rest = Rest { callback, answer };
        if records.is_empty() {
            if self.ends_at_once() {
                self.end(rest, Ok(()), &mut [], call);
                return;
            }
        } else {
            let base_offset = self.state.last_written;
            let end = base_offset + records.len() as i64;
            if replay && let Err(unexpected) = self.state.replay_all(base_offset, &records, call.now) {
                self.state.revert_to(base_offset);
                self.unexpected(&unexpected.0, call);
                self.end(rest, Err(ErrorCode::UnknownServerError), &mut [], call);
                return;
            }
            self.state.last_written = end;
            call.out.push(Output::Append { base_offset, records });
        }
        let deadline = call.now + i64::from(self.config.offsets_commit_timeout_ms);
        self.operations.push(self.state.last_written, deadline, rest);
        if !self.write_timeout.is_some_and(|timer| self.timers.is_armed(timer, &TimerKey::WriteTimeout)) {
            self.arm_write_timeout(deadline, call);
        }
    }

    fn arm_write_timeout(&mut self, deadline: Millis, call: &mut Call) {
        self.write_timeout = Some(self.timers.set(TimerKey::WriteTimeout, deadline, call.out));
    }

    /// An operation ends: first its callback, then its answer. `gone` are group objects that a failed append just took
    /// out of the map; who waited for their records still acts on them.
    fn end(&mut self, rest: Rest, result: Result<(), ErrorCode>, gone: &mut [ClassicGroup], call: &mut Call) {
        let Rest { callback, answer } = rest;
        let retries_expiry = matches!((&answer, result), (Answer::ExpireGroupMetadata, Err(error))
            if !matches!(error, ErrorCode::NotCoordinator | ErrorCode::CoordinatorLoadInProgress));
        let (state, mut env) = self.split(call);
        if let Some(callback) = callback {
            let object = callback.group().map(|(group, incarnation)| (*group, incarnation));
            let group = object.and_then(|(id, incarnation)| find_group(state, gone, &id, incarnation));
            callback.complete(group, result, &mut env);
        }
        match result {
            Ok(()) => answer.succeed(&mut env),
            Err(error) => answer.fail(error, &mut env),
        }
        if retries_expiry {
            let again = env.now + env.config.offsets_retention_check_interval_ms;
            env.timers.set(TimerKey::ExpireGroupMetadata, again, env.out);
        }
    }

    fn committed(&mut self, high_watermark: i64, call: &mut Call) {
        self.state.commit_to(high_watermark);
        let mut deletions = Vec::new();
        while let Some(pending) = self.operations.pop_committed(high_watermark) {
            match pending.rest {
                Some(Rest { answer: Answer::DeleteGroupsAfterwards { id, groups }, .. }) => {
                    deletions.push((id, groups))
                }
                Some(rest) => self.end(rest, Ok(()), &mut [], call),
                None => {}
            }
        }
        for (id, groups) in deletions {
            self.delete_groups(id, groups, call);
        }
    }

    fn append_failed(&mut self, base_offset: i64, error: ErrorCode, call: &mut Call) {
        let mut gone = self.state.revert_to(base_offset);
        for pending in self.operations.take_after(base_offset) {
            if let Some(rest) = pending.rest {
                self.end(rest, Err(error), &mut gone, call);
            }
        }
    }

    fn time_out(&mut self, id: OperationId, call: &mut Call) {
        if let Some(rest) = self.operations.time_out(id) {
            self.end(rest, Err(ErrorCode::RequestTimedOut), &mut [], call);
        }
    }

    /// The one timer that stands for all write timeouts.
    pub(super) fn write_timeout_fired(&mut self, call: &mut Call) {
        while let Some(oldest) = self.operations.oldest_open() {
            if oldest.deadline > call.now {
                let deadline = oldest.deadline;
                return self.arm_write_timeout(deadline, call);
            }
            self.time_out(oldest.id, call);
        }
    }

    /// Something that Kafka holds impossible: logged, and answered UNKNOWN_SERVER_ERROR by the caller.
    pub(super) fn unexpected(&self, message: &str, call: &mut Call) {
        call.out.push(Output::Event(CoordinatorEvent::UnexpectedError { message: message.into() }));
    }
}

/// The group object with that number: in the map, or just taken out of it.
fn find_group<'s>(
    state: &'s mut State,
    gone: &'s mut [ClassicGroup],
    id: &GroupId,
    incarnation: u64,
) -> Option<&'s mut ClassicGroup> {
    let in_map = state.group(id).is_some_and(|group| group.incarnation == incarnation);
    if in_map {
        return state.group_mut(id);
    }
    gone.iter_mut().find(|group| group.group_id == *id && group.incarnation == incarnation)
}
