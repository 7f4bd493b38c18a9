//! Appendix B of classic-coordinator.md, checked after every input.

use std::collections::{BTreeMap, BTreeSet};

use rebalab::coordinator::classic::{ClassicGroup, GroupState};
use rebalab::coordinator::{CoordinatorEvent, Output, Record, ReleaseRule, Shard, TimerKey};
use rebalab::protocol::{GroupId, MemberId};

/// What is compared with what was before the input.
pub struct Before {
    generations: BTreeMap<GroupId, i32>,
    members: BTreeSet<(GroupId, MemberId)>,
}

impl Before {
    pub fn of(shard: &Shard) -> Self {
        let ids = |group: &ClassicGroup| {
            let group_id = *group.group_id();
            group.members().map(move |member| (group_id, member.member_id.clone())).collect::<Vec<_>>()
        };
        Before {
            generations: shard.groups().map(|group| (*group.group_id(), group.generation().0)).collect(),
            members: shard.groups().flat_map(ids).collect(),
        }
    }
}

/// By how much the protocols of each group object are counted wrong, as Kafka does it (see
/// [`ClassicGroup::supporters`]). Group objects are known by id and incarnation.
#[derive(Default)]
pub struct Miscounts(BTreeMap<(GroupId, u64), BTreeMap<String, i64>>);

/// All invariants that can be seen from outside.
pub fn check(before: &Before, miscounts: &mut Miscounts, shard: &Shard, out: &[Output], release: ReleaseRule) {
    let was_unexpected =
        out.iter().any(|output| matches!(output, Output::Event(CoordinatorEvent::UnexpectedError { .. })));
    let armed: BTreeSet<(GroupId, MemberId)> = shard
        .timers()
        .filter_map(|(_, key, _)| match key {
            TimerKey::Heartbeat { group, member } => Some((*group, member.clone())),
            _ => None,
        })
        .collect();
    for group in shard.groups() {
        members_go_with_the_state(group);
        counts_are_right(group);
        protocols_are_miscounted_by_late_failures_only(before, miscounts, group, out);
        static_members_are_mapped(group);
        members_can_expire(group, &armed);
        // What Kafka holds impossible may bump a generation in passing.
        if !was_unexpected {
            generations_follow_join_phases(before, group, out);
        }
    }
    waits_are_bounded(shard, release);
}

/// Appendix B 2, 3, 4, 5.
fn members_go_with_the_state(group: &ClassicGroup) {
    let parked_join = group.members().filter(|member| member.awaiting_join.is_some());
    let parked_sync = group.members().filter(|member| member.awaiting_sync.is_some()).count();
    match group.state() {
        GroupState::Empty => {
            assert_eq!(group.members().len(), 0, "{group:?}");
            assert_eq!((group.leader(), group.protocol_name()), (None, None), "{group:?}");
            assert_eq!(group.awaiting_join(), 0, "{group:?}");
        }
        GroupState::PreparingRebalance => assert_eq!(parked_sync, 0, "{group:?}"),
        GroupState::CompletingRebalance | GroupState::Stable => {
            let leader = group.leader().expect("a leader");
            assert!(group.member(leader).is_some(), "the leader is no member: {group:?}");
            let protocol = group.protocol_name().expect("a protocol");
            let listed = |member: &rebalab::coordinator::classic::Member| {
                member.protocols.iter().any(|one| one.name == *protocol)
            };
            assert!(group.members().all(listed), "a member does not know {protocol}: {group:?}");
            if group.state() == GroupState::Stable {
                assert_eq!(parked_sync, 0, "{group:?}");
                // Only a replacement on its way to the log.
                assert!(parked_join.into_iter().all(|member| member.group_instance_id.is_some()), "{group:?}");
            } else {
                assert_eq!(parked_join.count(), 0, "{group:?}");
            }
        }
        GroupState::Dead => panic!("a dead group is reachable: {group:?}"),
    }
}

