//! Joining a group: `joinGroupIfNeeded` with what runs before JoinGroup (`onJoinPrepare`) and after SyncGroup
//! (`onJoinComplete`) (consumer-client.md 1.4, 3.2, 3.4).

use std::collections::VecDeque;
use std::rc::Rc;

use crate::client::{AfterError, AutoCommit, Callback, ClientEvent, Fetching, RecordBatch, RevocationCommit};
use crate::engine::Millis;
use crate::protocol::subscription::{ConsumerProtocolAssignment, TopicPartitions};
use crate::protocol::{Bytes, ErrorCode, TopicPartition};

use super::callback::ListenerCall;
use super::commit::{CommitKind, CommitPlace};
use super::consumer::{Consumer, Context, RebalanceProtocol};
use super::exception::Exception;
use super::membership::{GroupGeneration, JoinFuture, MemberState};
use super::thread::{Flow, Frame, Outcome};

/// Why a member joins again that gives partitions up (`onJoinComplete`).
pub(super) const REASON_TO_GIVE_AND_REJOIN: &str = "need to revoke partitions and re-join";

/// One call of `joinGroupIfNeeded`.
#[derive(Debug)]
pub(super) struct Join {
    step: Step,
}

#[derive(Debug)]
enum Step {
    Begin,
    /// The parked Fetches of these partitions are awaited, until this time at the latest: before the listener is called,
    /// or between its call and JoinGroup.
    Fetches {
        until: Millis,
        parked: Vec<TopicPartition>,
        then: Box<Step>,
    },
    /// `onJoinPrepare`
    Prepare,
    /// The listener knows already: the partitions but these are dropped.
    Drop {
        kept: Vec<TopicPartition>,
    },
    /// Clients before 3.2 wait here for the commit.
    Committing(Rc<GroupGeneration>),
    /// The callback of `onJoinPrepare` runs; then this is still owned.
    Revoking {
        kept: Vec<TopicPartition>,
    },
    Initiate,
    Await,
    /// Clients before 2.6 wait for a retry inside `poll`.
    BackOff(Millis),
    /// These are given up in a cooperative `onJoinComplete`; then this is assigned.
    Give {
        assigned: Vec<TopicPartition>,
        revoked: Vec<TopicPartition>,
    },
    /// `onPartitionsRevoked` of it.
    Giving {
        assigned: Vec<TopicPartition>,
    },
    /// `onPartitionsAssigned`
    Taking,
    /// `onPartitionsAssigned` for each of these at its time.
    Claims(VecDeque<(Millis, Vec<TopicPartition>)>),
}

impl Join {
    /// A call from its beginning.
    pub fn begin() -> Frame {
        Frame::Join(Join { step: Step::Begin })
    }

    fn at(step: Step) -> Flow {
        Flow::Again(Frame::Join(Join { step }))
    }

    /// When it goes on by itself; JoinGroup is not sent before the time given.
    pub fn wake(&self, not_before: Millis) -> Millis {
        match self.step {
            Step::BackOff(until) | Step::Fetches { until, .. } => until,
            Step::Claims(ref claims) => claims.front().map_or(Millis(i64::MAX), |(begins, _)| *begins),
            Step::Initiate => not_before,
            _ => Millis(i64::MAX),
        }
    }
}

/// How `onJoinPrepare` goes on after the commit before the revocation.
enum Prepare {
    Wait,
    GoOn,
}

