//! Tells a run by hand: a scenario, and the events of it in the words of the tests.

use std::sync::Arc;

use crate::analysis::{Analysis, Outcome};
use crate::client::{Callback, ClientEvent, CommitStrategy, OnException, RecordBatch, interface::Api};
use crate::coordinator::CoordinatorEvent;
use crate::engine::{Distribution, SimDuration, SimTime};
use crate::protocol::config::{BrokerConfig, ConsumerConfig};
use crate::protocol::{BrokerId, ErrorCode, Generation, GroupId, GroupInstanceId, MemberId, TopicPartition};
use crate::scenario::Scenario;
use crate::scenario::checked::*;
use crate::trace::{ConsumerEntry, ConsumerIndex, Digest, Directory, Event, HostPause, Observer, StopKind, TraceEvent};

pub(super) const GROUP: &str = "billing";

/// A run told by hand: one group `billing` of consumers `worker-0`, … on the topic `orders`.
pub(super) struct Story {
    pub scenario: Scenario,
    directory: Directory,
    events: Vec<TraceEvent>,
    samples: Vec<(SimTime, Vec<i64>)>,
    now: SimTime,
    generation: i32,
    /// Member id of each consumer, counted on with each new one.
    ids: Vec<u32>,
}

impl Story {
    /// So many consumers and partitions, Kafka's defaults, one broker.
    pub fn new(consumers: u32, partitions: u32) -> Self {
        let scenario = Scenario {
            name: "story".into(),
            description: String::new(),
            sources: Vec::new(),
            duration: SimDuration::from_secs(3_600),
            cluster: Cluster {
                brokers: 1,
                racks: Vec::new(),
                config: BrokerConfig::default(),
                topics: Vec::new(),
                append_latency: Distribution::Constant(SimDuration::ZERO),
                request_time: Distribution::Constant(SimDuration::ZERO),
                leadership_time: Distribution::Constant(SimDuration::ZERO),
                load_time_per_record: SimDuration::ZERO,
                offsets_log_records: 0,
            },
            groups: vec![Group { id: GROUP.into(), consumers: (0..consumers).map(consumer).collect() }],
            network: Network {
                latency: Distribution::Constant(SimDuration::ZERO),
                loss: 0.0,
                rto: SimDuration::from_millis(200),
            },
            faults: Vec::new(),
            expect: Vec::new(),
            notes: Vec::new(),
            not_modelled: Vec::new(),
        };
        let entry =
            |number: u32| ConsumerEntry { name: name(number), group: GROUP.into(), client_id: (&*name(number)).into() };
        let directory = Directory {
            consumers: (0..consumers).map(entry).collect(),
            partitions: (0..partitions).map(partition).collect(),
            faults: Vec::new(),
        };
        let ids = vec![0; consumers as usize];
        Story { scenario, directory, events: Vec::new(), samples: Vec::new(), now: SimTime::ZERO, generation: 0, ids }
    }

    /// The same with other settings of every consumer.
    pub fn with(mut self, change: impl Fn(&mut Consumer)) -> Self {
        self.scenario.groups[0].consumers.iter_mut().for_each(change);
        self
    }

    /// The same with static members.
    pub fn with_static_members(mut self) -> Self {
        for (number, consumer) in self.scenario.groups[0].consumers.iter_mut().enumerate() {
            consumer.config.group_instance_id = Some(GroupInstanceId::from(format!("i-{number}")));
        }
        self
    }

    /// The same with faults that may happen.
    pub fn with_fault(mut self, label: &str, what: FaultKind) -> Self {
        let label: Arc<str> = label.into();
        self.directory.faults.push(label.clone());
        self.scenario.faults.push(Fault { label, when: When::At(SimTime::ZERO), what });
        self
    }

    /// What follows happens at this second.
    pub fn at(&mut self, second: f64) -> &mut Self {
        self.now = SimTime((second * 1e9).round() as u64);
        self
    }

    pub fn event(&mut self, event: Event) -> &mut Self {
        self.events.push(TraceEvent { at: self.now, event });
        self
    }

    pub fn client(&mut self, consumer: u32, event: ClientEvent) -> &mut Self {
        self.event(Event::Client { consumer: ConsumerIndex(consumer), event })
    }

    pub fn coordinator(&mut self, event: CoordinatorEvent) -> &mut Self {
        self.event(Event::Coordinator { broker: BrokerId(0), event })
    }

