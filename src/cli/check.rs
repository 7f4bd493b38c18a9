//! `rebalab check`: reads a scenario, says what is wrong with it, or prints what it means with all defaults filled in.

use std::fmt::Write;
use std::path::PathBuf;

use serde_json::Value;

use super::{Exit, scenario_file, terminal};
use crate::client::RebalanceTimeout;
use crate::engine::{Distribution, SimDuration, SimTime};
use crate::protocol::config::{BrokerConfig, ConsumerConfig};
use crate::scenario::ClientProfile;
use crate::scenario::checked::{Arrivals, Consumer, Group, Scenario, When};
use crate::scenario::file::Span;
use crate::scenario::profile::REBALANCE_TIMEOUT;

/// Check a scenario without running it, and print its effective configuration
#[derive(clap::Args, Debug)]
pub struct Check {
    /// The scenario file
    file: PathBuf,
    /// Print every Kafka setting, not only those that differ from Kafka's defaults
    #[arg(long)]
    all: bool,
}

impl Check {
    /// Checks and prints.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn execute(&self) -> miette::Result<Exit> {
        let scenario = scenario_file::read(&self.file)?;
        terminal::print(&describe(&scenario, self.all))?;
        Ok(Exit::Success)
    }
}

/// The scenario in words.
fn describe(scenario: &Scenario, all: bool) -> String {
    let mut text = String::new();
    let out = &mut text;
    line(out, 0, format!("Scenario {}: runs {}", scenario.name, Span(scenario.duration)));
    if !scenario.description.is_empty() {
        line(out, 1, &scenario.description);
    }
    scenario.sources.iter().for_each(|source| line(out, 1, format!("Source: {source}")));
    describe_cluster(out, scenario, all);
    scenario.groups.iter().for_each(|group| describe_group(out, group, all));
    section(out, "Faults", scenario.faults.iter().map(|fault| format!("{}  {}", when(&fault.when), fault.label)));
    section(out, "Expected", scenario.expect.iter().map(|line| format!("{} {}", line.figure, line.text)));
    section(out, "Notes", scenario.notes.iter().map(|note| format!("{}: {}", note.place, note.text)));
    section(out, "Not modelled", scenario.not_modelled.iter().map(|note| format!("{}: {}", note.place, note.text)));
    text
}

fn describe_cluster(out: &mut String, scenario: &Scenario, all: bool) {
    let cluster = &scenario.cluster;
    line(out, 0, format!("Cluster of {} {}", cluster.brokers, plural(cluster.brokers, "broker")));
    settings(out, cluster.config.settings(), BrokerConfig::default().settings(), all);
    for topic in &cluster.topics {
        let mut words = format!("topic {}: {} {}", topic.name, topic.partitions, plural(topic.partitions, "partition"));
        words += &arrivals(&topic.arrivals);
        if topic.backlog_per_partition > 0 {
            let _ = write!(words, ", {} records in each partition at the start", topic.backlog_per_partition);
        }
        if topic.created_at != SimTime::ZERO {
            let _ = write!(words, ", created at {}", instant(topic.created_at));
        }
        for (at, partitions) in &topic.grows {
            let _ = write!(words, ", {partitions} partitions from {} on", instant(*at));
        }
        line(out, 1, words);
    }
    let network = &scenario.network;
    let mut words = format!("network: latency {}", distribution(&network.latency));
    if network.loss > 0.0 {
        let _ = write!(words, ", loss {}%, retransmission after {}", network.loss * 100.0, Span(network.rto));
    }
    line(out, 1, words);
    line(out, 1, format!("log of offsets: an append takes {}", distribution(&cluster.append_latency)));
}

fn describe_group(out: &mut String, group: &Group, all: bool) {
    line(out, 0, format!("Group {}", group.id));
    let mut rest = &group.consumers[..];
    while let Some(first) = rest.first() {
        let alike = rest.iter().take_while(|consumer| described_alike(consumer, first)).count();
        let (these, others) = rest.split_at(alike);
        describe_consumers(out, these, all);
        rest = others;
    }
}

/// True for consumers that one paragraph can describe: they differ in name, ids and start only.
fn described_alike(one: &Consumer, other: &Consumer) -> bool {
    let plain = |config: &ConsumerConfig| ConsumerConfig {
        client_id: Default::default(),
        group_instance_id: None,
        ..config.clone()
    };
    plain(&one.config) == plain(&other.config)
        && one.client == other.client
        && one.processing == other.processing
        && one.startup == other.startup
        && one.subscription == other.subscription
}

fn describe_consumers(out: &mut String, consumers: &[Consumer], all: bool) {
    let (Some(first), Some(last)) = (consumers.first(), consumers.last()) else { return };
    let names = if consumers.len() == 1 { first.name.to_string() } else { format!("{} … {}", first.name, last.name) };
    let count = consumers.len() as u32;
    line(out, 1, format!("{names}: {count} {} ({})", plural(count, "consumer"), first.client));
    let start = match (first.start_at, last.start_at) {
        (SimTime::MAX, _) => "start held".to_string(),
        (from, to) if from == to => format!("start at {}", instant(from)),
        (from, to) => format!("start from {} to {}", instant(from), instant(to)),
    };
    line(out, 2, format!("{start}, ready after {}", distribution(&first.startup)));
    let processing = &first.processing;
    let (record, batch) = (distribution(&processing.per_record), distribution(&processing.per_batch));
    line(out, 2, format!("processing {record} per record, {batch} per batch"));
    for (at, per_record) in &processing.per_record_changes {
        line(out, 3, format!("from {} on {} per record", instant(*at), distribution(per_record)));
    }
    describe_settings(out, first, all);
}

