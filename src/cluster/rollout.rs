//! A Kubernetes Deployment rolls out: pods of a new revision come, pods of the old one go.
//!
//! As the Deployment controller does it (`RollingUpdate`): new pods are started while there are no more than `replicas +
//! surge` pods that are not being terminated; old pods are terminated while at least `replicas - unavailable` pods are
//! available. A pod is available when it has been ready for `minReadySeconds`. A pod that is being terminated counts no
//! more, however long its grace period still lasts.

use crate::engine::SimDuration;
use crate::scenario::checked::{CloseHow, Distribution, FaultKind};
use crate::trace::Event;

use super::simulation::{Simulation, Target};

/// A rollout under way.
pub struct RevisionChange {
    /// Index into the scenario's faults.
    pub fault: u32,
    /// Pods of the old revision that run, oldest first.
    old: Vec<u32>,
    /// Pods of the new revision that are still to be started.
    to_start: Vec<u32>,
    /// Those that were started and are not available yet.
    starting: Vec<u32>,
    /// Those that are available.
    available: u32,
    replicas: u32,
    told: bool,
}

impl RevisionChange {
    /// A change from `old` to `new`, as many of each.
    pub fn new(fault: u32, old: Vec<u32>, mut new: Vec<u32>) -> Self {
        let replicas = new.len() as u32;
        new.reverse();
        RevisionChange { fault, old, to_start: new, starting: Vec::new(), available: 0, replicas, told: false }
    }

    /// The next pod to start, if the surge allows one.
    pub fn next_start(&mut self, surge: u32) -> Option<u32> {
        let pods = self.old.len() as u32 + self.starting.len() as u32 + self.available;
        if pods >= self.replicas + surge {
            return None;
        }
        let pod = self.to_start.pop()?;
        self.starting.push(pod);
        Some(pod)
    }

    /// The next pod to terminate, if enough stay available.
    pub fn next_stop(&mut self, unavailable: u32) -> Option<u32> {
        let available = self.old.len() as u32 + self.available;
        if self.old.is_empty() || available <= self.replicas.saturating_sub(unavailable) {
            return None;
        }
        Some(self.old.remove(0))
    }

    /// A pod of the new revision is available.
    pub fn pod_available(&mut self, pod: u32) {
        if let Some(place) = self.starting.iter().position(|other| *other == pod) {
            self.starting.remove(place);
            self.available += 1;
        }
    }

    /// It waits for this pod.
    pub fn waits_for(&self, pod: u32) -> bool {
        self.starting.contains(&pod)
    }

    /// Only pods of the new revision are left, all of them available.
    pub fn is_over(&self) -> bool {
        self.old.is_empty() && self.available == self.replicas
    }
}

/// What a rollout was told.
struct Terms<'a> {
    surge: u32,
    unavailable: u32,
    grace: SimDuration,
    pre_stop: SimDuration,
    close: CloseHow,
    ready: &'a Distribution,
}