/// Appendix B 6, 7.
fn counts_are_right(group: &ClassicGroup) {
    let waiting = group.members().filter(|member| member.awaiting_join.is_some()).count();
    assert_eq!(group.awaiting_join(), waiting, "{group:?}");
    assert!(group.pending_join_members().iter().all(|id| group.member(id).is_none()), "{group:?}");
    // A replaced static member may leave its old id among those that have to sync (2.9).
    let is_static = |id: &MemberId| id.as_str().starts_with('i');
    assert!(group.pending_sync_members().all(|id| is_static(id) || group.member(id).is_some()), "{group:?}");
}

/// A protocol counts for as many members as list it, off by what the group object was miscounted by before. That
/// changes only with an input that fails a static replacement whose new id is no member any more, and starts with none.
fn protocols_are_miscounted_by_late_failures_only(
    before: &Before,
    miscounts: &mut Miscounts,
    group: &ClassicGroup,
    out: &[Output],
) {
    let mut off: BTreeMap<String, i64> =
        group.supported_protocols().into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    for protocol in group.members().flat_map(|member| member.protocols.iter()) {
        *off.entry(protocol.name.to_string()).or_default() -= 1;
    }
    off.retain(|_, count| *count != 0);
    let is_late_failure = |output: &Output| match output {
        Output::Event(CoordinatorEvent::StaticMemberReverted { group: of, new, .. }) => {
            of == group.group_id() && !before.members.contains(&(*of, new.clone()))
        }
        _ => false,
    };
    let known = miscounts.0.entry((*group.group_id(), group.incarnation())).or_default();
    if out.iter().any(is_late_failure) {
        *known = off;
    } else {
        assert_eq!(*known, off, "protocols are counted wrong: {group:?}");
    }
}

/// Appendix B 8.
fn static_members_are_mapped(group: &ClassicGroup) {
    let mut count = 0;
    for member in group.members() {
        if let Some(instance) = &member.group_instance_id {
            assert_eq!(group.static_member(instance), Some(&member.member_id), "{group:?}");
            count += 1;
        }
    }
    assert_eq!(group.static_member_count(), count, "{group:?}");
}

/// Appendix B 13: nobody stays for ever without a timer or a parked request.
fn members_can_expire(group: &ClassicGroup, armed: &BTreeSet<(GroupId, MemberId)>) {
    for member in group.members() {
        let key = (*group.group_id(), member.member_id.clone());
        let waits = member.awaiting_join.is_some() || member.awaiting_sync.is_some();
        assert!(waits || armed.contains(&key), "{} never expires: {group:?}", member.member_id);
    }
}

/// Appendix B 1: a generation grows by one, when a join phase completes, and never falls while the group lives.
fn generations_follow_join_phases(before: &Before, group: &ClassicGroup, out: &[Output]) {
    let Some(old) = before.generations.get(group.group_id()) else { return };
    let was_removed = out.iter().any(|output| {
        match output {
        Output::Append { records, .. } => records.iter().any(|record| {
            matches!(record, Record::GroupMetadata { group: removed, value: None } if removed == *group.group_id())
        }),
        Output::Event(CoordinatorEvent::Loaded { .. }) => true,
        _ => false,
    }
    });
    if was_removed {
        return;
    }
    let completed = out.iter().filter(|output| match output {
        Output::Event(CoordinatorEvent::Stabilized { group: of, .. } | CoordinatorEvent::Empty { group: of, .. }) => {
            of == group.group_id()
        }
        _ => false,
    });
    assert_eq!(group.generation().0, old + completed.count() as i32, "{group:?}");
}

/// An operation waits for the log, never beyond its end, and not without a write timeout.
fn waits_are_bounded(shard: &Shard, release: ReleaseRule) {
    let mut last = 0;
    for (id, completes_at, _) in shard.waiting_operations() {
        assert!(completes_at > shard.last_committed_offset(), "{id:?} waits for what is committed");
        assert!(completes_at <= shard.last_written_offset(), "{id:?} waits for what was never written");
        assert!(completes_at >= last, "{id:?} waits out of turn");
        last = completes_at;
    }
    let waits = shard.waiting_operations().next().is_some();
    let is_guarded = shard.timers().any(|(_, key, _)| *key == TimerKey::WriteTimeout);
    assert!(!waits || is_guarded, "operations wait without a write timeout ({release:?})");
}
