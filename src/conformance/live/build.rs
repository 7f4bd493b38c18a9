//! Builds the scenario that a recording is a run of: its own configuration, its own actions.

use std::sync::Arc;

use thiserror::Error;

use super::noise::NoiseFloor;
use super::recording::{Act, Action, BURST_EVERY_MS, Happened, Member, Name, Recording};
use crate::client::{CloseOption, CommitStrategy, OnException, Subscription};
use crate::engine::{Distribution, Millis, SimDuration, SimTime};
use crate::protocol::config::BrokerConfig;
use crate::protocol::{BrokerId, TopicName};
use crate::scenario::checked::{
    Arrivals, AssignorCost, BrokerEnd, Callbacks, CloseHow, Cluster, Consumer, Fault, FaultKind, Group, Network,
    Processing, Topic, When,
};
use crate::scenario::profile::Meant;
use crate::scenario::{ClientProfile, Scenario};

/// `client.id` of the recordings' clients is not theirs alone: what the run calls the client library.
const CLIENT: &str = "java-4.1";

/// After so many exceptions out of `poll` the recorded application closes its consumer.
const EXCEPTIONS_MAX: u32 = 4;

/// From a record's arrival to the application, about.
const FETCHED_AFTER_MS: i64 = 3;

/// The recorder waits for `close()` without a limit.
const CLOSE_GRACE: SimDuration = SimDuration::from_secs(600);

/// Time that a run goes on after the recording's end, so that what came out late is told as late, not as missing.
const AFTER_END: SimDuration = SimDuration::from_secs(2);

/// Why no scenario can be built from a recording.
#[derive(Debug, Error)]
pub enum BuildError {
    /// KIP-848.
    #[error("`group.protocol=consumer` is not modelled yet")]
    ConsumerProtocol,
    /// A property that Kafka, or this model, refuses.
    #[error("property `{name}` of {whose}: {reason}")]
    Property {
        /// `broker`, or the consumer's name.
        whose: String,
        /// The property.
        name: String,
        /// What is wrong with its value.
        reason: String,
    },
}

/// Builds the scenario of a recording with the actions given (the recording's own, or others at other times).
///
/// # Errors
/// If the recording needs something that is not modelled.
pub fn build(recording: &Recording, actions: &[Action], noise: &NoiseFloor) -> Result<Scenario, BuildError> {
    if recording.uses_consumer_protocol() {
        return Err(BuildError::ConsumerProtocol);
    }
    let consumers = recording.members.iter().map(|(name, member)| consumer(recording, actions, name, member, noise));
    let consumers = consumers.collect::<Result<Vec<_>, _>>()?;
    let end = actions.last().map_or(recording.end(), |action| action.at.max(recording.end()));
    Ok(Scenario {
        name: recording.scenario.clone(),
        description: format!("Repetition {} of the live recording {}.", recording.rep, recording.scenario),
        sources: Vec::new(),
        duration: end.sim_time().since(SimTime::ZERO) + AFTER_END,
        cluster: cluster(recording, noise)?,
        groups: vec![Group { id: recording.group, consumers }],
        network: Network { latency: noise.latency.clone(), loss: 0.0, rto: SimDuration::from_millis(200) },
        faults: faults(recording, actions),
        expect: Vec::new(),
        notes: Vec::new(),
        not_modelled: Vec::new(),
    })
}

/// How long the recorded application sleeps for a record.
pub(super) fn nap(recording: &Recording, ms: u64) -> SimDuration {
    let oversleep = SimDuration::from_micros((recording.noise.oversleep_p50_ms * 1_000.0) as u64);
    if ms == 0 { SimDuration::ZERO } else { SimDuration::from_millis(ms) + oversleep }
}

fn cluster(recording: &Recording, noise: &NoiseFloor) -> Result<Cluster, BuildError> {
    let mut config = BrokerConfig::default();
    for (name, value) in &recording.broker {
        config.set(name, value).map_err(|refusal| BuildError::Property {
            whose: "broker".into(),
            name: name.clone(),
            reason: refusal.to_string(),
        })?;
    }
    Ok(Cluster {
        racks: Vec::new(),
        brokers: 1,
        config,
        topics: recording.topics().into_iter().map(|(name, partitions)| topic(recording, name, partitions)).collect(),
        append_latency: noise.append_latency.clone(),
        request_time: noise.request_time.clone(),
        leadership_time: noise.leadership_time.clone(),
        load_time_per_record: SimDuration::from_micros(20),
        offsets_log_records: 0,
    })
}

