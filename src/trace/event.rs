//! What happened in a run: one typed event after the other, in time order.

use std::rc::Rc;
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
    ProcessStarted {
        /// Whose.
        consumer: ConsumerIndex,
    },
    /// A graceful stop was asked for; SIGKILL follows after the grace period.
    StopRequested {
        /// Of whom.
        consumer: ConsumerIndex,
        /// Time until SIGKILL.
        grace: SimDuration,
    },
    /// A consumer process is gone.
    ProcessStopped {
        /// Whose.
        consumer: ConsumerIndex,
        /// In which way it ended.
        how: StopKind,
    },
    /// All threads of a host stand still from here on.
    PauseBegan {
        /// The consumer on that host.
        consumer: ConsumerIndex,
        /// Why.
        pause: HostPause,
    },
    /// They go on.
    PauseEnded {
        /// The consumer on that host.
        consumer: ConsumerIndex,
        /// Why they stood still.
        pause: HostPause,
    },
    /// `poll` returned, and the application works on what it got: records, or nothing if it is held up without any.
    ProcessingBegan {
        /// Whose application.
        consumer: ConsumerIndex,
        /// The records.
        batches: Rc<[RecordBatch]>,
    },
    /// It is done with it.
    ProcessingEnded {
        /// Whose application.
        consumer: ConsumerIndex,
        /// The records.
        batches: Rc<[RecordBatch]>,
        /// It calls `poll` at once, before anything else happens to the consumer: there is no
        /// [`PollCalled`](ClientEvent::PollCalled) that says so.
        poll_called: bool,
    },
    /// The poll thread is held up by a fault (poll stall) from here on; it ends with the next call of `poll`.
    PollStalled {
        /// Whose poll thread.
        consumer: ConsumerIndex,
        /// For how long.
        length: SimDuration,
    },
    /// A listener call began.
    CallbackBegan {
        /// Whose listener.
        consumer: ConsumerIndex,
        /// Which call.
        callback: Callback,
        /// Its argument.
        partitions: Vec<TopicPartition>,
    },
    /// It returned.
    CallbackEnded {
        /// Whose listener.
        consumer: ConsumerIndex,
        /// Which call.
        callback: Callback,
    },
    /// A consumer did something.
    Client {
        /// Which consumer.
        consumer: ConsumerIndex,
        /// What it did.
        event: ClientEvent,
    },
    /// A coordinator did something.
    Coordinator {
        /// On which broker.
        broker: BrokerId,
        /// What it did.
        event: CoordinatorEvent,
    },
    /// A broker process is up and leads its partitions.
    BrokerUp {
        /// Which broker.
        broker: BrokerId,
    },
    /// A broker process is gone.
    BrokerDown {
        /// Which broker.
        broker: BrokerId,
    },
    /// The controller takes a broker for gone: its partitions go to other brokers.
    BrokerFenced {
        /// Which broker.
        broker: BrokerId,
    },
    /// A partition of `__consumer_offsets` moved to another broker.
    CoordinatorMoved {
        /// Which partition.
        partition: u32,
        /// The old leader.
        from: BrokerId,
        /// The new leader.
        to: BrokerId,
    },
    /// A fault began.
    FaultBegan {
        /// Index into [`Directory::faults`].
        fault: u32,
        /// What it hits: the name of a consumer, `broker-<id>`, or a word for more than one.
        target: Arc<str>,
    },
    /// A fault ended.
    FaultEnded {
        /// Index into [`Directory::faults`].
        fault: u32,
        /// What it hit.
        target: Arc<str>,
    },
    /// Partitions were added to a topic (or a topic was created). They are appended to [`Directory::partitions`].
    PartitionsAdded {
        /// The new partitions.
        partitions: Vec<TopicPartition>,
    },
}

/// Folds the stream of events. Implemented by the trace writer, the digest and every analysis.
pub trait Observer {
    /// One event, in time order.
    fn event(&mut self, directory: &Directory, event: &TraceEvent);

    /// The log end offset of every partition (by [`PartitionIndex`]) at regular instants; not part of the trace.
    fn sample(&mut self, _directory: &Directory, _at: SimTime, _log_ends: &[i64]) {}
}
