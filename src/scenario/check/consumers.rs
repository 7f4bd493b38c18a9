//! Groups and their consumers: names, counts, settings, subscriptions, what the application does.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::deployments::Deployed;
use super::settings::{Layers, Setting};
use super::start::{EntryAt, Schedule};
use super::{CONSUMERS_MAX, Checker};
use crate::client::{CommitStrategy, OnException, Subscription};
use crate::engine::{SimDuration, SimTime};
use crate::protocol::config::ConsumerConfig;
use crate::protocol::{ClientId, GroupId, TopicName};
use crate::scenario::checked::{AssignorCost, Callbacks, Cluster, Consumer, Fault, FaultKind, Group, Processing};
use crate::scenario::file::machine::DeploymentKind;
use crate::scenario::file::{
    AssignorCostEntry, CommitEntry, ConsumerEntry, OnExceptionEntry, ProcessingEntry, ScenarioFile, Span,
    SubscriptionEntry,
};
use crate::scenario::profile::{ClientProfile, Meant};
use crate::scenario::text::Place;

/// Settings whose value may hold placeholders.
const TEMPLATES: [&str; 3] = ["client.id", "group.instance.id", "client.rack"];

/// One consumer by name: which entry (over all groups) it comes from, and its number there, from 0.
pub(super) struct Named {
    pub name: Arc<str>,
    pub entry: usize,
    pub number: u32,
}

/// The groups, and what faults need to find consumers by name.
pub(super) struct Entries {
    pub groups: Vec<Group>,
    /// Names of entries over all groups, with the number of their group.
    pub entries: Vec<(String, usize)>,
    /// Consumers over all groups, in order.
    pub names: Vec<Named>,
}

