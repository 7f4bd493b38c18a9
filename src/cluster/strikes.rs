//! What faults do when they strike, and what ends when they are over.

use crate::client::Input;
use crate::engine::SimDuration;
use crate::protocol::BrokerId;
use crate::scenario::checked::{BrokerEnd, CloseHow, Direction, Distribution, FaultKind, LinkSet};
use crate::trace::{Event, HostPause, StopKind};

use super::brokers::Storage;
use super::faults::{Occurrence, Rollout};
use super::machine::Quota;
use super::network::{Effect, meant};
use super::simulation::{ActiveEffect, Simulation, Target};

impl<'a> Simulation<'a> {
    pub(super) fn fault_strikes(&mut self, slot: u32) {
        let mut occurrence = self.occurrences.remove(slot);
        let fault = &self.scenario.faults[occurrence.fault as usize];
        match &fault.what {
            FaultKind::RollingRestart { consumers, .. } => self.begin_rollout(occurrence.fault, consumers),
            FaultKind::Rollout { pods, .. } => self.begin_revision_change(occurrence.fault, pods),
            FaultKind::Scale { pods, to, grace, pre_stop } => {
                self.mark(occurrence.fault, None, SimDuration::ZERO);
                self.scale(pods, *to, *grace, *pre_stop);
            }
            what => match occurrence.consumer {
                Some(consumer) => self.strike_consumer(&mut occurrence, what, consumer),
                None => self.strike_cluster(&mut occurrence, what),
            },
        }
        if let Some(next) = occurrence.next(fault) {
            let at = next.at;
            let slot = self.occurrences.insert(next);
            self.queue.schedule(at, Target::Fault(slot));
        }
    }

    fn strike_consumer(&mut self, occurrence: &mut Occurrence, what: &FaultKind, consumer: u32) {
        let fault = occurrence.fault;
        match what {
            FaultKind::GcPause { length, .. } => {
                let length = occurrence.draw(length);
                self.mark(fault, Some(consumer), length);
                self.pause(consumer, HostPause::Gc, length);
            }
            FaultKind::Freeze { length, .. } => {
                let length = occurrence.draw(length);
                self.mark(fault, Some(consumer), length);
                self.pause(consumer, HostPause::Frozen, length);
            }
            FaultKind::Collection { length, heap, .. } => {
                let length = heap.pause(occurrence.draw(length), self.now);
                self.mark(fault, Some(consumer), length);
                self.pause(consumer, HostPause::Gc, length);
            }
            FaultKind::VmFreeze { length, corrected_after, .. } => {
                let length = occurrence.draw(length);
                self.mark(fault, Some(consumer), length);
                self.freeze_machine(consumer, length, corrected_after.as_ref());
            }
            FaultKind::ClockJump { ms, .. } => {
                self.mark(fault, Some(consumer), SimDuration::ZERO);
                self.client_input(consumer, Input::ClockJump { ms: *ms });
            }
            FaultKind::CpuQuota { share, period, .. } => {
                self.mark(fault, Some(consumer), SimDuration::ZERO);
                self.hosts[consumer as usize].quota = Some(Quota::new(*share, *period, self.now));
                self.count_quota(consumer);
            }
            FaultKind::CrashLoop { .. } => {
                self.mark(fault, Some(consumer), SimDuration::ZERO);
                self.plan_restart(consumer, Some(&Distribution::Constant(occurrence.crash_backoff())));
                self.end_process(consumer, StopKind::Crashed);
            }
            FaultKind::PollStall { length, commit, .. } => {
                let length = occurrence.draw(length);
                self.mark(fault, Some(consumer), length);
                self.hosts[consumer as usize].stall += length;
                self.client_input(consumer, Input::Stall { commit: *commit });
            }
            FaultKind::Slowdown { factor, length, .. } => {
                let length = occurrence.draw(length);
                self.mark(fault, Some(consumer), length);
                self.hosts[consumer as usize].slowdown_milli = (factor.max(0.001) * 1_000.0) as u64;
            }
            FaultKind::Crash { restart_after, .. } => {
                self.mark(fault, Some(consumer), SimDuration::ZERO);
                self.plan_restart(consumer, restart_after.as_ref());
                self.end_process(consumer, StopKind::Crashed);
            }
            FaultKind::Stop { grace, close, restart_after, .. } => {
                self.mark(fault, Some(consumer), SimDuration::ZERO);
                if self.hosts[consumer as usize].process.is_some() {
                    self.plan_restart(consumer, restart_after.as_ref());
                    self.stop_process(consumer, *grace, *close);
                }
            }
            FaultKind::Start { .. } => {
                self.mark(fault, Some(consumer), SimDuration::ZERO);
                self.start_process(consumer);
            }
            _ => unreachable!("strikes no single consumer"),
        }
    }

