//! A classic group: its fields and what changes them (classic-coordinator.md 1; `ClassicGroup`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::engine::Millis;
use crate::protocol::java_hash::JavaHashMap;
use crate::protocol::message::{JoinGroupProtocol, JoinGroupResponse, JoinGroupResponseMember, SyncGroupResponse};
use crate::protocol::subscription::{DecodeError, subscribed_topics};
use crate::protocol::{Bytes, ErrorCode, Generation, GroupId, GroupInstanceId, MemberId, TopicName};

use super::member::Member;
use crate::coordinator::checks::{join_error, sync_error};
use crate::coordinator::env::{Env, Unexpected};
use crate::coordinator::interface::RequestId;
use crate::coordinator::record::{GroupMetadataValue, MemberMetadata, Record};

/// The protocol type of consumers.
const CONSUMER: &str = "consumer";

/// States of a classic group (classic-coordinator.md 1.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum GroupState {
    /// No members.
    Empty,
    /// Join phase: JoinGroup requests are parked.
    PreparingRebalance,
    /// Generation chosen, waiting for the leader's assignment to be durable.
    CompletingRebalance,
    /// Assignment durable.
    Stable,
    /// Unloaded.
    Dead,
}

impl GroupState {
    /// Kafka's name.
    pub const fn name(self) -> &'static str {
        match self {
            GroupState::Empty => "Empty",
            GroupState::PreparingRebalance => "PreparingRebalance",
            GroupState::CompletingRebalance => "CompletingRebalance",
            GroupState::Stable => "Stable",
            GroupState::Dead => "Dead",
        }
    }

    /// May a group go from `self` to `target`? (classic-coordinator.md 1.3)
    fn may_become(self, target: GroupState) -> bool {
        match target {
            GroupState::Empty | GroupState::CompletingRebalance => self == GroupState::PreparingRebalance,
            GroupState::PreparingRebalance => self.can_rebalance(),
            GroupState::Stable => self == GroupState::CompletingRebalance,
            GroupState::Dead => true,
        }
    }

    /// May a rebalance start?
    pub(super) fn can_rebalance(self) -> bool {
        matches!(self, GroupState::Empty | GroupState::CompletingRebalance | GroupState::Stable)
    }
}

impl fmt::Display for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A classic group. Its contents change in place and are not undone when an append fails (classic-coordinator.md 0.4).
#[derive(Debug)]
pub struct ClassicGroup {
    pub(in crate::coordinator) group_id: GroupId,
    /// Tells apart groups that bear the same id one after the other.
    pub(in crate::coordinator) incarnation: u64,
    pub(super) state: GroupState,
    pub(super) previous_state: GroupState,
    pub(super) state_timestamp: Option<Millis>,
    pub(super) protocol_type: Option<Arc<str>>,
    pub(super) protocol_name: Option<Arc<str>>,
    pub(super) generation: Generation,
    pub(super) leader: Option<MemberId>,
    pub(super) members: JavaHashMap<MemberId, Member>,
    pub(super) static_members: FxHashMap<GroupInstanceId, MemberId>,
    pub(super) pending_join: BTreeSet<MemberId>,
    /// A `HashSet` in Kafka, whose order shows in a reason.
    pub(super) pending_sync: JavaHashMap<MemberId, ()>,
    /// How many members wait in JoinGroup.
    pub(super) awaiting_join: usize,
    /// How many members list each protocol, as Kafka counts it: see [`ClassicGroup::supporters`].
    supported_protocols: FxHashMap<Arc<str>, i64>,
    /// What the member objects list whose replacement is on its way to the log, by the object's incarnation. An object
    /// keeps its entry when it leaves the group: the failure of the record comes back to it.
    replacements_in_flight: BTreeMap<u64, Arc<[JoinGroupProtocol]>>,
    pub(super) subscribed_topics: Option<BTreeSet<TopicName>>,
    pub(super) new_member_added: bool,
    members_made: u64,
}

