//! The network between consumers and brokers, as TCP shows it.
//!
//! Fault model: a lost packet is not a vanished request but a later one: it is sent again after the retransmission
//! timeout, which doubles with each loss in a row (200 ms to 120 s, as Linux has it; the handshake of a new connection
//! begins with 1 s), and whatever was sent after it on the same connection waits behind it. A black hole loses everything
//! until it is healed, a reset is seen at once by both ends. Directions are separate: with only the way to the broker
//! blocked, answers still come through. Each consumer's links draw from streams of their own.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::client::Connection;
use crate::engine::{RandomStream, Sampler, SimDuration, SimTime, Slab};
use crate::protocol::BrokerId;
use crate::protocol::message::{Request, Response};
use crate::scenario::checked::{Direction, Distribution, LinkSet, Network as NetworkModel};

/// The longest retransmission timeout (Linux `TCP_RTO_MAX`).
const RTO_MAX: SimDuration = SimDuration::from_secs(120);

/// The first retransmission timeout of a handshake (RFC 6298 2.1, Linux `TCP_TIMEOUT_INIT`).
const RTO_OF_HANDSHAKE: SimDuration = SimDuration::from_secs(1);

/// One TCP connection, from the SYN until both ends are closed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId(pub u32);

/// Which way a packet goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// From consumer to broker.
    ToBroker,
    /// From broker to consumer.
    FromBroker,
}

/// What travels on a connection.
#[derive(Debug)]
pub enum Packet {
    /// The client opens the connection: the TCP handshake, then the exchange of ApiVersions.
    Syn { versions: bool },
    /// The broker answers; the connection is ready once the versions are known.
    Established { versions_known: bool },
    /// Nobody listens there, or the broker went away.
    Reset,
    /// A request. The broker does not read it before `not_before`: a Fetch of the same connection is parked until then.
    Request { correlation_id: u32, version: i16, request: Rc<Request>, not_before: SimTime },
    /// An answer.
    Response { correlation_id: u32, response: Response },
    /// The client closed its end.
    Fin,
}

impl Packet {
    /// Its first retransmission timeout, on a network where that of data is `rto`.
    fn rto(&self, rto: SimDuration) -> SimDuration {
        match self {
            Packet::Syn { versions: false } | Packet::Established { versions_known: false } => {
                rto.max(RTO_OF_HANDSHAKE)
            }
            _ => rto,
        }
    }

    fn not_before(&self) -> SimTime {
        match self {
            Packet::Request { not_before, .. } => *not_before,
            _ => SimTime::ZERO,
        }
    }
}

/// A packet on its way.
#[derive(Debug)]
pub struct Flight {
    /// The connection.
    pub connection: ConnectionId,
    /// To which end.
    pub way: Way,
    /// The packet.
    pub packet: Packet,
}

/// What becomes of a packet that was handed to the network.
#[derive(Debug, PartialEq, Eq)]
pub enum Sent {
    /// It arrives then: it is to be taken with [`Network::take`], under this key.
    Arrives(SimTime, u32),
    /// It was lost: the way is to be tried again then.
    RetryAt(SimTime),
    /// It waits behind a lost packet, or the connection is gone.
    Held,
}

/// One way of a connection.
#[derive(Debug, Default)]
struct Lane {
    /// Nothing arrives before what was sent earlier.
    last_arrival: SimTime,
    /// Packets that wait for a retransmission, oldest first.
    held: VecDeque<Packet>,
    /// Losses in a row.
    attempt: u32,
}

/// A request in a broker's socket.
#[derive(Debug)]
pub struct Unread {
    /// The client's number of it.
    pub correlation_id: u32,
    /// Version of the request.
    pub version: i16,
    /// The request.
    pub request: Rc<Request>,
}

