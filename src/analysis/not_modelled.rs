//! What a run met that is not modelled: known from the scenario, or only seen in the course of the run.

use std::collections::BTreeMap;

use crate::analysis::facts::Facts;
use crate::analysis::outcome::NotModelled;
use crate::engine::SimTime;
use crate::protocol::ErrorCode;

/// Libraries that were never seen to be answered ILLEGAL_GENERATION, so that what they do then is not known.
const ILLEGAL_GENERATION_UNKNOWN: [&str; 4] = ["aiokafka", "kafka-python", "librdkafka", "sarama"];

/// Watches for what is not modelled.
#[derive(Default)]
pub(super) struct Unmodelled {
    /// By client: the first consumer with such an answer, when, and how many there were.
    illegal_generation: BTreeMap<String, (String, SimTime, u64)>,
}

impl Unmodelled {
    /// An answer was handled.
    #[inline]
    pub fn response(&mut self, facts: &Facts<'_>, consumer: usize, error: ErrorCode) {
        if error == ErrorCode::IllegalGeneration {
            self.illegal_generation(facts, consumer);
        }
    }

    fn illegal_generation(&mut self, facts: &Facts<'_>, consumer: usize) {
        let client = &facts.consumers[consumer].settings.client;
        if ILLEGAL_GENERATION_UNKNOWN.iter().any(|library| client.starts_with(library)) {
            let first = || (facts.name(consumer), facts.now, 0);
            self.illegal_generation.entry(client.to_string()).or_insert_with(first).2 += 1;
        }
    }

    /// Everything that the report has to say.
    pub fn outcomes(&self, facts: &Facts<'_>) -> Vec<NotModelled> {
        let of_scenario = facts.scenario.not_modelled.iter();
        let of_scenario = of_scenario.map(|note| NotModelled { place: note.place.clone(), text: note.text.clone() });
        let answers = self.illegal_generation.iter().map(|(client, (consumer, at, times))| NotModelled {
            place: consumer.clone(),
            text: format!(
                "What {client} does when it is answered ILLEGAL_GENERATION is not known; here it does what Java does \
                 (first at {:.3} s, {times} in all).",
                at.as_secs_f64()
            ),
        });
        of_scenario.chain(answers).collect()
    }
}
