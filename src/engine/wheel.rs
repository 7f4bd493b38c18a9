//! The priority queue under the event queue: a timing wheel for what comes soon, a heap for the rest.
//!
//! Nearly all events of a simulation happen within four seconds of being planned. The wheel has a list for each of the
//! next 16,383 ticks of a quarter of a millisecond, and a bit per list that tells whether it is empty: planning is putting
//! an entry into a list, and the next event is in the list behind the next bit. The entries of a tick are sorted when the
//! wheel turns there (the *run*), which puts them into their exact order.
//!
//! What the wheel has no list for goes into a [`MinHeap`]: what comes later than its last tick, and what is put into a
//! run in which many others come before it. The next entry of all is the smaller one of the next in the run and the next in
//! the heap, so an entry never moves from one to the other, and no density of events makes the queue slow.

use super::heap::{Keyed, MinHeap};

/// Length of a tick: 2^18 ns, about a quarter of a millisecond. Times are the upper 64 bits of a key.
const TICK_SHIFT: u32 = 64 + 18;

/// Lists of the wheel; a power of two.
const TICKS: usize = 16_384;

const WORDS: usize = TICKS / 64;

/// An entry goes into the run if no more than so many of it come before.
const PASSED_IN_RUN_MAX: usize = 64;

/// As many entries as this in a run are few.
const FEW: usize = 8;

/// No node: the end of a list.
const NONE: u32 = u32::MAX;

/// Small entries, of which the one with the smallest key comes first.
#[derive(Clone, Debug)]
pub(super) struct Wheel<E> {
    /// Where the wheel stands. Its lists hold the entries of the `TICKS - 1` ticks after this one.
    tick: u64,
    /// Entries up to this tick that are not in the heap, the next one last.
    run: Vec<E>,
    /// First node of each tick's list, by the tick's lowest bits.
    lists: Box<[u32; TICKS]>,
    /// A bit for each list that is not empty.
    occupied: Box<[u64; WORDS]>,
    nodes: Vec<Node<E>>,
    /// First node of the list of those that are free.
    free: u32,
    /// Entries in lists.
    listed: usize,
    far: MinHeap<E>,
}

#[derive(Clone, Copy, Debug)]
#[repr(align(32))] // never in two lines of the cache
struct Node<E> {
    entry: E,
    next: u32,
}

fn tick_of(key: u128) -> u64 {
    (key >> TICK_SHIFT) as u64
}

impl<E: Keyed> Wheel<E> {
    /// An empty wheel at tick 0.
    pub fn new() -> Self {
        Wheel {
            tick: 0,
            run: Vec::new(),
            lists: Box::new([NONE; TICKS]),
            occupied: Box::new([0; WORDS]),
            nodes: Vec::new(),
            free: NONE,
            listed: 0,
            far: MinHeap::new(),
        }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.run.len() + self.listed + self.far.len()
    }

    /// Adds an entry. Inlined, so that it comes into being where it stays: a copy of something that was written a moment ago,
    /// field by field, waits for it.
    #[inline(always)]
    pub fn push(&mut self, entry: E) {
        let tick = tick_of(entry.key());
        if tick <= self.tick {
            self.push_in_run(entry);
        } else if tick - self.tick < TICKS as u64 {
            self.push_in_list(tick as usize % TICKS, entry);
        } else {
            self.far.push(entry);
        }
    }

    /// Takes the entry with the smallest key out, if that is not above `limit`.
    #[inline(always)]
    pub fn pop_until(&mut self, limit: u128) -> Option<E> {
        if self.run.is_empty() {
            if let Some(alone) = self.pop_alone(limit) {
                return Some(alone);
            }
            self.turn();
        }
        let next = match self.run.last() {
            Some(near) if !self.far.begins_before(near.key()) => near.key(),
            _ => return self.pop_far(limit),
        };
        if next > limit {
            return None;
        }
        self.run.pop()
    }

