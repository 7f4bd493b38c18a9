//! How entries are deployed in Kubernetes: written in the scenario, or read from a Deployment or StatefulSet in YAML.

use super::Checker;
use super::distribution::convert;
use crate::engine::{Distribution, SimDuration};
use crate::scenario::file::machine::{CountOrPercent, CpuQuotaEntry, DeploymentKind};
use crate::scenario::file::{ConsumerEntry, Dist, ScenarioFile, Span};
use crate::scenario::text::json::{Node, Value};
use crate::scenario::text::{Place, Problem, Text, yaml};

/// What pods of the second revision of an entry are called: `worker-r2-1`.
pub(super) const SECOND_REVISION: &str = "-r2";

/// A deployment with everything filled in.
#[derive(Clone, Debug)]
pub(super) struct Deployed {
    /// Number of its entry over all groups.
    pub entry: usize,
    /// Number of the entry with the second revision's pods; none in a StatefulSet.
    pub second: Option<usize>,
    pub kind: DeploymentKind,
    /// Replicas at the start; pods that exist beyond are held.
    pub replicas: u32,
    pub surge: u32,
    pub unavailable: u32,
    /// From the consumer's first poll to the pod's being available.
    pub ready: Distribution,
    pub grace: SimDuration,
    pub pre_stop: SimDuration,
    pub reschedule: Distribution,
    pub nodes: Option<u32>,
}