/// Settings with their values, by default only those that differ from Kafka's: whether the client library has them so, or
/// the scenario.
fn describe_settings(out: &mut String, consumer: &Consumer, all: bool) {
    let mut kafkas = ConsumerConfig::default();
    if !all {
        kafkas.client_id.clone_from(&consumer.config.client_id);
    }
    let client = &consumer.client;
    let Ok(mut profile) = ClientProfile::find(client) else { return };
    profile.config.client_id.clone_from(&kafkas.client_id);
    let (own, theirs, kafkas) = (consumer.config.settings(), profile.config.settings(), kafkas.settings());
    for (((name, value), (_, default)), (_, kafka)) in own.iter().zip(&theirs).zip(&kafkas) {
        let own_name = match profile.own_name(name) {
            own if own == *name => (*name).to_string(),
            own => format!("{own} ({name})"),
        };
        let value_text = plain(value);
        match () {
            () if value != default && default == kafka => {
                line(out, 2, format!("{own_name} = {value_text}  (Kafka's default: {})", plain(kafka)));
            }
            () if value != default => {
                line(
                    out,
                    2,
                    format!(
                        "{own_name} = {value_text}  ({client}'s default: {}, Kafka's: {})",
                        plain(default),
                        plain(kafka)
                    ),
                );
            }
            () if value != kafka => {
                line(out, 2, format!("{own_name} = {value_text}  (default of {client}; Kafka's: {})", plain(kafka)));
            }
            () if all => line(out, 2, format!("{own_name} = {value_text}")),
            () => {}
        }
    }
    match consumer.behaviour.rebalance_timeout {
        RebalanceTimeout::PollInterval => {}
        RebalanceTimeout::Session => line(out, 2, "rebalance timeout: the session timeout"),
        RebalanceTimeout::Own(ms) => {
            let name = profile.own_name(REBALANCE_TIMEOUT);
            let set = if consumer.behaviour.rebalance_timeout == profile.behaviour.rebalance_timeout {
                "default"
            } else {
                "set"
            };
            line(out, 2, format!("rebalance timeout: {ms} ms ({name}, {set})"));
        }
    }
}

/// Settings with their values, by default only those that differ from Kafka's.
fn settings(out: &mut String, own: Vec<(&str, Value)>, default: Vec<(&str, Value)>, all: bool) {
    for ((name, value), (_, default)) in own.iter().zip(&default) {
        if value != default {
            line(out, 2, format!("{name} = {}  (Kafka's default: {})", plain(value), plain(default)));
        } else if all {
            line(out, 2, format!("{name} = {}", plain(value)));
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}

fn section(out: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        line(out, 0, title);
        lines.for_each(|text| line(out, 1, text));
    }
}

fn line(out: &mut String, depth: usize, text: impl std::fmt::Display) {
    let _ = writeln!(out, "{:width$}{text}", "", width = depth * 2);
}

fn plural(count: u32, word: &str) -> String {
    if count == 1 { word.to_string() } else { format!("{word}s") }
}

fn instant(at: SimTime) -> Span {
    Span(SimDuration(at.0))
}

fn when(when: &When) -> String {
    match when {
        When::At(at) => format!("at {}", instant(*at)),
        When::Every { from, every, until } => {
            format!("every {} from {} to {}", Span(*every), instant(*from), instant(*until))
        }
        When::Random { from, until, gap } => {
            format!("from {} to {} at random, gaps {}", instant(*from), instant(*until), distribution(gap))
        }
    }
}

fn arrivals(arrivals: &Arrivals) -> String {
    match arrivals {
        Arrivals::None => String::new(),
        Arrivals::Constant { per_second } => format!(", {per_second} records/s"),
        Arrivals::Poisson { per_second } => format!(", {per_second} records/s at random"),
        Arrivals::Bursts { base_per_second, per_second, every, length } => format!(
            ", {base_per_second} records/s, in bursts of {} every {} {per_second} records/s",
            Span(*length),
            Span(*every)
        ),
        Arrivals::InTurn { per_second, every, .. } => {
            format!(", {per_second} records/s in bursts every {}", Span(*every))
        }
        Arrivals::Table { steps } => {
            let steps: Vec<String> = steps.iter().map(|(at, rate)| format!("{rate} from {}", instant(*at))).collect();
            format!(", records/s {}", steps.join(", "))
        }
    }
}

fn distribution(distribution: &Distribution) -> String {
    let bounds = |min: &SimDuration, max: &Option<SimDuration>| match max {
        Some(max) => format!("{} to {}", Span(*min), Span(*max)),
        None => format!("{} or more", Span(*min)),
    };
    match distribution {
        Distribution::Constant(span) => Span(*span).to_string(),
        Distribution::Uniform { from, to } => format!("{} to {} (uniform)", Span(*from), Span(*to)),
        Distribution::Exponential { mean, min, max } => {
            format!("{} (exponential, mean {})", bounds(min, max), Span(*mean))
        }
        Distribution::Lognormal { median, p99, min, max } => {
            format!("{} (lognormal, median {}, p99 {})", bounds(min, max), Span(*median), Span(*p99))
        }
        Distribution::Mixture(parts) => {
            let total: f64 = parts.iter().map(|(weight, _)| weight).sum();
            let part = |(weight, of): &(f64, Distribution)| {
                format!("{:.3}% {}", weight / total * 100.0, self::distribution(of))
            };
            parts.iter().map(part).collect::<Vec<_>>().join(" | ")
        }
        Distribution::Table(lines) => format!("a table of {} quantiles", lines.len()),
    }
}
