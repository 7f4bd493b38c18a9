//! A store for bodies that are too large for a queue entry.

/// Values under small keys. A key that was given back is used again, the last one first, so that a run with a bounded
/// number of messages under way needs a bounded store, and the same run gets the same keys.
///
/// ```
/// use rebalab::engine::Slab;
///
/// let mut bodies = Slab::new();
/// let key = bodies.insert("a JoinGroup request".to_string());
/// assert_eq!(bodies.remove(key), "a JoinGroup request");
/// assert!(bodies.is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct Slab<V> {
    places: Vec<Option<V>>,
    free: Vec<u32>,
}

impl<V> Default for Slab<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V> Slab<V> {
    /// An empty store.
    ///
    /// ```
    /// assert!(rebalab::engine::Slab::<String>::new().is_empty());
    /// ```
    pub const fn new() -> Self {
        Slab { places: Vec::new(), free: Vec::new() }
    }

    /// Stores a value and gives its key.
    ///
    /// ```
    /// let mut slab = rebalab::engine::Slab::new();
    /// let (first, second) = (slab.insert('a'), slab.insert('b'));
    /// assert_ne!(first, second);
    /// ```
    #[inline]
    pub fn insert(&mut self, value: V) -> u32 {
        if let Some(key) = self.free.pop() {
            self.places[key as usize] = Some(value);
            return key;
        }
        let key = u32::try_from(self.places.len()).expect("fewer than 2^32 values at once");
        self.places.push(Some(value));
        key
    }

    /// Takes a value out.
    ///
    /// # Panics
    /// If there is none under this key.
    ///
    /// ```
    /// let mut slab = rebalab::engine::Slab::new();
    /// let key = slab.insert('a');
    /// assert_eq!(slab.remove(key), 'a');
    /// ```
    #[inline]
    pub fn remove(&mut self, key: u32) -> V {
        let value = self.places[key as usize].take().expect("a value under the key");
        self.free.push(key);
        value
    }

    /// The value under a key, if there is one.
    ///
    /// ```
    /// let mut slab = rebalab::engine::Slab::new();
    /// let key = slab.insert('a');
    /// assert_eq!(slab.get(key), Some(&'a'));
    /// assert_eq!(slab.get(key + 1), None);
    /// ```
    pub fn get(&self, key: u32) -> Option<&V> {
        self.places.get(key as usize)?.as_ref()
    }

    /// The value under a key, if there is one, to change it.
    ///
    /// ```
    /// let mut slab = rebalab::engine::Slab::new();
    /// let key = slab.insert(1);
    /// *slab.get_mut(key).unwrap() += 1;
    /// assert_eq!(slab.get(key), Some(&2));
    /// ```
    pub fn get_mut(&mut self, key: u32) -> Option<&mut V> {
        self.places.get_mut(key as usize)?.as_mut()
    }

    /// All values with their keys, in the order of the keys.
    ///
    /// ```
    /// let mut slab = rebalab::engine::Slab::new();
    /// let (a, b) = (slab.insert('a'), slab.insert('b'));
    /// slab.remove(a);
    /// assert_eq!(slab.iter().collect::<Vec<_>>(), [(b, &'b')]);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (u32, &V)> {
        self.places.iter().zip(0..).filter_map(|(place, key)| Some((key, place.as_ref()?)))
    }

    /// How many values there are.
    ///
    /// ```
    /// let mut slab = rebalab::engine::Slab::new();
    /// slab.insert('a');
    /// assert_eq!(slab.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Whether there are none.
    ///
    /// ```
    /// assert!(rebalab::engine::Slab::<u8>::default().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_given_back_is_used_again() {
        let mut slab = Slab::new();
        let keys: Vec<u32> = (0..3).map(|value| slab.insert(value)).collect();
        slab.remove(keys[1]);
        assert_eq!(slab.get(keys[1]), None);
        assert_eq!(slab.insert(9), keys[1]);
        assert_eq!(slab.len(), 3);
        assert_eq!(slab.get(keys[2]), Some(&2));
    }

    #[test]
    #[should_panic(expected = "a value under the key")]
    fn a_value_cannot_be_taken_twice() {
        let mut slab = Slab::new();
        let key = slab.insert('a');
        slab.remove(key);
        slab.remove(key);
    }
}
