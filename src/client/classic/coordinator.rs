//! Finding the coordinator and losing it (`AbstractCoordinator.ensureCoordinatorReady`, consumer-client.md 2.1).

use std::sync::Arc;

use crate::client::{ClientEvent, Connection};
use crate::engine::Millis;
use crate::protocol::message::{Request, Response};
use crate::protocol::{BrokerId, ErrorCode};

use super::backoff::exponential_ms;
use super::commit::PendingCommit;
use super::consumer::{Consumer, Context};
use super::exception::Exception;
use super::nodes::LeastLoaded;
use super::retry::Retrier;
use super::thread::{Flow, Frame, Outcome};
use super::tracked::Purpose;

/// `findCoordinatorFuture`
#[derive(Debug)]
pub(super) struct LookupFuture {
    /// The FindCoordinator request; `None` if there was no broker to send it to.
    id: Option<u32>,
    result: Option<Result<(), Exception>>,
}

/// What the consumer knows about its coordinator.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    pub coordinator: Option<BrokerId>,
    pub future: Option<LookupFuture>,
    /// Commits that wait for a lookup, by its request.
    pub chained: Vec<(u32, PendingCommit)>,
    /// Nobody is asked before this time.
    pub not_before: Millis,
    pub retrier: Retrier,
}

/// One call of `ensureCoordinatorReady`, which holds the coordinator's monitor until it returns.
#[derive(Debug)]
pub(super) struct Search {
    deadline: Millis,
    attempts: u32,
    step: SearchStep,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SearchStep {
    Lookup,
    /// The answer is awaited, sockets are read.
    Await,
    /// Back-off; nobody reads. Then the metadata may have to be fresh.
    Sleep {
        until: Millis,
        then_metadata: bool,
    },
    /// Blocked until the metadata version passes this one.
    Metadata {
        version: u32,
    },
}

impl Search {
    /// A search that ends at this time at the latest.
    pub fn until(deadline: Millis) -> Self {
        Search { deadline, attempts: 0, step: SearchStep::Lookup }
    }

    /// When the thread that waits here goes on by itself.
    pub fn wake(&self) -> Millis {
        match self.step {
            SearchStep::Sleep { until, .. } => until,
            _ => self.deadline,
        }
    }

    /// Rests until then, but not beyond its end.
    fn sleep(&mut self, until: Millis, now: Millis, then_metadata: bool) {
        self.step = SearchStep::Sleep { until: until.min(self.deadline.max(now)), then_metadata };
    }

    /// The thread reads sockets meanwhile.
    pub fn reads(&self) -> bool {
        !matches!(self.step, SearchStep::Sleep { .. })
    }
}

impl Consumer {
    /// The connection to the coordinator, if it is known.
    pub(super) fn coordinator_connection(&self) -> Option<Connection> {
        self.lookup.coordinator.map(Connection::Coordinator)
    }

    /// `coordinatorUnknown()`: also when its connection failed and is in back-off, which marks it unknown.
    pub(super) fn coordinator_unknown(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(connection) = self.coordinator_connection() else { return true };
        if self.network.is_unavailable(connection, cx.ms) && !self.keeps_coordinator() {
            self.mark_coordinator_unknown(true, "coordinator unavailable", cx);
            return true;
        }
        false
    }

    /// `markCoordinatorUnknown`. Unless its connection is gone anyway, it is closed: whatever is in flight on it fails.
    pub(super) fn mark_coordinator_unknown(&mut self, is_disconnected: bool, cause: &str, cx: &mut Context<'_>) {
        if self.keeps_coordinator() {
            return;
        }
        let Some(broker) = self.lookup.coordinator.take() else { return };
        cx.event(ClientEvent::CoordinatorUnknown { cause: Arc::from(cause) });
        if !is_disconnected {
            self.network.disconnect_later(Connection::Coordinator(broker));
        }
    }

    /// `lookupCoordinator`: sends FindCoordinator unless one is under way.
    pub(super) fn lookup_coordinator(&mut self, cx: &mut Context<'_>) {
        if self.lookup.future.is_some() || cx.ms < self.lookup.not_before {
            return;
        }
        let connection = match self.least_loaded_node(cx) {
            LeastLoaded::None => {
                let result = Some(Err(Exception::no_brokers()));
                self.lookup.future = Some(LookupFuture { id: None, result });
                return;
            }
            LeastLoaded::Ready(connection)
            | LeastLoaded::Connecting(connection)
            | LeastLoaded::Connectable(connection) => connection,
        };
        let request = Request::FindCoordinator { group_id: self.settings.group_id };
        let id = self.send(connection, request, Purpose::FindCoordinator, cx);
        self.lookup.future = Some(LookupFuture { id: Some(id), result: None });
    }

    /// Chains a commit to the lookup that is under way, or fails it.
    pub(super) fn commit_after_lookup(&mut self, commit: PendingCommit, cx: &mut Context<'_>) {
        match self.lookup.future.as_ref() {
            Some(LookupFuture { id: Some(id), result: None }) => self.lookup.chained.push((*id, commit)),
            Some(LookupFuture { result: Some(Err(error)), .. }) => {
                let error = error.clone();
                if matches!(self.lookup.future, Some(LookupFuture { id: None, .. })) {
                    self.lookup.future = None;
                }
                self.chained_commit_failed(commit, error, cx);
            }
            _ => self.chained_commit_failed(commit, Exception::of(ErrorCode::CoordinatorNotAvailable), cx),
        }
    }