impl Checker<'_> {
    pub(super) fn groups(&mut self, place: &Place<'_>, file: &ScenarioFile, cluster: &Cluster) -> Entries {
        let names = self.names(place, file);
        let all: Vec<(EntryAt, &ConsumerEntry)> = (file.groups.iter().enumerate())
            .flat_map(|(group, entry)| {
                entry.consumers.iter().enumerate().map(move |(index, entry)| ((group, index), entry))
            })
            .collect();
        let starts = Schedule::new(all.clone(), &names).resolve(self, place);
        let mut groups: Vec<Group> = (file.groups.iter())
            .map(|entry| Group { id: GroupId::from(entry.id.as_str()), consumers: Vec::new() })
            .collect();
        let mut group_layers = Vec::new();
        for (index, group) in file.groups.iter().enumerate() {
            let place = place.index(index);
            let mut layers = self.file_layer(&place.key("properties_file"), group.properties_file.as_deref());
            layers.extend(self.inline_layer(&place.key("properties"), &group.properties));
            group_layers.push(layers);
        }
        for (entry, ((group, index), typed)) in all.iter().enumerate() {
            let members = names.iter().filter(|named| named.entry == entry).collect::<Vec<_>>();
            let (id, layers) = (&file.groups[*group].id, group_layers[*group].clone());
            let list = place.index(*group);
            let consumers = self.entry(&list.key("consumers").index(*index), typed, id, layers, &members, cluster);
            let every = typed.start.every.0;
            groups[*group].consumers.extend(consumers.into_iter().zip(members).map(|(consumer, named)| Consumer {
                start_at: if typed.start.held { SimTime::MAX } else { starts[entry] + every * u64::from(named.number) },
                ..consumer
            }));
        }
        self.notes.dedup();
        let entries = all.iter().map(|((group, _), entry)| (entry.name.clone(), *group)).collect();
        Entries { groups, entries, names }
    }

    /// Names every consumer, and sees to it that no two things have one name.
    fn names(&mut self, place: &Place<'_>, file: &ScenarioFile) -> Vec<Named> {
        if file.groups.is_empty() {
            self.problem(place, "a scenario needs a consumer group", "write { \"id\": …, \"consumers\": […] }");
        }
        let mut seen: BTreeMap<String, ()> = BTreeMap::new();
        let mut names = Vec::new();
        let mut entry_number = 0;
        for (index, group) in file.groups.iter().enumerate() {
            let place = place.index(index);
            if group.id.trim().is_empty() {
                // ClassicKafkaConsumer: "The configured group.id should not be an empty string or whitespace."
                self.problem(&place.key("id"), "a group id must not be blank", "Kafka refuses it");
            }
            if file.groups[..index].iter().any(|other| other.id == group.id) {
                let message = format!("there are two groups `{}`", group.id);
                self.problem(&place.key("id"), message, "list all consumers of a group in one place");
            }
            let list = place.key("consumers");
            if group.consumers.is_empty() {
                self.problem(&list, format!("group `{}` has no consumers", group.id), "it needs one or more");
                self.names_missing = true;
            }
            for (index, entry) in group.consumers.iter().enumerate() {
                self.entry_names(&list.index(index), entry, entry_number, &mut seen, &mut names);
                entry_number += 1;
            }
        }
        names
    }

    fn entry_names(
        &mut self,
        place: &Place<'_>,
        entry: &ConsumerEntry,
        number: usize,
        seen: &mut BTreeMap<String, ()>,
        names: &mut Vec<Named>,
    ) {
        self.plain_name(&place.key("name"), "consumer name", &entry.name, 100);
        let count = entry.count.unwrap_or(1);
        let room = CONSUMERS_MAX - names.len() as u32;
        if count == 0 || count > room {
            let help = format!("it takes 1 to {CONSUMERS_MAX} consumers in all");
            self.problem(&place.key("count"), format!("`count` is {count}"), help);
            self.names_missing = true;
            return;
        }
        let mut own: Vec<String> = match entry.count {
            None => vec![entry.name.clone()],
            Some(count) => {
                // A StatefulSet's ordinals begin with 0.
                let first = u32::from(!is_stateful_set(entry));
                (first..first + count).map(|number| format!("{}-{number}", entry.name)).collect()
            }
        };
        names.extend(own.iter().enumerate().map(|(index, name)| Named {
            name: Arc::from(name.as_str()),
            entry: number,
            number: index as u32,
        }));
        if entry.count.is_some() {
            own.push(entry.name.clone());
        }
        let twice = own.into_iter().rfind(|name| seen.insert(name.clone(), ()).is_some());
        if let Some(name) = twice {
            let message = format!("there are two consumers or entries called `{name}`");
            self.problem(&place.key("name"), message, "give each its own name");
        }
    }

    /// The consumers of one entry, their starts still open.
    fn entry(
        &mut self,
        place: &Place<'_>,
        entry: &ConsumerEntry,
        group: &str,
        mut layers: Layers,
        members: &[&Named],
        cluster: &Cluster,
    ) -> Vec<Consumer> {
        layers.extend(self.file_layer(&place.key("properties_file"), entry.properties_file.as_deref()));
        layers.extend(self.inline_layer(&place.key("properties"), &entry.properties));
        let mut profile = ClientProfile::find(&entry.client).unwrap_or_else(|refusal| {
            let span = self.root.at(&place.key("client")).caret();
            self.refuse(0, span, refusal);
            ClientProfile::find(crate::scenario::profile::DEFAULT).expect("the default is known")
        });
        let Some(first) = members.first() else { return Vec::new() };
        let layers = self.under_kafkas_names(&profile, layers);
        self.note_profile(place, &profile, &entry.client);
        let config = self.consumer_config(place, &mut profile, &layers, group, first, cluster);
        self.note_shared_instance_id(place, &layers, members.len());
        let first = Consumer {
            name: first.name.clone(),
            client: Arc::from(entry.client.as_str()),
            behaviour: profile.behaviour,
            config,
            subscription: self.subscription(&place.key("subscription"), entry, cluster),
            start_at: SimTime::ZERO,
            startup: self.distribution(&place.key("startup"), &entry.startup),
            processing: self.processing(&place.key("processing"), &entry.processing),
            callbacks: self.callbacks(&place.key("callbacks"), entry),
            commit: match entry.commit {
                CommitEntry::None => CommitStrategy::None,
                CommitEntry::SyncAfterBatch => CommitStrategy::SyncAfterBatch,
                CommitEntry::AsyncAfterBatch => CommitStrategy::AsyncAfterBatch,
            },
            poll_timeout: self.poll_timeout(&place.key("poll_timeout"), entry.poll_timeout),
            assignor_cost: match entry.assignor_cost {
                AssignorCostEntry::Zero => AssignorCost::Zero,
                AssignorCostEntry::Constant(span) => AssignorCost::Constant(span.0),
                AssignorCostEntry::Kafka => AssignorCost::Kafka,
            },
            on_exception: match entry.on_exception {
                OnExceptionEntry::Exit => OnException::Exit,
                OnExceptionEntry::Continue => OnException::Continue,
            },
        };
        let own = |named: &&Named| Consumer {
            name: named.name.clone(),
            config: own_config(&first.config, &layers, group, named),
            ..first.clone()
        };
        members.iter().map(own).collect()
    }

    /// Settings under the names and in the units of another client library become Kafka's.
    fn under_kafkas_names(&mut self, profile: &ClientProfile, layers: Layers) -> Layers {
        let mut translated = Layers::default();
        for setting in layers.into_settings() {
            match profile.meaning(&setting.name, &setting.value) {
                Ok(meant) => translated.push(Setting { name: meant.name, value: meant.value, ..setting }),
                Err(refusal) => self.take(&setting, Err(refusal)),
            }
        }
        translated
    }

    /// How a client other than the Java consumer differs from it.
    fn note_profile(&mut self, place: &Place<'_>, profile: &ClientProfile, client: &str) {
        for remark in profile.remarks() {
            self.note(place.key("client"), format!("{client}: {remark}"));
        }
    }

    /// The settings of an entry's first consumer; the others differ in their templates only.
    fn consumer_config(
        &mut self,
        place: &Place<'_>,
        profile: &mut ClientProfile,
        layers: &Layers,
        group: &str,
        first: &Named,
        cluster: &Cluster,
    ) -> ConsumerConfig {
        profile.config.client_id = ClientId::from(&*first.name);
        for setting in layers.settings() {
            let value = filled_in(&setting.name, &setting.value, group, first);
            let taken = profile.apply(group, &Meant { name: setting.name.clone(), value });
            self.take(setting, taken);
        }
        let config = profile.config.clone();
        for (name, refusal) in config.refusals() {
            match layers.given(name).or_else(|| layers.given("session.timeout.ms")) {
                Some(setting) => self.refuse(setting.text, setting.span.clone(), refusal),
                None => self.refuse(0, self.root.at(&place.key("client")).caret(), refusal),
            }
        }
        for (name, text) in config.notes(&cluster.config) {
            match layers.given(name) {
                Some(setting) => self.note(&setting.place, text),
                None => self.note(place.key("properties").key(name), text),
            }
        }
        config
    }

    /// Several processes with one instance id fence each other: seldom meant.
    fn note_shared_instance_id(&mut self, place: &Place<'_>, layers: &Layers, members: usize) {
        let Some(setting) = layers.given("group.instance.id") else { return };
        if members > 1 && !setting.value.contains("{name}") && !setting.value.contains("{index}") {
            let text =
                format!("{members} processes share this id and will fence each other; {{name}} would keep them apart");
            self.note(place.key("properties").key("group.instance.id"), text);
        }
    }

    fn subscription(&mut self, place: &Place<'_>, entry: &ConsumerEntry, cluster: &Cluster) -> Subscription {
        let known: Vec<&str> = cluster.topics.iter().map(|topic| topic.name.as_str()).collect();
        match &entry.subscription {
            None => Subscription::Topics(cluster.topics.iter().map(|topic| topic.name).collect()),
            Some(SubscriptionEntry::Topics(names)) => {
                let list = place.key("topics");
                if names.is_empty() {
                    self.problem(&list, "a subscription to no topic", "leave it out to subscribe to all topics");
                }
                for (index, name) in names.iter().enumerate().filter(|(_, name)| !known.contains(&name.as_str())) {
                    self.unknown(&list.index(index), "topic", name, &known);
                }
                // The topic's own name, not a copy: what shares its text is compared at a glance.
                let named = |name: &String| {
                    let topic = cluster.topics.iter().find(|topic| topic.name.as_str() == name);
                    topic.map_or_else(|| TopicName::from(name.as_str()), |topic| topic.name)
                };
                Subscription::Topics(names.iter().map(named).collect())
            }
            Some(SubscriptionEntry::Prefix(prefix)) => {
                if !known.iter().any(|name| name.starts_with(prefix.as_str())) {
                    let help = format!("topics: {}", known.join(", "));
                    self.problem(&place.key("prefix"), format!("no topic's name starts with `{prefix}`"), help);
                }
                Subscription::Prefix(prefix.clone())
            }
        }
    }

    fn processing(&mut self, place: &Place<'_>, entry: &ProcessingEntry) -> Processing {
        let list = place.key("changes");
        let times: Vec<Span> = entry.changes.iter().map(|change| change.at).collect();
        self.in_time_order(&list, &times);
        let changes = entry.changes.iter().enumerate().map(|(index, change)| {
            let per_record = self.distribution(&list.index(index).key("per_record"), &change.per_record);
            (SimTime(change.at.0.0), per_record)
        });
        let per_record_changes = changes.collect();
        Processing {
            per_record: self.distribution(&place.key("per_record"), &entry.per_record),
            per_batch: self.distribution(&place.key("per_batch"), &entry.per_batch),
            per_record_changes,
            slow: None,
        }
    }

    fn callbacks(&mut self, place: &Place<'_>, entry: &ConsumerEntry) -> Callbacks {
        Callbacks {
            assigned: self.distribution(&place.key("assigned"), &entry.callbacks.assigned),
            revoked: self.distribution(&place.key("revoked"), &entry.callbacks.revoked),
            lost: self.distribution(&place.key("lost"), &entry.callbacks.lost),
            commit_on_revoke: entry.callbacks.commit_on_revoke,
        }
    }

    fn poll_timeout(&mut self, place: &Place<'_>, span: Span) -> SimDuration {
        if span.0 < SimDuration::from_millis(1) {
            self.problem(place, format!("a poll timeout of {span}"), "it takes 1ms or more");
        }
        span.0
    }

    /// Consumers that wait for a `start` fault which never comes.
    pub(super) fn note_consumers_that_never_start(&mut self, entries: &Entries, faults: &[Fault]) {
        for (index, consumer) in entries.groups.iter().flat_map(|group| &group.consumers).enumerate() {
            let index = index as u32;
            let starts = |fault: &Fault| match &fault.what {
                FaultKind::Start { consumers } => consumers.contains(&index),
                FaultKind::Scale { pods, .. } | FaultKind::Rollout { pods, .. } => {
                    pods.iter().flatten().any(|pod| *pod == index)
                }
                _ => false,
            };
            let spare = || entries.is_spare_pod(index);
            if consumer.start_at == SimTime::MAX && !faults.iter().any(starts) && !spare() {
                self.note(&consumer.name, "its start is held, and no `start` fault releases it: it never runs");
            }
        }
    }
}