    /// The same when the run is empty, if the next entry is alone in its list, as it is as a rule: then it need not come into
    /// the run.
    #[inline(always)]
    fn pop_alone(&mut self, limit: u128) -> Option<E> {
        let tick = self.next_occupied()?;
        let list = tick as usize % TICKS;
        let Node { entry, next } = self.nodes[self.lists[list] as usize];
        if next != NONE || entry.key() > limit || self.far.begins_before(entry.key()) {
            return None;
        }
        self.tick = tick;
        let only = self.empty(list);
        self.release(only);
        Some(entry)
    }

    /// The same when the heap has the smallest key.
    #[inline(never)]
    fn pop_far(&mut self, limit: u128) -> Option<E> {
        self.far.first_key().filter(|next| *next <= limit)?;
        self.far.pop()
    }

    /// Drops every entry that `keep` refuses, in time linear in the length.
    pub fn retain(&mut self, mut keep: impl FnMut(&E) -> bool) {
        self.run.retain(&mut keep);
        self.far.retain(&mut keep);
        for word in 0..WORDS {
            let mut bits = self.occupied[word];
            while bits != 0 {
                let list = word * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let mut next = self.empty(list);
                while next != NONE {
                    let node = self.release(next);
                    next = node.next;
                    if keep(&node.entry) {
                        self.push_in_list(list, node.entry);
                    }
                }
            }
        }
    }

    /// Turns to the tick of the entry that comes next, and makes the run of that tick's list.
    #[inline(never)]
    fn turn(&mut self) {
        let near = self.next_occupied();
        let far = self.far.first_key().map(tick_of);
        match near {
            Some(near) if far.is_none_or(|far| near <= far) => {
                self.tick = near;
                self.take_list(near as usize % TICKS);
            }
            _ => self.tick = self.tick.max(far.unwrap_or(0)),
        }
    }

    /// The first tick with a list that is not empty.
    fn next_occupied(&self) -> Option<u64> {
        if self.listed == 0 {
            return None;
        }
        let first = (self.tick as usize + 1) % TICKS;
        let mut word = first / 64;
        let mut bits = self.occupied[word] & (!0 << (first % 64));
        for _ in 0..=WORDS {
            if bits != 0 {
                let list = word * 64 + bits.trailing_zeros() as usize;
                return Some(self.tick + 1 + ((list + TICKS - first) % TICKS) as u64);
            }
            word = (word + 1) % WORDS;
            bits = self.occupied[word];
        }
        None
    }

