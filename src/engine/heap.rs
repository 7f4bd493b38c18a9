//! A heap with four children per node: the part of the event queue's [`Wheel`](super::wheel::Wheel) for what is far off.
//!
//! Four children make the tree half as deep as a binary heap's, and the four lie side by side in memory. A popped root
//! leaves its place vacant; the next push fills it and sinks from there. So the common step of a simulation, "take an
//! event, schedule its successor", costs one walk down the tree instead of two.

use std::hint::select_unpredictable;

/// Something with a key of 128 bits; keys are never equal within one heap.
pub(super) trait Keyed: Copy {
    /// What the heap orders by, smallest first.
    fn key(&self) -> u128;
}

/// Children of one node.
const ARITY: usize = 4;

/// A heap of small entries that gives the one with the smallest key first.
#[derive(Clone, Debug)]
pub(super) struct MinHeap<E> {
    entries: Vec<E>,
    /// The root was popped and its place not filled yet: `entries[0]` is no longer a member.
    vacant_root: bool,
}

impl<E: Keyed> MinHeap<E> {
    /// An empty heap.
    pub fn new() -> Self {
        MinHeap { entries: Vec::new(), vacant_root: false }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len() - usize::from(self.vacant_root)
    }

    /// Adds an entry.
    pub fn push(&mut self, entry: E) {
        if self.vacant_root {
            self.vacant_root = false;
            self.sink(0, entry);
        } else {
            self.entries.push(entry);
            self.rise(self.entries.len() - 1, entry);
        }
    }

    /// The smallest key. Takes `&mut self` because it may have to fill the vacant root first.
    #[inline]
    pub fn first_key(&mut self) -> Option<u128> {
        if self.vacant_root {
            self.fill_root();
        }
        self.entries.first().map(Keyed::key)
    }

    /// Whether there is a smaller key than this.
    #[inline]
    pub fn begins_before(&mut self, key: u128) -> bool {
        self.first_key().is_some_and(|first| first < key)
    }

    /// Takes the entry with the smallest key out.
    pub fn pop(&mut self) -> Option<E> {
        if self.vacant_root {
            self.fill_root();
        }
        let first = self.entries.first().copied();
        self.vacant_root = first.is_some();
        first
    }

    /// Drops every entry that `keep` refuses, in time linear in the length.
    pub fn retain(&mut self, keep: impl FnMut(&E) -> bool) {
        if self.vacant_root {
            self.fill_root();
        }
        self.entries.retain(keep);
        let parents = self.entries.len().saturating_sub(1).div_ceil(ARITY);
        for at in (0..parents).rev() {
            self.sink(at, self.entries[at]);
        }
    }

    /// Closes the gap at the root with the last leaf.
    fn fill_root(&mut self) {
        self.vacant_root = false;
        if let Some(last) = self.entries.pop()
            && !self.entries.is_empty()
        {
            self.sink(0, last);
        }
    }

    /// Walks from `at` towards the root until the parent is smaller, and writes `entry` there.
    fn rise(&mut self, mut at: usize, entry: E) {
        let key = entry.key();
        while at > 0 {
            let parent = (at - 1) / ARITY;
            if self.entries[parent].key() < key {
                break;
            }
            self.entries[at] = self.entries[parent];
            at = parent;
        }
        self.entries[at] = entry;
    }

    /// Walks from `at` towards the leaves until all children are larger, and writes `entry` there.
    fn sink(&mut self, mut at: usize, entry: E) {
        let key = entry.key();
        loop {
            let first = at * ARITY + 1;
            let (smallest, smallest_key) = match self.entries.get(first..first + ARITY) {
                Some(children) => smallest_of_four(first, children),
                None => match smallest_of_rest(first, self.entries.get(first..).unwrap_or(&[])) {
                    Some(found) => found,
                    None => break,
                },
            };
            if key < smallest_key {
                break;
            }
            self.entries[at] = self.entries[smallest];
            at = smallest;
        }
        self.entries[at] = entry;
    }
}

/// Position and key of the smallest of a full row of children: a small tournament. Which child wins is a coin toss that no
/// branch predictor learns, so the choices are computed and not jumped to (a third faster at 1,000 entries).
#[inline]
fn smallest_of_four<E: Keyed>(first: usize, children: &[E]) -> (usize, u128) {
    let [a, b, c, d] = [children[0].key(), children[1].key(), children[2].key(), children[3].key()];
    let left = select_unpredictable(b < a, (first + 1, b), (first, a));
    let right = select_unpredictable(d < c, (first + 3, d), (first + 2, c));
    select_unpredictable(right.1 < left.1, right, left)
}

/// Position and key of the smallest of fewer than four children.
fn smallest_of_rest<E: Keyed>(first: usize, children: &[E]) -> Option<(usize, u128)> {
    children.iter().enumerate().map(|(offset, child)| (first + offset, child.key())).min_by_key(|&(_, key)| key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl Keyed for u64 {
        fn key(&self) -> u128 {
            u128::from(*self)
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Push,
        Pop,
        Replace,
        RetainOdd,
    }

    fn steps() -> impl Strategy<Value = Vec<(Step, u32)>> {
        let step = prop_oneof![
            6 => Just(Step::Push),
            4 => Just(Step::Pop),
            2 => Just(Step::Replace),
            1 => Just(Step::RetainOdd),
        ];
        prop::collection::vec((step, any::<u32>()), 0..300)
    }

    proptest! {
        #[test]
        fn entries_come_out_smallest_first_whatever_is_done_in_between(steps in steps()) {
            let mut heap = MinHeap::new();
            let mut model = std::collections::BTreeSet::new();
            for (number, (step, value)) in steps.into_iter().enumerate() {
                let entry = u64::from(value % 100) << 32 | number as u64;
                match step {
                    Step::Push => {
                        heap.push(entry);
                        model.insert(entry);
                    }
                    Step::Pop => prop_assert_eq!(heap.pop(), model.pop_first()),
                    Step::Replace => {
                        prop_assert_eq!(heap.first_key(), model.first().map(Keyed::key));
                        if model.pop_first().is_some() {
                            heap.pop();
                            heap.push(entry);
                            model.insert(entry);
                        }
                    }
                    Step::RetainOdd => {
                        heap.retain(|entry| entry % 2 == 1);
                        model.retain(|entry| entry % 2 == 1);
                    }
                }
                prop_assert_eq!(heap.len(), model.len());
            }
            while let Some(expected) = model.pop_first() {
                prop_assert_eq!(heap.pop(), Some(expected));
            }
            prop_assert_eq!(heap.pop(), None);
        }
    }
}
