//! Properties of the broker: those of the group coordinator in full, as `GroupCoordinatorConfig.CONFIG_DEF` of Kafka 4.1.1
//! lists them (`testdata/group-coordinator-4.1.1.tsv` is its output, and a test compares); of all others the name.

use super::property::Valid::{Any, AnyCase, OneOf};
use super::property::{Kind, Property, Role, at_least, between, properties};

/// The property of that name, if the simulation knows what it is for: one of the group coordinator, or of leadership.
pub fn find(name: &str) -> Option<&'static Property> {
    known().find(|property| property.name == name)
}

/// What [`find`] finds.
pub fn known() -> impl Iterator<Item = &'static Property> {
    GROUP_COORDINATOR.iter().chain(LEADERSHIP)
}

/// The property of that name that has to do with groups or fetching, but is not modelled.
pub fn find_unmodelled(name: &str) -> Option<&'static Property> {
    UNMODELLED.iter().find(|property| property.name == name)
}

/// True for a property that brokers have and that has nothing to do with groups.
pub fn is_other_broker_property(name: &str) -> bool {
    OTHERS.binary_search(&name).is_ok() || name.starts_with("listener.name.")
}

properties! {
    /// Properties of the group coordinator, by name.
    GROUP_COORDINATOR;
    "group.consumer.assignors": List = "uniform,range", Any, Ignored, "The consumer protocol (KIP-848) is not modelled yet.";
    "group.consumer.heartbeat.interval.ms": Int = "5000", at_least(1), Ignored, "The consumer protocol (KIP-848) is not modelled yet.";
    "group.consumer.max.heartbeat.interval.ms": Int = "15000", at_least(1), Ignored, "The consumer protocol (KIP-848) is not modelled yet.";
    "group.consumer.max.session.timeout.ms": Int = "60000", at_least(1), Ignored, "The consumer protocol (KIP-848) is not modelled yet.";
    "group.consumer.max.size": Int = "2147483647", at_least(1), Ignored, "The consumer protocol (KIP-848) is not modelled yet.";
    "group.consumer.migration.policy": String = "bidirectional", AnyCase(&["BIDIRECTIONAL", "DISABLED", "DOWNGRADE", "UPGRADE"]), Ignored, "The consumer protocol (KIP-848) is not modelled yet.";
    "group.consumer.min.heartbeat.interval.ms": Int = "5000", at_least(1), Ignored, "The consumer protocol (KIP-848) is not modelled yet.";
    "group.consumer.min.session.timeout.ms": Int = "45000", at_least(1), Ignored, "The consumer protocol (KIP-848) is not modelled yet.";
    "group.consumer.regex.refresh.interval.ms": Int = "600000", at_least(10000), Ignored, "The consumer protocol (KIP-848) is not modelled yet.";
    "group.consumer.session.timeout.ms": Int = "45000", at_least(1), Ignored, "The consumer protocol (KIP-848) is not modelled yet.";
    "group.coordinator.append.linger.ms": Int = "5", at_least(0), Applied, "How long the coordinator gathers records into one append.";
    "group.coordinator.rebalance.protocols": List = "classic,consumer,streams", OneOf(&["consumer", "classic", "share", "streams"]), Ignored, "Only classic groups are modelled.";
    "group.coordinator.threads": Int = "4", at_least(1), Ignored, "The coordinator is one thread per partition of __consumer_offsets.";
    "group.initial.rebalance.delay.ms": Int = "3000", Any, Applied, "How long the first rebalance of an empty group waits for more members; each joiner extends it.";
    "group.max.session.timeout.ms": Int = "1800000", Any, Applied, "Longest session timeout that a member may ask for.";
    "group.max.size": Int = "2147483647", at_least(1), Applied, "Most members of a classic group.";
    "group.min.session.timeout.ms": Int = "6000", Any, Applied, "Shortest session timeout that a member may ask for.";
    "group.share.assignors": List = "simple", Any, Ignored, "Share groups are not modelled.";
    "group.share.heartbeat.interval.ms": Int = "5000", at_least(1), Ignored, "Share groups are not modelled.";
    "group.share.max.heartbeat.interval.ms": Int = "15000", at_least(1), Ignored, "Share groups are not modelled.";
    "group.share.max.session.timeout.ms": Int = "60000", at_least(1), Ignored, "Share groups are not modelled.";
    "group.share.max.size": Int = "200", between(1, 1000), Ignored, "Share groups are not modelled.";
    "group.share.min.heartbeat.interval.ms": Int = "5000", at_least(1), Ignored, "Share groups are not modelled.";
    "group.share.min.session.timeout.ms": Int = "45000", at_least(1), Ignored, "Share groups are not modelled.";
    "group.share.session.timeout.ms": Int = "45000", at_least(1), Ignored, "Share groups are not modelled.";
    "group.streams.heartbeat.interval.ms": Int = "5000", at_least(1), Ignored, "Streams groups are not modelled.";
    "group.streams.max.heartbeat.interval.ms": Int = "15000", at_least(1), Ignored, "Streams groups are not modelled.";
    "group.streams.max.session.timeout.ms": Int = "60000", at_least(1), Ignored, "Streams groups are not modelled.";
    "group.streams.max.size": Int = "2147483647", at_least(1), Ignored, "Streams groups are not modelled.";
    "group.streams.max.standby.replicas": Int = "2", at_least(0), Ignored, "Streams groups are not modelled.";
    "group.streams.min.heartbeat.interval.ms": Int = "5000", at_least(1), Ignored, "Streams groups are not modelled.";
    "group.streams.min.session.timeout.ms": Int = "45000", at_least(1), Ignored, "Streams groups are not modelled.";
    "group.streams.num.standby.replicas": Int = "0", at_least(0), Ignored, "Streams groups are not modelled.";
    "group.streams.session.timeout.ms": Int = "45000", at_least(1), Ignored, "Streams groups are not modelled.";
    "offset.metadata.max.bytes": Int = "4096", Any, Applied, "Longest metadata of a commit.";
    "offsets.commit.timeout.ms": Int = "5000", at_least(1), Applied, "How long a coordinator's write may wait for its replicas.";
    "offsets.load.buffer.size": Int = "5242880", at_least(1), Ignored, "Loading is given by `load_time_per_record`.";
    "offsets.retention.check.interval.ms": Long = "600000", at_least(1), Applied, "Time between two looks for expired offsets.";
    "offsets.retention.minutes": Int = "10080", at_least(1), Applied, "Age at which offsets of an empty group expire.";
    "offsets.topic.compression.codec": Int = "0", Any, Ignored, "Bytes on disk are not modelled.";
    "offsets.topic.num.partitions": Int = "50", at_least(1), Applied, "Partitions of __consumer_offsets: which broker coordinates which group.";
    "offsets.topic.replication.factor": Short = "3", at_least(1), Applied, "Replicas of __consumer_offsets; as many brokers are needed.";
    "offsets.topic.segment.bytes": Int = "104857600", at_least(1), Applied, "Older segments are compacted; a coordinator that loads reads the one being written whole.";
}

