//! Cost of one assignment beside Kafka's own (`benches/cost.csv`).
//!
//! Kafka's figures were taken on a machine like the one this project is developed on: one thread of a shared two-core
//! virtual machine with other work running, JDK 17, median of 20 calls after warm-up. They are good for orders of
//! magnitude; so is the comparison. `cargo bench --bench assignors` prints the table and fails if an assignment is slower
//! than Kafka's anywhere, or if sticky or cooperative-sticky is not three times as fast from 300 × 5,000 on.
//!
//! Measured is one call of `assign` with everything decoded before, as in Kafka's figures; reading the sticky assignor's
//! user data belongs to the call.

// A benchmark has to read a clock.
#![allow(clippy::disallowed_types)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rebalab::assignor::server::{GroupSpec, ServerAssignor, ServerMember, SubscribedTopics, SubscriptionType};
use rebalab::assignor::{ClientAssignor, Cluster, ConsumerPartitionAssignor, GroupMember};
use rebalab::protocol::subscription::{ConsumerProtocolSubscription, StickyUserData};
use rebalab::protocol::{Generation, TopicId};

/// One line of Kafka's figures.
struct Figure {
    assignor: String,
    different_subscriptions: bool,
    members: usize,
    topics: u32,
    partitions: u32,
    scenario: String,
    kafka_ms: f64,
}

fn figures() -> Vec<Figure> {
    let read = |line: &str| {
        let [assignor, members, topics, partitions, scenario, median_ms, _runs] =
            line.split(',').collect::<Vec<_>>().try_into().ok()?;
        let plain = assignor.strip_suffix(" (different subscriptions)");
        Some(Figure {
            assignor: plain.unwrap_or(assignor).to_owned(),
            different_subscriptions: plain.is_some(),
            members: members.parse().ok()?,
            topics: topics.parse().ok()?,
            partitions: partitions.parse().ok()?,
            scenario: scenario.to_owned(),
            kafka_ms: median_ms.parse().ok()?,
        })
    };
    include_str!("cost.csv").lines().filter_map(read).collect()
}

impl Figure {
    /// Members before the last one left or joined.
    fn members_before(&self) -> usize {
        match self.scenario.as_str() {
            "one_left" => self.members + 1,
            "one_joined" => self.members - 1,
            _ => 0,
        }
    }

    /// How much faster than Kafka an assignment has to be.
    fn required_ratio(&self) -> f64 {
        if self.assignor.contains("sticky") && self.partitions >= 5_000 { 3.0 } else { 1.0 }
    }

    /// The topics of a member, all or every other half.
    fn subscribed_topics(&self, member: usize) -> std::ops::Range<u32> {
        0..if self.different_subscriptions && member % 2 == 1 { self.topics / 2 } else { self.topics }
    }

    fn measure(&self) -> Duration {
        match self.assignor.strip_prefix("server-") {
            Some(name) => self.measure_server(name.parse().expect("a known assignor")),
            None => self.measure_client(self.assignor.parse().expect("a known assignor")),
        }
    }

    fn measure_client(&self, assignor: ClientAssignor) -> Duration {
        let per_topic = self.partitions / self.topics;
        let cluster = Cluster::from_iter((0..self.topics).map(|topic| (topic_name(topic).into(), per_topic)));
        let newcomer = |member: usize| GroupMember {
            member_id: member_id(member),
            group_instance_id: None,
            subscription: ConsumerProtocolSubscription {
                topics: self.subscribed_topics(member).map(|topic| topic_name(topic).into()).collect(),
                ..Default::default()
            },
        };
        let mut members: Vec<GroupMember> = (0..self.members_before()).map(newcomer).collect();
        if !members.is_empty() {
            let before = ConsumerPartitionAssignor::new(assignor).assign(&cluster, &members).expect("an assignment");
            for (member, assigned) in members.iter_mut().zip(&before.members) {
                let previous_assignment = before.to_wire(assigned).partitions;
                member.subscription.generation = Generation(1);
                if assignor == ClientAssignor::Sticky {
                    let data = StickyUserData { previous_assignment, generation: Some(1) };
                    member.subscription.user_data = Some(data.encode());
                } else if assignor == ClientAssignor::CooperativeSticky {
                    member.subscription.owned_partitions = previous_assignment;
                }
            }
        }
        members.truncate(self.members);
        members.extend((members.len()..self.members).map(newcomer));
        median(|| {
            let mut leader = ConsumerPartitionAssignor::with_max_generation(assignor, 1);
            black_box(leader.assign(black_box(&cluster), black_box(&members)).expect("an assignment"));
        })
    }