    /// The consumer's member id.
    pub fn id(&self, consumer: u32) -> MemberId {
        MemberId::from(format!("worker-{consumer}-{}", self.ids[consumer as usize]))
    }

    pub fn starts(&mut self, consumer: u32) -> &mut Self {
        self.ids[consumer as usize] += 1;
        self.event(Event::ProcessStarted { consumer: ConsumerIndex(consumer) });
        self.client(consumer, ClientEvent::CoordinatorFound { broker: BrokerId(0) }).polls(consumer)
    }

    pub fn stops(&mut self, consumer: u32, how: StopKind) -> &mut Self {
        self.event(Event::ProcessStopped { consumer: ConsumerIndex(consumer), how })
    }

    pub fn crashes(&mut self, consumer: u32) -> &mut Self {
        self.stops(consumer, StopKind::Crashed)
    }

    pub fn pauses(&mut self, consumer: u32) -> &mut Self {
        self.event(Event::PauseBegan { consumer: ConsumerIndex(consumer), pause: HostPause::Gc })
    }

    pub fn resumes(&mut self, consumer: u32) -> &mut Self {
        self.event(Event::PauseEnded { consumer: ConsumerIndex(consumer), pause: HostPause::Gc })
    }

    pub fn fault(&mut self, fault: u32, target: &str) -> &mut Self {
        self.event(Event::FaultBegan { fault, target: target.into() })
    }

    pub fn fault_over(&mut self, fault: u32, target: &str) -> &mut Self {
        self.event(Event::FaultEnded { fault, target: target.into() })
    }

    pub fn polls(&mut self, consumer: u32) -> &mut Self {
        self.client(consumer, ClientEvent::PollCalled)
    }

    /// `poll` returned records of a partition and the application works on them.
    pub fn takes(&mut self, consumer: u32, number: u32, from: i64, count: u32) -> &mut Self {
        let batches = batches(number, from, count);
        self.event(Event::ProcessingBegan { consumer: ConsumerIndex(consumer), batches: batches.into() })
    }

    /// The batch is done.
    pub fn processed(&mut self, consumer: u32, number: u32, from: i64, count: u32) -> &mut Self {
        let batches = batches(number, from, count);
        let consumer = ConsumerIndex(consumer);
        self.event(Event::ProcessingEnded { consumer, batches: batches.into(), poll_called: false })
    }

    pub fn heartbeat(&mut self, consumer: u32, error: ErrorCode) -> &mut Self {
        self.client(consumer, ClientEvent::HeartbeatSent);
        self.client(consumer, ClientEvent::ResponseHandled { api: Api::Heartbeat, error, latency_ns: 1_000_000 })
    }

    /// The heartbeat answer says that the group rebalances.
    pub fn notices(&mut self, consumer: u32) -> &mut Self {
        self.heartbeat(consumer, ErrorCode::RebalanceInProgress);
        self.client(consumer, ClientEvent::RebalanceNoticed);
        self.client(consumer, ClientEvent::RejoinRequested { reason: "group is already rebalancing".into() })
    }

    pub fn callback(&mut self, consumer: u32, callback: Callback, partitions: &[u32]) -> &mut Self {
        let partitions = partitions.iter().copied().map(partition).collect();
        self.event(Event::CallbackBegan { consumer: ConsumerIndex(consumer), callback, partitions })
    }

    pub fn callback_ends(&mut self, consumer: u32, callback: Callback) -> &mut Self {
        self.event(Event::CallbackEnded { consumer: ConsumerIndex(consumer), callback })
    }

    /// `onPartitionsRevoked` with these partitions, in no time, and the assignment is empty.
    pub fn gives_up(&mut self, consumer: u32, partitions: &[u32]) -> &mut Self {
        self.callback(consumer, Callback::Revoked, partitions).callback_ends(consumer, Callback::Revoked);
        self.client(consumer, ClientEvent::AssignmentChanged { partitions: Vec::new() })
    }

    pub fn sends_join(&mut self, consumer: u32) -> &mut Self {
        let member = self.id(consumer);
        self.client(consumer, ClientEvent::JoinGroupSent { member, reason: "".into() })
    }

