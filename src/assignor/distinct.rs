//! Finding members that subscribe to the same topics.

use std::hash::Hash;

use rustc_hash::FxHashMap;

/// The different ones among many lists, in the order of their first occurrence, and which of them each list is.
pub(super) fn distinct<'a, T: Eq + Hash>(lists: impl IntoIterator<Item = &'a [T]>) -> (Vec<&'a [T]>, Vec<u32>) {
    /// Most groups have one list or a few: these are compared directly, the most recent first.
    const COMPARED_DIRECTLY: usize = 4;
    let mut found: Vec<&[T]> = Vec::new();
    let mut by_content: FxHashMap<&[T], u32> = FxHashMap::default();
    let numbers = lists
        .into_iter()
        .map(|list| {
            let recent = found.iter().enumerate().rev().take(COMPARED_DIRECTLY).find(|(_, known)| **known == list);
            if let Some((number, _)) = recent {
                return number as u32;
            }
            *by_content.entry(list).or_insert_with(|| {
                found.push(list);
                found.len() as u32 - 1
            })
        })
        .collect();
    (found, numbers)
}
