//! Replays recorded hashes: group to coordinator partition, key to partition, walking order of a `HashMap`.
//!
//! The field that only one format has says which it is: `groupId`, `keyHex` or `operations`.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use super::difference::{Difference, compare};
use crate::protocol::java_hash::{JavaHashMap, coordinator_partition, murmur2, partition_for_key, string_hash};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CoordinatorPartition {
    group_id: String,
    hash_code: i32,
    /// By the number of partitions of `__consumer_offsets`.
    partition: IndexMap<String, u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyPartition {
    key_hex: String,
    murmur2: i32,
    /// By the number of partitions of the topic.
    partition: IndexMap<String, u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HashMapOrder {
    /// `+id` puts, `-id` removes.
    operations: Vec<String>,
    order: Vec<String>,
    /// Order of a new map that was filled in `order`.
    refilled_order: Vec<String>,
    /// Order of `new HashMap<>(map)`.
    copied_order: Option<Vec<String>>,
    /// Order of `new HashSet<>(map.keySet())`.
    set_order: Option<Vec<String>>,
}

/// True for the cases that [`replay`] understands.
pub fn is_hash_case(case: &Value) -> bool {
    ["groupId", "keyHex", "operations"].iter().any(|field| case.get(field).is_some())
        && case.get("generations").is_none()
}

/// Computes what a case recorded; returns the fields that came out differently.
///
/// # Errors
/// A sentence about what is wrong with the case itself, if it is damaged.
pub fn replay(case: &Value) -> Result<Vec<Difference>, String> {
    let damaged = |error: serde_json::Error| format!("not a hash case: {error}");
    let mut differences = Vec::new();
    if case.get("groupId").is_some() {
        let case = CoordinatorPartition::deserialize(case).map_err(damaged)?;
        compare(&mut differences, "hashCode", &case.hash_code, &string_hash(&case.group_id));
        for (partitions, expected) in &case.partition {
            let actual = coordinator_partition(&case.group_id, partition_count(partitions)?);
            compare(&mut differences, &format!("partition of {partitions}"), expected, &actual);
        }
    } else if case.get("keyHex").is_some() {
        let case = KeyPartition::deserialize(case).map_err(damaged)?;
        let key = super::hex::decode(&case.key_hex)?;
        compare(&mut differences, "murmur2", &case.murmur2, &murmur2(&key));
        for (partitions, expected) in &case.partition {
            let actual = partition_for_key(&key, partition_count(partitions)?);
            compare(&mut differences, &format!("partition of {partitions}"), expected, &actual);
        }
    } else {
        let case = HashMapOrder::deserialize(case).map_err(damaged)?;
        let map = apply(&case.operations)?;
        compare(&mut differences, "order", &case.order, &map.keys().cloned().collect());
        let mut refill = |field: &str, into: JavaHashMap<String, ()>, expected: &Vec<String>| {
            let mut refilled = into;
            refilled.extend(map.keys().map(|key| (key.clone(), ())));
            compare(&mut differences, field, expected, &refilled.keys().cloned().collect());
        };
        refill("refilledOrder", JavaHashMap::new(), &case.refilled_order);
        if let Some(expected) = &case.copied_order {
            refill("copiedOrder", JavaHashMap::for_copy_of(map.len()), expected);
        }
        if let Some(expected) = &case.set_order {
            refill("setOrder", JavaHashMap::for_set_of(map.len()), expected);
        }
    }
    Ok(differences)
}

fn partition_count(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| format!("`{text}` is not a number of partitions"))
}

fn apply(operations: &[String]) -> Result<JavaHashMap<String, ()>, String> {
    let mut map = JavaHashMap::new();
    for operation in operations {
        match operation.split_at_checked(1) {
            Some(("+", id)) => drop(map.insert(id.to_owned(), ())),
            Some(("-", id)) => drop(map.remove(id)),
            _ => return Err(format!("`{operation}` is neither `+id` nor `-id`")),
        }
    }
    Ok(map)
}
