//! Moving partitions until no move helps (spec `assignors.md` 3.4, «isBalanced», «reassign», «move»).
//!
//! Kafka asks before every single partition whether the whole assignment is balanced, which makes it cubic. Here that
//! question is answered only where the answer can make a difference. Usually «balanced» means exactly that no partition
//! meets the condition for a move, so that going on to the end of the list does the same as stopping. It can differ when
//! a partition's previous owner does not subscribe to its topic, and in assignments that are already broken (a partition
//! with two owners, a member with partitions it never asked for); then the question is asked as Kafka does.

use super::super::error::AssignorError;
use super::super::group::{Group, MemberIndex, PartitionIndex, TopicIndex};
use super::super::racks::Racks;
use super::NOBODY;
use super::claims::remove_first;
use super::general::potential_partitions;
use super::load::LoadOrder;
use super::movements::Movements;
use super::partitions::Partitions;

/// No chain of events is known in which Kafka's loop goes on for ever, but nothing in it rules that out.
const MAX_PASSES: usize = 10_000;

pub(super) struct Reassignment<'a> {
    group: &'a Group<'a>,
    partitions: &'a Partitions<'a>,
    racks: Option<&'a Racks>,
    loads: LoadOrder,
    /// Members that take no part; they are absent from Kafka's maps.
    is_fixed: Vec<bool>,
    current: Vec<Vec<PartitionIndex>>,
    owner: Vec<MemberIndex>,
    previous_owner: &'a [MemberIndex],
    movements: Movements,
    /// Whether «balanced» must be asked before every partition.
    ask_always: bool,
    /// The answer since the last move.
    balanced: Option<bool>,
    /// The last topic looked up since the last move, and its least loaded subscriber.
    least_loaded: Option<(TopicIndex, MemberIndex)>,
}

