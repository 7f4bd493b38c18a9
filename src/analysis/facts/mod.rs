//! What is the case at this moment of the run: who runs, who is a member, where the group stands, which faults are
//! active. Every topic of the analysis reads this; only this folds the events that change it.

mod consumer;
mod faults;
mod group;

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::client::{Callback, ClientEvent};
use crate::coordinator::CoordinatorEvent;
use crate::engine::SimTime;
use crate::protocol::{BrokerId, GroupId, GroupInstanceId, MemberId, TopicName};
use crate::scenario::Scenario;
use crate::scenario::checked::Subscription;
use crate::trace::{Event, StopKind};

pub(super) use consumer::ConsumerFacts;
pub(super) use faults::Faults;
pub(super) use group::{GroupFacts, Phase};

/// Index of a consumer over all groups.
pub(super) type ConsumerNumber = usize;
/// Index of a group in the scenario.
pub(super) type GroupNumber = usize;

/// What LeaveGroup says when the poll interval was exceeded (`AbstractCoordinator`).
const POLL_TIMEOUT_REASON: &str = "consumer poll timeout has expired";

/// The process of a consumer that once used a member id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct MemberOf {
    /// The consumer.
    pub consumer: ConsumerNumber,
    /// Which of its processes, counted from 1.
    pub incarnation: u32,
}

/// The facts.
pub(super) struct Facts<'a> {
    pub scenario: &'a Scenario,
    pub now: SimTime,
    pub consumers: Vec<ConsumerFacts<'a>>,
    pub groups: Vec<GroupFacts>,
    pub brokers_up: Vec<bool>,
    /// Brokers that the controller takes for gone.
    pub brokers_fenced: Vec<bool>,
    pub faults: Faults,
    members: FxHashMap<MemberId, MemberOf>,
    /// Member ids that no group has any more, oldest first: forgotten after a while, so that memory does not grow.
    retired: VecDeque<MemberId>,
}

/// Member ids that are remembered after their removal.
const RETIRED_REMEMBERED: usize = 512;

impl<'a> Facts<'a> {
    /// The facts before the first event.
    pub fn new(scenario: &'a Scenario) -> Self {
        let mut consumers = Vec::new();
        let mut groups = Vec::new();
        let brokers = scenario.cluster.brokers;
        for (number, group) in scenario.groups.iter().enumerate() {
            let first = consumers.len();
            consumers.extend(group.consumers.iter().map(|settings| ConsumerFacts::new(settings, number, brokers)));
            groups.push(GroupFacts::new(group, first..consumers.len(), &scenario.cluster));
        }
        Facts {
            scenario,
            now: SimTime::ZERO,
            consumers,
            groups,
            brokers_up: vec![true; brokers as usize],
            brokers_fenced: vec![false; brokers as usize],
            faults: Faults::new(scenario),
            members: FxHashMap::default(),
            retired: VecDeque::new(),
        }
    }

    /// The number of the group of that id.
    pub fn group_number(&self, id: &GroupId) -> Option<GroupNumber> {
        self.groups.iter().position(|group| group.id == *id)
    }

    /// Whose member id it is.
    pub fn member(&self, id: &MemberId) -> Option<MemberOf> {
        self.members.get(id).copied()
    }

    /// A member leaves because it was not polled: it says so, or, as clients without reasons do, has found so itself.
    pub fn leaves_unpolled(&self, member: &MemberId, reason: &str) -> bool {
        let unpolled = |of: MemberOf| self.lives(of) && self.consumers[of.consumer].poll_exceeded;
        reason.contains(POLL_TIMEOUT_REASON) || self.member(member).is_some_and(unpolled)
    }

    /// The consumer whose member id it is, by name; the id itself if it is nobody's.
    pub fn member_name(&self, id: &MemberId) -> String {
        self.member(id).map_or_else(|| id.to_string(), |member| self.name(member.consumer))
    }

    /// A consumer's name.
    pub fn name(&self, consumer: ConsumerNumber) -> String {
        String::from(&*self.consumers[consumer].settings.name)
    }

    /// True if the process that used this id runs.
    pub fn lives(&self, member: MemberOf) -> bool {
        let consumer = &self.consumers[member.consumer];
        consumer.running && consumer.incarnation == member.incarnation
    }

    /// True if the coordinator counts the consumer's present member id as a member.
    pub fn is_member(&self, consumer: ConsumerNumber) -> bool {
        self.consumers[consumer].counted
    }