/// A connection as both ends see it.
#[derive(Debug)]
pub struct Link {
    /// The consumer, by index over all groups.
    pub consumer: u32,
    /// The consumer process that opened it: a restarted process is another one.
    pub incarnation: u32,
    /// Which of the consumer's connections it is.
    pub kind: Connection,
    /// The broker.
    pub broker: BrokerId,
    /// The client has not closed it.
    pub client_open: bool,
    /// The broker has accepted and not closed it.
    pub broker_open: bool,
    /// Requests that the broker has not read yet: it reads the next one only when the last is answered.
    pub unread: VecDeque<Unread>,
    /// The client closed its end; the broker has not read that yet.
    pub fin: bool,
    /// The request that is being handled.
    pub in_service: bool,
    /// The broker reads nothing before this time (throttling).
    pub muted_until: SimTime,
    to_broker: Lane,
    from_broker: Lane,
}

/// An active network fault.
#[derive(Debug)]
struct ActiveFault {
    /// Identifies it when it ends.
    key: u32,
    links: LinkSet,
    effect: Effect,
}

/// What an active network fault does to packets.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Each packet may be lost.
    Loss(f64),
    /// Each packet takes longer.
    Delay(Distribution),
    /// After each answer the connection rests.
    Throttle(Distribution),
    /// Nothing passes.
    BlackHole,
    /// New connections are refused.
    Refuse,
}

struct Streams {
    to_broker: RandomStream,
    from_broker: RandomStream,
}

impl Streams {
    fn new(seed: u64, consumer: &str) -> Streams {
        Streams {
            to_broker: RandomStream::new(seed, consumer, "network to broker"),
            from_broker: RandomStream::new(seed, consumer, "network from broker"),
        }
    }

    fn of(&mut self, way: Way) -> &mut RandomStream {
        match way {
            Way::ToBroker => &mut self.to_broker,
            Way::FromBroker => &mut self.from_broker,
        }
    }
}

/// All connections and the state of all links.
pub struct Network {
    model: NetworkModel,
    latency: Sampler,
    streams: Vec<Streams>,
    /// By connection: eight bytes stay of one that was forgotten.
    links: Vec<Option<Box<Link>>>,
    flights: Slab<Flight>,
    active: Vec<ActiveFault>,
}

impl Network {
    /// A network without connections. `consumers` are the consumers' names, by index.
    pub fn new(model: NetworkModel, seed: u64, consumers: impl Iterator<Item = impl AsRef<str>>) -> Self {
        let streams = consumers.map(|name| Streams::new(seed, name.as_ref())).collect();
        let latency = model.latency.sampler();
        Network { model, latency, streams, links: Vec::new(), flights: Slab::new(), active: Vec::new() }
    }

    /// Delays of that consumer's packets are drawn under another seed from here on.
    pub fn reseed(&mut self, consumer: u32, seed: u64, name: &str) {
        self.streams[consumer as usize] = Streams::new(seed, name);
    }

    /// A new connection; the caller sends the [`Packet::Syn`].
    pub fn open(&mut self, consumer: u32, incarnation: u32, kind: Connection) -> ConnectionId {
        let broker = match kind {
            Connection::Bootstrap(broker) | Connection::Data(broker) | Connection::Coordinator(broker) => broker,
        };
        let id = ConnectionId(self.links.len() as u32);
        let link = Link {
            consumer,
            incarnation,
            kind,
            broker,
            client_open: true,
            broker_open: false,
            unread: VecDeque::new(),
            fin: false,
            in_service: false,
            muted_until: SimTime::ZERO,
            to_broker: Lane::default(),
            from_broker: Lane::default(),
        };
        self.links.push(Some(Box::new(link)));
        id
    }

    /// The connection, if it still exists.
    pub fn link(&mut self, id: ConnectionId) -> Option<&mut Link> {
        self.links[id.0 as usize].as_deref_mut()
    }

    /// Forgets a connection that is closed at both ends.
    pub fn forget_if_closed(&mut self, id: ConnectionId) {
        self.links[id.0 as usize].take_if(|link| !link.client_open && !link.broker_open);
    }

