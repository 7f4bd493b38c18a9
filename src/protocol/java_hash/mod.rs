//! Java's and Kafka's hash functions, where a decision of Kafka depends on them: which partition of
//! `__consumer_offsets` hosts a group, which partition a key goes to, and in which order a `java.util.HashMap` is walked
//! (new leader after a leave, members in a JoinGroup response, ties of the sticky assignors).
//!
//! Source of the rules: the Java language's `String.hashCode`, OpenJDK 17's `HashMap`, Kafka's `Utils` and
//! `BuiltInPartitioner`; spec `assignors.md` 0.1 and 0.2. Checked against recordings in `tests/vectors/hash`.

mod map;
mod tree_bin;

use std::cmp::Ordering;

pub use map::{Iter, JavaHashMap};

use super::{ClientId, GroupId, GroupInstanceId, MemberId, TopicName, TopicPartition};

/// A key that Java hashes: what `hashCode`, `equals` and `compareTo` of the Java class give.
pub trait JavaKey: Eq {
    /// `hashCode()`.
    fn hash_code(&self) -> i32;
    /// `compareTo()`: decides inside buckets that became trees (nine and more keys in one bucket) between keys of equal
    /// hash. For a class that is not `Comparable` Java asks the object's address there; any fixed order stands in for it.
    fn compare_to(&self, other: &Self) -> Ordering;
}

/// `String.hashCode`: `31 * h + c` over the UTF-16 units, wrapping.
///
/// ```
/// assert_eq!(rebalab::protocol::java_hash::string_hash("my-group"), -1906497762);
/// ```
pub fn string_hash(text: &str) -> i32 {
    if text.is_ascii() {
        ascii_hash(text.as_bytes())
    } else {
        text.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
    }
}

/// Four bytes at a time: one step of `31 * h + c` has to wait for the one before it, four at once do not.
fn ascii_hash(bytes: &[u8]) -> i32 {
    let (fours, rest) = bytes.as_chunks::<4>();
    let hash = fours.iter().fold(0i32, |hash, four| {
        let [a, b, c, d] = four.map(i32::from);
        hash.wrapping_mul(31 * 31 * 31 * 31).wrapping_add(a * (31 * 31 * 31) + b * (31 * 31) + c * 31 + d)
    });
    rest.iter().fold(hash, |hash, byte| hash.wrapping_mul(31).wrapping_add(i32::from(*byte)))
}

/// `String.compareTo`: by UTF-16 units (spec `assignors.md` 0.1). The same as Rust's order but between characters
/// outside the Basic Multilingual Plane, whose surrogates sort below U+E000..U+FFFF.
pub fn string_compare(left: &str, right: &str) -> Ordering {
    // The first differing byte is either inside characters of one length, or the lead byte of both.
    const FIRST_LEAD_FROM_E000: u8 = 0xEE;
    const FIRST_ASTRAL_LEAD: u8 = 0xF0;
    // Ids and names share long beginnings: these are passed over in larger steps.
    const STEP: usize = 8;
    let steps = left.as_bytes().chunks_exact(STEP).zip(right.as_bytes().chunks_exact(STEP));
    let equal = steps.take_while(|(l, r)| l == r).count() * STEP;
    let differing = left.bytes().skip(equal).zip(right.bytes().skip(equal)).find(|(l, r)| l != r);
    match differing {
        None => left.len().cmp(&right.len()),
        Some((l, r)) if l >= FIRST_LEAD_FROM_E000 && r >= FIRST_LEAD_FROM_E000 => {
            (r >= FIRST_ASTRAL_LEAD).cmp(&(l >= FIRST_ASTRAL_LEAD)).then(l.cmp(&r))
        }
        Some((l, r)) => l.cmp(&r),
    }
}

/// What `HashMap` makes of a hash code before it picks the bucket: the upper half mixed into the lower.
pub(crate) fn spread(hash_code: i32) -> i32 {
    hash_code ^ ((hash_code as u32) >> 16) as i32
}

/// The partition of `__consumer_offsets` that hosts a group: `Utils.abs(groupId.hashCode()) % partitions`, where the
/// absolute value of `Integer.MIN_VALUE` is 0.
///
/// # Panics
/// If `partitions` is 0.
///
/// ```
/// assert_eq!(rebalab::protocol::java_hash::coordinator_partition("my-group", 50), 12);
/// ```
pub fn coordinator_partition(group_id: &str, partitions: u32) -> u32 {
    let positive = string_hash(group_id).checked_abs().unwrap_or(0);
    positive as u32 % partitions
}

