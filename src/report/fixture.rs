//! Outcomes made by hand, for tests of the formats: a small one that tells a story, and a large one to fill charts.

use std::collections::BTreeMap;

use serde_json::json;

use crate::analysis::outcome::*;
use crate::engine::RandomStream;

/// A rebalance to make up.
struct Plan {
    at: f64,
    join_phase: f64,
    kind: TriggerKind,
    class: ReasonClass,
    consumer: usize,
    reason: &'static str,
    text: String,
    holder: usize,
    phase: BarrierPhase,
}

/// Four consumers, twelve partitions; worker-2's host stands still for 8 s at 60 s, its session runs out after 6 s.
pub(crate) fn gc_pause() -> Outcome {
    let first = Plan {
        at: 1.204,
        join_phase: 3.002,
        kind: TriggerKind::ProcessStarted,
        class: ReasonClass::MemberJoined,
        consumer: 0,
        reason: "Adding new member consumer-billing-1-6f7c9a52-0b7e-4a0e-9b5c-5be53fd5f2a1 with group instance id null; \
                 client reason: rebalance failed due to MemberIdRequiredException",
        text: "worker-0 joined: its process was started".into(),
        holder: 0,
        phase: BarrierPhase::InitialDelay,
    };
    let expired = Plan {
        at: 66.812,
        join_phase: 4.731,
        kind: TriggerKind::SessionExpiredAlive,
        class: ReasonClass::SessionExpired,
        consumer: 2,
        reason: "removing member consumer-billing-3-1d0f3c57-93f4-44a1-8d3a-0c1c7f6c5f11 on heartbeat expiration.",
        text: "worker-2 was silent for session.timeout.ms (6000) although its process lives".into(),
        holder: 3,
        phase: BarrierPhase::FinishBatch,
    };
    let returned = Plan {
        at: 71.9,
        join_phase: 1.934,
        kind: TriggerKind::Returned,
        class: ReasonClass::MemberJoined,
        consumer: 2,
        reason: "Adding new member consumer-billing-3-8a4b1f6e-5a55-4b53-a4cd-4e21df6a8f90 with group instance id null; \
                 client reason: need to re-join with the given member-id",
        text: "worker-2 joins again after it had lost its membership".into(),
        holder: 1,
        phase: BarrierPhase::Discover,
    };
    let mut outcome = made_up(4, 12, 300.0, &[first, expired, returned]);
    outcome.run.scenario = "gc-pause-beyond-session".into();
    outcome.run.description = "An 8 s stop-the-world pause against a 6 s session timeout.".into();
    outcome.faults = vec![fault(0, "gc_pause worker-2 for 8s", "worker-2", 60.0, 8.0)];
    outcome.faults_total = 1;
    outcome.configuration.notes = vec![EffectiveNote {
        place: "groups[0].consumers[0].properties.fetch.min.bytes".into(),
        text: "fetch.min.bytes is known to Kafka but has no effect here".into(),
    }];
    outcome.groups[0].removals = vec![Removal {
        at_s: 66.812,
        consumer: Some("worker-2".into()),
        member_id: "consumer-billing-3-1d0f3c57-93f4-44a1-8d3a-0c1c7f6c5f11".into(),
        reason: "removing member … on heartbeat expiration.".into(),
        kind: RemovalKind::FalseExpulsion,
        detection_s: None,
        host_paused: true,
        fault: Some("gc_pause worker-2 for 8s".into()),
    }];
    outcome.groups[0].totals.false_expulsions = 1;
    outcome.totals = outcome.groups[0].totals.clone();
    outcome.exceptions = vec![ExceptionOutcome {
        at_s: 68.412,
        consumer: "worker-2".into(),
        place: "commitSync".into(),
        class: "CommitFailedException".into(),
        message: "Offset commit cannot be completed since the consumer is not part of an active group".into(),
    }];
    outcome.expectations = vec![
        expectation("rebalances", "== 3", FigureValue::Number(3.0), true, "rebalances is 3, as expected (== 3)"),
        expectation(
            "paused_partition_seconds",
            "< 40",
            FigureValue::Number(outcome.totals.paused_partition_seconds),
            false,
            "paused_partition_seconds is above the expected < 40",
        ),
        expectation("invariants", "hold", FigureValue::Text("hold".into()), true, "all invariants hold"),
    ];
    outcome
}

