//! The network client (`ConsumerNetworkClient` over `NetworkClient`, consumer-client.md 1.6): connections with back-off,
//! unsent and in-flight requests with their timeouts, and what has arrived but nobody has read yet.
//!
//! Nothing happens here on its own: a thread has to call [`Consumer::poll_network`], and only then sockets are read,
//! requests go out, timeouts are seen and the handlers of answers run.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::client::{Behaviour, Connection, Fetching, Output};
use crate::engine::{Millis, SimDuration, SimTime};
use crate::protocol::config::ConsumerConfig;
use crate::protocol::message::{Request, Response};

use super::backoff::exponential_ms;
use super::consumer::{Consumer, Context};
use super::exception::Exception;
use super::tracked::{Completed, Progress, Purpose, Tracked};

/// More passes over the network at one instant are left to the next call.
const PASSES_MAX: u32 = 10;

/// When it is not known until when the network is quiet.
const UNKNOWN: Millis = Millis(i64::MIN);

/// How far a connection is (`ConnectionState`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LinkState {
    /// Never opened.
    Idle,
    /// Opened, not ready: given up at this time.
    Connecting {
        give_up: Millis,
    },
    Ready,
    /// DISCONNECTED, not to be opened again before this time.
    Failed {
        retry: Millis,
    },
}

#[derive(Debug)]
pub(super) struct Link {
    pub connection: Connection,
    pub state: LinkState,
    /// Failures in a row, for the reconnect back-off.
    failures: u32,
    /// Set-up timeouts in a row.
    setup_failures: u32,
    /// When it was last opened or failed.
    pub last_attempt: Millis,
    /// When the Fetch that is parked there was sent.
    pub fetch_since: Option<SimTime>,
}

/// What lies in the sockets.
#[derive(Debug)]
pub(super) enum Arrival {
    Connected(Connection),
    Disconnected(Connection),
    Response { connection: Connection, correlation_id: u32, body: Response },
}

/// Connections and requests of a consumer.
#[derive(Debug)]
pub(super) struct Network {
    pub links: Vec<Link>,
    /// How many of them have failed, and how many are being opened.
    failed: usize,
    connecting: usize,
    tracked: Vec<Tracked>,
    /// How many of them were not sent yet.
    unsent: usize,
    /// What has arrived and was not read yet.
    pub inbox: VecDeque<Arrival>,
    /// Requests that ended and whose handlers are still to run.
    pub completed: VecDeque<Completed>,
    disconnects: Vec<Connection>,
    /// A connection broke or timed out since this was last looked at: the metadata may be stale.
    lost_connection: bool,
    /// The coordinator's connection broke since this was last cleared.
    pub lost_coordinator: bool,
    next_correlation: u32,
    reconnect_ms: i32,
    reconnect_max_ms: i32,
    reconnects_at_once: bool,
    setup_ms: i32,
    setup_max_ms: i32,
    /// From one Fetch that finds nothing to the next.
    pub fetch_wait: SimDuration,
    /// The first Fetch after an assignment goes out so much later.
    pub fetch_begins_after: SimDuration,
    /// After the last assignment: at this time.
    pub fetch_begins_at: SimTime,
    /// A Fetch has returned since then.
    pub fetch_returned: bool,
    /// Group requests wait behind the Fetch that is parked at the same broker.
    shared: bool,
    /// And Fetches go on while a member joins, in turn with its requests.
    pub turns: bool,
    /// Until then a pass has nothing to do unless something arrives: nothing waits to be sent or closed, no timeout is
    /// over. In the past when that has to be looked at anew.
    quiet_until: Millis,
}

/// What a Fetch on a shared connection takes beyond its wait (live recordings: the first heartbeat that waits for a Fetch is
/// read 3.11 s after the assignment, behind six of them that began 0.1 s after it).
const FETCH_EXCHANGE: SimDuration = SimDuration::from_micros(1_700);

