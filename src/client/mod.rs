//! The client's side: the consumer as a state machine without I/O.
//!
//! One [consumer](Consumer) is an application (poll) thread and a heartbeat thread that share a membership. Time comes
//! in with each [`Input`]; what it wants done goes out as [`Output`]s, and what it waits for as [`Wishes`]. The cluster
//! carries them over connections that can be slow or broken, and through hosts that can stand still.

pub mod behaviour;
pub mod classic;
pub mod interface;
pub mod settings;

pub use behaviour::{
    AfterError, ApplicationThread, AssignorFamily, AutoCommit, AutoCommitClock, Behaviour, CutShort, Fetching,
    FirstHeartbeat, HeartbeatFailure, JoinRetry, JoinTimeout, LostCallback, PollInterval, Prefetch, Reasons,
    RebalanceTimeout, Rejoin, RequestVersions, RevocationCommit, SessionTimer, SubscriptionFormat,
};
pub use classic::{AssignedPartition, Consumer};
pub use interface::{
    Api, Callback, ClientEvent, CloseOption, Connection, Input, Jitter, Output, RecordBatch, Thread, Wishes, World,
};
pub use settings::{Application, CommitStrategy, ConsumerSettings, OnException, Subscription};
