//! A map that is walked in the order of `java.util.HashMap`.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;

use super::tree_bin::TreeBin;
use super::{JavaKey, spread};

/// "No node": end of a bucket.
pub(super) const NIL: u32 = u32::MAX;

const DEFAULT_CAPACITY: usize = 16;
/// A bucket that gets one key more than this doubles a small table or becomes a tree.
const TREEIFY_THRESHOLD: usize = 8;
/// A tree that a growing table splits into parts becomes a list again where a part has no more than this.
const UNTREEIFY_THRESHOLD: usize = 6;
/// Below this many buckets a full bucket doubles the table instead of becoming a tree.
const MIN_TREEIFY_CAPACITY: usize = 64;

/// A map with the iteration order of `java.util.HashMap` (OpenJDK 17): buckets in ascending order, inside a bucket the
/// order of insertion. The order depends on the history, as in Java: a table grows and never shrinks, and buckets with
/// nine keys and more become red-black trees whose root comes first.
///
/// Putting a value under a key that is there already keeps the key's place. Look-up, insertion and removal take constant
/// time; walking takes time in proportion to the table.
///
/// ```
/// use rebalab::protocol::java_hash::JavaHashMap;
///
/// let members: JavaHashMap<String, u32> =
///     ["alpha", "bravo", "charlie"].into_iter().zip(0..).map(|(name, n)| (name.to_string(), n)).collect();
/// assert_eq!(members.keys().collect::<Vec<_>>(), ["bravo", "alpha", "charlie"]);
/// assert_eq!(members.get("charlie"), Some(&2));
/// ```
#[derive(Clone)]
pub struct JavaHashMap<K, V> {
    /// First node of each bucket; empty before the first insertion.
    table: Vec<u32>,
    /// Size of the table that the first insertion makes.
    initial_capacity: usize,
    nodes: Vec<Option<Node<K, V>>>,
    /// Places in `nodes` that are free.
    free: Vec<u32>,
    /// The buckets that became trees. Their nodes are linked like those of a list, too: that is the order.
    trees: BTreeMap<usize, TreeBin>,
}

#[derive(Clone)]
struct Node<K, V> {
    /// Hash code, spread.
    hash: i32,
    key: K,
    value: V,
    /// Next node of the bucket.
    next: u32,
}

impl<K: JavaKey, V> JavaHashMap<K, V> {
    /// `new HashMap<>()`: 16 buckets at first.
    pub fn new() -> Self {
        Self::with_table(DEFAULT_CAPACITY)
    }

    /// `new HashMap<>(initialCapacity)`: the next power of two.
    pub fn with_capacity(initial_capacity: usize) -> Self {
        Self::with_table(initial_capacity.max(1).next_power_of_two())
    }

    /// An empty map with the table that `new HashMap<>(map)` makes for a map of `len` entries.
    pub fn for_copy_of(len: usize) -> Self {
        if len == 0 {
            return Self::new();
        }
        // Java computes in `float`; so does this, for the same rounding.
        Self::with_capacity((len as f32 / 0.75 + 1.0) as usize)
    }

    /// An empty map with the table that `new HashSet<>(collection)` makes for a collection of `len` elements.
    pub fn for_set_of(len: usize) -> Self {
        Self::with_capacity(((len as f32 / 0.75) as usize + 1).max(DEFAULT_CAPACITY))
    }

    fn with_table(capacity: usize) -> Self {
        JavaHashMap {
            table: Vec::new(),
            initial_capacity: capacity,
            nodes: Vec::new(),
            free: Vec::new(),
            trees: BTreeMap::new(),
        }
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.nodes.len() - self.free.len()
    }

