//! What remains of Fetches here: the cluster brings records by itself, but a parked Fetch keeps the broker from reading
//! what comes after it on the same connection.

use crate::client::Connection;
use crate::engine::{Millis, SimDuration, SimTime};

use super::consumer::Context;
use super::network::{Link, LinkState, Network};

impl Network {
    /// The connection at this place is ready.
    pub fn is_ready(&self, place: usize) -> bool {
        self.links[place].state == LinkState::Ready
    }

    /// The application knows its assignment.
    pub fn note_assigned(&mut self, now: SimTime) {
        self.fetch_begins_at = now + self.fetch_begins_after;
        self.fetch_returned = false;
    }

    /// Sends a Fetch on the connection at this place unless one is under way there.
    #[inline]
    pub fn fetch_on(&mut self, place: usize, cx: &mut Context<'_>) {
        let wait = self.fetch_wait;
        if self.links[place].fetch_since.is_none_or(|since| since + wait <= cx.now) {
            self.begin_fetch(place, cx);
        }
    }

    fn begin_fetch(&mut self, place: usize, cx: &mut Context<'_>) {
        let begins_at = self.fetch_begins_at;
        let link = &mut self.links[place];
        match link.state {
            LinkState::Ready => {
                link.fetch_since = Some(link.fetch_since.map_or(cx.now.max(begins_at), |_| cx.now));
            }
            LinkState::Connecting { .. } => {}
            LinkState::Idle | LinkState::Failed { .. } => {
                let connection = link.connection;
                self.try_connect(connection, cx);
            }
        }
    }

    /// Records came: their Fetch was answered and the next one goes out before `poll` returns them, if this client
    /// fetches ahead.
    pub fn fetched_on(&mut self, place: usize, now: SimTime, ahead: bool) {
        let link = &mut self.links[place];
        if link.state == LinkState::Ready {
            link.fetch_since = ahead.then_some(now);
            self.fetch_returned = true;
        }
    }

    /// Some Fetch has returned since the assignment.
    pub fn has_fetch_returned(&mut self, now: SimTime) -> bool {
        let wait = self.fetch_wait;
        self.fetch_returned |= self.links.iter().filter_map(|link| link.fetch_since).any(|since| since + wait <= now);
        self.fetch_returned
    }

    /// While the poll thread fetches, each answered Fetch is followed by the next at once: moves the time of the last
    /// one to the beginning of its own wait.
    #[inline]
    pub fn note_fetch_cycles(&mut self, now: SimTime) {
        for link in &mut self.links {
            if let Some(since) = link.fetch_since.as_mut() {
                let gone = now.0.saturating_sub(since.0);
                if gone >= self.fetch_wait.0 {
                    *since += SimDuration(gone / self.fetch_wait.0 * self.fetch_wait.0);
                }
            }
        }
    }

    /// The thread that read the answers sends no new Fetch: those whose wait is over are done.
    #[inline(never)]
    pub fn forget_answered_fetches(&mut self, now: SimTime) {
        let wait = self.fetch_wait;
        for link in &mut self.links {
            if link.fetch_since.is_some_and(|since| since + wait <= now) {
                link.fetch_since = None;
                self.fetch_returned = true;
            }
        }
    }

    /// Fetches that were answered meanwhile are followed by others before anything else is sent.
    pub fn restart_fetches(&mut self, now: SimTime) {
        for since in self.links.iter_mut().filter_map(|link| link.fetch_since.as_mut()) {
            *since = if *since == SimTime::MAX { SimTime::MAX } else { now };
        }
    }

    /// No Fetch is under way any more.
    pub fn end_fetches(&mut self) {
        for link in &mut self.links {
            link.fetch_since = None;
        }
    }

    /// Until when a Fetch is parked on this connection.
    pub fn parked_until(&self, connection: Connection, now: SimTime) -> Option<SimTime> {
        self.parked_on(self.links.iter().find(|link| link.connection == connection)?, now)
    }

    fn parked_on(&self, link: &Link, now: SimTime) -> Option<SimTime> {
        let since = link.fetch_since?;
        Some(since + self.fetch_wait).filter(|until| *until > now && since <= now)
    }

    /// Until when the last parked Fetch of all is parked.
    pub fn last_parked(&self, now: SimTime) -> Option<SimTime> {
        self.links.iter().filter_map(|link| self.parked_on(link, now)).max()
    }

    /// When the connection at this place can be tried again, if it failed.
    pub fn retry_at(&self, place: usize) -> Option<Millis> {
        match self.links[place].state {
            LinkState::Failed { retry } => Some(retry),
            _ => None,
        }
    }
}
