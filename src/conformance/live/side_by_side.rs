//! Two timelines side by side, for finding out where they part.

use std::fmt::Write;

use super::said::Said;
use super::timeline::{Deed, Entry, Moment, Timeline};

/// Width of a column.
const COLUMN: usize = 74;

/// Writes both timelines, the recorded one on the left, in order of time.
pub fn side_by_side(recorded: &Timeline, simulated: &Timeline) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{:>9}  {:COLUMN$}  simulated", "ms", "recorded");
    let mut ours = recorded.entries.iter().peekable();
    let mut theirs = simulated.entries.iter().peekable();
    loop {
        let from_ours = match (ours.peek(), theirs.peek()) {
            (None, None) => return text,
            (Some(ours), Some(theirs)) => ours.at <= theirs.at,
            (ours, _) => ours.is_some(),
        };
        let Some(entry) = (if from_ours { ours.next() } else { theirs.next() }) else { return text };
        let Some(told) = tell(entry) else { continue };
        // The same thing on both sides within the clock's grain stands in one line.
        let twin = if from_ours { theirs.next_if(|other| same(entry, other)) } else { None };
        let _ = match (from_ours, twin) {
            (true, Some(twin)) => {
                let twin = tell(twin).unwrap_or_default();
                writeln!(text, "{:>9}  {:COLUMN$}  {twin}", entry.at.0, cut(&told))
            }
            (true, None) => writeln!(text, "{:>9}  {told}", entry.at.0),
            (false, _) => writeln!(text, "{:>9}  {:COLUMN$}  {told}", entry.at.0, ""),
        };
    }
}

fn same(one: &Entry, other: &Entry) -> bool {
    one.at == other.at && tell(one) == tell(other)
}

fn cut(told: &str) -> String {
    if told.chars().count() <= COLUMN {
        return told.to_owned();
    }
    told.chars().take(COLUMN - 1).chain(['…']).collect()
}

fn tell(entry: &Entry) -> Option<String> {
    Some(match &entry.what {
        Moment::Coordinator(said) => format!("coordinator: {}", tell_said(said)?),
        Moment::Consumer(name, deed) => format!("{name}: {}", tell_deed(deed)),
    })
}

fn tell_said(said: &Said) -> Option<String> {
    Some(match said {
        Said::IdMade { .. } => return None,
        Said::Joined { member } => format!("{member} joins"),
        Said::Preparing { old_generation, reason } => format!("Preparing, generation {old_generation} ({reason})"),
        Said::Stabilized { generation, members } => format!("Stabilized generation {generation} of {members}"),
        Said::AssignmentReceived { generation } => format!("Assignment received for generation {generation}"),
        Said::Empty { generation } => format!("Empty, generation {generation}"),
        Said::Failed { member } => format!("{member} has failed"),
        Said::Left { member, reason } => format!("{member} left ({reason})"),
        Said::Dropped { members } => format!("dropped, not rejoined: {members}"),
        Said::SyncExpired { members } => format!("dropped, no SyncGroup: {members}"),
        Said::Replaced { instance } => format!("{instance} taken over"),
    })
}

fn tell_deed(deed: &Deed) -> String {
    match deed {
        Deed::Started => "started".into(),
        Deed::JoinSent => "JoinGroup".into(),
        Deed::Joined { generation: Some(generation), leads, .. } => {
            format!("joined generation {}{}", generation.0, if *leads { " as leader" } else { "" })
        }
        Deed::Joined { generation: None, .. } => "JoinGroup refused".into(),
        Deed::Noticed => "notices the rebalance".into(),
        Deed::Callback(callback, partitions) => format!("{callback:?} {partitions:?}"),
        Deed::Exception { place, class } => format!("{class} out of {place}"),
        Deed::Busy => "busy".into(),
        Deed::Ready => "ready again".into(),
        Deed::Closing => "closing".into(),
        Deed::Closed => "closed".into(),
        Deed::Killed => "killed".into(),
        Deed::Frozen => "frozen".into(),
        Deed::Thawed => "thawed".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::recording::Name;
    use super::*;
    use crate::client::Callback;
    use crate::engine::Millis;

    #[test]
    fn what_happens_at_once_on_both_sides_stands_in_one_line() {
        let entry = |at, deed| Entry { at: Millis(at), what: Moment::Consumer(Name::from("c1"), deed) };
        let assigned = || Deed::Callback(Callback::Assigned, vec![0, 2]);
        let recorded = Timeline { entries: vec![entry(1, Deed::Started), entry(30, assigned())] };
        let simulated = Timeline { entries: vec![entry(1, Deed::Started), entry(28, assigned())] };
        let text = side_by_side(&recorded, &simulated);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[1].matches("c1: started").count(), 2);
        assert!(lines[2].ends_with("  c1: Assigned [0, 2]") && lines[2].starts_with("       28   "));
        assert_eq!(lines[3], "       30  c1: Assigned [0, 2]");
    }
}