/// A rolling restart in full size: so many consumers and partitions, two rebalances per restarted consumer.
pub(crate) fn rollout(consumers: usize, partitions: usize) -> Outcome {
    let mut stream = RandomStream::new(1, "fixture", "rollout");
    let mut plans = Vec::new();
    for consumer in 0..consumers {
        for (kind, class, offset) in [
            (TriggerKind::Closed, ReasonClass::MemberLeft, 0.0),
            (TriggerKind::ProcessStarted, ReasonClass::MemberJoined, 24.0),
        ] {
            plans.push(Plan {
                at: 300.0 + 60.0 * consumer as f64 + offset + stream.next_f64(),
                join_phase: 0.4 + 6.0 * stream.next_f64() * stream.next_f64(),
                kind,
                class,
                consumer,
                reason: "explicit `LeaveGroup` request for members",
                text: format!("worker-{consumer} was restarted"),
                holder: (consumer + 7) % consumers,
                phase: BarrierPhase::FinishBatch,
            });
        }
    }
    let mut outcome = made_up(consumers, partitions, 3_600.0, &plans);
    outcome.run.scenario = "rolling-restart".into();
    outcome.run.description = "A rolling restart, one consumer a minute.".into();
    for consumer in 0..consumers {
        let at = 300.0 + 60.0 * consumer as f64;
        outcome.faults.push(fault(0, "rolling_restart of worker", &format!("worker-{consumer}"), at, 20.0));
    }
    for at in [700.0, 1_900.0, 3_100.0] {
        outcome.faults.push(fault(1, "network delay 40ms to broker-0 for 2m", "broker-0", at, 120.0));
    }
    outcome.faults_total = outcome.faults.len() as u64;
    outcome
}

fn fault(fault: u32, label: &str, target: &str, from_s: f64, length: f64) -> FaultOutcome {
    FaultOutcome { fault, label: label.into(), target: target.into(), from_s, to_s: Some(from_s + length) }
}

fn expectation(figure: &str, check: &str, value: FigureValue, holds: bool, text: &str) -> ExpectationOutcome {
    ExpectationOutcome { figure: figure.into(), check: check.into(), value: Some(value), holds, text: text.into() }
}

fn made_up(consumers: usize, partitions: usize, duration: f64, plans: &[Plan]) -> Outcome {
    let mut stream = RandomStream::new(1, "fixture", "times");
    let rebalances: Vec<Rebalance> =
        plans.iter().enumerate().map(|(index, plan)| rebalance(index, plan, consumers, &mut stream)).collect();
    let names: Vec<String> = (0..partitions).map(|number| format!("orders-{number}")).collect();
    let (ownership, pauses) = spans(&rebalances, plans, consumers, &names, duration);
    let partitions = partitions_of(&names, &pauses, &ownership);
    let totals = totals(&rebalances, &pauses);
    let lag = lag(&rebalances, duration);
    let group = GroupOutcome {
        id: "billing".into(),
        totals: totals.clone(),
        rebalances,
        partitions,
        ownership_total: ownership.len() as u64,
        ownership,
        pauses_total: pauses.len() as u64,
        pauses,
        removals: Vec::new(),
        lag,
    };
    Outcome {
        format_version: FORMAT_VERSION,
        run: RunIdentity {
            scenario: "made-up".into(),
            description: String::new(),
            sources: vec!["made up for tests".into()],
            seed: 1,
            duration_s: duration,
            digest: "8f3a61c25be97d04".into(),
            group_digests: BTreeMap::from([("billing".into(), "1c5e27f0a9d3b864".into())]),
            events: 12_034,
            version: "0.1.0".into(),
            kafka: "4.1.1".into(),
        },
        configuration: configuration(consumers, names.len() as u32),
        not_modelled: Vec::new(),
        totals,
        groups: vec![group],
        consumers: (0..consumers).map(consumer).collect(),
        broker_metrics: vec![metric("group-coordinator-metrics", "group-completed-rebalance-count", 3.0)],
        faults: Vec::new(),
        faults_total: 0,
        exceptions: Vec::new(),
        invariants: vec![InvariantOutcome {
            name: "one_owner_per_generation".into(),
            statement: "no partition is owned by two members of one generation".into(),
            checks: 3_204,
            violations_total: 0,
            violations: Vec::new(),
        }],
        livelocks: Vec::new(),
        expectations: Vec::new(),
        measured: Measured::default(),
    }
}

