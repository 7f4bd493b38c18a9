//! What must hold in every run, whatever the scenario. A violation means that the model (or a scenario's recording) is
//! wrong, not that a group fared badly.

use crate::analysis::facts::{ConsumerNumber, Facts, GroupNumber};
use crate::analysis::outcome::{InvariantOutcome, Violation, limits};
use crate::analysis::partitions::{LongUnassigned, SharedPartition, Taken};
use crate::client::{ClientEvent, CommitStrategy, RecordBatch, interface::Api};
use crate::coordinator::CoordinatorEvent;
use crate::engine::{SimDuration, SimTime};
use crate::protocol::{ErrorCode, Generation, MemberId, TopicPartition};
use crate::trace::{Directory, Event};

/// The coordinator's timers are exact; this is for whatever comes on top.
const SLACK: SimDuration = SimDuration::from_secs(1);

/// Name and statement of every invariant, in the order of [`Rule`].
const RULES: [(&str, &str); RULE_COUNT] = [
    ("time_never_goes_back", "Events come in the order of time."),
    (
        "one_owner_per_generation",
        "No partition is owned by two members of one generation that the coordinator counts as members.",
    ),
    (
        "generation_never_goes_back",
        "Each join phase ends in a higher generation; after a change of coordinator, in a higher one than the last durable one.",
    ),
    (
        "no_response_without_request",
        "No member handles more answers than it sent requests, and it syncs only in a generation that it joined.",
    ),
    (
        "stable_group_stays_stable",
        "A stable group with live, polling members stays stable: it leaves Stable only after a member joined, left, was lost, was replaced or asked to rejoin.",
    ),
    (
        "session_is_not_cut_short",
        "A member is removed for its session only when no request that it sent within session.timeout.ms was answered.",
    ),
    (
        "join_phase_within_rebalance_timeout",
        "A join phase lasts no longer than the largest rebalance timeout of the group (or the initial rebalance delay).",
    ),
    (
        "commits_within_processed",
        "With manual commits after processing, no committed offset lies beyond what was processed.",
    ),
    (
        "stable_group_owns_everything",
        "A partition that a running member subscribes to is not left without an owner in a stable group for longer than metadata.max.age.ms, a Fetch in front of the Metadata request (fetch.max.wait.ms) and the longest time between two polls.",
    ),
    ("records_only_to_owners", "Poll returns records of partitions in the consumer's own assignment only."),
    (
        "no_record_skipped",
        "Poll returns the records of a partition from its position on, none left out and none twice.",
    ),
];

const RULE_COUNT: usize = 11;

/// The invariants.
#[derive(Clone, Copy, Debug)]
enum Rule {
    TimeNeverGoesBack,
    OneOwnerPerGeneration,
    GenerationNeverGoesBack,
    NoResponseWithoutRequest,
    StableGroupStaysStable,
    SessionIsNotCutShort,
    JoinPhaseWithinRebalanceTimeout,
    CommitsWithinProcessed,
    StableGroupOwnsEverything,
    RecordsOnlyToOwners,
    NoRecordSkipped,
}

/// Watches the invariants.
pub(super) struct Invariants {
    found: [Found; RULE_COUNT],
    groups: Vec<GroupWatch>,
    consumers: Vec<ConsumerWatch>,
}

#[derive(Default)]
struct Found {
    checks: u64,
    violations: u64,
    examples: Vec<Violation>,
}

struct GroupWatch {
    /// Generation of the last join phase.
    generation: Generation,
    /// Generation of the last durable assignment (or of the emptied group).
    durable: Generation,
    /// The coordinator changed since the last join phase.
    reloaded: bool,
    /// Something happened since Stable that may start a rebalance.
    disturbed: bool,
    /// "Preparing to rebalance" of the join phase that is going on.
    preparing: Option<SimTime>,
    join_phase_max: SimDuration,
    /// All its consumers commit by hand, after processing.
    commits_after_processing: bool,
}