fn is_stateful_set(entry: &ConsumerEntry) -> bool {
    entry.deployment.as_ref().is_some_and(|deployment| deployment.kind == Some(DeploymentKind::StatefulSet))
}

impl Entries {
    /// Consumers of an entry (over all groups), in order.
    pub fn of_entry(&self, entry: usize) -> Vec<u32> {
        let numbered = self.names.iter().enumerate();
        numbered.filter(|(_, named)| named.entry == entry).map(|(index, _)| index as u32).collect()
    }

    /// A pod of a second revision, which only a rollout needs.
    fn is_spare_pod(&self, consumer: u32) -> bool {
        let entry = self.names[consumer as usize].entry;
        self.entries[entry].0.ends_with(super::deployments::SECOND_REVISION)
    }

    /// Pods beyond the replicas at the start wait for a scale.
    pub fn hold_spare_pods(&mut self, deployed: &[Deployed]) {
        for deployed in deployed {
            for pod in self.of_entry(deployed.entry).into_iter().skip(deployed.replicas as usize) {
                let consumers = self.groups.iter_mut().flat_map(|group| &mut group.consumers);
                if let Some(consumer) = consumers.into_iter().nth(pod as usize) {
                    consumer.start_at = SimTime::MAX;
                }
            }
        }
    }
}

/// The settings of one consumer of an entry, from those of the first.
fn own_config(first: &ConsumerConfig, layers: &Layers, group: &str, named: &Named) -> ConsumerConfig {
    let mut config = ConsumerConfig { client_id: ClientId::from(&*named.name), ..first.clone() };
    for setting in layers.settings().filter(|setting| TEMPLATES.contains(&setting.name.as_str())) {
        // What is wrong with the value was said of the first consumer.
        let _ = config.set(group, &setting.name, &filled_in(&setting.name, &setting.value, group, named));
    }
    config
}

/// A value with its placeholders filled in: {name}, {index} (from 1) and {group}.
fn filled_in(name: &str, value: &str, group: &str, named: &Named) -> String {
    if !TEMPLATES.contains(&name) {
        return value.to_string();
    }
    let index = (named.number + 1).to_string();
    value.replace("{name}", &named.name).replace("{index}", &index).replace("{group}", group)
}
