//! Back-off and time-outs of everything that is tried again (consumer-client.md 1.6). The random numbers are 0.5 unless
//! said otherwise: no jitter.

use super::context::*;
use crate::client::{CommitStrategy, Connection, Input, Output};
use crate::engine::{SimDuration, SimTime};
use crate::protocol::message::{HeartbeatResponse, OffsetFetchResponse, Request, Response};
use crate::protocol::{BrokerId, ErrorCode};

/// Milliseconds from one to the next.
fn gaps(times: &[u64]) -> Vec<u64> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// Lets time pass; whatever `which` recognises is answered at once.
fn answer_all(
    context: &mut TestContext,
    millis: u64,
    which: impl Fn(&Request) -> bool,
    answer: impl Fn(&Request) -> Response,
) {
    for _ in 0..millis {
        while let Some((sent, request)) = context.take(|request| which(request).then(|| request.clone())) {
            context.answer(&sent, answer(&request));
        }
        context.advance(1);
    }
}

/// The application calls `commitSync` after a batch, and nobody answers yet.
fn context_in_commit_sync() -> TestContext {
    let mut settings = settings();
    settings.application.commit = CommitStrategy::SyncAfterBatch;
    let mut context = TestContext::stable(settings, &[0]);
    context.brokers.commits = false;
    context.records(0, 7);
    context.input(Input::ProcessingDone);
    context
}

#[test]
fn a_commit_sync_that_may_be_retried_waits_longer_each_time() {
    let mut context = context_in_commit_sync();
    let mut sent_at = Vec::new();
    for _ in 0..7 {
        let (sent, commit) = context.take_commit();
        sent_at.push(sent.at.0 / 1_000_000);
        context.answer_commit(&sent, &commit, ErrorCode::CoordinatorLoadInProgress);
        for _ in 0..2_000 {
            if context.has_pending(|request| matches!(request, Request::OffsetCommit(_))) {
                break;
            }
            context.advance(1);
        }
    }
    assert_eq!(gaps(&sent_at), [100, 200, 400, 800, 1_000, 1_000]);
}

#[test]
fn a_fetch_of_offsets_that_may_be_retried_waits_longer_each_time() {
    let mut context = TestContext::started(settings());
    context.brokers.offset_fetch = false;
    context.join(1, &[0]);
    answer_all(
        &mut context,
        3_000,
        |request| matches!(request, Request::OffsetFetch(_)),
        |_| {
            let error = ErrorCode::CoordinatorLoadInProgress;
            Response::OffsetFetch(OffsetFetchResponse { error, partitions: Vec::new() })
        },
    );
    let sent_at = context.sent_at(|request| matches!(request, Request::OffsetFetch(_)));
    assert!(sent_at.len() >= 5, "{sent_at:?}");
    assert!(gaps(&sent_at)[..4].windows(2).all(|pair| pair[1] >= pair[0]), "{sent_at:?}");
}

#[test]
fn a_lookup_that_finds_no_coordinator_is_tried_again_later_each_time() {
    // How often it was tried counts within one call of `poll`.
    let mut settings = settings();
    settings.application.poll_timeout = SimDuration::from_secs(60);
    let mut context = TestContext::new(settings);
    context.brokers.data = false;
    context.input(Input::Start);
    let metadata = context.brokers.metadata();
    answer_all(
        &mut context,
        6_000,
        |request| matches!(request, Request::FindCoordinator { .. } | Request::Metadata { .. }),
        |request| match request {
            Request::Metadata { .. } => metadata.clone(),
            _ => Response::FindCoordinator { error: ErrorCode::CoordinatorNotAvailable, coordinator: None },
        },
    );
    let sent_at = context.sent_at(|request| matches!(request, Request::FindCoordinator { .. }));
    assert_eq!(gaps(&sent_at)[..6], [100, 200, 400, 800, 1_000, 1_000], "{sent_at:?}");
}

#[test]
fn a_heartbeat_that_fails_is_sent_again_after_a_back_off_that_a_good_answer_resets() {
    let mut context = TestContext::stable(settings(), &[0]);
    context.brokers.heartbeats = false;
    let refused = |context: &mut TestContext, millis| {
        answer_all(
            context,
            millis,
            |request| matches!(request, Request::Heartbeat(_)),
            |_| Response::Heartbeat(HeartbeatResponse { error: ErrorCode::UnknownServerError }),
        );
    };
    refused(&mut context, 8_000);
    let beats = context.heartbeats();
    assert_eq!(gaps(&beats)[..6], [100, 200, 400, 800, 1_000, 1_000], "{beats:?}");
    context.brokers.heartbeats = true;
    context.advance(10_000);
    context.brokers.heartbeats = false;
    context.forget();
    refused(&mut context, 4_000);
    let beats = context.heartbeats();
    assert_eq!(gaps(&beats)[0], 100, "{beats:?}");
}

#[test]
fn jitter_is_a_fifth_either_way() {
    for (random, gap) in [(0.0, 80), (0.999, 119)] {
        let mut context = context_in_commit_sync();
        let (first, commit) = context.take_commit();
        context.random = [random; 4].into();
        context.answer_commit(&first, &commit, ErrorCode::CoordinatorLoadInProgress);
        context.advance(300);
        let (second, _) = context.take_commit();
        assert_eq!((second.at.0 - first.at.0) / 1_000_000, gap);
    }
}

#[test]
fn a_connection_that_is_not_set_up_is_given_up_after_10_s_then_20_then_30() {
    let mut context = TestContext::new(settings());
    context.brokers.accept = false;
    context.input(Input::Start);
    context.advance(140_000);
    let of = |wanted: fn(&Output) -> bool| {
        let at = |(at, output): &(SimTime, Output)| wanted(output).then_some(at.0 / 1_000_000);
        context.log.iter().filter_map(at).collect::<Vec<_>>()
    };
    let tried = of(|output| matches!(output, Output::Connect(Connection::Bootstrap(BrokerId(0)))));
    let given_up = of(|output| matches!(output, Output::Disconnect(Connection::Bootstrap(BrokerId(0)))));
    let lengths: Vec<u64> = tried.iter().zip(&given_up).map(|(from, to)| to - from).collect();
    assert_eq!(lengths, [10_000, 20_000, 30_000, 30_000, 30_000], "{tried:?} {given_up:?}");
}
