//! Who held the barrier: what the end of a join phase waited for last, and the setting that bounds it.

use crate::analysis::facts::{ConsumerNumber, Facts, GroupNumber};
use crate::analysis::outcome::{Barrier, BarrierPhase};
use crate::engine::{SimDuration, SimTime};
use crate::protocol::MemberId;

use super::reason::{HowLost, Lost};

/// What one member did between the start of the rebalance and the barrier.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// It learned of the rebalance.
    pub noticed: Option<SimTime>,
    /// Its poll thread came back.
    pub polled: Option<SimTime>,
    /// It sent JoinGroup.
    pub join_sent: Option<SimTime>,
    /// The coordinator parked that.
    pub parked: Option<SimTime>,
}

impl Progress {
    /// The lengths of the phases, each counted within the rebalance.
    pub fn phases(&self, begin: SimTime) -> [(BarrierPhase, Option<SimDuration>); 4] {
        let span = |from: Option<SimTime>, to: Option<SimTime>| Some(to?.max(begin).since(from?.max(begin)));
        [
            (BarrierPhase::Discover, self.noticed.map(|noticed| noticed.since(begin))),
            (BarrierPhase::FinishBatch, span(self.noticed, self.polled)),
            (BarrierPhase::Prepare, span(self.polled, self.join_sent)),
            (BarrierPhase::Rejoin, span(self.join_sent, self.parked)),
        ]
    }
}

/// A member of the new generation with its progress.
pub(super) struct Arrival {
    pub consumer: ConsumerNumber,
    pub member: MemberId,
    pub progress: Progress,
}

/// The end of a join phase.
pub(super) struct JoinPhase<'a> {
    pub group: GroupNumber,
    /// The group was empty before.
    pub initial: bool,
    pub began: SimTime,
    pub ended: SimTime,
    /// Members of the new generation.
    pub arrivals: &'a [Arrival],
    /// The last member that the group lost in it.
    pub lost: Option<&'a Lost>,
}

/// Who held the barrier, and which entry of the arrivals that is.
pub(super) fn blame(facts: &Facts, phase: &JoinPhase) -> (Barrier, Option<ConsumerNumber>) {
    let delay = facts.scenario.cluster.config.group_initial_rebalance_delay_ms;
    if phase.initial && delay > 0 {
        return (initial_delay(phase, delay), None);
    }
    // 2.7.1: the join phase ends when all have rejoined, so the last one lost at its very end was waited for.
    if let Some(lost) = phase.lost.filter(|lost| lost.at == phase.ended) {
        return waited_out(facts, phase, &lost.member, lost.how);
    }
    // 2.7.2: a static member that did not rejoin stays a member.
    if let Some(absent) = phase.arrivals.iter().find(|arrival| arrival.progress.parked.is_none()) {
        return waited_out(facts, phase, &absent.member, HowLost::RebalanceTimeout);
    }
    match phase.arrivals.iter().max_by_key(|arrival| arrival.progress.parked) {
        Some(last) => last_to_arrive(facts, phase, last),
        None => (initial_delay(phase, delay), None),
    }
}

/// How long the others waited: since the last arrival but that of the holder.
fn waited(phase: &JoinPhase, holder: Option<ConsumerNumber>) -> SimDuration {
    let others = phase.arrivals.iter().filter(|arrival| Some(arrival.consumer) != holder);
    let last = others.filter_map(|arrival| arrival.progress.parked).max();
    phase.ended.since(last.unwrap_or(phase.began).max(phase.began))
}

fn initial_delay(phase: &JoinPhase, delay: i32) -> Barrier {
    let length = phase.ended.since(phase.began);
    Barrier {
        holder: None,
        member_id: None,
        phase: BarrierPhase::InitialDelay,
        phase_s: length.as_secs_f64(),
        waited_s: waited(phase, None).as_secs_f64(),
        setting: Some("group.initial.rebalance.delay.ms".to_string()),
        setting_value: Some(i64::from(delay)),
        fault: None,
        text: format!(
            "the coordinator waited {} for first members (group.initial.rebalance.delay.ms {delay})",
            secs(length)
        ),
    }
}