properties! {
    /// Properties that decide when the leadership of a partition moves (`KRaftConfigs`, `ReplicationConfigs`).
    LEADERSHIP;
    "auto.leader.rebalance.enable": Boolean = "true", Any, Applied, "Leadership goes back to the preferred replica after a restart.";
    "broker.heartbeat.interval.ms": Int = "2000", Any, Applied, "Time between a broker's heartbeats to the controller.";
    "broker.session.timeout.ms": Int = "9000", Any, Applied, "Silence after which the controller gives a crashed broker's partitions to others.";
    "leader.imbalance.check.interval.seconds": Long = "300", at_least(1), Applied, "Time between two looks for partitions that their preferred replica does not lead.";
}

properties! {
    /// Properties of the broker outside the group coordinator that would change what is predicted, with their defaults of
    /// Kafka 4.1.1 (`AbstractKafkaConfig`, `SocketServerConfigs`, `ReplicationConfigs`, `QuotaConfig`).
    UNMODELLED;
    "client.quota.callback.class": Class = null, Any, Unmodelled, "Quotas: requests are throttled only where a fault says so (`throttle`).";
    "connection.failed.authentication.delay.ms": Int = "100", at_least(0), Unmodelled, "Logging in is not modelled, so it never fails.";
    "connections.max.idle.ms": Long = "600000", Any, Unmodelled, "Connections are not closed for being idle.";
    "connections.max.reauth.ms": Long = "0", Any, Unmodelled, "No connection is closed for logging in anew.";
    "controlled.shutdown.enable": Boolean = "true", Any, Unmodelled, "A restart hands leadership over in order unless the fault says `unclean`.";
    "fetch.max.bytes": Int = "57671680", at_least(1024), Unmodelled, "Only the consumer's own `fetch.max.bytes` bounds an answer.";
    "max.connection.creation.rate": Int = "2147483647", at_least(0), Unmodelled, "New connections are not throttled.";
    "max.connections": Int = "2147483647", at_least(0), Unmodelled, "The number of connections is not limited.";
    "max.connections.per.ip": Int = "2147483647", at_least(0), Unmodelled, "The number of connections is not limited.";
    "max.connections.per.ip.overrides": String = "", Any, Unmodelled, "The number of connections is not limited.";
    "replica.selector.class": String = null, Any, Unmodelled, "Consumers fetch from leaders only.";
    "unclean.leader.election.enable": Boolean = "false", Any, Unmodelled, "A replica that is up can always lead; records of topics are never lost.";
}

