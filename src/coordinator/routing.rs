//! Which shard a request is for, where one request is for several.

use crate::protocol::java_hash::{JavaHashMap, coordinator_partition};
use crate::protocol::{GroupId, TopicPartition};

/// The groups of a DeleteGroups request by partition of `__consumer_offsets`, of which there are `partitions`, in the
/// order in which Kafka asks the shards and puts their answers together: that of a `HashMap` by partition
/// (`GroupCoordinatorService.deleteGroups`).
pub fn delete_groups_by_partition(groups: &[GroupId], partitions: u32) -> Vec<(u32, Vec<GroupId>)> {
    let mut by_partition: JavaHashMap<TopicPartition, (u32, Vec<GroupId>)> = JavaHashMap::new();
    for group in groups {
        let partition = coordinator_partition(group.as_str(), partitions);
        let key = TopicPartition::new("__consumer_offsets", partition as i32);
        match by_partition.get_mut(&key) {
            Some((_, groups)) => groups.push(*group),
            None => _ = by_partition.insert(key, (partition, vec![*group])),
        }
    }
    by_partition.values().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_one_partition_are_asked_for_together() {
        let groups = ["g", "absent", "g-1"].map(GroupId::from);
        let names = |split: Vec<(u32, Vec<GroupId>)>| -> Vec<(u32, String)> {
            let join = |groups: Vec<GroupId>| groups.iter().map(GroupId::as_str).collect::<Vec<_>>().join(" ");
            split.into_iter().map(|(partition, groups)| (partition, join(groups))).collect()
        };
        let by_50 = names(delete_groups_by_partition(&groups, 50));
        assert_eq!(by_50, [(27, "g-1".to_owned()), (39, "absent".to_owned()), (3, "g".to_owned())]);
        assert_eq!(names(delete_groups_by_partition(&groups, 1)), [(0, "g absent g-1".to_owned())]);
    }
}
