//! Lays two stories side by side: what is told differently, and how far the times are apart.

use std::fmt;

use super::story::{MemberStory, Rebalance, Story};
use crate::client::Callback;
use crate::engine::Millis;

/// Something that the recorded story and the simulated one tell differently.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoryDifference {
    /// What it is about, for example `rebalance 2`.
    pub about: String,
    /// As recorded.
    pub recorded: String,
    /// As simulated.
    pub simulated: String,
    /// When the first of the two happened.
    pub at: Millis,
    /// When it first shows: a rebalance that began alike differs in how it ended.
    pub shows_at: Millis,
}

impl fmt::Display for StoryDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StoryDifference { about, recorded, simulated, at, .. } = self;
        write!(f, "{about} (at {} ms): recorded {recorded}; simulated {simulated}", at.0)
    }
}

/// A time that at least one of the stories knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quantity {
    /// What it is, for example `rebalance 2 join phase`.
    pub name: String,
    /// As recorded, ms.
    pub recorded: Option<i64>,
    /// As simulated, ms.
    pub simulated: Option<i64>,
    /// When it came about, in the one of the two in which it came first.
    pub at: Millis,
}

impl Quantity {
    /// Simulated minus recorded, ms; `None` if only one of them knows it.
    pub fn difference(&self) -> Option<i64> {
        Some(self.simulated? - self.recorded?)
    }

    /// Both know it, and are that close.
    pub fn is_within(&self, tolerance: Tolerance) -> bool {
        let Some(recorded) = self.recorded else { return false };
        self.difference().is_some_and(|difference| difference.abs() <= tolerance.of_ms(recorded))
    }
}

/// How far a simulated time may lie from the recorded one: the larger of two measures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tolerance {
    /// Milliseconds.
    pub ms: i64,
    /// Percent of the recorded time.
    pub percent: i64,
}

impl Tolerance {
    /// Where the machine was quiet.
    pub const QUIET: Tolerance = Tolerance { ms: 150, percent: 0 };
    /// Where it was disturbed.
    pub const NOISY: Tolerance = Tolerance { ms: 300, percent: 0 };
    /// Many members under traffic.
    pub const AT_SCALE: Tolerance = Tolerance { ms: 300, percent: 10 };

    /// For that recorded time, ms.
    pub fn of_ms(self, recorded_ms: i64) -> i64 {
        self.ms.max(recorded_ms.abs() * self.percent / 100)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |side: Option<i64>| side.map_or_else(|| "never".to_owned(), |ms| format!("{ms} ms"));
        write!(f, "{}: recorded {}, simulated {}", self.name, side(self.recorded), side(self.simulated))?;
        self.difference().map_or(Ok(()), |difference| write!(f, " ({difference:+} ms)"))
    }
}

const NOTHING: &str = "nothing";

/// What the two stories tell differently: rebalances with reasons and generations in order, the callbacks and
/// exceptions of each member in its order. Times don't matter here. Sorted by time.
pub fn differences(recorded: &Story, simulated: &Story) -> Vec<StoryDifference> {
    let mut found = Vec::new();
    each_of_both(&recorded.rebalances, &simulated.rebalances, |place, ours, theirs| {
        let about = || format!("rebalance {}", place + 1);
        differ(
            &mut found,
            about,
            rebalance_tells(ours),
            rebalance_tells(theirs),
            |rebalance| rebalance.start,
            (ours, theirs),
        );
    });
    for difference in &mut found {
        difference.shows_at = ending_apart(recorded, simulated, difference.at).unwrap_or(difference.at);
    }
    let names =
        recorded.members.keys().chain(simulated.members.keys().filter(|name| !recorded.members.contains_key(*name)));
    let nobody = MemberStory::default();
    for name in names {
        let ours = recorded.members.get(name).unwrap_or(&nobody);
        let theirs = simulated.members.get(name).unwrap_or(&nobody);
        each_of_both(&ours.callbacks, &theirs.callbacks, |place, ours, theirs| {
            let about = || format!("callback {} of {name}", place + 1);
            differ(&mut found, about, callback_tells(ours), callback_tells(theirs), |call| call.0, (ours, theirs));
        });
        each_of_both(&ours.exceptions, &theirs.exceptions, |place, ours, theirs| {
            let about = || format!("exception {} of {name}", place + 1);
            differ(
                &mut found,
                about,
                exception_tells(ours),
                exception_tells(theirs),
                |thrown| thrown.0,
                (ours, theirs),
            );
        });
    }
    found.sort_by_key(|difference| difference.at);
    found
}

