//! Finds partitions of the directory by name, cheaply enough for every event.

use crate::protocol::{TopicName, TopicPartition};
use crate::trace::event::{Directory, PartitionIndex};

/// Finds the index of a partition. The topic of the last look-up comes first, and is compared by reference, so that a
/// look-up neither hashes nor compares text as a rule.
#[derive(Clone, Debug, Default)]
pub struct PartitionLookup {
    /// The topic of the last look-up.
    present: TopicIndices,
    others: Vec<TopicIndices>,
    /// How many partitions of the directory are known here.
    known: usize,
}

/// Indices of one topic's partitions by number.
#[derive(Clone, Debug, Default)]
struct TopicIndices {
    name: TopicName,
    /// [`NONE`] where the directory has no partition of that number.
    indices: Vec<u32>,
}

/// The directory has no such partition.
const NONE: u32 = u32::MAX;

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
            if !self.turn_to(&partition.topic) {
                let topic = TopicIndices { name: partition.topic, indices: Vec::new() };
                self.others.push(std::mem::replace(&mut self.present, topic));
            }
            let indices = &mut self.present.indices;
            let number = partition.partition.max(0) as usize;
            if indices.len() <= number {
                indices.resize(number + 1, NONE);
            }
            indices[number] = index as u32;
        }
        self.known = directory.partitions.len();
    }

    /// The index of `partition`; `None` if the directory (as last seen) does not have it.
    #[inline]
    pub fn find(&mut self, partition: &TopicPartition) -> Option<PartitionIndex> {
        if self.present.name != partition.topic && !self.turn_to(&partition.topic) {
            return None;
        }
        // A negative number becomes one that no topic has.
        let number = partition.partition as u32;
        self.present.indices.get(number as usize).filter(|index| **index != NONE).map(|index| PartitionIndex(*index))
    }

    /// Makes this topic the present one; false if it is unknown.
    #[cold]
    #[inline(never)]
    fn turn_to(&mut self, topic: &TopicName) -> bool {
        if self.present.name == *topic {
            return true;
        }
        let Some(place) = self.others.iter().position(|other| other.name == *topic) else { return false };
        std::mem::swap(&mut self.present, &mut self.others[place]);
        true
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
