//! When each member of a simulated run first goes another way than in the recording.
//!
//! A member goes its way by what it does itself: it ends a batch and joins, it leaves, it gives partitions up, it fails.
//! What it is told (the end of a join phase, an assignment) is the doing of others, whenever it comes.

use indexmap::IndexMap;

use super::compare::Tolerance;
use super::recording::Name;
use super::said::Said;
use super::timeline::{Deed, Moment, Timeline};
use crate::client::Callback;
use crate::engine::Millis;

/// Something that a member does otherwise than in the recording.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Parting {
    /// When, in the recording.
    pub at: Millis,
    /// It does something else, or at another time beyond the tolerance, and what follows tells nothing any more. If not, it
    /// does the same a little early or late, after which it may have taken other records, or not.
    pub is_final: bool,
}

/// For each member what it does otherwise than in the recording, counted from what happened to it last, up to the first
/// final one.
///
/// `tolerance` is that of times. What a member does at the end of a batch or of its poll interval may be `batch_ms` early or
/// late without having taken other records.
pub(super) fn partings<'a>(
    recorded: &'a Timeline,
    simulated: &'a Timeline,
    tolerance: Tolerance,
    batch_ms: i64,
) -> IndexMap<&'a Name, Vec<Parting>> {
    let nothing = Way::default();
    let simulated = ways(simulated);
    let recorded = ways(recorded).into_iter();
    let parting =
        |way: &Way<'a>, name: &Name| way.parts_from(simulated.get(name).unwrap_or(&nothing), tolerance, batch_ms);
    recorded.map(|(name, way)| (name, parting(&way, name))).collect()
}

/// Who does something within so long after a heartbeat told it of a rebalance did it because of that, ms.
const PROMPT_MS: i64 = 20;

/// One thing that a member does or is told.
struct Step<'a> {
    at: Millis,
    what: &'a Moment,
    /// A heartbeat had told it of a rebalance just before.
    prompt: bool,
}

type Steps<'a> = Vec<Step<'a>>;

/// What one member does from its first join on. How it started up is an input of a replay, and which heartbeat tells it
/// of a rebalance before its batch ends changes nothing.
#[derive(Default)]
struct Way<'a> {
    steps: Steps<'a>,
    /// Equal ones in a row count once, whatever lies between them: a recording at scale tells them once.
    exceptions: Steps<'a>,
    /// When a heartbeat last told it of a rebalance.
    noticed: Option<Millis>,
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
            Moment::Consumer(_, Deed::Noticed) => {
                self.noticed = Some(at);
                return;
            }
            Moment::Consumer(..) => return,
        };
        let is_exception = matches!(what, Moment::Consumer(_, Deed::Exception { .. }));
        if !is_exception || steps.last().is_none_or(|last| !is_same(last.what, what)) {
            let prompt = self.noticed.is_some_and(|noticed| at - noticed <= PROMPT_MS);
            steps.push(Step { at, what, prompt });
        }
    }

    fn parts_from(&self, other: &Way<'_>, tolerance: Tolerance, batch_ms: i64) -> Vec<Parting> {
        let mut all = parting(&self.steps, &other.steps, tolerance, batch_ms);
        all.extend(parting(&self.exceptions, &other.exceptions, tolerance, i64::MAX));
        all.sort_unstable();
        let first_final = all.iter().position(|parting| parting.is_final);
        all.truncate(first_final.map_or(all.len(), |place| place + 1));
        all
    }
}

fn parting(ours: &Steps<'_>, theirs: &Steps<'_>, tolerance: Tolerance, batch_ms: i64) -> Vec<Parting> {
    let mut all = Vec::new();
    let mut last = (Millis(0), Millis(0));
    for (our, their) in ours.iter().zip(theirs) {
        let recorded_ms = our.at - last.0;
        let difference = (recorded_ms - (their.at - last.1)).abs();
        let is_own = !is_told(our.what);
        let is_final = !is_same(our.what, their.what) || is_own && difference > tolerance.of_ms(recorded_ms);
        if is_final || is_own && difference > batch_ms && !(our.prompt && their.prompt) {
            all.push(Parting { at: our.at, is_final });
        }
        if is_final {
            return all;
        }
        last = (our.at, their.at);
    }
    let longer = if ours.len() > theirs.len() { ours } else { theirs };
    let next = longer.get(ours.len().min(theirs.len()));
    all.extend(next.map(|next| Parting { at: next.at, is_final: true }));
    all
}

/// It is not the member's own doing.
fn is_told(what: &Moment) -> bool {
    matches!(
        what,
        Moment::Consumer(_, Deed::Joined { .. } | Deed::Callback(Callback::Assigned, _))
            | Moment::Coordinator(Said::Failed { .. })
    )
}

/// Member ids are drawn; they tell nothing.
fn is_same(ours: &Moment, theirs: &Moment) -> bool {
    let generation = |moment: &Moment| match moment {
        Moment::Consumer(_, Deed::Joined { generation, .. }) => *generation,
        _ => None,
    };
    ours == theirs || (generation(ours).is_some() && generation(ours) == generation(theirs))
}
