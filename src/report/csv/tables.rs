//! The tables: which columns, from which fields of the outcome.

use super::{Cell, OutputFile, table};
use crate::analysis::Outcome;
use crate::analysis::outcome::{FigureValue, GroupOutcome, Metric, Setting};
use crate::report::words::{key, pause_cause};

/// All tables of a run.
pub(super) fn all(outcome: &Outcome) -> Vec<OutputFile> {
    vec![
        rebalances(outcome),
        members(outcome),
        partitions(outcome),
        pause_causes(outcome),
        pauses(outcome),
        ownership(outcome),
        removals(outcome),
        lag(outcome),
        consumers(outcome),
        processes(outcome),
        metrics(outcome),
        settings(outcome),
        faults(outcome),
        exceptions(outcome),
        invariants(outcome),
        expectations(outcome),
    ]
}

/// Rows of a list that every group has, each with its group.
fn per_group<'a, R: 'a>(
    outcome: &'a Outcome,
    list: impl Fn(&'a GroupOutcome) -> &'a [R] + 'a,
) -> impl Iterator<Item = (&'a str, &'a R)> {
    outcome.groups.iter().flat_map(move |group| list(group).iter().map(|row| (group.id.as_str(), row)))
}

fn rebalances(outcome: &Outcome) -> OutputFile {
    let columns = [
        "group",
        "number",
        "broker",
        "reason",
        "reason_class",
        "trigger",
        "trigger_consumer",
        "trigger_text",
        "from_state",
        "old_generation",
        "generation",
        "preparing_s",
        "stabilized_s",
        "assignment_received_s",
        "stable_s",
        "applied_s",
        "end",
        "join_phase_s",
        "latency_s",
        "member_latency_max_s",
        "members_count",
        "leader",
        "protocol",
        "barrier_holder",
        "barrier_phase",
        "barrier_phase_s",
        "barrier_waited_s",
        "barrier_setting",
        "barrier_setting_value",
        "barrier_fault",
        "barrier_text",
        "paused_partition_seconds",
    ];
    let rows = per_group(outcome, |group| &group.rebalances).map(|(group, r)| {
        let barrier = r.barrier.as_ref();
        [
            group.into(),
            r.number.into(),
            r.broker.into(),
            (&r.reason).into(),
            key(&r.reason_class).into(),
            key(&r.trigger.kind).into(),
            r.trigger.consumer.as_ref().into(),
            (&r.trigger.text).into(),
            (&r.from_state).into(),
            r.old_generation.into(),
            r.generation.into(),
            r.preparing_s.into(),
            r.stabilized_s.into(),
            r.assignment_received_s.into(),
            r.stable_s.into(),
            r.applied_s.into(),
            key(&r.end).into(),
            r.join_phase_s.into(),
            r.latency_s.into(),
            r.member_latency_max_s.into(),
            r.members_count.into(),
            r.leader.as_ref().into(),
            r.protocol.as_ref().into(),
            barrier.and_then(|b| b.holder.as_ref()).into(),
            barrier.map(|b| key(&b.phase)).into(),
            barrier.map(|b| b.phase_s).into(),
            barrier.map(|b| b.waited_s).into(),
            barrier.and_then(|b| b.setting.as_ref()).into(),
            barrier.and_then(|b| b.setting_value).into(),
            barrier.and_then(|b| b.fault.as_ref()).into(),
            barrier.map(|b| &b.text).into(),
            r.paused_partition_seconds.into(),
        ]
    });
    table("rebalances", columns, rows)
}

fn members(outcome: &Outcome) -> OutputFile {
    let columns = [
        "group",
        "rebalance",
        "consumer",
        "member_id",
        "held_barrier",
        "noticed_s",
        "polled_s",
        "join_sent_s",
        "parked_s",
        "joined_s",
        "synced_s",
        "applied_s",
        "discover_s",
        "finish_batch_s",
        "prepare_s",
        "rejoin_s",
        "wait_s",
        "sync_s",
        "rebalance_latency_s",
    ];
    let rows = per_group(outcome, |group| &group.rebalances).flat_map(|(group, rebalance)| {
        rebalance.members.iter().map(move |m| {
            [
                group.into(),
                rebalance.number.into(),
                (&m.consumer).into(),
                (&m.member_id).into(),
                m.held_barrier.into(),
                m.noticed_s.into(),
                m.polled_s.into(),
                m.join_sent_s.into(),
                m.parked_s.into(),
                m.joined_s.into(),
                m.synced_s.into(),
                m.applied_s.into(),
                m.discover_s.into(),
                m.finish_batch_s.into(),
                m.prepare_s.into(),
                m.rejoin_s.into(),
                m.wait_s.into(),
                m.sync_s.into(),
                m.rebalance_latency_s.into(),
            ]
        })
    });
    table("members", columns, rows)
}

fn partitions(outcome: &Outcome) -> OutputFile {
    let columns = [
        "group",
        "partition",
        "paused_s",
        "longest_pause_s",
        "unavailable_s",
        "unavailable_max_s",
        "unowned_s",
        "double_owned_s",
        "owners",
        "processed_records",
        "duplicates",
        "lag_peak",
        "lag_at_end",
    ];
    let rows = per_group(outcome, |group| &group.partitions).map(|(group, p)| {
        [
            group.into(),
            (&p.partition).into(),
            p.paused_s.into(),
            p.longest_pause_s.into(),
            p.unavailable_s.into(),
            p.unavailable_max_s.into(),
            p.unowned_s.into(),
            p.double_owned_s.into(),
            p.owners.into(),
            p.processed_records.into(),
            p.duplicates.into(),
            p.lag_peak.into(),
            p.lag_at_end.into(),
        ]
    });
    table("partitions", columns, rows)
}

fn pause_causes(outcome: &Outcome) -> OutputFile {
    let rows = per_group(outcome, |group| &group.partitions).flat_map(|(group, partition)| {
        partition.paused_s_by_cause.iter().map(move |(cause, seconds)| {
            [
                group.into(),
                (&partition.partition).into(),
                key(cause).into(),
                pause_cause(*cause).into(),
                (*seconds).into(),
            ]
        })
    });
    table("pause_causes", ["group", "partition", "cause", "cause_text", "paused_s"], rows)
}

fn pauses(outcome: &Outcome) -> OutputFile {
    let rows = per_group(outcome, |group| &group.pauses).map(|(group, pause)| {
        [group.into(), (&*pause.partition).into(), key(&pause.cause).into(), pause.from_s.into(), pause.to_s.into()]
    });
    table("pauses", ["group", "partition", "cause", "from_s", "to_s"], rows)
}

fn ownership(outcome: &Outcome) -> OutputFile {
    let rows = per_group(outcome, |group| &group.ownership).map(|(group, span)| {
        [
            group.into(),
            (&*span.partition).into(),
            (&*span.consumer).into(),
            span.generation.into(),
            span.from_s.into(),
            span.to_s.into(),
            key(&span.ended).into(),
        ]
    });
    table("ownership", ["group", "partition", "consumer", "generation", "from_s", "to_s", "ended"], rows)
}

fn removals(outcome: &Outcome) -> OutputFile {
    let columns = ["group", "at_s", "consumer", "member_id", "reason", "kind", "detection_s", "host_paused", "fault"];
    let rows = per_group(outcome, |group| &group.removals).map(|(group, r)| {
        [
            group.into(),
            r.at_s.into(),
            r.consumer.as_ref().into(),
            (&r.member_id).into(),
            (&r.reason).into(),
            key(&r.kind).into(),
            r.detection_s.into(),
            r.host_paused.into(),
            r.fault.as_ref().into(),
        ]
    });
    table("removals", columns, rows)
}

fn lag(outcome: &Outcome) -> OutputFile {
    let rows = per_group(outcome, |group| &group.lag.samples)
        .map(|(group, sample)| [group.into(), sample.at_s.into(), sample.lag.into(), sample.committed_lag.into()]);
    table("lag", ["group", "at_s", "lag", "committed_lag"], rows)
}

fn consumers(outcome: &Outcome) -> OutputFile {
    let columns = ["consumer", "group", "processed_records", "longest_poll_gap_s", "longest_batch_s", "barriers_held"];
    let rows = outcome.consumers.iter().map(|c| {
        [
            (&c.name).into(),
            (&c.group).into(),
            c.processed_records.into(),
            c.longest_poll_gap_s.into(),
            c.longest_batch_s.into(),
            c.barriers_held.into(),
        ]
    });
    table("consumers", columns, rows)
}

fn processes(outcome: &Outcome) -> OutputFile {
    let rows = outcome.consumers.iter().flat_map(|consumer| {
        consumer.processes.iter().map(|process| {
            [(&consumer.name).into(), process.from_s.into(), process.to_s.into(), process.ended.as_ref().into()]
        })
    });
    table("processes", ["consumer", "from_s", "to_s", "ended"], rows)
}

fn metrics(outcome: &Outcome) -> OutputFile {
    let row = |entity: &str, metric: &Metric| -> [Cell; 5] {
        let values = metric.values;
        [entity.into(), (&metric.group).into(), (&metric.name).into(), values.at_end.into(), values.highest.into()]
    };
    let of_brokers = outcome.broker_metrics.iter().map(|metric| row("brokers", metric));
    let of_consumers =
        outcome.consumers.iter().flat_map(|consumer| consumer.metrics.iter().map(|metric| row(&consumer.name, metric)));
    table("metrics", ["entity", "metric_group", "metric", "at_end", "highest"], of_brokers.chain(of_consumers))
}

fn settings(outcome: &Outcome) -> OutputFile {
    let row = |entity: &str, setting: &Setting| -> [Cell; 4] {
        let value = setting.value.as_str().map_or_else(|| setting.value.to_string(), str::to_string);
        [entity.into(), (&setting.name).into(), value.into(), key(&setting.source).into()]
    };
    let configuration = &outcome.configuration;
    let of_brokers = configuration.broker_settings.iter().map(|setting| row("brokers", setting));
    let of_consumers = configuration.consumers.iter().flat_map(|together| {
        together.consumers.iter().flat_map(|name| together.settings.iter().map(|setting| row(name, setting)))
    });
    table("settings", ["entity", "setting", "value", "source"], of_brokers.chain(of_consumers))
}

fn faults(outcome: &Outcome) -> OutputFile {
    let rows = outcome.faults.iter().map(|fault| {
        [fault.fault.into(), (&fault.label).into(), (&fault.target).into(), fault.from_s.into(), fault.to_s.into()]
    });
    table("faults", ["fault", "label", "target", "from_s", "to_s"], rows)
}

fn exceptions(outcome: &Outcome) -> OutputFile {
    let rows = outcome
        .exceptions
        .iter()
        .map(|e| [e.at_s.into(), (&e.consumer).into(), (&e.place).into(), (&e.class).into(), (&e.message).into()]);
    table("exceptions", ["at_s", "consumer", "place", "class", "message"], rows)
}

fn invariants(outcome: &Outcome) -> OutputFile {
    let rows = outcome
        .invariants
        .iter()
        .map(|i| [(&i.name).into(), (&i.statement).into(), i.checks.into(), i.violations_total.into()]);
    table("invariants", ["name", "statement", "checks", "violations"], rows)
}

fn expectations(outcome: &Outcome) -> OutputFile {
    let rows = outcome.expectations.iter().map(|expectation| {
        let value = expectation.value.as_ref().map(|value| match value {
            FigureValue::Number(number) => Cell::from(*number),
            FigureValue::Text(text) => Cell::from(text),
        });
        [
            (&expectation.figure).into(),
            (&expectation.check).into(),
            value.into(),
            expectation.holds.into(),
            (&expectation.text).into(),
        ]
    });
    table("expectations", ["figure", "check", "value", "holds", "text"], rows)
}
