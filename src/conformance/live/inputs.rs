//! What a recording fixes for its replay: the member ids that Kafka drew, how long each process started
//! up, and the orders of Go's maps in leaders' assignments.

use std::collections::{BTreeMap, VecDeque};

use indexmap::IndexMap;

use super::elections::map_orders;
use super::recording::{Act, Happened, Name, Recording};
use super::said::{Said, without_drawn_part};
use crate::cluster::{ConsumerInputs, Inputs, run_with};
use crate::engine::{Millis, SimDuration, SimTime};
use crate::protocol::MemberId;
use crate::scenario::Scenario;
use crate::trace::{Directory, Event, Observer, TraceEvent};

/// Start-up times are fitted in so many runs: each shifts what the last one showed.
const FITTING_RUNS: usize = 3;

/// A JoinGroup with the member id that was asked for follows the refusal within so many milliseconds.
const REJOINED_WITHIN_MS: i64 = 1_000;

/// The member ids of each consumer, in the order in which they were made for it.
pub fn member_ids(recording: &Recording) -> Vec<VecDeque<MemberId>> {
    let mut by_client: BTreeMap<&str, u32> = BTreeMap::new();
    let client_id = |index: u32| recording.members[index as usize].client.get("client.id").map(String::as_str);
    for index in 0..recording.members.len() as u32 {
        if let Some(client_id) = client_id(index) {
            by_client.insert(client_id, index);
        }
    }
    let mut ids = vec![VecDeque::new(); recording.members.len()];
    let mut note = |index: u32, id: MemberId| {
        let ids: &mut VecDeque<MemberId> = &mut ids[index as usize];
        if !ids.contains(&id) {
            ids.push_back(id);
        }
    };
    for event in &recording.events {
        match &event.what {
            Happened::Log(line) if &*event.who == "broker" => {
                if let Some(Said::IdMade { member }) = Said::of_line(line, recording.group.as_str())
                    && let Some(index) = by_client.get(&*without_drawn_part(member.as_str()))
                {
                    note(*index, member);
                }
            }
            Happened::Receive { api, member: Some(member), .. } if api == "JOIN_GROUP" => {
                if let Some(index) = recording.members.get_index_of(&event.who) {
                    note(index as u32, member.clone());
                }
            }
            _ => {}
        }
    }
    ids
}

/// The inputs of a replay: member ids, and start-up times such that each process's first JoinGroup takes effect at the
/// coordinator when it did in the recording. `quiet` holds the lateness to replay with; the times are fitted with
/// its scenario.
pub fn fit(recording: &Recording, scenario: &Scenario, quiet: Inputs) -> Inputs {
    let recorded = recorded_joins(recording);
    let starts = start_times(recording);
    let mut inputs = quiet;
    inputs.consumers = member_ids(recording)
        .into_iter()
        .zip(map_orders(recording))
        .map(|(member_ids, map_orders)| ConsumerInputs { startups: VecDeque::new(), member_ids, map_orders })
        .collect();
    for (index, consumer) in inputs.consumers.iter_mut().enumerate() {
        if let (Some(joined), Some(start)) = (recorded[index], starts[index]) {
            consumer.startups = VecDeque::from([joined.since(start)]);
        }
    }
    let prefixes = prefixes(recording);
    for _ in 0..FITTING_RUNS {
        let mut observer = FirstJoins::new(&prefixes, &starts);
        run_with(scenario, 0, inputs.clone(), &mut [&mut observer]);
        for (index, consumer) in inputs.consumers.iter_mut().enumerate() {
            if let (Some(wanted), Some(came)) = (recorded[index], observer.joined[index])
                && let Some(startup) = consumer.startups.front_mut()
            {
                *startup = SimDuration((startup.0 + wanted.0).saturating_sub(came.0));
            }
        }
    }
    inputs
}