impl Consumer {
    pub(super) fn step_join(&mut self, join: Join, returned: Option<Outcome>, cx: &mut Context<'_>) -> Flow {
        match join.step {
            Step::Begin => self.begin_join(cx),
            Step::Fetches { until, parked, then } => {
                if cx.ms >= until || parked.is_empty() {
                    if !self.takes_turns() {
                        self.network.end_fetches();
                    }
                    return Join::at(*then);
                }
                self.poll_network(cx);
                Flow::Block(Frame::Join(Join { step: Step::Fetches { until, parked, then } }))
            }
            Step::Prepare => self.prepare_join(cx),
            Step::Drop { kept } => {
                self.subscriptions.assign(&kept);
                self.end_join_prepare();
                Join::at(Step::Initiate)
            }
            Step::Committing(generation) => match returned {
                None => Flow::Block(Frame::Join(Join { step: Step::Committing(generation) })),
                Some(_) => self.revoke_before_join(&generation),
            },
            Step::Revoking { kept } if self.settings.behaviour.fetching == Fetching::Awaited => {
                cx.event(ClientEvent::AssignmentChanged { partitions: kept.clone() });
                self.await_fetches(Step::Drop { kept }, cx)
            }
            Step::Revoking { kept } => {
                let pause_ms = std::mem::take(&mut self.membership.pause_ms);
                self.membership.not_before = self.membership.not_before.max(cx.ms + pause_ms);
                self.set_assignment(&kept, cx);
                self.end_join_prepare();
                match returned {
                    Some(Err(exception)) => Flow::Return(Err(exception)),
                    _ => Join::at(Step::Initiate),
                }
            }
            Step::Initiate if cx.ms < self.membership.not_before => {
                self.poll_network(cx);
                Flow::Block(Frame::Join(Join { step: Step::Initiate }))
            }
            Step::Initiate if self.left_unpolled => Flow::Return(Ok(false)),
            Step::Initiate if self.prepares_first() && self.coordinator_unknown(cx) => Flow::Return(Ok(false)),
            Step::Initiate => {
                self.initiate_join(cx);
                Join::at(Step::Await)
            }
            Step::Await => self.await_join(cx),
            Step::BackOff(until) if cx.ms < until => {
                self.poll_network(cx);
                Flow::Block(Frame::Join(Join { step: Step::BackOff(until) }))
            }
            Step::BackOff(_) => Join::at(Step::Begin),
            Step::Give { assigned, revoked } => Flow::Call {
                caller: Frame::Join(Join { step: Step::Giving { assigned } }),
                callee: ListenerCall::frame(Callback::Revoked, revoked),
            },
            Step::Giving { assigned } => {
                self.request_rejoin(REASON_TO_GIVE_AND_REJOIN, cx);
                self.flush_released_claims(cx);
                self.take_assignment(assigned, cx)
            }
            Step::Claims(mut claims) => match claims.pop_front_if(|(begins, _)| *begins <= cx.ms) {
                Some((_, partitions)) => Flow::Call {
                    caller: Frame::Join(Join { step: Step::Claims(claims) }),
                    callee: ListenerCall::frame(Callback::Assigned, partitions),
                },
                None if claims.is_empty() => Join::at(Step::Taking),
                None => {
                    self.poll_network(cx);
                    Flow::Block(Frame::Join(Join { step: Step::Claims(claims) }))
                }
            },
            Step::Taking => {
                self.network.note_assigned(cx.now);
                self.membership.join = None;
                self.membership.needs_join_prepare = true;
                Join::at(Step::Begin)
            }
        }
    }

    /// The head of the loop (1.4, steps 1 and 2).
    fn begin_join(&mut self, cx: &mut Context<'_>) -> Flow {
        if !self.rejoin_needed_or_pending(cx) {
            return Flow::Return(Ok(true));
        }
        if !self.prepares_before_search() && !self.ensure_coordinator_now(cx) {
            return Flow::Return(Ok(false));
        }
        if self.settings.behaviour.heartbeat_thread {
            self.heartbeat_thread.started = true;
        }
        if !self.membership.needs_join_prepare {
            return Join::at(Step::Initiate);
        }
        if self.shares_fetch_connection() && self.protocol == RebalanceProtocol::Eager {
            return self.await_fetches(Step::Prepare, cx);
        }
        self.prepare_join(cx)
    }

    /// The generation ends, Fetches and all, before the next one's coordinator is looked for (kafka-go's
    /// `nextGeneration`).
    fn prepares_first(&self) -> bool {
        self.settings.behaviour.fetching == Fetching::Awaited
    }

