//! Finds partitions of the directory by name, cheaply enough for every event.

use std::sync::Arc;

use crate::protocol::{TopicName, TopicPartition};
use crate::trace::event::{Directory, PartitionIndex};

/// Finds the index of a partition. Topics are compared by reference before they are compared by text, and the topic of
/// the last look-up comes first, so that a look-up neither hashes nor compares text as a rule.
#[derive(Clone, Debug, Default)]
pub struct PartitionLookup {
    topics: Vec<(Arc<str>, Vec<Option<PartitionIndex>>)>,
    /// How many partitions of the directory are known here.
    known: usize,
    last: usize,
}

impl PartitionLookup {
    /// A look-up of all partitions in the directory.
    pub fn new(directory: &Directory) -> Self {
        let mut lookup = PartitionLookup::default();
        lookup.extend(directory);
        lookup
    }

    /// Takes in partitions that were appended to the directory.
    pub fn extend(&mut self, directory: &Directory) {
        for (index, partition) in directory.partitions.iter().enumerate().skip(self.known) {
            let known = self.topics.iter().position(|(name, _)| **name == *partition.topic.0);
            let topic = known.unwrap_or_else(|| {
                self.topics.push((partition.topic.0.clone(), Vec::new()));
                self.topics.len() - 1
            });
            let numbers = &mut self.topics[topic].1;
            let number = partition.partition.max(0) as usize;
            if numbers.len() <= number {
                numbers.resize(number + 1, None);
            }
            numbers[number] = Some(PartitionIndex(index as u32));
        }
        self.known = directory.partitions.len();
    }

    /// The index of `partition`; `None` if the directory (as last seen) does not have it.
    #[inline]
    pub fn find(&mut self, partition: &TopicPartition) -> Option<PartitionIndex> {
        let number = usize::try_from(partition.partition).ok()?;
        let hit = self.topics.get(self.last).filter(|(name, _)| Arc::ptr_eq(name, &partition.topic.0));
        match hit {
            Some((_, numbers)) => numbers.get(number).copied().flatten(),
            None => self.find_elsewhere(&partition.topic, number),
        }
    }

    #[cold]
    #[inline(never)]
    fn find_elsewhere(&mut self, topic: &TopicName, number: usize) -> Option<PartitionIndex> {
        self.last = self.topics.iter().position(|(name, _)| **name == *topic.0)?;
        self.topics[self.last].1.get(number).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_found_by_name_also_those_added_later() {
        let partitions = vec![TopicPartition::new("a", 0), TopicPartition::new("b", 0), TopicPartition::new("b", 1)];
        let mut directory = Directory { partitions, ..Directory::default() };
        let mut lookup = PartitionLookup::new(&directory);
        assert_eq!(lookup.find(&TopicPartition::new("b", 1)), Some(PartitionIndex(2)));
        assert_eq!(lookup.find(&directory.partitions[0].clone()), Some(PartitionIndex(0)));
        assert_eq!(lookup.find(&TopicPartition::new("a", 1)), None);
        assert_eq!(lookup.find(&TopicPartition::new("a", -1)), None);
        assert_eq!(lookup.find(&TopicPartition::new("c", 0)), None);
        directory.partitions.push(TopicPartition::new("a", 1));
        lookup.extend(&directory);
        assert_eq!(lookup.find(&TopicPartition::new("a", 1)), Some(PartitionIndex(3)));
        assert_eq!(lookup.find(&TopicPartition::new("b", 0)), Some(PartitionIndex(1)));
    }
}
