//! One repetition of a live recording as typed data: what was configured, what was done, what happened.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::client::{Callback, CloseOption};
use crate::engine::Millis;
use crate::protocol::{Bytes, Generation, GroupId, MemberId, TopicName, TopicPartition};
pub use crate::scenario::checked::SlowRecords;

/// Traffic at a rate comes in bursts, this far apart, ms.
pub const BURST_EVERY_MS: i64 = 200;

/// A consumer process of a recording by the name it has there: `c1`, `c2b`.
pub type Name = Arc<str>;

/// One repetition of a recorded scenario.
#[derive(Clone, Debug)]
pub struct Recording {
    /// For example `b-join/coop`.
    pub scenario: String,
    /// Repetition, counted from 0.
    pub rep: u32,
    /// Version of broker and clients.
    pub kafka: String,
    /// What the scenario was asked for.
    pub params: Params,
    /// Properties set on the broker.
    pub broker: IndexMap<String, String>,
    /// Every consumer that was started, in the order of the first start.
    pub members: IndexMap<Name, Member>,
    /// The one group.
    pub group: GroupId,
    /// Partitions of the topic, of the first if there are several.
    pub partitions: u32,
    /// Partitions of the other topics, which are named as the first with `-b`, `-c`, … after it.
    pub more_topics: Vec<u32>,
    /// What was done, in time order.
    pub actions: Vec<Action>,
    /// What happened, in time order.
    pub events: Vec<Event>,
    /// What the recorder measured.
    pub measured: Measured,
    /// How disturbed the machine was.
    pub noise: Noise,
    /// What became of the records; `None` for recordings that did not count them.
    pub traffic: Option<Traffic>,
    /// When members sent the last commit before the reference, as far as that is told.
    pub last_commits: IndexMap<Name, Millis>,
}

impl Recording {
    /// The instant that measured values count from: the action with a mark, else the first action.
    pub fn reference(&self) -> Millis {
        self.actions.iter().find(|action| action.mark).map_or(Millis(0), |action| action.at)
    }

    /// Records that were produced until then, over all partitions, if the recording had steady traffic.
    pub fn produced_until(&self, at: Millis) -> i64 {
        let Some(rate) = self.params.rate else { return 0 };
        ((at.0.max(0) / BURST_EVERY_MS) as f64 * rate * BURST_EVERY_MS as f64 / 1_000.0) as i64
    }

    /// The recorder left out what happens all the time, and merged equal consecutive exceptions.
    pub fn is_thinned(&self) -> bool {
        self.traffic.is_some()
    }

    /// The end of the recording.
    pub fn end(&self) -> Millis {
        let last_action = self.actions.last().map(|action| action.at);
        let last_event = self.events.last().map(|event| event.at);
        last_action.max(last_event).unwrap_or_default()
    }

    /// The group uses the consumer protocol (KIP-848), which is not modelled.
    pub fn uses_consumer_protocol(&self) -> bool {
        self.members.values().any(|member| {
            member.client.get("group.protocol").is_some_and(|protocol| protocol.eq_ignore_ascii_case("consumer"))
        })
    }

    /// The client library that the recording is about: its scenario names it last.
    pub fn client(&self) -> &'static str {
        let last = self.members.values().next_back();
        last.and_then(|member| member.library).unwrap_or(crate::scenario::profile::DEFAULT)
    }

    /// All topics with their partitions.
    pub fn topics(&self) -> Vec<(TopicName, u32)> {
        let first = self.topic();
        let more = self
            .more_topics
            .iter()
            .zip(b'b'..)
            .map(|(partitions, letter)| (TopicName::from(format!("{first}-{}", char::from(letter))), *partitions));
        std::iter::once((first, self.partitions)).chain(more).collect()
    }

    /// Name of the topic.
    pub fn topic(&self) -> TopicName {
        first_topic(&self.members, self.group.as_str())
    }
}

/// The topic that the recorder made first for a group.
pub(super) fn first_topic(members: &IndexMap<Name, Member>, group: &str) -> TopicName {
    let named = members.values().next().and_then(|member| member.app.topic);
    named.unwrap_or_else(|| TopicName::from(format!("t-{group}")))
}

/// Parameters that say how actions followed each other and what traffic there was.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Params {
    /// One record went to each partition this often, ms.
    pub produce_ms: Option<u64>,
    /// Records per second over all partitions, in bursts every 200 ms.
    pub rate: Option<f64>,
    /// After a restart the next one followed so long after the group had settled, ms.
    pub between_ms: Option<i64>,
}

/// A consumer's configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Member {
    /// Properties of the client, as given to its constructor.
    pub client: IndexMap<String, String>,
    /// The application around it.
    pub app: App,
    /// Profile of its client library; `None` for Kafka's own.
    pub library: Option<&'static str>,
    /// The process it runs in, if it shares one with others.
    pub process: Option<Name>,
}

/// What the application does.
#[derive(Clone, Debug, PartialEq)]
pub struct App {
    /// The topic it subscribes to, if it is told.
    pub topic: Option<TopicName>,
    /// Timeout passed to `poll`, ms.
    pub poll_timeout_ms: u64,
    /// Time per record, ms.
    pub process_ms: u64,
    /// `commitSync` after each batch.
    pub commit_sync: bool,
    /// Records that cost more, by a rule that every owner finds the same.
    pub slow: Option<SlowRecords>,
    /// It blocks what another library's application does not: the event loop, or the rebalance.
    pub blocks: bool,
    /// It has no rebalance callback.
    pub without_callbacks: bool,
}

