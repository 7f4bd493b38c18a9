//! A map that is walked in the order of Kafka's `TimelineHashMap`.
//!
//! The group coordinator keeps what a failed append must undo (the map of groups, offsets, transactions) in timeline
//! maps. Their order shows: topics of a fetch of all offsets, tombstones of expired offsets, groups that are unloaded.
//! Only the order lives here; undoing is the work of the [journal](super::journal).

use std::cell::Cell;

use crate::protocol::ProducerId;
use crate::protocol::java_hash::JavaKey;

/// "No node": end of a slot.
const NIL: u32 = u32::MAX;

/// A map with the iteration order of `org.apache.kafka.timeline.TimelineHashMap` (`BaseHashTable`): slots in ascending
/// order, inside a slot the youngest first. The table starts with two slots, doubles when there are more than four
/// thirds as many keys as slots, and never shrinks. Kafka's `expectedSize` arguments are all 0 or 1 here: two slots, too.
#[derive(Clone, Debug)]
pub(super) struct TimelineMap<K, V> {
    /// First node of each slot; empty before the first insertion.
    slots: Vec<u32>,
    nodes: Vec<Option<Node<K, V>>>,
    free: Vec<u32>,
    /// Where the next look begins: at what was found last, and at what came into the map after it. Texts are slow to
    /// hash and are asked for again and again; partitions are named in the same order commit after commit.
    found: Cell<u32>,
}

#[derive(Clone, Debug)]
struct Node<K, V> {
    hash: i32,
    key: K,
    value: V,
    /// Next (younger) node of the slot.
    next: u32,
}

impl<K, V> Default for TimelineMap<K, V> {
    fn default() -> Self {
        TimelineMap { slots: Vec::new(), nodes: Vec::new(), free: Vec::new(), found: Cell::new(NIL) }
    }
}

impl<K: JavaKey, V> TimelineMap<K, V> {
    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len() - self.free.len()
    }

    /// True if there is no key.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.find(key).map(|at| &self.node(at).value)
    }

    /// The value of a key, to change in place.
    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.find(key).map(|at| &mut self.node_mut(at).value)
    }

    /// True if the key is there.
    pub(super) fn contains_key(&self, key: &K) -> bool {
        self.find(key).is_some()
    }

    /// Puts a value; returns the earlier one. A key that is there keeps its place.
    #[inline]
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        if !self.is_full()
            && let Some(at) = self.guess(&key)
        {
            return Some(std::mem::replace(&mut self.node_mut(at).value, value));
        }
        self.insert_searched(key, value)
    }

    /// The next insertion doubles the table, even one under a key that is there: `(size + 1) * 0.75 > slots` is looked at
    /// before it is known whether the key is new.
    pub(super) fn is_full(&self) -> bool {
        (self.len() + 1) * 3 > self.slots.len() * 4
    }

    #[inline(never)]
    fn insert_searched(&mut self, key: K, value: V) -> Option<V> {
        if self.slots.is_empty() {
            self.slots = vec![NIL; 2];
        } else if self.is_full() {
            self.grow();
        }
        if let Some(at) = self.search(&key) {
            return Some(std::mem::replace(&mut self.node_mut(at).value, value));
        }
        let hash = key.hash_code();
        let at = self.allocate(Node { hash, key, value, next: NIL });
        self.append(slot_of(hash, self.slots.len()), at);
        None
    }

    /// The value of a key, after putting the default there if it is new.
    pub(super) fn entry_or_default(&mut self, key: &K) -> &mut V
    where
        K: Clone,
        V: Default,
    {
        let at = match self.find(key) {
            Some(at) => at,
            None => {
                self.insert(key.clone(), V::default());
                self.find(key).expect("it was just put there")
            }
        };
        &mut self.node_mut(at).value
    }

    /// Removes a key; returns its value. The table keeps its size.
    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.find(key)?;
        let slot = slot_of(self.node(at).hash, self.slots.len());
        let behind = self.node(at).next;
        if self.slots[slot] == at {
            self.slots[slot] = behind;
        } else {
            let mut before = self.slots[slot];
            while self.node(before).next != at {
                before = self.node(before).next;
            }
            self.node_mut(before).next = behind;
        }
        self.free.push(at);
        self.nodes[at as usize].take().map(|node| node.value)
    }

    /// Entries in Kafka's order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.order().into_iter().map(|at| {
            let node = self.node(at);
            (&node.key, &node.value)
        })
    }

    /// Keys in Kafka's order.
    pub(super) fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    fn order(&self) -> Vec<u32> {
        let mut order = Vec::with_capacity(self.len());
        for first in &self.slots {
            let start = order.len();
            let mut at = *first;
            while at != NIL {
                order.push(at);
                at = self.node(at).next;
            }
            order[start..].reverse();
        }
        order
    }

    #[inline]
    fn find(&self, key: &K) -> Option<u32> {
        self.guess(key).or_else(|| self.search(key))
    }

    #[inline]
    fn guess(&self, key: &K) -> Option<u32> {
        let last = self.found.get();
        if self.is_at(key, last) {
            return Some(last);
        }
        // After `NIL` comes the first node.
        let after = last.wrapping_add(1);
        self.is_at(key, after).then(|| {
            self.found.set(after);
            after
        })
    }

    #[inline]
    fn is_at(&self, key: &K, at: u32) -> bool {
        matches!(self.nodes.get(at as usize), Some(Some(node)) if node.key == *key)
    }

    #[inline(never)]
    fn search(&self, key: &K) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let hash = key.hash_code();
        let mut at = self.slots[slot_of(hash, self.slots.len())];
        while at != NIL {
            let node = self.node(at);
            if node.hash == hash && node.key == *key {
                self.found.set(at);
                return Some(at);
            }
            at = node.next;
        }
        None
    }

    fn grow(&mut self) {
        let doubled = vec![NIL; self.slots.len() * 2];
        let old = std::mem::replace(&mut self.slots, doubled);
        for first in old {
            let mut at = first;
            while at != NIL {
                let behind = std::mem::replace(&mut self.node_mut(at).next, NIL);
                self.append(slot_of(self.node(at).hash, self.slots.len()), at);
                at = behind;
            }
        }
    }

    fn append(&mut self, slot: usize, at: u32) {
        let mut last = self.slots[slot];
        if last == NIL {
            self.slots[slot] = at;
            return;
        }
        while self.node(last).next != NIL {
            last = self.node(last).next;
        }
        self.node_mut(last).next = at;
    }

    fn allocate(&mut self, node: Node<K, V>) -> u32 {
        if let Some(at) = self.free.pop() {
            self.nodes[at as usize] = Some(node);
            return at;
        }
        self.nodes.push(Some(node));
        self.nodes.len() as u32 - 1
    }

    fn node(&self, at: u32) -> &Node<K, V> {
        self.nodes[at as usize].as_ref().expect("a linked node is there")
    }

    fn node_mut(&mut self, at: u32) -> &mut Node<K, V> {
        self.nodes[at as usize].as_mut().expect("a linked node is there")
    }
}