    /// The coordinator takes a new member.
    pub fn is_added(&mut self, consumer: u32) -> &mut Self {
        let config = &self.scenario.groups[0].consumers[consumer as usize].config;
        let event = CoordinatorEvent::MemberJoined {
            group: GROUP.into(),
            member: self.id(consumer),
            instance: config.group_instance_id,
            client: (&*name(consumer)).into(),
            state: "",
            was_pending: config.group_instance_id.is_none(),
        };
        self.coordinator(event)
    }

    pub fn parks(&mut self, consumer: u32) -> &mut Self {
        self.coordinator(CoordinatorEvent::JoinParked { group: GROUP.into(), member: self.id(consumer) })
    }

    pub fn prepares(&mut self, from_state: &'static str, reason: &str) -> &mut Self {
        self.coordinator(CoordinatorEvent::PreparingRebalance {
            group: GROUP.into(),
            from_state,
            old_generation: Generation(self.generation),
            reason: reason.into(),
        })
    }

    pub fn stabilizes(&mut self, leader: u32, members: u32) -> &mut Self {
        self.generation += 1;
        self.coordinator(CoordinatorEvent::Stabilized {
            group: GROUP.into(),
            generation: Generation(self.generation),
            members,
            leader: self.id(leader),
            protocol: "range".into(),
        })
    }

    /// The leader's assignment arrives and is durable.
    pub fn assigns(&mut self, leader: u32) -> &mut Self {
        self.coordinator(CoordinatorEvent::AssignmentReceived {
            group: GROUP.into(),
            generation: Generation(self.generation),
            leader: self.id(leader),
            members: 0,
            static_members: 0,
        });
        self.coordinator(CoordinatorEvent::Stable { group: GROUP.into(), generation: Generation(self.generation) })
    }

    /// JoinGroup is answered.
    pub fn joins(&mut self, consumer: u32) -> &mut Self {
        let (generation, member) = (Generation(self.generation), self.id(consumer));
        self.client(
            consumer,
            ClientEvent::ResponseHandled { api: Api::JoinGroup, error: ErrorCode::None, latency_ns: 1_000_000 },
        );
        self.client(consumer, ClientEvent::Joined { generation, member, leader: consumer == 0 })
    }

    /// JoinGroup is answered with this member id.
    pub fn joins_as(&mut self, consumer: u32, member: &str) -> &mut Self {
        let (generation, member) = (Generation(self.generation), member.into());
        self.client(consumer, ClientEvent::Joined { generation, member, leader: false })
    }

    /// SyncGroup is answered and these partitions are assigned; positions are known at once.
    pub fn gets(&mut self, consumer: u32, partitions: &[u32]) -> &mut Self {
        self.gets_without_positions(consumer, partitions);
        for number in partitions {
            self.positions(consumer, *number, 0);
        }
        self
    }

    pub fn gets_without_positions(&mut self, consumer: u32, partitions: &[u32]) -> &mut Self {
        let (generation, member) = (Generation(self.generation), self.id(consumer));
        self.client(consumer, ClientEvent::Synced { generation, member, rebalance_latency_ns: 10_000_000 });
        self.is_assigned(consumer, partitions);
        self.callback(consumer, Callback::Assigned, partitions).callback_ends(consumer, Callback::Assigned)
    }

    pub fn is_assigned(&mut self, consumer: u32, partitions: &[u32]) -> &mut Self {
        let partitions = partitions.iter().copied().map(partition).collect();
        self.client(consumer, ClientEvent::AssignmentChanged { partitions })
    }

    pub fn positions(&mut self, consumer: u32, number: u32, offset: i64) -> &mut Self {
        self.client(consumer, ClientEvent::PositionSet { partition: partition(number), offset, reset: false })
    }

    pub fn fails(&mut self, consumer: u32) -> &mut Self {
        let member = self.id(consumer);
        self.coordinator(CoordinatorEvent::MemberFailed { group: GROUP.into(), member, reason: "session".into() })
    }

    pub fn leaves(&mut self, consumer: u32, reason: &str) -> &mut Self {
        let member = self.id(consumer);
        self.client(consumer, ClientEvent::LeaveGroup { reason: reason.into(), sent: true });
        self.coordinator(CoordinatorEvent::MemberLeft { group: GROUP.into(), member, reason: reason.into() })
    }

    pub fn commits(&mut self, consumer: u32, number: u32, offset: i64) -> &mut Self {
        let member = self.id(consumer);
        let partitions = [(partition(number), offset)].into_iter().collect();
        self.coordinator(CoordinatorEvent::OffsetsCommitted { group: GROUP.into(), member, partitions })
    }

