//! What the consumer is subscribed to, which partitions it owns, and how far it has read (`SubscriptionState`,
//! consumer-client.md 0.2).

use std::collections::VecDeque;
use std::rc::Rc;

use crate::client::{RecordBatch, Subscription};
use crate::engine::Millis;
use crate::protocol::message::CommittedPartition;
use crate::protocol::{TopicId, TopicName, TopicPartition};

/// A partition that the consumer owns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AssignedPartition {
    /// Which.
    pub partition: TopicPartition,
    /// The next offset to return from `poll`; -1 while it is not known.
    pub position: i64,
    /// It has a position and is not about to be revoked: records may be returned.
    pub fetchable: bool,
    /// [`super::Consumer::fetch_version`] when it became fetchable: what was fetched before is dropped by the next
    /// `poll`, even if it continues at the same position.
    pub fetchable_since: u64,
    /// The position of the last commit.
    committed: i64,
    state: FetchState,
    /// `position.offsetEpoch`: its position follows on a record, or on a committed offset that did. One that the reset policy
    /// gave has no epoch.
    has_epoch: bool,
    pending_revocation: bool,
}

/// A position that was found for a partition.
pub(super) struct Found<'a> {
    pub partition: &'a TopicPartition,
    pub offset: i64,
    pub has_epoch: bool,
    /// The leader is to be asked about its epoch before anything is fetched.
    pub validate: bool,
}

/// How far a partition is on its way to a position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum FetchState {
    /// The committed offset is not known yet.
    Initializing,
    /// There is none: ListOffsets is to be sent, not before this time.
    AwaitReset { retry: Millis },
    /// It has one with the epoch of its leader: OffsetForLeaderEpoch is to be sent, not before this time.
    AwaitValidation { retry: Millis },
    /// It has a position.
    Fetching,
}

/// Subscription and assignment.
#[derive(Debug)]
pub(super) struct Subscriptions {
    /// Subscribed topics, sorted; a pattern's as far as the metadata shows them.
    pub topics: Vec<TopicName>,
    assigned: Vec<AssignedPartition>,
    /// See [`super::Consumer::fetch_version`].
    pub version: u64,
    without_position: usize,
    any_fetchable: bool,
    /// The last commits of just the owned partitions in their order, the first of them first.
    commits: VecDeque<Rc<[CommittedPartition]>>,
}

/// So many of a consumer's last commits are remembered, to use their memory again once nobody else looks at them: the
/// coordinator's log does for some seconds.
const COMMITS_KEPT: usize = 4;

impl Subscriptions {
    pub fn new(subscription: &Subscription) -> Self {
        let mut topics = match subscription {
            Subscription::Topics(topics) => topics.clone(),
            Subscription::Prefix(_) => Vec::new(),
        };
        topics.sort();
        topics.dedup();
        Subscriptions {
            topics,
            assigned: Vec::new(),
            version: 0,
            without_position: 0,
            any_fetchable: false,
            commits: VecDeque::new(),
        }
    }

    pub fn assigned(&self) -> &[AssignedPartition] {
        &self.assigned
    }

    /// The owned partitions, in order.
    pub fn partitions(&self) -> Vec<TopicPartition> {
        self.assigned.iter().map(|owned| owned.partition).collect()
    }

    pub fn owns(&self, partition: &TopicPartition) -> bool {
        self.place(partition).is_some()
    }

    #[inline]
    fn place(&self, partition: &TopicPartition) -> Option<usize> {
        // As a rule they are consecutive partitions of one topic.
        let first = self.assigned.first()?.partition.partition;
        let guess = partition.partition.wrapping_sub(first) as usize;
        if self.assigned.get(guess).is_some_and(|owned| owned.partition == *partition) {
            return Some(guess);
        }
        self.search(partition)
    }

    #[inline(never)]
    fn search(&self, partition: &TopicPartition) -> Option<usize> {
        self.assigned.binary_search_by(|owned| owned.partition.cmp(partition)).ok()
    }

    /// `assignFromSubscribed`: partitions present before and after keep their position.
    pub fn assign(&mut self, partitions: &[TopicPartition]) {
        let old = std::mem::take(&mut self.assigned);
        let assigned = |partition: &TopicPartition| {
            let kept = old.binary_search_by(|owned| owned.partition.cmp(partition));
            kept.map_or_else(|_| AssignedPartition::new(*partition), |place| old[place].clone())
        };
        self.assigned = partitions.iter().map(assigned).collect();
        self.assigned.sort_by_key(|owned| owned.partition);
        self.assigned.dedup_by(|left, right| left.partition == right.partition);
        self.changed();
    }

