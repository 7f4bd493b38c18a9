//! What a group coordinator says about a group, in one shape for lines of a real broker's log and for the events of a
//! simulated one.
//!
//! Member ids are written without their drawn part (`c2-5cf7c3c5-48bb-…` is `c2`), so that texts compare.

use std::borrow::Cow;

use crate::coordinator::CoordinatorEvent;
use crate::protocol::MemberId;

/// One thing that a coordinator says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Said {
    /// A member id was made.
    IdMade { member: MemberId },
    /// A member joined that was not in the group before (id without its drawn part).
    Joined { member: String },
    /// The group starts to rebalance.
    Preparing { old_generation: i32, reason: String },
    /// The join phase is over.
    Stabilized { generation: i32, members: u32 },
    /// The leader's assignment is there.
    AssignmentReceived { generation: i32 },
    /// Nobody is left.
    Empty { generation: i32 },
    /// A session expired.
    Failed { member: String },
    /// A member left by LeaveGroup.
    Left { member: String, reason: String },
    /// Members did not rejoin in time.
    Dropped { members: String },
    /// Members sent no SyncGroup in time.
    SyncExpired { members: String },
    /// A static member was taken over by a new process.
    Replaced { instance: String },
}

impl Said {
    /// It is about a member that is gone or was replaced: what a detection time counts to.
    pub fn tells_a_loss(&self) -> bool {
        matches!(self, Said::Failed { .. } | Said::Left { .. } | Said::Dropped { .. } | Said::Replaced { .. })
    }

    /// Understands a line of a broker's log about this group; `None` for lines that are not compared.
    pub fn of_line(line: &str, group: &str) -> Option<Said> {
        let line = line.replace(group, "GROUP");
        joined(&line).or_else(|| of_members(&line)).or_else(|| of_group(&line))
    }

    /// The same of a simulated coordinator's event.
    pub fn of_event(event: &CoordinatorEvent) -> Option<Said> {
        use CoordinatorEvent as Event;
        let bare = |member: &MemberId| without_drawn_part(member.as_str()).into_owned();
        let list = |members: &[MemberId]| members.iter().map(bare).collect::<Vec<_>>().join(", ");
        Some(match event {
            Event::MemberIdRequired { member, .. } => Said::IdMade { member: member.clone() },
            Event::MemberJoined { member, .. } => Said::Joined { member: bare(member) },
            Event::PreparingRebalance { old_generation, reason, .. } => {
                Said::Preparing { old_generation: old_generation.0, reason: without_drawn_part(reason).into_owned() }
            }
            Event::Stabilized { generation, members, .. } => {
                Said::Stabilized { generation: generation.0, members: *members }
            }
            Event::AssignmentReceived { generation, .. } => Said::AssignmentReceived { generation: generation.0 },
            Event::Empty { generation, .. } => Said::Empty { generation: generation.0 },
            Event::MemberFailed { member, .. } => Said::Failed { member: bare(member) },
            Event::MemberLeft { member, reason, .. } => Said::Left { member: bare(member), reason: reason.to_string() },
            Event::DynamicMembersRemoved { members, .. } => Said::Dropped { members: list(members) },
            Event::PendingSyncExpired { members, .. } => Said::SyncExpired { members: list(members) },
            Event::StaticMemberReplaced { instance, .. } => Said::Replaced { instance: instance.to_string() },
            _ => return None,
        })
    }
}

/// The text between two marks.
fn between<'l>(line: &'l str, before: &str, after: &str) -> Option<&'l str> {
    let (_, rest) = line.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

fn number<N: std::str::FromStr>(line: &str, before: &str, after: &str) -> Option<N> {
    between(line, before, after)?.trim().parse().ok()
}

fn joined(line: &str) -> Option<Said> {
    if let Some(member) = between(line, "Pending dynamic member with id ", " joins group ") {
        return Some(Said::Joined { member: without_drawn_part(member).into_owned() });
    }
    if let Some(instance) = between(line, "Static member with groupInstanceId=", " and unknown member id joins") {
        let instance = instance.to_owned();
        return Some(match line.contains("Replacing previously mapped member") {
            true => Said::Replaced { instance },
            false => Said::Joined { member: instance },
        });
    }
    let made = between(line, "Created a new member id ", " and ")?;
    Some(match line.contains("requesting the member to rejoin") {
        true => Said::IdMade { member: MemberId::from(made) },
        // A client that does not know MEMBER_ID_REQUIRED.
        false => Said::Joined { member: without_drawn_part(made).into_owned() },
    })
}

fn of_members(line: &str) -> Option<Said> {
    let bare = |text: &str| without_drawn_part(text).into_owned();
    if let Some(member) = between(line, "Member ", " in group GROUP has failed") {
        return Some(Said::Failed { member: bare(member) });
    }
    if let Some(member) = between(line, "Member ", " has left group through explicit `LeaveGroup` request") {
        let reason = line.split_once("client reason: ").map_or("", |(_, reason)| reason);
        return Some(Said::Left { member: bare(member), reason: reason.to_owned() });
    }
    if let Some(members) = between(line, "removed dynamic members who haven't joined: [", "]") {
        return Some(Said::Dropped { members: bare(members) });
    }
    let members = between(line, "removed members who haven't sent their sync requests: [", "]")?;
    Some(Said::SyncExpired { members: bare(members) })
}

