//! The time between polls, and the time that a rebalance waits for a member.

use crate::client::{ApplicationThread, PollInterval};
use crate::engine::SimDuration;
use crate::lint::Severity;
use crate::lint::context::{Context, shown};
use crate::lint::rule::rules;
use crate::scenario::profile::REBALANCE_TIMEOUT;

rules! {
    BATCH_BEYOND: Error "batch-beyond-poll-interval",
        "`max.poll.records` times the time of a record is not below `max.poll.interval.ms` (needs `--record-time`)",
        "as soon as there is lag, every member leaves in the middle of its batch, its records are worked on twice, and the lag grows",
        "fewer records, or a longer poll interval",
        "growing-processing-before";
    BATCH_NEAR: Warning "batch-near-poll-interval",
        "a full batch takes more than half of `max.poll.interval.ms` (needs `--record-time`)",
        "records that take twice as long as usual expel the member, and lag makes batches full",
        "a poll interval of at least twice the longest batch",
        "incidents/lag-makes-batches-too-long";
    BATCH_BEYOND_SESSION: Error "batch-beyond-session",
        "a batch takes longer than the session, at a client that sends no heartbeats meanwhile (needs `--record-time`)",
        "the member is expelled though it is alive, and its batch is worked on twice",
        "fewer records, a longer session, or a client that sends heartbeats while the application works",
        "slow-batch-before-kip-62";
    BATCH_BEYOND_REBALANCE: Error "batch-beyond-rebalance-timeout",
        "a batch takes longer than a rebalance waits (needs `--record-time`)",
        "whenever the group rebalances in the middle of a batch, the member is left out, and what it has done is worked on again",
        "a rebalance timeout above the longest batch",
        "member-stuck-at-rebalance-timeout";
    BELOW_SESSION: Warning "rebalance-timeout-below-session",
        "`max.poll.interval.ms` (or the client's own rebalance timeout) is below `session.timeout.ms`",
        "a rebalance drops a member that is silent for less than its session, so the longer session protects it only while nothing else happens",
        "a poll interval above the session timeout",
        "member-stuck-at-rebalance-timeout";
    LONG: Warning "poll-interval-long",
        "`max.poll.interval.ms` is above 15 min",
        "one member that is stuck makes the whole group wait that long in the next rebalance",
        "fewer records per poll and a shorter interval; work that takes longer belongs beside the poll loop, with its partitions paused",
        "incidents/poll-barrier-of-30-minutes";
    SHORT: Warning "poll-interval-short",
        "`max.poll.interval.ms` is below 10 s",
        "a slow record, a long garbage collection or a slow answer of another service makes the member leave the group",
        "300000, Kafka's default, or twice the longest batch",
        "poll-stall-beyond-max-poll-interval";
}

const INTERVAL: &str = "max.poll.interval.ms";
const SESSION: &str = "session.timeout.ms";
const RECORDS: &str = "max.poll.records";

/// A poll interval above this is long.
const LONG_MS: i64 = 900_000;

/// Looks at the time between polls.
pub fn check(context: &mut Context<'_>) {
    batches(context);
    rebalance_timeout_against_session(context);
    interval_by_itself(context);
}

/// A full batch at the stated time of a record.
struct Batch {
    record: SimDuration,
    ms: i64,
    /// As the beginning of a sentence.
    words: String,
}

fn batches(context: &mut Context<'_>) {
    let (Some(record), Some(records)) = (context.options.record_time, context.number(RECORDS)) else { return };
    let nanos = u128::from(record.0) * u128::from(records.unsigned_abs());
    let ms = i64::try_from(nanos / 1_000_000).unwrap_or(i64::MAX);
    let words = match records {
        1 => format!("a record of {}", shown(record)),
        _ => {
            let takes = shown(SimDuration::from_millis(ms.unsigned_abs()));
            format!("a batch of {} records of {} takes {takes}, which", context.named(RECORDS), shown(record))
        }
    };
    let batch = Batch { record, ms, words };
    batch_against_interval(context, &batch);
    batch_against_session(context, &batch);
    batch_against_rebalance(context, &batch);
}

