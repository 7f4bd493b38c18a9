//! Names and numbers that identify things on the wire.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use super::java_hash::string_hash;

/// Opaque bytes as they cross the wire (subscriptions, assignments); cheap to clone.
pub type Bytes = Arc<[u8]>;

macro_rules! string_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Scenarios give few of them, and they are copied all the time: each text is kept once and for good, so that a copy is
        /// a pointer, and equal names are the same pointer.
        #[derive(Clone, Copy)]
        pub struct $name(&'static str);

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                std::ptr::eq(self.0, other.0)
            }
        }
        impl Eq for $name {}
        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.0.hash(state);
            }
        }

        impl Ord for $name {
            /// By the text.
            fn cmp(&self, other: &Self) -> Ordering {
                if self == other { Ordering::Equal } else { self.0.cmp(other.0) }
            }
        }
        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &'static str {
                self.0
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                $name(interned(text))
            }
        }
        impl From<String> for $name {
            fn from(text: String) -> Self {
                $name(interned(&text))
            }
        }
        impl Default for $name {
            fn default() -> Self {
                $name::from("")
            }
        }
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.0, f)
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.0)
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map($name::from)
            }
        }
    };
}

/// The one copy of this text.
fn interned(text: &str) -> &'static str {
    static TEXTS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = texts.get(text) {
        return known;
    }
    let kept: &'static str = Box::leak(text.into());
    texts.insert(kept);
    kept
}

string_id!(
    /// `group.id`.
    GroupId
);
string_id!(
    /// `group.instance.id` of a static member (KIP-345).
    GroupInstanceId
);
string_id!(
    /// `client.id`.
    ClientId
);
string_id!(
    /// Name of a topic.
    TopicName
);

/// Member id as the coordinator hands it out (`<client.id>-<uuid>` or `<instance id>-<uuid>`); empty before the first join.
///
/// It knows its text's `hashCode`, as a `String` of Java does: coordinators look members up all the time.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[serde(from = "String", into = "String")]
pub struct MemberId {
    text: Arc<str>,
    hash_code: i32,
}

impl MemberId {
    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The very same text, not just an equal one.
    pub fn is_same(&self, other: &MemberId) -> bool {
        Arc::ptr_eq(&self.text, &other.text)
    }

    /// `String.hashCode` of the text.
    pub fn hash_code(&self) -> i32 {
        self.hash_code
    }

    /// True for the id that a client sends before it was given one.
    pub fn is_unknown(&self) -> bool {
        self.text.is_empty()
    }
}

impl PartialEq for MemberId {
    fn eq(&self, other: &Self) -> bool {
        self.hash_code == other.hash_code && (self.is_same(other) || self.text == other.text)
    }
}
impl Eq for MemberId {}
impl Hash for MemberId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash_code.hash(state);
    }
}
impl Ord for MemberId {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.is_same(other) { Ordering::Equal } else { self.text.cmp(&other.text) }
    }
}
impl PartialOrd for MemberId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl From<&str> for MemberId {
    fn from(text: &str) -> Self {
        MemberId { hash_code: string_hash(text), text: Arc::from(text) }
    }
}
impl From<String> for MemberId {
    fn from(text: String) -> Self {
        MemberId::from(text.as_str())
    }
}
impl From<MemberId> for String {
    fn from(id: MemberId) -> Self {
        id.as_str().to_string()
    }
}
impl Default for MemberId {
    fn default() -> Self {
        MemberId::from("")
    }
}
impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}

/// Generation of a classic group; -1 for none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub struct Generation(pub i32);

impl Generation {
    /// No generation: before the first join, or of a commit outside group management.
    pub const NONE: Generation = Generation(-1);
}

/// Id of a producer (idempotent or transactional).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub struct ProducerId(pub i64);

/// Id of a topic (KIP-516), the 128 bits of its UUID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct TopicId(pub u128);

impl TopicId {
    /// "No id": requests of clients that know topics by name only.
    pub const ZERO: TopicId = TopicId(0);
}

/// `broker.id` / `node.id`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub struct BrokerId(pub u32);

/// One partition of one topic. Ordered by topic name, then partition.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct TopicPartition {
    /// The topic.
    pub topic: TopicName,
    /// The partition, from 0.
    pub partition: i32,
}

impl TopicPartition {
    /// Partition `partition` of `topic`.
    pub fn new(topic: impl Into<TopicName>, partition: i32) -> Self {
        TopicPartition { topic: topic.into(), partition }
    }
}
impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}
impl fmt::Debug for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