    /// So it is to do now.
    pub(super) fn prepares_before_search(&self) -> bool {
        let membership = &self.membership;
        self.prepares_first()
            && membership.rejoin_needed
            && membership.needs_join_prepare
            && !self.subscriptions.assigned().is_empty()
    }

    /// Waits for the Fetches that are parked, if there are any.
    fn await_fetches(&mut self, then: Step, cx: &mut Context<'_>) -> Flow {
        self.network.note_fetch_cycles(cx.now);
        let Some(until) = self.network.last_parked(cx.now) else { return Join::at(then) };
        let fetched = self.subscriptions.assigned().iter().filter(|owned| owned.fetchable);
        let parked = fetched.map(|owned| owned.partition).collect();
        Join::at(Step::Fetches { until: until.millis() + 1, parked, then: Box::new(then) })
    }

    /// A join waits for parked Fetches.
    pub(super) fn awaits_fetches(&self) -> bool {
        match self.stack.last() {
            Some(Frame::Join(Join { step: Step::Fetches { .. } })) => true,
            Some(Frame::Close(call)) => call.awaits_fetches(),
            _ => false,
        }
    }

    /// Records came for Fetches that a join waits for: they are thrown away.
    #[inline(never)]
    pub(super) fn fetches_returned(&mut self, batches: Rc<[RecordBatch]>, cx: &mut Context<'_>) {
        let shared = self.shares_fetch_connection();
        let moved = self.settings.behaviour.fetching == Fetching::Awaited;
        match self.stack.last_mut() {
            Some(Frame::Join(Join { step: Step::Fetches { parked, .. } })) => {
                parked.retain(|partition| !shared && !batches.iter().any(|batch| batch.partition == *partition));
            }
            Some(Frame::Close(call)) => call.fetches_returned(cx.ms),
            _ => return,
        }
        if moved {
            self.subscriptions.consume(batches);
        }
    }

    /// `onJoinPrepare` (3.2)
    fn prepare_join(&mut self, cx: &mut Context<'_>) -> Flow {
        self.membership.needs_join_prepare = false;
        // sampled before the commit: its answer does not turn revoked into lost any more (3.2)
        let generation = self.membership.generation.clone();
        let commits = self.settings.config.enable_auto_commit
            && self.settings.behaviour.auto_commit != AutoCommit::AfterBatch
            && !self.takes_turns();
        match self.settings.behaviour.revocation_commit {
            _ if !commits => {}
            RevocationCommit::Sync => {
                let callee = self.commit_sync_call(CommitPlace::Prepare, cx);
                let caller = Frame::Join(Join { step: Step::Committing(generation) });
                return Flow::Call { caller, callee };
            }
            RevocationCommit::AsyncAwaited => match self.commit_before_join(cx) {
                Err(exception) => return Flow::Return(Err(exception)),
                Ok(Prepare::Wait) => {
                    self.membership.needs_join_prepare = true;
                    return Flow::Return(Ok(false));
                }
                Ok(Prepare::GoOn) => {}
            },
        }
        self.revoke_before_join(&generation)
    }

    /// `onJoinPrepare` steps 1 and 2: freeze and commit, then wait for the answer (3.2).
    fn commit_before_join(&mut self, cx: &mut Context<'_>) -> Result<Prepare, Exception> {
        let interval = i64::from(self.settings.config.max_poll_interval_ms);
        let deadline = *self.membership.join_prepare_deadline.get_or_insert(cx.ms + interval);
        if self.settings.config.enable_auto_commit && self.commits.before_join.is_none() {
            if self.protocol == RebalanceProtocol::Eager {
                self.subscriptions.freeze();
            }
            self.commits.before_join = self.commit_async(CommitKind::BeforeJoin, cx)?;
        }
        let Some(id) = self.commits.before_join else { return Ok(Prepare::GoOn) };
        self.poll_network(cx);
        let result = self.commits.take_result(id);
        let retry = match &result {
            Some(result) => {
                self.commits.before_join = None;
                matches!(result, Err(error) if error.retriable)
            }
            None => true,
        };
        Ok(if retry && cx.ms < deadline { Prepare::Wait } else { Prepare::GoOn })
    }

