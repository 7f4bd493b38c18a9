//! The sticky assignors of franz-go 1.22.2 and sarama 1.61.1 against what the libraries themselves decided
//! (`tests/vectors/assignors/go-libraries.jsonl.gz`): the same groups, given to each again and again, because the order
//! of Go's maps lets them decide in several ways.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use rebalab::assignor::{ClientAssignor, Cluster, ConsumerPartitionAssignor, GroupMember};
use rebalab::protocol::subscription::{ConsumerProtocolSubscription, StickyUserData, TopicPartitions};
use serde::Deserialize;

/// Member, topic, partitions.
type Plan = BTreeMap<String, BTreeMap<String, Vec<i32>>>;

#[derive(Deserialize)]
struct Case {
    case: String,
    library: String,
    assignor: String,
    generations: Vec<Computation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Computation {
    topics: BTreeMap<String, u32>,
    members: Vec<Member>,
    outcomes: Vec<Plan>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Member {
    member_id: String,
    group_instance_id: Option<String>,
    metadata_hex: String,
}

fn cases(library: &str) -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/assignors/go-libraries.jsonl.gz");
    let bytes = std::fs::read(path).expect("the recording is there");
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("a gzip file");
    let cases = text.lines().map(|line| serde_json::from_str::<Case>(line).expect("a line of JSON"));
    cases.filter(|case| case.library == library).collect()
}

impl Case {
    fn assignor(&self) -> ClientAssignor {
        match (self.library.as_str(), self.assignor.as_str()) {
            ("franz-go", "sticky") => ClientAssignor::FranzGoSticky,
            ("franz-go", "cooperative-sticky") => ClientAssignor::FranzGoCooperativeSticky,
            ("sarama", "sticky") => ClientAssignor::SaramaSticky,
            ("sarama", "cooperative-sticky") => ClientAssignor::SaramaCooperativeSticky,
            other => panic!("no assignor {other:?}"),
        }
    }
}

impl Computation {
    fn members(&self) -> Vec<GroupMember> {
        let byte = |hex: &[u8]| u8::from_str_radix(std::str::from_utf8(hex).unwrap(), 16).expect("a byte");
        let member = |member: &Member| GroupMember {
            member_id: member.member_id.as_str().into(),
            group_instance_id: member.group_instance_id.as_deref().map(Into::into),
            subscription: ConsumerProtocolSubscription::decode(
                &member.metadata_hex.as_bytes().chunks(2).map(byte).collect::<Vec<u8>>(),
            )
            .expect("a subscription"),
        };
        self.members.iter().map(member).collect()
    }

    /// What ours decides under so many orders.
    fn decided(&self, assignor: ClientAssignor, orders: u64) -> BTreeSet<Plan> {
        let topics = self.topics.iter();
        let cluster: Cluster = topics.map(|(name, partitions)| (name.as_str().into(), *partitions)).collect();
        let members = self.members();
        let mut object = ConsumerPartitionAssignor::new(assignor);
        let mut decided = BTreeSet::new();
        for order in 0..orders {
            object.draw_map_order(order);
            let assignment = object.assign(&cluster, &members).expect("an assignment");
            let plan = assignment.members.iter().map(|member| {
                let mut topics: BTreeMap<String, Vec<i32>> = BTreeMap::new();
                for partition in assignment.partitions(member) {
                    topics.entry(partition.topic.to_string()).or_default().push(partition.partition);
                }
                topics.values_mut().for_each(|list| list.sort_unstable());
                (member.member_id.to_string(), topics)
            });
            decided.insert(plan.collect());
        }
        decided
    }

    fn is_equal(&self) -> bool {
        let members = self.members();
        let mut lists: Vec<_> = members.iter().map(|member| &member.subscription.topics).collect();
        lists.dedup();
        lists.len() == 1
    }