impl<'a> Simulation<'a> {
    fn terms(&self, change: usize) -> Terms<'a> {
        match &self.scenario.faults[self.changes[change].fault as usize].what {
            FaultKind::Rollout { surge, unavailable, grace, pre_stop, close, ready, .. } => Terms {
                surge: *surge,
                unavailable: *unavailable,
                grace: *grace,
                pre_stop: *pre_stop,
                close: *close,
                ready,
            },
            _ => unreachable!("revisions change by rollouts"),
        }
    }

    /// A rollout begins: of the two pods of each replica, the one that runs is replaced by the other.
    pub(super) fn begin_revision_change(&mut self, fault: u32, pods: &[[u32; 2]]) {
        let runs = |simulation: &Self, pod: u32| simulation.hosts[pod as usize].process.is_some();
        let second_runs = pods.iter().filter(|[_, second]| runs(self, *second)).count() * 2 > pods.len();
        let (old_side, new_side) = if second_runs { (1, 0) } else { (0, 1) };
        let old = pods.iter().map(|pair| pair[old_side]).filter(|pod| runs(self, *pod)).collect();
        let new = pods.iter().map(|pair| pair[new_side]).collect();
        let target = "cluster".into();
        self.emit(Event::FaultBegan { fault, target });
        self.changes.push(RevisionChange::new(fault, old, new));
        self.continue_revision_change(self.changes.len() - 1);
    }

    /// Pods are started, or the last ones terminated, until so many run.
    pub(super) fn scale(&mut self, pods: &[[u32; 2]], to: u32, grace: SimDuration, pre_stop: SimDuration) {
        let runs = |simulation: &Self, pod: u32| simulation.hosts[pod as usize].process.is_some();
        let second_runs = pods.iter().any(|[first, second]| first != second && runs(self, *second));
        let side = usize::from(second_runs);
        for (place, pair) in pods.iter().enumerate() {
            let pod = pair[side];
            match (place < to as usize, runs(self, pod)) {
                (true, false) => self.start_process(pod),
                (false, true) => self.terminate_pod(pod, grace, pre_stop, CloseHow::Default),
                _ => {}
            }
        }
    }

    fn continue_revision_change(&mut self, change: usize) {
        let terms = self.terms(change);
        // A pod that goes makes room for another one to come.
        loop {
            if let Some(pod) = self.changes[change].next_start(terms.surge) {
                self.start_process(pod);
            } else if let Some(pod) = self.changes[change].next_stop(terms.unavailable) {
                self.terminate_pod(pod, terms.grace, terms.pre_stop, terms.close);
            } else {
                break;
            }
        }
        if self.changes[change].is_over() && !std::mem::replace(&mut self.changes[change].told, true) {
            let fault = self.changes[change].fault;
            self.emit(Event::FaultEnded { fault, target: "cluster".into() });
        }
    }

    /// The pod's preStop hook runs first, and is part of the grace period.
    fn terminate_pod(&mut self, pod: u32, grace: SimDuration, pre_stop: SimDuration, close: CloseHow) {
        if pre_stop == SimDuration::ZERO {
            return self.stop_process(pod, grace, close);
        }
        let grace = SimDuration(grace.0.saturating_sub(pre_stop.0));
        self.hosts[pod as usize].stop_after_hook = Some((grace, close));
        self.queue.schedule(self.now + pre_stop, Target::HookOver(pod));
    }

    /// The preStop hook is over: SIGTERM.
    pub(super) fn hook_over(&mut self, pod: u32) {
        if let Some((grace, close)) = self.hosts[pod as usize].stop_after_hook.take() {
            self.stop_process(pod, grace, close);
        }
    }

    /// A pod that a rollout waits for is up: it is available after its readiness delay.
    pub(super) fn pod_up(&mut self, pod: u32) {
        if let Some(change) = self.changes.iter().position(|change| change.waits_for(pod)) {
            let delay = self.terms(change).ready.sample(&mut self.hosts[pod as usize].random.restart);
            self.queue.schedule(self.now + delay, Target::PodAvailable(pod));
        }
    }

    /// The pod is available.
    pub(super) fn pod_available(&mut self, pod: u32) {
        if let Some(change) = self.changes.iter().position(|change| change.waits_for(pod)) {
            self.changes[change].pod_available(pod);
            self.continue_revision_change(change);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RevisionChange;

    fn change() -> RevisionChange {
        RevisionChange::new(0, vec![0, 1, 2, 3], vec![4, 5, 6, 7])
    }

    #[test]
    fn with_one_to_surge_and_none_unavailable_pods_are_replaced_one_by_one() {
        let mut change = change();
        assert_eq!((change.next_start(1), change.next_start(1), change.next_stop(0)), (Some(4), None, None));
        change.pod_available(4);
        assert_eq!((change.next_stop(0), change.next_stop(0), change.next_start(1)), (Some(0), None, Some(5)));
    }

    #[test]
    fn what_may_be_unavailable_goes_before_anything_new_has_come() {
        let mut change = change();
        assert_eq!((change.next_start(0), change.next_stop(2), change.next_stop(2)), (None, Some(0), Some(1)));
        assert_eq!((change.next_stop(2), change.next_start(0), change.next_start(0)), (None, Some(4), Some(5)));
        assert_eq!(change.next_start(0), None);
    }

    #[test]
    fn it_is_over_when_all_that_is_new_is_available_and_nothing_old_is_left() {
        let mut change = change();
        for pod in 4..8 {
            assert_eq!(change.next_start(1), Some(pod));
            change.pod_available(pod);
            assert!(change.next_stop(0).is_some());
            assert_eq!(change.is_over(), pod == 7);
        }
    }
}