    /// `onJoinPrepare` steps 3 and 4: what is given up before JoinGroup, and with which callback (3.2).
    fn revoke_before_join(&mut self, generation: &GroupGeneration) -> Flow {
        let owned = self.subscriptions.partitions();
        let lost = generation.id.0 < 0 || generation.member_id.is_unknown();
        let (callback, given, kept) = if lost {
            (Callback::Lost, owned, Vec::new())
        } else if self.protocol == RebalanceProtocol::Eager {
            (Callback::Revoked, owned, Vec::new())
        } else {
            let subscribed = |partition: &TopicPartition| self.subscribes_to(&partition.topic);
            let (kept, given): (Vec<_>, Vec<_>) = owned.into_iter().partition(subscribed);
            (Callback::Revoked, given, kept)
        };
        let silent = given.is_empty() && (lost || self.protocol == RebalanceProtocol::Cooperative);
        if silent {
            self.end_join_prepare();
            return Join::at(Step::Initiate);
        }
        let caller = Frame::Join(Join { step: Step::Revoking { kept } });
        Flow::Call { caller, callee: ListenerCall::frame(callback, given) }
    }

    fn end_join_prepare(&mut self) {
        self.is_leader = false;
        self.group_subscription.clear();
        self.membership.join_prepare_deadline = None;
        self.commits.before_join = None;
    }

    /// Steps 4 to 7 of the loop.
    fn await_join(&mut self, cx: &mut Context<'_>) -> Flow {
        let waiting = Frame::Join(Join { step: Step::Await });
        self.poll_network(cx);
        if self.election.is_some() {
            return Flow::Block(waiting);
        }
        match self.membership.join.clone() {
            Some(JoinFuture::Pending) if self.settings.behaviour.polls_during_join => Flow::Return(Ok(false)),
            Some(JoinFuture::Pending) => Flow::Block(waiting),
            Some(JoinFuture::Succeeded(assignment)) => self.join_succeeded(&assignment, cx),
            Some(JoinFuture::Failed(exception)) => self.join_failed(exception, cx),
            None => Join::at(Step::Begin),
        }
    }

    fn join_succeeded(&mut self, assignment: &Bytes, cx: &mut Context<'_>) -> Flow {
        let membership = &self.membership;
        if membership.generation.is_reset() || membership.state != MemberState::Stable {
            // the heartbeat thread was faster
            let reason = "rebalance failed since the generation/state was modified by heartbeat thread before the \
                          rebalance callback triggered";
            self.reset_state_and_rejoin(reason, true, cx);
            self.membership.join = None;
            return Join::at(Step::Begin);
        }
        self.membership.failures = 0;
        self.complete_join(assignment, cx)
    }

    fn join_failed(&mut self, exception: Exception, cx: &mut Context<'_>) -> Flow {
        self.membership.join = None;
        self.join_refused(&exception, cx);
        if !exception.is(ErrorCode::MemberIdRequired) {
            self.request_rejoin(&format!("rebalance failed due to {}", exception.class), cx);
        }
        let at_once = matches!(
            exception.code,
            Some(
                ErrorCode::UnknownMemberId
                    | ErrorCode::IllegalGeneration
                    | ErrorCode::RebalanceInProgress
                    | ErrorCode::MemberIdRequired
            )
        );
        if at_once {
            return Join::at(Step::Begin);
        }
        if !exception.retriable {
            return self.join_failed_for_good(exception, cx);
        }
        if self.settings.behaviour.polls_during_join {
            return Flow::Return(Ok(false));
        }
        Join::at(Step::BackOff(cx.ms + i64::from(self.settings.config.retry_backoff_ms)))
    }

    /// An error that no retry helps against.
    fn join_failed_for_good(&mut self, exception: Exception, cx: &mut Context<'_>) -> Flow {
        match self.settings.behaviour.rejoin.after_error {
            AfterError::Throws => Flow::Return(Err(exception)),
            AfterError::Retries(first, longest) => {
                let pause =
                    i64::from(first).saturating_mul(1 << self.membership.failures.min(20)).min(i64::from(longest));
                self.membership.failures += 1;
                Join::at(Step::BackOff(cx.ms + pause))
            }
            AfterError::Stops => {
                self.report("poll", &exception, cx);
                Join::at(Step::BackOff(Millis(i64::MAX)))
            }
        }
    }

