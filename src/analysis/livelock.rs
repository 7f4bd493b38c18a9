//! Groups that do not come to rest by themselves: rebalances that follow each other for one cause, without a fault and
//! without a start or stop of a process that would explain them.

use std::collections::BTreeMap;

use crate::analysis::facts::{ConsumerNumber, Facts, GroupNumber};
use crate::analysis::outcome::{Livelock, LivelockCause, TriggerKind};
use crate::analysis::rebalances::Started;
use crate::client::ClientEvent;
use crate::coordinator::CoordinatorEvent;
use crate::engine::{SimDuration, SimTime};
use crate::protocol::ErrorCode;

/// Periods that are kept to find the median.
const PERIODS_KEPT: usize = 1_000;
/// Livelocks that are told per group.
const LIVELOCKS_TOLD: usize = 100;

/// Watches all groups.
pub(super) struct Livelocks {
    groups: Vec<BTreeMap<LivelockCause, Chain>>,
    found: Vec<Livelock>,
    /// Length of each consumer's last batch that exceeded its poll interval.
    batches: Vec<SimDuration>,
    /// When each consumer sent its last JoinGroup.
    joins: Vec<SimTime>,
    /// Each consumer's last attempt was counted as given up.
    gave_up: Vec<bool>,
}

/// Rebalances in a row with one cause.
struct Chain {
    first: SimTime,
    last: SimTime,
    rebalances: u64,
    /// Last instant and count by consumer.
    culprits: BTreeMap<ConsumerNumber, (SimTime, u64)>,
    periods: Vec<SimDuration>,
}

impl Livelocks {
    pub fn new(facts: &Facts) -> Self {
        Livelocks {
            groups: facts.groups.iter().map(|_| BTreeMap::new()).collect(),
            found: Vec::new(),
            batches: vec![SimDuration::ZERO; facts.consumers.len()],
            joins: vec![SimTime::ZERO; facts.consumers.len()],
            gave_up: vec![false; facts.consumers.len()],
        }
    }

    /// A batch is done that took this long: longer than the consumer's poll interval.
    pub fn long_batch(&mut self, consumer: ConsumerNumber, length: SimDuration) {
        self.batches[consumer] = length;
    }

    /// An attempt to join began, or failed: one that lasted for the client's own request timeout and got no answer was given
    /// up by it. The group may stay in one rebalance meanwhile.
    pub fn joins(&mut self, facts: &Facts, consumer: ConsumerNumber, event: &ClientEvent) {
        match event {
            ClientEvent::JoinGroupSent { .. } => self.joins[consumer] = facts.now,
            ClientEvent::RebalanceFailed { error: ErrorCode::NetworkException | ErrorCode::RequestTimedOut } => {
                let timeout = facts.consumers[consumer].settings.config.request_timeout_ms.max(0) as u64;
                let given_up = facts.now.since(self.joins[consumer]) >= SimDuration::from_millis(timeout);
                if given_up && !self.hit_from_outside(facts, Some(consumer)) {
                    let group = facts.consumers[consumer].group;
                    self.gave_up[consumer] = true;
                    self.link(facts, group, LivelockCause::RequestTimeoutTooShort, Some(consumer));
                }
            }
            _ => {}
        }
    }