    fn strike_cluster(&mut self, occurrence: &mut Occurrence, what: &FaultKind) {
        let fault = occurrence.fault;
        let mut network = |simulation: &mut Self, links: &LinkSet, effect, length: &Distribution| {
            let length = occurrence.draw(length);
            let key = simulation.mark(fault, None, length);
            simulation.network.begin(key, links.clone(), effect);
            simulation.replan_all_records();
        };
        match what {
            FaultKind::Loss { links, probability, length } => network(self, links, Effect::Loss(*probability), length),
            FaultKind::Delay { links, extra, length } => network(self, links, Effect::Delay(extra.clone()), length),
            FaultKind::Throttle { links, by, length } => network(self, links, Effect::Throttle(by.clone()), length),
            FaultKind::BlackHole { links, length } => network(self, links, Effect::BlackHole, length),
            FaultKind::Reset { links, length } => {
                network(self, links, Effect::Refuse, length);
                let broken = self.network.connections(|link| meant(links, link.consumer, link.broker, link.kind));
                for id in broken {
                    if let Some(link) = self.network.link(id) {
                        link.broker_open = false;
                        link.unread.clear();
                    }
                    self.connection_broken(id);
                }
            }
            FaultKind::StorageStall { brokers, length } => {
                let length = occurrence.draw(length);
                self.mark(fault, None, length);
                let until = self.now + length;
                self.each_storage(brokers, |storage| storage.stalled_until = storage.stalled_until.max(until));
            }
            FaultKind::StorageSlow { brokers, extra, length } => {
                let length = occurrence.draw(length);
                let key = self.mark(fault, None, length);
                self.each_storage(brokers, |storage| storage.slow.push((key, extra.clone())));
            }
            FaultKind::AppendFailure { brokers, error, length } => {
                let length = occurrence.draw(length);
                let key = self.mark(fault, None, length);
                self.each_storage(brokers, |storage| storage.failing.push((key, *error)));
            }
            FaultKind::BrokerRestart { broker, down, end } => {
                let down = occurrence.draw(down);
                let crashes = *end != BrokerEnd::InOrder;
                let fenced_after = if crashes { self.time_to_fence(occurrence) } else { SimDuration::ZERO };
                let down = down.max(fenced_after);
                let key = self.mark(fault, None, down);
                if self.brokers.is_up(*broker) {
                    if *end == BrokerEnd::PowerLoss {
                        self.network.begin(key, self.links_of(*broker), Effect::BlackHole);
                    }
                    self.broker_down(*broker, *end, fenced_after);
                    self.queue.schedule(self.now + down, Target::BrokerUp(broker.0));
                }
            }
            FaultKind::CoordinatorMove { group, to } => {
                self.mark(fault, None, SimDuration::ZERO);
                if self.brokers.is_up(*to) {
                    self.move_shard(self.brokers.shard_of(*group), *to);
                }
            }
            _ => unreachable!("strikes single consumers"),
        }
    }

    /// All that a broker is connected by.
    fn links_of(&self, broker: BrokerId) -> LinkSet {
        let consumers = (0..self.consumers.len() as u32).collect();
        LinkSet { consumers, brokers: vec![broker], direction: Direction::Both, coordinator_only: false }
    }

    /// How long the controller takes to notice that a broker crashed: its session, which began with its last heartbeat, and
    /// then until the next look, of which there are eight to a session (`QuorumController.maybeFenceStaleBrokerPeriodNs`).
    /// A cluster of one broker has no other controller.
    fn time_to_fence(&self, occurrence: &mut Occurrence) -> SimDuration {
        if self.scenario.cluster.brokers == 1 {
            return SimDuration::ZERO;
        }
        let config = &self.scenario.cluster.config;
        let millis = |ms: i32| SimDuration::from_millis(ms.max(1) as u64);
        let session = millis(config.broker_session_timeout_ms);
        let up_to = |to: SimDuration| Distribution::Uniform { from: SimDuration::ZERO, to };
        let heard_before = occurrence.draw(&up_to(millis(config.broker_heartbeat_interval_ms).min(session)));
        let looked_after = occurrence.draw(&up_to(SimDuration(session.0 / 8)));
        session.saturating_sub(heard_before) + looked_after
    }

    fn each_storage(&mut self, brokers: &[BrokerId], mut change: impl FnMut(&mut Storage)) {
        for broker in brokers {
            change(&mut self.brokers.brokers[broker.0 as usize].storage);
        }
    }

    fn every_storage(&mut self, change: impl FnMut(&mut Storage)) {
        self.brokers.brokers.iter_mut().map(|broker| &mut broker.storage).for_each(change);
    }