    fn measure_server(&self, assignor: ServerAssignor) -> Duration {
        let per_topic = self.partitions / self.topics;
        let topics = SubscribedTopics::from_iter((0..self.topics).map(|topic| (topic_id(topic), per_topic)));
        let newcomer = |member: usize| ServerMember {
            member_id: member_id(member),
            subscribed_topic_ids: self.subscribed_topics(member).map(topic_id).collect(),
            subscribed_topic_names: self.subscribed_topics(member).len() as u32,
            ..Default::default()
        };
        let subscription_type = match self.different_subscriptions {
            true => SubscriptionType::Heterogeneous,
            false => SubscriptionType::Homogeneous,
        };
        let before = GroupSpec { members: (0..self.members_before()).map(newcomer).collect(), subscription_type };
        let target = assignor.assign(&before, &topics).expect("a target");
        let mut members = before.members.clone();
        for (member, assigned) in members.iter_mut().zip(target.members) {
            member.assigned = assigned.into_owned();
        }
        members.truncate(self.members);
        members.extend((members.len()..self.members).map(newcomer));
        let group = GroupSpec { members, subscription_type };
        median(|| {
            black_box(assignor.assign(black_box(&group), black_box(&topics)).expect("a target"));
        })
    }
}

/// Ids as brokers make them; their order is not that of joining.
fn member_id(member: usize) -> rebalab::protocol::MemberId {
    let scattered = (member as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    format!(
        "consumer-group-{member}-{:08x}-{:04x}-4{:03x}",
        scattered >> 32,
        scattered >> 16 & 0xffff,
        scattered & 0xfff
    )
    .into()
}

fn topic_name(topic: u32) -> String {
    format!("topic-{topic}")
}

fn topic_id(topic: u32) -> TopicId {
    TopicId(u128::from(topic + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835))
}

/// Median time of a call, warmed up.
fn median(mut call: impl FnMut()) -> Duration {
    const RUNS: usize = 21;
    let mut times = Vec::with_capacity(RUNS);
    for run in 0..RUNS + 3 {
        let start = Instant::now();
        call();
        if run >= 3 {
            times.push(start.elapsed());
        }
    }
    times.sort_unstable();
    times[RUNS / 2]
}

fn main() -> ExitCode {
    let mut table =
        String::from("| assignor | members | partitions | scenario | Kafka ms | ours ms | times as fast |\n");
    table.push_str("|---|---:|---:|---|---:|---:|---:|\n");
    let mut too_slow = 0;
    for figure in figures() {
        let ours_ms = figure.measure().as_secs_f64() * 1e3;
        let ratio = figure.kafka_ms / ours_ms;
        let verdict = if ratio < figure.required_ratio() { " **too slow**" } else { "" };
        too_slow += usize::from(!verdict.is_empty());
        let different = if figure.different_subscriptions { ", different subscriptions" } else { "" };
        let Figure { assignor, members, partitions, scenario, kafka_ms, .. } = &figure;
        writeln!(
            table,
            "| {assignor}{different} | {members} | {partitions} | {scenario} | {kafka_ms:.3} | {ours_ms:.3} | {ratio:.1}{verdict} |",
        )
        .expect("writing to a string");
    }
    println!("{table}");
    if too_slow > 0 {
        eprintln!("{too_slow} figures are too slow");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
