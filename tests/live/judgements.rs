//! The two judgements over the recordings that travel with the project, as `rebalab conform --live` makes them.

use rayon::prelude::*;
use rebalab::conformance::live::{Measures, RUNS_MAX, Recording, SEEDS_MIN, Verdict, draw, judge, replay};

use super::vectors;

fn replayed(repetitions: &[Recording]) -> Verdict {
    let replay = repetitions.iter().map(|recording| replay(recording, RUNS_MAX).expect("it is modelled")).collect();
    let (client, scenario) = (repetitions[0].client().to_owned(), repetitions[0].scenario.clone());
    Verdict { client, scenario, replay, distribution: Default::default() }
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

#[test]
fn recorded_values_lie_among_those_of_runs_without_the_recordings_inputs() {
    let judged = |file: &std::path::PathBuf| {
        let repetitions = vectors::recordings(file);
        let runs: Vec<Measures> =
            (0..SEEDS_MIN).map(|seed| draw(&repetitions, seed).expect("it is modelled")).collect();
        let outside = judge(&repetitions, &runs).outside;
        outside.into_iter().map(|stray| format!("{}: {stray}\n", repetitions[0].scenario)).collect::<String>()
    };
    let outside: String = vectors::files("live").par_iter().map(judged).collect();
    assert!(outside.is_empty(), "{outside}");
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