    /// A rebalance began.
    pub fn rebalance(&mut self, facts: &Facts, started: &Started) {
        let cause = match started.kind {
            TriggerKind::ProcessStarted | TriggerKind::Closed | TriggerKind::CrashDetected => {
                // From outside: what follows may be its aftermath.
                for cause in [LivelockCause::AssignorOscillates, LivelockCause::MetadataFlaps, LivelockCause::Unknown] {
                    self.end(facts, started.group, cause);
                }
                return;
            }
            TriggerKind::Returned => return self.returned(facts, started.group),
            TriggerKind::PollIntervalExceeded => LivelockCause::BatchExceedsPollInterval,
            TriggerKind::SessionExpiredAlive if started.completing => LivelockCause::AssignmentTooSlow,
            TriggerKind::SessionExpiredAlive => LivelockCause::SessionTooShort,
            TriggerKind::SyncTimeout => LivelockCause::AssignmentTooSlow,
            // It was counted when it failed.
            TriggerKind::AttemptFailed
                if started.consumer.is_some_and(|consumer| std::mem::take(&mut self.gave_up[consumer])) =>
            {
                return;
            }
            TriggerKind::AttemptFailed => LivelockCause::RequestTimeoutTooShort,
            TriggerKind::CooperativeRevocation => LivelockCause::AssignorOscillates,
            TriggerKind::MetadataChanged => LivelockCause::MetadataFlaps,
            TriggerKind::StaticMemberChanged | TriggerKind::AssignmentNotStored | TriggerKind::Unknown => {
                LivelockCause::Unknown
            }
        };
        if !self.hit_from_outside(facts, started.consumer) {
            self.link(facts, started.group, cause, started.consumer);
        }
    }

    /// A fault was active on the consumer within its session or poll interval: that explains it.
    fn hit_from_outside(&self, facts: &Facts, consumer: Option<ConsumerNumber>) -> bool {
        consumer.is_some_and(|consumer| {
            let since = SimTime(facts.now.0.saturating_sub(timeouts(facts, consumer).0));
            facts.faults.on_itself(consumer, since).is_some()
        })
    }

    /// A member came back: one more rebalance of what had driven it out.
    fn returned(&mut self, facts: &Facts, group: GroupNumber) {
        let causes = [LivelockCause::BatchExceedsPollInterval, LivelockCause::SessionTooShort];
        let chains = causes.iter().filter_map(|cause| Some((*cause, self.groups[group].get(cause)?.last)));
        if let Some((cause, _)) = chains.max_by_key(|(_, last)| *last) {
            self.link(facts, group, cause, None);
        }
    }

    /// A static member was replaced: two processes with one instance id take turns.
    pub fn coordinator(&mut self, facts: &Facts, event: &CoordinatorEvent) {
        let CoordinatorEvent::StaticMemberReplaced { group, old, new, .. } = event else { return };
        let Some(group) = facts.group_number(group) else { return };
        if let (Some(old), Some(new)) = (facts.member(old), facts.member(new))
            && old.consumer != new.consumer
            && facts.lives(old)
        {
            self.link(facts, group, LivelockCause::DuplicateInstanceId, Some(new.consumer));
        }
    }

    fn link(&mut self, facts: &Facts, group: GroupNumber, cause: LivelockCause, culprit: Option<ConsumerNumber>) {
        let now = facts.now;
        let gap = self.gap_max(facts, group);
        if self.groups[group].get(&cause).is_some_and(|chain| now.since(chain.last) > gap) {
            self.end(facts, group, cause);
        }
        let chain = self.groups[group].entry(cause).or_insert_with(|| Chain {
            first: now,
            last: now,
            rebalances: 0,
            culprits: BTreeMap::new(),
            periods: Vec::new(),
        });
        chain.rebalances += 1;
        chain.last = now;
        if let Some(culprit) = culprit {
            let entry = chain.culprits.entry(culprit).or_insert((now, 0));
            if entry.1 > 0 && chain.periods.len() < PERIODS_KEPT {
                chain.periods.push(now.since(entry.0));
            }
            *entry = (now, entry.1 + 1);
        }
    }

    /// Rebalances further apart than this are not one livelock: twice the longest timeout, and the batch.
    fn gap_max(&self, facts: &Facts, group: GroupNumber) -> SimDuration {
        let consumers = facts.groups[group].consumers.clone();
        let longest = consumers.clone().map(|consumer| timeouts(facts, consumer)).max().unwrap_or_default();
        let batch = consumers.map(|consumer| self.batches[consumer]).max().unwrap_or_default();
        longest * 2 + batch
    }

