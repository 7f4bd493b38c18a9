//! Faults: when they happen, whom they hit, and that each is one kind only.

use std::sync::Arc;

use super::Checker;
use super::consumers::Entries;
use super::deployments::Deployed;
use super::fault_label::{KINDS, kinds, label};
use crate::engine::{Distribution, SimDuration, SimTime};
use crate::protocol::{BrokerId, ErrorCode};
use crate::scenario::checked::{BrokerEnd, CloseHow, Cluster, Direction, Fault, FaultKind, LinkSet, When};
use crate::scenario::file::fault::{
    BrokerRollingRestart, CloseEntry, DirectionEntry, EveryEntry, FaultEntry, LinksEntry, RandomEntry,
};
use crate::scenario::file::{Names, Span};
use crate::scenario::text::json::Value;
use crate::scenario::text::{Place, Problem};

/// Most times that a repeated fault may strike in one run.
const REPEATS_MAX: u64 = 100_000;

/// Errors with which an append to the coordinator's log can fail (classic-coordinator.md 7).
const APPEND_ERRORS: [ErrorCode; 8] = [
    ErrorCode::NotEnoughReplicas,
    ErrorCode::NotEnoughReplicasAfterAppend,
    ErrorCode::RequestTimedOut,
    ErrorCode::NotLeaderOrFollower,
    ErrorCode::UnknownTopicOrPartition,
    ErrorCode::KafkaStorageError,
    ErrorCode::MessageTooLarge,
    ErrorCode::RecordListTooLarge,
];

