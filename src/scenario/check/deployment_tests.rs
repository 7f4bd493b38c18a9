//! Deployments, their manifests and the machines of consumers, as scenarios say them.

use crate::engine::SimTime;
use crate::scenario::checked::{FaultKind, Scenario, When};
use crate::scenario::{FigureKind, Figures, Files, load};

struct NoFigures;

impl Figures for NoFigures {
    fn find(&self, _: &str, _: &[&str]) -> Result<FigureKind, String> {
        Err("none here".into())
    }
}

/// One manifest under every name.
struct Manifest(&'static str);

impl Files for Manifest {
    fn read(&self, _: &str) -> Result<String, String> {
        Ok(self.0.to_string())
    }
}

const DEPLOYMENT: &str = "kind: Deployment
metadata: { name: w }
spec:
  replicas: 6
  minReadySeconds: 5
  strategy: { rollingUpdate: { maxSurge: 25%, maxUnavailable: 0 } }
  template:
    spec:
      terminationGracePeriodSeconds: 20
      containers:
        - readinessProbe: { initialDelaySeconds: 3, periodSeconds: 5 }
          lifecycle: { preStop: { exec: { command: [sleep, '4'] } } }
          resources: { limits: { cpu: 500m } }
";

const STATEFUL_SET: &str = "kind: StatefulSet
spec:
  replicas: 3
  template: { spec: { containers: [{ name: c }] } }
";

fn loaded(consumer: &str, fault: &str, manifest: &'static str) -> Result<Scenario, String> {
    let text = format!(
        r#"{{ "format_version": 1, "name": "x", "duration": "10m",
            "cluster": {{ "topics": [{{ "name": "t", "partitions": 4 }}] }},
            "groups": [{{ "id": "g", "consumers": [{{ "name": "w"{consumer} }}] }}],
            "faults": [{fault}] }}"#
    );
    load("x.json", &text, &Manifest(manifest), &NoFigures).map_err(|problems| problems.to_string())
}

fn names(scenario: &Scenario) -> Vec<(String, bool)> {
    scenario.consumers().map(|consumer| (consumer.name.to_string(), consumer.start_at == SimTime::MAX)).collect()
}

const MANIFEST: &str = r#", "deployment": { "manifest": "w.yaml" }"#;
const ROLLOUT: &str = r#"{ "at": "1m", "rollout": { "host": "w" } }"#;

#[test]
fn a_deployment_has_pods_of_two_revisions_the_second_of_which_wait() {
    let scenario = loaded(MANIFEST, ROLLOUT, DEPLOYMENT).unwrap();
    let names = names(&scenario);
    assert_eq!(names.len(), 12);
    assert_eq!((names[0].clone(), names[6].clone()), (("w-1".into(), false), ("w-r2-1".into(), true)));
    let FaultKind::Rollout { pods, surge, unavailable, grace, pre_stop, ready, .. } = &scenario.faults[0].what else {
        panic!("{:?}", scenario.faults[0])
    };
    assert_eq!((pods.len(), pods[0], *surge, *unavailable), (6, [0, 6], 2, 0));
    assert_eq!((grace.as_millis(), pre_stop.as_millis()), (20_000, 4_000));
    let spans = format!("{ready:?}");
    assert!(spans.contains("Uniform"), "{spans}");
}

#[test]
fn a_limit_below_one_processor_becomes_a_quota() {
    let scenario = loaded(MANIFEST, ROLLOUT, DEPLOYMENT).unwrap();
    let quotas = scenario.faults.iter().filter_map(|fault| match &fault.what {
        FaultKind::CpuQuota { consumers, share, period } => {
            Some((consumers.len(), share.as_millis(), period.as_millis()))
        }
        _ => None,
    });
    assert_eq!(quotas.collect::<Vec<_>>(), [(6, 50, 100), (6, 50, 100)]);
}

#[test]
fn a_stateful_set_counts_from_0_and_is_rolled_out_from_its_end() {
    let scenario = loaded(MANIFEST, ROLLOUT, STATEFUL_SET).unwrap();
    assert_eq!(names(&scenario).iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["w-0", "w-1", "w-2"]);
    let FaultKind::RollingRestart { consumers, concurrency, .. } = &scenario.faults[0].what else { panic!() };
    assert_eq!((&consumers[..], *concurrency), (&[2, 1, 0][..], 1));
}

#[test]
fn pods_that_only_a_scale_needs_wait_for_it() {
    let scenario = loaded(
        r#", "count": 2, "deployment": { "kind": "stateful_set" }"#,
        r#"{ "at": "1m", "scale": { "host": "w", "to": 4 } }"#,
        "",
    )
    .unwrap();
    let held: Vec<bool> = names(&scenario).into_iter().map(|(_, held)| held).collect();
    assert_eq!(held, [false, false, true, true]);
}