    /// `FindCoordinatorResponseHandler` (2.1). The coordinator is taken even if nobody waits for this answer any more.
    pub(super) fn on_find_coordinator(&mut self, id: u32, result: Result<Response, Exception>, cx: &mut Context<'_>) {
        let result = match result {
            Ok(Response::FindCoordinator { error: ErrorCode::None, coordinator: Some(broker) }) => {
                self.lookup.coordinator = Some(broker);
                self.lookup.retrier.done();
                cx.event(ClientEvent::CoordinatorFound { broker });
                self.network.try_connect(Connection::Coordinator(broker), cx);
                self.heartbeat.reset_session(cx.ms);
                Ok(())
            }
            Ok(Response::FindCoordinator { error, .. }) if error != ErrorCode::None => Err(Exception::of(error)),
            Ok(_) => Err(Exception::of(ErrorCode::CoordinatorNotAvailable)),
            Err(error) => Err(error),
        };
        if let Some(future) = self.lookup.future.as_mut().filter(|future| future.id == Some(id)) {
            future.result = Some(result.clone());
        }
        let (ready, waiting) = std::mem::take(&mut self.lookup.chained).into_iter().partition(|(at, _)| *at == id);
        self.lookup.chained = waiting;
        let ready: Vec<(u32, PendingCommit)> = ready;
        for (_, commit) in ready {
            match &result {
                Ok(()) => self.send_chained_commit(commit, cx),
                Err(error) => self.chained_commit_failed(commit, error.clone(), cx),
            }
        }
    }

    /// `ensureCoordinatorReady(timer)`, blocking the thread.
    pub(super) fn step_search(&mut self, mut search: Search, cx: &mut Context<'_>) -> Flow {
        match search.step {
            SearchStep::Lookup => {
                if !self.coordinator_unknown(cx) {
                    return Flow::Return(Ok(true));
                }
                if cx.ms < self.lookup.not_before {
                    search.sleep(self.lookup.not_before, cx.ms, false);
                    return Flow::Again(Frame::Coordinator(search));
                }
                self.lookup_coordinator(cx);
                search.step = SearchStep::Await;
                Flow::Again(Frame::Coordinator(search))
            }
            SearchStep::Await => self.await_lookup(search, cx),
            SearchStep::Sleep { until, then_metadata } => {
                if cx.ms < until {
                    return Flow::Block(Frame::Coordinator(search));
                }
                if then_metadata {
                    let version = self.metadata.request_update();
                    search.step = SearchStep::Metadata { version };
                    return Flow::Again(Frame::Coordinator(search));
                }
                self.next_search_round(search, cx)
            }
            SearchStep::Metadata { version } => {
                self.poll_network(cx);
                if self.metadata.version == version && cx.ms < search.deadline {
                    return Flow::Block(Frame::Coordinator(search));
                }
                self.next_search_round(search, cx)
            }
        }
    }

    fn await_lookup(&mut self, mut search: Search, cx: &mut Context<'_>) -> Flow {
        self.poll_network(cx);
        let result = match self.lookup.future.as_ref() {
            Some(future) => future.result.clone(),
            // Another request's handler marked the coordinator, and nobody waits for this lookup any more.
            None => Some(Ok(())),
        };
        match result {
            None if cx.ms < search.deadline => Flow::Block(Frame::Coordinator(search)),
            None => self.search_result(cx),
            Some(Err(error)) if error.retriable => {
                match self.search_failed(cx) {
                    Some(until) => search.sleep(until, cx.ms, false),
                    None => self.back_off_search(&mut search, true, cx),
                }
                Flow::Again(Frame::Coordinator(search))
            }
            Some(Err(error)) => {
                self.lookup.future = None;
                Flow::Return(Err(error))
            }
            Some(Ok(())) => {
                let connection = self.coordinator_connection();
                if connection.is_some_and(|connection| self.network.is_unavailable(connection, cx.ms)) {
                    // found, but the connection is in back-off: dropped (2.1)
                    self.back_off_search(&mut search, false, cx);
                    self.mark_coordinator_unknown(false, "coordinator unavailable", cx);
                    return Flow::Again(Frame::Coordinator(search));
                }
                self.next_search_round(search, cx)
            }
        }
    }

    fn back_off_search(&mut self, search: &mut Search, then_metadata: bool, cx: &mut Context<'_>) {
        let config = &self.settings.config;
        let (base, max) = (config.retry_backoff_ms, config.retry_backoff_max_ms);
        let backoff = exponential_ms(base, max, search.attempts, cx.world);
        search.attempts += 1;
        search.sleep(cx.ms + backoff, cx.ms, then_metadata);
    }

    fn next_search_round(&mut self, mut search: Search, cx: &mut Context<'_>) -> Flow {
        self.lookup.future = None;
        if self.coordinator_unknown(cx) && cx.ms < search.deadline {
            search.step = SearchStep::Lookup;
            return Flow::Again(Frame::Coordinator(search));
        }
        self.search_result(cx)
    }

    fn search_result(&mut self, cx: &mut Context<'_>) -> Flow {
        let found: Outcome = Ok(!self.coordinator_unknown(cx));
        Flow::Return(found)
    }

    /// `ensureCoordinatorReady` with a timer of 0 ms: one network pass, no waiting.
    pub(super) fn ensure_coordinator_now(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.coordinator_unknown(cx) {
            return true;
        }
        self.lookup_coordinator(cx);
        self.poll_network(cx);
        if self.lookup.future.as_ref().is_some_and(|future| future.result.is_some()) {
            self.lookup.future = None;
        }
        !self.coordinator_unknown(cx)
    }
}
