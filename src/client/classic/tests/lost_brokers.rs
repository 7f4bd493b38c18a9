//! What kafka-go, kafkajs and sarama do when their connection is lost or a join is refused (their public source;
//! recordings: `broker-kill-5000` of `tests/vectors/live-clients`).

use super::context::*;
use crate::client::{
    Behaviour, Callback, Connection, ConsumerSettings, Fetching, HeartbeatFailure, Input, JoinRetry, LostCallback,
    Output,
};
use crate::protocol::message::{HeartbeatResponse, Request, Response};
use crate::protocol::{BrokerId, ErrorCode};

fn library(change: impl Fn(&mut Behaviour)) -> ConsumerSettings {
    let mut settings = settings();
    settings.behaviour = Behaviour {
        sleeps_in_slices: false,
        heartbeat_while_completing: false,
        lost_callback: LostCallback::Revoked,
        ..Behaviour::default()
    };
    change(&mut settings.behaviour);
    settings
}

fn kafka_go() -> ConsumerSettings {
    library(|of| {
        of.fetching = Fetching::Awaited;
        of.heartbeat_failure = HeartbeatFailure::EndsWithConnection;
        of.rejoin.retry = JoinRetry::StartsOver { ms: 5_000 };
    })
}

fn kafkajs() -> ConsumerSettings {
    library(|of| {
        of.heartbeat_thread = false;
        of.fetching = Fetching::Loop;
        of.heartbeat_failure = HeartbeatFailure::Crashes;
        of.rejoin.retry = JoinRetry::Restarts;
    })
}

fn sarama() -> ConsumerSettings {
    library(|of| of.rejoin.retry = JoinRetry::Rests { ms: 2_000 })
}

/// Lets time pass while the broker refuses connections.
fn advance_refused(context: &mut TestContext, millis: u64) {
    context.brokers.accept = false;
    for _ in 0..millis {
        let logged = context.log.len();
        context.advance(1);
        let asked = context.log[logged..].iter().filter_map(|(_, output)| match output {
            Output::Connect(connection) => Some(*connection),
            _ => None,
        });
        for connection in asked.collect::<Vec<_>>() {
            context.input(Input::Disconnected(connection));
        }
    }
    context.brokers.accept = true;
}

/// All connections break.
fn lose_the_broker(context: &mut TestContext) {
    context.brokers.accept = false;
    for connection in [Connection::Data(BrokerId(0)), Connection::Coordinator(BrokerId(0))] {
        context.input(Input::Disconnected(connection));
    }
}

fn ids_of_joins(context: &TestContext) -> Vec<String> {
    context.joins().iter().map(|join| join.member_id.as_str().to_owned()).collect()
}

#[test]
fn a_generation_of_kafka_go_ends_with_the_beat_after_its_connection_was_lost_even_if_the_broker_is_back() {
    let mut context = TestContext::stable(kafka_go(), &[0]);
    context.advance(1_000);
    context.input(Input::Disconnected(Connection::Coordinator(BrokerId(0))));
    context.advance(1_990);
    assert_eq!(context.callbacks().last(), Some(&(Callback::Assigned, vec![0])));
    context.advance(1_000);
    assert_eq!(context.callbacks().last(), Some(&(Callback::Revoked, vec![0])));
    assert_eq!(ids_of_joins(&context), ["", "worker-1", "worker-1"]);
}

#[test]
fn kafka_go_forgets_its_id_when_it_finds_no_coordinator_and_tries_again_every_five_seconds() {
    let mut context = TestContext::stable(kafka_go(), &[0]);
    lose_the_broker(&mut context);
    advance_refused(&mut context, 7_000);
    assert_eq!(context.callbacks().last(), Some(&(Callback::Revoked, vec![0])), "with the beat after 3 s");
    context.advance(900);
    assert_eq!(context.joins().len(), 2, "it has looked at 3 s and will at 8 s");
    context.advance(200);
    assert_eq!(ids_of_joins(&context), ["", "worker-1", ""]);
}

#[test]
fn kafka_go_starts_over_when_the_coordinator_loads() {
    let mut context = TestContext::stable(kafka_go(), &[0]);
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(3_600);
    let (sent, _) = context.take_join();
    context.answer(&sent, join_failed(ErrorCode::CoordinatorLoadInProgress));
    context.advance(4_900);
    assert_eq!(context.joins().len(), 3);
    context.advance(200);
    assert_eq!(ids_of_joins(&context)[2..], ["worker-1", ""]);
}

#[test]
fn sarama_rests_after_a_refused_sync_and_looks_its_coordinator_up_anew() {
    let mut context = TestContext::started(sarama());
    context.answer_join(1);
    let (sent, _) = context.take_sync();
    context.answer(&sent, sync_failed(ErrorCode::RebalanceInProgress));
    context.advance(1_990);
    assert_eq!(context.joins().len(), 2);
    context.advance(20);
    assert_eq!(ids_of_joins(&context), ["", "worker-1", "worker-1"]);
    let lookups = context.sent.iter().filter(|sent| matches!(sent.request, Request::FindCoordinator { .. }));
    assert_eq!(lookups.count(), 2);
}

