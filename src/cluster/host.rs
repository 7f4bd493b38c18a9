//! Hosts: one consumer process each, with what can hold its threads up.
//!
//! Fault model: a pause (garbage collection, SIGSTOP, a suspended machine) stops *all* threads. Work that was under way
//! takes so much longer; sockets still receive, so answers wait to be read; timers run on, so everything that fell due
//! meanwhile is found expired at the resume. A slowdown stretches the application's work. A crash ends the process
//! without a word; its sockets are closed by the operating system.

use std::mem::Discriminant;
use std::ops::Deref;
use std::rc::Rc;

use crate::client::{Callback, Connection, Consumer as ConsumerClient, RecordBatch};
use crate::engine::{RandomStream, SimDuration, SimTime};
use crate::protocol::message::Request;
use crate::scenario::checked::CloseHow;
use crate::trace::HostPause;

use super::fetching::Fetcher;
use super::machine::Quota;
use super::network::ConnectionId;

/// A host and the process on it, if one runs.
pub struct Host {
    /// The process.
    pub process: Option<Process>,
    /// Counts processes of this host; what belongs to an earlier one is ignored.
    pub incarnation: u32,
    /// All threads stand still until then.
    pub paused: Option<(SimTime, HostPause)>,
    /// The application's work takes this many thousandths of its normal time.
    pub slowdown_milli: u64,
    /// When the process ends it is started again after this time.
    pub restart_after: Option<SimDuration>,
    /// What a quota of the processor leaves to it.
    pub quota: Option<Quota>,
    /// The clock stands still in the present pause, for so long in all.
    pub clock_stands: SimDuration,
    /// How far the clock is behind.
    pub clock_behind: SimDuration,
    /// After the present pause the clock is set right so much later.
    pub clock_corrected_after: Option<SimDuration>,
    /// SIGTERM comes when the preStop hook is over, with this grace.
    pub stop_after_hook: Option<(SimDuration, CloseHow)>,
    /// How long the next pass of the application's loop is held up (poll stall).
    pub stall: SimDuration,
    /// Streams of this host's draws.
    pub random: HostStreams,
}

/// Draws that belong to a host, whatever else happens.
pub struct HostStreams {
    /// Retry and reconnect jitter, phases of the client's threads.
    pub client: RandomStream,
    /// Time per batch.
    pub batch: RandomStream,
    /// Length of callbacks.
    pub callback: RandomStream,
    /// Start-up times.
    pub startup: RandomStream,
    /// Time between end and restart.
    pub restart: RandomStream,
    /// Member ids that the coordinator makes for this consumer.
    pub member_id: RandomStream,
    /// Time of fetches.
    pub fetch: RandomStream,
    /// Time of brokers for this consumer's requests.
    pub request: RandomStream,
    /// How late threads wake.
    pub lateness: RandomStream,
    /// How much longer things take when they are done for the first time.
    pub first_use: RandomStream,
}

impl HostStreams {
    /// The streams of the host of that name.
    pub fn new(seed: u64, name: &str) -> Self {
        let stream = |purpose| RandomStream::new(seed, name, purpose);
        HostStreams {
            client: stream("client"),
            batch: stream("batch"),
            callback: stream("callback"),
            startup: stream("startup"),
            restart: stream("restart"),
            member_id: stream("member id"),
            fetch: stream("fetch"),
            request: stream("request time"),
            lateness: stream("lateness"),
            first_use: stream("first use"),
        }
    }
}

/// A running consumer process.
pub struct Process {
    /// The consumer.
    pub client: ClientSlot,
    /// Start-up, or a call of the listener.
    pub work: Option<Work>,
    /// The batch that the application works on: for some clients beside the listener's calls.
    pub batch: Option<Work>,
    /// The leader's assignor runs until then; what is left of it, while the host is paused.
    pub assignment: Option<(SimTime, SimDuration)>,
    /// Open connections by kind.
    pub connections: Vec<(Connection, ConnectionId)>,
    /// `poll` waits for records.
    pub awaits_records: bool,
    /// Where those records come from.
    pub fetcher: Fetcher,
    /// SIGTERM was sent: the consumer closes.
    pub closing: bool,
    /// How long it took to start up.
    pub startup: SimDuration,
    /// What it has done before.
    done_before: Vec<FirstUse>,
}