impl<'a> Reassignment<'a> {
    /// Starts from `current` with the owner of each partition; `loads` has the members that take part.
    pub(super) fn new(
        (group, partitions, racks): (&'a Group<'a>, &'a Partitions<'a>, Option<&'a Racks>),
        loads: LoadOrder,
        fixed: &[MemberIndex],
        current: Vec<Vec<PartitionIndex>>,
        owner: Vec<MemberIndex>,
        previous_owner: &'a [MemberIndex],
    ) -> Self {
        let mut is_fixed = vec![false; current.len()];
        for member in fixed {
            is_fixed[*member as usize] = true;
        }
        let has_missing = current.iter().flatten().any(|partition| !partitions.exists(*partition));
        let mut reassignment = Reassignment {
            group,
            partitions,
            racks,
            loads,
            is_fixed,
            current,
            owner,
            previous_owner,
            movements: Movements::default(),
            ask_always: has_missing,
            balanced: None,
            least_loaded: None,
        };
        // A fixed member that shares a topic with others: it has more partitions than exist.
        reassignment.ask_always |= fixed.iter().any(|member| {
            let shared = |topic: &TopicIndex| reassignment.loads.least_loaded(*topic).is_some();
            group.list(*member).topics.iter().any(shared)
        });
        reassignment
    }

    /// What each member has after all moves.
    pub(super) fn finish(self) -> Vec<Vec<PartitionIndex>> {
        self.current
    }

    /// Goes over the list again and again until a pass moves nothing. Tells whether anything moved.
    pub(super) fn run(&mut self, list: &[PartitionIndex]) -> Result<bool, AssignorError> {
        let mut changed = false;
        for _ in 0..MAX_PASSES {
            let mut modified = false;
            for partition in list {
                if self.must_ask(*partition) && self.is_balanced()? {
                    break;
                }
                modified |= self.visit(*partition)?;
            }
            if !modified {
                return Ok(changed);
            }
            changed = true;
        }
        Err(AssignorError::Endless)
    }

    /// Whether «balanced» can make a difference before this partition.
    fn must_ask(&self, partition: PartitionIndex) -> bool {
        let previous = self.previous_owner[partition as usize];
        self.ask_always
            || previous != NOBODY
                && (self.is_fixed[previous as usize]
                    || !self.group.list(previous).contains(self.partitions.topic(partition)))
    }

    fn takes_part(&self, member: MemberIndex) -> Result<(), AssignorError> {
        if member == NOBODY || self.is_fixed[member as usize] { Err(AssignorError::NullPointer) } else { Ok(()) }
    }

    fn size(&self, member: MemberIndex) -> usize {
        self.current[member as usize].len()
    }

    /// Moves a partition if its owner has at least two more than its previous owner, or than the least loaded subscriber.
    fn visit(&mut self, partition: PartitionIndex) -> Result<bool, AssignorError> {
        let owner = self.owner[partition as usize];
        self.takes_part(owner)?;
        let previous = self.previous_owner[partition as usize];
        if previous != NOBODY {
            self.takes_part(previous)?;
            if self.size(owner) > self.size(previous) + 1 {
                self.reassign(partition, previous)?;
                return Ok(true);
            }
        }
        let better = if self.ask_always {
            self.has_better_subscriber(partition, owner)?
        } else {
            let least_loaded = self.least_loaded(self.partitions.topic(partition))?;
            self.size(owner) > self.size(least_loaded) + 1
        };
        if better {
            let least_loaded = self.least_loaded(self.partitions.topic(partition))?;
            self.reassign(partition, least_loaded)?;
        }
        Ok(better)
    }

    /// Whether some subscriber has at least two partitions less than the owner, looked up member by member as Kafka does:
    /// first those in a rack of the partition, if the owner is. Fails on a member that takes no part.
    fn has_better_subscriber(&self, partition: PartitionIndex, owner: MemberIndex) -> Result<bool, AssignorError> {
        let topic = self.partitions.topic(partition);
        let subscribers = || (0..self.group.member_count()).filter(|member| self.group.list(*member).contains(topic));
        let is_better = |member| -> Result<bool, AssignorError> {
            self.takes_part(member)?;
            Ok(self.size(owner) > self.size(member) + 1)
        };
        if let Some(racks) = self.racks.filter(|racks| racks.in_same_rack(owner, partition)) {
            for member in subscribers().filter(|member| racks.in_same_rack(*member, partition)) {
                if is_better(member)? {
                    return Ok(true);
                }
            }
        }
        for member in subscribers() {
            if is_better(member)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn least_loaded(&mut self, topic: TopicIndex) -> Result<MemberIndex, AssignorError> {
        if let Some((_, member)) = self.least_loaded.filter(|(known, _)| *known == topic) {
            return Ok(member);
        }
        let member = self.loads.least_loaded(topic).ok_or(AssignorError::NullPointer)?;
        self.least_loaded = Some((topic, member));
        Ok(member)
    }

    /// Moves the partition, or another of its topic that came from there, to the member.
    fn reassign(&mut self, partition: PartitionIndex, to: MemberIndex) -> Result<(), AssignorError> {
        let owner = self.owner[partition as usize];
        let partition = self.movements.actual_partition(self.partitions, partition, owner, to);
        let from = self.owner[partition as usize];
        self.takes_part(from)?;
        self.loads.remove(from, self.size(from));
        self.loads.remove(to, self.size(to));
        self.movements.record(self.partitions, partition, from, to);
        remove_first(&mut self.current[from as usize], partition);
        self.current[to as usize].push(partition);
        self.owner[partition as usize] = to;
        self.loads.insert(to, self.size(to));
        self.loads.insert(from, self.size(from));
        self.balanced = None;
        self.least_loaded = None;
        // From now on the member can be full without having all that it subscribes to.
        self.ask_always |= !self.group.list(to).contains(self.partitions.topic(partition));
        Ok(())
    }

    /// Whether members differ by at most one, or no member lacks a partition whose owner has at least two more.
    fn is_balanced(&mut self) -> Result<bool, AssignorError> {
        if let Some(balanced) = self.balanced {
            return Ok(balanced);
        }
        let (least, most) = self.loads.bounds().ok_or(AssignorError::NoSuchElement)?;
        let balanced = least + 1 >= most || !self.some_member_could_take_more()?;
        self.balanced = Some(balanced);
        Ok(balanced)
    }

    fn some_member_could_take_more(&self) -> Result<bool, AssignorError> {
        let mut owner = vec![NOBODY; self.partitions.len()];
        for (member, list) in (0..).zip(&self.current) {
            if !self.is_fixed[member as usize] {
                for partition in list {
                    owner[*partition as usize] = member;
                }
            }
        }
        let mut has = vec![NOBODY; self.partitions.len()];
        for member in self.loads.ascending() {
            if self.size(member) == potential_partitions(self.group, member) {
                continue;
            }
            for partition in &self.current[member as usize] {
                has[*partition as usize] = member;
            }
            let topics = self.group.list(member).topics.iter();
            for partition in topics.flat_map(|topic| self.group.partitions_of(*topic)) {
                if has[partition as usize] == member {
                    continue;
                }
                let other = owner[partition as usize];
                self.takes_part(other)?;
                if self.size(member) + 1 < self.size(other) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}