impl Network {
    pub fn new(config: &ConsumerConfig, behaviour: &Behaviour, cooperative: bool) -> Self {
        let shared = behaviour.fetching == Fetching::Shared;
        let wait_ms = (config.fetch_max_wait_ms - behaviour.fetch_margin_ms).max(1) as u64;
        let exchange = if shared { FETCH_EXCHANGE } else { SimDuration::ZERO };
        Network {
            links: Vec::new(),
            failed: 0,
            connecting: 0,
            tracked: Vec::new(),
            unsent: 0,
            inbox: VecDeque::new(),
            completed: VecDeque::new(),
            disconnects: Vec::new(),
            lost_connection: false,
            lost_coordinator: false,
            next_correlation: 0,
            reconnect_ms: config.reconnect_backoff_ms,
            reconnect_max_ms: config.reconnect_backoff_max_ms,
            reconnects_at_once: behaviour.reconnects_at_once,
            setup_ms: config.socket_connection_setup_timeout_ms,
            setup_max_ms: config.socket_connection_setup_timeout_max_ms,
            fetch_wait: SimDuration::from_millis(wait_ms) + exchange,
            fetch_begins_after: SimDuration::from_millis(behaviour.fetch_begins_after_ms),
            fetch_begins_at: SimTime::ZERO,
            fetch_returned: false,
            shared,
            turns: shared && cooperative,
            quiet_until: UNKNOWN,
        }
    }

    /// Where the connection's state is kept; it stays there.
    pub fn link_place(&mut self, connection: Connection) -> usize {
        self.links.iter().position(|link| link.connection == connection).unwrap_or_else(|| {
            self.links.push(Link {
                connection,
                state: LinkState::Idle,
                failures: 0,
                setup_failures: 0,
                last_attempt: Millis(i64::MIN),
                fetch_since: None,
            });
            self.links.len() - 1
        })
    }

    /// The connection at this place goes over to another state.
    fn turn(&mut self, place: usize, state: LinkState) {
        let old = std::mem::replace(&mut self.links[place].state, state);
        for (state, more, less) in [(state, 1, 0), (old, 0, 1)] {
            match state {
                LinkState::Failed { .. } => self.failed = self.failed + more - less,
                LinkState::Connecting { .. } => self.connecting = self.connecting + more - less,
                LinkState::Idle | LinkState::Ready => {}
            }
        }
    }

    /// How far this connection is.
    pub fn state(&self, connection: Connection) -> LinkState {
        self.links.iter().find(|link| link.connection == connection).map_or(LinkState::Idle, |link| link.state)
    }

    /// Some broker's connection for data is open.
    pub fn reaches_a_broker(&self) -> bool {
        let is_open = |link: &Link| matches!(link.connection, Connection::Data(_)) && link.state == LinkState::Ready;
        self.links.iter().any(is_open)
    }

    /// `isUnavailable`: the connection failed and its back-off is not over.
    pub fn is_unavailable(&self, connection: Connection, now: Millis) -> bool {
        self.failed > 0 && matches!(self.state(connection), LinkState::Failed { retry } if now < retry)
    }

    /// The connection failed, whatever its back-off.
    pub fn has_failed(&self, connection: Connection) -> bool {
        self.failed > 0 && matches!(self.state(connection), LinkState::Failed { .. })
    }

    /// Some connection has failed.
    pub fn has_any_failed(&self) -> bool {
        self.failed > 0
    }

    /// It is not open, and nothing keeps it from being opened.
    pub fn can_connect(&self, connection: Connection, now: Millis) -> bool {
        match self.state(connection) {
            LinkState::Idle => true,
            LinkState::Failed { retry } => now >= retry,
            LinkState::Connecting { .. } | LinkState::Ready => false,
        }
    }

    /// `tryConnect`: opens the connection unless it is open, being opened or in back-off.
    pub fn try_connect(&mut self, connection: Connection, cx: &mut Context<'_>) {
        if !self.can_connect(connection, cx.ms) {
            return;
        }
        self.quiet_until = UNKNOWN;
        let (setup_ms, setup_max_ms) = (self.setup_ms, self.setup_max_ms);
        let place = self.link_place(connection);
        let link = &mut self.links[place];
        let give_up = cx.ms + exponential_ms(setup_ms, setup_max_ms, link.setup_failures, cx.world);
        link.last_attempt = cx.ms;
        self.turn(place, LinkState::Connecting { give_up });
        cx.world.carry_out(Output::Connect(connection));
    }

    /// A pass over the network would find nothing to do but to send what is put there now on this connection.
    fn is_free(&self, connection: Connection, now: Millis) -> bool {
        self.is_quiet(now) && self.completed.is_empty() && self.state(connection) == LinkState::Ready
    }