impl Checker<'_> {
    /// The scenario with its deployments spelled out: counts from manifests, room to scale up, and an entry for the pods of
    /// each Deployment's second revision, at the end of its group.
    pub(super) fn deployments(&mut self, file: &ScenarioFile) -> (ScenarioFile, Vec<Deployed>) {
        let mut file = file.clone();
        let mut all: Vec<(usize, usize, Deployed)> = Vec::new();
        let (root, groups) = (Place::Root, "groups");
        for group in 0..file.groups.len() {
            let list = root.key(groups);
            let list = list.index(group);
            let list = list.key("consumers");
            for index in 0..file.groups[group].consumers.len() {
                let place = list.index(index);
                let entry = &mut file.groups[group].consumers[index];
                if entry.deployment.is_some() {
                    let most = most_replicas(&file, group, index);
                    let deployed = self.deployment(&place, &mut file.groups[group].consumers[index], most);
                    all.push((group, index, deployed));
                }
            }
        }
        for (group, index, deployed) in &mut all {
            if deployed.kind == DeploymentKind::Deployment {
                let first = &file.groups[*group].consumers[*index];
                let mut second = ConsumerEntry { name: format!("{}{SECOND_REVISION}", first.name), ..first.clone() };
                second.start = crate::scenario::file::StartEntry { held: true, ..Default::default() };
                deployed.second = Some(file.groups[*group].consumers.len());
                file.groups[*group].consumers.push(second);
            }
        }
        let before = |group: usize| file.groups[..group].iter().map(|group| group.consumers.len()).sum::<usize>();
        let deployed = all.into_iter().map(|(group, index, deployed)| Deployed {
            entry: before(group) + index,
            second: deployed.second.map(|second| before(group) + second),
            ..deployed
        });
        let deployed = deployed.collect();
        (file, deployed)
    }

    fn deployment(&mut self, place: &Place<'_>, entry: &mut ConsumerEntry, most: u32) -> Deployed {
        let typed = entry.deployment.clone().unwrap_or_default();
        let place = place.key("deployment");
        let manifest =
            typed.manifest.as_deref().map(|path| self.manifest(&place, path, typed.manifest_name.as_deref()));
        let manifest = manifest.flatten().unwrap_or_default();
        let kind = typed.kind.or(manifest.kind).unwrap_or(DeploymentKind::Deployment);
        entry.deployment.get_or_insert_default().kind = Some(kind);
        let replicas = entry.count.or(manifest.replicas).unwrap_or(1);
        entry.count = Some(replicas.max(most));
        if entry.machine.cpu_quota.is_none() {
            entry.machine.cpu_quota = manifest.cpu_quota;
        }
        let of_stateful_set = kind == DeploymentKind::StatefulSet;
        let quarter = CountOrPercent::Percent(25);
        let surge = typed.max_surge.or(manifest.surge).unwrap_or(quarter).of(replicas, true);
        let default = if of_stateful_set { CountOrPercent::Count(1) } else { quarter };
        let unavailable = typed.max_unavailable.or(manifest.unavailable).unwrap_or(default).of(replicas, false);
        let surge = if of_stateful_set { 0 } else { surge };
        if surge == 0 && unavailable == 0 {
            // "may not be 0 when `maxSurge` is 0" (apps/v1 validation)
            let help = "let `max_surge` or `max_unavailable` be 1 or more";
            self.problem(&place, "neither surge nor missing pods are allowed: no pod can ever be replaced", help);
        }
        let readiness = typed.readiness.or(manifest.readiness).unwrap_or_default();
        let min_ready = typed.min_ready.or(manifest.min_ready).unwrap_or_default();
        let grace = typed.grace.or(manifest.grace).unwrap_or(Span::secs(30));
        let pre_stop = typed.pre_stop.or(manifest.pre_stop).unwrap_or_default();
        if pre_stop >= grace && pre_stop != Span::default() {
            let text = format!(
                "the preStop hook takes {pre_stop}, the grace period only {grace}: SIGKILL comes before SIGTERM has worked"
            );
            self.note(place, text);
        }
        if typed.nodes == Some(0) {
            self.problem(&place.key("nodes"), "no node", "it takes 1 or more");
        }
        let reschedule = typed.reschedule.unwrap_or(Dist::constant(Span::secs(2)));
        Deployed {
            entry: 0,
            second: None,
            kind,
            replicas,
            surge,
            unavailable: unavailable.max(u32::from(of_stateful_set)),
            ready: delayed(convert(&readiness), min_ready.0),
            grace: grace.0,
            pre_stop: pre_stop.0,
            reschedule: self.bounded_distribution(&place.key("reschedule"), &reschedule),
            nodes: typed.nodes.filter(|nodes| *nodes > 0),
        }
    }

    /// What a manifest says.
    fn manifest(&mut self, place: &Place<'_>, path: &str, name: Option<&str>) -> Option<Manifest> {
        let text = match self.files.read(path) {
            Ok(text) => text,
            Err(why) => {
                let help = "paths are relative to the scenario file";
                self.problem(&place.key("manifest"), format!("failed to read `{path}`: {why}"), help);
                return None;
            }
        };
        let number = self.texts.len();
        let documents = yaml::parse(&text);
        self.texts.push(Text { name: path.to_string(), text });
        let mut problem = |span, message: String, help: &str| {
            self.problems.push(Problem { text: number, span, message, help: Some(help.to_string()) });
        };
        let documents = match documents {
            Ok(documents) => documents,
            Err((span, message)) => {
                problem(
                    Some(span),
                    format!("this is no YAML: {message}"),
                    "a Deployment or StatefulSet of `apps/v1` is needed",
                );
                return None;
            }
        };
        let text_of = |node: &Node, path: &[&str]| match find(node, path).map(|node| &node.value) {
            Some(Value::String(text)) => Some(text.clone()),
            _ => None,
        };
        let workloads: Vec<&Node> = documents
            .iter()
            .filter(|document| matches!(text_of(document, &["kind"]).as_deref(), Some("Deployment" | "StatefulSet")))
            .filter(|document| {
                name.is_none_or(|name| text_of(document, &["metadata", "name"]).as_deref() == Some(name))
            })
            .collect();
        match workloads[..] {
            [one] => Manifest::read(one, &mut problem),
            [] => {
                let named = name.map_or(String::new(), |name| format!(" called `{name}`"));
                problem(
                    None,
                    format!("there is no Deployment or StatefulSet{named}"),
                    "`kind: Deployment` or `kind: StatefulSet` is needed",
                );
                None
            }
            _ => {
                problem(
                    None,
                    format!("there are {} Deployments and StatefulSets", workloads.len()),
                    "say which with `manifest_name`",
                );
                None
            }
        }
    }
}