    /// How many each member has, sorted, and how many stay where the member says that they are.
    fn measures(&self, plan: &Plan) -> (Vec<usize>, usize) {
        let loads = |topics: &BTreeMap<String, Vec<i32>>| topics.values().map(Vec::len).sum::<usize>();
        let mut sizes: Vec<usize> = plan.values().map(loads).collect();
        sizes.sort_unstable();
        let kept = self.members().into_iter().map(|member| {
            let mut owned = member.subscription.owned_partitions.clone();
            if owned.is_empty() {
                let data = member.subscription.user_data.as_deref().and_then(StickyUserData::decode);
                owned = data.unwrap_or_default().previous_assignment;
            }
            let has = |topic: &str, number: i32| {
                let topics = plan.get(member.member_id.as_str());
                topics.and_then(|topics| topics.get(topic)).is_some_and(|list| list.contains(&number))
            };
            TopicPartitions::flatten(&owned).filter(|owned| has(owned.topic.as_str(), owned.partition)).count()
        });
        (sizes, kept.sum())
    }
}

#[test]
fn franz_go_decides_as_recorded_where_all_subscribe_to_the_same() {
    let (mut alone, mut several) = (0, 0);
    for case in cases("franz-go") {
        for (number, computation) in case.generations.iter().enumerate().filter(|(_, it)| it.is_equal()) {
            let recorded: BTreeSet<Plan> = computation.outcomes.iter().cloned().collect();
            let decided = computation.decided(case.assignor(), 60);
            let missing = recorded.difference(&decided).collect::<Vec<_>>();
            assert!(missing.is_empty(), "{} {number}: {missing:?} not among {decided:?}", case.case);
            if computation.topics.len() == 1 {
                assert_eq!(decided, recorded, "{} {number}: one topic, so one outcome", case.case);
                alone += 1;
            } else {
                several += 1;
            }
        }
    }
    assert!(alone > 150 && several > 150, "{alone} {several}");
}

#[test]
fn franz_go_balances_unequal_subscriptions_as_well_and_moves_as_little_as_recorded() {
    let mut computations = 0;
    for case in cases("franz-go") {
        let eager = case.assignor() == ClientAssignor::FranzGoSticky;
        for (number, computation) in case.generations.iter().enumerate().filter(|(_, it)| !it.is_equal()) {
            let measure = |plans: &mut dyn Iterator<Item = &Plan>| {
                let of = |plan: &Plan| {
                    let (sizes, kept) = computation.measures(plan);
                    // What a cooperative round withholds is not known to the reader of its outcome.
                    (if eager { sizes } else { Vec::new() }, kept)
                };
                plans.map(of).collect::<BTreeSet<_>>()
            };
            let recorded = measure(&mut computation.outcomes.iter());
            let decided = measure(&mut computation.decided(case.assignor(), 20).iter());
            assert_eq!(decided, recorded, "{} {number}", case.case);
            computations += 1;
        }
    }
    assert!(computations > 100, "{computations}");
}

#[test]
fn sarama_decides_in_each_of_the_ways_that_were_recorded() {
    let mut computations = 0;
    for case in cases("sarama") {
        for (number, computation) in case.generations.iter().enumerate() {
            let decided = computation.decided(case.assignor(), 3_000);
            for outcome in &computation.outcomes {
                assert!(decided.contains(outcome), "{} {number}: {outcome:?} not among {decided:?}", case.case);
            }
            computations += 1;
        }
    }
    assert!(computations > 350, "{computations}");
}

#[test]
fn sarama_knows_one_way_only_where_there_is_one_member() {
    // A group of one member has nothing to decide, whatever the order.
    let ways = |case: &Case| {
        let alone = case.generations.iter().filter(|computation| computation.members.len() == 1);
        alone.map(|computation| computation.decided(case.assignor(), 50).len()).collect::<Vec<_>>()
    };
    let ways: Vec<usize> = cases("sarama").iter().flat_map(ways).collect();
    assert!(ways.len() > 20 && ways.iter().all(|ways| *ways == 1), "{ways:?}");
}