/// When the rebalance that one of the stories has begun at that time ended, if it began alike in the other one.
fn ending_apart(recorded: &Story, simulated: &Story, at: Millis) -> Option<Millis> {
    let mut pairs = recorded.rebalances.iter().zip(&simulated.rebalances);
    let (ours, theirs) = pairs.find(|(ours, theirs)| ours.start.min(theirs.start) == at)?;
    let alike = ours.old_generation == theirs.old_generation && ours.reason == theirs.reason;
    let ends = [ours, theirs].into_iter().filter_map(|rebalance| rebalance.joined.map(|joined| joined.at));
    ends.min().filter(|_| alike)
}

fn each_of_both<T>(ours: &[T], theirs: &[T], mut look: impl FnMut(usize, Option<&T>, Option<&T>)) {
    for place in 0..ours.len().max(theirs.len()) {
        look(place, ours.get(place), theirs.get(place));
    }
}

fn differ<T>(
    found: &mut Vec<StoryDifference>,
    about: impl Fn() -> String,
    recorded: Option<String>,
    simulated: Option<String>,
    at: impl Fn(&T) -> Millis,
    (ours, theirs): (Option<&T>, Option<&T>),
) {
    if recorded == simulated {
        return;
    }
    let Some(at) = ours.into_iter().chain(theirs).map(at).min() else { return };
    found.push(StoryDifference {
        about: about(),
        recorded: recorded.unwrap_or_else(|| NOTHING.into()),
        simulated: simulated.unwrap_or_else(|| NOTHING.into()),
        at,
        shows_at: at,
    });
}

fn rebalance_tells(rebalance: Option<&Rebalance>) -> Option<String> {
    let rebalance = rebalance?;
    let ending = match (rebalance.joined, rebalance.assigned) {
        (None, _) => "without end".to_owned(),
        (Some(joined), None) => format!("generation {} of {}, never assigned", joined.generation, joined.members),
        (Some(joined), Some(_)) => format!("generation {} of {}", joined.generation, joined.members),
    };
    Some(format!("{} -> {ending} ({})", rebalance.old_generation, rebalance.reason))
}

fn callback_tells(call: Option<&(Millis, Callback, Vec<u32>)>) -> Option<String> {
    let (_, callback, partitions) = call?;
    Some(format!("{callback:?} {partitions:?}"))
}

fn exception_tells(thrown: Option<&(Millis, String, String)>) -> Option<String> {
    let (_, place, class) = thrown?;
    Some(format!("{class} out of {place}"))
}

/// Every time that the stories know, under the same name on both sides: rebalance start and end, each member's notice,
/// detection, each callback and exception, unavailable time per partition.
///
/// A time counts from what it follows (the start of its rebalance, the end of the join phase, the leader's assignment),
/// else from the reference, so that one late heartbeat counts where it was late and not in everything that comes after.
pub fn quantities(recorded: &Story, simulated: &Story) -> Vec<Quantity> {
    let mut sheet = Sheet { recorded, simulated, all: Vec::new() };
    let longer = recorded.rebalances.len().max(simulated.rebalances.len());
    for place in 0..longer {
        sheet.rebalance(place);
    }
    sheet.add("detected".into(), Base::Reference, recorded.detected, simulated.detected);
    for (name, ours) in &recorded.members {
        let Some(theirs) = simulated.members.get(name) else { continue };
        each_of_both(&ours.callbacks, &theirs.callbacks, |place, ours, theirs| {
            let base = ours.map_or(Base::Reference, |call| base_of(recorded, call.0));
            sheet.add(format!("callback {} of {name}", place + 1), base, ours.map(|o| o.0), theirs.map(|t| t.0));
        });
        each_of_both(&ours.exceptions, &theirs.exceptions, |place, ours, theirs| {
            let base = ours.map_or(Base::Reference, |thrown| base_of(recorded, thrown.0));
            sheet.add(format!("exception {} of {name}", place + 1), base, ours.map(|o| o.0), theirs.map(|t| t.0));
        });
    }
    sheet.unavailable_times();
    sheet.all
}