#[derive(Default)]
struct ConsumerWatch {
    heartbeats_open: i64,
    joins_open: i64,
    joined: Option<Generation>,
    /// When the last request that was answered by the coordinator with success was created, at the earliest.
    heard: Option<SimTime>,
}

impl Invariants {
    pub fn new(facts: &Facts) -> Self {
        let watch = |number: GroupNumber| {
            let consumers = || facts.groups[number].consumers.clone().map(|c| facts.consumers[c].settings);
            let longest = consumers().map(|c| c.config.max_poll_interval_ms.max(c.config.session_timeout_ms)).max();
            let delay = facts.scenario.cluster.config.group_initial_rebalance_delay_ms;
            let join_phase_max = longest.unwrap_or(0).max(delay).max(0) as u64;
            GroupWatch {
                generation: Generation::NONE,
                durable: Generation::NONE,
                reloaded: false,
                disturbed: false,
                preparing: None,
                join_phase_max: SimDuration::from_millis(join_phase_max) + SLACK,
                commits_after_processing: consumers()
                    .all(|c| !c.config.enable_auto_commit && c.commit != CommitStrategy::None),
            }
        };
        Invariants {
            found: Default::default(),
            groups: (0..facts.groups.len()).map(watch).collect(),
            consumers: facts.consumers.iter().map(|_| ConsumerWatch::default()).collect(),
        }
    }

    #[inline]
    fn check(&mut self, rule: Rule, at: SimTime, holds: bool, text: impl FnOnce() -> String) {
        self.found[rule as usize].checks += 1;
        if !holds {
            self.violated(rule, at, text);
        }
    }

    #[cold]
    #[inline(never)]
    fn violated(&mut self, rule: Rule, at: SimTime, text: impl FnOnce() -> String) {
        let found = &mut self.found[rule as usize];
        found.violations += 1;
        if found.examples.len() < limits::VIOLATIONS_LISTED {
            found.examples.push(Violation { at_s: at.as_secs_f64(), text: text() });
        }
    }

    /// An event came in order, or not: then [`time_goes_back`](Self::time_goes_back) tells.
    #[inline]
    pub fn time_checked(&mut self) {
        self.found[Rule::TimeNeverGoesBack as usize].checks += 1;
    }

    /// An event came that is older than the last one.
    pub fn time_goes_back(&mut self, last: SimTime, at: SimTime) {
        self.violated(Rule::TimeNeverGoesBack, at, || format!("an event at {at} after one at {last}"));
    }

    /// Heartbeat sent.
    #[inline]
    pub fn heartbeat_sent(&mut self, consumer: ConsumerNumber) {
        self.consumers[consumer].heartbeats_open += 1;
    }

    /// An answer was handled.
    #[inline]
    pub fn response(&mut self, facts: &Facts, consumer: ConsumerNumber, api: Api, error: ErrorCode, latency_ns: u64) {
        let watch = &mut self.consumers[consumer];
        let open = match api {
            Api::Heartbeat => &mut watch.heartbeats_open,
            Api::JoinGroup => &mut watch.joins_open,
            _ => return,
        };
        *open -= 1;
        let holds = *open >= 0;
        if error == ErrorCode::None && api == Api::Heartbeat {
            watch.heard = Some(SimTime(facts.now.0.saturating_sub(latency_ns)));
        }
        self.check(Rule::NoResponseWithoutRequest, facts.now, holds, move || {
            format!("{} handled an answer to {api:?} that it had not asked for", facts.name(consumer))
        });
    }