/// All other broker properties, by name: known, without effect here.
#[rustfmt::skip] // one name per line, as in the recorded list
pub const OTHERS: &[&str] = &[
    "add.partitions.to.txn.retry.backoff.max.ms",
    "add.partitions.to.txn.retry.backoff.ms",
    "advertised.listeners",
    "alter.config.policy.class.name",
    "alter.log.dirs.replication.quota.window.num",
    "alter.log.dirs.replication.quota.window.size.seconds",
    "authorizer.class.name",
    "auto.create.topics.enable",
    "background.threads",
    "broker.id",
    "broker.rack",
    "client.quota.callback.class",
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.type",
    "compression.zstd.level",
    "connection.failed.authentication.delay.ms",
    "connections.max.idle.ms",
    "connections.max.reauth.ms",
    "controlled.shutdown.enable",
    "controller.listener.names",
    "controller.performance.always.log.threshold.ms",
    "controller.performance.sample.period.ms",
    "controller.quorum.append.linger.ms",
    "controller.quorum.bootstrap.servers",
    "controller.quorum.election.backoff.max.ms",
    "controller.quorum.election.timeout.ms",
    "controller.quorum.fetch.timeout.ms",
    "controller.quorum.request.timeout.ms",
    "controller.quorum.retry.backoff.ms",
    "controller.quorum.voters",
    "controller.quota.window.num",
    "controller.quota.window.size.seconds",
    "controller.socket.timeout.ms",
    "create.topic.policy.class.name",
    "default.replication.factor",
    "delegation.token.expiry.check.interval.ms",
    "delegation.token.expiry.time.ms",
    "delegation.token.max.lifetime.ms",
    "delegation.token.secret.key",
    "delete.records.purgatory.purge.interval.requests",
    "delete.topic.enable",
    "early.start.listeners",
    "fetch.max.bytes",
    "fetch.purgatory.purge.interval.requests",
    "group.share.delivery.count.limit",
    "group.share.enable",
    "group.share.max.record.lock.duration.ms",
    "group.share.max.share.sessions",
    "group.share.min.record.lock.duration.ms",
    "group.share.partition.max.record.locks",
    "group.share.persister.class.name",
    "group.share.record.lock.duration.ms",
    "initial.broker.registration.timeout.ms",
    "inter.broker.listener.name",
    "internal.metadata.delete.delay.millis",
    "internal.metadata.log.segment.bytes",
    "internal.metadata.max.batch.size.in.bytes",
    "internal.metadata.max.fetch.size.in.bytes",
    "kafka.metrics.polling.interval.secs",
    "kafka.metrics.reporters",
    "listener.security.protocol.map",
    "listeners",
    "log.cleaner.backoff.ms",
    "log.cleaner.dedupe.buffer.size",
    "log.cleaner.delete.retention.ms",
    "log.cleaner.enable",
    "log.cleaner.io.buffer.load.factor",
    "log.cleaner.io.buffer.size",
    "log.cleaner.io.max.bytes.per.second",
    "log.cleaner.max.compaction.lag.ms",
    "log.cleaner.min.cleanable.ratio",
    "log.cleaner.min.compaction.lag.ms",
    "log.cleaner.threads",
    "log.cleanup.policy",
    "log.dir",
    "log.dir.failure.timeout.ms",
    "log.dirs",
    "log.flush.interval.messages",
    "log.flush.interval.ms",
    "log.flush.offset.checkpoint.interval.ms",
    "log.flush.scheduler.interval.ms",
    "log.flush.start.offset.checkpoint.interval.ms",
    "log.index.interval.bytes",
    "log.index.size.max.bytes",
    "log.initial.task.delay.ms",
    "log.local.retention.bytes",
    "log.local.retention.ms",
    "log.message.timestamp.after.max.ms",
    "log.message.timestamp.before.max.ms",
    "log.message.timestamp.type",
    "log.preallocate",
    "log.retention.bytes",
    "log.retention.check.interval.ms",
    "log.retention.hours",
    "log.retention.minutes",
    "log.retention.ms",
    "log.roll.hours",
    "log.roll.jitter.hours",
    "log.roll.jitter.ms",
    "log.roll.ms",
    "log.segment.bytes",
    "log.segment.delete.delay.ms",
    "max.connection.creation.rate",
    "max.connections",
    "max.connections.per.ip",
    "max.connections.per.ip.overrides",
    "max.incremental.fetch.session.cache.slots",
    "max.request.partition.size.limit",
    "message.max.bytes",
    "metadata.log.dir",
    "metadata.log.max.record.bytes.between.snapshots",
    "metadata.log.max.snapshot.interval.ms",
    "metadata.log.segment.bytes",
    "metadata.log.segment.ms",
    "metadata.max.idle.interval.ms",
    "metadata.max.retention.bytes",
    "metadata.max.retention.ms",
    "metric.reporters",
    "metrics.num.samples",
    "metrics.recording.level",
    "metrics.sample.window.ms",
    "min.insync.replicas",
    "node.id",
    "num.io.threads",
    "num.network.threads",
    "num.partitions",
    "num.recovery.threads.per.data.dir",
    "num.replica.alter.log.dirs.threads",
    "num.replica.fetchers",
    "principal.builder.class",
    "process.roles",
    "producer.id.expiration.check.interval.ms",
    "producer.id.expiration.ms",
    "producer.purgatory.purge.interval.requests",
    "queued.max.request.bytes",
    "queued.max.requests",
    "quota.window.num",
    "quota.window.size.seconds",
    "remote.fetch.max.wait.ms",
    "remote.list.offsets.request.timeout.ms",
    "remote.log.index.file.cache.total.size.bytes",
    "remote.log.manager.copier.thread.pool.size",
    "remote.log.manager.copy.max.bytes.per.second",
    "remote.log.manager.copy.quota.window.num",
    "remote.log.manager.copy.quota.window.size.seconds",
    "remote.log.manager.expiration.thread.pool.size",
    "remote.log.manager.fetch.max.bytes.per.second",
    "remote.log.manager.fetch.quota.window.num",
    "remote.log.manager.fetch.quota.window.size.seconds",
    "remote.log.manager.task.interval.ms",
    "remote.log.manager.task.retry.backoff.max.ms",
    "remote.log.manager.task.retry.backoff.ms",
    "remote.log.manager.task.retry.jitter",
    "remote.log.manager.thread.pool.size",
    "remote.log.metadata.custom.metadata.max.bytes",
    "remote.log.metadata.manager.class.name",
    "remote.log.metadata.manager.class.path",
    "remote.log.metadata.manager.impl.prefix",
    "remote.log.metadata.manager.listener.name",
    "remote.log.reader.max.pending.tasks",
    "remote.log.reader.threads",
    "remote.log.storage.manager.class.name",
    "remote.log.storage.manager.class.path",
    "remote.log.storage.manager.impl.prefix",
    "remote.log.storage.system.enable",
    "replica.fetch.backoff.ms",
    "replica.fetch.max.bytes",
    "replica.fetch.min.bytes",
    "replica.fetch.response.max.bytes",
    "replica.fetch.wait.max.ms",
    "replica.high.watermark.checkpoint.interval.ms",
    "replica.lag.time.max.ms",
    "replica.selector.class",
    "replica.socket.receive.buffer.bytes",
    "replica.socket.timeout.ms",
    "replication.quota.window.num",
    "replication.quota.window.size.seconds",
    "request.timeout.ms",
    "sasl.client.callback.handler.class",
    "sasl.enabled.mechanisms",
    "sasl.jaas.config",
    "sasl.kerberos.kinit.cmd",
    "sasl.kerberos.min.time.before.relogin",
    "sasl.kerberos.principal.to.local.rules",
    "sasl.kerberos.service.name",
    "sasl.kerberos.ticket.renew.jitter",
    "sasl.kerberos.ticket.renew.window.factor",
    "sasl.login.callback.handler.class",
    "sasl.login.class",
    "sasl.login.connect.timeout.ms",
    "sasl.login.read.timeout.ms",
    "sasl.login.refresh.buffer.seconds",
    "sasl.login.refresh.min.period.seconds",
    "sasl.login.refresh.window.factor",
    "sasl.login.refresh.window.jitter",
    "sasl.login.retry.backoff.max.ms",
    "sasl.login.retry.backoff.ms",
    "sasl.mechanism.controller.protocol",
    "sasl.mechanism.inter.broker.protocol",
    "sasl.oauthbearer.assertion.algorithm",
    "sasl.oauthbearer.assertion.claim.aud",
    "sasl.oauthbearer.assertion.claim.exp.seconds",
    "sasl.oauthbearer.assertion.claim.iss",
    "sasl.oauthbearer.assertion.claim.jti.include",
    "sasl.oauthbearer.assertion.claim.nbf.seconds",
    "sasl.oauthbearer.assertion.claim.sub",
    "sasl.oauthbearer.assertion.file",
    "sasl.oauthbearer.assertion.private.key.file",
    "sasl.oauthbearer.assertion.private.key.passphrase",
    "sasl.oauthbearer.assertion.template.file",
    "sasl.oauthbearer.client.credentials.client.id",
    "sasl.oauthbearer.client.credentials.client.secret",
    "sasl.oauthbearer.clock.skew.seconds",
    "sasl.oauthbearer.expected.audience",
    "sasl.oauthbearer.expected.issuer",
    "sasl.oauthbearer.jwks.endpoint.refresh.ms",
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms",
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms",
    "sasl.oauthbearer.jwks.endpoint.url",
    "sasl.oauthbearer.jwt.retriever.class",
    "sasl.oauthbearer.jwt.validator.class",
    "sasl.oauthbearer.scope",
    "sasl.oauthbearer.scope.claim.name",
    "sasl.oauthbearer.sub.claim.name",
    "sasl.oauthbearer.token.endpoint.url",
    "sasl.server.callback.handler.class",
    "sasl.server.max.receive.size",
    "security.inter.broker.protocol",
    "security.providers",
    "server.max.startup.time.ms",
    "share.coordinator.append.linger.ms",
    "share.coordinator.cold.partition.snapshot.interval.ms",
    "share.coordinator.load.buffer.size",
    "share.coordinator.snapshot.update.records.per.snapshot",
    "share.coordinator.state.topic.compression.codec",
    "share.coordinator.state.topic.min.isr",
    "share.coordinator.state.topic.num.partitions",
    "share.coordinator.state.topic.prune.interval.ms",
    "share.coordinator.state.topic.replication.factor",
    "share.coordinator.state.topic.segment.bytes",
    "share.coordinator.threads",
    "share.coordinator.write.timeout.ms",
    "share.fetch.purgatory.purge.interval.requests",
    "socket.connection.setup.timeout.max.ms",
    "socket.connection.setup.timeout.ms",
    "socket.listen.backlog.size",
    "socket.receive.buffer.bytes",
    "socket.request.max.bytes",
    "socket.send.buffer.bytes",
    "ssl.allow.dn.changes",
    "ssl.allow.san.changes",
    "ssl.cipher.suites",
    "ssl.client.auth",
    "ssl.enabled.protocols",
    "ssl.endpoint.identification.algorithm",
    "ssl.engine.factory.class",
    "ssl.key.password",
    "ssl.keymanager.algorithm",
    "ssl.keystore.certificate.chain",
    "ssl.keystore.key",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.keystore.type",
    "ssl.principal.mapping.rules",
    "ssl.protocol",
    "ssl.provider",
    "ssl.secure.random.implementation",
    "ssl.trustmanager.algorithm",
    "ssl.truststore.certificates",
    "ssl.truststore.location",
    "ssl.truststore.password",
    "ssl.truststore.type",
    "telemetry.max.bytes",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms",
    "transaction.max.timeout.ms",
    "transaction.partition.verification.enable",
    "transaction.remove.expired.transaction.cleanup.interval.ms",
    "transaction.state.log.load.buffer.size",
    "transaction.state.log.min.isr",
    "transaction.state.log.num.partitions",
    "transaction.state.log.replication.factor",
    "transaction.state.log.segment.bytes",
    "transaction.two.phase.commit.enable",
    "transactional.id.expiration.ms",
    "unclean.leader.election.enable",
    "unclean.leader.election.interval.ms",
    "unstable.api.versions.enable",
    "unstable.feature.versions.enable",
];
