//! What is the case for one consumer.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::client::Callback;
use crate::engine::SimTime;
use crate::protocol::{Generation, MemberId};
use crate::scenario::checked::Consumer;
use crate::trace::{HostPause, StopKind};

use super::GroupNumber;

/// Lives that are remembered, to tell whose death a late removal detects.
const LIVES_REMEMBERED: usize = 32;

/// One life of a process that is over.
#[derive(Clone, Copy, Debug)]
pub(in crate::analysis) struct Life {
    /// Which process, counted from 1.
    pub incarnation: u32,
    /// Its end.
    pub to: SimTime,
    /// How it ended.
    pub how: StopKind,
}

/// What is the case for one consumer.
pub(in crate::analysis) struct ConsumerFacts<'a> {
    /// Its settings.
    pub settings: &'a Consumer,
    /// Its group.
    pub group: GroupNumber,
    /// Its process is up.
    pub running: bool,
    /// Which process, counted from 1; 0 before the first.
    pub incarnation: u32,
    /// A graceful stop was asked for.
    pub stop_requested: bool,
    /// All threads stand still.
    pub paused: Option<HostPause>,
    /// Number of active faults that cut the link to each broker.
    pub cut_off: Vec<u16>,
    /// Its member id, as the client knows it.
    pub member: Option<MemberId>,
    /// The coordinator counts that id as a member.
    pub counted: bool,
    /// This process was a member before.
    pub was_member: bool,
    /// Generation of its last SyncGroup answer.
    pub generation: Generation,
    /// The poll thread is in a listener call.
    pub in_callback: Option<Callback>,
    /// The poll thread is inside `poll`; known while an event of the client is taken in that is none of the commonest.
    pub in_poll: bool,
    /// The poll interval is exceeded (the client itself says so) until the next `poll`.
    pub poll_exceeded: bool,
    /// Why it last asked for a rejoin, in its own words: not every client tells the coordinator.
    pub rejoin_reason: Option<Arc<str>>,
    /// A poll stall holds the poll thread.
    pub stalled: bool,
    /// The client knows its coordinator.
    pub coordinator_known: bool,
    /// A JoinGroup is under way since then.
    pub join_sent: Option<SimTime>,
    lives: VecDeque<Life>,
}

impl<'a> ConsumerFacts<'a> {
    pub(super) fn new(settings: &'a Consumer, group: GroupNumber, brokers: u32) -> Self {
        ConsumerFacts {
            settings,
            group,
            running: false,
            incarnation: 0,
            stop_requested: false,
            paused: None,
            cut_off: vec![0; brokers as usize],
            member: None,
            counted: false,
            was_member: false,
            generation: Generation::NONE,
            in_callback: None,
            in_poll: false,
            poll_exceeded: false,
            rejoin_reason: None,
            stalled: false,
            coordinator_known: false,
            join_sent: None,
            lives: VecDeque::new(),
        }
    }

    pub(super) fn start(&mut self) {
        let lives = std::mem::take(&mut self.lives);
        let cut_off = std::mem::take(&mut self.cut_off);
        let incarnation = self.incarnation + 1;
        let fresh = ConsumerFacts::new(self.settings, self.group, 0);
        *self = ConsumerFacts { running: true, incarnation, cut_off, lives, ..fresh };
    }

    pub(super) fn stop(&mut self, now: SimTime, how: StopKind) {
        self.running = false;
        self.paused = None;
        self.in_callback = None;
        self.in_poll = false;
        self.join_sent = None;
        if self.lives.len() == LIVES_REMEMBERED {
            self.lives.pop_front();
        }
        self.lives.push_back(Life { incarnation: self.incarnation, to: now, how });
    }

    /// How and when that process ended; `None` if it runs or is forgotten.
    pub fn end_of(&self, incarnation: u32) -> Option<Life> {
        self.lives.iter().find(|life| life.incarnation == incarnation).copied()
    }

    /// The poll thread cannot take records for longer than a batch takes.
    pub fn is_stuck(&self) -> bool {
        self.poll_exceeded || self.stalled
    }
}