    /// Notes in the trace that a fault strikes and, if it lasts, when it is over. The key stands for it until then.
    fn mark(&mut self, fault: u32, consumer: Option<u32>, length: SimDuration) -> u32 {
        let target = self.target_name(consumer);
        self.emit(Event::FaultBegan { fault, target });
        let key = self.effects.insert(ActiveEffect { fault, consumer });
        self.queue.schedule(self.now + length, Target::FaultOver(key));
        key
    }

    fn target_name(&self, consumer: Option<u32>) -> std::sync::Arc<str> {
        match consumer {
            Some(consumer) => self.consumers[consumer as usize].name.clone(),
            None => "cluster".into(),
        }
    }

    pub(super) fn fault_over(&mut self, key: u32) {
        let ActiveEffect { fault, consumer } = self.effects.remove(key);
        match &self.scenario.faults[fault as usize].what {
            FaultKind::Loss { .. }
            | FaultKind::Delay { .. }
            | FaultKind::Throttle { .. }
            | FaultKind::BlackHole { .. }
            | FaultKind::Reset { .. }
            | FaultKind::BrokerRestart { end: BrokerEnd::PowerLoss, .. } => {
                self.network.end(key);
                self.replan_all_records();
            }
            FaultKind::StorageSlow { .. } => {
                self.every_storage(|storage| storage.slow.retain(|(other, _)| *other != key));
            }
            FaultKind::AppendFailure { .. } => {
                self.every_storage(|storage| storage.failing.retain(|(other, _)| *other != key));
            }
            FaultKind::Slowdown { .. } => {
                if let Some(consumer) = consumer {
                    self.hosts[consumer as usize].slowdown_milli = 1_000;
                }
            }
            _ => {}
        }
        let target = self.target_name(consumer);
        self.emit(Event::FaultEnded { fault, target });
    }

    /// When the process ends, it is started again after this time.
    fn plan_restart(&mut self, consumer: u32, after: Option<&Distribution>) {
        let host = &mut self.hosts[consumer as usize];
        host.restart_after = after.map(|after| after.sample(&mut host.random.restart));
    }

    /// The process is gone: a restart that was planned goes ahead.
    pub(super) fn process_ended(&mut self, consumer: u32) {
        if let Some(after) = self.hosts[consumer as usize].restart_after.take() {
            self.queue.schedule(self.now + after, Target::StartProcess(consumer));
        } else if let Some(rollout) = self.rollouts.iter_mut().position(|rollout| rollout.restarts(consumer)) {
            // It ended before its turn to stop came through, or for good: the rollout does not wait for it.
            self.rollouts[rollout].done(consumer);
            self.continue_rollout(rollout);
        }
    }

    fn begin_rollout(&mut self, fault: u32, consumers: &[u32]) {
        let target = self.target_name(None);
        self.emit(Event::FaultBegan { fault, target });
        self.rollouts.push(Rollout::new(fault, consumers));
        self.continue_rollout(self.rollouts.len() - 1);
    }

    fn rollout_settings(&self, rollout: usize) -> (SimDuration, CloseHow, &'a Distribution, &'a Distribution, u32) {
        match &self.scenario.faults[self.rollouts[rollout].fault as usize].what {
            FaultKind::RollingRestart { grace, close, down, pause_between, concurrency, .. } => {
                (*grace, *close, down, pause_between, *concurrency)
            }
            _ => unreachable!("rollouts come from rolling restarts"),
        }
    }

    fn continue_rollout(&mut self, rollout: usize) {
        let (grace, close, down, _, concurrency) = self.rollout_settings(rollout);
        while let Some(consumer) = self.rollouts[rollout].next(concurrency) {
            self.plan_restart(consumer, Some(down));
            if self.hosts[consumer as usize].process.is_some() {
                self.stop_process(consumer, grace, close);
            } else {
                self.process_ended(consumer);
            }
        }
        if self.rollouts[rollout].is_over() && !self.rollouts[rollout].told {
            self.rollouts[rollout].told = true;
            let fault = self.rollouts[rollout].fault;
            let target = self.target_name(None);
            self.emit(Event::FaultEnded { fault, target });
        }
    }

    /// A process is up: if a rollout restarted it, it counts as ready after the readiness delay.
    pub(super) fn process_up(&mut self, consumer: u32) {
        self.pod_up(consumer);
        if let Some(rollout) = self.rollouts.iter().position(|rollout| rollout.restarts(consumer)) {
            let (_, _, _, pause_between, _) = self.rollout_settings(rollout);
            let delay = pause_between.sample(&mut self.hosts[consumer as usize].random.restart);
            self.queue.schedule(self.now + delay, Target::Ready(consumer));
        }
    }

    pub(super) fn rollout_ready(&mut self, consumer: u32) {
        if let Some(rollout) = self.rollouts.iter().position(|rollout| rollout.restarts(consumer)) {
            self.rollouts[rollout].done(consumer);
            self.continue_rollout(rollout);
        }
    }
}