fn rebalance(index: usize, plan: &Plan, consumers: usize, stream: &mut RandomStream) -> Rebalance {
    let end_of_join = plan.at + plan.join_phase;
    let received = end_of_join + 0.014;
    let mut members: Vec<MemberPhases> = (0..consumers)
        .filter(|&consumer| !(consumer == plan.consumer && leaves(plan)))
        .map(|consumer| phases(consumer, plan, consumer == plan.consumer, stream))
        .collect();
    members.sort_by(|a, b| a.parked_s.partial_cmp(&b.parked_s).expect("comparable"));
    let holder = (plan.phase != BarrierPhase::InitialDelay).then(|| format!("worker-{}", plan.holder));
    let (setting, value) = match plan.phase {
        BarrierPhase::InitialDelay => ("group.initial.rebalance.delay.ms", 3_000),
        BarrierPhase::FinishBatch => ("max.poll.interval.ms", 300_000),
        _ => ("heartbeat.interval.ms", 2_000),
    };
    let text = match &holder {
        Some(holder) => format!("{holder} came last: its phase took longest ({setting} = {value})"),
        None => format!("the coordinator waited {setting} ({value}) for first members"),
    };
    Rebalance {
        number: index as u64 + 1,
        broker: 1,
        reason: plan.reason.into(),
        reason_class: plan.class,
        trigger: Trigger {
            kind: plan.kind,
            consumer: Some(format!("worker-{}", plan.consumer)),
            text: plan.text.clone(),
        },
        from_state: if index == 0 { "Empty" } else { "Stable" }.into(),
        old_generation: index as i32,
        generation: Some(index as i32 + 1),
        preparing_s: plan.at,
        stabilized_s: Some(end_of_join),
        assignment_received_s: Some(received),
        stable_s: Some(received + 0.003),
        applied_s: Some(received + 0.25),
        end: RebalanceEnd::Completed,
        join_phase_s: Some(plan.join_phase),
        latency_s: Some(received - plan.at),
        member_latency_max_s: Some(plan.join_phase),
        members_count: members.len() as u32,
        leader: Some("worker-0".into()),
        protocol: Some("range".into()),
        barrier: Some(Barrier {
            holder,
            member_id: None,
            phase: plan.phase,
            phase_s: plan.join_phase * 0.8,
            waited_s: plan.join_phase * 0.7,
            setting: Some(setting.into()),
            setting_value: Some(value),
            fault: None,
            text,
        }),
        paused_partition_seconds: plan.join_phase * 12.0,
        members,
    }
}

fn leaves(plan: &Plan) -> bool {
    matches!(plan.kind, TriggerKind::SessionExpiredAlive | TriggerKind::Closed)
}

fn phases(consumer: usize, plan: &Plan, triggers: bool, stream: &mut RandomStream) -> MemberPhases {
    let holds = consumer == plan.holder && plan.phase != BarrierPhase::InitialDelay;
    let end_of_join = plan.at + plan.join_phase;
    let reach = if holds { 0.97 } else { 0.05 + 0.6 * stream.next_f64() };
    let parked = if triggers { plan.at + 0.002 } else { plan.at + plan.join_phase * reach };
    let discover = if plan.phase == BarrierPhase::Discover && holds { 0.9 } else { 0.2 + 0.3 * stream.next_f64() };
    let noticed = plan.at + (parked - plan.at) * discover;
    let prepare = (parked - noticed) * 0.2;
    let (polled, join_sent) = (parked - prepare - 0.002, parked - 0.0015);
    let synced = end_of_join + 0.017 + 0.004 * stream.next_f64();
    let seen = |time: f64| (!triggers).then_some(time);
    MemberPhases {
        consumer: format!("worker-{consumer}"),
        member_id: format!("consumer-billing-{}-6f7c9a52", consumer + 1),
        held_barrier: holds,
        noticed_s: seen(noticed),
        polled_s: seen(polled),
        join_sent_s: Some(join_sent),
        parked_s: Some(parked),
        joined_s: Some(end_of_join + 0.002),
        synced_s: Some(synced),
        applied_s: Some(synced + 0.05 + 0.18 * stream.next_f64()),
        discover_s: seen(noticed - plan.at),
        finish_batch_s: seen(polled - noticed),
        prepare_s: seen(join_sent - polled),
        rejoin_s: Some(parked - join_sent),
        wait_s: Some(end_of_join - parked),
        sync_s: Some(synced - end_of_join),
        rebalance_latency_s: Some(synced - join_sent),
    }
}

