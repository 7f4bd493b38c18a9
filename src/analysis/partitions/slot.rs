//! One partition as one group sees it: its owners, whether it stands still and why, and the sums over the run.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::analysis::facts::{ConsumerNumber, MemberOf};
use crate::analysis::outcome::PauseCause;
use crate::engine::{SimDuration, SimTime};
use crate::protocol::{Generation, MemberId, TopicPartition};

/// Number of causes.
pub(super) const CAUSES: usize = 13;

/// A consumer that believes to own the partition.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    pub consumer: ConsumerNumber,
    /// Generation in which it got the partition.
    pub generation: Generation,
    /// Since when.
    pub since: SimTime,
    /// It knows where to read.
    pub positioned: bool,
    /// Its position, once that was seen.
    pub position: Option<i64>,
}

/// The last owner, after it gave the partition up.
#[derive(Clone, Debug)]
pub(super) struct LastHolder {
    pub member: MemberOf,
    pub id: Option<MemberId>,
    /// Its process is gone (rather than that it gave the partition up).
    pub process_gone: bool,
}

/// A time that is going on, its sum and its longest piece.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stopwatch {
    since: Option<SimTime>,
    pub sum: SimDuration,
    pub longest: SimDuration,
}

impl Stopwatch {
    /// Starts or stops. Returns the piece that ended.
    pub fn set(&mut self, running: bool, now: SimTime) -> Option<(SimTime, SimTime)> {
        match (self.since, running) {
            (None, true) => self.since = Some(now),
            (Some(since), false) => {
                self.since = None;
                self.add(since, now);
                return Some((since, now));
            }
            _ => {}
        }
        None
    }

    /// Adds a piece.
    pub fn add(&mut self, from: SimTime, to: SimTime) {
        self.sum += to.since(from);
        self.longest = self.longest.max(to.since(from));
    }

    /// Since when it runs, if it does.
    pub fn since(&self) -> Option<SimTime> {
        self.since
    }

    /// Forgets what was, as if begun at `now`.
    pub fn restart(&mut self, now: SimTime) {
        *self = Stopwatch { since: self.since.map(|_| now), ..Stopwatch::default() };
    }
}

/// A slice of standing still that ended.
pub(super) struct Slice {
    pub cause: PauseCause,
    pub from: SimTime,
    pub to: SimTime,
}

/// One partition of one group.
pub(super) struct Slot {
    /// Index of the partition in the run's directory.
    pub partition: u32,
    /// The partition's name in lists.
    pub label: Arc<str>,
    /// As a rule one.
    pub holders: SmallVec<[Holder; 1]>,
    pub last: Option<LastHolder>,
    /// Standing still for this cause since then.
    standing: Option<(PauseCause, SimTime)>,
    /// Standing still for whatever cause since then.
    paused_since: Option<SimTime>,
    pub by_cause: [SimDuration; CAUSES],
    pub longest_pause: SimDuration,
    pub unavailable: Stopwatch,
    pub unowned: Stopwatch,
    pub double: Stopwatch,
    /// The same from the reference instant of the measures on.
    pub measured_unavailable: Stopwatch,
    pub measured_double: Stopwatch,
    pub owners: u64,
    /// What the times were set by last.
    pub seen: Option<Seen>,
}

/// What the times of a partition go by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Seen {
    /// Some owner runs and is connected.
    pub available: bool,
    /// Several owners run.
    pub double: bool,
    pub owned: bool,
    /// Counting has begun in the group.
    pub counts: bool,
}

impl Slot {
    pub fn new(partition: u32, name: &TopicPartition) -> Self {
        Slot {
            partition,
            label: name.to_string().into(),
            holders: SmallVec::new(),
            last: None,
            standing: None,
            paused_since: None,
            by_cause: [SimDuration::ZERO; CAUSES],
            longest_pause: SimDuration::ZERO,
            unavailable: Stopwatch::default(),
            unowned: Stopwatch::default(),
            double: Stopwatch::default(),
            measured_unavailable: Stopwatch::default(),
            measured_double: Stopwatch::default(),
            owners: 0,
            seen: None,
        }
    }

    /// The entry of this consumer among the owners.
    #[inline]
    pub fn holder(&mut self, consumer: ConsumerNumber) -> Option<&mut Holder> {
        self.holders.iter_mut().find(|holder| holder.consumer == consumer)
    }

    /// Sets why the partition stands still, `None` if it goes on. Returns the slice that ended, and the length of the
    /// whole pause if that ended with it.
    pub fn stand(&mut self, cause: Option<PauseCause>, now: SimTime) -> (Option<Slice>, Option<SimDuration>) {
        let mut slice = None;
        if let Some((old, since)) = self.standing {
            if cause == Some(old) {
                return (None, None);
            }
            if now > since {
                self.by_cause[old as usize] += now.since(since);
                slice = Some(Slice { cause: old, from: since, to: now });
            }
        }
        self.standing = cause.map(|cause| (cause, now));
        let pause = match (self.paused_since, cause) {
            (None, Some(_)) => {
                self.paused_since = Some(now);
                None
            }
            (Some(since), None) => {
                self.paused_since = None;
                self.longest_pause = self.longest_pause.max(now.since(since));
                Some(now.since(since)).filter(|length| length.0 > 0)
            }
            _ => None,
        };
        (slice, pause)
    }

    /// Why it stands still.
    pub fn cause(&self) -> Option<PauseCause> {
        self.standing.map(|(cause, _)| cause)
    }

    /// All the time that it stood still.
    pub fn paused(&self) -> SimDuration {
        SimDuration(self.by_cause.iter().map(|span| span.0).sum())
    }
}
