//! Connections: timeouts, back-off, lost brokers.

use super::context::*;
use crate::client::{ClientEvent, CommitStrategy, Connection, Input, Output};
use crate::protocol::message::Request;
use crate::protocol::{BrokerId, ErrorCode, Generation};

fn closed_at(context: &TestContext, connection: Connection) -> Vec<u64> {
    let closed = |(at, output): &(crate::engine::SimTime, Output)| match output {
        Output::Disconnect(closed) if *closed == connection => Some(at.0 / 1_000_000),
        _ => None,
    };
    context.log.iter().filter_map(closed).collect()
}

#[test]
fn t50_a_silent_coordinator_is_given_up_when_the_oldest_heartbeat_times_out() {
    let mut context = TestContext::stable(settings(), &[0]);
    context.brokers.heartbeats = false;
    context.advance(40_000);
    assert_eq!(closed_at(&context, COORDINATOR)[0], 33_001);
}

#[test]
fn t50_with_a_short_session_the_session_is_over_first() {
    let mut settings = settings();
    settings.config.session_timeout_ms = 10_000;
    let mut context = TestContext::stable(settings, &[0]);
    context.brokers.heartbeats = false;
    context.advance(12_000);
    let closed = closed_at(&context, COORDINATOR);
    assert!((10_000..=10_100).contains(&closed[0]), "{closed:?}");
}

#[test]
fn t49_without_a_coordinator_poll_uses_its_whole_timeout_and_still_returns_records() {
    let mut context = TestContext::stable(settings(), &[0]);
    context.brokers.data = false;
    context.brokers.accept = false;
    context.input(Input::Disconnected(COORDINATOR));
    context.forget();
    let mut returned = 0;
    for _ in 0..50 {
        let seen = context.awaits.len();
        context.advance(20);
        if context.awaits[seen..].iter().any(|(_, awaits)| *awaits) {
            context.records(0, 1);
            context.input(Input::ProcessingDone);
            returned += 1;
        }
    }
    assert!((5..=10).contains(&returned), "{returned} polls in a second");
    assert_eq!(context.consumer.generation(), Generation(1));
}

#[test]
fn t60_a_commit_that_waits_for_the_coordinator_keeps_the_heartbeat_thread_out() {
    let mut settings = settings();
    settings.application.commit = CommitStrategy::SyncAfterBatch;
    settings.config.max_poll_interval_ms = 20_000;
    let mut context = TestContext::stable(settings, &[0]);
    context.records(0, 1);
    context.brokers.data = false;
    context.brokers.accept = false;
    context.input(Input::Disconnected(COORDINATOR));
    context.forget();
    context.advance(500);
    context.input(Input::ProcessingDone);
    context.advance(59_000);
    assert!(context.exceptions().is_empty());
    assert_eq!(context.count(|event| matches!(event, ClientEvent::LeaveGroup { .. })), 0);
    context.advance(1_500);
    assert_eq!(context.exceptions(), [("commitSync", "TimeoutException")]);
}

#[test]
fn a_lookup_waits_for_the_fetch_that_is_parked_on_its_connection() {
    let mut context = TestContext::stable(settings(), &[0]);
    context.advance(700);
    context.brokers.heartbeats = false;
    context.forget();
    context.input(Input::Disconnected(COORDINATOR));
    context.advance(1_000);
    let lookup = context.sent.iter().find(|sent| matches!(sent.request, Request::FindCoordinator { .. })).unwrap();
    // Fetches went out at 0, 500, 1000, ...
    assert_eq!((lookup.at, lookup.unread_until), (ms(700), ms(1_000)));
}

/// Every connection is refused at once for so long; milliseconds of the attempts.
fn refused_for(context: &mut TestContext, millis: u64) -> Vec<u64> {
    let mut tries = Vec::new();
    let mut seen = 0;
    for _ in 0..millis {
        while let Some((at, output)) = context.log.get(seen).cloned() {
            seen += 1;
            if let Output::Connect(connection) = output {
                tries.push(at.0 / 1_000_000);
                context.input(Input::Disconnected(connection));
            }
        }
        context.advance(1);
    }
    tries
}

#[test]
fn reconnecting_backs_off_longer_and_longer() {
    // 50 ms, doubling up to 1 s, a fifth more or less; a client with nothing else to do looks every 100 ms.
    let without_jitter = [50, 100, 200, 400, 800, 1_000, 1_000];
    for (random, percent) in [(0.5, 100), (0.0, 80), (0.999, 119)] {
        let mut context = TestContext::new(settings());
        context.brokers.accept = false;
        context.random = [random; 1_000].into();
        context.input(Input::Start);
        let tries = refused_for(&mut context, 6_000);
        let waits = tries.windows(2).map(|pair| pair[1] - pair[0]);
        for (wait, backoff) in waits.zip(without_jitter) {
            let least = (backoff * percent / 100).min(1_000);
            assert!((least..=least + 110).contains(&wait), "{percent} %: {wait} for {backoff}, {tries:?}");
        }
        assert!(tries.len() > without_jitter.len(), "{tries:?}");
    }
}

#[test]
fn when_no_broker_answers_the_client_rebootstraps_and_the_leader_rejoins() {
    let mut context = TestContext::started(settings());
    let (sent, _) = context.take_join();
    context.answer(&sent, member_id_required("worker-1"));
    let (sent, join) = context.take_join();
    context.answer(&sent, joined_as_leader(1, &join.member_id, "range", &[]));
    context.answer_sync(&[0, 1, 2, 3, 4, 5]);
    context.forget();
    context.random = (0..10_000u64).map(|step| (step * 37 % 101) as f64 / 101.0).collect();
    context.brokers.accept = false;
    context.input(Input::Disconnected(Connection::Bootstrap(BrokerId(0))));
    context.input(Input::Disconnected(Connection::Data(BrokerId(0))));
    context.input(Input::Disconnected(COORDINATOR));
    for _ in 0..1_500 {
        let seen = context.log.len();
        context.advance(10);
        let refused: Vec<Connection> = context.log[seen..]
            .iter()
            .filter_map(|(_, output)| match output {
                Output::Connect(connection) => Some(*connection),
                _ => None,
            })
            .collect();
        for connection in refused {
            context.input(Input::Disconnected(connection));
        }
    }
    context.brokers.accept = true;
    context.advance(3_000);
    assert_eq!(context.joins()[0].reason.as_deref(), Some("cached metadata has changed"));
    assert_eq!(context.joins()[0].member_id.as_str(), "worker-1");
}

#[test]
fn a_broken_connection_is_noticed_when_a_thread_reads() {
    let mut context = TestContext::stable(settings(), &[0]);
    context.brokers.heartbeats = false;
    context.advance(3_000);
    context.input(Input::Disconnected(COORDINATOR));
    assert!(context.events().iter().any(|event| matches!(event, ClientEvent::CoordinatorUnknown { .. })));
    let _ = ErrorCode::None;
}