/// How a member id of each consumer begins: the instance id, or the client id.
fn prefixes(recording: &Recording) -> Vec<String> {
    let prefix = |(name, member): (&Name, &super::recording::Member)| {
        let instance = member.client.get("group.instance.id").or_else(|| member.client.get("client.id"));
        instance.cloned().unwrap_or_else(|| name.to_string())
    };
    recording.members.iter().map(prefix).collect()
}

fn start_times(recording: &Recording) -> Vec<Option<SimTime>> {
    let mut starts: IndexMap<&Name, Millis> = IndexMap::new();
    for action in &recording.actions {
        if let Act::Start(name) = &action.what {
            starts.entry(name).or_insert(action.at);
        }
    }
    recording.members.keys().map(|name| starts.get(name).map(|at| at.sim_time())).collect()
}

/// When each consumer's first JoinGroup took effect at the coordinator; else when it sent its first one.
///
/// Within one millisecond of the log, its order is kept.
fn recorded_joins(recording: &Recording) -> Vec<Option<SimTime>> {
    let prefixes = prefixes(recording);
    let starts = start_times(recording);
    let mut joins = FirstJoins::new(&prefixes, &starts);
    let mut last = (Millis(-1), 0);
    for event in recording.events.iter().filter(|event| &*event.who == "broker") {
        let Happened::Log(line) = &event.what else { continue };
        let Some(said) = Said::of_line(line, recording.group.as_str()) else { continue };
        last = if event.at == last.0 { (event.at, last.1 + 1) } else { (event.at, 0) };
        joins.take(event.at.sim_time() + SimDuration::from_micros(300) + SimDuration::from_micros(10) * last.1, &said);
    }
    let first_sent = |name: &Name| {
        let own = || recording.events.iter().filter(|event| event.who == *name);
        let refused = own().find_map(|event| match &event.what {
            Happened::Receive { api, error, .. } if api == "JOIN_GROUP" => {
                Some((error.as_deref() == Some("MEMBER_ID_REQUIRED")).then_some(event.at))
            }
            _ => None,
        });
        let mut sent = own()
            .filter(|event| matches!(&event.what, Happened::Send { api, .. } if api == "JOIN_GROUP"))
            .map(|event| event.at);
        // Where a member id had to be asked for, only the second one takes effect. It follows the refusal at once; a
        // recorder that missed it shows a later one.
        let first = sent.next();
        let effective = match refused.flatten() {
            Some(refused) => sent.next().filter(|at| *at - refused <= REJOINED_WITHIN_MS).or(Some(refused)),
            None => first,
        };
        effective.map(Millis::sim_time)
    };
    joins
        .joined
        .iter()
        .zip(recording.members.keys())
        .map(|(joined, name)| joined.or_else(|| first_sent(name)))
        .collect()
}

/// Watches for the first effective JoinGroup of each process.
struct FirstJoins<'a> {
    prefixes: &'a [String],
    starts: &'a [Option<SimTime>],
    joined: Vec<Option<SimTime>>,
}

impl<'a> FirstJoins<'a> {
    fn new(prefixes: &'a [String], starts: &'a [Option<SimTime>]) -> Self {
        FirstJoins { prefixes, starts, joined: vec![None; prefixes.len()] }
    }

    /// A static member that returns takes its instance id over: it joins as much as a new one.
    fn take(&mut self, at: SimTime, said: &Said) {
        let (Said::Joined { member: prefix } | Said::Replaced { instance: prefix }) = said else { return };
        // Of several processes with one instance id, the one that was started last and has not joined yet.
        let waiting = (0..self.prefixes.len()).rev().find(|index| {
            self.prefixes[*index] == *prefix
                && self.joined[*index].is_none()
                && self.starts[*index].is_some_and(|start| start <= at)
        });
        if let Some(index) = waiting {
            self.joined[index] = Some(at);
        }
    }
}

impl Observer for FirstJoins<'_> {
    fn event(&mut self, _directory: &Directory, event: &TraceEvent) {
        if let Event::Coordinator { event: said, .. } = &event.event
            && let Some(said) = Said::of_event(said)
        {
            self.take(event.at, &said);
        }
    }
}
