//! The iteration order of Go's maps, which Go makes different in each run on purpose: drawn here from a number that the
//! caller gives, so that one number always stands for the same orders.

use crate::engine::RandomStream;

/// Orders in which one computation walks its maps.
pub(super) struct MapOrder(RandomStream);

impl MapOrder {
    pub(super) fn new(seed: u64) -> Self {
        MapOrder(RandomStream::of_key(seed))
    }

    /// One of so many, all as likely.
    fn below(&mut self, count: usize) -> usize {
        (self.0.next_f64() * count as f64) as usize
    }

    /// The entries of a map in the order of one iteration.
    pub(super) fn iterate<T>(&mut self, entries: impl IntoIterator<Item = T>) -> Vec<T> {
        let mut entries: Vec<T> = entries.into_iter().collect();
        for last in (1..entries.len()).rev() {
            let other = self.below(last + 1);
            entries.swap(last, other);
        }
        entries
    }

    /// The entry that one iteration comes upon last.
    pub(super) fn last<T: Copy>(&mut self, entries: &[T]) -> Option<T> {
        (!entries.is_empty()).then(|| entries[self.below(entries.len())])
    }
}

#[cfg(test)]
mod tests {
    use super::MapOrder;

    #[test]
    fn a_number_stands_for_one_order_and_every_order_has_a_number() {
        let order = |seed| MapOrder::new(seed).iterate([0, 1, 2]);
        assert_eq!(order(5), order(5));
        let mut seen: Vec<Vec<i32>> = (0..100).map(order).collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 6);
    }

    #[test]
    fn nothing_comes_last_in_an_empty_map() {
        assert_eq!(MapOrder::new(1).last::<u32>(&[]), None);
        assert_eq!(MapOrder::new(1).last(&[7]), Some(7));
    }
}
