//! One run from scenario to outcome.

use crate::analysis::{Analysis, Distributions, Outcome};
use crate::cluster;
use crate::scenario::Scenario;
use crate::trace::{Digest, Observer};

/// Runs a scenario under a seed. `others` see every event too (a trace writer, a log).
///
/// ```
/// use rebalab::analysis::figures::KnownFigures;
/// use rebalab::{experiment, scenario::{NoFiles, load}};
/// let text = r#"{
///     "format_version": 1, "name": "two", "duration": "1m",
///     "cluster": { "topics": [{ "name": "orders", "partitions": 4 }] },
///     "groups": [{ "id": "billing", "consumers": [{ "name": "worker", "count": 2 }] }]
/// }"#;
/// let scenario = load("two.json", text, &NoFiles, &KnownFigures).unwrap();
/// let (outcome, _) = experiment::run(&scenario, 1, &mut []);
/// assert_eq!(outcome.totals.rebalances, 1);
/// ```
pub fn run(scenario: &Scenario, seed: u64, others: &mut [&mut dyn Observer]) -> (Outcome, Distributions) {
    let mut digest = Digest::new(&cluster::directory(scenario));
    let mut analysis = Analysis::new(scenario);
    let mut observers: Vec<&mut dyn Observer> = vec![&mut digest, &mut analysis];
    observers.extend(others.iter_mut().map(|other| &mut **other as &mut dyn Observer));
    cluster::run(scenario, seed, &mut observers);
    analysis.outcome(seed, &digest)
}