/// The longest that an entry is ever scaled to.
fn most_replicas(file: &ScenarioFile, group: usize, index: usize) -> u32 {
    let name = &file.groups[group].consumers[index].name;
    let scales = file.faults.iter().filter_map(|fault| fault.scale.as_ref());
    scales.filter(|scale| scale.host.0.contains(name)).map(|scale| scale.to).max().unwrap_or(0)
}

/// A distribution, and so much more.
pub(super) fn delayed(distribution: Distribution, more: SimDuration) -> Distribution {
    if more == SimDuration::ZERO {
        return distribution;
    }
    match distribution {
        Distribution::Constant(span) => Distribution::Constant(span + more),
        Distribution::Uniform { from, to } => Distribution::Uniform { from: from + more, to: to + more },
        Distribution::Table(lines) => {
            Distribution::Table(lines.into_iter().map(|(quantile, span)| (quantile, span + more)).collect())
        }
        Distribution::Mixture(parts) => {
            Distribution::Mixture(parts.into_iter().map(|(weight, of)| (weight, delayed(of, more))).collect())
        }
        // Their location cannot be moved: the minimum is raised instead, to what the wait alone takes.
        Distribution::Exponential { mean, min, max } => {
            Distribution::Exponential { mean: mean + more, min: min + more, max: max.map(|max| max + more) }
        }
        Distribution::Lognormal { median, p99, min, max } => Distribution::Lognormal {
            median: median + more,
            p99: p99 + more,
            min: min + more,
            max: max.map(|max| max + more),
        },
    }
}

/// What is read of a Deployment or StatefulSet.
#[derive(Default)]
struct Manifest {
    kind: Option<DeploymentKind>,
    replicas: Option<u32>,
    surge: Option<CountOrPercent>,
    unavailable: Option<CountOrPercent>,
    readiness: Option<Dist>,
    min_ready: Option<Span>,
    grace: Option<Span>,
    pre_stop: Option<Span>,
    cpu_quota: Option<CpuQuotaEntry>,
}

/// Notes a problem of the manifest: where, what, and what would be right.
type Complain<'c> = dyn FnMut(Option<std::ops::Range<usize>>, String, &str) + 'c;

impl Manifest {
    fn read(document: &Node, problem: &mut Complain<'_>) -> Option<Manifest> {
        let stateful = matches!(find(document, &["kind"]).map(|node| &node.value), Some(Value::String(kind)) if kind == "StatefulSet");
        let Some(spec) = find(document, &["spec"]) else {
            problem(
                Some(document.caret()),
                "`spec` is missing".into(),
                "a Deployment has `spec.replicas` and `spec.template`",
            );
            return None;
        };
        let Some(pod) = find(spec, &["template", "spec"]) else {
            problem(
                Some(spec.caret()),
                "`template.spec` is missing here".into(),
                "write the pod's `template: { spec: { containers: […] } }`",
            );
            return None;
        };
        let Some(Value::Array(containers)) = find(pod, &["containers"]).map(|node| &node.value) else {
            problem(Some(pod.caret()), "`containers` is missing here".into(), "the first container is the consumer");
            return None;
        };
        let Some(container) = containers.first() else {
            problem(Some(pod.caret()), "`containers` is empty".into(), "the first container is the consumer");
            return None;
        };
        let strategy = if stateful { "updateStrategy" } else { "strategy" };
        let rolling = find(spec, &[strategy, "rollingUpdate"]);
        if let Some(kind) = find(spec, &[strategy, "type"])
            && !matches!(&kind.value, Value::String(text) if text == "RollingUpdate")
        {
            let help = "RollingUpdate is modelled; write `stop` and `start` faults for others";
            problem(Some(kind.caret()), "this strategy is not modelled".into(), help);
        }
        let of_rolling = |name: &str| rolling.and_then(|node| find(node, &[name]));
        let probe = find(container, &["readinessProbe"]);
        Some(Manifest {
            kind: Some(if stateful { DeploymentKind::StatefulSet } else { DeploymentKind::Deployment }),
            replicas: whole(find(spec, &["replicas"]), problem),
            surge: count_or_percent(of_rolling("maxSurge"), problem),
            unavailable: count_or_percent(of_rolling("maxUnavailable"), problem),
            readiness: probe.and_then(|probe| readiness(probe, problem)),
            min_ready: seconds(find(spec, &["minReadySeconds"]), problem),
            grace: seconds(find(pod, &["terminationGracePeriodSeconds"]), problem),
            pre_stop: pre_stop(container, problem),
            cpu_quota: find(container, &["resources", "limits", "cpu"]).and_then(|node| cpu_quota(node, problem)),
        })
    }
}