#[test]
fn sarama_joins_without_its_id_at_once_when_it_is_unknown_to_the_sync() {
    let mut context = TestContext::started(sarama());
    context.answer_join(1);
    let (sent, _) = context.take_sync();
    context.answer(&sent, sync_failed(ErrorCode::UnknownMemberId));
    context.advance(1);
    assert_eq!(ids_of_joins(&context), ["", "worker-1", ""]);
}

#[test]
fn kafkajs_takes_not_coordinator_for_a_rebalance() {
    let mut context = TestContext::stable(kafkajs(), &[0]);
    context.brokers.heartbeat_error = ErrorCode::NotCoordinator;
    context.advance(3_600);
    assert_eq!(ids_of_joins(&context), ["", "worker-1", "worker-1"]);
}

#[test]
fn kafkajs_repeats_a_refused_beat_five_times_and_crashes() {
    let mut context = TestContext::stable(kafkajs(), &[0]);
    context.brokers.heartbeats = false;
    let mut beats = Vec::new();
    while beats.len() < 6 {
        context.advance(10);
        if context.has_pending(|request| matches!(request, Request::Heartbeat(_))) {
            beats.push(context.now);
            let sent = context.take_heartbeat();
            context
                .answer(&sent, Response::Heartbeat(HeartbeatResponse { error: ErrorCode::CoordinatorLoadInProgress }));
        }
    }
    let pauses: Vec<u64> = beats.windows(2).map(|pair| pair[1].since(pair[0]).as_millis()).collect();
    // Between two Fetches, which take half a second each.
    for (pause, least) in pauses.iter().zip([300, 600, 1_200, 2_400, 4_800]) {
        assert!((least..least + 520).contains(pause), "{pauses:?}");
    }
    context.advance(1);
    assert_eq!(context.callbacks().last(), Some(&(Callback::Revoked, vec![0])));
    context.advance(9_500);
    assert_eq!(context.joins().len(), 2);
    context.advance(200);
    assert_eq!(ids_of_joins(&context), ["", "worker-1", ""]);
}

#[test]
fn s28_kafkajs_crashes_when_no_broker_is_left_and_starts_again_without_its_id() {
    let mut context = TestContext::stable(kafkajs(), &[0]);
    context.advance(1_000);
    lose_the_broker(&mut context);
    advance_refused(&mut context, 290);
    assert_eq!(context.callbacks().last(), Some(&(Callback::Assigned, vec![0])));
    advance_refused(&mut context, 20);
    assert_eq!(context.callbacks().last(), Some(&(Callback::Revoked, vec![0])));
    context.advance(250);
    assert_eq!(context.joins().len(), 2, "it starts again 300 ms after the crash");
    context.advance(60);
    assert_eq!(ids_of_joins(&context), ["", "worker-1", ""]);
}

#[test]
fn a_connection_that_was_open_may_be_opened_again_at_once() {
    let connects = |at_once: bool| {
        let mut context = TestContext::stable(library(|of| of.reconnects_at_once = at_once), &[0]);
        context.forget();
        context.input(Input::Disconnected(Connection::Data(BrokerId(0))));
        context.advance(1);
        let connects = |output: &Output| matches!(output, Output::Connect(Connection::Data(_)));
        context.log.iter().any(|(_, output)| connects(output))
    };
    assert!(connects(true) && !connects(false));
}

#[test]
fn a_broker_that_is_lost_while_a_fetch_loop_waits_for_its_join_is_connected_to_afterwards() {
    let mut context = TestContext::new(kafkajs());
    context.brokers.ids = vec![BrokerId(0), BrokerId(1)];
    context.input(Input::Start);
    context.join(1, &[0, 1]);
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(3_600);
    assert_eq!(context.joins().len(), 3);
    context.input(Input::Disconnected(Connection::Data(BrokerId(1))));
    context.advance(5_000);
    context.join(2, &[0, 1]);
    context.advance(1_000);
    assert!(
        context.log.iter().any(|(at, output)| {
            *at > ms(8_000) && matches!(output, Output::Connect(Connection::Data(BrokerId(1))))
        })
    );
}

#[test]
fn kafkajs_joins_again_when_a_commit_is_answered_not_coordinator() {
    let mut settings = kafkajs();
    settings.application.commit = crate::client::CommitStrategy::SyncAfterBatch;
    let mut context = TestContext::stable(settings, &[0]);
    context.brokers.commits = false;
    context.records(0, 1);
    context.input(Input::ProcessingDone);
    let (sent, commit) = context.take_commit();
    context.answer_commit(&sent, &commit, ErrorCode::NotCoordinator);
    context.advance(10);
    assert_eq!(ids_of_joins(&context), ["", "worker-1", "worker-1"]);
}