    /// Connections that a fault on these links or a broker's end breaks, in the order they were opened.
    pub fn connections(&self, mut meant: impl FnMut(&Link) -> bool) -> Vec<ConnectionId> {
        let open = self.links.iter().zip(0..).filter(|(link, _)| link.as_deref().is_some_and(&mut meant));
        open.map(|(_, id)| ConnectionId(id)).collect()
    }

    /// A network fault begins.
    pub fn begin(&mut self, key: u32, links: LinkSet, effect: Effect) {
        self.active.push(ActiveFault { key, links, effect });
    }

    /// A network fault ends.
    pub fn end(&mut self, key: u32) {
        self.active.retain(|fault| fault.key != key);
    }

    /// True while new connections between the two are refused.
    pub fn refuses(&self, consumer: u32, broker: BrokerId, kind: Connection) -> bool {
        self.active
            .iter()
            .any(|fault| matches!(fault.effect, Effect::Refuse) && meant(&fault.links, consumer, broker, kind))
    }

    /// How long the connection rests after an answer (`throttle_time_ms`): the longest of what is asked for.
    pub fn throttle(&mut self, id: ConnectionId) -> SimDuration {
        let Some(link) = &self.links[id.0 as usize] else { return SimDuration::ZERO };
        let random = &mut self.streams[link.consumer as usize].from_broker;
        let mut longest = SimDuration::ZERO;
        for fault in &self.active {
            if let Effect::Throttle(by) = &fault.effect
                && meant(&fault.links, link.consumer, link.broker, link.kind)
            {
                longest = longest.max(by.sample(random));
            }
        }
        longest
    }

    /// True while nothing passes between the consumer and the broker's data listener, in either direction.
    pub fn data_blocked(&self, consumer: u32, broker: BrokerId) -> bool {
        self.active.iter().any(|fault| {
            matches!(fault.effect, Effect::BlackHole | Effect::Refuse)
                && meant(&fault.links, consumer, broker, Connection::Data(broker))
        })
    }

    /// Some network fault is active.
    pub fn is_faulty(&self) -> bool {
        !self.active.is_empty()
    }

    /// Sends a packet. If it can't leave, the network keeps it for [`Network::retry`].
    pub fn send(&mut self, now: SimTime, id: ConnectionId, way: Way, packet: Packet) -> Sent {
        let Some(link) = &mut self.links[id.0 as usize] else { return Sent::Held };
        if !link.lane(way).held.is_empty() {
            link.lane(way).held.push_back(packet);
            return Sent::Held;
        }
        let rto = packet.rto(self.model.rto);
        let random = self.streams[link.consumer as usize].of(way);
        let latency = transit(&self.latency, self.model.loss, &self.active, link, way, rto, random);
        let lane = link.lane(way);
        match latency {
            None => {
                lane.held.push_back(packet);
                lane.attempt = 0;
                Sent::RetryAt(now + rto)
            }
            Some(latency) => {
                lane.last_arrival = lane.last_arrival.max(now + latency).max(packet.not_before());
                Sent::Arrives(lane.last_arrival, self.flights.insert(Flight { connection: id, way, packet }))
            }
        }
    }

    /// Takes a packet that arrives.
    pub fn take(&mut self, flight: u32) -> Flight {
        self.flights.remove(flight)
    }

    /// Tries a lane again whose first packet was lost. On success all held packets leave, in order: when they arrive, and
    /// under which keys.
    pub fn retry(&mut self, now: SimTime, id: ConnectionId, way: Way) -> Result<(SimTime, Vec<u32>), SimTime> {
        let Some(link) = &mut self.links[id.0 as usize] else { return Ok((now, Vec::new())) };
        let rto = link.lane(way).held.front().map_or(self.model.rto, |packet| packet.rto(self.model.rto));
        let random = self.streams[link.consumer as usize].of(way);
        let latency = transit(&self.latency, self.model.loss, &self.active, link, way, rto, random);
        let lane = link.lane(way);
        let Some(latency) = latency else {
            lane.attempt = (lane.attempt + 1).min(30);
            return Err(now + (rto * (1 << lane.attempt)).min(RTO_MAX));
        };
        lane.last_arrival = lane.last_arrival.max(now + latency);
        lane.attempt = 0;
        let held = lane.held.drain(..).map(|packet| Flight { connection: id, way, packet });
        let leave = held.map(|flight| self.flights.insert(flight)).collect();
        Ok((lane.last_arrival, leave))
    }
}