    /// True if there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `get`.
    pub fn get<Q: JavaKey + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.find(key).map(|at| &self.node(at).value)
    }

    /// `get`, to change the value in place.
    pub fn get_mut<Q: JavaKey + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.find(key).map(|at| &mut self.node_mut(at).value)
    }

    /// `containsKey`.
    pub fn contains_key<Q: JavaKey + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_some()
    }

    /// `put`: returns the earlier value. A key that is there keeps its place (and stays the old key).
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if self.table.is_empty() {
            self.table = vec![NIL; self.initial_capacity];
            self.nodes.reserve(self.initial_capacity * 3 / 4);
        }
        let hash = spread(key.hash_code());
        if let Some(at) = self.find_hashed(&key, hash) {
            return Some(std::mem::replace(&mut self.node_mut(at).value, value));
        }
        let bucket = self.bucket_of(hash);
        let at = self.allocate(Node { hash, key, value, next: NIL });
        if self.trees.contains_key(&bucket) {
            self.insert_into_tree(bucket, at);
        } else {
            self.append(bucket, at);
        }
        if self.len() > self.table.len() * 3 / 4 {
            self.grow();
        }
        None
    }

    /// `remove`: returns the value. The table keeps its size.
    pub fn remove<Q: JavaKey + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let at = self.find(key)?;
        let bucket = self.bucket_of(self.node(at).hash);
        self.unlink(bucket, at);
        if let Some(mut tree) = self.trees.remove(&bucket) {
            // A tree that has become small turns into a list before the node is taken out of it; the order stays.
            if !tree.is_too_small() {
                let root = tree.remove(at);
                self.move_to_front(bucket, root);
                self.trees.insert(bucket, tree);
            }
        }
        self.free.push(at);
        self.nodes[at as usize].take().map(|node| node.value)
    }

    /// `clear`: removes all keys. The table keeps its size.
    pub fn clear(&mut self) {
        self.table.fill(NIL);
        self.nodes.clear();
        self.free.clear();
        self.trees.clear();
    }

    /// `entrySet()`, in Java's order.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter { map: self, bucket: 0, next: NIL, left: self.len() }
    }

    /// `keySet()`, in Java's order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// `values()`, in Java's order.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// `entrySet()`, in Java's order, to change values in place.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (&K, &mut V)> {
        let order: Vec<u32> = self.node_order().collect();
        let mut nodes: Vec<Option<&mut Node<K, V>>> = self.nodes.iter_mut().map(Option::as_mut).collect();
        order.into_iter().map(move |at| {
            let node = nodes[at as usize].take().expect("a linked node is there, once");
            (&node.key, &mut node.value)
        })
    }

    /// `values()`, in Java's order, to change them in place.
    pub fn values_mut(&mut self) -> impl ExactSizeIterator<Item = &mut V> {
        self.iter_mut().map(|(_, value)| value)
    }

    fn node_order(&self) -> impl Iterator<Item = u32> + '_ {
        self.table.iter().flat_map(|head| self.chain(*head))
    }

    /// The nodes of a bucket from `first` on.
    fn chain(&self, first: u32) -> impl Iterator<Item = u32> + '_ {
        let linked = |at: u32| (at != NIL).then_some(at);
        std::iter::successors(linked(first), move |at| linked(self.node(*at).next))
    }

    fn find<Q: JavaKey + ?Sized>(&self, key: &Q) -> Option<u32>
    where
        K: Borrow<Q>,
    {
        if self.table.is_empty() { None } else { self.find_hashed(key, spread(key.hash_code())) }
    }

    /// `find` in a table that is there, for a key of that hash code, spread.
    fn find_hashed<Q: JavaKey + ?Sized>(&self, key: &Q, hash: i32) -> Option<u32>
    where
        K: Borrow<Q>,
    {
        let mut at = self.table[self.bucket_of(hash)];
        while at != NIL {
            let node = self.node(at);
            if node.hash == hash && node.key.borrow() == key {
                return Some(at);
            }
            at = node.next;
        }
        None
    }

    fn node(&self, at: u32) -> &Node<K, V> {
        self.nodes[at as usize].as_ref().expect("a linked node is there")
    }

    fn node_mut(&mut self, at: u32) -> &mut Node<K, V> {
        self.nodes[at as usize].as_mut().expect("a linked node is there")
    }

    fn bucket_of(&self, hash: i32) -> usize {
        hash as u32 as usize & (self.table.len() - 1)
    }

    fn allocate(&mut self, node: Node<K, V>) -> u32 {
        if let Some(at) = self.free.pop() {
            self.nodes[at as usize] = Some(node);
            return at;
        }
        self.nodes.push(Some(node));
        self.nodes.len() as u32 - 1
    }

    /// Appends to a bucket that is a list; makes it a tree (or doubles the table) when it gets too long.
    fn append(&mut self, bucket: usize, at: u32) {
        let mut length = 0;
        let mut last = NIL;
        for other in self.chain(self.table[bucket]) {
            last = other;
            length += 1;
        }
        if last == NIL {
            self.table[bucket] = at;
            return;
        }
        self.node_mut(last).next = at;
        if length < TREEIFY_THRESHOLD {
            return;
        }
        if self.table.len() < MIN_TREEIFY_CAPACITY {
            self.grow();
        } else {
            self.treeify(bucket);
        }
    }

    /// Doubles the table. Each bucket splits in two that keep its order.
    fn grow(&mut self) {
        let old_capacity = self.table.len();
        let old_trees = std::mem::take(&mut self.trees);
        self.table.resize(old_capacity * 2, NIL);
        for bucket in 0..old_capacity {
            let (high, low): (Vec<u32>, Vec<u32>) =
                self.chain(self.table[bucket]).partition(|at| self.node(*at).hash as u32 as usize & old_capacity != 0);
            self.link(bucket, &low);
            self.link(bucket + old_capacity, &high);
            let Some(tree) = old_trees.get(&bucket) else { continue };
            for (half, nodes, other) in [(bucket, &low, &high), (bucket + old_capacity, &high, &low)] {
                if nodes.len() <= UNTREEIFY_THRESHOLD {
                    continue;
                }
                if other.is_empty() {
                    self.trees.insert(half, tree.clone());
                } else {
                    self.treeify(half);
                }
            }
        }
    }

    /// Makes `nodes` the bucket's chain.
    fn link(&mut self, bucket: usize, nodes: &[u32]) {
        self.table[bucket] = nodes.first().copied().unwrap_or(NIL);
        for (position, at) in nodes.iter().enumerate() {
            self.node_mut(*at).next = nodes.get(position + 1).copied().unwrap_or(NIL);
        }
    }

    /// Builds the tree of a bucket from its list, key by key; the root moves to the front.
    fn treeify(&mut self, bucket: usize) {
        let order: Vec<u32> = self.chain(self.table[bucket]).collect();
        let mut tree = TreeBin::default();
        for at in order {
            tree.insert(at, |left, right| self.compare(left, right));
        }
        let root = tree.root();
        self.trees.insert(bucket, tree);
        self.move_to_front(bucket, root);
    }

    /// Puts a node into a bucket that is a tree: in the order it comes right behind its parent in the tree, and a new
    /// root moves to the front.
    fn insert_into_tree(&mut self, bucket: usize, at: u32) {
        let mut tree = self.trees.remove(&bucket).expect("the bucket is a tree");
        let parent = tree.insert(at, |left, right| self.compare(left, right));
        let behind = self.node(parent).next;
        self.node_mut(at).next = behind;
        self.node_mut(parent).next = at;
        self.move_to_front(bucket, tree.root());
        self.trees.insert(bucket, tree);
    }

    /// The order inside a tree: by hash, then by `compareTo`.
    fn compare(&self, left: u32, right: u32) -> std::cmp::Ordering {
        let (left, right) = (self.node(left), self.node(right));
        left.hash.cmp(&right.hash).then_with(|| left.key.compare_to(&right.key))
    }

    fn unlink(&mut self, bucket: usize, at: u32) {
        let behind = self.node(at).next;
        if self.table[bucket] == at {
            self.table[bucket] = behind;
            return;
        }
        let before = self.chain(self.table[bucket]).find(|other| self.node(*other).next == at);
        self.node_mut(before.expect("the node is in its bucket")).next = behind;
    }

    fn move_to_front(&mut self, bucket: usize, at: u32) {
        self.unlink(bucket, at);
        let first = std::mem::replace(&mut self.table[bucket], at);
        self.node_mut(at).next = first;
    }
}