/// Who owns what between rebalances (in blocks, as range does), and why partitions stand still in between.
fn spans(
    rebalances: &[Rebalance],
    plans: &[Plan],
    consumers: usize,
    partitions: &[String],
    duration: f64,
) -> (Vec<OwnershipSpan>, Vec<PauseSpan>) {
    let (mut ownership, mut pauses) = (Vec::new(), Vec::new());
    let mut given_up: Vec<Option<f64>> = vec![None; partitions.len()];
    for (index, (rebalance, plan)) in rebalances.iter().zip(plans).enumerate() {
        let absent = leaves(plan).then_some(plan.consumer);
        let members: Vec<usize> = (0..consumers).filter(|&consumer| Some(consumer) != absent).collect();
        let next = rebalances.get(index + 1);
        for (number, partition) in partitions.iter().enumerate() {
            let owner = format!("worker-{}", members[number * members.len() / partitions.len()]);
            let of_owner = rebalance.members.iter().find(|member| member.consumer == owner).expect("a member");
            let from = of_owner.applied_s.expect("applied");
            let to = next.map_or(duration, |next| {
                let revoked = next.members.iter().find(|member| member.consumer == owner).and_then(|m| m.polled_s);
                revoked.unwrap_or(next.preparing_s)
            });
            let ended = if next.is_some() { SpanEnd::Revoked } else { SpanEnd::RunEnd };
            let generation = index as i32 + 1;
            ownership.push(OwnershipSpan {
                partition: partition.as_str().into(),
                consumer: owner.into(),
                generation,
                from_s: from,
                to_s: to,
                ended,
            });
            let stopped = given_up[number].replace(to).unwrap_or(0.9);
            pauses.extend(pause(partition, stopped, rebalance, from));
        }
    }
    pauses.sort_by(|a, b| a.to_s.total_cmp(&b.to_s));
    (ownership, pauses)
}

fn pause(partition: &str, stopped: f64, rebalance: &Rebalance, resumed: f64) -> Vec<PauseSpan> {
    let stabilized = rebalance.stabilized_s.expect("stabilized");
    let start = rebalance.preparing_s;
    let first = match rebalance.trigger.kind {
        TriggerKind::SessionExpiredAlive => PauseCause::HostPause,
        _ => PauseCause::Startup,
    };
    let barrier = if rebalance.number == 1 { PauseCause::InitialDelay } else { PauseCause::Barrier };
    [
        (first, stopped.min(start), start),
        (barrier, stopped.max(start), stabilized),
        (PauseCause::Assignment, stabilized, resumed - 0.03),
        (PauseCause::Callback, resumed - 0.03, resumed),
    ]
    .into_iter()
    .filter(|(_, from, to)| to > from)
    .map(|(cause, from_s, to_s)| PauseSpan { partition: partition.into(), cause, from_s, to_s })
    .collect()
}

fn partitions_of(names: &[String], pauses: &[PauseSpan], ownership: &[OwnershipSpan]) -> Vec<PartitionOutcome> {
    let mut by_name: BTreeMap<&str, PartitionOutcome> = BTreeMap::new();
    for pause in pauses {
        let partition = by_name.entry(&pause.partition).or_default();
        partition.paused_s += pause.to_s - pause.from_s;
        *partition.paused_s_by_cause.entry(pause.cause).or_insert(0.0) += pause.to_s - pause.from_s;
    }
    for span in ownership {
        by_name.entry(&span.partition).or_default().owners += 1;
    }
    let finished = |name: &String| PartitionOutcome {
        partition: name.clone(),
        longest_pause_s: 7.1,
        processed_records: 14_950,
        lag_peak: 250,
        ..by_name.get(name.as_str()).cloned().unwrap_or_default()
    };
    names.iter().map(finished).collect()
}