/// A probe is tried at first after `initialDelaySeconds`, then every `periodSeconds` (10 by default): a consumer that comes
/// up in between is seen at the next try.
fn readiness(probe: &Node, problem: &mut Complain<'_>) -> Option<Dist> {
    let period = seconds(find(probe, &["periodSeconds"]), problem).unwrap_or(Span::secs(10));
    let delay = seconds(find(probe, &["initialDelaySeconds"]), problem).unwrap_or_default();
    Some(Dist(crate::scenario::file::Shape::Uniform { from: delay, to: Span(delay.0 + period.0) }))
}

/// `preStop: { sleep: { seconds: 5 } }`, or `exec` with a command that sleeps.
fn pre_stop(container: &Node, problem: &mut Complain<'_>) -> Option<Span> {
    let hook = find(container, &["lifecycle", "preStop"])?;
    if let Some(sleep) = find(hook, &["sleep", "seconds"]) {
        return seconds(Some(sleep), problem);
    }
    let Some(Value::Array(words)) = find(hook, &["exec", "command"]).map(|node| &node.value) else { return None };
    let words: Vec<&str> = words
        .iter()
        .filter_map(|word| match &word.value {
            Value::String(text) => Some(text.as_str()),
            _ => None,
        })
        .flat_map(str::split_whitespace)
        .collect();
    let place = words.iter().position(|word| *word == "sleep")?;
    words.get(place + 1)?.trim_end_matches(['s', ';']).parse().ok().map(Span::secs)
}

/// `500m` or `0.5`; a processor or more is no limit to an application of one thread.
fn cpu_quota(node: &Node, problem: &mut Complain<'_>) -> Option<CpuQuotaEntry> {
    let cores = match &node.value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.strip_suffix('m') {
            Some(milli) => milli.parse::<f64>().ok().map(|milli| milli / 1_000.0),
            None => text.parse().ok(),
        },
        _ => None,
    };
    match cores {
        Some(cores) if cores > 0.0 => (cores < 1.0).then_some(CpuQuotaEntry { cores, period: Span::millis(100) }),
        _ => {
            problem(Some(node.caret()), "this is no amount of processors".into(), "it takes `500m` or `0.5`");
            None
        }
    }
}

fn find<'n>(node: &'n Node, path: &[&str]) -> Option<&'n Node> {
    path.iter().try_fold(node, |node, key| match &node.value {
        Value::Object(members) => members.iter().find(|member| member.key == *key).map(|member| &member.value),
        _ => None,
    })
}

fn whole(node: Option<&Node>, problem: &mut Complain<'_>) -> Option<u32> {
    let node = node?;
    let number = match &node.value {
        Value::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
        _ => None,
    };
    if number.is_none() {
        problem(Some(node.caret()), "this is no whole number".into(), "it takes 0 or more");
    }
    number
}

fn seconds(node: Option<&Node>, problem: &mut Complain<'_>) -> Option<Span> {
    whole(node, problem).map(|seconds| Span::secs(u64::from(seconds)))
}

fn count_or_percent(node: Option<&Node>, problem: &mut Complain<'_>) -> Option<CountOrPercent> {
    let node = node?;
    let read = match &node.value {
        Value::Number(number) => number.to_string().parse(),
        Value::String(text) => text.parse(),
        _ => Err("this is no number of pods".to_string()),
    };
    read.map_err(|message: String| problem(Some(node.caret()), message, "it takes `2` or `25%`")).ok()
}
