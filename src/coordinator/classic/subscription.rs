//! Topics of a `ConsumerProtocolSubscription`, read as its version 0: the prefix of all versions.

use crate::protocol::TopicName;

/// Why a subscription could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unreadable {
    /// Too short for its fixed fields (`SchemaException`): the group's topics are unknown.
    Truncated,
    /// Lengths that make no sense: an exception that the coordinator does not expect.
    Malformed,
}

/// The topics of a subscription (classic-coordinator.md 1.5; `ConsumerProtocol.deserializeConsumerProtocolSubscription`).
pub(super) fn subscribed_topics(bytes: &[u8]) -> Result<Vec<TopicName>, Unreadable> {
    let mut reader = Reader(bytes);
    let _version = reader.read_i16()?;
    let count = usize::try_from(reader.read_i32()?).map_err(|_| Unreadable::Malformed)?;
    if count > reader.0.len() {
        return Err(Unreadable::Malformed);
    }
    let mut topics = Vec::with_capacity(count);
    for _ in 0..count {
        let length = usize::try_from(reader.read_i16()?).map_err(|_| Unreadable::Malformed)?;
        let text = reader.take(length).ok_or(Unreadable::Malformed)?;
        topics.push(TopicName::from(&*String::from_utf8_lossy(text)));
    }
    // User data: read, so that its length is checked as Kafka does.
    if let Ok(length) = usize::try_from(reader.read_i32()?) {
        reader.take(length).ok_or(Unreadable::Malformed)?;
    }
    Ok(topics)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn read_i16(&mut self) -> Result<i16, Unreadable> {
        self.take(2).map(|bytes| i16::from_be_bytes([bytes[0], bytes[1]])).ok_or(Unreadable::Truncated)
    }

    fn read_i32(&mut self) -> Result<i32, Unreadable> {
        self.take(4)
            .map(|bytes| i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            .ok_or(Unreadable::Truncated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_topics(topics: &[&str]) -> Vec<u8> {
        let mut bytes = vec![0, 3];
        bytes.extend((topics.len() as i32).to_be_bytes());
        for topic in topics {
            bytes.extend((topic.len() as i16).to_be_bytes());
            bytes.extend(topic.as_bytes());
        }
        bytes
    }

    #[test]
    fn reads_topics_of_any_version() {
        let mut bytes = with_topics(&["a", "orders"]);
        bytes.extend((-1i32).to_be_bytes());
        bytes.extend([1, 2, 3]);
        assert_eq!(subscribed_topics(&bytes), Ok(vec!["a".into(), "orders".into()]));
    }

    #[test]
    fn a_truncated_subscription_leaves_the_topics_unknown() {
        assert_eq!(subscribed_topics(&[0]), Err(Unreadable::Truncated));
        assert_eq!(subscribed_topics(&with_topics(&["a"])), Err(Unreadable::Truncated));
    }

    #[test]
    fn lengths_beyond_the_end_are_malformed() {
        assert_eq!(subscribed_topics(b"not a subscription"), Err(Unreadable::Malformed));
        let mut bytes = with_topics(&["a"]);
        bytes.extend(9i32.to_be_bytes());
        assert_eq!(subscribed_topics(&bytes), Err(Unreadable::Malformed));
    }
}