    /// Queues a request; it goes out with the next network pass of some thread.
    pub fn enqueue(
        &mut self,
        connection: Connection,
        request: impl Into<Rc<Request>>,
        purpose: Purpose,
        timeout_ms: i64,
        now: SimTime,
    ) -> u32 {
        let correlation_id = self.next_correlation;
        self.next_correlation += 1;
        self.quiet_until = UNKNOWN;
        self.unsent += 1;
        let progress = Progress::Unsent(request.into());
        let behind_fetches = 0;
        let tracked =
            Tracked { correlation_id, connection, created: now, timeout_ms, behind_fetches, progress, purpose };
        self.tracked.push(tracked);
        correlation_id
    }

    /// So many Fetches get in front of this request, which was not sent yet.
    pub fn let_fetches_ahead(&mut self, correlation_id: u32, fetches: u64) {
        if let Some(tracked) = self.tracked.iter_mut().find(|tracked| tracked.correlation_id == correlation_id) {
            tracked.behind_fetches = fetches;
        }
    }

    /// `disconnectAsync`: the connection is closed with the next network pass.
    pub fn disconnect_later(&mut self, connection: Connection) {
        self.quiet_until = UNKNOWN;
        self.disconnects.push(connection);
    }

    /// Requests to this connection that have not come to their end (`pendingRequestCount`).
    pub fn pending(&self, connection: Connection) -> usize {
        self.tracked.iter().filter(|tracked| tracked.connection == connection).count()
    }

    /// One pass over the sockets. Handlers have not run yet: see [`Network::completed`]. Says how much was read.
    fn pass(&mut self, cx: &mut Context<'_>, versions: impl Fn(&Request) -> i16) -> u32 {
        if !self.disconnects.is_empty() {
            for connection in std::mem::take(&mut self.disconnects) {
                self.disconnect(connection, cx);
            }
        }
        self.transmit(cx, &versions);
        let read = self.inbox.len() as u32;
        while let Some(arrival) = self.inbox.pop_front() {
            self.read(arrival, cx);
        }
        let mut deadline = self.deadline();
        if deadline <= cx.ms || self.unsent > 0 {
            self.give_up_on_timeouts(cx);
            self.fail_unsent_on_failed_links();
            self.transmit(cx, &versions);
            deadline = self.deadline();
        }
        self.quiet_until = if self.unsent > 0 { UNKNOWN } else { deadline };
        read
    }

    /// Nothing has arrived and nothing is to be sent, closed or given up.
    pub fn is_quiet(&self, now: Millis) -> bool {
        now < self.quiet_until && self.inbox.is_empty()
    }

    fn read(&mut self, arrival: Arrival, cx: &mut Context<'_>) {
        match arrival {
            Arrival::Connected(connection) => {
                let place = self.link_place(connection);
                let link = &mut self.links[place];
                if matches!(link.state, LinkState::Connecting { .. }) {
                    link.failures = 0;
                    link.setup_failures = 0;
                    self.turn(place, LinkState::Ready);
                }
            }
            Arrival::Disconnected(connection) => {
                if matches!(self.state(connection), LinkState::Connecting { .. } | LinkState::Ready) {
                    self.lost_connection = true;
                    self.lost_coordinator |= matches!(connection, Connection::Coordinator(_));
                    self.fail(connection, cx);
                }
            }
            Arrival::Response { connection, correlation_id, body } => {
                if let Some(place) = self.asked(connection, correlation_id) {
                    let tracked = self.untrack(place);
                    self.complete(tracked, Ok(body), cx.now);
                }
            }
        }
    }

    /// Where the request stands that is answered so.
    fn asked(&self, connection: Connection, correlation_id: u32) -> Option<usize> {
        let is_it = |tracked: &Tracked| tracked.correlation_id == correlation_id && tracked.connection == connection;
        self.tracked.iter().position(is_it)
    }

    /// Reads an answer that has just come in, where there is nothing else to do; its handler is to run next.
    pub fn take_answer(
        &mut self,
        connection: Connection,
        correlation_id: u32,
        body: Response,
        now: SimTime,
    ) -> Option<Completed> {
        let place = self.asked(connection, correlation_id)?;
        let tracked = self.untrack(place);
        self.quiet_until = self.deadline();
        Some(tracked.ended(Ok(body), now))
    }