    /// Moves a list into the run, which is empty.
    fn take_list(&mut self, list: usize) {
        let mut next = self.empty(list);
        while next != NONE {
            let node = self.release(next);
            next = node.next;
            self.run.push(node.entry);
        }
        match self.run.len() {
            0 | 1 => {}
            2..=FEW => self.sort_few(),
            _ => self.run.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.key())),
        }
    }

    /// Sorts a run of a few entries: insertion, without the copies of a sort that is made for many.
    fn sort_few(&mut self) {
        for sorted in 1..self.run.len() {
            let entry = self.run[sorted];
            let mut place = sorted;
            while place > 0 && self.run[place - 1].key() < entry.key() {
                self.run[place] = self.run[place - 1];
                place -= 1;
            }
            self.run[place] = entry;
        }
    }

    /// Empties a list and returns its first node.
    fn empty(&mut self, list: usize) -> u32 {
        self.occupied[list / 64] &= !(1 << (list % 64));
        std::mem::replace(&mut self.lists[list], NONE)
    }

    /// Makes a node free that was in a list, and returns what it was.
    fn release(&mut self, place: u32) -> Node<E> {
        self.listed -= 1;
        let node = &mut self.nodes[place as usize];
        let was = *node;
        node.next = std::mem::replace(&mut self.free, place);
        was
    }

    #[inline(always)]
    fn push_in_list(&mut self, list: usize, entry: E) {
        self.listed += 1;
        self.occupied[list / 64] |= 1 << (list % 64);
        let next = self.lists[list];
        self.lists[list] = match self.nodes.get_mut(self.free as usize) {
            Some(place) => {
                let taken = std::mem::replace(&mut self.free, place.next);
                *place = Node { entry, next };
                taken
            }
            None => self.add_node(Node { entry, next }),
        };
    }

    #[inline(never)]
    fn add_node(&mut self, node: Node<E>) -> u32 {
        self.nodes.push(node);
        u32::try_from(self.nodes.len() - 1).expect("fewer than 2^32 entries at once")
    }

    #[inline(always)]
    fn push_in_run(&mut self, entry: E) {
        let key = entry.key();
        let unseen = self.run.len().saturating_sub(PASSED_IN_RUN_MAX);
        let at = unseen + self.run[unseen..].partition_point(|other| other.key() > key);
        if at == unseen && unseen > 0 {
            self.far.push(entry);
        } else {
            self.run.insert(at, entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Time and number.
    type Entry = (u64, u64);

    impl Keyed for Entry {
        fn key(&self) -> u128 {
            u128::from(self.0) << 64 | u128::from(self.1)
        }
    }

    const TICK: u64 = 1 << 18;

    fn pop(wheel: &mut Wheel<Entry>) -> Option<Entry> {
        wheel.pop_until(u128::MAX)
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        /// So long after the entry that was popped last.
        Push(u64),
        Pop,
        /// Until so long after the entry that was popped last.
        PopUntil(u64),
        RetainOdd,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0..3 * TICK).prop_map(Step::Push),
            2 => (0..2u64).prop_map(Step::Push),
            2 => (0..200 * TICK).prop_map(Step::Push),
            2 => (0..3 * TICKS as u64 * TICK).prop_map(Step::Push),
            1 => (TICKS as u64 - 2..TICKS as u64 + 2).prop_map(|ticks| Step::Push(ticks * TICK)),
            8 => Just(Step::Pop),
            2 => (0..10 * TICK).prop_map(Step::PopUntil),
            1 => Just(Step::RetainOdd),
        ];
        prop::collection::vec(step, 0..400)
    }

    proptest! {
        #[test]
        fn entries_come_out_smallest_first_near_or_far(steps in steps()) {
            let mut wheel = Wheel::new();
            let mut model = std::collections::BTreeSet::new();
            let mut now = 0;
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Push(after) => {
                        wheel.push((now + after, number as u64));
                        model.insert((now + after, number as u64));
                    }
                    Step::Pop => {
                        let popped = pop(&mut wheel);
                        prop_assert_eq!(popped, model.pop_first());
                        now = popped.map_or(now, |(at, _)| at);
                    }
                    Step::PopUntil(after) => {
                        let limit = (now + after, u64::MAX);
                        let expected = model.first().copied().filter(|entry| *entry <= limit);
                        prop_assert_eq!(wheel.pop_until(limit.key()), expected);
                        if let Some(entry) = expected {
                            model.remove(&entry);
                            now = entry.0;
                        }
                    }
                    Step::RetainOdd => {
                        wheel.retain(|entry| entry.1 % 2 == 1);
                        model.retain(|entry| entry.1 % 2 == 1);
                    }
                }
                prop_assert_eq!(wheel.len(), model.len());
            }
            while let Some(expected) = model.pop_first() {
                prop_assert_eq!(pop(&mut wheel), Some(expected));
            }
            prop_assert_eq!(pop(&mut wheel), None);
        }
    }

    #[test]
    fn a_crowd_at_one_instant_comes_out_in_order() {
        let mut wheel = Wheel::new();
        wheel.push((5, 0));
        assert_eq!(pop(&mut wheel), Some((5, 0)));
        for number in 1..=1_000 {
            wheel.push((5, number));
            wheel.push((5 + TICK, number));
        }
        assert!(wheel.run.len() <= PASSED_IN_RUN_MAX + 1);
        for at in [5, 5 + TICK] {
            for number in 1..=1_000 {
                assert_eq!(pop(&mut wheel), Some((at, number)));
            }
        }
    }

    #[test]
    fn nodes_are_used_again() {
        let mut wheel = Wheel::new();
        for number in 0..100_000 {
            wheel.push((number * TICK / 3 + 10 * TICK, number));
            if number >= 30 {
                assert!(pop(&mut wheel).is_some());
            }
        }
        assert!(wheel.nodes.len() <= 31);
    }
}
