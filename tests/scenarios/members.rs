//! Members that differ: in the assignors they offer, in what they know of the topics, in when they learn of it.

use rebalab::analysis::figures::KnownFigures;
use rebalab::analysis::outcome::Outcome;
use rebalab::coordinator::CoordinatorEvent;
use rebalab::experiment;
use rebalab::scenario::{NoFiles, Scenario, load};
use rebalab::trace::{Directory, Event, Observer, TraceEvent};

/// The join phases that ended: second, protocol, number of members; and the reasons of those that began.
#[derive(Default)]
struct Joins {
    ended: Vec<(f64, String, u32)>,
    began: Vec<(f64, String)>,
}

impl Observer for Joins {
    fn event(&mut self, _: &Directory, event: &TraceEvent) {
        let at = event.at.as_secs_f64();
        let Event::Coordinator { event, .. } = &event.event else { return };
        match event {
            CoordinatorEvent::Stabilized { protocol, members, .. } => {
                self.ended.push((at, protocol.to_string(), *members));
            }
            CoordinatorEvent::PreparingRebalance { reason, .. } => self.began.push((at, reason.to_string())),
            _ => {}
        }
    }
}

fn joins_of(scenario: &Scenario, seed: u64) -> (Outcome, Joins) {
    let mut joins = Joins::default();
    let (outcome, _) = experiment::run(scenario, seed, &mut [&mut joins]);
    assert!(outcome.invariants_hold(), "seed {seed}");
    (outcome, joins)
}

fn run(topics: &str, consumers: &str) -> (Outcome, Joins) {
    let text = format!(
        r#"{{ "format_version": 1, "name": "t", "duration": "12m", "cluster": {{ "topics": [{topics}] }},
             "groups": [{{ "id": "billing", "consumers": [{consumers}] }}] }}"#
    );
    joins_of(&load("t.json", &text, &NoFiles, &KnownFigures).unwrap_or_else(|problems| panic!("{problems}")), 1)
}

const ORDERS: &str = r#"{ "name": "orders", "partitions": 6 }"#;

/// Members that offer these lists of assignors, one after the other.
fn offering(lists: &[&str]) -> (Outcome, Joins) {
    let consumer = |(number, list): (usize, &&str)| {
        format!(
            r#"{{ "name": "w{number}", "start": {{ "at": "{}ms" }},
                 "properties": {{ "partition.assignment.strategy": "{list}" }} }}"#,
            number * 100
        )
    };
    run(ORDERS, &lists.iter().enumerate().map(consumer).collect::<Vec<_>>().join(", "))
}

#[test]
fn each_member_votes_for_the_first_of_its_assignors_that_all_have() {
    let chosen = |lists: &[&str]| offering(lists).1.ended.pop().expect("the group forms").1;
    let (range_first, sticky_first) = ("range,cooperative-sticky", "cooperative-sticky,range");
    assert_eq!(chosen(&[range_first, sticky_first, sticky_first]), "cooperative-sticky", "two to one");
    assert_eq!(chosen(&[range_first, range_first, sticky_first]), "range", "two to one");
    // One that not all have is no candidate, however many want it first.
    assert_eq!(chosen(&["sticky,range", "sticky,range", "range"]), "range");
    assert_eq!(chosen(&["sticky,roundrobin,range", "sticky,range", "range,roundrobin"]), "range");
}

#[test]
fn a_member_that_shares_no_assignor_with_the_group_is_refused_and_disturbs_nobody() {
    let consumers = r#"{ "name": "w", "count": 2, "properties": { "partition.assignment.strategy": "range" } },
        { "name": "odd", "start": { "at": "60s" }, "on_exception": "exit",
          "properties": { "partition.assignment.strategy": "roundrobin" } }"#;
    let (outcome, joins) = run(ORDERS, consumers);
    assert_eq!(joins.ended.len(), 1, "{:?}", joins.ended);
    let thrown: Vec<_> = outcome.exceptions.iter().map(|thrown| (&*thrown.consumer, &*thrown.class)).collect();
    assert!(thrown.iter().all(|(consumer, class)| *consumer == "odd" && class.contains("InconsistentGroupProtocol")));
    assert!(!thrown.is_empty());
}

#[test]
fn a_rolling_upgrade_goes_from_eager_to_cooperative_once_and_loses_nobody() {
    let path = super::folder().join("upgrade-to-cooperative.json");
    let text = std::fs::read_to_string(path).expect("a scenario of the pack");
    let scenario = load("upgrade.json", &text, &NoFiles, &KnownFigures).unwrap_or_else(|problems| panic!("{problems}"));
    for seed in 1..=3 {
        let (outcome, joins) = joins_of(&scenario, seed);
        let protocols: Vec<&str> = joins.ended.iter().map(|(_, protocol, _)| protocol.as_str()).collect();
        let switch = protocols.iter().position(|protocol| *protocol == "cooperative-sticky").expect("it arrives there");
        assert!(switch > 0 && protocols[..switch].iter().all(|protocol| *protocol == "range"), "{protocols:?}");
        assert!(protocols[switch..].iter().all(|protocol| *protocol == "cooperative-sticky"), "{protocols:?}");
        assert_eq!(outcome.totals.false_expulsions, 0);
        assert!(outcome.exceptions.is_empty(), "{:?}", outcome.exceptions);
    }
}

/// Three members of a pattern, 40 s apart, and a topic that is created for it; reasons of rebalances after all joined.
fn pattern(created_at: &str) -> Vec<(f64, String)> {
    let topics = format!(r#"{ORDERS}, {{ "name": "orders-eu", "partitions": 6, "created_at": "{created_at}" }}"#);
    let consumers =
        r#"{ "name": "w", "count": 3, "start": { "every": "40s" }, "subscription": { "prefix": "orders" } }"#;
    let (outcome, joins) = run(&topics, consumers);
    let spans = &outcome.groups[0].ownership;
    let at_the_end = spans.iter().filter(|span| span.partition.starts_with("orders-eu-") && span.to_s >= 720.0);
    assert_eq!(at_the_end.count(), 6, "the new topic's partitions have owners");
    joins.began.into_iter().filter(|(at, _)| *at > 90.0).collect()
}

#[test]
fn a_topic_for_a_pattern_is_taken_into_the_next_rebalance_whoever_knows_of_it() {
    // The third member brings the topic along; the others look at the topics before they rejoin, and nobody joins again.
    assert_eq!(pattern("60s"), []);
}

#[test]
fn members_of_a_pattern_that_know_different_topics_agree_after_one_rebalance() {
    let after = pattern("100s");
    assert_eq!(after.len(), 1, "{after:?}");
    assert!(after[0].1.contains("has changed") && after[0].0 <= 401.0, "{after:?}");
}

#[test]
fn partitions_that_are_added_wait_for_the_leaders_metadata_alone() {
    let topics = r#"{ "name": "orders", "partitions": 6, "grows": [{ "at": "100s", "partitions": 8 }] }"#;
    let (outcome, joins) = run(topics, r#"{ "name": "w", "count": 3, "start": { "every": "30s" } }"#);
    let after: Vec<_> = joins.began.iter().filter(|(at, _)| *at > 100.0).collect();
    assert_eq!(after.len(), 1, "{:?}", joins.began);
    assert!(after[0].1.contains("cached metadata has changed"), "{after:?}");
    assert!(after[0].0 <= 100.0 + 301.0, "at the latest five minutes later");
    assert!(outcome.totals.unowned_partition_seconds >= 2.0 * (after[0].0 - 100.0));
}