    fn untrack(&mut self, place: usize) -> Tracked {
        let tracked = self.tracked.remove(place);
        self.unsent -= usize::from(matches!(tracked.progress, Progress::Unsent(_)));
        tracked
    }

    fn complete(&mut self, tracked: Tracked, result: Result<Response, Exception>, now: SimTime) {
        self.completed.push_back(tracked.ended(result, now));
    }

    /// The connection is gone: it backs off, and every request in flight on it ends with a disconnect.
    fn fail(&mut self, connection: Connection, cx: &mut Context<'_>) {
        let (base, max) = (self.reconnect_ms, self.reconnect_max_ms);
        let at_once = self.reconnects_at_once;
        let place = self.link_place(connection);
        let link = &mut self.links[place];
        let connecting = matches!(link.state, LinkState::Connecting { .. });
        link.setup_failures = if connecting { link.setup_failures + 1 } else { 0 };
        let backoff = if at_once && !connecting { 0 } else { exponential_ms(base, max, link.failures, cx.world) };
        link.failures += 1;
        link.last_attempt = cx.ms;
        link.fetch_since = None;
        self.turn(place, LinkState::Failed { retry: cx.ms + backoff });
        self.end_requests(connection, cx.now, |tracked| matches!(tracked.progress, Progress::Sent(_)));
    }

    fn end_requests(&mut self, connection: Connection, now: SimTime, which: impl Fn(&Tracked) -> bool) {
        let mut place = 0;
        while place < self.tracked.len() {
            if self.tracked[place].connection == connection && which(&self.tracked[place]) {
                let tracked = self.untrack(place);
                self.complete(tracked, Err(Exception::disconnect()), now);
            } else {
                place += 1;
            }
        }
    }

    /// Closes a connection from this side.
    pub fn disconnect(&mut self, connection: Connection, cx: &mut Context<'_>) {
        self.quiet_until = UNKNOWN;
        self.end_requests(connection, cx.now, |tracked| matches!(tracked.progress, Progress::Unsent(_)));
        if matches!(self.state(connection), LinkState::Connecting { .. } | LinkState::Ready) {
            cx.world.carry_out(Output::Disconnect(connection));
            self.fail(connection, cx);
        }
    }

    /// Timeouts of what is under way come so much later.
    pub fn shift(&mut self, ms: i64) {
        self.quiet_until = UNKNOWN;
        for tracked in &mut self.tracked {
            tracked.timeout_ms += ms;
        }
    }

    /// Closes everything that is open.
    pub fn close(&mut self, cx: &mut Context<'_>) {
        for link in &mut self.links {
            if matches!(link.state, LinkState::Connecting { .. } | LinkState::Ready) {
                cx.world.carry_out(Output::Disconnect(link.connection));
            }
            link.state = LinkState::Idle;
        }
        self.failed = 0;
        self.connecting = 0;
        self.quiet_until = UNKNOWN;
        self.tracked.clear();
        self.unsent = 0;
        self.inbox.clear();
        self.completed.clear();
    }

    /// `trySend`
    fn transmit(&mut self, cx: &mut Context<'_>, versions: &impl Fn(&Request) -> i16) {
        if self.unsent == 0 {
            return;
        }
        for place in 0..self.tracked.len() {
            let tracked = &self.tracked[place];
            if !matches!(tracked.progress, Progress::Unsent(_)) {
                continue;
            }
            let connection = tracked.connection;
            if self.state(connection) == LinkState::Ready {
                self.transmit_one(place, cx, versions);
            } else {
                self.try_connect(connection, cx);
            }
        }
    }

    /// The request at this place goes out on its connection, which is ready.
    fn transmit_one(&mut self, place: usize, cx: &mut Context<'_>, versions: &impl Fn(&Request) -> i16) {
        let tracked = &self.tracked[place];
        let (connection, correlation_id) = (tracked.connection, tracked.correlation_id);
        let ahead = self.fetch_wait * tracked.behind_fetches;
        let holds_fetches =
            self.turns && matches!(tracked.purpose, Purpose::JoinGroup { .. } | Purpose::SyncGroup { .. });
        let unread_until = self.unread_until(connection, cx.now) + ahead;
        if let Connection::Coordinator(broker) = connection
            && holds_fetches
        {
            self.hold_fetches(broker);
        }
        let progress = std::mem::replace(&mut self.tracked[place].progress, Progress::Sent(cx.ms));
        if let Progress::Unsent(request) = progress {
            self.unsent -= 1;
            let version = versions(&request);
            cx.world.carry_out(Output::Send { connection, correlation_id, version, request, unread_until });
        }
    }

