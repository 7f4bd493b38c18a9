//! The consumer as a whole: its inputs, its outputs and what others may look at.

use crate::client::{ConsumerSettings, Input, Jitter, Output};
use crate::engine::SimTime;
use crate::protocol::{Generation, MemberId, TopicPartition};

/// A partition that the consumer owns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AssignedPartition {
    /// Which.
    pub partition: TopicPartition,
    /// The next offset to return from `poll`.
    pub position: i64,
    /// It has a position and is not about to be revoked: records may be returned.
    pub fetchable: bool,
}

/// Where the poll thread is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PollThread {
    /// Inside `poll`.
    Polling,
    /// The application works ([`Output::Process`]).
    Processing,
    /// A listener call runs inside `poll` or `close` ([`Output::Callback`]).
    Callback,
    /// Inside `commitSync`.
    Committing,
    /// Inside `close`.
    Closing,
    /// The consumer is closed, or the application gave up.
    Closed,
}

/// A consumer of the classic protocol: a poll thread and a heartbeat thread that share a membership.
#[derive(Debug)]
pub struct Consumer {
    settings: ConsumerSettings,
    thread: PollThread,
    assigned: Vec<AssignedPartition>,
    fetch_version: u64,
    generation: Generation,
    member_id: MemberId,
}

impl Consumer {
    /// A consumer that has not been started yet.
    pub fn new(settings: ConsumerSettings) -> Self {
        Consumer {
            settings,
            thread: PollThread::Polling,
            assigned: Vec::new(),
            fetch_version: 0,
            generation: Generation::NONE,
            member_id: MemberId::default(),
        }
    }

    /// Takes one input at its time; what the consumer wants done is appended to `out`, in order.
    pub fn handle(&mut self, _now: SimTime, _input: Input, _random: &mut dyn Jitter, _out: &mut Vec<Output>) {}

    /// The settings it was constructed with.
    pub fn settings(&self) -> &ConsumerSettings {
        &self.settings
    }

    /// Where the poll thread is.
    pub fn poll_thread(&self) -> PollThread {
        self.thread
    }

    /// The partitions that the consumer owns as far as it knows, ordered by topic and partition, with their positions.
    pub fn assigned(&self) -> &[AssignedPartition] {
        &self.assigned
    }

    /// Grows whenever [`Consumer::assigned`] gets other partitions, or one of them becomes fetchable or stops being so,
    /// or a position jumps (not when it moves on with records).
    pub fn fetch_version(&self) -> u64 {
        self.fetch_version
    }

    /// Its generation; [`Generation::NONE`] when it has none.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Its member id; empty when it has none.
    pub fn member_id(&self) -> &MemberId {
        &self.member_id
    }
}