/// What a time counts from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Base {
    Reference,
    /// Start of the rebalance at this place.
    Start(usize),
    /// End of its join phase.
    Joined(usize),
    /// Its assignment.
    Assigned(usize),
}

/// The last thing that a coordinator told before an instant.
fn base_of(story: &Story, at: Millis) -> Base {
    let place = story.rebalances.partition_point(|rebalance| rebalance.start <= at);
    let Some(place) = place.checked_sub(1) else { return Base::Reference };
    let rebalance = &story.rebalances[place];
    if rebalance.assigned.is_some_and(|assigned| assigned <= at) {
        Base::Assigned(place)
    } else if rebalance.joined.is_some_and(|joined| joined.at <= at) {
        Base::Joined(place)
    } else {
        Base::Start(place)
    }
}

/// When that was in a story.
fn time_of(story: &Story, base: Base) -> Option<Millis> {
    match base {
        Base::Reference => Some(story.reference),
        Base::Start(place) => Some(story.rebalances.get(place)?.start),
        Base::Joined(place) => Some(story.rebalances.get(place)?.joined?.at),
        Base::Assigned(place) => story.rebalances.get(place)?.assigned,
    }
}

struct Sheet<'a> {
    recorded: &'a Story,
    simulated: &'a Story,
    all: Vec<Quantity>,
}

impl Sheet<'_> {
    fn add(&mut self, name: String, base: Base, ours: Option<Millis>, theirs: Option<Millis>) {
        let Some(at) = ours.into_iter().chain(theirs).min() else { return };
        let recorded = ours.and_then(|ours| Some(ours - time_of(self.recorded, base)?));
        let simulated = theirs.and_then(|theirs| Some(theirs - time_of(self.simulated, base)?));
        self.all.push(Quantity { name, recorded, simulated, at });
    }

    fn rebalance(&mut self, place: usize) {
        let (ours, theirs) = (self.recorded.rebalances.get(place), self.simulated.rebalances.get(place));
        let both = |of: fn(&Rebalance) -> Option<Millis>| (ours.and_then(of), theirs.and_then(of));
        let about = format!("rebalance {}", place + 1);
        let (ours_at, theirs_at) = both(|rebalance| Some(rebalance.start));
        self.add(format!("{about} start"), Base::Reference, ours_at, theirs_at);
        let (ours_at, theirs_at) = both(|rebalance| rebalance.joined.map(|joined| joined.at));
        self.add(format!("{about} join phase"), Base::Start(place), ours_at, theirs_at);
        let (ours_at, theirs_at) = both(|rebalance| rebalance.assigned);
        self.add(format!("{about} sync phase"), Base::Joined(place), ours_at, theirs_at);
        let nobody = indexmap::IndexMap::new();
        let ours = ours.map_or(&nobody, |rebalance| &rebalance.notices);
        let theirs = theirs.map_or(&nobody, |rebalance| &rebalance.notices);
        for name in ours.keys().chain(theirs.keys().filter(|name| !ours.contains_key(*name))) {
            let (ours, theirs) = (ours.get(name).copied(), theirs.get(name).copied());
            self.add(format!("{about} noticed by {name}"), Base::Start(place), ours, theirs);
        }
    }

    fn unavailable_times(&mut self) {
        let (ours, theirs) = (&self.recorded.ownership.unavailable_ms, &self.simulated.ownership.unavailable_ms);
        let mut numbers: Vec<u32> = ours.keys().chain(theirs.keys()).copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        let at = self.recorded.settled.into_iter().chain(self.simulated.settled).min().unwrap_or_default();
        for number in numbers {
            self.all.push(Quantity {
                name: format!("unavailable time of partition {number}"),
                recorded: Some(ours.get(&number).copied().unwrap_or(0)),
                simulated: Some(theirs.get(&number).copied().unwrap_or(0)),
                at,
            });
        }
    }
}
