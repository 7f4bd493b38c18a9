//! The event queue: what happens next, in one total order.
//!
//! # Order
//! Every call that plans something ([`EventQueue::schedule`], [`EventQueue::schedule_withdrawable`],
//! [`EventQueue::set`]) draws the next sequence number, and events come out by (time, sequence number): at the same
//! instant, what was planned first happens first. A timer that is moved fires as if its old plan had been struck out and
//! the new one written down at that very call. How the queue gets there (an entry that comes up early and goes back
//! in, a struck-out entry that is dropped on the way) draws no number and shows nowhere.
//!
//! # Moving deadlines
//! A session deadline is moved by every heartbeat and hardly ever fires. A [`TimerSlot`] is a field that holds the
//! deadline, with at most one live entry in the queue. Moving it later touches the field alone; when the entry comes up
//! early it goes back in for the deadline that then stands. Moving it earlier adds an entry and orphans the old one.
//! Cancelling touches the field alone. Orphans are skipped when they come up, and swept out when they are more than
//! half of the queue, so that its size stays bound to what is planned.
//!
//! # Small entries
//! An entry is 24 bytes: time, sequence number, and a target of 8 bytes. Bodies of messages belong in a
//! [`Slab`](super::Slab); the target carries the key.

use super::heap::Keyed;
use super::time::SimTime;
use super::wheel::Wheel;

/// Fewer orphans than this are not worth a sweep.
const ORPHANS_WORTH_A_SWEEP: usize = 64;

/// Events to come, in the order (time, sequence number). See the [module](self) for what that means for timers.
///
/// `T` says what an event is about. It is copied about, so it must be small: an entry has at most 24 bytes, which
/// leaves 8 for the target (an enum with a `u32` in its variants fits). A larger one does not compile.
///
/// ```
/// use rebalab::engine::{EventQueue, SimTime};
///
/// #[derive(Clone, Copy, PartialEq, Debug)]
/// enum Target {
///     Arrival(u32),
///     SessionExpires(u32),
/// }
///
/// let mut queue = EventQueue::new();
/// let session = queue.add_timer(Target::SessionExpires(7));
/// queue.set(session, SimTime(45));
/// queue.schedule(SimTime(3), Target::Arrival(1));
///
/// assert_eq!(queue.pop(), Some((SimTime(3), Target::Arrival(1))));
/// queue.set(session, SimTime(48)); // moved later: no work in the queue
/// assert_eq!(queue.pop(), Some((SimTime(48), Target::SessionExpires(7))));
/// assert_eq!(queue.pop(), None);
/// ```
#[derive(Clone, Debug)]
pub struct EventQueue<T> {
    entries: Wheel<Entry<T>>,
    slots: Vec<Slot<T>>,
    free_slots: Vec<u32>,
    /// Number of the next plan. Starts at 1: 0 stands for "none" in slots.
    next_sequence: u64,
    /// Time of the event popped last.
    now: SimTime,
    /// What is planned: events not popped and timers armed.
    planned: usize,
    /// Entries that belong to nobody any more.
    orphans: usize,
}

/// A timer of the caller: a deadline that can be set, moved and cancelled any number of times.
/// From [`EventQueue::add_timer`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TimerSlot {
    index: u32,
    generation: u32,
}

/// Names one event that can be withdrawn. From [`EventQueue::schedule_withdrawable`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EventHandle {
    index: u32,
    generation: u32,
}

/// What stands in the wheel.
#[derive(Clone, Copy, Debug)]
struct Entry<T> {
    at: SimTime,
    sequence: u64,
    target: EntryTarget<T>,
}

#[derive(Clone, Copy, Debug)]
enum EntryTarget<T> {
    /// Happens once, for certain.
    Event(T),
    /// Happens if the slot says so.
    Slot(u32),
}

impl<T: Copy> Keyed for Entry<T> {
    #[inline]
    fn key(&self) -> u128 {
        u128::from(self.at.0) << 64 | u128::from(self.sequence)
    }
}

/// The field behind a timer or a withdrawable event.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))] // one line of the cache, not two
struct Slot<T> {
    target: T,
    /// The deadline that stands; `due_sequence` 0: none.
    due_at: SimTime,
    due_sequence: u64,
    /// The slot's live entry; `entry_sequence` 0: none. Never later than the deadline.
    entry_at: SimTime,
    entry_sequence: u64,
    /// Counts the uses of this place, so that an old handle is told from a new one.
    generation: u32,
    /// Freed as soon as it fires or is withdrawn.
    once: bool,
}

