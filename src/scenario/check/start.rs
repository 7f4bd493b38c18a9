//! Start schedules: when each consumer starts, with entries that wait for others.

use super::Checker;
use super::consumers::Named;
use crate::engine::{SimDuration, SimTime};
use crate::scenario::file::{ConsumerEntry, Span};
use crate::scenario::text::Place;

/// Where an entry stands in the file: group, position within the group.
pub(super) type EntryAt = (usize, usize);

/// How far the schedule of an entry has been worked out.
#[derive(Clone, Copy, PartialEq)]
enum Progress {
    Open,
    UnderWay,
    /// Start of the entry's first consumer.
    Known(SimTime),
}

/// Works out the start of every entry's first consumer; the others follow one `every` apart.
pub(super) struct Schedule<'s> {
    /// All entries, in order.
    entries: Vec<(EntryAt, &'s ConsumerEntry)>,
    names: &'s [Named],
    progress: Vec<Progress>,
}

impl<'s> Schedule<'s> {
    pub fn new(entries: Vec<(EntryAt, &'s ConsumerEntry)>, names: &'s [Named]) -> Self {
        let progress = vec![Progress::Open; entries.len()];
        Schedule { entries, names, progress }
    }

    /// Start of the first consumer of each entry; [`SimTime::MAX`] for those that are held.
    pub fn resolve(mut self, checker: &mut Checker<'_>, groups: &Place<'_>) -> Vec<SimTime> {
        (0..self.entries.len())
            .map(|entry| {
                let first = self.first_start(checker, groups, entry);
                self.check_bounds(checker, groups, entry, first);
                first
            })
            .collect()
    }

    fn first_start(&mut self, checker: &mut Checker<'_>, groups: &Place<'_>, entry: usize) -> SimTime {
        match self.progress[entry] {
            Progress::Known(start) => return start,
            Progress::UnderWay => {
                let name = self.entries[entry].1.start.after.clone().unwrap_or_default();
                with_start(groups, self.entries[entry].0, |place| {
                    checker.problem(
                        &place.key("after"),
                        format!("the start schedule goes in a circle through `{name}`"),
                        "let one of them start at a time of its own",
                    );
                });
                return SimTime::ZERO;
            }
            Progress::Open => self.progress[entry] = Progress::UnderWay,
        }
        let start = &self.entries[entry].1.start;
        let first = if start.held {
            SimTime::MAX
        } else {
            match &start.after {
                None => SimTime::ZERO + start.at.0,
                Some(name) => self.start_of(checker, groups, entry, name) + start.at.0,
            }
        };
        self.progress[entry] = Progress::Known(first);
        first
    }

    /// Start of the consumer called `name`, or of the last consumer of the entry called so.
    fn start_of(&mut self, checker: &mut Checker<'_>, groups: &Place<'_>, entry: usize, name: &str) -> SimTime {
        let after = |checker: &mut Checker<'_>, message: String, help: String| {
            with_start(groups, self.entries[entry].0, |place| checker.problem(&place.key("after"), message, help));
        };
        let of_entry = self.entries.iter().position(|(_, other)| other.name == name);
        let of_consumer = self.names.iter().find(|named| *named.name == *name);
        let Some((target, steps)) = of_consumer
            .map(|named| (named.entry, named.number))
            .or(of_entry.map(|target| (target, self.entries[target].1.count.unwrap_or(1).saturating_sub(1))))
        else {
            let known: Vec<&str> = self.entries.iter().map(|(_, entry)| entry.name.as_str()).collect();
            let advice = crate::protocol::config::nearest::advice(name, &known);
            after(checker, format!("there is no consumer `{name}`"), advice);
            return SimTime::ZERO;
        };
        if self.entries[target].1.start.held {
            let help = "count from a consumer that starts by itself".to_string();
            after(checker, format!("the start of `{name}` is held, nothing can count from it"), help);
            return SimTime::ZERO;
        }
        let first = self.first_start(checker, groups, target);
        first + self.entries[target].1.start.every.0 * u64::from(steps)
    }

    fn check_bounds(&self, checker: &mut Checker<'_>, groups: &Place<'_>, entry: usize, first: SimTime) {
        let (at, typed) = self.entries[entry];
        let start = &typed.start;
        if start.held {
            if start.after.is_some() || start.at != Span::default() || start.every != Span::default() {
                with_start(groups, at, |place| {
                    checker.problem(
                        &place.key("held"),
                        "a start that is held has no time of its own",
                        "leave out `at`, `every` and `after`, or `held`",
                    );
                });
            }
            return;
        }
        let named = self.names.iter().any(|named| named.entry == entry);
        let last = first + start.every.0 * u64::from(typed.count.unwrap_or(1).saturating_sub(1));
        if named && last >= SimTime::ZERO + checker.duration {
            let message =
                format!("the last consumer of this schedule starts at {}, after the end", Span(SimDuration(last.0)));
            let help = format!("the run lasts {}", Span(checker.duration));
            with_start(groups, at, |place| checker.problem(place, message, help));
        }
    }
}

/// Calls `then` with the place of an entry's `start`.
fn with_start(groups: &Place<'_>, (group, entry): EntryAt, then: impl FnOnce(&Place<'_>)) {
    then(&groups.index(group).key("consumers").index(entry).key("start"));
}