    /// A client did something else.
    pub fn client(&mut self, facts: &Facts, consumer: ConsumerNumber, event: &ClientEvent) {
        let now = facts.now;
        let watch = &mut self.consumers[consumer];
        match event {
            ClientEvent::JoinGroupSent { .. } => {
                watch.joins_open += 1;
                self.groups[facts.consumers[consumer].group].disturbed = true;
            }
            ClientEvent::Joined { generation, .. } => watch.joined = Some(*generation),
            ClientEvent::Synced { generation, .. } => {
                let holds = watch.joined == Some(*generation);
                self.check(Rule::NoResponseWithoutRequest, now, holds, || {
                    format!("{} synced in generation {} without having joined it", facts.name(consumer), generation.0)
                });
            }
            _ => {}
        }
    }

    /// `poll` returned records of one partition from this offset on.
    #[inline]
    pub fn records(&mut self, facts: &Facts, consumer: ConsumerNumber, batch: &RecordBatch, taken: Taken) {
        self.check(Rule::RecordsOnlyToOwners, facts.now, taken != Taken::NotOwned, move || {
            format!("{} got records of {}, which it does not own", facts.name(consumer), batch.partition)
        });
        if let Taken::From { position: Some(position) } = taken {
            self.check(Rule::NoRecordSkipped, facts.now, batch.from == position, move || {
                format!(
                    "{} got {} from offset {}, its position was {position}",
                    facts.name(consumer),
                    batch.partition,
                    batch.from
                )
            });
        }
    }

    /// Anything but a client's event; the facts have it already.
    pub fn event(&mut self, facts: &Facts, event: &Event) {
        match event {
            Event::ProcessStarted { consumer } => self.consumers[consumer.0 as usize] = ConsumerWatch::default(),
            Event::BrokerDown { .. } | Event::CoordinatorMoved { .. } => {
                for (watch, _) in self.groups.iter_mut().zip(&facts.groups).filter(|(_, group)| !group.available) {
                    watch.reloaded = true;
                    watch.preparing = None;
                }
            }
            Event::Coordinator { event, .. } => {
                if let Some(group) = crate::trace::fields::group_of(event).and_then(|id| facts.group_number(id)) {
                    self.coordinator(facts, group, event);
                }
            }
            _ => {}
        }
    }

    fn coordinator(&mut self, facts: &Facts, group: GroupNumber, event: &CoordinatorEvent) {
        use CoordinatorEvent as C;
        let watch = &mut self.groups[group];
        match event {
            C::MemberJoined { .. }
            | C::MemberLeft { .. }
            | C::PendingMemberLeft { .. }
            | C::PendingSyncExpired { .. }
            | C::StaticMemberReplaced { .. }
            | C::StaticMemberReverted { .. } => watch.disturbed = true,
            C::MemberFailed { member, .. } => {
                watch.disturbed = true;
                self.session_expired(facts, member);
            }
            C::NoMembersRejoined { .. } => watch.preparing = Some(facts.now),
            C::PreparingRebalance { from_state, reason, .. } => {
                watch.preparing = Some(facts.now);
                let explained = *from_state != "Stable" || watch.disturbed || watch.reloaded;
                self.check(Rule::StableGroupStaysStable, facts.now, explained, || {
                    format!("group {} rebalances out of the blue: {reason}", facts.groups[group].id)
                });
            }
            C::Stabilized { generation, .. } => self.join_phase_over(facts, group, *generation),
            C::Empty { generation, .. } => {
                self.join_phase_over(facts, group, *generation);
                self.groups[group].durable = *generation;
            }
            C::Stable { generation, .. } => {
                watch.durable = *generation;
                // A JoinGroup may be on its way.
                let mut members = facts.groups[group].consumers.clone();
                watch.disturbed = members.any(|member| facts.consumers[member].join_sent.is_some());
            }
            C::GroupExpired { .. } => (watch.generation, watch.durable) = (Generation::NONE, Generation::NONE),
            _ => {}
        }
    }

