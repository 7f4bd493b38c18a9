//! What happened in a run: one typed event after the other, in time order.

use std::sync::Arc;

use crate::client::{Callback, ClientEvent, RecordBatch};
use crate::coordinator::CoordinatorEvent;
use crate::engine::{SimDuration, SimTime};
use crate::protocol::{BrokerId, ClientId, GroupId, TopicPartition};

/// A consumer process slot of the run: index into [`Directory::consumers`]. A restarted process keeps its slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConsumerIndex(pub u32);

/// A partition of the run: index into [`Directory::partitions`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PartitionIndex(pub u32);

/// Who and what takes part, by index. Fixed before the first event, but for partitions added later (appended).
#[derive(Clone, Debug, Default)]
pub struct Directory {
    /// Consumers, in scenario order.
    pub consumers: Vec<ConsumerEntry>,
    /// Partitions, by topic in scenario order, then number.
    pub partitions: Vec<TopicPartition>,
    /// Faults as the scenario file tells them, in its order.
    pub faults: Vec<Arc<str>>,
}

/// One consumer of the run.
#[derive(Clone, Debug)]
pub struct ConsumerEntry {
    /// Name in the scenario, for example `worker-2`; also the name of its host.
    pub name: Arc<str>,
    /// Its group.
    pub group: GroupId,
    /// Its `client.id`.
    pub client_id: ClientId,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct TraceEvent {
    /// When.
    pub at: SimTime,
    /// What.
    pub event: Event,
}

/// Why a host stands still or runs slowly.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum HostPause {
    /// Stop-the-world garbage collection: every thread stops.
    Gc,
    /// The process or machine is frozen (SIGSTOP, virtual machine suspended).
    Frozen,
    /// CPU quota used up until the next period.
    Throttled,
}

/// How a process ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum StopKind {
    /// `close()` returned in time.
    Closed,
    /// The grace period ran out and the process was killed.
    KilledAfterGrace,
    /// SIGKILL or crash.
    Crashed,
    /// The application gave up after a fatal exception.
    Failed,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A consumer process is up.
    ProcessStarted { consumer: ConsumerIndex },
    /// A graceful stop was asked for; SIGKILL follows after the grace period.
    StopRequested { consumer: ConsumerIndex, grace: SimDuration },
    /// A consumer process is gone.
    ProcessStopped { consumer: ConsumerIndex, how: StopKind },
    /// All threads of a host stand still from here on.
    PauseBegan { consumer: ConsumerIndex, pause: HostPause },
    /// They go on.
    PauseEnded { consumer: ConsumerIndex, pause: HostPause },
    /// The application works on a batch.
    ProcessingBegan { consumer: ConsumerIndex, batches: Vec<RecordBatch> },
    /// It is done with it.
    ProcessingEnded { consumer: ConsumerIndex, batches: Vec<RecordBatch> },
    /// The poll thread is held up by a fault (poll stall) of that length.
    PollStalled { consumer: ConsumerIndex, length: SimDuration },
    /// A listener call began.
    CallbackBegan { consumer: ConsumerIndex, callback: Callback, partitions: Vec<TopicPartition> },
    /// It returned.
    CallbackEnded { consumer: ConsumerIndex, callback: Callback },
    /// A consumer did something.
    Client { consumer: ConsumerIndex, event: ClientEvent },
    /// A coordinator did something.
    Coordinator { broker: BrokerId, event: CoordinatorEvent },
    /// A broker process is up and leads its partitions.
    BrokerUp { broker: BrokerId },
    /// A broker process is gone.
    BrokerDown { broker: BrokerId },
    /// The partition of `__consumer_offsets` moved to another broker.
    CoordinatorMoved { partition: u32, from: BrokerId, to: BrokerId },
    /// A fault began (index into [`Directory::faults`]).
    FaultBegan { fault: u32, target: Arc<str> },
    /// A fault ended.
    FaultEnded { fault: u32, target: Arc<str> },
    /// Partitions were added to a topic (or a topic was created).
    PartitionsAdded { partitions: Vec<TopicPartition> },
}

/// Folds the stream of events. Implemented by the trace writer, the digest and every analysis.
pub trait Observer {
    /// One event, in time order.
    fn event(&mut self, directory: &Directory, event: &TraceEvent);

    /// The log end offset of every partition (by [`PartitionIndex`]) at regular instants; not part of the trace.
    fn sample(&mut self, _directory: &Directory, _at: SimTime, _log_ends: &[i64]) {}
}