    /// True if a member of the group that runs subscribes to the topic.
    pub fn wants(&self, group: GroupNumber, topic: &TopicName) -> bool {
        let running = self.groups[group].consumers.clone().filter(|number| self.consumers[*number].running);
        running.map(|number| &self.consumers[number].settings.subscription).any(|subscription| match subscription {
            Subscription::Topics(topics) => topics.contains(topic),
            Subscription::Prefix(prefix) => topic.as_str().starts_with(prefix.as_str()),
        })
    }

    /// True if the consumer's process can reach the broker.
    pub fn reaches(&self, consumer: ConsumerNumber, broker: BrokerId) -> bool {
        self.brokers_up.get(broker.0 as usize).copied().unwrap_or(false)
            && self.consumers[consumer].cut_off.get(broker.0 as usize).is_none_or(|count| *count == 0)
    }

    /// `poll` was called.
    pub fn poll_called(&mut self, consumer: ConsumerNumber) {
        let consumer = &mut self.consumers[consumer];
        consumer.poll_exceeded = false;
        consumer.stalled = false;
    }

    /// The application is done with its batch.
    pub fn batch_over(&mut self, consumer: ConsumerNumber) {
        self.consumers[consumer].stalled = false;
    }

    /// Takes in one event, but for the commonest, which have functions of their own. Topics that need the state before
    /// an event read it before they call this.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Client { consumer, event } => self.client(consumer.0 as usize, event),
            Event::ProcessingBegan { .. } | Event::ProcessingEnded { .. } | Event::PartitionsAdded { .. } => {}
            Event::PollStalled { consumer, .. } => self.consumers[consumer.0 as usize].stalled = true,
            Event::Coordinator { broker, event } => self.coordinator(*broker, event),
            Event::ProcessStarted { consumer } => self.process_started(consumer.0 as usize),
            Event::StopRequested { consumer, .. } => self.consumers[consumer.0 as usize].stop_requested = true,
            Event::ProcessStopped { consumer, how } => self.process_stopped(consumer.0 as usize, *how),
            Event::PauseBegan { consumer, pause } => {
                let consumer = consumer.0 as usize;
                self.consumers[consumer].paused = Some(*pause);
                self.recount(consumer);
            }
            Event::PauseEnded { consumer, .. } => {
                let consumer = consumer.0 as usize;
                self.consumers[consumer].paused = None;
                self.recount(consumer);
            }
            Event::CallbackBegan { consumer, callback, .. } => {
                self.consumers[consumer.0 as usize].in_callback = Some(*callback);
                if *callback == Callback::Assigned {
                    self.applied(consumer.0 as usize);
                }
            }
            Event::CallbackEnded { consumer, .. } => self.consumers[consumer.0 as usize].in_callback = None,
            Event::BrokerUp { broker } => self.set_broker(*broker, true),
            Event::BrokerDown { broker } => self.set_broker(*broker, false),
            Event::BrokerFenced { broker } => self.set_fenced(*broker, true),
            Event::CoordinatorMoved { partition, to, .. } => {
                for group in self.groups.iter_mut().filter(|group| group.offsets_partition == *partition) {
                    group.coordinator = *to;
                    group.available = false;
                }
            }
            Event::FaultBegan { fault, target } => {
                let consumer = self.consumers.iter().position(|c| c.settings.name == *target);
                self.faults.began(*fault, target, consumer, self.now);
                self.change_links(*fault, true);
            }
            Event::FaultEnded { fault, target } => {
                self.faults.ended(*fault, target, self.now);
                self.change_links(*fault, false);
            }
        }
    }

    fn client(&mut self, number: ConsumerNumber, event: &ClientEvent) {
        let consumer = &mut self.consumers[number];
        match event {
            ClientEvent::CoordinatorFound { .. } => consumer.coordinator_known = true,
            ClientEvent::CoordinatorUnknown { .. } => consumer.coordinator_known = false,
            ClientEvent::JoinGroupSent { member, .. } => {
                consumer.join_sent = Some(self.now);
                consumer.member = (!member.is_unknown()).then(|| member.clone());
                self.learn(member, number);
                self.recheck(number);
            }
            ClientEvent::Joined { member, .. } => {
                consumer.join_sent = None;
                consumer.member = Some(member.clone());
                consumer.was_member = true;
                self.learn(member, number);
                self.recheck(number);
            }
            ClientEvent::Synced { generation, member, .. } => {
                consumer.generation = *generation;
                consumer.member = Some(member.clone());
                self.learn(member, number);
                self.recheck(number);
            }
            ClientEvent::AssignmentChanged { .. } => self.applied(number),
            ClientEvent::RejoinRequested { reason } => consumer.rejoin_reason = Some(reason.clone()),
            ClientEvent::LeaveGroup { reason, .. } => {
                consumer.poll_exceeded |= reason.contains(POLL_TIMEOUT_REASON);
                consumer.was_member = true;
            }
            ClientEvent::PollCalled
            | ClientEvent::HeartbeatSent
            | ClientEvent::ResponseHandled { .. }
            | ClientEvent::RebalanceNoticed
            | ClientEvent::RebalanceFailed { .. }
            | ClientEvent::GenerationReset { .. }
            | ClientEvent::CommitSent { .. }
            | ClientEvent::CommitEnded { .. }
            | ClientEvent::Exception { .. }
            | ClientEvent::PositionSet { .. } => {}
        }
    }

    fn coordinator(&mut self, broker: BrokerId, event: &CoordinatorEvent) {
        use CoordinatorEvent as C;
        if let C::Loaded { .. } = event {
            for group in self.groups.iter_mut().filter(|group| group.coordinator == broker) {
                group.available = true;
            }
            return;
        }
        let Some(number) = crate::trace::fields::group_of(event).and_then(|id| self.group_number(id)) else { return };
        self.groups[number].answers_from(broker);
        self.groups[number].exists = !matches!(event, C::GroupExpired { .. });
        match event {
            C::MemberJoined { member, instance, client, .. } => {
                if self.member(member).is_none()
                    && let Some(consumer) = self.who_joins(number, instance.as_ref(), client.as_str())
                {
                    self.learn(member, consumer);
                }
                self.count(number, member, false);
            }
            C::StaticMemberReplaced { instance, old, new, .. } => {
                if let Some(consumer) = self.who_joins(number, Some(instance), "") {
                    self.learn(new, consumer);
                }
                self.remove(number, old);
                self.count(number, new, false);
            }
            C::StaticMemberReverted { old, new, .. } => {
                self.count_no_more(number, new);
                self.count(number, old, true);
            }
            C::DynamicMembersRemoved { members, .. } | C::PendingSyncExpired { members, .. } => {
                members.iter().for_each(|member| self.remove(number, member));
            }
            C::MemberFailed { member, .. } | C::MemberLeft { member, .. } => {
                self.remove(number, member);
            }
            C::PreparingRebalance { from_state, .. } => {
                self.groups[number].phase = Phase::Preparing { initial: *from_state == "Empty" };
            }
            C::Stabilized { generation, .. } => {
                let group = &mut self.groups[number];
                group.phase = Phase::Completing;
                group.generation = *generation;
                group.members.values_mut().for_each(|applied| *applied = false);
            }
            C::Empty { generation, .. } => {
                self.groups[number].phase = Phase::Empty;
                self.groups[number].generation = *generation;
            }
            C::Stable { .. } => self.groups[number].phase = Phase::Stable,
            C::GroupExpired { .. } => self.groups[number].phase = Phase::Empty,
            _ => return,
        }
        self.recount_group(number);
    }

    /// Which consumer sent the JoinGroup that the coordinator takes now, when its id does not say so.
    fn who_joins(
        &self,
        group: GroupNumber,
        instance: Option<&GroupInstanceId>,
        client: &str,
    ) -> Option<ConsumerNumber> {
        let candidates = self.groups[group].consumers.clone().filter(|number| {
            let config = &self.consumers[*number].settings.config;
            match instance {
                Some(instance) => config.group_instance_id.as_ref() == Some(instance),
                None => config.client_id.as_str() == client,
            }
        });
        candidates.max_by_key(|number| {
            let consumer = &self.consumers[*number];
            (consumer.running, consumer.join_sent.is_some(), consumer.join_sent)
        })
    }

    fn learn(&mut self, id: &MemberId, consumer: ConsumerNumber) {
        if !id.is_unknown() {
            let incarnation = self.consumers[consumer].incarnation;
            self.members.insert(id.clone(), MemberOf { consumer, incarnation });
        }
    }

    /// The coordinator counts this id as a member of the group from now on.
    fn count(&mut self, group: GroupNumber, id: &MemberId, applied: bool) {
        self.groups[group].members.insert(id.clone(), applied);
        self.recheck_user(group, id);
    }

    fn count_no_more(&mut self, group: GroupNumber, id: &MemberId) {
        self.groups[group].members.remove(id);
        self.recheck_user(group, id);
    }

    /// Whether an id is counted has changed: looks anew at the consumer whose present id it is.
    fn recheck_user(&mut self, group: GroupNumber, id: &MemberId) {
        for consumer in self.groups[group].consumers.clone() {
            if self.consumers[consumer].member.as_ref() == Some(id) {
                self.recheck(consumer);
            }
        }
    }

    /// Looks anew whether the coordinator counts the consumer's present id.
    fn recheck(&mut self, consumer: ConsumerNumber) {
        let facts = &mut self.consumers[consumer];
        facts.counted = facts.member.as_ref().is_some_and(|id| self.groups[facts.group].members.contains_key(id));
    }

    fn remove(&mut self, group: GroupNumber, id: &MemberId) {
        self.count_no_more(group, id);
        self.retired.push_back(id.clone());
        if self.retired.len() > RETIRED_REMEMBERED
            && let Some(oldest) = self.retired.pop_front()
            && self.groups.iter().all(|group| !group.members.contains_key(&oldest))
        {
            self.members.remove(&oldest);
        }
    }

    fn process_started(&mut self, number: ConsumerNumber) {
        let now = self.now;
        let consumer = &mut self.consumers[number];
        consumer.start();
        let group = &mut self.groups[consumer.group];
        group.running += 1;
        group.started = group.started.or(Some(now));
        self.recount(number);
    }

    fn process_stopped(&mut self, number: ConsumerNumber, how: StopKind) {
        let now = self.now;
        let consumer = &mut self.consumers[number];
        if !consumer.running {
            return; // It was stopped before it was up.
        }
        consumer.stop(now, how);
        self.groups[consumer.group].running -= 1;
        self.recount(number);
    }

    fn set_broker(&mut self, broker: BrokerId, up: bool) {
        if let Some(state) = self.brokers_up.get_mut(broker.0 as usize) {
            *state = up;
        }
        if up {
            self.set_fenced(broker, false);
        }
        if !up {
            for group in self.groups.iter_mut().filter(|group| group.coordinator == broker) {
                group.available = false;
            }
        }
    }

    fn set_fenced(&mut self, broker: BrokerId, fenced: bool) {
        if let Some(state) = self.brokers_fenced.get_mut(broker.0 as usize) {
            *state = fenced;
        }
    }

    /// Links are cut or healed by a black hole or refused connections.
    fn change_links(&mut self, fault: u32, cut: bool) {
        let Some(links) = self.faults.cut_links(fault) else { return };
        for consumer in links.consumers.clone() {
            for broker in links.brokers.clone() {
                let count =
                    self.consumers.get_mut(consumer as usize).and_then(|c| c.cut_off.get_mut(broker.0 as usize));
                if let Some(count) = count {
                    *count = if cut { *count + 1 } else { count.saturating_sub(1) };
                }
            }
        }
    }

    /// The consumer has applied what its SyncGroup answer of the present generation said.
    fn applied(&mut self, number: ConsumerNumber) {
        let consumer = &self.consumers[number];
        let group = &mut self.groups[consumer.group];
        if consumer.generation != group.generation {
            return;
        }
        let Some(applied) = consumer.member.as_ref().and_then(|id| group.members.get_mut(id)) else { return };
        if !std::mem::replace(applied, true) {
            group.unapplied_live = group.unapplied_live.saturating_sub(1);
            group.unapplied = group.unapplied.saturating_sub(1);
        }
    }

    fn recount(&mut self, consumer: ConsumerNumber) {
        let group = self.consumers[consumer].group;
        if self.groups[group].unapplied > 0 {
            self.recount_group(group);
        }
    }

    /// Counts anew which members have not applied the present generation. There is none to apply in a join phase.
    fn recount_group(&mut self, number: GroupNumber) {
        if matches!(self.groups[number].phase, Phase::Empty | Phase::Preparing { .. }) {
            return;
        }
        let (mut live, mut paused, mut all) = (0, 0, 0);
        for (id, _) in self.groups[number].members.iter().filter(|(_, applied)| !**applied) {
            all += 1;
            if let Some(member) = self.member(id).filter(|member| self.lives(*member)) {
                let stands_still = self.consumers[member.consumer].paused.is_some();
                *if stands_still { &mut paused } else { &mut live } += 1;
            }
        }
        let group = &mut self.groups[number];
        (group.unapplied_live, group.unapplied_paused, group.unapplied) = (live, paused, all);
    }
}
