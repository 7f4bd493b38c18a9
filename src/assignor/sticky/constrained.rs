//! All members subscribe to the same topics: quotas (spec `assignors.md` 3.3).
//!
//! With *N* members and *P* partitions each member gets `P / N`, and `P % N` of them one more. Members keep what they own
//! up to the quota; the rest is dealt out in turn, by member id. O(P log P + N log N).

use super::super::error::AssignorError;
use super::super::group::{Group, MemberIndex, PartitionIndex};
use super::super::racks::Racks;
use super::claims::Claims;
use super::partitions::Partitions;
use super::{Decision, NOBODY};
use crate::protocol::java_hash::string_compare;

pub(super) fn assign(
    group: &Group<'_>,
    partitions: &Partitions<'_>,
    racks: Option<&Racks>,
    claims: Claims,
) -> Result<Decision, AssignorError> {
    let mut builder = Builder::new(group, partitions, racks, claims.doubly_claimed);
    builder.keep_owned(claims.owned);
    let mut unassigned = builder.unassigned();
    builder.sort_unfilled_by_member_id();
    if let Some(racks) = racks {
        let reach = racks.members_in_reach();
        unassigned.sort_by_key(|partition| reach[*partition as usize]);
        builder.fill_within_racks(racks, &mut unassigned);
    }
    builder.fill_in_turn(&unassigned)?;
    builder.verify_unfilled()?;
    Ok(Decision { partitions: builder.assignment, transferring: Some(builder.transferring) })
}

/// `ConstrainedAssignmentBuilder`.
struct Builder<'a> {
    group: &'a Group<'a>,
    partitions: &'a Partitions<'a>,
    racks: Option<&'a Racks>,
    doubly_claimed: Vec<bool>,
    assignment: Vec<Vec<PartitionIndex>>,
    /// Partitions that a member keeps.
    kept: Vec<bool>,
    /// Who had a partition that was taken away from it, by partition.
    maybe_revoked_from: Vec<MemberIndex>,
    transferring: Vec<(PartitionIndex, MemberIndex)>,
    /// Members below the lower quota.
    under_min_quota: Vec<MemberIndex>,
    /// Members at the lower quota that may still get one more.
    at_min_quota: std::collections::VecDeque<MemberIndex>,
    min_quota: usize,
    max_quota: usize,
    /// How many members must end above the lower quota, and how many do so far.
    expected_over_min_quota: usize,
    over_min_quota: usize,
}

impl<'a> Builder<'a> {
    fn new(
        group: &'a Group<'a>,
        partitions: &'a Partitions<'a>,
        racks: Option<&'a Racks>,
        doubly_claimed: Vec<bool>,
    ) -> Self {
        let (count, members) = (group.partitions as usize, group.members.len());
        let max_quota = count.div_ceil(members);
        Builder {
            group,
            partitions,
            racks,
            doubly_claimed,
            assignment: (0..members).map(|_| Vec::with_capacity(max_quota)).collect(),
            kept: vec![false; partitions.len()],
            maybe_revoked_from: vec![NOBODY; partitions.len()],
            transferring: Vec::new(),
            under_min_quota: Vec::new(),
            at_min_quota: std::collections::VecDeque::new(),
            min_quota: count / members,
            max_quota,
            expected_over_min_quota: count % members,
            over_min_quota: 0,
        }
    }

    fn may_exceed_min_quota(&self) -> bool {
        self.over_min_quota < self.expected_over_min_quota
    }

    fn count_one_over_min_quota(&mut self) {
        self.over_min_quota += 1;
        if self.over_min_quota == self.expected_over_min_quota {
            self.at_min_quota.clear();
        }
    }

    /// Step A: members keep what they own, up to their quota.
    fn keep_owned(&mut self, owned: Vec<Vec<PartitionIndex>>) {
        for (member, mut owned) in (0..).zip(owned) {
            owned.retain(|partition| self.may_keep(member, *partition));
            owned.sort_unstable_by_key(|partition| {
                (self.partitions.number(*partition), self.partitions.topic(*partition))
            });
            let keep = if owned.len() < self.min_quota {
                self.under_min_quota.push(member);
                owned.len()
            } else if owned.len() >= self.max_quota && self.may_exceed_min_quota() {
                self.count_one_over_min_quota();
                self.max_quota
            } else {
                if self.may_exceed_min_quota() {
                    self.at_min_quota.push_back(member);
                }
                self.min_quota
            };
            for partition in &owned[..keep] {
                self.kept[*partition as usize] = true;
            }
            for partition in &owned[keep..] {
                self.maybe_revoked_from[*partition as usize] = member;
            }
            self.assignment[member as usize].extend_from_slice(&owned[..keep]);
        }
    }

    /// False for partitions outside the member's rack, and for those that two members claim.
    fn may_keep(&mut self, member: MemberIndex, partition: PartitionIndex) -> bool {
        if self.racks.is_some_and(|racks| racks.mismatch(member, partition)) {
            self.maybe_revoked_from[partition as usize] = member;
            return false;
        }
        !self.doubly_claimed[partition as usize]
    }