fn topic(recording: &Recording, name: TopicName, partitions: u32) -> Topic {
    Topic {
        name,
        partitions,
        replicas: Vec::new(),
        arrivals: arrivals(recording),
        backlog_per_partition: 0,
        record_bytes: 16,
        created_at: SimTime::ZERO,
        grows: Vec::new(),
    }
}

fn arrivals(recording: &Recording) -> Arrivals {
    if let Some(bursts) = recorded_bursts(recording) {
        return bursts;
    }
    if let Some(produce_ms) = recording.params.produce_ms.filter(|ms| *ms > 0) {
        return Arrivals::InTurn {
            per_second: f64::from(recording.partitions) * 1_000.0 / produce_ms as f64,
            every: SimDuration::from_millis(produce_ms),
            late: SimDuration::ZERO,
        };
    }
    match recording.params.rate {
        Some(per_second) => {
            let every = SimDuration::from_millis(BURST_EVERY_MS as u64);
            Arrivals::InTurn { per_second, every, late: SimDuration::ZERO }
        }
        None => Arrivals::None,
    }
}

/// Lets the bursts of a producer come so much after its clock's even times, which count from the first action.
pub(super) fn set_traffic_late(scenario: &mut Scenario, by: SimDuration) {
    for topic in &mut scenario.cluster.topics {
        if let Arrivals::InTurn { late, .. } = &mut topic.arrivals {
            *late = by;
        }
    }
}

/// One record for each partition within a millisecond, again and again, in step with the first records that the recording
/// shows: when the producer began is an input of the run, which other recordings don't tell.
fn recorded_bursts(recording: &Recording) -> Option<Arrivals> {
    let every_ms = recording.params.produce_ms.filter(|ms| *ms > 0 && recording.of_other_libraries())? as i64;
    let first = recording.events.iter().find(|event| event.what == Happened::FirstRecords)?;
    let phase_ms = (first.at.0 - FETCHED_AFTER_MS).rem_euclid(every_ms);
    let end_ms = recording.end().0 + AFTER_END.as_millis() as i64;
    let rate = f64::from(recording.partitions) * 1_000.0;
    let at = |ms: i64| Millis(ms).sim_time();
    let bursts = (phase_ms..end_ms).step_by(every_ms as usize);
    Some(Arrivals::Table { steps: bursts.flat_map(|ms| [(at(ms), rate), (at(ms + 1), 0.0)]).collect() })
}

fn consumer(
    recording: &Recording,
    actions: &[Action],
    name: &Name,
    member: &Member,
    noise: &NoiseFloor,
) -> Result<Consumer, BuildError> {
    let mut profile = match member.profile() {
        Some(profile) => profile,
        None => ClientProfile::find(CLIENT).expect("the default is known"),
    };
    for (property, value) in &member.client {
        let meant = Meant { name: property.clone(), value: value.clone() };
        profile.apply(recording.group.as_str(), &meant).map_err(|refusal| BuildError::Property {
            whose: name.to_string(),
            name: property.clone(),
            reason: refusal.to_string(),
        })?;
    }
    let at_once = Distribution::Constant(SimDuration::ZERO);
    let started = actions.iter().find(|action| matches!(&action.what, Act::Start(who) if who == name));
    Ok(Consumer {
        name: name.clone(),
        client: Arc::from(member.library.unwrap_or(CLIENT)),
        behaviour: profile.behaviour,
        config: profile.config,
        subscription: Subscription::Topics(recording.topics().into_iter().map(|(name, _)| name).collect()),
        start_at: started.map_or(SimTime::MAX, |action| action.at.sim_time()),
        startup: noise.startup.clone(),
        processing: Processing {
            per_record: Distribution::Constant(nap(recording, member.app.process_ms)),
            per_batch: at_once.clone(),
            per_record_changes: Vec::new(),
            slow: member.app.slow,
        },
        callbacks: Callbacks {
            assigned: at_once.clone(),
            revoked: at_once.clone(),
            lost: at_once,
            commit_on_revoke: false,
        },
        commit: if member.app.commit_sync { CommitStrategy::SyncAfterBatch } else { CommitStrategy::None },
        poll_timeout: SimDuration::from_millis(member.app.poll_timeout_ms),
        assignor_cost: AssignorCost::Constant(SimDuration::from_millis(2)),
        on_exception: OnException::CloseAfter(EXCEPTIONS_MAX),
    })
}