    /// `markPendingRevocation` of everything: nothing is fetched or returned any more.
    pub fn freeze(&mut self) {
        for owned in &mut self.assigned {
            owned.pending_revocation = true;
        }
        self.moved_on();
    }

    /// The list of partitions is another.
    fn changed(&mut self) {
        self.version += 1;
        self.recount();
    }

    /// Partitions are further on their way, or not to be fetched any more: the list is another if it shows in what is fetched.
    fn moved_on(&mut self) {
        if self.assigned.iter().any(|owned| owned.fetchable != owned.may_be_fetched()) {
            self.changed();
        } else {
            self.recount();
        }
    }

    fn recount(&mut self) {
        self.commits.clear();
        self.without_position = 0;
        self.any_fetchable = false;
        for owned in &mut self.assigned {
            let was_fetchable = owned.fetchable;
            owned.fetchable = owned.may_be_fetched();
            if owned.fetchable && !was_fetchable {
                owned.fetchable_since = self.version;
            }
            self.any_fetchable |= owned.fetchable;
            self.without_position += usize::from(owned.state != FetchState::Fetching);
        }
    }

    /// `hasAllFetchPositions`
    pub fn has_all_positions(&self) -> bool {
        self.without_position == 0
    }

    /// Some partition can be fetched.
    pub fn any_fetchable(&self) -> bool {
        self.any_fetchable
    }

    /// The committed offset of some partition is still to be asked for.
    pub fn any_initializing(&self) -> bool {
        self.assigned.iter().any(|owned| owned.state == FetchState::Initializing)
    }

    /// Partitions whose committed offset is still to be asked for.
    pub fn initializing(&self) -> Vec<TopicPartition> {
        let waiting = self.assigned.iter().filter(|owned| owned.state == FetchState::Initializing);
        let mut partitions = Vec::with_capacity(self.without_position);
        partitions.extend(waiting.map(|owned| owned.partition));
        partitions
    }

    /// Partitions without a committed offset whose ListOffsets may be sent now.
    pub fn to_reset(&self, now: Millis) -> Vec<TopicPartition> {
        let waiting = self
            .assigned
            .iter()
            .filter(|owned| matches!(owned.state, FetchState::AwaitReset { retry } if retry <= now));
        waiting.map(|owned| owned.partition).collect()
    }

    /// OffsetForLeaderEpoch may be sent now for some partition.
    pub fn any_to_validate(&self, now: Millis) -> bool {
        self.without_position > 0 && self.assigned.iter().any(|owned| owned.is_to_validate(now))
    }

    /// Partitions whose OffsetForLeaderEpoch may be sent now.
    pub fn to_validate(&self, now: Millis) -> Vec<TopicPartition> {
        self.assigned.iter().filter(|owned| owned.is_to_validate(now)).map(|owned| owned.partition).collect()
    }