/// Reading.
impl ClassicGroup {
    /// Group id.
    pub fn group_id(&self) -> &GroupId {
        &self.group_id
    }
    /// Which of the group objects that bore this id it is.
    pub fn incarnation(&self) -> u64 {
        self.incarnation
    }
    /// State.
    pub fn state(&self) -> GroupState {
        self.state
    }
    /// State before the last transition; Dead for a new or loaded group.
    pub fn previous_state(&self) -> GroupState {
        self.previous_state
    }
    /// When the group entered its state; `None` if an old record did not say.
    pub fn state_timestamp(&self) -> Option<Millis> {
        self.state_timestamp
    }
    /// Protocol type of the first member; kept when the group empties.
    pub fn protocol_type(&self) -> Option<&Arc<str>> {
        self.protocol_type.as_ref()
    }
    /// The generation's assignor.
    pub fn protocol_name(&self) -> Option<&Arc<str>> {
        self.protocol_name.as_ref()
    }
    /// Generation.
    pub fn generation(&self) -> Generation {
        self.generation
    }
    /// Leader.
    pub fn leader(&self) -> Option<&MemberId> {
        self.leader.as_ref()
    }
    /// Members in the order of Java's `HashMap`.
    pub fn members(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.members.values()
    }
    /// A member.
    pub fn member(&self, member_id: &MemberId) -> Option<&Member> {
        self.members.get(member_id)
    }
    /// Which member bears an instance id.
    pub fn static_member(&self, instance: &GroupInstanceId) -> Option<&MemberId> {
        self.static_members.get(instance)
    }
    /// How many members are static.
    pub fn static_member_count(&self) -> usize {
        self.static_members.len()
    }
    /// How many members wait in JoinGroup.
    pub fn awaiting_join(&self) -> usize {
        self.awaiting_join
    }
    /// Ids that were handed out and not used yet.
    pub fn pending_join_members(&self) -> &BTreeSet<MemberId> {
        &self.pending_join
    }
    /// Members of this generation that sent no SyncGroup yet, in the order of Java's `HashSet`.
    pub fn pending_sync_members(&self) -> impl ExactSizeIterator<Item = &MemberId> {
        self.pending_sync.keys()
    }
    /// What the members subscribe to, if that is known.
    pub fn subscribed_topics(&self) -> Option<&BTreeSet<TopicName>> {
        self.subscribed_topics.as_ref()
    }
    /// The initial delay is extended because of a new member.
    pub fn new_member_added(&self) -> bool {
        self.new_member_added
    }
    /// How many members list a protocol, as Kafka counts it (`ClassicGroup.supportedProtocols`). That is the true number,
    /// unless the record of a static replacement failed after the member object that it was about had left the group (by
    /// a second replacement or a LeaveGroup): Kafka then takes what that object listed last from the counts and adds
    /// what it listed before the replacement, so that they are off, even below zero, for as long as the group lives.
    pub fn supporters(&self, protocol: &str) -> i64 {
        self.supported_protocols.get(protocol).copied().unwrap_or(0)
    }
    /// Every protocol that counts for some number of members but zero, by name.
    pub fn supported_protocols(&self) -> BTreeMap<&str, i64> {
        let counts = self.supported_protocols.iter().map(|(name, count)| (&**name, *count));
        counts.filter(|(_, count)| *count != 0).collect()
    }
}

/// Making and changing.
impl ClassicGroup {
    /// A group without members.
    pub(in crate::coordinator) fn new(group_id: GroupId, incarnation: u64, now: Millis) -> Self {
        ClassicGroup {
            group_id,
            incarnation,
            state: GroupState::Empty,
            previous_state: GroupState::Dead,
            state_timestamp: Some(now),
            protocol_type: None,
            protocol_name: None,
            generation: Generation(0),
            leader: None,
            members: JavaHashMap::new(),
            static_members: FxHashMap::default(),
            pending_join: BTreeSet::new(),
            pending_sync: JavaHashMap::new(),
            awaiting_join: 0,
            supported_protocols: FxHashMap::default(),
            replacements_in_flight: BTreeMap::new(),
            subscribed_topics: None,
            new_member_added: false,
            members_made: 0,
        }
    }

