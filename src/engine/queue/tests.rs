use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Targets as a simulation has them.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Target {
    Event,
    Timer,
    Deliver(u32),
}

use Target::{Event, Timer};

#[test]
fn an_entry_has_at_most_24_bytes() {
    assert_eq!(size_of::<Entry<Target>>(), 24);
    assert_eq!(size_of::<Entry<u32>>(), 24);
}

#[test]
fn events_of_one_instant_come_in_the_order_in_which_they_were_planned() {
    let mut queue = EventQueue::new();
    for number in 0..100 {
        queue.schedule(SimTime(7), number);
    }
    for number in 0..100 {
        assert_eq!(queue.pop(), Some((SimTime(7), number)));
    }
}

#[test]
fn a_deadline_moved_later_adds_no_entry() {
    let mut queue = EventQueue::new();
    let session = queue.add_timer(Timer);
    for beat in 0..1_000 {
        queue.set(session, SimTime(beat * 3 + 45));
    }
    assert_eq!(queue.entries.len(), 1);
    assert_eq!(queue.pop(), Some((SimTime(999 * 3 + 45), Timer)));
}

#[test]
fn a_deadline_moved_earlier_fires_earlier_and_once() {
    let mut queue = EventQueue::new();
    let timer = queue.add_timer(Timer);
    queue.set(timer, SimTime(300));
    queue.set(timer, SimTime(5));
    assert_eq!(queue.pop(), Some((SimTime(5), Timer)));
    assert_eq!(queue.pop(), None);
    assert_eq!(queue.now(), SimTime(5), "an orphan does not move the clock");
}

#[test]
fn a_cancelled_timer_that_is_set_again_fires_at_its_new_place_in_the_order() {
    let mut queue = EventQueue::new();
    let timer = queue.add_timer(Timer);
    queue.set(timer, SimTime(10));
    queue.cancel(timer);
    queue.schedule(SimTime(10), Event);
    queue.set(timer, SimTime(10));
    assert_eq!(queue.pop(), Some((SimTime(10), Event)));
    assert_eq!(queue.pop(), Some((SimTime(10), Timer)));
}

#[test]
fn a_timer_set_to_never_is_cancelled() {
    let mut queue = EventQueue::new();
    let timer = queue.add_timer(Timer);
    queue.set(timer, SimTime(10));
    queue.set(timer, SimTime::MAX);
    assert_eq!(queue.deadline(timer), None);
    assert!(queue.is_empty());
    assert_eq!(queue.pop(), None);
}

#[test]
fn a_new_timer_in_an_old_place_does_not_hear_the_old_deadline() {
    let mut queue = EventQueue::new();
    let old = queue.add_timer(Target::Deliver(1));
    queue.set(old, SimTime(10));
    queue.remove_timer(old);
    let new = queue.add_timer(Target::Deliver(2));
    queue.set(new, SimTime(20));
    assert_eq!(queue.pop(), Some((SimTime(20), Target::Deliver(2))));
    assert_eq!(queue.pop(), None);
}

#[test]
#[should_panic(expected = "was removed and cannot be used")]
fn a_removed_timer_cannot_be_set() {
    let mut queue = EventQueue::new();
    let old = queue.add_timer(Target::Deliver(1));
    queue.remove_timer(old);
    queue.add_timer(Target::Deliver(2));
    queue.set(old, SimTime(1));
}

#[test]
fn struck_out_entries_do_not_pile_up() {
    let mut queue = EventQueue::new();
    let timer = queue.add_timer(Timer);
    for round in 0..100_000u64 {
        queue.set(timer, SimTime(round + 300_000));
        queue.set(timer, SimTime(round));
        assert_eq!(queue.pop(), Some((SimTime(round), Timer)));
        let request = queue.schedule_withdrawable(SimTime(round + 30_000), Target::Deliver(1));
        assert!(queue.withdraw(request));
        assert!(queue.entries.len() <= 2 * ORPHANS_WORTH_A_SWEEP);
    }
    assert_eq!(queue.slots.len(), 2);
}

/// The plain way to keep timers: a sorted map in which every move strikes out and writes down anew.
#[derive(Default)]
struct PlainQueue {
    plans: BTreeMap<(SimTime, u64), u32>,
    timers: BTreeMap<u32, (SimTime, u64)>,
    sequence: u64,
    now: SimTime,
}