impl Checker<'_> {
    pub(super) fn faults(
        &mut self,
        place: &Place<'_>,
        entries: &[FaultEntry],
        consumers: &Entries,
        cluster: &Cluster,
        deployed: &[Deployed],
    ) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let place = place.index(index);
            let when = self.when(&place, entry);
            let kinds = kinds(entry);
            match kinds[..] {
                [_] => {
                    let scope = Scope { consumers, brokers: cluster.brokers, deployed };
                    if let Some(of) = &entry.broker_rolling_restart {
                        faults.extend(self.broker_rolling_restart(&place, entry, of, when, cluster.brokers));
                        continue;
                    }
                    let what = self.kind(&place, entry, &scope);
                    let label = entry.label.clone().unwrap_or_else(|| label(entry));
                    faults.extend(what.map(|what| Fault { label: Arc::from(label), when, what }));
                }
                [] => self.problem(&place, "a fault needs a kind", format!("one of {}", KINDS.join(", "))),
                [_, second, ..] => {
                    let message = format!("a fault has one kind only, `{second}` is a second");
                    let span = self.root.key_span(&place.key(second));
                    self.problems.push(Problem::new(span, message).help("write two faults"));
                }
            }
        }
        faults
    }

    fn when(&mut self, place: &Place<'_>, entry: &FaultEntry) -> When {
        match (&entry.at, &entry.every, &entry.random) {
            (Some(at), None, None) => {
                self.before_the_end(&place.key("at"), *at);
                When::At(SimTime(at.0.0))
            }
            (None, Some(every), None) => self.every(&place.key("every"), every),
            (None, None, Some(random)) => self.random(&place.key("random"), random),
            (None, None, None) => {
                self.problem(place, "a fault needs a time", "write \"at\", \"every\" or \"random\"");
                When::At(SimTime::ZERO)
            }
            _ => {
                self.problem(place, "a fault has one time only", "write \"at\", \"every\" or \"random\"");
                When::At(SimTime::ZERO)
            }
        }
    }

    fn every(&mut self, place: &Place<'_>, entry: &EveryEntry) -> When {
        let (from, until) = self.window(place, entry.from.unwrap_or(entry.period), entry.until);
        let times = until.since(from).0 / entry.period.0.0.max(1);
        if times > REPEATS_MAX {
            let message = format!("every {} makes {times} faults", entry.period);
            self.problem(&place.key("period"), message, format!("a fault may strike {REPEATS_MAX} times"));
        }
        When::Every { from, every: entry.period.0, until }
    }

    fn random(&mut self, place: &Place<'_>, entry: &RandomEntry) -> When {
        let (from, until) = self.window(place, entry.from.unwrap_or_default(), entry.until);
        let gap = match (entry.per_hour, &entry.gap) {
            (Some(rate), None) => {
                self.within(&place.key("per_hour"), rate, 0.001, 36_000.0);
                let mean = Span(SimDuration((3.6e12 / rate.clamp(0.001, 36_000.0)) as u64));
                let min = entry.min_gap.unwrap_or(Span::secs(1)).0;
                let max = entry.max_gap.map_or(until.since(from).max(min), |max| max.0);
                let gap = Distribution::Exponential { mean: mean.0, min, max: Some(max) };
                if let Err(error) = gap.check() {
                    self.problem(place, error.to_string(), "let `min_gap` be at most `max_gap`");
                }
                if min < SimDuration::from_millis(1) {
                    self.problem(&place.key("min_gap"), "gaps may be as short as nothing", "it takes 1ms or more");
                }
                gap
            }
            (None, Some(gap)) => {
                for name in ["min_gap", "max_gap"] {
                    if (name == "min_gap" && entry.min_gap.is_some()) || (name == "max_gap" && entry.max_gap.is_some())
                    {
                        let help = "bounds of a `gap` stand in its distribution, as \"min\" and \"max\"";
                        self.problem(&place.key(name), format!("`{name}` goes with `per_hour`"), help);
                    }
                }
                self.gap_distribution(&place.key("gap"), gap)
            }
            _ => {
                self.problem(place, "how often is not said once", "write either \"per_hour\" or \"gap\"");
                Distribution::Constant(SimDuration::from_secs(3_600))
            }
        };
        When::Random { from, until, gap }
    }

    /// A window of time within the run.
    fn window(&mut self, place: &Place<'_>, from: Span, until: Option<Span>) -> (SimTime, SimTime) {
        let end = Span(self.duration);
        self.before_the_end(&place.key("from"), from);
        if let Some(until) = until.filter(|until| *until > end) {
            let help = format!("the run lasts {end}");
            self.problem(&place.key("until"), format!("{until} is after the end"), help);
        } else if until.is_some_and(|until| until < from) {
            let message = format!("the window ends before it begins ({from})");
            self.problem(&place.key("until"), message, "let `until` come after `from`");
        }
        (SimTime(from.0.0), SimTime(until.unwrap_or(end).0.0))
    }

    /// The consumers that names stand for, in order, each once.
    fn hosts(&mut self, place: &Place<'_>, names: &Names, scope: &Scope<'_>) -> Vec<u32> {
        if names.0.is_empty() {
            self.problem(place, "a fault needs a target", "name a consumer, an entry, a group, or \"*\"");
        }
        let mut chosen = Vec::new();
        for (index, name) in names.0.iter().enumerate() {
            match scope.resolve(name) {
                Some(found) => chosen.extend(found),
                None if self.names_missing => {}
                None => {
                    let in_list = place.index(index);
                    let place = if matches!(self.root.at(place).value, Value::Array(_)) { &in_list } else { place };
                    self.unknown(place, "consumer, entry or group", name, &scope.names());
                }
            }
        }
        chosen.sort_unstable();
        chosen.dedup();
        chosen
    }

    fn links(&mut self, place: &Place<'_>, links: &LinksEntry, scope: &Scope<'_>) -> LinkSet {
        LinkSet {
            consumers: self.hosts(&place.key("host"), &links.host, scope),
            brokers: self.brokers(&place.key("brokers"), links.brokers.as_deref(), scope),
            direction: match links.direction {
                DirectionEntry::Both => Direction::Both,
                DirectionEntry::ToBroker => Direction::ToBroker,
                DirectionEntry::FromBroker => Direction::FromBroker,
            },
            coordinator_only: links.coordinator_only,
        }
    }

    /// The brokers of a list; all where there is none.
    fn brokers(&mut self, place: &Place<'_>, list: Option<&[u32]>, scope: &Scope<'_>) -> Vec<BrokerId> {
        let Some(list) = list else { return (0..scope.brokers).map(BrokerId).collect() };
        if list.is_empty() {
            self.problem(place, "a list of no brokers", "leave it out to mean all");
        }
        for (index, broker) in list.iter().enumerate() {
            self.broker(&place.index(index), *broker, scope);
        }
        let mut brokers: Vec<BrokerId> = list.iter().map(|broker| BrokerId(*broker)).collect();
        brokers.sort_unstable();
        brokers.dedup();
        brokers
    }

    fn broker(&mut self, place: &Place<'_>, broker: u32, scope: &Scope<'_>) -> BrokerId {
        if broker >= scope.brokers {
            let help = format!("brokers are numbered 0 to {}", scope.brokers.saturating_sub(1));
            self.problem(place, format!("there is no broker {broker}"), help);
        }
        BrokerId(broker)
    }

    /// What the one kind of a fault does.
    fn kind(&mut self, place: &Place<'_>, entry: &FaultEntry, scope: &Scope<'_>) -> Option<FaultKind> {
        self.process_kind(place, entry, scope)
            .or_else(|| self.machine_kind(place, entry, scope))
            .or_else(|| self.kubernetes_kind(place, entry, scope))
            .or_else(|| self.network_kind(place, entry, scope))
            .or_else(|| self.broker_kind(place, entry, scope))
    }

    fn process_kind(&mut self, place: &Place<'_>, entry: &FaultEntry, scope: &Scope<'_>) -> Option<FaultKind> {
        for (name, of) in [("gc_pause", &entry.gc_pause), ("freeze", &entry.freeze)] {
            let Some(of) = of else { continue };
            let place = place.key(name);
            let consumers = self.hosts(&place.key("host"), &of.host, scope);
            let length = self.bounded_distribution(&place.key("for"), &of.length);
            return Some(match name {
                "gc_pause" => FaultKind::GcPause { consumers, length },
                _ => FaultKind::Freeze { consumers, length },
            });
        }
        if let Some(of) = &entry.poll_stall {
            let place = place.key("poll_stall");
            let consumers = self.hosts(&place.key("host"), &of.host, scope);
            let length = self.bounded_distribution(&place.key("for"), &of.length);
            return Some(FaultKind::PollStall { consumers, length, commit: of.commit });
        }
        if let Some(of) = &entry.slowdown {
            let place = place.key("slowdown");
            self.within(&place.key("factor"), of.factor, 1.0, 1_000.0);
            let consumers = self.hosts(&place.key("host"), &of.host, scope);
            let length = self.bounded_distribution(&place.key("for"), &of.length);
            return Some(FaultKind::Slowdown { consumers, factor: of.factor, length });
        }
        if let Some(of) = &entry.crash {
            let place = place.key("crash");
            let restart_after =
                of.restart_after.as_ref().map(|d| self.bounded_distribution(&place.key("restart_after"), d));
            return Some(FaultKind::Crash {
                consumers: self.hosts(&place.key("host"), &of.host, scope),
                restart_after,
            });
        }
        if let Some(of) = &entry.stop {
            let place = place.key("stop");
            let restart_after =
                of.restart_after.as_ref().map(|d| self.bounded_distribution(&place.key("restart_after"), d));
            let consumers = self.hosts(&place.key("host"), &of.host, scope);
            return Some(FaultKind::Stop { consumers, grace: of.grace.0, close: close(of.close), restart_after });
        }
        if let Some(of) = &entry.start {
            let consumers = self.held_hosts(&place.key("start").key("host"), &of.host, scope);
            return Some(FaultKind::Start { consumers });
        }
        let of = entry.rolling_restart.as_ref()?;
        let place = place.key("rolling_restart");
        if of.concurrency == 0 {
            self.problem(&place.key("concurrency"), "none at a time", "it takes 1 or more");
        }
        Some(FaultKind::RollingRestart {
            consumers: self.hosts(&place.key("host"), &of.host, scope),
            grace: of.grace.0,
            close: close(of.close),
            down: self.bounded_distribution(&place.key("down"), &of.down),
            pause_between: self.bounded_distribution(&place.key("pause_between"), &of.pause_between),
            concurrency: of.concurrency,
        })
    }

    fn machine_kind(&mut self, place: &Place<'_>, entry: &FaultEntry, scope: &Scope<'_>) -> Option<FaultKind> {
        if let Some(of) = &entry.vm_freeze {
            let place = place.key("vm_freeze");
            let consumers = self.hosts(&place.key("host"), &of.host, scope);
            let length = self.bounded_distribution(&place.key("for"), &of.length);
            let after = of.corrected_after.as_ref();
            let corrected_after = after.map(|d| self.bounded_distribution(&place.key("corrected_after"), d));
            return Some(FaultKind::VmFreeze { consumers, length, corrected_after });
        }
        if let Some(of) = &entry.clock_jump {
            let place = place.key("clock_jump");
            let consumers = self.hosts(&place.key("host"), &of.host, scope);
            let millis = |span: Span| span.0.as_millis() as i64;
            let ms = match (of.forward, of.back) {
                (Some(forward), None) => millis(forward),
                (None, Some(back)) => -millis(back),
                _ => {
                    self.problem(&place, "which way the clock jumps is not said once", "write \"forward\" or \"back\"");
                    return None;
                }
            };
            return Some(FaultKind::ClockJump { consumers, ms });
        }
        let of = entry.crash_loop.as_ref()?;
        let place = place.key("crash_loop");
        if of.times == 0 {
            self.problem(&place.key("times"), "it never crashes", "it takes 1 or more");
        }
        let consumers = self.hosts(&place.key("host"), &of.host, scope);
        let runs_for = self.bounded_distribution(&place.key("runs_for"), &of.runs_for);
        Some(FaultKind::CrashLoop { consumers, runs_for, times: of.times })
    }

    /// One restart after the other, each broker's a fault of its own.
    fn broker_rolling_restart(
        &mut self,
        place: &Place<'_>,
        entry: &FaultEntry,
        of: &BrokerRollingRestart,
        when: When,
        brokers: u32,
    ) -> Vec<Fault> {
        let When::At(first) = when else {
            self.problem(place, "a rolling restart of the brokers has one time", "write \"at\"");
            return Vec::new();
        };
        let label = entry.label.clone().unwrap_or_else(|| label(entry));
        let restart = |broker: u32| Fault {
            label: Arc::from(format!("{label} ({broker})")),
            when: When::At(first + (of.down.0 + of.pause_between.0) * u64::from(broker)),
            what: FaultKind::BrokerRestart {
                broker: BrokerId(broker),
                down: Distribution::Constant(of.down.0),
                end: BrokerEnd::InOrder,
            },
        };
        (0..brokers).map(restart).collect()
    }

    /// Targets of a `start` fault: consumers whose start is held.
    fn held_hosts(&mut self, place: &Place<'_>, names: &Names, scope: &Scope<'_>) -> Vec<u32> {
        let consumers = self.hosts(place, names, scope);
        let all: Vec<_> = scope.consumers.groups.iter().flat_map(|group| &group.consumers).collect();
        if let Some(running) = consumers.iter().map(|index| all[*index as usize]).find(|c| c.start_at != SimTime::MAX) {
            let message = format!("`{}` starts by itself", running.name);
            self.problem(place, message, "write \"start\": { \"held\": true } in its entry");
        }
        consumers
    }

    fn network_kind(&mut self, place: &Place<'_>, entry: &FaultEntry, scope: &Scope<'_>) -> Option<FaultKind> {
        if let Some(of) = &entry.loss {
            let place = place.key("loss");
            self.within(&place.key("probability"), of.probability, 0.0, 0.99);
            let links = self.links(&place.key("links"), &of.links, scope);
            let length = self.bounded_distribution(&place.key("for"), &of.length);
            return Some(FaultKind::Loss { links, probability: of.probability, length });
        }
        if let Some(of) = &entry.delay {
            let place = place.key("delay");
            let links = self.links(&place.key("links"), &of.links, scope);
            let extra = self.bounded_distribution(&place.key("extra"), &of.extra);
            let length = self.bounded_distribution(&place.key("for"), &of.length);
            return Some(FaultKind::Delay { links, extra, length });
        }
        if let Some(of) = &entry.throttle {
            let place = place.key("throttle");
            let links = self.links(&place.key("links"), &of.links, scope);
            let by = self.bounded_distribution(&place.key("by"), &of.by);
            let length = self.bounded_distribution(&place.key("for"), &of.length);
            return Some(FaultKind::Throttle { links, by, length });
        }
        if let Some(of) = &entry.black_hole {
            let place = place.key("black_hole");
            let links = self.links(&place.key("links"), &of.links, scope);
            return Some(FaultKind::BlackHole {
                links,
                length: self.bounded_distribution(&place.key("for"), &of.length),
            });
        }
        let of = entry.reset.as_ref()?;
        let place = place.key("reset");
        let links = self.links(&place.key("links"), &of.links, scope);
        Some(FaultKind::Reset { links, length: self.bounded_distribution(&place.key("for"), &of.length) })
    }

    fn broker_kind(&mut self, place: &Place<'_>, entry: &FaultEntry, scope: &Scope<'_>) -> Option<FaultKind> {
        if let Some(of) = &entry.storage_stall {
            let place = place.key("storage_stall");
            let brokers = self.brokers(&place.key("brokers"), of.brokers.as_deref(), scope);
            return Some(FaultKind::StorageStall {
                brokers,
                length: self.bounded_distribution(&place.key("for"), &of.length),
            });
        }
        if let Some(of) = &entry.storage_slow {
            let place = place.key("storage_slow");
            let brokers = self.brokers(&place.key("brokers"), of.brokers.as_deref(), scope);
            let extra = self.bounded_distribution(&place.key("extra"), &of.extra);
            let length = self.bounded_distribution(&place.key("for"), &of.length);
            return Some(FaultKind::StorageSlow { brokers, extra, length });
        }
        if let Some(of) = &entry.append_failure {
            let place = place.key("append_failure");
            let brokers = self.brokers(&place.key("brokers"), of.brokers.as_deref(), scope);
            let length = self.bounded_distribution(&place.key("for"), &of.length);
            let error = self.append_error(&place.key("error"), &of.error);
            return Some(FaultKind::AppendFailure { brokers, error, length });
        }
        if let Some(of) = &entry.broker_restart {
            let place = place.key("broker_restart");
            let broker = self.broker(&place.key("broker"), of.broker, scope);
            let down = self.bounded_distribution(&place.key("down"), &of.down);
            let end = match (of.power_loss, of.unclean) {
                (true, _) => BrokerEnd::PowerLoss,
                (false, true) => BrokerEnd::Crash,
                (false, false) => BrokerEnd::InOrder,
            };
            return Some(FaultKind::BrokerRestart { broker, down, end });
        }
        let of = entry.coordinator_move.as_ref()?;
        let place = place.key("coordinator_move");
        let to = self.broker(&place.key("to"), of.to, scope);
        let groups: Vec<&str> = scope.consumers.groups.iter().map(|group| group.id.as_str()).collect();
        let Some(group) = groups.iter().position(|id| *id == of.group) else {
            self.unknown(&place.key("group"), "group", &of.group, &groups);
            return None;
        };
        Some(FaultKind::CoordinatorMove { group: group as u32, to })
    }

    fn append_error(&mut self, place: &Place<'_>, name: &str) -> ErrorCode {
        match APPEND_ERRORS.into_iter().find(|error| error.name() == name) {
            Some(error) => error,
            None => {
                let names: Vec<&str> = APPEND_ERRORS.iter().map(|error| error.name()).collect();
                self.unknown(place, "error of an append", name, &names);
                ErrorCode::NotEnoughReplicas
            }
        }
    }
}

