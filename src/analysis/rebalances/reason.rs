//! What Kafka's reasons mean, and what set a rebalance off.

use crate::analysis::facts::{ConsumerNumber, Facts, MemberOf};
use crate::analysis::outcome::{ReasonClass, Trigger, TriggerKind};
use crate::engine::SimTime;
use crate::protocol::MemberId;

/// A member that the group lost, as far as the next rebalance may be about it.
#[derive(Clone, Debug)]
pub(super) struct Lost {
    pub at: SimTime,
    pub member: MemberId,
    pub how: HowLost,
}

/// In which way a member was lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum HowLost {
    /// LeaveGroup, because the poll interval was exceeded.
    PollInterval,
    /// LeaveGroup for another reason.
    Left,
    /// Its session expired.
    Session,
    /// An id that was handed out was never used.
    PendingSession,
    /// It had not rejoined at the rebalance timeout.
    RebalanceTimeout,
    /// It sent no SyncGroup in time.
    SyncTimeout,
}

impl HowLost {
    /// By the client's reason in LeaveGroup, or what is known of it.
    pub fn by_leaving(facts: &Facts, member: &MemberId, reason: &str) -> Self {
        if facts.leaves_unpolled(member, reason) { HowLost::PollInterval } else { HowLost::Left }
    }
}

/// The class of the coordinator's reason (`GroupMetadataManager`, the callers of `prepareRebalance`).
pub(super) fn class(reason: &str) -> ReasonClass {
    const CLASSES: [(&str, ReasonClass); 9] = [
        ("Adding new member", ReasonClass::MemberJoined),
        ("explicit `LeaveGroup` request", ReasonClass::MemberLeft),
        ("removing member", ReasonClass::SessionExpired),
        ("Removing", ReasonClass::SyncTimeout),
        ("Leader", ReasonClass::LeaderRejoined),
        ("Updating metadata for static member", ReasonClass::StaticMemberChanged),
        ("Updating metadata for member", ReasonClass::MemberRejoined),
        ("Group's selectedProtocol will change", ReasonClass::StaticMemberChanged),
        ("Error", ReasonClass::AssignmentNotStored),
    ];
    CLASSES.iter().find(|(start, _)| reason.starts_with(start)).map_or(ReasonClass::Other, |(_, class)| *class)
}

/// What set the rebalance off, and the consumer whose doing it was.
pub(super) fn trigger(facts: &Facts, reason: &str, lost: Option<&Lost>) -> (Trigger, Option<ConsumerNumber>) {
    let class = class(reason);
    let lost = lost.filter(|lost| lost.at == facts.now);
    let about = match (class, lost) {
        (ReasonClass::MemberLeft | ReasonClass::SessionExpired | ReasonClass::SyncTimeout, Some(lost)) => {
            facts.member(&lost.member)
        }
        _ => mentioned(facts, reason),
    };
    let kind = match class {
        ReasonClass::MemberJoined => joined(facts, about),
        ReasonClass::MemberLeft if lost.is_some_and(|lost| lost.how == HowLost::PollInterval) => {
            TriggerKind::PollIntervalExceeded
        }
        ReasonClass::MemberLeft => TriggerKind::Closed,
        ReasonClass::SessionExpired if about.is_some_and(|member| facts.lives(member)) => {
            TriggerKind::SessionExpiredAlive
        }
        ReasonClass::SessionExpired => TriggerKind::CrashDetected,
        ReasonClass::SyncTimeout => TriggerKind::SyncTimeout,
        ReasonClass::StaticMemberChanged => TriggerKind::StaticMemberChanged,
        ReasonClass::AssignmentNotStored => TriggerKind::AssignmentNotStored,
        ReasonClass::LeaderRejoined | ReasonClass::MemberRejoined => match rejoined(reason) {
            TriggerKind::Unknown => {
                let own = about.and_then(|member| facts.consumers[member.consumer].rejoin_reason.as_deref());
                own.map_or(TriggerKind::Unknown, rejoined)
            }
            known => known,
        },
        ReasonClass::Other => TriggerKind::Unknown,
    };
    let consumer = about.map(|member| member.consumer);
    let text = text(facts, kind, consumer, reason);
    (Trigger { kind, consumer: consumer.map(|number| facts.name(number)), text }, consumer)
}

/// The member that a reason names.
fn mentioned(facts: &Facts, reason: &str) -> Option<MemberOf> {
    let words = reason.split([' ', ';', ',', '[', ']', '(', ')']).map(|word| word.trim_end_matches(['.', ':']));
    words.filter(|word| word.contains('-')).find_map(|word| facts.member(&MemberId::from(word)))
}

fn joined(facts: &Facts, about: Option<MemberOf>) -> TriggerKind {
    match about {
        Some(member) if facts.consumers[member.consumer].was_member => TriggerKind::Returned,
        _ => TriggerKind::ProcessStarted,
    }
}

/// By the client's reason (`ConsumerCoordinator`, `AbstractCoordinator`).
fn rejoined(reason: &str) -> TriggerKind {
    const KINDS: [(&str, TriggerKind); 5] = [
        ("need to revoke partitions and re-join", TriggerKind::CooperativeRevocation),
        ("cached metadata has changed", TriggerKind::MetadataChanged),
        ("subscription has changed", TriggerKind::MetadataChanged),
        ("do not match the current subscription", TriggerKind::MetadataChanged),
        ("rebalance failed due to", TriggerKind::AttemptFailed),
    ];
    KINDS.iter().find(|(words, _)| reason.contains(words)).map_or(TriggerKind::Unknown, |(_, kind)| *kind)
}

fn text(facts: &Facts, kind: TriggerKind, consumer: Option<ConsumerNumber>, reason: &str) -> String {
    let who = consumer.map_or_else(|| "a member".to_string(), |number| facts.name(number));
    let config = consumer.map(|number| &facts.consumers[number].settings.config);
    let interval = config.map_or(0, |config| config.max_poll_interval_ms);
    let session = config.map_or(0, |config| config.session_timeout_ms);
    match kind {
        TriggerKind::ProcessStarted => format!("{who} was started and joins"),
        TriggerKind::Closed => format!("{who} was closed and leaves"),
        TriggerKind::CrashDetected => {
            format!("{who} is gone: nothing was heard of it for session.timeout.ms ({session})")
        }
        TriggerKind::SessionExpiredAlive => {
            format!("{who} lives, but nothing was heard of it for session.timeout.ms ({session})")
        }
        TriggerKind::PollIntervalExceeded => {
            format!("{who} leaves: it did not poll for longer than max.poll.interval.ms ({interval})")
        }
        TriggerKind::SyncTimeout => format!("{who} sent no SyncGroup within the rebalance timeout ({interval})"),
        TriggerKind::Returned => format!("{who} had lost its membership and joins again"),
        TriggerKind::CooperativeRevocation => {
            format!("{who} gave partitions up (cooperative protocol) and joins again so that others can have them")
        }
        TriggerKind::MetadataChanged => format!("{who} joins again because topics or its subscription changed"),
        TriggerKind::AttemptFailed => format!("{who} joins again because its last attempt failed"),
        TriggerKind::StaticMemberChanged => format!("{who}, a static member, came back changed"),
        TriggerKind::AssignmentNotStored => "the coordinator could not store the assignment".to_string(),
        TriggerKind::Unknown => reason.to_string(),
    }
}
