//! Which broker is asked when any would do (`NetworkClient.leastLoadedNode`, consumer-client.md 1.6).

use crate::client::{Connection, Jitter};
use crate::engine::Millis;

use super::consumer::{Consumer, Context};
use super::network::{LinkState, Network};

/// Which broker a request without a fixed one goes to (`leastLoadedNode`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LeastLoaded {
    Ready(Connection),
    Connecting(Connection),
    Connectable(Connection),
    None,
}

impl Network {
    /// `leastLoadedNode`: an idle ready connection, else the ready one with the fewest requests in flight, else one that
    /// is being opened, else the one that can be opened and was not tried for longest. Begins at a random broker.
    pub fn least_loaded(&self, candidates: &[Connection], now: Millis, random: &mut dyn Jitter) -> LeastLoaded {
        if candidates.is_empty() {
            return LeastLoaded::None;
        }
        let start = (random.unit() * candidates.len() as f64) as usize;
        let (mut ready, mut connecting, mut connectable) = (None, None, None);
        for step in 0..candidates.len() {
            let connection = candidates[(start + step) % candidates.len()];
            match self.state(connection) {
                LinkState::Ready => {
                    let in_flight = self.in_flight(connection);
                    if in_flight == 0 {
                        return LeastLoaded::Ready(connection);
                    }
                    if ready.is_none_or(|(least, _)| in_flight < least) {
                        ready = Some((in_flight, connection));
                    }
                }
                LinkState::Connecting { .. } => connecting = Some(connection),
                _ if self.can_connect(connection, now) => {
                    let tried = self.links.iter().find(|link| link.connection == connection);
                    let tried = tried.map_or(Millis(i64::MIN), |link| link.last_attempt);
                    if connectable.is_none_or(|(oldest, _)| tried < oldest) {
                        connectable = Some((tried, connection));
                    }
                }
                _ => {}
            }
        }
        match (ready, connecting, connectable) {
            (Some((_, connection)), ..) => LeastLoaded::Ready(connection),
            (_, Some(connection), _) => LeastLoaded::Connecting(connection),
            (_, _, Some((_, connection))) => LeastLoaded::Connectable(connection),
            _ => LeastLoaded::None,
        }
    }
}

impl Consumer {
    /// Brokers that a request can go to: those of the last metadata, before it the bootstrap addresses.
    fn nodes(&self) -> Vec<Connection> {
        if self.metadata.brokers.is_empty() {
            self.settings.bootstrap.iter().map(|broker| Connection::Bootstrap(*broker)).collect()
        } else {
            self.metadata.brokers.iter().map(|broker| Connection::Data(*broker)).collect()
        }
    }

    /// `leastLoadedNode`
    pub(super) fn least_loaded_node(&self, cx: &mut Context<'_>) -> LeastLoaded {
        self.network.least_loaded(&self.nodes(), cx.ms, cx.world)
    }
}