impl PlainQueue {
    fn schedule(&mut self, at: SimTime, target: u32) -> (SimTime, u64) {
        self.sequence += 1;
        let key = (at.max(self.now), self.sequence);
        self.plans.insert(key, target);
        key
    }
    fn set(&mut self, target: u32, at: SimTime) {
        self.cancel(target);
        let key = self.schedule(at, target);
        self.timers.insert(target, key);
    }
    fn cancel(&mut self, target: u32) {
        if let Some(key) = self.timers.remove(&target) {
            self.plans.remove(&key);
        }
    }
    fn pop_until(&mut self, limit: SimTime) -> Option<(SimTime, u32)> {
        let (&(at, sequence), _) = self.plans.first_key_value()?;
        if at > limit {
            return None;
        }
        let target = self.plans.remove(&(at, sequence))?;
        self.timers.retain(|_, key| *key != (at, sequence));
        self.now = at;
        Some((at, target))
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Schedule(u64),
    ScheduleWithdrawable(u64),
    Withdraw(usize),
    Set(usize, u64),
    Cancel(usize),
    Renew(usize),
    Pop,
    PopUntil(u64),
}

const TIMERS: usize = 5;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..40u64).prop_map(Step::Schedule),
        2 => (0..40u64).prop_map(Step::ScheduleWithdrawable),
        2 => (0..8usize).prop_map(Step::Withdraw),
        8 => (0..TIMERS, 0..40u64).prop_map(|(timer, at)| Step::Set(timer, at)),
        2 => (0..TIMERS).prop_map(Step::Cancel),
        1 => (0..TIMERS).prop_map(Step::Renew),
        6 => Just(Step::Pop),
        2 => (0..40u64).prop_map(Step::PopUntil),
    ];
    prop::collection::vec(step, 0..400)
}

/// Does one step on both queues. Times are relative to the clock, and reach a little into the past.
fn step_both(step: Step, world: &mut World) -> Result<(), TestCaseError> {
    let World { queue, plain, timers, handles, next_target } = world;
    let now = queue.now().0;
    let at = |ahead: u64| SimTime((now + ahead).saturating_sub(3));
    match step {
        Step::Schedule(ahead) => {
            *next_target += 1;
            plain.schedule(at(ahead), *next_target);
            queue.schedule(at(ahead), *next_target);
        }
        Step::ScheduleWithdrawable(ahead) => {
            *next_target += 1;
            let key = plain.schedule(at(ahead), *next_target);
            handles.push((queue.schedule_withdrawable(at(ahead), *next_target), key));
        }
        Step::Withdraw(which) if !handles.is_empty() => {
            let (handle, key) = handles[which % handles.len()];
            prop_assert_eq!(queue.withdraw(handle), plain.plans.remove(&key).is_some());
        }
        Step::Withdraw(_) => {}
        Step::Set(timer, ahead) => {
            plain.set(timer as u32, at(ahead));
            queue.set(timers[timer], at(ahead));
        }
        Step::Cancel(timer) => {
            plain.cancel(timer as u32);
            queue.cancel(timers[timer]);
        }
        Step::Renew(timer) => {
            plain.cancel(timer as u32);
            queue.remove_timer(timers[timer]);
            timers[timer] = queue.add_timer(timer as u32);
        }
        Step::Pop => prop_assert_eq!(queue.pop(), plain.pop_until(SimTime::MAX)),
        Step::PopUntil(ahead) => prop_assert_eq!(queue.pop_until(at(ahead)), plain.pop_until(at(ahead))),
    }
    prop_assert_eq!(queue.len(), plain.plans.len());
    for (target, timer) in timers.iter().enumerate() {
        prop_assert_eq!(queue.deadline(*timer), plain.timers.get(&(target as u32)).map(|key| key.0));
    }
    Ok(())
}

struct World {
    queue: EventQueue<u32>,
    plain: PlainQueue,
    timers: Vec<TimerSlot>,
    handles: Vec<(EventHandle, (SimTime, u64))>,
    next_target: u32,
}

proptest! {
    #[test]
    fn the_order_is_that_of_a_queue_that_strikes_out_and_writes_anew(steps in steps()) {
        let mut queue = EventQueue::new();
        let timers = (0..TIMERS as u32).map(|target| queue.add_timer(target)).collect();
        let plain = PlainQueue::default();
        let mut world = World { queue, plain, timers, handles: Vec::new(), next_target: 1_000 };
        for step in steps {
            step_both(step, &mut world)?;
        }
        while let Some(expected) = world.plain.pop_until(SimTime::MAX) {
            prop_assert_eq!(world.queue.pop(), Some(expected));
        }
        prop_assert_eq!(world.queue.pop(), None);
    }
}