impl<T: Copy> Default for EventQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Copy> EventQueue<T> {
    /// Bytes of one entry: held at 24 for whatever target is used.
    const ENTRY_BYTES: () = assert!(size_of::<Entry<T>>() <= 24, "an event's target must not take more than 8 bytes");

    /// An empty queue at time zero.
    ///
    /// ```
    /// let queue = rebalab::engine::EventQueue::<u32>::new();
    /// assert!(queue.is_empty());
    /// ```
    pub fn new() -> Self {
        let () = Self::ENTRY_BYTES;
        EventQueue {
            entries: Wheel::new(),
            slots: Vec::new(),
            free_slots: Vec::new(),
            next_sequence: 1,
            now: SimTime::ZERO,
            planned: 0,
            orphans: 0,
        }
    }

    /// The time of the event that was popped last; zero before the first.
    ///
    /// ```
    /// use rebalab::engine::{EventQueue, SimTime};
    /// let mut queue = EventQueue::new();
    /// queue.schedule(SimTime(5), 'a');
    /// assert_eq!(queue.now(), SimTime::ZERO);
    /// queue.pop();
    /// assert_eq!(queue.now(), SimTime(5));
    /// ```
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// How many events and armed timers are to come.
    ///
    /// ```
    /// use rebalab::engine::{EventQueue, SimTime};
    /// let mut queue = EventQueue::new();
    /// let timer = queue.add_timer('t');
    /// queue.schedule(SimTime(1), 'e');
    /// assert_eq!(queue.len(), 1);
    /// queue.set(timer, SimTime(2));
    /// assert_eq!(queue.len(), 2);
    /// ```
    pub fn len(&self) -> usize {
        self.planned
    }