impl Default for App {
    fn default() -> Self {
        App {
            topic: None,
            poll_timeout_ms: 100,
            process_ms: 0,
            commit_sync: false,
            slow: None,
            blocks: false,
            without_callbacks: false,
        }
    }
}

impl App {
    /// What the record at this offset costs, ms.
    pub fn cost_ms(&self, partition: u32, offset: i64) -> i64 {
        let slow = self.slow.filter(|slow| slow.is_slow(partition, offset));
        (self.process_ms + slow.map_or(0, |slow| slow.ms)) as i64
    }
}

/// Something that was done to the group.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// When, since the first action.
    pub at: Millis,
    /// What.
    pub what: Act,
    /// Measured values count from here.
    pub mark: bool,
}

/// What was done.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// A new process.
    Start(Name),
    /// `close()`.
    Close(Name, CloseOption),
    /// SIGKILL.
    Kill(Name),
    /// SIGSTOP.
    Freeze(Name),
    /// SIGCONT.
    Thaw(Name),
    /// SIGKILL of the broker.
    BrokerKill,
    /// Its process was started again.
    BrokerStart,
    /// It can be used again.
    BrokerUp,
    /// The next pass of the application's loop is busy for so long, then `commitSync` if asked for.
    Slow { who: Name, ms: u64, commit: bool },
    /// Nothing: an instant worth naming. `busy` is a member that gets busy once its JoinGroup is parked.
    Mark { busy: Option<Name> },
    /// The group did not settle in time; the recorder went on.
    Note,
    /// The end of the recording.
    End,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When, since the first action.
    pub at: Millis,
    /// Where: a consumer, or `broker`.
    pub who: Name,
    /// What.
    pub what: Happened,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Happened {
    /// The consumer was created and subscribed.
    Started,
    /// A listener call.
    Callback { callback: Callback, partitions: Vec<u32> },
    /// The application is busy from here on.
    SlowBegin { ms: u64, records: u64 },
    /// It is done.
    SlowEnd,
    /// `commitSync` after a busy pass came through.
    CommitOk,
    /// An exception reached the application, `times` in a row; the first one after a batch of so many records.
    Exception { place: String, class: String, times: u64, records: Option<u64> },
    /// `close()` was called.
    Closing,
    /// It returned.
    Closed,
    /// The application gave up after exceptions and goes on to close.
    Abandoned,
    /// First records of a partition after it was assigned.
    FirstRecords,
    /// A position moved by itself.
    OffsetJump,
    /// A group request was sent.
    Send {
        api: String,
        generation: Option<Generation>,
        reason: Option<String>,
        member: Option<MemberId>,
        /// What a JoinGroup offers, where the recorder shows it.
        offers: Vec<Offer>,
        /// What a leader's SyncGroup assigns, where the recorder shows it.
        plan: Plan,
    },
    /// Its answer was read by the client.
    Receive {
        api: String,
        error: Option<String>,
        generation: Option<Generation>,
        member: Option<MemberId>,
        leads: bool,
    },
    /// A line of the client's or the coordinator's log.
    Log(String),
    /// Something that this version does not know.
    Other(String),
}

/// An assignor that a JoinGroup offers.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// Its name on the wire.
    pub name: String,
    /// The subscription's bytes, made of the fields that the recorder shows.
    pub metadata: Bytes,
}

/// Partitions per member, sorted.
pub type Plan = Vec<(MemberId, Vec<TopicPartition>)>;

/// What the recorder measured, as far as it is compared. Times in ms.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// Rebalances before the reference.
    pub rebalances_before: u64,
    /// Rebalances after it.
    pub rebalances: u64,
    /// Each of those.
    pub rebalance: Vec<MeasuredRebalance>,
    /// Reference to the coordinator's first line that says what happened.
    pub detect_ms: Option<i64>,
    /// Reference to the last callback with partitions.
    pub settled_ms: Option<i64>,
    /// Time without a live owner, by partition.
    pub unavailable_ms: IndexMap<u32, i64>,
    /// Longest single gap.
    pub unavailable_max_ms: i64,
    /// Sum over partitions.
    pub unavailable_partition_ms: i64,
    /// Time in which two processes believed to own the same partition, summed over partitions.
    pub double_owner_partition_ms: i64,
    /// From the start of the first rebalance to a member's first REBALANCE_IN_PROGRESS.
    pub notice_ms: IndexMap<Name, i64>,
}

/// A rebalance as measured. Times in ms.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeasuredRebalance {
    /// Start, since the first action.
    pub at: Millis,
    /// To the end of the join phase.
    pub join_ms: Option<i64>,
    /// To "Assignment received from leader".
    pub latency_ms: Option<i64>,
}

/// How disturbed the machine was meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Noise {
    /// How late naps of 5 ms ended in the median, ms.
    pub oversleep_p50_ms: f64,
    /// 99th percentile of the same, ms.
    pub oversleep_p99_ms: f64,
}

/// What became of the records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traffic {
    /// Records processed, repetitions included.
    pub processed: u64,
    /// Repetitions.
    pub duplicates: u64,
    /// Longest time between two processed records, by partition, ms.
    pub gap_ms: IndexMap<u32, i64>,
    /// Exceptions of `commitSync` by class.
    pub commit_failures: IndexMap<String, u64>,
    /// Once a second: (time in s, records not committed over all partitions).
    pub lag: Vec<(f64, i64)>,
}