    fn join_phase_over(&mut self, facts: &Facts, group: GroupNumber, generation: Generation) {
        let watch = &mut self.groups[group];
        let before = if watch.reloaded { watch.durable } else { watch.generation };
        watch.generation = generation;
        watch.reloaded = false;
        let (began, max) = (watch.preparing.take(), watch.join_phase_max);
        self.check(Rule::GenerationNeverGoesBack, facts.now, generation > before, || {
            format!("group {} went from generation {} to {}", facts.groups[group].id, before.0, generation.0)
        });
        if let Some(length) = began.map(|began| facts.now.since(began)) {
            self.check(Rule::JoinPhaseWithinRebalanceTimeout, facts.now, length <= max, || {
                format!("the join phase of group {} lasted {length:?}", facts.groups[group].id)
            });
        }
    }

    fn session_expired(&mut self, facts: &Facts, member: &MemberId) {
        let Some(of) = facts.member(member) else { return };
        let present = facts.consumers[of.consumer].incarnation == of.incarnation
            && facts.consumers[of.consumer].member.as_ref() == Some(member);
        let Some(heard) = self.consumers[of.consumer].heard.filter(|_| present) else { return };
        let session = facts.consumers[of.consumer].settings.config.session_timeout_ms.max(0) as u64;
        // The coordinator's clock shows whole milliseconds.
        let holds = facts.now.since(heard) + SimDuration::from_millis(1) >= SimDuration::from_millis(session);
        self.check(Rule::SessionIsNotCutShort, facts.now, holds, || {
            format!("{} was removed although a request of {heard} was answered", facts.name(of.consumer))
        });
    }

    /// A partition is owned twice.
    pub fn assigned(&mut self, facts: &Facts, directory: &Directory, shared: Option<&SharedPartition>) {
        self.check(Rule::OneOwnerPerGeneration, facts.now, shared.is_none(), || {
            shared.map_or_else(String::new, |shared| {
                let [first, second] = shared.consumers.map(|consumer| facts.name(consumer));
                let partition = &directory.partitions[shared.partition as usize];
                let generation = facts.consumers[shared.consumers[1]].generation.0;
                format!("{partition} belongs to {first} and to {second} in generation {generation}")
            })
        });
    }

    /// Offsets are durable; `beyond` is the first one that was not processed.
    pub fn committed(&mut self, facts: &Facts, group: GroupNumber, beyond: Option<(TopicPartition, i64, i64)>) {
        if self.groups[group].commits_after_processing {
            self.check(Rule::CommitsWithinProcessed, facts.now, beyond.is_none(), || {
                let (partition, offset, processed) = beyond.unwrap_or_else(|| (TopicPartition::new("", 0), 0, 0));
                format!("{partition} was committed at {offset}, but processed only up to {processed}")
            });
        }
    }

    /// Times without an owner in a stable group, at the end of the run.
    /// `busy` is the longest time between two polls in a group: while nobody polls, no metadata are read.
    pub fn unassigned(
        &mut self,
        facts: &Facts,
        directory: &Directory,
        (checked, long): (u64, &[LongUnassigned]),
        busy: impl Fn(GroupNumber) -> SimDuration,
    ) {
        self.found[Rule::StableGroupOwnsEverything as usize].checks += checked.saturating_sub(long.len() as u64);
        for time in long {
            let seen_after = facts.groups[time.group].metadata_seen_after + busy(time.group) + SLACK;
            let partition = &directory.partitions[time.partition as usize];
            let group = &facts.groups[time.group].id;
            self.check(Rule::StableGroupOwnsEverything, time.to, time.to.since(time.from) <= seen_after, || {
                format!("{partition} had no owner in group {group} from {} to {}", time.from, time.to)
            });
        }
    }

    /// What was found.
    pub fn outcomes(self) -> Vec<InvariantOutcome> {
        let outcome = |((name, statement), found): ((&str, &str), Found)| InvariantOutcome {
            name: name.to_string(),
            statement: statement.to_string(),
            checks: found.checks,
            violations_total: found.violations,
            violations: found.examples,
        };
        RULES.into_iter().zip(self.found).map(outcome).collect()
    }
}
