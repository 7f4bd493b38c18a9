//! The short way of the poll thread does what the long way does.

use proptest::prelude::*;

use super::context::*;
use crate::client::classic::PollThread;
use crate::client::classic::pace::Pace;
use crate::client::{
    ApplicationThread, Behaviour, CloseOption, CommitStrategy, Fetching, Input, PollInterval, SessionTimer, Wishes,
};
use crate::engine::SimTime;
use crate::protocol::ErrorCode;
use crate::protocol::message::Request;

/// What happens to the consumer next.
#[derive(Clone, Debug)]
enum Step {
    Advance(u64),
    Records { partition: i32, count: u32 },
    Done,
    Pause(u64),
    Stall { commit: bool },
    Heartbeats(ErrorCode),
    Commits(bool),
    Growth,
    Rejoin(Vec<i32>),
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    use Step::*;
    let errors =
        [ErrorCode::None, ErrorCode::RebalanceInProgress, ErrorCode::NotCoordinator, ErrorCode::UnknownMemberId];
    prop_oneof![
        12 => (1..1_500u64).prop_map(Advance),
        12 => (0..3, 1..5u32).prop_map(|(partition, count)| Records { partition, count }),
        10 => Just(Done),
        1 => (1..20_000u64).prop_map(Pause),
        1 => any::<bool>().prop_map(|commit| Stall { commit }),
        2 => prop::sample::select(errors.to_vec()).prop_map(Heartbeats),
        1 => any::<bool>().prop_map(Commits),
        1 => Just(Growth),
        2 => prop::sample::subsequence(vec![0, 1, 2], 0..=3).prop_map(Rejoin),
        4 => (3_000..8_000u64).prop_map(Advance),
        1 => (290_000..310_000u64).prop_map(Advance),
        1 => Just(Close),
    ]
}

fn take(context: &mut TestContext, step: &Step) {
    match step {
        Step::Advance(millis) => context.advance(*millis),
        Step::Records { partition, count } => {
            let awaits = context.consumer.asked.records.is_some();
            let owned = context.consumer.assigned();
            if awaits && owned.iter().any(|owned| owned.partition.partition == *partition && owned.fetchable) {
                context.records(*partition, *count);
            }
        }
        Step::Done
            if context.consumer.poll_thread() == PollThread::Processing || context.consumer.working.is_some() =>
        {
            context.input(Input::ProcessingDone);
        }
        Step::Done => {}
        Step::Pause(millis) => context.pause(*millis),
        Step::Stall { commit } => context.stall(*commit),
        Step::Heartbeats(error) => context.brokers.heartbeat_error = *error,
        Step::Commits(answered) => context.brokers.commits = *answered,
        Step::Growth => context.brokers.topics[0].1 += 1,
        Step::Rejoin(owned) => {
            context.brokers.heartbeat_error = ErrorCode::None;
            rejoin(context, owned);
        }
        Step::Close => context.close(CloseOption::Default),
    }
}

/// Answers a JoinGroup that waits, and the SyncGroup that follows.
fn rejoin(context: &mut TestContext, owned: &[i32]) {
    if !context.has_pending(|request| matches!(request, Request::JoinGroup(_))) {
        return;
    }
    let (sent, join) = context.take_join();
    if join.member_id.is_unknown() {
        return context.answer(&sent, member_id_required("worker-1"));
    }
    let generation = context.consumer.generation().0.max(0) + 1;
    context.answer(&sent, joined(generation, &join.member_id, "worker-0", &join.protocols[0].name));
    if context.has_pending(|request| matches!(request, Request::SyncGroup(_))) {
        context.answer_sync(owned);
    }
}

/// More than a consumer draws in a test.
const DRAWS: u32 = 2_000;

const APPLICATIONS: [ApplicationThread; 4] = [
    ApplicationThread::Polls,
    ApplicationThread::Beside,
    ApplicationThread::BesideWithListener,
    ApplicationThread::BesideUntilPoll,
];

const FETCHINGS: [Fetching; 4] = [Fetching::Apart, Fetching::Shared, Fetching::Awaited, Fetching::Loop];

const POLL_INTERVALS: [PollInterval; 4] = [
    PollInterval::Unlimited,
    PollInterval::Leaves,
    PollInterval::LeavesChecked { every_ms: 500 },
    PollInterval::LeavesAtHeartbeat,
];

const SESSION_TIMERS: [SessionTimer; 4] =
    [SessionTimer::DropsCoordinator, SessionTimer::DropsCoordinatorAfterBeat, SessionTimer::Loses, SessionTimer::None];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn the_short_way_of_the_poll_thread_does_what_the_long_way_does(
        steps in prop::collection::vec(step(), 1..60),
        application in prop::sample::select(APPLICATIONS.to_vec()),
        fetching in prop::sample::select(FETCHINGS.to_vec()),
        sleeps_in_slices in any::<bool>(),
        poll_interval in prop::sample::select(POLL_INTERVALS.to_vec()),
        session_timer in prop::sample::select(SESSION_TIMERS.to_vec()),
        commit in prop::sample::select(vec![CommitStrategy::None, CommitStrategy::SyncAfterBatch]),
        auto_commit in any::<bool>(),
    ) {
        let mut settings = settings();
        settings.config.enable_auto_commit = auto_commit;
        settings.application.commit = commit;
        // A loop of Fetches has no thread beside it.
        let (application, heartbeat_thread) =
            if fetching == Fetching::Loop { (ApplicationThread::Polls, false) } else { (application, true) };
        settings.behaviour = Behaviour {
            heartbeat_thread, application, fetching, sleeps_in_slices, poll_interval, session_timer, ..Behaviour::default()
        };
        let [mut short, mut long] = [false, true].map(|long_way| {
            let mut context = TestContext::stable(settings.clone(), &[0, 1]);
            context.consumer.long_way = long_way;
            context.consumer.pace = if long_way { Pace::Uneven } else { context.consumer.pace };
            context.random = (0..DRAWS).map(|n| f64::from(n * 619 % 1_000) / 1_000.0).collect();
            context
        });
        for step in &steps {
            take(&mut short, step);
            take(&mut long, step);
            prop_assert_eq!(format!("{:?}", short.log), format!("{:?}", long.log), "after {:?}", step);
            prop_assert_eq!(&short.awaits, &long.awaits, "after {:?}", step);
            prop_assert_eq!(short.random.len(), long.random.len(), "draws after {:?}", step);
            prop_assert_eq!(format!("{:?}", short.sent), format!("{:?}", long.sent), "after {:?}", step);
            short.forget();
            long.forget();
        }
        long.consumer.long_way = false;
        // The short way notes them only where something depends on it.
        for context in [&mut short, &mut long] {
            context.consumer.note_fetches(context.now);
            context.consumer.pace = Pace::Uneven;
            // It may ask for an earlier instant, at which it finds out that its slice is not over.
            context.consumer.asked.heartbeat_wake = SimTime::MAX;
            context.consumer.wishes = Wishes::default();
            context.consumer.inputs = 0;
        }
        prop_assert_eq!(format!("{:?}", short.consumer), format!("{:?}", long.consumer));
    }
}
