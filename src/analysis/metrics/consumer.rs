//! The metrics of one consumer (consumer-client.md 7.2 to 7.5).

use crate::analysis::outcome::{Metric, MetricValues};
use crate::client::{Callback, ClientEvent, interface::Api};
use crate::engine::{Millis, SimDuration, SimTime};
use crate::protocol::ErrorCode;

use super::polls::Polls;
use super::sensor::Sensor;

/// Metrics of one consumer.
#[derive(Clone, Debug, Default)]
pub(in crate::analysis) struct ConsumerMetrics {
    heartbeat: Sensor,
    last_heartbeat: Option<SimTime>,
    join: Sensor,
    sync: Sensor,
    rebalance: Sensor,
    last_rebalance: Option<SimTime>,
    failed_rebalance: Sensor,
    revoked: Sensor,
    assigned: Sensor,
    lost: Sensor,
    callback: Option<(Callback, SimTime)>,
    commit: Sensor,
    sync_commit: Option<SimTime>,
    sync_commit_ns: u64,
    assigned_partitions: usize,
    assigned_partitions_highest: usize,
    pub polls: Polls,
    consumed: Sensor,
}

impl ConsumerMetrics {
    pub fn new(poll_timeout: SimDuration) -> Self {
        ConsumerMetrics { polls: Polls::new(poll_timeout), ..ConsumerMetrics::default() }
    }

    /// A new process: new sensors.
    pub fn restart(&mut self, poll_timeout: SimDuration) {
        let highest = self.assigned_partitions_highest;
        for sensor in self.sensors() {
            sensor.restart();
        }
        self.polls.restart(poll_timeout);
        let old = std::mem::take(self);
        *self = ConsumerMetrics {
            heartbeat: old.heartbeat,
            join: old.join,
            sync: old.sync,
            rebalance: old.rebalance,
            failed_rebalance: old.failed_rebalance,
            revoked: old.revoked,
            assigned: old.assigned,
            lost: old.lost,
            commit: old.commit,
            consumed: old.consumed,
            assigned_partitions_highest: highest,
            polls: old.polls,
            ..ConsumerMetrics::default()
        };
    }

    fn sensors(&mut self) -> [&mut Sensor; 10] {
        [
            &mut self.heartbeat,
            &mut self.join,
            &mut self.sync,
            &mut self.rebalance,
            &mut self.failed_rebalance,
            &mut self.revoked,
            &mut self.assigned,
            &mut self.lost,
            &mut self.commit,
            &mut self.consumed,
        ]
    }

    /// Heartbeat sent.
    #[inline]
    pub fn heartbeat_sent(&mut self, now: SimTime) {
        self.last_heartbeat = Some(now);
    }

    /// `poll` returned with so many records.
    #[inline]
    pub fn poll_returned(&mut self, now: SimTime, records: u32) {
        if !self.polls.is_settled(now.millis()) {
            return self.poll_returned_later(now, records);
        }
        self.polls.returned(now);
        self.consumed.record(now.millis(), f64::from(records));
    }

    #[cold]
    #[inline(never)]
    fn poll_returned_later(&mut self, now: SimTime, records: u32) {
        self.polls.over(now);
        self.consumed.record(now.millis(), f64::from(records));
    }

    /// An answer was handled, other than that a commit succeeded.
    pub fn response(&mut self, now: SimTime, api: Api, error: ErrorCode, latency_ns: u64) {
        let sensor = match api {
            // Every answer, whatever it says; a broken connection is no answer.
            Api::Heartbeat if error != ErrorCode::NetworkException => &mut self.heartbeat,
            Api::OffsetCommit if error != ErrorCode::NetworkException => &mut self.commit,
            Api::JoinGroup if error == ErrorCode::None => &mut self.join,
            Api::SyncGroup if error == ErrorCode::None => &mut self.sync,
            _ => return,
        };
        sensor.record(now.millis(), SimDuration(latency_ns).as_millis() as f64);
    }

    /// A commit was tried.
    #[inline]
    pub fn commit_sent(&mut self, now: SimTime, sync: bool) {
        if sync {
            self.sync_commit = Some(now);
        }
    }

    /// A commit ended: with an answer that took so long, if it succeeded.
    #[inline]
    pub fn commit_ended(&mut self, now: SimTime, succeeded: Option<u64>) {
        if let Some(latency_ns) = succeeded {
            self.commit.record(now.millis(), SimDuration(latency_ns).as_millis() as f64);
        }
        if let Some(since) = self.sync_commit.take() {
            self.sync_commit_ns += now.since(since).0;
        }
    }