#[test]
fn a_drained_node_loses_every_pod_that_is_on_it() {
    let scenario = loaded(
        r#", "count": 5, "deployment": { "kind": "stateful_set", "nodes": 2 }"#,
        r#"{ "at": "1m", "node_drain": { "host": "w", "node": 1 } }"#,
        "",
    )
    .unwrap();
    let FaultKind::Stop { consumers, restart_after, .. } = &scenario.faults[0].what else { panic!() };
    assert_eq!(consumers, &[1, 3]);
    assert!(restart_after.is_some());
}

#[test]
fn what_a_manifest_lacks_is_told_with_its_place_and_a_remedy() {
    let refused = |manifest| loaded(MANIFEST, ROLLOUT, manifest).unwrap_err();
    let said = refused("kind: Deployment\nspec:\n  replicas: 3\n");
    assert!(said.starts_with("w.yaml:3:3: `template.spec` is missing here (write the pod's"), "{said}");
    assert!(refused("kind: Service\n").contains("no Deployment or StatefulSet (`kind: Deployment`"));
    assert!(refused("kind: [\n").contains("this is no YAML"));
    let said = refused("kind: Deployment\nspec:\n  replicas: many\n  template: { spec: { containers: [{}] } }\n");
    assert!(said.contains("w.yaml:3:13: this is no whole number (it takes 0 or more)"), "{said}");
    let two = "kind: Deployment\nmetadata: { name: a }\n---\nkind: Deployment\nmetadata: { name: b }\n";
    assert!(refused(two).contains("say which with `manifest_name`"));
}

#[test]
fn faults_of_deployments_need_one() {
    let said = loaded(r#", "count": 2"#, ROLLOUT, "").unwrap_err();
    assert!(said.contains("this needs the name of one entry with a `deployment`"), "{said}");
    let drain = r#"{ "at": "1m", "node_drain": { "host": "w" } }"#;
    let said = loaded(r#", "count": 2, "deployment": {}"#, drain, "").unwrap_err();
    assert!(said.contains("write \"nodes\" in the `deployment`"), "{said}");
    let stuck = r#", "count": 2, "deployment": { "max_surge": 0, "max_unavailable": 0 }"#;
    assert!(loaded(stuck, ROLLOUT, "").unwrap_err().contains("no pod can ever be replaced"));
}

#[test]
fn brokers_restart_one_after_the_other() {
    let fault = r#"{ "at": "1m", "broker_rolling_restart": { "down": "10s", "pause_between": "20s" } }"#;
    let scenario = loaded("", fault, "").unwrap();
    let times: Vec<When> = scenario.faults.iter().map(|fault| fault.when.clone()).collect();
    let at = |seconds: u64| When::At(SimTime(seconds * 1_000_000_000));
    assert_eq!(times, [at(60), at(90), at(120)]);
}

#[test]
fn a_machine_brings_its_faults_along() {
    let gc = r#", "machine": { "gc": { "generational": { "young": { "every": "5s", "pause": "20ms" },
        "old": { "every": "2m", "pause": "3s" }, "heap": { "used": 0.5, "grows_to": 0.9, "over": "5m" } } },
        "cpu_quota": { "cores": 0.5 }, "neighbours": { "every": "1m", "for": "10s", "steal": 0.5 } }"#;
    let scenario = loaded(gc, "", "").unwrap();
    let kinds: Vec<&str> = scenario.faults.iter().map(|fault| fault.what.name()).collect();
    assert_eq!(kinds, ["gc_pause", "collection", "cpu_quota", "slowdown"]);
    let FaultKind::Slowdown { factor, .. } = scenario.faults[3].what else { panic!() };
    assert!((factor - 2.0).abs() < 1e-9);
    let FaultKind::Collection { heap, .. } = &scenario.faults[1].what else { panic!() };
    let minute = |minutes: u64| SimTime(minutes * 60_000_000_000);
    let second = crate::engine::SimDuration::from_secs(1);
    assert_eq!(heap.pause(second, minute(0)), second);
    assert!((heap.pause(second, minute(9)).as_secs_f64() - 1.8).abs() < 1e-6);
    assert!((heap.gap(second, minute(9)).as_secs_f64() - 0.2).abs() < 1e-6);
}

#[test]
fn bounds_of_machines_are_held() {
    let said = loaded(r#", "machine": { "cpu_quota": { "cores": 2.0 } }"#, "", "").unwrap_err();
    assert!(said.contains("2 is out of bounds"), "{said}");
    let both = r#"{ "at": "1m", "clock_jump": { "host": "w", "forward": "1s", "back": "1s" } }"#;
    assert!(loaded("", both, "").unwrap_err().contains("write \"forward\" or \"back\""));
}