    /// Until when the broker does not read what is sent on this connection.
    fn unread_until(&mut self, connection: Connection, now: SimTime) -> SimTime {
        let fetching = match connection {
            Connection::Coordinator(broker) if self.shared => {
                self.note_fetch_cycles(now);
                Connection::Data(broker)
            }
            other => other,
        };
        self.parked_until(fetching, now).unwrap_or(now)
    }

    /// Requests and connections that took too long; the whole connection of a late request is closed (1.6).
    fn give_up_on_timeouts(&mut self, cx: &mut Context<'_>) {
        let late = self
            .tracked
            .iter()
            .find(|tracked| matches!(tracked.progress, Progress::Sent(sent) if cx.ms - sent > tracked.timeout_ms));
        let late_setup =
            self.links.iter().find(|link| matches!(link.state, LinkState::Connecting { give_up } if cx.ms >= give_up));
        let connection = late.map(|tracked| tracked.connection).or(late_setup.map(|link| link.connection));
        if let Some(connection) = connection {
            cx.world.carry_out(Output::Disconnect(connection));
            self.lost_connection = true;
            self.fail(connection, cx);
            return self.give_up_on_timeouts(cx);
        }
        let is_late = |tracked: &Tracked| {
            matches!(tracked.progress, Progress::Unsent(_)) && cx.ms - tracked.created.millis() > tracked.timeout_ms
        };
        while let Some(place) = self.tracked.iter().position(is_late) {
            let tracked = self.untrack(place);
            let timeout = Exception::send_timeout(tracked.timeout_ms);
            self.complete(tracked, Err(timeout), cx.now);
        }
    }

    /// `checkDisconnects`
    fn fail_unsent_on_failed_links(&mut self) {
        let mut lost = Vec::new();
        let mut place = 0;
        while place < self.tracked.len() {
            let tracked = &self.tracked[place];
            if matches!(tracked.progress, Progress::Unsent(_)) && self.has_failed(tracked.connection) {
                lost.push(self.untrack(place));
            } else {
                place += 1;
            }
        }
        for tracked in lost {
            let now = tracked.created;
            self.complete(tracked, Err(Exception::disconnect()), now);
        }
    }

    /// Requests that were sent to this connection and not answered yet.
    pub fn in_flight(&self, connection: Connection) -> usize {
        let requests = self
            .tracked
            .iter()
            .filter(|tracked| tracked.connection == connection && matches!(tracked.progress, Progress::Sent(_)));
        let fetches = self.links.iter().filter(|link| link.connection == connection && link.fetch_since.is_some());
        requests.count() + fetches.count()
    }

    /// Some connection is being opened.
    pub fn is_any_connecting(&self) -> bool {
        self.connecting > 0
    }

    /// The next time at which a request or a connection attempt is given up.
    pub fn deadline(&self) -> Millis {
        let requests = self.tracked.iter().map(|tracked| match tracked.progress {
            Progress::Sent(sent) => sent + tracked.timeout_ms + 1,
            Progress::Unsent(_) => tracked.created.millis() + tracked.timeout_ms + 1,
        });
        let mut deadline = requests.min().unwrap_or(Millis(i64::MAX));
        if self.connecting > 0 {
            let links = self.links.iter().filter_map(|link| match link.state {
                LinkState::Connecting { give_up } => Some(give_up),
                _ => None,
            });
            deadline = links.fold(deadline, Millis::min);
        }
        if self.disconnects.is_empty() { deadline } else { deadline.min(Millis(0)) }
    }

    /// Something waits for a thread that reads sockets or runs handlers.
    pub fn has_unread(&self) -> bool {
        !self.inbox.is_empty() || !self.completed.is_empty() || !self.disconnects.is_empty()
    }