/// A member that never came.
fn waited_out(facts: &Facts, phase: &JoinPhase, member: &MemberId, how: HowLost) -> (Barrier, Option<ConsumerNumber>) {
    let consumer = facts.member(member).map(|member| member.consumer);
    let name = facts.member_name(member);
    let length = phase.ended.since(phase.began);
    let config = consumer.map(|number| &facts.consumers[number].settings.config);
    let session = || config.map(|config| ("session.timeout.ms", i64::from(config.session_timeout_ms)));
    let rebalance = rebalance_timeout_ms(facts, phase.group);
    let (kind, setting, why) = match how {
        HowLost::Session | HowLost::PendingSession => {
            (BarrierPhase::SessionTimeout, session(), "it never came, and its session had to run out")
        }
        HowLost::RebalanceTimeout | HowLost::SyncTimeout => {
            let setting = Some(("max.poll.interval.ms", rebalance));
            (BarrierPhase::RebalanceTimeout, setting, "it never came, and the rebalance timeout had to pass")
        }
        HowLost::PollInterval => {
            let interval = config.map(|config| ("max.poll.interval.ms", i64::from(config.max_poll_interval_ms)));
            (BarrierPhase::Left, interval, "it left at last because its poll interval was exceeded")
        }
        HowLost::Left => (BarrierPhase::Left, None, "it left at last"),
    };
    let fault = consumer.and_then(|number| facts.faults.on(number, phase.began));
    let barrier = Barrier {
        holder: Some(name.clone()),
        member_id: Some(member.to_string()),
        phase: kind,
        phase_s: length.as_secs_f64(),
        waited_s: waited(phase, consumer).as_secs_f64(),
        setting: setting.map(|(name, _)| name.to_string()),
        setting_value: setting.map(|(_, value)| value),
        fault: fault.map(|fault| facts.faults.label(fault)),
        text: format!("{name} held the barrier for {}: {why}{}", secs(length), in_brackets(setting)),
    };
    (barrier, consumer)
}

fn last_to_arrive(facts: &Facts, phase: &JoinPhase, last: &Arrival) -> (Barrier, Option<ConsumerNumber>) {
    let config = &facts.consumers[last.consumer].settings.config;
    let mut longest = (BarrierPhase::Rejoin, SimDuration::ZERO);
    for (kind, length) in last.progress.phases(phase.began) {
        if let Some(length) = length.filter(|length| *length > longest.1) {
            longest = (kind, length);
        }
    }
    let interval = ("max.poll.interval.ms", i64::from(config.max_poll_interval_ms));
    let (setting, why) = match longest.0 {
        BarrierPhase::Discover => {
            (("heartbeat.interval.ms", i64::from(config.heartbeat_interval_ms)), "it learned of the rebalance last")
        }
        BarrierPhase::FinishBatch => (interval, "it had to finish its batch first"),
        BarrierPhase::Prepare => (interval, "it committed and gave its partitions up first"),
        _ => (("request.timeout.ms", i64::from(config.request_timeout_ms)), "its JoinGroup came last"),
    };
    let name = facts.name(last.consumer);
    let fault = facts.faults.on_itself(last.consumer, phase.began);
    let barrier = Barrier {
        holder: Some(name.clone()),
        member_id: Some(last.member.to_string()),
        phase: longest.0,
        phase_s: longest.1.as_secs_f64(),
        waited_s: waited(phase, Some(last.consumer)).as_secs_f64(),
        setting: Some(setting.0.to_string()),
        setting_value: Some(setting.1),
        fault: fault.map(|fault| facts.faults.label(fault)),
        text: format!("{name} held the barrier: {why}, after {}{}", secs(longest.1), in_brackets(Some(setting))),
    };
    (barrier, Some(last.consumer))
}

/// The group's rebalance timeout: the largest of its members'.
fn rebalance_timeout_ms(facts: &Facts, group: GroupNumber) -> i64 {
    let intervals = facts.groups[group]
        .consumers
        .clone()
        .map(|number| i64::from(facts.consumers[number].settings.config.max_poll_interval_ms));
    intervals.max().unwrap_or(0)
}

fn in_brackets(setting: Option<(&str, i64)>) -> String {
    setting.map_or_else(String::new, |(name, value)| format!(" ({name} {value})"))
}

fn secs(span: SimDuration) -> String {
    let millis = (span.0 + 500_000) / 1_000_000;
    let tenths = (span.0 + 50_000_000) / 100_000_000;
    if millis < 1_000 { format!("{millis} ms") } else { format!("{}.{} s", tenths / 10, tenths % 10) }
}