/// `Utils.murmur2`: the 32-bit MurmurHash2 by which a producer spreads keys over partitions.
pub fn murmur2(data: &[u8]) -> i32 {
    const SEED: u32 = 0x9747_b28c;
    const MULTIPLIER: u32 = 0x5bd1_e995;
    let mut hash = SEED ^ data.len() as u32;
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut mixed = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(MULTIPLIER);
        mixed ^= mixed >> 24;
        hash = hash.wrapping_mul(MULTIPLIER) ^ mixed.wrapping_mul(MULTIPLIER);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (position, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * position);
        }
        hash = hash.wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MULTIPLIER);
    (hash ^ (hash >> 15)) as i32
}

/// The partition a record with this key goes to: `BuiltInPartitioner.partitionForKey`. The sign is masked off here, where
/// [`coordinator_partition`] takes the absolute value.
///
/// # Panics
/// If `partitions` is 0.
pub fn partition_for_key(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) as u32 & 0x7fff_ffff) % partitions
}

impl JavaKey for str {
    fn hash_code(&self) -> i32 {
        string_hash(self)
    }
    fn compare_to(&self, other: &Self) -> Ordering {
        string_compare(self, other)
    }
}

impl<K: JavaKey + ?Sized> JavaKey for &K {
    fn hash_code(&self) -> i32 {
        K::hash_code(self)
    }
    fn compare_to(&self, other: &Self) -> Ordering {
        K::compare_to(self, other)
    }
}

macro_rules! java_string {
    ($($name:ty),*) => {$(
        impl JavaKey for $name {
            fn hash_code(&self) -> i32 {
                string_hash(self.as_ref_str())
            }
            fn compare_to(&self, other: &Self) -> Ordering {
                string_compare(self.as_ref_str(), other.as_ref_str())
            }
        }
    )*};
}

/// The text of the types that are a `String` in Kafka.
trait AsRefStr {
    fn as_ref_str(&self) -> &str;
}
impl<T: std::borrow::Borrow<str>> AsRefStr for T {
    fn as_ref_str(&self) -> &str {
        self.borrow()
    }
}

java_string!(String, std::sync::Arc<str>, GroupId, GroupInstanceId, ClientId, TopicName);

/// `TopicPartition.hashCode`: `31 * (31 + partition) + topic.hashCode()`. Not `Comparable` in Java.
impl JavaKey for MemberId {
    fn hash_code(&self) -> i32 {
        MemberId::hash_code(self)
    }
    fn compare_to(&self, other: &Self) -> Ordering {
        string_compare(self.as_str(), other.as_str())
    }
}

impl JavaKey for TopicPartition {
    fn hash_code(&self) -> i32 {
        topic_partition_hash(string_hash(self.topic.as_str()), self.partition)
    }
    fn compare_to(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }
}

/// `TopicPartition.hashCode` from the topic's hash code.
pub(crate) fn topic_partition_hash(topic_hash: i32, partition: i32) -> i32 {
    partition.wrapping_add(31).wrapping_mul(31).wrapping_add(topic_hash)
}

/// `Integer.hashCode`: the value.
impl JavaKey for i32 {
    fn hash_code(&self) -> i32 {
        *self
    }
    fn compare_to(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn string_hashes_run_over_utf16_units() {
        assert_eq!(string_hash(""), 0);
        assert_eq!(string_hash("test"), 3556498);
        assert_eq!(string_hash("\u{1F600}"), 0xD83D_i32.wrapping_mul(31).wrapping_add(0xDE00));
    }

    #[test]
    fn string_order_is_that_of_utf16_units() {
        let texts = [
            "",
            "B",
            "a",
            "consumer10",
            "consumer2",
            "é",
            "\u{D7FF}",
            "\u{E000}",
            "\u{FFFF}",
            "\u{1F600}",
            "a\u{10FFFF}",
        ];
        for left in texts {
            for right in texts {
                let expected = left.encode_utf16().cmp(right.encode_utf16());
                assert_eq!(string_compare(left, right), expected, "{left:?} against {right:?}");
            }
        }
        assert_eq!(string_compare("\u{FFFF}", "\u{1F600}"), Ordering::Greater);
        assert_eq!("\u{FFFF}".cmp("\u{1F600}"), Ordering::Less);
    }

    #[test]
    fn a_group_whose_hash_is_the_smallest_integer_lives_in_partition_0() {
        let group = "polygenelubricants";
        assert_eq!(string_hash(group), i32::MIN);
        assert_eq!(coordinator_partition(group, 50), 0);
    }
}