/// What names in a fault can stand for.
pub(super) struct Scope<'s> {
    pub consumers: &'s Entries,
    brokers: u32,
    pub deployed: &'s [Deployed],
}

impl Scope<'_> {
    /// Consumers by number: of a consumer, of an entry, of a group, or all. The first meaning that exists counts.
    fn resolve(&self, name: &str) -> Option<Vec<u32>> {
        let all = self.consumers.names.iter().enumerate();
        if name == "*" {
            return Some(all.map(|(index, _)| index as u32).collect());
        }
        let chosen = |entries: Vec<usize>| {
            let named = self.consumers.names.iter().enumerate();
            Some(named.filter(|(_, named)| entries.contains(&named.entry)).map(|(index, _)| index as u32).collect())
        };
        if let Some((index, _)) = all.clone().find(|(_, named)| &*named.name == name) {
            return Some(vec![index as u32]);
        }
        if let Some(entry) = self.consumers.entries.iter().position(|(entry, _)| entry == name) {
            return chosen(vec![entry]);
        }
        let group = self.consumers.groups.iter().position(|group| group.id.as_str() == name)?;
        let entries = self.consumers.entries.iter().enumerate();
        chosen(entries.filter(|(_, (_, of))| *of == group).map(|(entry, _)| entry).collect())
    }

    /// Everything that can be named, shortest lists first.
    fn names(&self) -> Vec<&str> {
        let groups = self.consumers.groups.iter().map(|group| group.id.as_str());
        let entries = self.consumers.entries.iter().map(|(name, _)| name.as_str());
        let consumers = self.consumers.names.iter().map(|named| &*named.name);
        let mut names: Vec<&str> = entries.chain(groups).chain(consumers).collect();
        let mut seen = std::collections::BTreeSet::new();
        names.retain(|name| seen.insert(*name));
        names
    }
}

fn close(close: CloseEntry) -> CloseHow {
    match close {
        CloseEntry::Default => CloseHow::Default,
        CloseEntry::Leave => CloseHow::Leave,
        CloseEntry::Remain => CloseHow::Remain,
    }
}
