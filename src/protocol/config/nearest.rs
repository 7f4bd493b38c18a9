//! The known name that a misspelt one most likely meant.

/// The name of `known` nearest to `wrong`, if it is near enough to be what was meant: at most a third of its letters
/// (rounded up) differ. Upper and lower case count as the same, and so do the separators `.`, `-` and `_`.
pub fn nearest<'k>(wrong: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let plain = plain(wrong);
    known
        .into_iter()
        .map(|name| (distance(&plain, &self::plain(name)), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| *distance <= name.chars().count().div_ceil(3))
        .map(|(_, name)| name)
}

/// The name of `known` that differs from `wrong` by at most one letter, or in upper and lower case or separators alone:
/// for lists that are not complete, where a name further away may well be right.
pub fn almost<'k>(wrong: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let plain = plain(wrong);
    known.into_iter().find(|name| distance(&plain, &self::plain(name)) <= 1)
}

/// What would have been right in place of `wrong`: the nearest name, or all of them where none is near.
pub fn advice(wrong: &str, known: &[&str]) -> String {
    match nearest(wrong, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if known.is_empty() => "no key is known here".into(),
        None => format!("known here: {}", known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    }
}

fn plain(name: &str) -> Vec<char> {
    name.chars().map(|c| if matches!(c, '-' | '_') { '.' } else { c.to_ascii_lowercase() }).collect()
}

/// Edit distance with insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_through_typing_mistakes() {
        let known = ["session.timeout.ms", "heartbeat.interval.ms", "max.poll.interval.ms", "max.poll.records"];
        for (wrong, right) in [
            ("sesion.timeout.ms", "session.timeout.ms"),
            ("session_timeout_ms", "session.timeout.ms"),
            ("Heartbeat.Intreval.ms", "heartbeat.interval.ms"),
            ("max.poll.record", "max.poll.records"),
        ] {
            assert_eq!(nearest(wrong, known), Some(right), "for {wrong}");
        }
    }

    #[test]
    fn of_an_incomplete_list_only_a_slip_is_taken_for_a_mistake() {
        assert_eq!(almost("session_timeout_m", ["session.timeout.ms"]), Some("session.timeout.ms"));
        assert_eq!(almost("Consumer.Fetch.Max", ["Consumer.Fetch.Min"]), None);
    }

    #[test]
    fn a_name_unlike_any_other_has_no_nearest() {
        assert_eq!(nearest("colour", ["session.timeout.ms", "name"]), None);
        assert_eq!(advice("colour", &["name", "id"]), "known here: `name`, `id`");
    }

    #[test]
    fn swapped_neighbours_count_as_one_mistake() {
        assert_eq!(distance(&['a', 'b', 'c'], &['a', 'c', 'b']), 1);
        assert_eq!(distance(&[], &['x', 'y']), 2);
        assert_eq!(distance(&['k', 'i', 't'], &['s', 'i', 't', 's']), 2);
    }
}