/// Time of one packet on its way, losses included; `None` in a black hole.
#[inline]
fn transit(
    latency: &Sampler,
    loss: f64,
    active: &[ActiveFault],
    link: &Link,
    way: Way,
    rto: SimDuration,
    random: &mut RandomStream,
) -> Option<SimDuration> {
    let mut latency = latency.sample(random);
    let mut pass = 1.0 - loss;
    for fault in active {
        if !meant(&fault.links, link.consumer, link.broker, link.kind) || !goes(fault.links.direction, way) {
            continue;
        }
        match &fault.effect {
            Effect::BlackHole => return None,
            Effect::Loss(probability) => pass *= 1.0 - probability,
            Effect::Delay(extra) => latency += extra.sample(random),
            Effect::Refuse | Effect::Throttle(_) => {}
        }
    }
    let mut rto = rto;
    while pass < 1.0 && random.next_f64() >= pass && latency < RTO_MAX {
        latency += rto;
        rto = (rto * 2).min(RTO_MAX);
    }
    Some(latency)
}

impl Link {
    /// The broker's end is gone, and what had not been answered with it.
    pub fn broker_is_gone(&mut self) {
        self.broker_open = false;
        self.unread.clear();
        self.in_service = false;
    }

    fn lane(&mut self, way: Way) -> &mut Lane {
        match way {
            Way::ToBroker => &mut self.to_broker,
            Way::FromBroker => &mut self.from_broker,
        }
    }
}

/// Is this connection one of the links that a fault means?
pub fn meant(links: &LinkSet, consumer: u32, broker: BrokerId, kind: Connection) -> bool {
    (!links.coordinator_only || matches!(kind, Connection::Coordinator(_)))
        && links.brokers.contains(&broker)
        && links.consumers.binary_search(&consumer).is_ok()
}