fn totals(rebalances: &[Rebalance], pauses: &[PauseSpan]) -> Totals {
    let mut totals = Totals { rebalances: rebalances.len() as u64, ..Totals::default() };
    for rebalance in rebalances {
        *totals.rebalances_by_reason.entry(rebalance.reason_class).or_insert(0) += 1;
        *totals.rebalances_by_trigger.entry(rebalance.trigger.kind).or_insert(0) += 1;
        if let Some(holder) = rebalance.barrier.as_ref().and_then(|barrier| barrier.holder.clone()) {
            *totals.barrier_holders.entry(holder).or_insert(0) += 1;
        }
    }
    for pause in pauses {
        *totals.paused_partition_seconds_by_cause.entry(pause.cause).or_insert(0.0) += pause.to_s - pause.from_s;
    }
    totals.paused_partition_seconds = totals.paused_partition_seconds_by_cause.values().sum();
    totals.rebalance_latency = spread(rebalances.iter().filter_map(|rebalance| rebalance.latency_s).collect());
    totals.generations = rebalances.len() as u64;
    totals.processed_records = 179_400;
    totals.duplicates = 412;
    totals.lag_peak = 3_020;
    totals.lag_at_end = 12;
    totals.lag_drain_s = Some(9.5);
    totals
}

fn spread(mut values: Vec<f64>) -> Spread {
    values.sort_by(f64::total_cmp);
    let total: f64 = values.iter().sum();
    let at =
        |share: f64| values.get(((values.len() as f64 * share) as usize).min(values.len().saturating_sub(1))).copied();
    Spread {
        count: values.len() as u64,
        total,
        min: values.first().copied(),
        avg: Some(total / values.len() as f64),
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        max: values.last().copied(),
    }
}

/// Lag grows while the group rebalances and drains afterwards.
fn lag(rebalances: &[Rebalance], duration: f64) -> Lags {
    let every_s = duration / 300.0;
    let mut lag = 0.0f64;
    let samples = (0..=300)
        .map(|number| {
            let at_s = every_s * f64::from(number);
            let paused =
                rebalances.iter().any(|r| r.preparing_s <= at_s + every_s && r.applied_s.expect("applied") > at_s);
            lag = if paused { lag + 600.0 * every_s } else { (lag * 0.6).max(8.0) };
            LagSample { at_s, lag: lag as u64, committed_lag: lag as u64 + 180 + (number as u64 * 37) % 400 }
        })
        .collect();
    Lags { samples, every_s }
}

fn configuration(consumers: usize, partitions: u32) -> Configuration {
    let setting = |name: &str, value: serde_json::Value, source| Setting { name: name.into(), value, source };
    Configuration {
        brokers: 3,
        broker_settings: vec![
            setting("group.initial.rebalance.delay.ms", json!(3_000), SettingSource::Default),
            setting("group.max.session.timeout.ms", json!(600_000), SettingSource::Scenario),
        ],
        topics: BTreeMap::from([("orders".into(), partitions)]),
        consumers: vec![ConsumerSettings {
            group: "billing".into(),
            consumers: (0..consumers).map(|number| format!("worker-{number}")).collect(),
            client: "java-4.1".into(),
            settings: vec![
                setting("session.timeout.ms", json!(6_000), SettingSource::Scenario),
                setting("heartbeat.interval.ms", json!(2_000), SettingSource::Scenario),
                setting("max.poll.records", json!(500), SettingSource::Default),
                setting("partition.assignment.strategy", json!("range"), SettingSource::Scenario),
            ],
        }],
        notes: Vec::new(),
    }
}

fn consumer(number: usize) -> ConsumerOutcome {
    ConsumerOutcome {
        name: format!("worker-{number}"),
        group: "billing".into(),
        processes: vec![ProcessSpan { from_s: 0.2 * number as f64, to_s: None, ended: None }],
        processed_records: 44_850,
        longest_poll_gap_s: 4.7,
        longest_batch_s: 4.6,
        barriers_held: 0,
        metrics: vec![metric("consumer-coordinator-metrics", "rebalance-latency-max", 4_745.0)],
    }
}

fn metric(group: &str, name: &str, value: f64) -> Metric {
    Metric {
        group: group.into(),
        name: name.into(),
        values: MetricValues { at_end: Some(value), highest: Some(value) },
    }
}
