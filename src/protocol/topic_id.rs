//! Topic ids as `org.apache.kafka.common.Uuid` writes, hashes and orders them.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::TopicId;
use super::java_hash::JavaKey;

impl TopicId {
    /// The upper and the lower half, signed as in Java.
    fn halves(self) -> (i64, i64) {
        ((self.0 >> 64) as i64, self.0 as i64)
    }
}

/// `(int) (x >> 32) ^ (int) x` of the two halves combined by exclusive or; ordered by the halves, signed.
impl JavaKey for TopicId {
    fn hash_code(&self) -> i32 {
        let (upper, lower) = self.halves();
        let both = upper ^ lower;
        (both >> 32) as i32 ^ both as i32
    }
    fn compare_to(&self, other: &Self) -> Ordering {
        self.halves().cmp(&other.halves())
    }
}

/// 22 characters of base64, URL-safe and without padding.
///
/// ```
/// use rebalab::protocol::TopicId;
///
/// let id: TopicId = "zqvYxNHIR4SzJc3LjhBbew".parse()?;
/// assert_eq!(id.to_string(), "zqvYxNHIR4SzJc3LjhBbew");
/// # Ok::<(), String>(())
/// ```
impl FromStr for TopicId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
        bytes.map(|bytes| TopicId(u128::from_be_bytes(bytes))).ok_or_else(|| format!("`{text}` is not a topic id"))
    }
}

impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_id_is_read_and_written_as_kafka_does() {
        for text in ["AAAAAAAAAAAAAAAAAAAAAA", "_____________________w", "zqvYxNHIR4SzJc3LjhBbew"] {
            assert_eq!(text.parse::<TopicId>().unwrap().to_string(), text);
        }
        assert!("short".parse::<TopicId>().is_err());
    }

    #[test]
    fn halves_are_compared_signed() {
        let negative = TopicId(u128::MAX);
        assert_eq!(negative.compare_to(&TopicId::ZERO), Ordering::Less);
        assert_eq!(TopicId(u128::from(u64::MAX)).compare_to(&TopicId::ZERO), Ordering::Less);
        assert_eq!(TopicId(1 << 64).compare_to(&TopicId(u128::from(u64::MAX))), Ordering::Greater);
    }
}
