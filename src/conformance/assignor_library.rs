//! Replays recorded computations of the sticky assignors of franz-go and sarama.
//!
//! What they decide hangs on the order of Go's maps, so each computation was recorded again and again with all the
//! assignments that came of it. Compared is: every recorded assignment is one of ours under some order; where one topic and
//! equal subscriptions leave franz-go no choice, ours is the only one. With different subscriptions franz-go's is one of
//! several as good ones: compared are how many partitions each member has (not in a cooperative round, which withholds
//! some) and how many stay where they were.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::difference::Difference;
use super::hex;
use crate::assignor::{ClientAssignor, Cluster, ConsumerPartitionAssignor, GroupMember};
use crate::client::AssignorFamily;
use crate::protocol::config::AssignorName;
use crate::protocol::subscription::{ConsumerProtocolSubscription, StickyUserData, TopicPartitions};

/// So many orders are tried until every recorded assignment has come up.
const ORDERS_MAX: u64 = 3_000;

/// So many orders must not bring up anything else where there is only one way.
const ORDERS_OF_ONE_WAY: u64 = 60;

/// Member, topic, partitions in order.
type Plan = BTreeMap<String, BTreeMap<String, Vec<i32>>>;

#[derive(Deserialize)]
struct Case {
    assignor: String,
    library: String,
    generations: Vec<Computation>,
}

#[derive(Deserialize)]
struct Computation {
    topics: BTreeMap<String, u32>,
    members: Vec<Member>,
    outcomes: BTreeSet<Plan>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Member {
    member_id: String,
    group_instance_id: Option<String>,
    metadata_hex: String,
}

/// True for the cases that [`replay`] understands.
pub fn is_library_assignor_case(case: &Value) -> bool {
    case.get("library").is_some() && case.get("assignor").is_some()
}

/// Computes what a case recorded; returns what came out differently, and how many computations there are.
///
/// # Errors
/// A sentence about what is wrong with the case itself, if it is damaged.
pub fn replay(case: &Value) -> Result<(Vec<Difference>, usize), String> {
    let case = Case::deserialize(case).map_err(|error| format!("not an assignor case: {error}"))?;
    let family = match case.library.as_str() {
        "franz-go" => AssignorFamily::FranzGo,
        "sarama" => AssignorFamily::Sarama,
        other => return Err(format!("no assignors of `{other}` are known")),
    };
    let name = AssignorName::from_wire(&case.assignor).ok_or_else(|| format!("no assignor `{}`", case.assignor))?;
    let assignor = family.assignor(name);
    let mut differences = Vec::new();
    for (number, computation) in case.generations.iter().enumerate() {
        let members = computation.members()?;
        let found = match family == AssignorFamily::FranzGo && !subscriptions_are_equal(&members) {
            true => computation.as_good(assignor, &members)?,
            false => computation.as_recorded(assignor, &members)?,
        };
        let field =
            |difference: Difference| Difference { field: format!("generations[{number}].outcomes"), ..difference };
        differences.extend(found.map(field));
    }
    Ok((differences, case.generations.len()))
}

fn subscriptions_are_equal(members: &[GroupMember]) -> bool {
    members.windows(2).all(|pair| pair[0].subscription.topics == pair[1].subscription.topics)
}

fn difference(expected: &impl std::fmt::Debug, actual: &impl std::fmt::Debug) -> Option<Difference> {
    Some(Difference { field: String::new(), expected: format!("{expected:?}"), actual: format!("{actual:?}") })
}

impl Computation {
    fn members(&self) -> Result<Vec<GroupMember>, String> {
        let member = |member: &Member| {
            let subscription = ConsumerProtocolSubscription::decode(&hex::decode(&member.metadata_hex)?);
            Ok(GroupMember {
                member_id: member.member_id.as_str().into(),
                group_instance_id: member.group_instance_id.as_deref().map(Into::into),
                subscription: subscription.map_err(|error| format!("{}: {error}", member.member_id))?,
            })
        };
        self.members.iter().map(member).collect()
    }

    /// Every recorded assignment is among ours, and ours is the recorded one where there is only one way.
    fn as_recorded(&self, assignor: ClientAssignor, members: &[GroupMember]) -> Result<Option<Difference>, String> {
        let franz_go = matches!(assignor, ClientAssignor::FranzGoSticky | ClientAssignor::FranzGoCooperativeSticky);
        let one_way = members.len() == 1 || (franz_go && self.topics.len() == 1);
        let mut decided = BTreeSet::new();
        for order in 0..if one_way { ORDERS_OF_ONE_WAY } else { ORDERS_MAX } {
            decided.insert(self.decided(assignor, members, order)?);
            if !one_way && self.outcomes.is_subset(&decided) {
                return Ok(None);
            }
        }
        let agrees = if one_way { decided == self.outcomes } else { self.outcomes.is_subset(&decided) };
        Ok(if agrees { None } else { difference(&self.outcomes, &decided) })
    }

    /// Ours is as balanced and as sticky as the recorded ones.
    fn as_good(&self, assignor: ClientAssignor, members: &[GroupMember]) -> Result<Option<Difference>, String> {
        let measure = |plan: &Plan| {
            let mut sizes: Vec<usize> = plan.values().map(|topics| topics.values().map(Vec::len).sum()).collect();
            sizes.sort_unstable();
            (if assignor.supports_cooperative() { Vec::new() } else { sizes }, kept(plan, members))
        };
        let recorded: BTreeSet<_> = self.outcomes.iter().map(measure).collect();
        let mut decided = BTreeSet::new();
        for order in 0..ORDERS_OF_ONE_WAY {
            decided.insert(measure(&self.decided(assignor, members, order)?));
        }
        Ok(if decided == recorded { None } else { difference(&recorded, &decided) })
    }

    fn decided(&self, assignor: ClientAssignor, members: &[GroupMember], order: u64) -> Result<Plan, String> {
        let topics = self.topics.iter();
        let cluster: Cluster = topics.map(|(name, partitions)| (name.as_str().into(), *partitions)).collect();
        let mut object = ConsumerPartitionAssignor::new(assignor);
        object.draw_map_order(order);
        let assignment = object.assign(&cluster, members).map_err(|error| error.to_string())?;
        let plan = assignment.members.iter().map(|member| {
            let mut topics: BTreeMap<String, Vec<i32>> = BTreeMap::new();
            for partition in assignment.partitions(member) {
                topics.entry(partition.topic.to_string()).or_default().push(partition.partition);
            }
            topics.values_mut().for_each(|list| list.sort_unstable());
            (member.member_id.to_string(), topics)
        });
        Ok(plan.collect())
    }
}

/// How many partitions stay with the member that says it has them.
fn kept(plan: &Plan, members: &[GroupMember]) -> usize {
    let of_member = |member: &GroupMember| {
        let mut owned = member.subscription.owned_partitions.clone();
        if owned.is_empty() {
            let data = member.subscription.user_data.as_deref().and_then(StickyUserData::decode);
            owned = data.unwrap_or_default().previous_assignment;
        }
        let topics = plan.get(member.member_id.as_str());
        let has = |topic: &str, number: i32| {
            topics.and_then(|topics| topics.get(topic)).is_some_and(|list| list.contains(&number))
        };
        TopicPartitions::flatten(&owned).filter(|owned| has(owned.topic.as_str(), owned.partition)).count()
    };
    members.iter().map(of_member).sum()
}