    pub fn log_ends(&mut self, ends: &[i64]) -> &mut Self {
        self.samples.push((self.now, ends.to_vec()));
        self
    }

    /// All members join the empty group at this second and own their share, in the order of partitions, 10 ms later.
    pub fn forms_at(&mut self, second: f64) -> &mut Self {
        let consumers = self.directory.consumers.len() as u32;
        self.at(second);
        for consumer in 0..consumers {
            self.starts(consumer).sends_join(consumer).is_added(consumer);
            if consumer == 0 {
                self.prepares("Empty", &self.joining(0));
            }
            self.parks(consumer);
        }
        self.completes_at(second + 0.01)
    }

    /// The join phase ends at this second, and every member owns its share at once.
    pub fn completes_at(&mut self, second: f64) -> &mut Self {
        let consumers = self.directory.consumers.len() as u32;
        let all: Vec<u32> = (0..consumers).collect();
        self.completes_with(second, &all)
    }

    /// The same for some of the members.
    pub fn completes_with(&mut self, second: f64, consumers: &[u32]) -> &mut Self {
        self.at(second).stabilizes(consumers[0], consumers.len() as u32);
        for consumer in consumers {
            self.joins(*consumer);
        }
        self.assigns(consumers[0]);
        for (place, consumer) in consumers.iter().enumerate() {
            let share = self.share(place, consumers.len());
            self.gets(*consumer, &share);
        }
        self
    }

    /// The partitions of the n-th of so many members.
    pub fn share(&self, place: usize, members: usize) -> Vec<u32> {
        let partitions = self.directory.partitions.len();
        ((place * partitions / members) as u32..((place + 1) * partitions / members) as u32).collect()
    }

    /// The coordinator's reason for a new member.
    pub fn joining(&self, consumer: u32) -> String {
        let member = self.id(consumer);
        format!("Adding new member {member} with group instance id null; client reason: not provided")
    }

    /// The run ends at this second.
    pub fn ends_at(&mut self, second: f64) -> Outcome {
        self.scenario.duration = SimDuration((second * 1e9) as u64);
        self.outcome_of(Analysis::new(&self.scenario))
    }

    pub fn outcome_of(&self, mut analysis: Analysis) -> Outcome {
        let mut directory = self.directory.clone();
        let mut digest = Digest::new(&directory);
        let mut samples = self.samples.iter().peekable();
        for event in &self.events {
            while let Some((at, ends)) = samples.next_if(|(at, _)| *at <= event.at) {
                analysis.sample(&directory, *at, ends);
            }
            if let Event::PartitionsAdded { partitions } = &event.event {
                directory.partitions.extend(partitions.iter().cloned());
            }
            digest.event(&directory, event);
            analysis.event(&directory, event);
        }
        for (at, ends) in samples {
            analysis.sample(&directory, *at, ends);
        }
        analysis.outcome(1, &digest).0
    }
}

fn consumer(number: u32) -> Consumer {
    let nothing = || Distribution::Constant(SimDuration::ZERO);
    Consumer {
        name: name(number),
        client: "java-4.1".into(),
        behaviour: Behaviour::default(),
        config: ConsumerConfig { client_id: (&*name(number)).into(), ..ConsumerConfig::default() },
        subscription: Subscription::topics(&["orders"]),
        start_at: SimTime::ZERO,
        startup: nothing(),
        processing: Processing {
            per_record: nothing(),
            per_batch: nothing(),
            per_record_changes: Vec::new(),
            slow: None,
        },
        callbacks: Callbacks { assigned: nothing(), revoked: nothing(), lost: nothing(), commit_on_revoke: false },
        commit: CommitStrategy::None,
        poll_timeout: SimDuration::from_millis(100),
        assignor_cost: AssignorCost::Zero,
        on_exception: OnException::Continue,
    }
}

fn name(consumer: u32) -> Arc<str> {
    format!("worker-{consumer}").into()
}

fn partition(number: u32) -> TopicPartition {
    TopicPartition::new("orders", number as i32)
}

fn batches(number: u32, from: i64, count: u32) -> Vec<RecordBatch> {
    vec![RecordBatch { partition: partition(number), from, count }]
}

/// The id of the story's group.
pub(super) fn group() -> GroupId {
    GROUP.into()
}
