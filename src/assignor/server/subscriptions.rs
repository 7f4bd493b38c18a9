//! Who subscribes to what, with topics as numbers.

use rustc_hash::FxHashMap;

use super::{ServerMember, SubscribedTopics};
use crate::assignor::distinct::distinct;
use crate::assignor::error::AssignorError;
use crate::protocol::TopicId;

/// Subscriptions of members, topics numbered in the order in which the members name them.
pub(super) struct Subscriptions {
    /// Id and number of partitions of each topic.
    pub(super) topics: Vec<(TopicId, u32)>,
    pub(super) index_of: FxHashMap<TopicId, u32>,
    /// Different lists of topics, and which of them each member has.
    lists: Vec<Vec<u32>>,
    list_of: Vec<u32>,
}

impl Subscriptions {
    /// Fails on a topic that nothing is known of.
    pub(super) fn new<'a>(
        members: impl IntoIterator<Item = &'a ServerMember>,
        known: &SubscribedTopics,
    ) -> Result<Self, AssignorError> {
        let (lists, list_of) = distinct(members.into_iter().map(|member| member.subscribed_topic_ids.as_slice()));
        let longest = lists.iter().map(|ids| ids.len()).max().unwrap_or_default();
        let mut subscriptions = Subscriptions {
            topics: Vec::with_capacity(longest),
            index_of: FxHashMap::with_capacity_and_hasher(longest, Default::default()),
            lists: Vec::with_capacity(lists.len()),
            list_of,
        };
        for ids in lists {
            let mut list = Vec::with_capacity(ids.len());
            for id in ids {
                list.push(subscriptions.number(*id, known)?);
            }
            subscriptions.lists.push(list);
        }
        Ok(subscriptions)
    }

    fn number(&mut self, id: TopicId, known: &SubscribedTopics) -> Result<u32, AssignorError> {
        if let Some(number) = self.index_of.get(&id) {
            return Ok(*number);
        }
        let number = self.topics.len() as u32;
        self.topics.push((id, known.known_partitions(id)?));
        self.index_of.insert(id, number);
        Ok(number)
    }

    /// The topics of the member that came at this position.
    pub(super) fn of(&self, position: usize) -> &[u32] {
        &self.lists[self.list_of[position] as usize]
    }

    /// Per list whether it contains each topic, and which list each member has.
    pub(super) fn membership(&self) -> (Vec<Vec<bool>>, &[u32]) {
        let contains = |list: &Vec<u32>| {
            let mut contains = vec![false; self.topics.len()];
            list.iter().for_each(|topic| contains[*topic as usize] = true);
            contains
        };
        (self.lists.iter().map(contains).collect(), &self.list_of)
    }
}