/// The recording's actions as faults, each at its time.
fn faults(recording: &Recording, actions: &[Action]) -> Vec<Fault> {
    let index = |name: &Name| recording.members.get_index_of(name).expect("every actor is a member") as u32;
    let mut started = vec![false; recording.members.len()];
    let mut faults = Vec::new();
    for (place, action) in actions.iter().enumerate() {
        let what = match &action.what {
            // The first start is the consumer's own.
            Act::Start(name) if !std::mem::replace(&mut started[index(name) as usize], true) => continue,
            Act::Start(name) => FaultKind::Start { consumers: vec![index(name)] },
            Act::Close(name, option) => FaultKind::Stop {
                consumers: vec![index(name)],
                grace: CLOSE_GRACE,
                close: close_how(*option),
                restart_after: None,
            },
            Act::Kill(name) => FaultKind::Crash { consumers: vec![index(name)], restart_after: None },
            Act::Freeze(name) => {
                let length = Distribution::Constant(frozen_for(actions, place, name));
                FaultKind::Freeze { consumers: vec![index(name)], length }
            }
            Act::Slow { who, ms, commit } => FaultKind::PollStall {
                consumers: vec![index(who)],
                length: Distribution::Constant(SimDuration::from_millis(*ms)),
                commit: *commit,
            },
            Act::BrokerKill => FaultKind::BrokerRestart {
                broker: BrokerId(0),
                down: Distribution::Constant(broker_down_for(actions, place)),
                end: BrokerEnd::Crash,
            },
            Act::Thaw(_) | Act::Mark { .. } | Act::Note | Act::End | Act::BrokerStart | Act::BrokerUp => continue,
        };
        let label = Arc::from(describe(&action.what));
        faults.push(Fault { label, when: When::At(action.at.sim_time()), what });
    }
    faults
}

fn close_how(option: CloseOption) -> CloseHow {
    match option {
        CloseOption::Default => CloseHow::Default,
        CloseOption::LeaveGroup => CloseHow::Leave,
        CloseOption::RemainInGroup => CloseHow::Remain,
    }
}

/// From a SIGSTOP to its SIGCONT, or beyond the end if none comes.
fn frozen_for(actions: &[Action], place: usize, name: &Name) -> SimDuration {
    let thaw = actions[place..].iter().find(|action| matches!(&action.what, Act::Thaw(who) if who == name));
    let until = thaw.map_or(Millis(i64::MAX / 2_000_000), |thaw| thaw.at);
    until.sim_time().since(actions[place].at.sim_time())
}

/// From the end of the broker to when it can be used again, or beyond the end if that never comes.
fn broker_down_for(actions: &[Action], place: usize) -> SimDuration {
    let up = actions[place..].iter().find(|action| action.what == Act::BrokerUp);
    let until = up.map_or(Millis(i64::MAX / 2_000_000), |up| up.at);
    until.sim_time().since(actions[place].at.sim_time())
}

/// An action in a few words.
pub(super) fn describe(what: &Act) -> String {
    match what {
        Act::Start(name) => format!("start {name}"),
        Act::Close(name, CloseOption::Default) => format!("close {name}"),
        Act::Close(name, CloseOption::LeaveGroup) => format!("close {name}, leaving the group"),
        Act::Close(name, CloseOption::RemainInGroup) => format!("close {name}, remaining in the group"),
        Act::Kill(name) => format!("SIGKILL {name}"),
        Act::Freeze(name) => format!("SIGSTOP {name}"),
        Act::Thaw(name) => format!("SIGCONT {name}"),
        Act::Slow { who, ms, commit } => {
            format!("{who} busy for {ms} ms from its next pass on{}", if *commit { ", then commitSync" } else { "" })
        }
        Act::Mark { .. } => "mark".into(),
        Act::Note => "the group did not settle in time".into(),
        Act::End => "end".into(),
        Act::BrokerKill => "SIGKILL of the broker".into(),
        Act::BrokerStart => "the broker is started".into(),
        Act::BrokerUp => "the broker can be used again".into(),
    }
}
