//! Faults that befall deployments: rollouts, scaling, drained nodes.

use super::Checker;
use super::deployments::Deployed;
use super::faults::Scope;
use crate::engine::{Distribution, SimDuration};
use crate::scenario::checked::{CloseHow, FaultKind};
use crate::scenario::file::Names;
use crate::scenario::file::fault::{FaultEntry, NodeDrain};
use crate::scenario::file::machine::DeploymentKind;
use crate::scenario::text::Place;

impl Checker<'_> {
    pub(super) fn kubernetes_kind(
        &mut self,
        place: &Place<'_>,
        entry: &FaultEntry,
        scope: &Scope<'_>,
    ) -> Option<FaultKind> {
        if let Some(of) = &entry.rollout {
            let place = place.key("rollout");
            let deployed = self.deployed(&place.key("host"), &of.host, scope)?;
            return Some(rollout(&deployed, scope));
        }
        if let Some(of) = &entry.scale {
            let place = place.key("scale");
            let deployed = self.deployed(&place.key("host"), &of.host, scope)?;
            return Some(FaultKind::Scale {
                pods: pods(&deployed, scope),
                to: of.to,
                grace: deployed.grace,
                pre_stop: deployed.pre_stop,
            });
        }
        let of = entry.node_drain.as_ref()?;
        let place = place.key("node_drain");
        let deployed = self.deployed(&place.key("host"), &of.host, scope)?;
        self.node_drain(&place, of, &deployed, scope)
    }

    /// The one deployment that a fault names.
    fn deployed(&mut self, place: &Place<'_>, names: &Names, scope: &Scope<'_>) -> Option<Deployed> {
        let found = match &names.0[..] {
            [name] => {
                let of = |deployed: &&Deployed| scope.consumers.entries[deployed.entry].0 == *name;
                scope.deployed.iter().find(of)
            }
            _ => None,
        };
        if found.is_none() {
            let known: Vec<&str> =
                scope.deployed.iter().map(|deployed| scope.consumers.entries[deployed.entry].0.as_str()).collect();
            let help = match known[..] {
                [] => "give an entry a \"deployment\", and name that entry".to_string(),
                _ => format!("entries with a deployment: {}", known.join(", ")),
            };
            self.problem(place, "this needs the name of one entry with a `deployment`", help);
        }
        found.cloned()
    }

    fn node_drain(
        &mut self,
        place: &Place<'_>,
        of: &NodeDrain,
        deployed: &Deployed,
        scope: &Scope<'_>,
    ) -> Option<FaultKind> {
        let Some(nodes) = deployed.nodes else {
            self.problem(place, "it is not known which pods share a node", "write \"nodes\" in the `deployment`");
            return None;
        };
        if of.node >= nodes {
            let help = format!("its nodes are numbered 0 to {}", nodes - 1);
            self.problem(&place.key("node"), format!("there is no node {}", of.node), help);
        }
        let on_node = pods(deployed, scope).into_iter().zip(0..).filter(|(_, index)| index % nodes == of.node);
        let mut consumers: Vec<u32> = on_node.flat_map(|(pair, _)| pair).collect();
        consumers.sort_unstable();
        consumers.dedup();
        Some(match of.disruption_budget {
            None => FaultKind::Stop {
                consumers,
                grace: deployed.grace,
                close: CloseHow::Default,
                restart_after: Some(deployed.reschedule.clone()),
            },
            Some(budget) => FaultKind::RollingRestart {
                consumers,
                grace: deployed.grace,
                close: CloseHow::Default,
                down: deployed.reschedule.clone(),
                pause_between: deployed.ready.clone(),
                concurrency: budget.max(1),
            },
        })
    }
}

/// The pods of each replica: two revisions of a Deployment, twice the same one of a StatefulSet.
fn pods(deployed: &Deployed, scope: &Scope<'_>) -> Vec<[u32; 2]> {
    let first = scope.consumers.of_entry(deployed.entry);
    let second = deployed.second.map_or_else(|| first.clone(), |second| scope.consumers.of_entry(second));
    first.into_iter().zip(second).map(|(one, other)| [one, other]).collect()
}

fn rollout(deployed: &Deployed, scope: &Scope<'_>) -> FaultKind {
    let pods = pods(deployed, scope);
    if deployed.kind == DeploymentKind::Deployment {
        return FaultKind::Rollout {
            pods,
            surge: deployed.surge,
            unavailable: deployed.unavailable,
            grace: deployed.grace,
            pre_stop: deployed.pre_stop,
            close: CloseHow::Default,
            ready: deployed.ready.clone(),
        };
    }
    // StatefulSet: the highest ordinal first, each in its own place.
    let replicas = pods.iter().take(deployed.replicas as usize);
    FaultKind::RollingRestart {
        consumers: replicas.map(|pair| pair[0]).rev().collect(),
        grace: deployed.grace,
        close: CloseHow::Default,
        down: delayed_by_hook(&deployed.reschedule, deployed.pre_stop),
        pause_between: deployed.ready.clone(),
        concurrency: deployed.unavailable,
    }
}

/// While the preStop hook runs the consumer works on; here its pod comes back so much later instead.
fn delayed_by_hook(reschedule: &Distribution, pre_stop: SimDuration) -> Distribution {
    super::deployments::delayed(reschedule.clone(), pre_stop)
}
