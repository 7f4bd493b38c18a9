//! Replays recordings of the classic group coordinator and its offsets, step by step, through the same
//! [`Shard`](crate::coordinator::Shard) that the simulation uses.
//!
//! Compared after every step: member ids that were made (with their prefixes), records with all fields and offsets, answers with
//! all fields in order of completion, what the operation waits for, every group with all fields and its members in order, every
//! armed timer with its deadline, all offsets (where recorded), and whether the coordinator met an unexpected state. At the end of
//! a case: which requests were never answered.
//!
//! Not compared: `seed`, `kafka`, `tags`, `title`, `statements` and `blobs` (for readers only); the class of an unexpected
//! exception (there is one kind of unexpected state here; that it occurs is compared); `require_known_member_id` and
//! `skip_assignment` (they follow from the request's version). The order of topics and partitions in an answer with all
//! offsets of a group, and of tombstones, is that of Kafka's timeline maps. It is compared but in two situations, where
//! they are compared as sets: in a read of the committed state while newer records are uncommitted, and once a local
//! append failed in the case (those maps keep traces of what was reverted: entries move, and the committed state lists them
//! twice). The shard's own write timeout
//! stands for Kafka's timers of single operations, which the recordings do not list as timers.

mod input;
mod show;
mod world;

use serde::Deserialize;
use serde_json::Value;

use super::case::{CaseReport, Divergence, Transcript};
use super::difference::{Difference, compare_json};
use input::{Case, Step};
use world::World;

/// True for the cases that [`replay`] understands.
pub fn is_coordinator_case(case: &Value) -> bool {
    ["steps", "release", "config", "initial_timers"].iter().all(|field| case.get(field).is_some())
}

/// Replays a case; stops at the first step that differs.
///
/// # Errors
/// A sentence about what is wrong with the case itself, if it is damaged.
pub fn replay(name: String, case: &Value, show: bool) -> Result<CaseReport, String> {
    let case = Case::deserialize(case).map_err(|error| format!("not a coordinator case: {error}"))?;
    let mut world = World::new(&case)?;
    let mut transcript = Transcript::new(show);
    let mut differences = Vec::new();
    compare_json(&mut differences, "initial_timers", &world.expected_timers(), &world.actual_timers());
    let mut divergence = diverges(None, "the start of the case", differences);
    let mut steps = 0;
    for (number, step) in case.steps.iter().enumerate() {
        if divergence.is_some() {
            break;
        }
        let at = |error| format!("step {number}: {error}");
        let step = Step::deserialize(step).map_err(|error| format!("step {number}: {error}"))?;
        let (expected, actual) = world.step(&step).map_err(at)?;
        let mut differences = Vec::new();
        compare_json(&mut differences, "", &expected, &actual);
        let input = || format!("at {} ms: {}", step.at, step.input);
        transcript.push(number, input, || world.describe(&actual));
        divergence = diverges(Some(number), &input(), differences);
        steps += 1;
    }
    if divergence.is_none() {
        let mut differences = Vec::new();
        compare_json(&mut differences, "unanswered", &case.unanswered.into(), &world.unanswered());
        divergence = diverges(None, "the end of the case", differences);
    }
    Ok(CaseReport { case: name, steps, divergence, transcript: transcript.into_steps() })
}

fn diverges(step: Option<usize>, input: &str, differences: Vec<Difference>) -> Option<Divergence> {
    (!differences.is_empty()).then(|| Divergence { step, input: input.to_owned(), differences })
}
