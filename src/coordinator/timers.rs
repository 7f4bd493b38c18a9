//! The timers of a shard: at most one per key, named by small numbers outside (classic-coordinator.md 8.1;
//! `CoordinatorRuntime.EventBasedCoordinatorTimer`).

use rustc_hash::FxHashMap;

use crate::engine::Millis;
use crate::protocol::{GroupId, MemberId};

use super::interface::{Output, Outputs, TimerId, TimerKey};

/// What happens when the timer of a join phase expires.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum JoinTimer {
    /// The initial delay of a group that was empty, and what is left to extend it by.
    Initial { delay_ms: i32, remaining_ms: i32 },
    /// The rebalance timeout.
    Plain,
}

#[derive(Debug)]
struct Slot {
    key: TimerKey,
    at: Millis,
    join: JoinTimer,
    armed: bool,
}

/// All timers of a shard.
#[derive(Default)]
pub(super) struct Timers {
    slots: Vec<Slot>,
    free: Vec<TimerId>,
    by_key: FxHashMap<TimerKey, TimerId>,
}

impl Timers {
    /// Arms the timer of a key, or moves it.
    pub(super) fn set(&mut self, key: TimerKey, at: Millis, out: &mut dyn Outputs) -> TimerId {
        self.set_join(key, at, JoinTimer::Plain, out)
    }

    /// Arms the timer of a join phase, or moves it and changes what it is for.
    pub(super) fn set_join(&mut self, key: TimerKey, at: Millis, join: JoinTimer, out: &mut dyn Outputs) -> TimerId {
        let timer = match self.by_key.get(&key) {
            Some(timer) => *timer,
            None => self.allocate(key),
        };
        let slot = &mut self.slots[timer.0 as usize];
        (slot.at, slot.join, slot.armed) = (at, join, true);
        out.push(Output::SetTimer { timer, at });
        timer
    }

    /// Arms the session timer of a member. `hint` is what this returned last time for the member: it saves the look-up.
    pub(super) fn set_session(
        &mut self,
        hint: Option<TimerId>,
        group: &GroupId,
        member: &MemberId,
        at: Millis,
        out: &mut dyn Outputs,
    ) -> TimerId {
        if let Some(timer) = hint
            && let Some(slot) = self.slots.get_mut(timer.0 as usize)
            && slot.armed
            && is_session_of(&slot.key, group, member)
        {
            slot.at = at;
            out.push(Output::SetTimer { timer, at });
            return timer;
        }
        self.set(TimerKey::Heartbeat { group: *group, member: member.clone() }, at, out)
    }

    /// Withdraws the timer of a key, if it is armed.
    pub(super) fn cancel(&mut self, key: &TimerKey, out: &mut dyn Outputs) {
        if let Some(timer) = self.by_key.remove(key) {
            self.release(timer);
            out.push(Output::CancelTimer(timer));
        }
    }

    /// Withdraws all timers.
    pub(super) fn cancel_all(&mut self, out: &mut dyn Outputs) {
        for (index, slot) in self.slots.iter().enumerate().filter(|(_, slot)| slot.armed) {
            debug_assert_eq!(self.by_key.get(&slot.key), Some(&TimerId(index as u32)));
            out.push(Output::CancelTimer(TimerId(index as u32)));
        }
        *self = Timers::default();
    }

    /// Takes an expired timer: what it is for. `None` if it is not armed, or not due yet: a late delivery.
    pub(super) fn fire(&mut self, timer: TimerId, now: Millis) -> Option<(TimerKey, JoinTimer)> {
        let slot = self.slots.get(timer.0 as usize)?;
        if !slot.armed || now < slot.at {
            return None;
        }
        let fired = (slot.key.clone(), slot.join);
        self.by_key.remove(&fired.0);
        self.release(timer);
        Some(fired)
    }

    /// What a timer is for, and when it is due, while it is armed.
    pub(super) fn armed(&self, timer: TimerId) -> Option<(&TimerKey, Millis)> {
        self.slots.get(timer.0 as usize).filter(|slot| slot.armed).map(|slot| (&slot.key, slot.at))
    }

    /// All armed timers, in no order that means anything.
    pub(super) fn all_armed(&self) -> impl Iterator<Item = (TimerId, &TimerKey, Millis)> {
        let slots = self.slots.iter().zip(0..).filter(|(slot, _)| slot.armed);
        slots.map(|(slot, index)| (TimerId(index), &slot.key, slot.at))
    }

    /// Is this timer armed, for this key?
    pub(super) fn is_armed(&self, timer: TimerId, key: &TimerKey) -> bool {
        self.armed(timer).is_some_and(|(armed, _)| armed == key)
    }

    fn allocate(&mut self, key: TimerKey) -> TimerId {
        let slot = Slot { key: key.clone(), at: Millis(0), join: JoinTimer::Plain, armed: false };
        let timer = match self.free.pop() {
            Some(timer) => {
                self.slots[timer.0 as usize] = slot;
                timer
            }
            None => {
                self.slots.push(slot);
                TimerId(self.slots.len() as u32 - 1)
            }
        };
        self.by_key.insert(key, timer);
        timer
    }

    fn release(&mut self, timer: TimerId) {
        self.slots[timer.0 as usize].armed = false;
        self.free.push(timer);
    }
}

/// Is this the session timer of that very member? By identity of the strings: a hint may point to a timer that was given away.
fn is_session_of(key: &TimerKey, group: &GroupId, member: &MemberId) -> bool {
    matches!(key, TimerKey::Heartbeat { group: of_group, member: of_member }
        if of_member.is_same(member) && of_group == group)
}
