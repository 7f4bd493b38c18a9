//! What the group coordinators would write to their logs, in Kafka's own wording.

use std::fmt::Write;

use crate::trace::{Directory, Event, Observer, TraceEvent};

/// Collects the lines of a run.
#[derive(Default)]
pub(super) struct CoordinatorLog {
    text: String,
}

impl CoordinatorLog {
    /// The lines, with an empty one at the end if there are any.
    pub fn text(&self) -> String {
        if self.text.is_empty() { String::new() } else { format!("{}\n", self.text) }
    }
}

impl Observer for CoordinatorLog {
    fn event(&mut self, _: &Directory, event: &TraceEvent) {
        let Event::Coordinator { broker, event: line } = &event.event else { return };
        if line.is_logged() {
            let _ =
                writeln!(self.text, "[{:>11}] INFO [GroupCoordinator id={}] {line}", event.at.to_string(), broker.0);
        }
    }
}
