//! Which faults are active on whom, and which were a moment ago.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::analysis::outcome::{FaultOutcome, limits};
use crate::engine::SimTime;
use crate::scenario::Scenario;
use crate::scenario::checked::{FaultKind, LinkSet};

use super::ConsumerNumber;

/// Occurrences that are over and still remembered, to tell what hit a member a moment ago.
const OVER_REMEMBERED: usize = 256;

/// One occurrence.
struct Occurrence {
    fault: u32,
    target: Arc<str>,
    consumer: Option<ConsumerNumber>,
    from: SimTime,
    to: Option<SimTime>,
    /// Place in the list of the outcome.
    listed: Option<usize>,
}

/// Fault occurrences.
pub(in crate::analysis) struct Faults {
    labels: Vec<Arc<str>>,
    /// Links that the fault is about, by fault.
    links: Vec<Option<LinkSet>>,
    /// The fault cuts these links.
    cuts: Vec<bool>,
    active: Vec<Occurrence>,
    over: VecDeque<Occurrence>,
    /// All occurrences, for the outcome.
    pub list: Vec<FaultOutcome>,
    /// How many there were.
    pub total: u64,
    /// Beginning of the first.
    pub first: Option<SimTime>,
}

impl Faults {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let links = |kind: &FaultKind| match kind {
            FaultKind::Loss { links, .. }
            | FaultKind::Delay { links, .. }
            | FaultKind::Throttle { links, .. }
            | FaultKind::BlackHole { links, .. }
            | FaultKind::Reset { links, .. } => Some(links.clone()),
            _ => None,
        };
        let cuts = |kind: &FaultKind| match kind {
            FaultKind::BlackHole { links, .. } | FaultKind::Reset { links, .. } => !links.coordinator_only,
            _ => false,
        };
        Faults {
            labels: scenario.faults.iter().map(|fault| fault.label.clone()).collect(),
            links: scenario.faults.iter().map(|fault| links(&fault.what)).collect(),
            cuts: scenario.faults.iter().map(|fault| cuts(&fault.what)).collect(),
            active: Vec::new(),
            over: VecDeque::new(),
            list: Vec::new(),
            total: 0,
            first: None,
        }
    }

    /// The fault as the scenario tells it.
    pub fn label(&self, fault: u32) -> String {
        self.labels.get(fault as usize).map_or_else(String::new, ToString::to_string)
    }

    /// The links that the fault cuts for fetching, if it does.
    pub(super) fn cut_links(&self, fault: u32) -> Option<LinkSet> {
        let cuts = self.cuts.get(fault as usize).copied().unwrap_or(false);
        if cuts { self.links[fault as usize].clone() } else { None }
    }

    pub(super) fn began(&mut self, fault: u32, target: &Arc<str>, consumer: Option<ConsumerNumber>, at: SimTime) {
        self.total += 1;
        self.first = self.first.or(Some(at));
        let listed = (self.list.len() < limits::FAULTS_LISTED).then_some(self.list.len());
        if listed.is_some() {
            self.list.push(FaultOutcome {
                fault,
                label: self.label(fault),
                target: target.to_string(),
                from_s: at.as_secs_f64(),
                to_s: None,
            });
        }
        self.active.push(Occurrence { fault, target: target.clone(), consumer, from: at, to: None, listed });
    }

    pub(super) fn ended(&mut self, fault: u32, target: &str, at: SimTime) {
        let Some(place) = self.active.iter().position(|o| o.fault == fault && *o.target == *target) else { return };
        let mut occurrence = self.active.remove(place);
        occurrence.to = Some(at);
        if let Some(entry) = occurrence.listed.and_then(|place| self.list.get_mut(place)) {
            entry.to_s = Some(at.as_secs_f64());
        }
        if self.over.len() == OVER_REMEMBERED {
            self.over.pop_front();
        }
        self.over.push_back(occurrence);
    }

    /// The fault that hit the consumer at any time from `from` on: one of its own first, else one of its links, else one
    /// of the cluster. The latest of equals.
    pub fn on(&self, consumer: ConsumerNumber, from: SimTime) -> Option<u32> {
        let recent = || self.active.iter().chain(&self.over).filter(move |o| o.to.is_none_or(|to| to >= from));
        let latest =
            |rank: u8| recent().filter(|o| self.rank(o, consumer) == rank).max_by_key(|o| o.from).map(|o| o.fault);
        latest(0).or_else(|| latest(1)).or_else(|| latest(2))
    }

    /// The fault that hit the consumer itself or its links at any time from `from` on.
    pub fn on_itself(&self, consumer: ConsumerNumber, from: SimTime) -> Option<u32> {
        let recent = self.active.iter().chain(&self.over).filter(|o| o.to.is_none_or(|to| to >= from));
        recent.filter(|o| self.rank(o, consumer) < 2).max_by_key(|o| o.from).map(|o| o.fault)
    }

    /// 0: the consumer itself; 1: its links; 2: the cluster; 3: somebody else.
    fn rank(&self, occurrence: &Occurrence, consumer: ConsumerNumber) -> u8 {
        match (occurrence.consumer, self.links.get(occurrence.fault as usize).and_then(Option::as_ref)) {
            (Some(hit), _) if hit == consumer => 0,
            (Some(_), _) => 3,
            (None, Some(links)) if links.consumers.contains(&(consumer as u32)) => 1,
            (None, Some(_)) => 3,
            (None, None) => 2,
        }
    }
}