    /// Goes to another state (classic-coordinator.md 1.3).
    pub(super) fn transition_to(&mut self, state: GroupState, now: Millis) -> Result<(), Unexpected> {
        if !self.state.may_become(state) {
            return Err(Unexpected(format!(
                "Group {} cannot move to {state} state. Instead it is in {} state.",
                self.group_id, self.state
            )));
        }
        self.previous_state = std::mem::replace(&mut self.state, state);
        self.state_timestamp = Some(now);
        Ok(())
    }

    pub(super) fn is_leader(&self, member_id: &MemberId) -> bool {
        self.leader.as_ref() == Some(member_id)
    }

    /// classic-coordinator.md 2.7.1.
    pub(super) fn has_all_members_joined(&self) -> bool {
        self.members.len() == self.awaiting_join && self.pending_join.is_empty()
    }

    /// The longest rebalance timeout of the members; 0 without members.
    pub(super) fn rebalance_timeout_ms(&self) -> i32 {
        self.members.values().map(|member| member.rebalance_timeout_ms).max().unwrap_or(0).max(0)
    }

    /// A number for the next member object.
    pub(super) fn next_incarnation(&mut self) -> u64 {
        self.members_made += 1;
        self.members_made
    }

    /// classic-coordinator.md 2.4.
    pub(super) fn supports_protocols(&self, protocol_type: &str, protocols: &[JoinGroupProtocol]) -> bool {
        if self.state == GroupState::Empty {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols.iter().any(|protocol| self.is_candidate(&protocol.name))
    }

    /// Do all members list this protocol, as Kafka counts it?
    fn is_candidate(&self, protocol: &str) -> bool {
        self.supporters(protocol) == self.members.len() as i64
    }

    /// Fencing and membership: the first three checks of most requests (`validateMember`).
    pub(in crate::coordinator) fn validate_member(
        &self,
        member_id: &MemberId,
        instance: Option<&GroupInstanceId>,
    ) -> Result<(), ErrorCode> {
        self.check_instance(member_id, instance)?;
        if self.members.contains_key(member_id) { Ok(()) } else { Err(ErrorCode::UnknownMemberId) }
    }

    /// The member that passed [`ClassicGroup::validate_member`], and the group's id: for those who go on with it.
    pub(in crate::coordinator) fn validated_member(
        &mut self,
        member_id: &MemberId,
        instance: Option<&GroupInstanceId>,
    ) -> Result<(&mut Member, &GroupId), ErrorCode> {
        self.check_instance(member_id, instance)?;
        let member = self.members.get_mut(member_id).ok_or(ErrorCode::UnknownMemberId)?;
        Ok((member, &self.group_id))
    }

    fn check_instance(&self, member_id: &MemberId, instance: Option<&GroupInstanceId>) -> Result<(), ErrorCode> {
        let Some(instance) = instance else { return Ok(()) };
        match self.static_members.get(instance) {
            None => Err(ErrorCode::UnknownMemberId),
            Some(mapped) if mapped != member_id => Err(ErrorCode::FencedInstanceId),
            Some(_) => Ok(()),
        }
    }

    /// Adds a member (classic-coordinator.md 2.6 step 3; `ClassicGroup.add`).
    pub(super) fn add(&mut self, member: Member, protocol_type: &Arc<str>) -> Result<(), Unexpected> {
        let member_id = member.member_id.clone();
        if let Some(instance) = &member.group_instance_id {
            if self.static_members.contains_key(instance) {
                return Err(Unexpected(format!(
                    "Static member with groupInstanceId={instance} cannot be added to group {} since it is already a member.",
                    self.group_id
                )));
            }
            self.static_members.insert(*instance, member_id.clone());
        }
        if self.members.is_empty() {
            self.protocol_type = Some(protocol_type.clone());
        }
        if self.protocol_type.as_ref() != Some(protocol_type) {
            return Err(Unexpected("The group and member's protocol type must be the same.".into()));
        }
        if !self.supports_protocols(protocol_type, &member.protocols) {
            return Err(Unexpected("None of the member's protocols can be supported.".into()));
        }
        self.leader.get_or_insert_with(|| member_id.clone());
        self.count_protocols(&member.protocols);
        self.awaiting_join += usize::from(member.awaiting_join.is_some());
        self.pending_join.remove(&member_id);
        self.members.insert(member_id, member);
        Ok(())
    }

    /// Removes a member or a pending id; the first remaining member becomes leader if it led (classic-coordinator.md 5.2
    /// step 4). A SyncGroup it waits with is never answered (step 3).
    pub(super) fn remove(&mut self, member_id: &MemberId, env: &mut Env) {
        if let Some(member) = self.members.remove(member_id) {
            self.uncount_protocols(&member.protocols);
            self.awaiting_join -= usize::from(member.awaiting_join.is_some());
            if let Some(instance) = &member.group_instance_id {
                self.static_members.remove(instance);
            }
            for request in [member.awaiting_join, member.awaiting_sync].into_iter().flatten() {
                env.open.abandon(request);
            }
        }
        if self.is_leader(member_id) {
            self.leader = self.members.keys().next().cloned();
        }
        self.pending_join.remove(member_id);
        self.pending_sync.remove(member_id);
    }

    pub(super) fn count_protocols(&mut self, protocols: &[JoinGroupProtocol]) {
        for protocol in protocols {
            *self.supported_protocols.entry(protocol.name.clone()).or_insert(0) += 1;
        }
    }

    pub(super) fn uncount_protocols(&mut self, protocols: &[JoinGroupProtocol]) {
        for protocol in protocols {
            *self.supported_protocols.entry(protocol.name.clone()).or_insert(0) -= 1;
        }
    }

    /// The replacement that made a member object goes to the log.
    pub(super) fn begin_replacement(&mut self, incarnation: u64, protocols: Arc<[JoinGroupProtocol]>) {
        self.replacements_in_flight.insert(incarnation, protocols);
    }

    /// The fate of a replacement's record is known: what the member object lists now, or listed last.
    pub(super) fn end_replacement(&mut self, incarnation: u64) -> Option<Arc<[JoinGroupProtocol]>> {
        self.replacements_in_flight.remove(&incarnation)
    }

    /// Replaces a member's protocols and timeouts, and parks it with a new JoinGroup (the former one is never answered,
    /// classic-coordinator.md 0.5) or takes the parked one away.
    pub(super) fn update_member(
        &mut self,
        member_id: &MemberId,
        protocols: Arc<[JoinGroupProtocol]>,
        (rebalance_timeout_ms, session_timeout_ms): (i32, i32),
        request: Option<RequestId>,
        env: &mut Env,
    ) {
        let member = self.members.get_mut(member_id).expect("an updated member is in the group");
        if let Some(listed) = self.replacements_in_flight.get_mut(&member.incarnation) {
            *listed = protocols.clone();
        }
        let former = std::mem::replace(&mut member.protocols, protocols.clone());
        member.rebalance_timeout_ms = rebalance_timeout_ms;
        member.session_timeout_ms = session_timeout_ms;
        let waited = std::mem::replace(&mut member.awaiting_join, request);
        if let Some(waited) = waited {
            env.open.abandon(waited);
        }
        if let Some(request) = request {
            env.open.hold(request);
        }
        self.awaiting_join = self.awaiting_join + usize::from(request.is_some()) - usize::from(waited.is_some());
        // As a rule it lists the same as before.
        if !former.iter().map(|protocol| &protocol.name).eq(protocols.iter().map(|protocol| &protocol.name)) {
            self.uncount_protocols(&former);
            self.count_protocols(&protocols);
        }
    }

    /// Answers a member's parked JoinGroup; false if there is none.
    pub(super) fn complete_join_future(
        &mut self,
        member_id: &MemberId,
        response: JoinGroupResponse,
        env: &mut Env,
    ) -> bool {
        let Some(request) = self.members.get_mut(member_id).and_then(|member| member.awaiting_join.take()) else {
            return false;
        };
        self.awaiting_join -= 1;
        env.answer_join(request, response);
        true
    }

    /// Answers a member's parked JoinGroup as that of a member that is removed.
    pub(super) fn fail_join_of_removed(&mut self, member_id: &MemberId, env: &mut Env) {
        self.complete_join_future(member_id, join_error(ErrorCode::UnknownMemberId, MemberId::default()), env);
    }

    /// Elects a member that joined if the leader did not (classic-coordinator.md 2.8 step 4); false if nobody joined or
    /// there is no leader.
    pub(super) fn maybe_elect_new_joined_leader(&mut self) -> bool {
        let Some(leader) = &self.leader else { return false };
        if self.members.get(leader).is_some_and(|member| member.awaiting_join.is_some()) {
            return true;
        }
        match self.members.values().find(|member| member.awaiting_join.is_some()) {
            Some(joined) => {
                self.leader = Some(joined.member_id.clone());
                true
            }
            None => false,
        }
    }

    /// The protocol that most members vote for (classic-coordinator.md 2.8.1).
    pub(super) fn select_protocol(&self) -> Result<Arc<str>, Unexpected> {
        let mut votes: JavaHashMap<Arc<str>, usize> = JavaHashMap::new();
        for member in self.members.values() {
            let voted = member.protocols.iter().find(|protocol| self.is_candidate(&protocol.name));
            let Some(voted) = voted else {
                return Err(Unexpected("Member does not support any of the candidate protocols".into()));
            };
            match votes.get_mut(&voted.name) {
                Some(count) => *count += 1,
                None => _ = votes.insert(voted.name.clone(), 1),
            }
        }
        let most = votes.values().copied().max().unwrap_or(0);
        let winner = votes.iter().find(|(_, count)| **count == most).map(|(name, _)| name.clone());
        winner.ok_or_else(|| Unexpected("Cannot select protocol for empty group".into()))
    }

    /// Next generation (classic-coordinator.md 2.8 step 6; `initNextGeneration`).
    pub(super) fn init_next_generation(&mut self, now: Millis) -> Result<(), Unexpected> {
        self.generation.0 += 1;
        if self.members.is_empty() {
            self.protocol_name = None;
            self.subscribed_topics = self.compute_subscribed_topics()?;
            self.transition_to(GroupState::Empty, now)?;
        } else {
            self.protocol_name = Some(self.select_protocol()?);
            self.subscribed_topics = self.compute_subscribed_topics()?;
            self.transition_to(GroupState::CompletingRebalance, now)?;
        }
        self.pending_sync.clear();
        Ok(())
    }

    /// classic-coordinator.md 1.5.
    pub(super) fn compute_subscribed_topics(&self) -> Result<Option<BTreeSet<TopicName>>, Unexpected> {
        if !self.uses_consumer_protocol() {
            return Ok(None);
        }
        if self.members.is_empty() {
            return Ok(Some(BTreeSet::new()));
        }
        let Some(protocol) = &self.protocol_name else { return Ok(None) };
        let mut all = BTreeSet::new();
        let mut last = None;
        for member in self.members.values() {
            let metadata = member.metadata(protocol)?;
            // As a rule all members write the same bytes: the same topics then.
            if last.replace(metadata) == Some(metadata) {
                continue;
            }
            match subscribed_topics(metadata) {
                Ok(topics) => all.extend(topics),
                Err(DecodeError::Schema(_)) => return Ok(None),
                Err(DecodeError::Runtime(message)) => return Err(Unexpected(message)),
            }
        }
        Ok(Some(all))
    }

    /// Is this a group of consumers?
    pub(in crate::coordinator) fn uses_consumer_protocol(&self) -> bool {
        self.protocol_type.as_deref() == Some(CONSUMER)
    }

    /// Is a topic's offset protected by a subscription? An unknown subscription of consumers protects all.
    pub(in crate::coordinator) fn is_subscribed_to(&self, topic: &TopicName) -> bool {
        match &self.subscribed_topics {
            Some(topics) => topics.contains(topic),
            None => self.uses_consumer_protocol(),
        }
    }

    /// All members as the leader gets them.
    pub(super) fn current_members(&self) -> Result<Vec<JoinGroupResponseMember>, Unexpected> {
        let protocol = self.protocol_name.as_deref().unwrap_or_default();
        self.members
            .values()
            .map(|member| {
                Ok(JoinGroupResponseMember {
                    member_id: member.member_id.clone(),
                    group_instance_id: member.group_instance_id,
                    metadata: member.metadata(protocol)?.clone(),
                })
            })
            .collect()
    }

    /// A JoinGroup answer with the current generation.
    pub(super) fn join_response(
        &self,
        member_id: &MemberId,
        leader: Option<MemberId>,
        members: Vec<JoinGroupResponseMember>,
    ) -> JoinGroupResponse {
        JoinGroupResponse {
            error: ErrorCode::None,
            generation_id: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol_name.clone(),
            leader: leader.unwrap_or_default(),
            skip_assignment: false,
            member_id: member_id.clone(),
            members,
        }
    }

    /// The group's record with these assignments (classic-coordinator.md 7.6).
    pub(super) fn metadata_record(&self, assignment: impl Fn(&Member) -> Bytes) -> Result<Record, Unexpected> {
        let members = self.members.values().map(|member| {
            let Some(protocol) = &self.protocol_name else {
                return Err(Unexpected("Attempted to write non-empty group metadata with no defined protocol.".into()));
            };
            Ok(MemberMetadata {
                member_id: member.member_id.clone(),
                group_instance_id: member.group_instance_id,
                client_id: member.client_id,
                client_host: member.client_host.clone(),
                rebalance_timeout_ms: member.rebalance_timeout_ms,
                session_timeout_ms: member.session_timeout_ms,
                subscription: member.metadata(protocol)?.clone(),
                assignment: assignment(member),
            })
        });
        let members = members.collect::<Result<Vec<_>, Unexpected>>()?;
        Ok(self.record_of(GroupMetadataValue {
            protocol_type: self.protocol_type.clone().unwrap_or_else(|| Arc::from("")),
            generation: self.generation,
            protocol: self.protocol_name.clone(),
            leader: self.leader.clone(),
            current_state_timestamp: self.state_timestamp,
            members,
        }))
    }

    /// The record that a new group writes: nothing is known yet (classic-coordinator.md 2.1 row 10).
    pub(super) fn empty_record(&self, now: Millis) -> Record {
        self.record_of(GroupMetadataValue {
            protocol_type: Arc::from(""),
            generation: Generation(0),
            protocol: None,
            leader: None,
            current_state_timestamp: Some(now),
            members: Vec::new(),
        })
    }

    fn record_of(&self, value: GroupMetadataValue) -> Record {
        Record::GroupMetadata { group: self.group_id, value: Some(Arc::new(value)) }
    }

    /// Answers a member's parked SyncGroup; false if there is none.
    pub(super) fn complete_sync_future(
        &mut self,
        member_id: &MemberId,
        response: SyncGroupResponse,
        env: &mut Env,
    ) -> bool {
        let Some(request) = self.members.get_mut(member_id).and_then(|member| member.awaiting_sync.take()) else {
            return false;
        };
        env.answer_sync(request, response);
        true
    }

    /// Resets a member's session timer to its session timeout.
    pub(in crate::coordinator) fn reschedule_heartbeat(&mut self, member_id: &MemberId, env: &mut Env) {
        if let Some(member) = self.members.get_mut(member_id) {
            member.reschedule_heartbeat(&self.group_id, env);
        }
    }

    /// A SyncGroup answer with an error.
    pub(super) fn fail_sync(&mut self, member_id: &MemberId, error: ErrorCode, env: &mut Env) -> bool {
        self.complete_sync_future(member_id, sync_error(error), env)
    }
}
