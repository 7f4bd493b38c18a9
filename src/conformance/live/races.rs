//! Solves the races of a long recording one after another.
//!
//! Whether a record at the edge of a burst of arrivals falls to the one or the other poll is a race within the noise
//! floor; a recording of many members over minutes has dozens of them, too many to be won all at once by a draw. But they
//! come one after another, and each belongs to one member. So the search goes along the recording, depth first: it keeps
//! the costs of the run that tells the story longest, and draws anew only those of the members that go another way next,
//! from a little before they do. A run that tells the story longer is the next to go on from; if many in a row don't, what
//! was drawn last led into a dead end (an earlier batch that ended a little differently), and the search goes back to the run
//! before it. Everybody's costs come from the noise floor at any time; what is searched is only which way a race falls.

use std::collections::BTreeSet;

use super::compare::StoryDifference;
use super::parting::Parting;
use super::recording::Recording;
use super::replay::{RUNS_FROM_THE_START, Replayed};
use crate::cluster::Reseed;
use crate::engine::{Millis, RandomStream, SimTime};

/// Members that go another way within so long after the first one are drawn anew together: each by its own race.
const TOGETHER_MS: i64 = 15_000;

/// Runs from one point without any progress after which the search goes back to the point before it.
const FRUITLESS_RUNS: u64 = 60;

/// After so many it takes a time that is only a little off for what it is.
const PATIENCE: u64 = 25;

/// A search among the races of a recording.
pub(super) struct Races<'a> {
    recording: &'a Recording,
    choices: RandomStream,
    /// The runs that lead to the best one, each telling the story longer than the one before it.
    path: Vec<Point>,
    /// Times a little off, by member, that are taken for what they are: no other records followed from them, or no costs
    /// were found under which it is otherwise.
    excused: BTreeSet<(u32, Millis)>,
}

/// A run to go on from.
struct Point {
    run: Replayed,
    /// What each member does otherwise, by index.
    partings: Vec<(u32, Vec<Parting>)>,
    /// Runs in a row from here that told the story no longer.
    fruitless: u64,
}

impl Point {
    fn new(recording: &Recording, run: Replayed) -> Self {
        let partings = run
            .partings()
            .into_iter()
            .filter_map(|(name, partings)| Some((recording.members.get_index_of(name)? as u32, partings)));
        let partings = partings.filter(|(_, partings)| !partings.is_empty()).collect();
        Point { run, partings, fruitless: 0 }
    }

    /// What counts of what members do otherwise, the first one first.
    fn next(&self, excused: &BTreeSet<(u32, Millis)>) -> Vec<(Millis, u32, bool)> {
        let counts = |member: u32, parting: &&Parting| parting.is_final || !excused.contains(&(member, parting.at));
        let mut next: Vec<_> = self
            .partings
            .iter()
            .filter_map(|(member, partings)| {
                let first = partings.iter().find(|parting| counts(*member, parting))?;
                Some((first.at, *member, first.is_final))
            })
            .collect();
        next.sort_unstable();
        next
    }

    /// Until when everything goes as recorded.
    fn front(&self, excused: &BTreeSet<(u32, Millis)>) -> Millis {
        let told = self.run.differences.iter().map(|difference| difference.shows_at).min();
        let first = self.next(excused).first().map(|(at, ..)| *at);
        told.into_iter().chain(first).min().unwrap_or(Millis(i64::MAX))
    }
}

impl<'a> Races<'a> {
    /// A search from the start on.
    pub(super) fn new(recording: &'a Recording) -> Self {
        let choices = RandomStream::new(0, &recording.scenario, "races one by one");
        Races { recording, choices, path: Vec::new(), excused: BTreeSet::new() }
    }