    /// Whether nothing is to come.
    ///
    /// ```
    /// use rebalab::engine::{EventQueue, SimTime};
    /// let mut queue = EventQueue::new();
    /// queue.schedule(SimTime(1), 'a');
    /// assert!(!queue.is_empty());
    /// queue.pop();
    /// assert!(queue.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.planned == 0
    }

    /// Plans an event that happens for certain. An instant that has passed counts as now.
    ///
    /// ```
    /// use rebalab::engine::{EventQueue, SimTime};
    /// let mut queue = EventQueue::new();
    /// queue.schedule(SimTime(2), 'c');
    /// queue.schedule(SimTime(1), 'a');
    /// queue.schedule(SimTime(1), 'b'); // same instant, planned later
    /// assert_eq!(queue.pop(), Some((SimTime(1), 'a')));
    /// queue.schedule(SimTime(0), 'z'); // overdue
    /// assert_eq!(queue.pop(), Some((SimTime(1), 'b')));
    /// assert_eq!(queue.pop(), Some((SimTime(1), 'z')));
    /// ```
    pub fn schedule(&mut self, at: SimTime, target: T) {
        let (at, sequence) = self.plan(at);
        self.planned += 1;
        self.entries.push(Entry { at, sequence, target: EntryTarget::Event(target) });
    }

    /// Plans an event that can be withdrawn until it happens. An instant that has passed counts as now.
    ///
    /// ```
    /// use rebalab::engine::{EventQueue, SimTime};
    /// let mut queue = EventQueue::new();
    /// let timeout = queue.schedule_withdrawable(SimTime(30), 't');
    /// queue.schedule(SimTime(2), 'r');
    /// assert_eq!(queue.pop(), Some((SimTime(2), 'r')));
    /// assert!(queue.withdraw(timeout));
    /// assert_eq!(queue.pop(), None);
    /// ```
    pub fn schedule_withdrawable(&mut self, at: SimTime, target: T) -> EventHandle {
        let index = self.take_slot(target, true);
        self.arm(index, at);
        EventHandle { index, generation: self.slots[index as usize].generation }
    }

    /// Withdraws an event. False if it has happened or was withdrawn before: an old handle does no harm.
    ///
    /// ```
    /// use rebalab::engine::{EventQueue, SimTime};
    /// let mut queue = EventQueue::new();
    /// let handle = queue.schedule_withdrawable(SimTime(1), 'a');
    /// queue.pop();
    /// let other = queue.schedule_withdrawable(SimTime(2), 'b');
    /// assert!(!queue.withdraw(handle));
    /// assert!(queue.withdraw(other));
    /// assert!(!queue.withdraw(other));
    /// ```
    pub fn withdraw(&mut self, handle: EventHandle) -> bool {
        let stands = self.slots[handle.index as usize].generation == handle.generation;
        if stands {
            self.free_slot(handle.index);
        }
        stands
    }

    /// A new timer, not armed, that fires `target`.
    ///
    /// ```
    /// use rebalab::engine::{EventQueue, SimTime};
    /// let mut queue = EventQueue::new();
    /// let timer = queue.add_timer('s');
    /// assert_eq!(queue.deadline(timer), None);
    /// queue.set(timer, SimTime(45));
    /// assert_eq!(queue.pop(), Some((SimTime(45), 's')));
    /// ```
    pub fn add_timer(&mut self, target: T) -> TimerSlot {
        let index = self.take_slot(target, false);
        TimerSlot { index, generation: self.slots[index as usize].generation }
    }

    /// Gives a timer back; if it was armed it does not fire.
    ///
    /// # Panics
    /// If the timer was removed before, as does every other call with a removed timer.
    ///
    /// ```
    /// use rebalab::engine::{EventQueue, SimTime};
    /// let mut queue = EventQueue::new();
    /// let timer = queue.add_timer('s');
    /// queue.set(timer, SimTime(45));
    /// queue.remove_timer(timer);
    /// assert_eq!(queue.pop(), None);
    /// ```
    pub fn remove_timer(&mut self, timer: TimerSlot) {
        self.check(timer);
        self.free_slot(timer.index);
    }

    /// Arms a timer, or moves it, earlier or later. It then fires in the order of this call, see the [module](self).
    /// An instant that has passed counts as now; [`SimTime::MAX`] is never, and cancels.
    ///
    /// ```
    /// use rebalab::engine::{EventQueue, SimTime};
    /// let mut queue = EventQueue::new();
    /// let timer = queue.add_timer('t');
    /// queue.set(timer, SimTime(10));
    /// queue.schedule(SimTime(10), 'e');
    /// queue.set(timer, SimTime(10)); // planned anew, so now behind the event
    /// assert_eq!(queue.pop(), Some((SimTime(10), 'e')));
    /// assert_eq!(queue.pop(), Some((SimTime(10), 't')));
    /// ```
    pub fn set(&mut self, timer: TimerSlot, at: SimTime) {
        self.check(timer);
        if at == SimTime::MAX {
            return self.cancel(timer);
        }
        self.arm(timer.index, at);
    }

    /// Disarms a timer. Nothing happens if it was not armed.
    ///
    /// ```
    /// use rebalab::engine::{EventQueue, SimTime};
    /// let mut queue = EventQueue::new();
    /// let timer = queue.add_timer('t');
    /// queue.set(timer, SimTime(10));
    /// queue.cancel(timer);
    /// assert_eq!(queue.pop(), None);
    /// queue.set(timer, SimTime(5)); // it can be armed again
    /// assert_eq!(queue.pop(), Some((SimTime(5), 't')));
    /// ```
    pub fn cancel(&mut self, timer: TimerSlot) {
        self.check(timer);
        let slot = &mut self.slots[timer.index as usize];
        if slot.due_sequence != 0 {
            slot.due_sequence = 0;
            self.planned -= 1;
        }
    }

    /// When a timer fires; `None` if it is not armed.
    ///
    /// ```
    /// use rebalab::engine::{EventQueue, SimTime};
    /// let mut queue = EventQueue::new();
    /// let timer = queue.add_timer('t');
    /// queue.set(timer, SimTime(10));
    /// assert_eq!(queue.deadline(timer), Some(SimTime(10)));
    /// ```
    pub fn deadline(&self, timer: TimerSlot) -> Option<SimTime> {
        self.check(timer);
        let slot = &self.slots[timer.index as usize];
        (slot.due_sequence != 0).then_some(slot.due_at)
    }

    /// The next event with its time, removed from the queue.
    ///
    /// ```
    /// use rebalab::engine::{EventQueue, SimTime};
    /// let mut queue = EventQueue::new();
    /// queue.schedule(SimTime(1), 'a');
    /// assert_eq!(queue.pop(), Some((SimTime(1), 'a')));
    /// assert_eq!(queue.pop(), None);
    /// ```
    pub fn pop(&mut self) -> Option<(SimTime, T)> {
        self.pop_until(SimTime::MAX)
    }

    /// As [`EventQueue::pop`], but leaves events after `limit` where they are.
    ///
    /// ```
    /// use rebalab::engine::{EventQueue, SimTime};
    /// let mut queue = EventQueue::new();
    /// queue.schedule(SimTime(5), 'a');
    /// assert_eq!(queue.pop_until(SimTime(4)), None);
    /// assert_eq!(queue.pop_until(SimTime(5)), Some((SimTime(5), 'a')));
    /// ```
    pub fn pop_until(&mut self, limit: SimTime) -> Option<(SimTime, T)> {
        let limit = u128::from(limit.0) << 64 | u128::from(u64::MAX);
        loop {
            let entry = self.entries.pop_until(limit)?;
            let target = match entry.target {
                EntryTarget::Event(target) => target,
                EntryTarget::Slot(index) => match self.fires(&entry, index) {
                    Some(target) => target,
                    None => continue,
                },
            };
            debug_assert!(entry.at >= self.now, "time never goes back");
            self.now = entry.at;
            self.planned -= 1;
            return Some((entry.at, target));
        }
    }

    /// What a slot's entry that has come up fires: nothing if it is an orphan, if the slot was disarmed, or if the
    /// deadline has moved on (then the entry goes back in with the deadline's own time and number).
    fn fires(&mut self, entry: &Entry<T>, index: u32) -> Option<T> {
        let slot = &mut self.slots[index as usize];
        if slot.entry_sequence != entry.sequence {
            self.orphans -= 1;
            return None;
        }
        if slot.due_sequence == 0 {
            slot.entry_sequence = 0;
            return None;
        }
        if slot.due_sequence != entry.sequence {
            slot.entry_at = slot.due_at;
            slot.entry_sequence = slot.due_sequence;
            let entry = Entry { at: slot.due_at, sequence: slot.due_sequence, target: EntryTarget::Slot(index) };
            self.entries.push(entry);
            return None;
        }
        slot.entry_sequence = 0;
        slot.due_sequence = 0;
        let target = slot.target;
        if slot.once {
            self.free_slot(index);
        }
        Some(target)
    }

    /// Draws the sequence number of a new plan; what is overdue happens now.
    fn plan(&mut self, at: SimTime) -> (SimTime, u64) {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        (at.max(self.now), sequence)
    }

    fn arm(&mut self, index: u32, at: SimTime) {
        let (at, sequence) = self.plan(at);
        let slot = &mut self.slots[index as usize];
        if slot.due_sequence == 0 {
            self.planned += 1;
        }
        slot.due_at = at;
        slot.due_sequence = sequence;
        let has_entry = slot.entry_sequence != 0;
        if has_entry && slot.entry_at <= at {
            return; // the entry comes up before the deadline and will go back in
        }
        slot.entry_at = at;
        slot.entry_sequence = sequence;
        self.entries.push(Entry { at, sequence, target: EntryTarget::Slot(index) });
        if has_entry {
            self.orphan_one();
        }
    }

    /// One more entry belongs to nobody; sweeps when they are more than half.
    fn orphan_one(&mut self) {
        self.orphans += 1;
        if self.orphans < ORPHANS_WORTH_A_SWEEP || self.orphans * 2 <= self.entries.len() {
            return;
        }
        let slots = &self.slots;
        self.entries.retain(|entry| match entry.target {
            EntryTarget::Event(_) => true,
            EntryTarget::Slot(index) => slots[index as usize].entry_sequence == entry.sequence,
        });
        self.orphans = 0;
    }

    fn take_slot(&mut self, target: T, once: bool) -> u32 {
        if let Some(index) = self.free_slots.pop() {
            let slot = &mut self.slots[index as usize];
            slot.target = target;
            slot.once = once;
            return index;
        }
        let index = u32::try_from(self.slots.len()).expect("fewer than 2^32 timers at once");
        self.slots.push(Slot {
            target,
            due_at: SimTime::ZERO,
            due_sequence: 0,
            entry_at: SimTime::ZERO,
            entry_sequence: 0,
            generation: 0,
            once,
        });
        index
    }

    /// Makes a slot free for another use; its entry, if it has one, becomes an orphan.
    fn free_slot(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        slot.generation = slot.generation.wrapping_add(1);
        if slot.due_sequence != 0 {
            slot.due_sequence = 0;
            self.planned -= 1;
        }
        let had_entry = slot.entry_sequence != 0;
        slot.entry_sequence = 0;
        self.free_slots.push(index);
        if had_entry {
            self.orphan_one();
        }
    }

    fn check(&self, timer: TimerSlot) {
        let slot = &self.slots[timer.index as usize];
        assert!(slot.generation == timer.generation, "{timer:?} was removed and cannot be used");
    }
}

#[cfg(test)]
mod tests;