    /// `onJoinComplete` (3.4)
    fn complete_join(&mut self, assignment: &Bytes, cx: &mut Context<'_>) -> Flow {
        if !self.is_leader {
            self.assignment_snapshot = None;
        }
        let decoded = match ConsumerProtocolAssignment::decode(assignment) {
            Ok(decoded) => decoded,
            Err(error) => return Flow::Return(Err(Exception::new("SchemaException", &error.to_string()))),
        };
        let mut assigned = Vec::with_capacity(decoded.partitions.iter().map(|group| group.partitions.len()).sum());
        assigned.extend(TopicPartitions::flatten(&decoded.partitions));
        for partition in &mut assigned {
            // The consumer's own copy of the name, which all that it compares with shares.
            if let Some(known) = self.subscriptions.topics.iter().find(|topic| **topic == partition.topic) {
                partition.topic = *known;
            }
        }
        let subscribed = |partition: &TopicPartition| self.subscribes_to(&partition.topic);
        if !assigned.iter().all(subscribed) {
            self.request_rejoin("received assignments do not match the current subscription", cx);
            return Join::at(Step::Taking);
        }
        self.assignment = decoded;
        let owned = self.subscriptions.partitions();
        let revoked: Vec<_> = owned.into_iter().filter(|partition| !assigned.contains(partition)).collect();
        if self.protocol == RebalanceProtocol::Cooperative && !revoked.is_empty() {
            let give = Step::Give { assigned, revoked };
            // Claims end when the Fetch under way returns.
            return if self.takes_turns() { self.await_fetches(give, cx) } else { Join::at(give) };
        }
        self.take_assignment(assigned, cx)
    }

    /// Steps 5 to 9 of `onJoinComplete`.
    fn take_assignment(&mut self, mut assigned: Vec<TopicPartition>, cx: &mut Context<'_>) -> Flow {
        assigned.sort();
        let generation = &self.membership.generation;
        let chosen = generation.protocol.as_deref();
        if let Some(assignor) = self.assignors.iter_mut().find(|assignor| Some(assignor.assignor().name()) == chosen) {
            assignor.on_assignment(&self.assignment, generation.id);
        }
        self.auto_commit_clock_at_join(cx.ms);
        let mut added = Vec::with_capacity(assigned.len());
        added.extend(assigned.iter().filter(|partition| !self.subscriptions.owns(partition)).cloned());
        self.set_assignment(&assigned, cx);
        if self.takes_turns() && assigned.is_empty() {
            self.network.end_fetches();
        }
        Join::at(Step::Claims(self.claims_begin(added, cx)))
    }

    pub(super) fn set_assignment(&mut self, partitions: &[TopicPartition], cx: &mut Context<'_>) {
        self.subscriptions.assign(partitions);
        cx.event(ClientEvent::AssignmentChanged { partitions: self.subscriptions.partitions() });
    }

    /// `rejoinNeededOrPending` (2.0)
    pub(super) fn rejoin_needed_or_pending(&mut self, cx: &mut Context<'_>) -> bool {
        if let Some(reason) = self.reason_to_rejoin() {
            self.request_rejoin_if_necessary(reason, cx);
            return true;
        }
        self.membership.rejoin_needed || self.membership.join.is_some()
    }

    /// Something has changed since the member joined.
    pub(super) fn reason_to_rejoin(&self) -> Option<&'static str> {
        let watched = self.assignment_snapshot.as_ref().filter(|_| self.settings.behaviour.watches_partitions);
        if watched.is_some_and(|snapshot| !snapshot.matches(&self.metadata_snapshot)) {
            return Some("cached metadata has changed");
        }
        let joined = self.joined_subscription.as_ref();
        joined.is_some_and(|joined| *joined != self.subscriptions.topics).then_some("subscription has changed")
    }
}