    /// Makes at most so many runs; gives the best one.
    pub(super) fn solve(mut self, attempt: impl Fn(Vec<Reseed>) -> Replayed, runs_max: u64) -> Replayed {
        let mut runs = RUNS_FROM_THE_START.min(runs_max);
        let from_the_start = (1..=runs).map(|seed| {
            let tried = attempt(vec![Reseed { at: SimTime::ZERO, consumer: None, seed }]);
            Point::new(self.recording, Replayed { runs: seed, ..tried })
        });
        self.path.extend(from_the_start.max_by_key(|point| point.front(&self.excused)));
        while runs < runs_max && !self.last().run.is_told() {
            let first = self.last().next(&self.excused).first().copied();
            let front = self.last().front(&self.excused);
            if self.last().fruitless >= PATIENCE
                && let Some((at, member, false)) = first
                && at == front
            {
                self.excused.insert((member, at));
                self.last_mut().fruitless = 0;
                continue;
            }
            if self.last().fruitless >= FRUITLESS_RUNS && self.path.len() > 1 {
                self.path.pop();
                self.last_mut().fruitless += PATIENCE / 2;
                continue;
            }
            let changes = self.changes(runs + 1);
            let mut tried = self.attempt(&attempt, &changes, &mut runs);
            let winners = self.winners(&changes, &tried);
            if tried.front(&self.excused) <= front && !winners.is_empty() && winners.len() < changes.len() {
                // Each race is its member's own: those that were won count, whatever the others did.
                tried = self.attempt(&attempt, &winners, &mut runs);
            }
            let (next, last) = (tried.front(&self.excused), self.last());
            let fewer = next == front && tried.next(&self.excused).len() < last.next(&self.excused).len();
            if next > front || tried.run.is_told() {
                self.path.push(tried);
            } else {
                let fruitless = last.fruitless + 1;
                if fewer {
                    *self.last_mut() = tried;
                }
                self.last_mut().fruitless = fruitless;
            }
        }
        self.path.pop().expect("there is always one to go on from").run
    }

    fn last(&self) -> &Point {
        self.path.last().expect("there is always one to go on from")
    }

    fn last_mut(&mut self) -> &mut Point {
        self.path.last_mut().expect("there is always one to go on from")
    }

    fn attempt(&self, attempt: impl Fn(Vec<Reseed>) -> Replayed, changes: &[Reseed], runs: &mut u64) -> Point {
        *runs += 1;
        let tried = attempt(with(&self.last().run.costs, changes));
        Point::new(self.recording, Replayed { runs: *runs, ..tried })
    }

    /// The changes whose member goes the recorded way longer with them.
    fn winners(&self, changes: &[Reseed], tried: &Point) -> Vec<Reseed> {
        let way = |point: &Point, member: Option<u32>| {
            let next = point.next(&self.excused);
            next.iter().find(|(_, index, _)| Some(*index) == member).map_or(Millis(i64::MAX), |(at, ..)| *at)
        };
        let won = |change: &&Reseed| way(tried, change.consumer) > way(self.last(), change.consumer);
        changes.iter().filter(won).copied().collect()
    }

    /// Other costs for those who go another way next.
    fn changes(&mut self, seed: u64) -> Vec<Reseed> {
        let point = self.path.last().expect("there is always one to go on from");
        let front = point.front(&self.excused);
        let mut changes = Vec::new();
        let mut next = point.next(&self.excused);
        // Who came first of two, for example: nobody's way shows it, but it is told who they are.
        if let Some(difference) = point.run.differences.iter().find(|difference| difference.shows_at == front)
            && next.first().is_none_or(|(at, ..)| *at > front)
        {
            let StoryDifference { about, recorded, simulated, .. } = difference;
            let named = named(self.recording, &[about, recorded, simulated]);
            next.splice(..0, named.into_iter().map(|member| (front, member, true)));
        }
        for (at, member, _) in next {
            if at - front > TOGETHER_MS {
                break;
            }
            // The first one always.
            if !changes.is_empty() && self.choices.next_f64() < 0.3 {
                continue;
            }
            let share = self.choices.next_f64();
            let back = (share * share * 20_000.0 * (1.0 + point.fruitless as f64 / 10.0)) as i64;
            let at = Millis((at.0 - 20 - back).max(1)).sim_time();
            changes.push(Reseed { at, consumer: Some(member), seed });
        }
        if changes.is_empty() {
            // A difference of the group that no member's way shows: any member's.
            let member = self.choices.below(self.recording.members.len() as u64) as u32;
            let back = (self.choices.next_f64() * 15_000.0) as i64;
            let at = Millis((front.0 - 20 - back).max(1)).sim_time();
            changes.push(Reseed { at, consumer: Some(member), seed });
        }
        changes
    }
}

/// The members that these texts name.
pub(super) fn named(recording: &Recording, texts: &[&str]) -> BTreeSet<u32> {
    let words = texts.iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    words.filter_map(|word| recording.members.get_index_of(word)).map(|index| index as u32).collect()
}

/// Costs with changes: what a change replaces, its member's or everybody's, is dropped.
pub(super) fn with(costs: &[Reseed], changes: &[Reseed]) -> Vec<Reseed> {
    let meant = |change: &Reseed, cost: &Reseed| change.consumer.is_none() || change.consumer == cost.consumer;
    let replaced = |cost: &&Reseed| changes.iter().any(|change| meant(change, cost) && change.at <= cost.at);
    let mut all: Vec<Reseed> = costs.iter().filter(|cost| !replaced(cost)).chain(changes).copied().collect();
    all.sort_by_key(|cost| cost.at);
    all
}
