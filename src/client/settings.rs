//! What makes one consumer differ from another: its properties, what its application does, and which client it is.

use crate::client::Behaviour;
use crate::engine::SimDuration;
use crate::protocol::config::ConsumerConfig;
use crate::protocol::{BrokerId, GroupId, TopicName};

/// Everything a consumer is constructed with.
#[derive(Clone, PartialEq, Debug)]
pub struct ConsumerSettings {
    /// `group.id`
    pub group_id: GroupId,
    /// Effective properties.
    pub config: ConsumerConfig,
    /// What it subscribes to.
    pub subscription: Subscription,
    /// `bootstrap.servers`: the brokers of the cluster.
    pub bootstrap: Vec<BrokerId>,
    /// What the application around it does.
    pub application: Application,
    /// What this client library and version does differently from others.
    pub behaviour: Behaviour,
}

/// The application around a consumer: a loop of `poll`, work, and commits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Application {
    /// Timeout it passes to `poll`.
    pub poll_timeout: SimDuration,
    /// When it commits by itself.
    pub commit: CommitStrategy,
    /// `commitSync` inside `onPartitionsRevoked`.
    pub commit_on_revoke: bool,
    /// What it does with an exception out of `poll`.
    pub on_exception: OnException,
}

/// What a consumer subscribes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subscription {
    /// Topics by name.
    Topics(Vec<TopicName>),
    /// All topics whose names start so (pattern subscription).
    Prefix(String),
}

impl Subscription {
    /// A subscription to these topics.
    pub fn topics(names: &[&str]) -> Self {
        Subscription::Topics(names.iter().map(|name| TopicName::from(*name)).collect())
    }
}

/// What the application does after an exception out of `poll`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnException {
    /// The process ends without `close()`.
    Exit,
    /// It logs the exception and polls again a little later.
    Continue,
    /// The same, but it closes the consumer at its so many-th exception.
    CloseAfter(u32),
}

/// When the application commits by itself (beside `enable.auto.commit`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommitStrategy {
    /// It never does.
    None,
    /// `commitSync` after each processed batch.
    SyncAfterBatch,
    /// `commitAsync` after each processed batch.
    AsyncAfterBatch,
}