    /// The client did something else, none of the commonest.
    pub fn event(&mut self, now: SimTime, event: &ClientEvent) {
        match event {
            ClientEvent::Synced { rebalance_latency_ns, .. } => {
                self.rebalance.record(now.millis(), SimDuration(*rebalance_latency_ns).as_millis() as f64);
                self.last_rebalance = Some(now);
            }
            ClientEvent::RebalanceFailed { .. } => self.failed_rebalance.record(now.millis(), 1.0),
            ClientEvent::AssignmentChanged { partitions } => {
                self.assigned_partitions = partitions.len();
                self.assigned_partitions_highest = self.assigned_partitions_highest.max(partitions.len());
            }
            _ => {}
        }
    }

    /// A listener call began.
    pub fn callback_began(&mut self, now: SimTime, callback: Callback) {
        self.polls.catch_up(now);
        self.callback = Some((callback, now));
    }

    /// It returned.
    pub fn callback_ended(&mut self, now: SimTime) {
        self.polls.held_up(now);
        let Some((callback, since)) = self.callback.take() else { return };
        let sensor = match callback {
            Callback::Revoked => &mut self.revoked,
            Callback::Assigned => &mut self.assigned,
            Callback::Lost => &mut self.lost,
        };
        sensor.record(now.millis(), now.since(since).as_millis() as f64);
    }

    /// The metrics at the end of the run; those of a process that does not run have no present value.
    pub fn outcome(&mut self, now: SimTime, running: bool) -> Vec<Metric> {
        self.polls.catch_up(now);
        let mut metrics = self.coordinator_metrics(now.millis());
        metrics.extend(self.poll_metrics(now.millis()));
        if !running {
            metrics.iter_mut().for_each(|metric| metric.values.at_end = None);
        }
        metrics
    }

    fn coordinator_metrics(&mut self, now: Millis) -> Vec<Metric> {
        let named = |name: &str, values| Metric {
            group: "consumer-coordinator-metrics".to_string(),
            name: name.to_string(),
            values,
        };
        let now_only = |at_end: f64| MetricValues { at_end: Some(at_end), highest: None };
        let assigned = MetricValues {
            at_end: Some(self.assigned_partitions as f64),
            highest: Some(self.assigned_partitions_highest as f64),
        };
        vec![
            named("heartbeat-rate", self.heartbeat.rate(now)),
            named("heartbeat-total", self.heartbeat.total()),
            named("heartbeat-response-time-max", self.heartbeat.max(now)),
            named("last-heartbeat-seconds-ago", now_only(seconds_ago(self.last_heartbeat, now))),
            named("join-time-avg", self.join.avg(now)),
            named("join-time-max", self.join.max(now)),
            named("join-rate", self.join.rate(now)),
            named("join-total", self.join.total()),
            named("sync-time-avg", self.sync.avg(now)),
            named("sync-time-max", self.sync.max(now)),
            named("sync-rate", self.sync.rate(now)),
            named("sync-total", self.sync.total()),
            named("rebalance-latency-avg", self.rebalance.avg(now)),
            named("rebalance-latency-max", self.rebalance.max(now)),
            named("rebalance-latency-total", self.rebalance.sum()),
            named("rebalance-total", self.rebalance.total()),
            named("rebalance-rate-per-hour", self.rebalance.rate_per_hour(now)),
            named("failed-rebalance-total", self.failed_rebalance.total()),
            named("failed-rebalance-rate-per-hour", self.failed_rebalance.rate_per_hour(now)),
            named("last-rebalance-seconds-ago", now_only(seconds_ago(self.last_rebalance, now))),
            named("partition-revoked-latency-avg", self.revoked.avg(now)),
            named("partition-revoked-latency-max", self.revoked.max(now)),
            named("partition-assigned-latency-avg", self.assigned.avg(now)),
            named("partition-assigned-latency-max", self.assigned.max(now)),
            named("partition-lost-latency-avg", self.lost.avg(now)),
            named("partition-lost-latency-max", self.lost.max(now)),
            named("commit-latency-avg", self.commit.avg(now)),
            named("commit-latency-max", self.commit.max(now)),
            named("commit-rate", self.commit.rate(now)),
            named("commit-total", self.commit.total()),
            named("assigned-partitions", assigned),
        ]
    }

