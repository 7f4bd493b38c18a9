//! Who leads the coordinator's partitions: brokers that stop, crash and come back, and coordinators that move and read
//! their log. When, is decided by the controller ([`super::brokers`]).

use crate::coordinator::{self, ReleaseRule, Shard};
use crate::engine::{RandomStream, SimDuration, SimTime};
use crate::protocol::BrokerId;
use crate::scenario::checked::BrokerEnd;
use crate::trace::Event;

use super::simulation::{Simulation, Target};

impl Simulation<'_> {
    /// A broker's process is gone. In an orderly shutdown its shards are handed over first; after a crash the controller
    /// takes so long to notice.
    pub(super) fn broker_down(&mut self, broker: BrokerId, end: BrokerEnd, fenced_after: SimDuration) {
        self.brokers.brokers[broker.0 as usize].up = false;
        self.emit(Event::BrokerDown { broker });
        for index in 0..self.brokers.shards.len() as u32 {
            if self.brokers.shards[index as usize].leader == Some(broker) {
                self.stop_leading(index, end != BrokerEnd::InOrder);
            }
        }
        if fenced_after == SimDuration::ZERO {
            self.fence(broker);
        } else {
            self.queue.schedule(self.now + fenced_after, Target::BrokerFenced(broker.0));
        }
        let connections = self.network.connections(|link| link.broker == broker);
        if end == BrokerEnd::PowerLoss {
            self.abandon_all(connections);
        } else {
            self.reset_all(connections);
        }
        self.replan_all_records();
    }

    /// The controller takes a broker for gone: others lead its partitions.
    pub(super) fn fence(&mut self, broker: BrokerId) {
        self.brokers.brokers[broker.0 as usize].fenced = true;
        self.emit(Event::BrokerFenced { broker });
        for index in 0..self.brokers.shards.len() as u32 {
            if self.brokers.shards[index as usize].leader == Some(broker) {
                self.hand_over(index, self.brokers.next_to_lead(broker));
            }
        }
        self.replan_all_records();
    }

    /// A broker is back: it leads the partitions that nobody leads, and is given back its own with the next look for
    /// imbalance.
    pub(super) fn broker_up(&mut self, broker: BrokerId) {
        let state = &mut self.brokers.brokers[broker.0 as usize];
        (state.up, state.fenced, state.restarted) = (true, false, true);
        if self.brokers.brokers.len() > 1 && self.scenario.cluster.config.auto_leader_rebalance_enable {
            let at = self.next_look_for_imbalance();
            self.queue.schedule(at, Target::PreferredLeaders);
        }
        self.emit(Event::BrokerUp { broker });
        for index in 0..self.brokers.shards.len() as u32 {
            if self.brokers.shards[index as usize].leader.is_none() {
                self.elect(index, broker);
            }
        }
        self.replan_all_records();
    }

    /// When the controller next looks for partitions that their preferred replica does not lead (`electPreferred`).
    fn next_look_for_imbalance(&self) -> SimTime {
        let seconds = self.scenario.cluster.config.leader_imbalance_check_interval_seconds.max(1) as u64;
        let every = SimDuration::from_secs(seconds);
        let phase = RandomStream::new(self.seed, "controller", "look for imbalance").next_f64();
        let first = SimTime::ZERO + SimDuration((every.0 as f64 * phase) as u64);
        let passed = self.now.since(first.min(self.now)).0 / every.0 + u64::from(self.now >= first);
        first + every * passed
    }

    /// Coordinator partitions go back to the brokers that led them first.
    pub(super) fn elect_preferred(&mut self) {
        for index in 0..self.brokers.shards.len() as u32 {
            let shard = &self.brokers.shards[index as usize];
            let preferred = self.brokers.preferred(shard.partition);
            let displaced = shard.leader.is_some_and(|leader| leader != preferred && self.brokers.is_up(leader));
            if displaced && self.brokers.is_up(preferred) {
                self.move_shard(index, preferred);
            }
        }
    }

    /// Leadership of a shard moves to another broker in order.
    pub(super) fn move_shard(&mut self, index: u32, to: BrokerId) {
        self.stop_leading(index, false);
        self.hand_over(index, Some(to));
    }

    /// A shard's leader stops: in order, or with the end of its process.
    fn stop_leading(&mut self, index: u32, unclean: bool) {
        let next_epoch = self.brokers.shards[index as usize].epoch + 1;
        if !unclean {
            let leader_epoch = Some(next_epoch as i32);
            self.shard_input(index, coordinator::Input::Resigned { leader_epoch });
        }
        let host = &mut self.brokers.shards[index as usize];
        host.epoch = next_epoch;
        host.log.change_leader(unclean);
        for slot in host.timers.drain(..).flatten() {
            self.queue.remove_timer(slot);
        }
        let config = self.scenario.cluster.config.clone();
        host.shard = Some(Box::new(Shard::new(config, ReleaseRule::Deferred)));
    }

    /// Another broker leads the shard, or none.
    fn hand_over(&mut self, index: u32, to: Option<BrokerId>) {
        let host = &mut self.brokers.shards[index as usize];
        let from = host.leader.take();
        if let Some(to) = to {
            let partition = host.partition;
            self.emit(Event::CoordinatorMoved { partition, from: from.unwrap_or(to), to });
            self.elect(index, to);
        }
    }

    fn elect(&mut self, index: u32, leader: BrokerId) {
        let host = &mut self.brokers.shards[index as usize];
        host.leader = Some(leader);
        let epoch = host.epoch;
        let time = self.scenario.cluster.leadership_time.sample(&mut host.leadership);
        if time == SimDuration::ZERO {
            self.begin_to_lead(index, epoch);
        } else {
            self.queue.schedule(self.now + time, Target::Leads { shard: index as u16, epoch });
        }
    }

    /// The broker that was elected knows of it.
    pub(super) fn begin_to_lead(&mut self, index: u32, epoch: u32) {
        if self.brokers.shards[index as usize].epoch == epoch {
            let leader_epoch = epoch as i32;
            self.shard_input(index, coordinator::Input::Elected { leader_epoch });
        }
    }

    /// The leader has read the log.
    pub(super) fn shard_loaded(&mut self, index: u32, epoch: u32) {
        let host = &self.brokers.shards[index as usize];
        if host.epoch != epoch {
            return;
        }
        let records = host.log.records();
        let (log_end, high_watermark) = (host.log.end(), host.log.high_watermark());
        self.shard_input(index, coordinator::Input::Loaded { records, log_end, high_watermark });
    }
}