    /// Step B: what nobody keeps, by topic and number. Kafka subtracts by merging two sorted lists, and a kept partition
    /// that does not exist stops the merge: all that come after it count as unassigned although they are kept.
    fn unassigned(&self) -> Vec<PartitionIndex> {
        let missing = (self.group.partitions..self.partitions.len() as u32).filter(|p| self.kept[*p as usize]);
        let stop = missing
            .map(|partition| {
                let range = self.group.partitions_of(self.partitions.topic(partition));
                if self.partitions.number(partition) < 0 { range.start } else { range.end }
            })
            .min()
            .unwrap_or(self.group.partitions);
        (0..self.group.partitions).filter(|partition| *partition >= stop || !self.kept[*partition as usize]).collect()
    }

    /// Step C.
    fn sort_unfilled_by_member_id(&mut self) {
        let group = self.group;
        let id = |member: &MemberIndex| group.members[*member as usize].member_id.as_str();
        self.under_min_quota.sort_by(|left, right| string_compare(id(left), id(right)));
        self.at_min_quota.make_contiguous().sort_by(|left, right| string_compare(id(left), id(right)));
    }

    /// Step D: each partition to the next member in one of its racks. Takes what it assigns out of `unassigned`.
    fn fill_within_racks(&mut self, racks: &Racks, unassigned: &mut Vec<PartitionIndex>) {
        let mut cursor = 0;
        unassigned.retain(|partition| {
            let under = self.under_min_quota.len();
            let next = (0..under)
                .map(|step| (cursor + step) % under)
                .find(|position| racks.in_same_rack(self.under_min_quota[*position], *partition));
            let member = match next {
                Some(position) => Some(self.take_under_min_quota(position, &mut cursor)),
                None => self.take_at_min_quota(racks, *partition),
            };
            if let Some(member) = member {
                self.assign_new(*partition, member);
            }
            member.is_none()
        });
    }

    /// The member at `position` gets one more; the cursor moves on, unless the member leaves the list.
    fn take_under_min_quota(&mut self, position: usize, cursor: &mut usize) -> MemberIndex {
        let member = self.under_min_quota[position];
        let count = self.assignment[member as usize].len() + 1;
        let mut next = position;
        if count >= self.min_quota {
            self.under_min_quota.remove(position);
            if count < self.max_quota && self.may_exceed_min_quota() {
                self.at_min_quota.push_back(member);
            }
        } else {
            next += 1;
        }
        *cursor = next.checked_rem(self.under_min_quota.len()).unwrap_or(0);
        member
    }

    /// The first member at the lower quota that is in a rack of the partition.
    fn take_at_min_quota(&mut self, racks: &Racks, partition: PartitionIndex) -> Option<MemberIndex> {
        let position = self.at_min_quota.iter().position(|member| racks.in_same_rack(*member, partition))?;
        let member = self.at_min_quota[position];
        if self.assignment[member as usize].len() + 1 == self.max_quota {
            self.at_min_quota.remove(position);
            self.count_one_over_min_quota();
        }
        Some(member)
    }

    /// Step E: in turn to the members below the lower quota; when all have reached it, one each to those that may have
    /// one more.
    fn fill_in_turn(&mut self, unassigned: &[PartitionIndex]) -> Result<(), AssignorError> {
        let mut cursor = 0;
        for partition in unassigned {
            if cursor >= self.under_min_quota.len() {
                cursor = 0;
            }
            let member = match self.under_min_quota.get(cursor) {
                Some(member) => {
                    cursor += 1;
                    *member
                }
                None => self.at_min_quota.pop_front().ok_or_else(|| {
                    AssignorError::IllegalState("No more unfilled consumers to be assigned.".to_owned())
                })?,
            };
            self.assign_new(*partition, member);
            let count = self.assignment[member as usize].len();
            if count == self.min_quota {
                cursor -= 1;
                self.under_min_quota.remove(cursor);
                self.at_min_quota.push_back(member);
            } else if count == self.max_quota {
                self.over_min_quota += 1;
            }
        }
        Ok(())
    }

    fn assign_new(&mut self, partition: PartitionIndex, member: MemberIndex) {
        self.assignment[member as usize].push(partition);
        let revoked_from = self.maybe_revoked_from[partition as usize];
        if (revoked_from != NOBODY && revoked_from != member) || self.doubly_claimed[partition as usize] {
            self.transferring.push((partition, member));
        }
    }

    /// Step F.
    fn verify_unfilled(&self) -> Result<(), AssignorError> {
        if self.under_min_quota.is_empty() {
            return Ok(());
        }
        if self.over_min_quota != self.expected_over_min_quota {
            return Err(AssignorError::IllegalState(
                "We haven't reached the expected number of members with more than the minQuota partitions, but no more \
                 partitions to be assigned"
                    .to_owned(),
            ));
        }
        let short =
            self.under_min_quota.iter().find(|member| self.assignment[**member as usize].len() != self.min_quota);
        match short {
            None => Ok(()),
            Some(member) => Err(AssignorError::IllegalState(format!(
                "Consumer: [{}] doesn't reach minQuota partitions, and no more partitions to be assigned",
                self.group.members[*member as usize].member_id
            ))),
        }
    }
}