    /// The leader knows the epochs of these positions: records may be fetched.
    pub fn validated<'a>(&mut self, partitions: impl Iterator<Item = &'a TopicPartition>) {
        for partition in partitions {
            if let Some(place) = self.place(partition)
                && matches!(self.assigned[place].state, FetchState::AwaitValidation { .. })
            {
                self.assigned[place].state = FetchState::Fetching;
            }
        }
        self.moved_on();
    }

    /// The reset policy takes over for those that have no committed offset.
    pub fn await_reset(&mut self, now: Millis) {
        for owned in self.assigned.iter_mut().filter(|owned| owned.state == FetchState::Initializing) {
            owned.state = FetchState::AwaitReset { retry: now };
        }
        self.moved_on();
    }

    /// ListOffsets or OffsetForLeaderEpoch for this partition is under way or failed: not again before.
    pub fn retry_at(&mut self, partition: &TopicPartition, at: Millis) {
        if let Some(place) = self.place(partition)
            && let FetchState::AwaitReset { retry } | FetchState::AwaitValidation { retry } =
                &mut self.assigned[place].state
        {
            *retry = at;
        }
    }

    /// True while the partition waits for its committed offset.
    pub fn is_initializing(&self, partition: &TopicPartition) -> bool {
        self.place(partition).is_some_and(|place| self.assigned[place].state == FetchState::Initializing)
    }

    /// True while the partition waits for ListOffsets.
    pub fn awaits_reset(&self, partition: &TopicPartition) -> bool {
        self.place(partition).is_some_and(|place| matches!(self.assigned[place].state, FetchState::AwaitReset { .. }))
    }

    /// Sets positions.
    pub fn seek<'a>(&mut self, positions: impl Iterator<Item = Found<'a>>) {
        for Found { partition, offset, has_epoch, validate } in positions {
            if let Some(place) = self.place(partition) {
                let owned = &mut self.assigned[place];
                (owned.position, owned.committed, owned.has_epoch) = (offset, offset, has_epoch);
                let retry = Millis(i64::MIN);
                owned.state = if validate { FetchState::AwaitValidation { retry } } else { FetchState::Fetching };
            }
        }
        self.moved_on();
    }

    /// Records are returned: positions move past them. What is not fetchable any more is left out.
    #[inline(always)]
    pub fn consume(&mut self, batches: Rc<[RecordBatch]>) -> Rc<[RecordBatch]> {
        match batches.iter().position(|batch| !self.move_past(batch)) {
            None => batches,
            Some(unwanted) => self.consume_wanted(&batches, unwanted),
        }
    }

    /// The same where this one is the first that is not wanted.
    #[cold]
    #[inline(never)]
    fn consume_wanted(&mut self, batches: &[RecordBatch], unwanted: usize) -> Rc<[RecordBatch]> {
        let mut wanted = batches[..unwanted].to_vec();
        wanted.extend(batches[unwanted + 1..].iter().filter(|batch| self.move_past(batch)).cloned());
        wanted.into()
    }

    /// False if these records are not wanted (any more).
    #[inline]
    fn move_past(&mut self, batch: &RecordBatch) -> bool {
        let Some(place) = self.place(&batch.partition) else { return false };
        let owned = &mut self.assigned[place];
        let wanted = owned.fetchable && owned.position == batch.from;
        if wanted {
            owned.position += i64::from(batch.count);
            owned.has_epoch = true;
        }
        wanted
    }

    /// These positions were committed.
    pub fn note_committed(&mut self, offsets: &Rc<[CommittedPartition]>) {
        // As a rule they are the owned partitions in their order.
        let mut all_owned = offsets.len() == self.assigned.len();
        for (number, offset) in offsets.iter().enumerate() {
            let same = self.assigned.get(number).is_some_and(|owned| owned.partition == offset.partition);
            all_owned &= same;
            if let Some(place) = if same { Some(number) } else { self.place(&offset.partition) } {
                self.assigned[place].committed = offset.offset;
            }
        }
        if all_owned && self.commits.len() < COMMITS_KEPT {
            self.commits.push_back(offsets.clone());
        }
    }

    /// The positions that moved since the last commit.
    pub fn moved(&self) -> Rc<[CommittedPartition]> {
        self.positions(|owned| owned.committed != owned.position)
    }

    /// `allConsumed`: the positions of all partitions that have one.
    pub fn all_consumed(&mut self) -> Rc<[CommittedPartition]> {
        self.commit_again().unwrap_or_else(|| self.positions(|_| true))
    }

    /// The first of the last commits with the present positions, if nobody else looks at it any more.
    fn commit_again(&mut self) -> Option<Rc<[CommittedPartition]>> {
        let mut commit = self.commits.pop_front()?;
        let Some(partitions) = Rc::get_mut(&mut commit) else {
            self.commits.push_front(commit);
            return None;
        };
        for (committed, owned) in partitions.iter_mut().zip(&self.assigned) {
            committed.offset = owned.position;
            committed.leader_epoch = owned.leader_epoch();
        }
        Some(commit)
    }

    fn positions(&self, wanted: impl Fn(&AssignedPartition) -> bool) -> Rc<[CommittedPartition]> {
        let wanted = |owned: &&AssignedPartition| owned.state == FetchState::Fetching && wanted(owned);
        let position = |owned: &AssignedPartition| CommittedPartition {
            partition: owned.partition,
            topic_id: TopicId::ZERO,
            offset: owned.position,
            leader_epoch: owned.leader_epoch(),
            metadata: None,
        };
        // As a rule all of them: their number is known then, and nothing is gathered in between.
        if self.assigned.iter().all(|owned| wanted(&owned)) {
            self.assigned.iter().map(position).collect()
        } else {
            self.assigned.iter().filter(wanted).map(position).collect()
        }
    }
}

impl AssignedPartition {
    fn new(partition: TopicPartition) -> Self {
        AssignedPartition {
            partition,
            position: -1,
            committed: -1,
            fetchable: false,
            fetchable_since: 0,
            state: FetchState::Initializing,
            has_epoch: false,
            pending_revocation: false,
        }
    }

    fn may_be_fetched(&self) -> bool {
        self.state == FetchState::Fetching && !self.pending_revocation
    }

    fn is_to_validate(&self, now: Millis) -> bool {
        matches!(self.state, FetchState::AwaitValidation { retry } if retry <= now)
    }

    /// The epoch that a commit of the position names: leaders have but one here.
    fn leader_epoch(&self) -> i32 {
        if self.has_epoch { 0 } else { -1 }
    }
}