    /// The chain is over: it was a livelock if it was long enough.
    fn end(&mut self, facts: &Facts, group: GroupNumber, cause: LivelockCause) {
        let Some(chain) = self.groups[group].remove(&cause) else { return };
        if chain.rebalances < Livelock::REBALANCES_MIN || self.found.len() >= LIVELOCKS_TOLD {
            return;
        }
        let until_end = facts.now.since(chain.last) <= self.gap_max(facts, group);
        let culprit = chain.culprits.iter().max_by_key(|(_, (_, count))| *count).map(|(consumer, _)| *consumer);
        let mut periods = chain.periods;
        periods.sort_unstable();
        let middle = periods.get(periods.len() / 2).copied();
        let period = middle.unwrap_or_else(|| SimDuration(chain.last.since(chain.first).0 / (chain.rebalances - 1)));
        let text = self.text(facts, cause, culprit, period);
        self.found.push(Livelock {
            group: facts.groups[group].id.to_string(),
            from_s: chain.first.as_secs_f64(),
            to_s: chain.last.as_secs_f64(),
            until_end,
            rebalances: chain.rebalances,
            period_s: period.as_secs_f64(),
            cause,
            consumer: culprit.map(|consumer| facts.name(consumer)),
            text,
        });
    }

    fn text(
        &self,
        facts: &Facts,
        cause: LivelockCause,
        culprit: Option<ConsumerNumber>,
        period: SimDuration,
    ) -> String {
        let who = culprit.map_or_else(|| "a member".to_string(), |consumer| facts.name(consumer));
        let every = format!("{:.1} s", period.as_secs_f64());
        let config = culprit.map(|consumer| &facts.consumers[consumer].settings.config);
        let interval = config.map_or(0, |config| config.max_poll_interval_ms);
        let session = config.map_or(0, |config| config.session_timeout_ms);
        let request = config.map_or(0, |config| config.request_timeout_ms);
        match cause {
            LivelockCause::BatchExceedsPollInterval => {
                let batch = culprit.map_or(0.0, |consumer| self.batches[consumer].as_secs_f64());
                let needs =
                    if batch > 0.0 { format!("its batch needs {batch:.1} s") } else { "its batch does not end".into() };
                format!("{who} leaves every {every} because {needs} and max.poll.interval.ms is {interval}")
            }
            LivelockCause::SessionTooShort => format!(
                "{who} is removed every {every} although it lives: it is silent for longer than session.timeout.ms ({session})"
            ),
            LivelockCause::RequestTimeoutTooShort => format!(
                "{who} gives its attempt up every {every}: request.timeout.ms ({request}) is shorter than the rebalance takes"
            ),
            LivelockCause::AssignmentTooSlow => {
                format!("every {every} members are given up before the leader's assignment has come")
            }
            LivelockCause::DuplicateInstanceId => {
                format!(
                    "two processes use one group.instance.id and fence each other in turn, every {every} ({who} is one)"
                )
            }
            LivelockCause::AssignorOscillates => {
                let no_racks = facts.scenario.cluster.racks.is_empty();
                let why = if no_racks { "" } else { " (racks decide where they go)" };
                format!(
                    "the assignor gives {who} partitions and takes them back again and again{why}: it revokes and rejoins every {every}"
                )
            }
            LivelockCause::MetadataFlaps => format!("{who} sees changed topics every {every} and rejoins"),
            LivelockCause::Unknown => format!("the group rebalances every {every} for no reason known here"),
        }
    }

    /// What was found by the end of the run.
    pub fn finish(mut self, facts: &Facts) -> Vec<Livelock> {
        for group in 0..self.groups.len() {
            let causes: Vec<_> = self.groups[group].keys().copied().collect();
            causes.into_iter().for_each(|cause| self.end(facts, group, cause));
        }
        self.found.sort_by(|a, b| a.from_s.total_cmp(&b.from_s));
        self.found
    }
}

/// The longer of the consumer's session and poll interval.
fn timeouts(facts: &Facts, consumer: ConsumerNumber) -> SimDuration {
    let config = &facts.consumers[consumer].settings.config;
    SimDuration::from_millis(config.max_poll_interval_ms.max(config.session_timeout_ms).max(0) as u64)
}