    /// Some request waits to be sent, and not only for its connection to be ready.
    fn unsent_can_move(&self) -> bool {
        let waits = |connection| matches!(self.state(connection), LinkState::Connecting { .. });
        self.tracked.iter().any(|tracked| matches!(tracked.progress, Progress::Unsent(_)) && !waits(tracked.connection))
    }
}

impl Consumer {
    /// `CNC.send`
    pub(super) fn send(
        &mut self,
        connection: Connection,
        request: impl Into<Rc<Request>>,
        purpose: Purpose,
        cx: &mut Context<'_>,
    ) -> u32 {
        let timeout_ms = i64::from(self.settings.config.request_timeout_ms);
        self.network.enqueue(connection, request, purpose, timeout_ms, cx.now)
    }

    /// As [`Consumer::send`] by a thread that calls [`Consumer::poll_network`] next.
    pub(super) fn send_and_poll(
        &mut self,
        connection: Connection,
        request: impl Into<Rc<Request>>,
        purpose: Purpose,
        cx: &mut Context<'_>,
    ) {
        let quiet_until = self.network.quiet_until;
        let is_free = self.network.is_free(connection, cx.ms);
        self.send(connection, request, purpose, cx);
        if is_free {
            let (versions, timeout_ms) = (self.settings.behaviour.versions, self.settings.config.request_timeout_ms);
            let place = self.network.tracked.len() - 1;
            self.network.transmit_one(place, cx, &|request: &Request| versions.of(request));
            self.network.quiet_until = quiet_until.min(cx.ms + i64::from(timeout_ms) + 1);
        }
    }

    /// `CNC.poll` without blocking, by the thread that calls it: sends, reads, runs handlers. Says how much was read
    /// or came to its end.
    #[inline]
    pub(super) fn poll_network(&mut self, cx: &mut Context<'_>) -> u32 {
        if self.network_rests(cx.ms) { 0 } else { self.poll_busy_network(cx) }
    }

    /// Nothing to send, to read or to give up, and no handler to run.
    #[inline]
    pub(super) fn network_rests(&self, now: Millis) -> bool {
        self.network.is_quiet(now)
            && self.network.completed.is_empty()
            && !self.metadata.is_update_due(now)
            && !self.poll_minds_heartbeat(now)
    }

    #[inline(never)]
    fn poll_busy_network(&mut self, cx: &mut Context<'_>) -> u32 {
        let mut events = self.run_handlers(cx);
        if self.election.is_some() && !self.election_polls() {
            return events;
        }
        // What was read may let something be sent at once: the selector comes back as long as there is news.
        for _ in 0..PASSES_MAX {
            self.update_metadata_if_due(cx);
            self.heartbeat_from_poll(cx);
            let read = if self.network.is_quiet(cx.ms) { 0 } else { self.pass_network(cx) };
            let news = read + self.run_handlers(cx);
            events += news;
            if news == 0 || self.election.as_ref().is_some_and(|election| !election.awaits_metadata()) {
                break;
            }
        }
        events
    }

    #[inline(never)]
    fn pass_network(&mut self, cx: &mut Context<'_>) -> u32 {
        let versions = self.settings.behaviour.versions;
        let read = self.network.pass(cx, |request| versions.of(request));
        if std::mem::take(&mut self.network.lost_connection) {
            self.metadata.connection_lost(cx.ms, cx.world);
            self.connection_lost(cx);
        }
        read
    }

    /// Handlers of answers that were read; a leader's assignment interrupts them.
    fn run_handlers(&mut self, cx: &mut Context<'_>) -> u32 {
        let mut events = 0;
        while self.election.as_ref().is_none_or(|election| election.awaits_metadata()) {
            let Some(done) = self.network.completed.pop_front() else { break };
            events += 1;
            self.on_completed(done, cx);
        }
        events
    }

    /// The next time at which a network pass would do something by itself.
    #[inline]
    pub(super) fn network_deadline(&self, now: Millis) -> Millis {
        if self.network.is_quiet(now) && self.network.completed.is_empty() {
            return self.network.quiet_until.min(self.metadata.next_attempt());
        }
        self.busy_network_deadline(now)
    }

    #[inline(never)]
    fn busy_network_deadline(&self, now: Millis) -> Millis {
        if self.network.has_unread() || self.network.unsent_can_move() {
            return now;
        }
        self.network.deadline().min(self.metadata.next_attempt())
    }
}