fn goes(direction: Direction, way: Way) -> bool {
    match direction {
        Direction::Both => true,
        Direction::ToBroker => way == Way::ToBroker,
        Direction::FromBroker => way == Way::FromBroker,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATENCY: SimDuration = SimDuration::from_millis(1);

    fn network(loss: f64) -> (Network, ConnectionId) {
        let model = NetworkModel { latency: Distribution::Constant(LATENCY), loss, rto: SimDuration::from_millis(200) };
        let mut network = Network::new(model, 1, ["worker"].into_iter());
        let id = network.open(0, 1, Connection::Coordinator(BrokerId(0)));
        (network, id)
    }

    fn links(direction: Direction) -> LinkSet {
        LinkSet { consumers: vec![0], brokers: vec![BrokerId(0)], direction, coordinator_only: false }
    }

    fn at(millis: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_millis(millis)
    }

    fn send(network: &mut Network, id: ConnectionId, now: SimTime, way: Way) -> Sent {
        network.send(now, id, way, Packet::Fin)
    }

    /// When a packet arrives that leaves now.
    fn arrival(network: &mut Network, id: ConnectionId, now: SimTime, way: Way) -> SimTime {
        let Sent::Arrives(arrival, _) = send(network, id, now, way) else { panic!("nothing is lost for good") };
        arrival
    }

    #[test]
    fn packets_of_one_connection_arrive_in_order() {
        let (mut network, id) = network(0.3);
        let mut last = SimTime::ZERO;
        for sent in 0..500 {
            let arrival = arrival(&mut network, id, at(sent), Way::ToBroker);
            assert!(arrival >= last && arrival >= at(sent) + LATENCY);
            last = arrival;
        }
    }

    #[test]
    fn a_lost_packet_is_late_by_its_retransmission_timeouts() {
        let (mut network, _) = network(0.5);
        let mut late = Vec::new();
        for _ in 0..200 {
            let id = network.open(0, 1, Connection::Data(BrokerId(0)));
            let arrival = arrival(&mut network, id, at(0), Way::ToBroker);
            late.push(arrival.since(at(0) + LATENCY).as_millis());
        }
        late.sort_unstable();
        late.dedup();
        assert_eq!(late[..4], [0, 200, 600, 1_400], "200 ms, doubling");
    }

    #[test]
    fn the_first_packet_of_a_connection_is_sent_again_after_a_second() {
        let (mut network, id) = network(0.0);
        network.begin(7, links(Direction::Both), Effect::BlackHole);
        let syn = Packet::Syn { versions: false };
        assert_eq!(network.send(at(0), id, Way::ToBroker, syn), Sent::RetryAt(at(1_000)));
        assert_eq!(network.retry(at(1_000), id, Way::ToBroker).unwrap_err(), at(3_000), "1 s + 2 s");
        network.end(7);
        assert_eq!(network.retry(at(3_000), id, Way::ToBroker).unwrap().1.len(), 1);
        network.begin(8, links(Direction::Both), Effect::BlackHole);
        let versions = Packet::Syn { versions: true };
        assert_eq!(network.send(at(4_000), id, Way::ToBroker, versions), Sent::RetryAt(at(4_200)), "data");
    }

    #[test]
    fn a_black_hole_holds_packets_back_and_lets_them_go_in_order() {
        let (mut network, id) = network(0.0);
        network.begin(7, links(Direction::Both), Effect::BlackHole);
        assert_eq!(send(&mut network, id, at(0), Way::ToBroker), Sent::RetryAt(at(200)));
        assert_eq!(send(&mut network, id, at(50), Way::ToBroker), Sent::Held);
        assert_eq!(network.retry(at(200), id, Way::ToBroker).unwrap_err(), at(600), "200 + 400");
        assert_eq!(network.retry(at(600), id, Way::ToBroker).unwrap_err(), at(1_400), "600 + 800");
        network.end(7);
        let (released_at, released) = network.retry(at(1_400), id, Way::ToBroker).unwrap();
        assert_eq!((released_at, released.len()), (at(1_401), 2));
        assert_eq!(arrival(&mut network, id, at(1_400), Way::ToBroker), at(1_401));
    }

    #[test]
    fn a_one_way_fault_leaves_the_other_way_open() {
        let (mut network, id) = network(0.0);
        network.begin(7, links(Direction::ToBroker), Effect::BlackHole);
        assert_eq!(arrival(&mut network, id, at(0), Way::FromBroker), at(1));
        assert_eq!(send(&mut network, id, at(0), Way::ToBroker), Sent::RetryAt(at(200)));
    }

    #[test]
    fn a_fault_of_the_coordinator_links_leaves_fetching_alone() {
        let (mut network, coordinator) = network(0.0);
        let data = network.open(0, 1, Connection::Data(BrokerId(0)));
        network.begin(7, LinkSet { coordinator_only: true, ..links(Direction::Both) }, Effect::BlackHole);
        assert_eq!(arrival(&mut network, data, at(0), Way::ToBroker), at(1));
        assert_eq!(send(&mut network, coordinator, at(0), Way::ToBroker), Sent::RetryAt(at(200)));
        assert!(!network.data_blocked(0, BrokerId(0)));
    }

    #[test]
    fn a_request_behind_a_parked_fetch_is_read_when_that_is_over() {
        let (mut network, id) = network(0.0);
        let request = crate::protocol::message::Request::Metadata { topics: None };
        let packet = Packet::Request { correlation_id: 1, version: 0, request: request.into(), not_before: at(350) };
        assert!(
            matches!(network.send(at(0), id, Way::ToBroker, packet), Sent::Arrives(arrival, _) if arrival == at(350))
        );
    }
}