    fn poll_metrics(&mut self, now: Millis) -> Vec<Metric> {
        let named =
            |group: &str, name: &str, values| Metric { group: group.to_string(), name: name.to_string(), values };
        let last_poll = MetricValues { at_end: Some(seconds_ago(self.polls.last, now)), highest: None };
        let sync_commits = self.sync_commit_ns as f64;
        let sync_commits = MetricValues { at_end: Some(sync_commits), highest: Some(sync_commits) };
        vec![
            named("consumer-metrics", "time-between-poll-avg", self.polls.between.avg(now)),
            named("consumer-metrics", "time-between-poll-max", self.polls.between.max(now)),
            named("consumer-metrics", "last-poll-seconds-ago", last_poll),
            named("consumer-metrics", "poll-idle-ratio-avg", self.polls.idle.avg(now)),
            named("consumer-metrics", "commit-sync-time-ns-total", sync_commits),
            named("consumer-fetch-manager-metrics", "records-consumed-rate", self.consumed.sum_rate(now)),
            named("consumer-fetch-manager-metrics", "records-consumed-total", self.consumed.sum()),
        ]
    }
}

/// `-seconds-ago`: whole seconds, -1 for never.
fn seconds_ago(stamp: Option<SimTime>, now: Millis) -> f64 {
    stamp.map_or(-1.0, |stamp| ((now - stamp.millis()) / 1_000) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Generation;

    fn at(second: u64) -> SimTime {
        SimTime(second * 1_000_000_000)
    }

    fn response(metrics: &mut ConsumerMetrics, second: u64, api: Api, error: ErrorCode, millis: u64) {
        metrics.response(at(second), api, error, millis * 1_000_000);
    }

    fn value(metrics: &[Metric], name: &str) -> MetricValues {
        metrics.iter().find(|metric| metric.name == name).unwrap_or_else(|| panic!("no metric {name}")).values
    }

    #[test]
    fn a_first_join_counts_one_failed_rebalance_and_one_join() {
        let mut metrics = ConsumerMetrics::new(SimDuration::from_millis(100));
        response(&mut metrics, 1, Api::JoinGroup, ErrorCode::MemberIdRequired, 2);
        metrics.event(at(1), &ClientEvent::RebalanceFailed { error: ErrorCode::MemberIdRequired });
        response(&mut metrics, 4, Api::JoinGroup, ErrorCode::None, 3_000);
        response(&mut metrics, 4, Api::SyncGroup, ErrorCode::None, 8);
        let synced =
            ClientEvent::Synced { generation: Generation(1), member: "m".into(), rebalance_latency_ns: 3_010_000_000 };
        metrics.event(at(4), &synced);
        let shown = metrics.outcome(at(10), true);
        assert_eq!(value(&shown, "failed-rebalance-total").at_end, Some(1.0));
        assert_eq!(value(&shown, "join-total").at_end, Some(1.0));
        assert_eq!(value(&shown, "join-time-max").at_end, Some(3_000.0));
        assert_eq!(value(&shown, "rebalance-latency-total").at_end, Some(3_010.0));
        assert_eq!(value(&shown, "last-rebalance-seconds-ago").at_end, Some(6.0));
        assert_eq!(value(&shown, "last-heartbeat-seconds-ago").at_end, Some(-1.0));
    }

    #[test]
    fn heartbeats_count_with_any_answer_but_not_without_one() {
        let mut metrics = ConsumerMetrics::new(SimDuration::from_millis(100));
        for (second, error) in
            [(3, ErrorCode::None), (6, ErrorCode::RebalanceInProgress), (9, ErrorCode::NetworkException)]
        {
            metrics.heartbeat_sent(at(second));
            response(&mut metrics, second, Api::Heartbeat, error, 1);
        }
        let shown = metrics.outcome(at(12), true);
        assert_eq!(value(&shown, "heartbeat-total").at_end, Some(2.0));
        assert_eq!(value(&shown, "last-heartbeat-seconds-ago").at_end, Some(3.0));
    }

    #[test]
    fn a_restarted_process_counts_anew_and_the_highest_values_stay() {
        let mut metrics = ConsumerMetrics::new(SimDuration::from_millis(100));
        response(&mut metrics, 1, Api::JoinGroup, ErrorCode::None, 5_000);
        metrics.restart(SimDuration::from_millis(100));
        response(&mut metrics, 20, Api::JoinGroup, ErrorCode::None, 1_000);
        let shown = metrics.outcome(at(21), true);
        assert_eq!(value(&shown, "join-total").at_end, Some(1.0));
        assert_eq!(value(&shown, "join-time-max"), MetricValues { at_end: Some(1_000.0), highest: Some(5_000.0) });
        let gone = metrics.outcome(at(21), false);
        assert_eq!(value(&gone, "join-time-max"), MetricValues { at_end: None, highest: Some(5_000.0) });
    }
}