/// The consumer of a process. It is taken out while it handles an input: what it wants done meanwhile may be done to
/// the process, but not to itself.
pub struct ClientSlot(Option<Box<ConsumerClient>>);

impl ClientSlot {
    /// Takes the consumer out.
    pub fn take(&mut self) -> Option<Box<ConsumerClient>> {
        self.0.take()
    }

    /// Puts it back.
    pub fn put_back(&mut self, client: Box<ConsumerClient>) {
        self.0 = Some(client);
    }
}

impl Deref for ClientSlot {
    type Target = ConsumerClient;

    fn deref(&self) -> &ConsumerClient {
        self.0.as_ref().expect("nobody looks at a consumer that handles an input")
    }
}

/// A kind of thing that takes longer the first time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FirstUse {
    /// A group request.
    Request(Discriminant<Request>),
    /// A call of the listener.
    Listener(Callback),
    /// The leader's assignor.
    Assignor,
    /// A Fetch.
    Fetch,
}

impl Process {
    /// Work begins, in the place for its kind.
    #[inline(always)]
    pub fn begin(&mut self, work: Work) {
        let place = if matches!(work.kind, WorkKind::Batch(_)) { &mut self.batch } else { &mut self.work };
        *place = Some(work);
    }

    /// A process around a consumer, which starts up for so long.
    pub fn new(client: ConsumerClient, startup: SimDuration) -> Self {
        Process {
            client: ClientSlot(Some(Box::new(client))),
            work: None,
            batch: None,
            assignment: None,
            connections: Vec::new(),
            awaits_records: false,
            fetcher: Fetcher::default(),
            closing: false,
            startup,
            done_before: Vec::new(),
        }
    }

    /// Whether this is the first thing of its kind since the process was started.
    pub fn is_first(&mut self, kind: FirstUse) -> bool {
        let is_first = !self.done_before.contains(&kind);
        if is_first {
            self.done_before.push(kind);
        }
        is_first
    }

    /// The open connection of that kind.
    pub fn connection(&self, kind: Connection) -> Option<ConnectionId> {
        self.connections.iter().find(|(open, _)| *open == kind).map(|(_, id)| *id)
    }
}

/// Work of the application's thread.
pub struct Work {
    /// What it is.
    pub kind: WorkKind,
    /// When it is done, unless the host is paused.
    pub ends: SimTime,
    /// What is left of it, while the host is paused.
    pub left: SimDuration,
}

/// What the application's thread does.
pub enum WorkKind {
    /// The process starts up.
    Startup,
    /// A batch of records, or a stall without records.
    Batch(Rc<[RecordBatch]>),
    /// A listener call.
    Callback(Callback),
}

impl Host {
    /// A host without a process.
    pub fn new(seed: u64, name: &str) -> Self {
        Host {
            process: None,
            incarnation: 0,
            paused: None,
            slowdown_milli: 1_000,
            restart_after: None,
            quota: None,
            clock_stands: SimDuration::ZERO,
            clock_behind: SimDuration::ZERO,
            clock_corrected_after: None,
            stop_after_hook: None,
            stall: SimDuration::ZERO,
            random: HostStreams::new(seed, name),
        }
    }

    /// Normal time of a piece of work, stretched by a slowdown.
    pub fn stretched(&self, normal: SimDuration) -> SimDuration {
        match self.slowdown_milli {
            1_000 => normal,
            milli => SimDuration(((u128::from(normal.0) * u128::from(milli)) / 1_000) as u64),
        }
    }
}