fn batch_against_interval(context: &mut Context<'_>, batch: &Batch) {
    if context.behaviour().poll_interval == PollInterval::Unlimited {
        return;
    }
    let Some(interval) = context.number(INTERVAL) else { return };
    let (rule, relation) = match () {
        () if batch.ms >= interval => (BATCH_BEYOND, "is not below"),
        () if batch.ms.saturating_mul(2) > interval => (BATCH_NEAR, "is more than half of"),
        () => return,
    };
    let place = context.settings.place(&[RECORDS, INTERVAL]);
    let message = format!("{} {relation} {}", batch.words, context.named(INTERVAL));
    let fit = i128::from(interval) * 1_000_000 / i128::from(batch.record.0.max(1)) / 2;
    let longer = batch.ms.saturating_mul(2);
    let right = match fit {
        0 => format!("an interval of at least {longer}"),
        // Nobody wants to wait longer than that for a member that is stuck.
        _ if longer > LONG_MS => format!("at most {fit} records of {}", shown(batch.record)),
        _ => format!("at most {fit} records of {}, or an interval of at least {longer}", shown(batch.record)),
    };
    context.settings.add(rule, place, message).right(right);
}

fn batch_against_session(context: &mut Context<'_>, batch: &Batch) {
    if context.behaviour().heartbeat_thread {
        return;
    }
    if context.number(SESSION).is_none_or(|session| batch.ms < session) {
        return;
    }
    let place = context.settings.place(&[RECORDS, SESSION]);
    let client = "a client that sends heartbeats while the application works";
    let right = match batch.ms > LONG_MS {
        true => format!("fewer records, or {client}"),
        false => format!("fewer records, a session above {}, or {client}", batch.ms),
    };
    let message =
        format!("{} is not below {}, and no heartbeat goes out meanwhile", batch.words, context.named(SESSION));
    context.settings.add(BATCH_BEYOND_SESSION, place, message).right(right);
}

fn batch_against_rebalance(context: &mut Context<'_>, batch: &Batch) {
    let application = context.behaviour().application;
    if !matches!(application, ApplicationThread::Polls | ApplicationThread::BesideWithListener) {
        return;
    }
    // Where the poll interval says it, that rule has told.
    let Some((REBALANCE_TIMEOUT, timeout)) = context.rebalance_timeout() else { return };
    if batch.ms >= timeout {
        let place = context.settings.place(&[RECORDS, REBALANCE_TIMEOUT]);
        let message = format!("{} is not below {}", batch.words, context.named(REBALANCE_TIMEOUT));
        context.settings.add(BATCH_BEYOND_REBALANCE, place, message);
    }
}

fn rebalance_timeout_against_session(context: &mut Context<'_>) {
    if context.is_consumer_protocol() {
        return;
    }
    let (Some((name, timeout)), Some(session)) = (context.rebalance_timeout(), context.number(SESSION)) else { return };
    if name == SESSION || timeout >= session {
        return;
    }
    let Some(place) = context.settings.place(&[name, SESSION]) else { return };
    let message = format!("{} is below {}", context.named(name), context.named(SESSION));
    let right = format!("at least {session}, better twice the longest batch");
    let is_refused = context.is_librdkafka();
    let added = context.settings.add(BELOW_SESSION, Some(place), message).right(right);
    if is_refused {
        added.severity(Severity::Error).consequence("librdkafka refuses to start with it");
    }
}

fn interval_by_itself(context: &mut Context<'_>) {
    let Some(interval) = context.number(INTERVAL).filter(|_| context.has(INTERVAL)) else { return };
    let (place, named) = (context.settings.place(&[INTERVAL]), context.named(INTERVAL));
    if interval > LONG_MS {
        context.settings.add(LONG, place, format!("{named} is above 15 min"));
    } else if interval < 10_000 {
        context.settings.add(SHORT, place, format!("{named} is below 10 s"));
    }
}