/// `BaseHashTable.findSlot`: Fibonacci hashing, the highest bits of the product.
fn slot_of(hash: i32, slots: usize) -> usize {
    const FIBONACCI: i64 = -7_046_029_254_386_353_131;
    let shift = 64 - slots.trailing_zeros();
    (i64::from(hash).wrapping_mul(FIBONACCI) as u64 >> shift) as usize
}

/// `Long.hashCode`: the halves mixed.
impl JavaKey for ProducerId {
    fn hash_code(&self) -> i32 {
        (self.0 ^ ((self.0 as u64) >> 32) as i64) as i32
    }
    fn compare_to(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walks_slots_in_order_and_the_youngest_of_a_slot_first() {
        let mut map = TimelineMap::default();
        for partition in 0..6 {
            map.insert(partition, ());
        }
        // Two slots hold two keys; the third key doubles them, and so on: slots of 8 at the end.
        let mut slots: Vec<(usize, i32)> = (0..6).map(|partition| (slot_of(partition, 8), partition)).collect();
        slots.sort_by_key(|(slot, partition)| (*slot, std::cmp::Reverse(*partition)));
        assert_eq!(map.keys().copied().collect::<Vec<i32>>(), slots.iter().map(|(_, p)| *p).collect::<Vec<i32>>());
    }

    #[test]
    fn a_removed_key_is_gone_and_its_place_is_used_again() {
        let mut map = TimelineMap::default();
        for key in 0..100 {
            assert_eq!(map.insert(key, key * 2), None);
        }
        for key in (0..100).step_by(2) {
            assert_eq!(map.remove(&key), Some(key * 2));
            assert_eq!(map.remove(&key), None);
        }
        assert_eq!(map.len(), 50);
        assert_eq!(map.insert(1, 7), Some(2));
        assert_eq!(map.get(&1), Some(&7));
        assert!(!map.contains_key(&2));
        map.insert(2, 0);
        assert_eq!(map.iter().count(), 51);
        assert_eq!(map.nodes.len(), 100);
    }
}
