//! The two judgements over the recordings that travel with the project, as `rebalab conform --live` makes them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rebalab::conformance::live::{Measures, RUNS_MAX, Recording, SEEDS_MIN, Verdict, draw, judge, replay};

use super::vectors;

fn replayed(repetitions: &[Recording]) -> Verdict {
    let replay = repetitions.iter().map(|recording| replay(recording, RUNS_MAX).expect("it is modelled")).collect();
    let (client, scenario) = (repetitions[0].client().to_owned(), repetitions[0].scenario.clone());
    Verdict { client, scenario, replay, distribution: Default::default() }
}

/// Recorded values that no run comes near.
fn outside(file: &Path) -> String {
    let repetitions = vectors::recordings(file);
    let runs: Vec<Measures> = (0..SEEDS_MIN).map(|seed| draw(&repetitions, seed).expect("it is modelled")).collect();
    let outside = judge(&repetitions, &runs).outside;
    outside.into_iter().map(|stray| format!("{}: {stray}\n", repetitions[0].scenario)).collect()
}

#[test]
fn a_replay_tells_every_recorded_story_with_its_times() {
    let verdicts: Vec<Verdict> =
        vectors::files("live").par_iter().map(|file| replayed(&vectors::recordings(file))).collect();
    let failed: String =
        verdicts.iter().filter(|verdict| !verdict.replay_passes()).map(|verdict| verdict.to_string()).collect();
    assert!(failed.is_empty(), "{failed}");
    let sum = |of: fn(&Verdict) -> usize| verdicts.iter().map(of).sum::<usize>();
    assert_eq!((verdicts.len(), sum(|verdict| verdict.replay.len())), (64, 135));
    // Most stories hang on no race: nothing had to be searched for.
    assert!(sum(Verdict::told_at_median) >= 120, "{} of 135", sum(Verdict::told_at_median));
}

/// Batches that overrun the poll interval come back to their next owners again and again: which of 24 members is evicted
/// hangs on single records, and a recording of three minutes of it is not told alike (docs/live-conformance.md).
const CHAOS: &str = "s7-tail-evict";

fn at_scale(wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut files = vectors::files("live-scale");
    files.retain(|file| wanted(&file.file_name().expect("a file").to_string_lossy()));
    files
}

#[test]
fn a_replay_at_scale_tells_every_story_but_the_two_of_batches_that_overrun_again_and_again() {
    let verdicts: Vec<Verdict> =
        at_scale(|name| !name.starts_with(CHAOS)).par_iter().map(|file| replayed(&vectors::recordings(file))).collect();
    let failed: String =
        verdicts.iter().filter(|verdict| !verdict.replay_passes()).map(|verdict| verdict.to_string()).collect();
    assert!(failed.is_empty(), "{failed}");
    assert_eq!(verdicts.len(), 12);
}

/// Of each kind of fault one; `rebalab conform --live tests/vectors/live-scale` judges all.
#[test]
fn values_recorded_at_scale_lie_among_those_of_runs_without_the_recordings_inputs() {
    let outside: String = at_scale(|name| {
        ["s2-join-range", "s3-crash-range", "s7-tail-evict-range"].iter().any(|of| name.starts_with(of))
    })
    .par_iter()
    .map(|file| outside(file))
    .collect();
    assert!(outside.is_empty(), "{outside}");
}

#[test]
fn recorded_values_lie_among_those_of_runs_without_the_recordings_inputs() {
    let outside: String = vectors::files("live").par_iter().map(|file| outside(file)).collect();
    assert!(outside.is_empty(), "{outside}");
}

/// Replays of other libraries that are not told, or not with their times, and why: docs/clients.md, "What is not reached".
/// Some of them pass when the same races fall otherwise.
const CLIENTS_NOT_REACHED: [&str; 5] = [
    "barrier-75000/sarama",
    "barrier-8000/sarama-coop",
    "pause-8000/kafka-go",
    "pause-8000/kafka-python",
    "rolling-3/sarama-coop",
];

#[test]
fn replays_of_other_libraries_tell_every_story_but_those_that_are_explained() {
    let mut scenarios: BTreeMap<String, Vec<Recording>> = BTreeMap::new();
    let recordings = vectors::files("live-clients").into_iter().flat_map(|file| vectors::recordings(&file));
    for recording in recordings.filter(|recording| !recording.uses_consumer_protocol()) {
        scenarios.entry(recording.scenario.clone()).or_default().push(recording);
    }
    assert_eq!(scenarios.len(), 178);
    scenarios.retain(|name, _| !CLIENTS_NOT_REACHED.contains(&name.as_str()));
    let scenarios: Vec<Vec<Recording>> = scenarios.into_values().collect();
    let verdicts: Vec<Verdict> = scenarios.par_iter().map(|repetitions| replayed(repetitions)).collect();
    let failed: String =
        verdicts.iter().filter(|verdict| !verdict.replay_passes()).map(|verdict| verdict.to_string()).collect();
    assert!(failed.is_empty(), "{failed}");
}

/// A judgement that could not fail would be worth nothing.
#[test]
fn a_story_under_another_setting_is_told_apart() {
    let recording = vectors::recordings(&vectors::files("live")[0]).swap_remove(0);
    let mut other = recording.clone();
    other.broker.insert("group.initial.rebalance.delay.ms".into(), "1500".into());
    assert!(replay(&recording, 0).expect("it is modelled").is_whole());
    let replayed = replay(&other, 3).expect("it is modelled");
    assert!(!replayed.is_whole());
    assert!(replayed.outside().any(|quantity| quantity.name == "rebalance 1 join phase"));
}

/// Nor would a search among races that finds every story.
#[test]
fn no_race_makes_up_for_another_setting() {
    let file = at_scale(|name| name.starts_with("s7-tail-heavy-coop")).swap_remove(0);
    let recording = vectors::recordings(&file).swap_remove(0);
    assert!(replay(&recording, 20).expect("it is modelled").is_told());
    let mut other = recording.clone();
    for member in other.members.values_mut() {
        member.client.insert("max.poll.records".into(), "30".into());
    }
    assert!(!replay(&other, 20).expect("it is modelled").is_told());
}
