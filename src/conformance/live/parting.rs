//! When each member of a simulated run first goes another way than in the recording.

use indexmap::IndexMap;

use super::compare::Tolerance;
use super::recording::Name;
use super::said::Said;
use super::timeline::{Deed, Moment, Timeline};
use crate::engine::Millis;

/// For each member the first time at which it does something else than in the recording, or at another time after what
/// it did last; [`Millis`]'s greatest value for members that never do.
pub(super) fn partings<'a>(
    recorded: &'a Timeline,
    simulated: &'a Timeline,
    tolerance: Tolerance,
) -> IndexMap<&'a Name, Millis> {
    let nothing = Way::default();
    let simulated = ways(simulated);
    let recorded = ways(recorded).into_iter();
    recorded.map(|(name, way)| (name, way.parts_from(simulated.get(name).unwrap_or(&nothing), tolerance))).collect()
}

type Steps<'a> = Vec<(Millis, &'a Moment)>;

/// What one member does from its first join on. How it started up is an input of a replay, and which heartbeat tells it
/// of a rebalance before its batch ends changes nothing.
#[derive(Default)]
struct Way<'a> {
    steps: Steps<'a>,
    /// Equal ones in a row count once, whatever lies between them: a recording at scale tells them once.
    exceptions: Steps<'a>,
}

/// The ways of all members.
fn ways(timeline: &Timeline) -> IndexMap<&Name, Way<'_>> {
    let mut ways: IndexMap<&Name, Way<'_>> = timeline.deeds().map(|(_, name, _)| (name, Way::default())).collect();
    for entry in &timeline.entries {
        let way = match &entry.what {
            Moment::Consumer(name, _) => ways.get_mut(name),
            Moment::Coordinator(Said::Failed { member } | Said::Left { member, .. }) => {
                ways.get_mut(&Name::from(member.as_str()))
            }
            Moment::Coordinator(_) => None,
        };
        if let Some(way) = way {
            way.take(entry.at, &entry.what);
        }
    }
    ways
}

impl<'a> Way<'a> {
    fn take(&mut self, at: Millis, what: &'a Moment) {
        let steps = match what {
            Moment::Consumer(_, Deed::Joined { generation: Some(_), .. }) => &mut self.steps,
            _ if self.steps.is_empty() => return,
            Moment::Consumer(_, Deed::JoinSent | Deed::Callback(..)) | Moment::Coordinator(_) => &mut self.steps,
            Moment::Consumer(_, Deed::Exception { .. }) => &mut self.exceptions,
            Moment::Consumer(..) => return,
        };
        let is_exception = matches!(what, Moment::Consumer(_, Deed::Exception { .. }));
        if !is_exception || steps.last().is_none_or(|(_, last)| !is_same(last, what)) {
            steps.push((at, what));
        }
    }

    fn parts_from(&self, other: &Way<'_>, tolerance: Tolerance) -> Millis {
        let steps = parting(&self.steps, &other.steps, tolerance);
        steps.min(parting(&self.exceptions, &other.exceptions, tolerance))
    }
}

fn parting(ours: &Steps<'_>, theirs: &Steps<'_>, tolerance: Tolerance) -> Millis {
    let mut last = (Millis(0), Millis(0));
    for (our, their) in ours.iter().zip(theirs) {
        let recorded_ms = our.0 - last.0;
        let difference = (recorded_ms - (their.0 - last.1)).abs();
        if !is_same(our.1, their.1) || difference > tolerance.of_ms(recorded_ms) {
            return our.0.min(their.0);
        }
        last = (our.0, their.0);
    }
    let longer = if ours.len() > theirs.len() { ours } else { theirs };
    longer.get(ours.len().min(theirs.len())).map_or(Millis(i64::MAX), |next| next.0)
}

/// Member ids are drawn; they tell nothing.
fn is_same(ours: &Moment, theirs: &Moment) -> bool {
    let generation = |moment: &Moment| match moment {
        Moment::Consumer(_, Deed::Joined { generation, .. }) => *generation,
        _ => None,
    };
    ours == theirs || (generation(ours).is_some() && generation(ours) == generation(theirs))
}