fn of_group(line: &str) -> Option<Said> {
    if line.starts_with("Preparing to rebalance group GROUP ") {
        let old_generation = number(line, "with old generation ", " (reason")?;
        let (_, reason) = line.split_once("(reason: ")?;
        let reason = reason.strip_suffix(").").unwrap_or(reason);
        return Some(Said::Preparing { old_generation, reason: without_drawn_part(reason).into_owned() });
    }
    if line.starts_with("Stabilized group GROUP ") {
        let generation = number(line, " generation ", " with ")?;
        return Some(Said::Stabilized { generation, members: number(line, " with ", " members")? });
    }
    if line.starts_with("Assignment received from leader ") {
        return Some(Said::AssignmentReceived { generation: number(line, " for generation ", ". ")? });
    }
    let rest = line.strip_prefix("Group GROUP with generation ")?;
    Some(Said::Empty { generation: rest.split_once(" is now empty")?.0.parse().ok()? })
}

/// The text with the drawn part (`-` and a UUID) of every member id taken out.
pub fn without_drawn_part(text: &str) -> Cow<'_, str> {
    let mut shortened = String::new();
    let mut rest = text;
    while let Some(place) = drawn_part(rest) {
        shortened.push_str(&rest[..place]);
        rest = &rest[place + 1 + UUID_LENGTH..];
    }
    if shortened.is_empty() {
        return Cow::Borrowed(rest);
    }
    shortened.push_str(rest);
    Cow::Owned(shortened)
}

const UUID_LENGTH: usize = 36;

/// Where `-` and a UUID stand in the text.
fn drawn_part(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_uuid = |from: usize| {
        bytes[from..from + UUID_LENGTH].iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    (0..bytes.len().checked_sub(UUID_LENGTH)?).find(|place| bytes[*place] == b'-' && is_uuid(place + 1))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::protocol::{Generation, GroupId, GroupInstanceId};

    const C2: &str = "c2-5cf7c3c5-48bb-4cf4-8ec5-9e18de721dff";

    fn said(line: &str) -> Option<Said> {
        Said::of_line(line, "b-join-1")
    }

    #[test]
    fn drawn_parts_are_taken_out_wherever_they_stand() {
        assert_eq!(without_drawn_part(&format!("[{C2}, i-{C2}] of x")), "[c2, i-c2] of x");
        assert_eq!(without_drawn_part("c2-5cf7c3c5"), "c2-5cf7c3c5");
        assert_eq!(without_drawn_part(C2), "c2");
        assert_eq!(without_drawn_part(""), "");
    }

    #[test]
    fn lines_that_are_not_compared_say_nothing() {
        let line = "Cannot complete join phase of group b-join-1 because this is an initial rebalance.";
        assert_eq!(said(line), None);
    }

    /// Events of the simulated coordinator, written as Kafka writes them, are understood as what they are.
    #[test]
    fn a_line_and_the_event_behind_it_say_the_same() {
        let group = GroupId::from("b-join-1");
        let member = MemberId::from(C2);
        let reason: Arc<str> = format!("Leader {C2} re-joining group during Stable; client reason: x (y).").into();
        let generation = Generation(7);
        let events = [
            CoordinatorEvent::MemberIdRequired { group, member: member.clone(), state: "Empty" },
            CoordinatorEvent::PreparingRebalance { group, from_state: "Stable", old_generation: generation, reason },
            CoordinatorEvent::Empty { group, generation },
            CoordinatorEvent::Stabilized {
                group,
                generation,
                members: 3,
                leader: member.clone(),
                protocol: "range".into(),
            },
            CoordinatorEvent::AssignmentReceived {
                group,
                generation,
                leader: member.clone(),
                members: 3,
                static_members: 0,
            },
            CoordinatorEvent::MemberFailed { group, member: member.clone(), reason: "x".into() },
            CoordinatorEvent::MemberLeft {
                group,
                member: member.clone(),
                reason: "the consumer is being closed".into(),
            },
            CoordinatorEvent::DynamicMembersRemoved { group, members: vec![member.clone(), member.clone()] },
            CoordinatorEvent::PendingSyncExpired { group, members: vec![member.clone()] },
            CoordinatorEvent::StaticMemberReplaced {
                group,
                instance: GroupInstanceId::from("i-c2"),
                old: member.clone(),
                new: member.clone(),
                state: "Stable",
            },
            CoordinatorEvent::MemberJoined {
                group,
                member: member.clone(),
                instance: None,
                client: "c2".into(),
                state: "Stable",
                was_pending: true,
            },
        ];
        for event in events {
            let of_event = Said::of_event(&event);
            assert!(of_event.is_some(), "{event:?}");
            assert_eq!(said(&event.to_string()), of_event, "{event}");
        }
    }
}