/// Walks a [`JavaHashMap`] in Java's order.
pub struct Iter<'a, K, V> {
    map: &'a JavaHashMap<K, V>,
    /// The bucket to look into after the current one.
    bucket: usize,
    next: u32,
    left: usize,
}

impl<'a, K: JavaKey, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        while self.next == NIL {
            self.next = self.map.table[self.bucket];
            self.bucket += 1;
        }
        let node = self.map.node(self.next);
        self.next = node.next;
        self.left -= 1;
        Some((&node.key, &node.value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<K: JavaKey, V> ExactSizeIterator for Iter<'_, K, V> {}

impl<'a, K: JavaKey, V> IntoIterator for &'a JavaHashMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;
    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

impl<K: JavaKey, V> Default for JavaHashMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

/// Puts the entries one after another.
impl<K: JavaKey, V> Extend<(K, V)> for JavaHashMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

/// `new HashMap<>()`, filled one after another.
impl<K: JavaKey, V> FromIterator<(K, V)> for JavaHashMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        map.extend(entries);
        map
    }
}

/// Equal entries, whatever the order (`AbstractMap.equals`).
impl<K: JavaKey, V: PartialEq> PartialEq for JavaHashMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

impl<K: JavaKey, V: Eq> Eq for JavaHashMap<K, V> {}

impl<K: JavaKey + fmt::Debug, V: fmt::Debug> fmt::Debug for JavaHashMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
