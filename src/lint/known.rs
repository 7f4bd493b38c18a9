//! Names that are known beside the properties of the Java consumer: those of producers, all of librdkafka's, and since when
//! the Java consumer has which.

use crate::scenario::profile::Version;

/// Properties of the Java producer that a consumer does not have (`ProducerConfig`, 4.1).
#[rustfmt::skip] // one name per line
pub const PRODUCER: &[&str] = &[
    "acks",
    "batch.size",
    "buffer.memory",
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.type",
    "compression.zstd.level",
    "delivery.timeout.ms",
    "enable.idempotence",
    "key.serializer",
    "linger.ms",
    "max.block.ms",
    "max.in.flight.requests.per.connection",
    "max.request.size",
    "metadata.max.idle.ms",
    "partitioner.adaptive.partitioning.enable",
    "partitioner.availability.timeout.ms",
    "partitioner.class",
    "partitioner.ignore.keys",
    "retries",
    "transaction.timeout.ms",
    "transaction.two.phase.commit.enable",
    "transactional.id",
    "value.serializer",
];

/// All of librdkafka's properties that a consumer may be given (its CONFIGURATION.md), sorted.
#[rustfmt::skip] // one name per line
pub const LIBRDKAFKA: &[&str] = &[
    "allow.auto.create.topics",
    "api.version.fallback.ms",
    "api.version.request",
    "api.version.request.timeout.ms",
    "auto.commit.enable",
    "auto.commit.interval.ms",
    "auto.offset.reset",
    "background_event_cb",
    "bootstrap.servers",
    "broker.address.family",
    "broker.address.ttl",
    "broker.version.fallback",
    "builtin.features",
    "check.crcs",
    "client.dns.lookup",
    "client.id",
    "client.rack",
    "closesocket_cb",
    "connect_cb",
    "connections.max.idle.ms",
    "consume.callback.max.messages",
    "consume_cb",
    "coordinator.query.interval.ms",
    "debug",
    "default_topic_conf",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.metrics.push",
    "enable.partition.eof",
    "enable.random.seed",
    "enable.sasl.oauthbearer.unsecure.jwt",
    "enable.ssl.certificate.verification",
    "enabled_events",
    "error_cb",
    "fetch.error.backoff.ms",
    "fetch.max.bytes",
    "fetch.message.max.bytes",
    "fetch.min.bytes",
    "fetch.queue.backoff.ms",
    "fetch.wait.max.ms",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "group.protocol.type",
    "group.remote.assignor",
    "heartbeat.interval.ms",
    "https.ca.location",
    "https.ca.pem",
    "interceptors",
    "internal.termination.signal",
    "isolation.level",
    "log.connection.close",
    "log.queue",
    "log.thread.name",
    "log_cb",
    "log_level",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "max.partition.fetch.bytes",
    "max.poll.interval.ms",
    "max.poll.records",
    "message.copy.max.bytes",
    "message.max.bytes",
    "metadata.broker.list",
    "metadata.max.age.ms",
    "metadata.recovery.rebootstrap.trigger.ms",
    "metadata.recovery.strategy",
    "oauthbearer_token_refresh_cb",
    "offset.store.method",
    "offset.store.path",
    "offset.store.sync.interval.ms",
    "offset_commit_cb",
    "opaque",
    "open_cb",
    "partition.assignment.strategy",
    "plugin.library.paths",
    "queued.max.messages.kbytes",
    "queued.min.messages",
    "rebalance_cb",
    "receive.message.max.bytes",
    "reconnect.backoff.jitter.ms",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "resolve_cb",
    "retry.backoff.max.ms",
    "retry.backoff.ms",
    "sasl.kerberos.keytab",
    "sasl.kerberos.kinit.cmd",
    "sasl.kerberos.min.time.before.relogin",
    "sasl.kerberos.principal",
    "sasl.kerberos.service.name",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.oauthbearer.assertion.algorithm",
    "sasl.oauthbearer.assertion.claim.aud",
    "sasl.oauthbearer.assertion.claim.exp.seconds",
    "sasl.oauthbearer.assertion.claim.iss",
    "sasl.oauthbearer.assertion.claim.jti.include",
    "sasl.oauthbearer.assertion.claim.nbf.seconds",
    "sasl.oauthbearer.assertion.claim.sub",
    "sasl.oauthbearer.assertion.file",
    "sasl.oauthbearer.assertion.jwt.template.file",
    "sasl.oauthbearer.assertion.private.key.file",
    "sasl.oauthbearer.assertion.private.key.passphrase",
    "sasl.oauthbearer.assertion.private.key.pem",
    "sasl.oauthbearer.client.credentials.client.id",
    "sasl.oauthbearer.client.credentials.client.secret",
    "sasl.oauthbearer.client.id",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.config",
    "sasl.oauthbearer.extensions",
    "sasl.oauthbearer.grant.type",
    "sasl.oauthbearer.metadata.authentication.type",
    "sasl.oauthbearer.method",
    "sasl.oauthbearer.scope",
    "sasl.oauthbearer.sub.claim.name",
    "sasl.oauthbearer.token.endpoint.url",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "session.timeout.ms",
    "share.acknowledgement.mode",
    "socket.blocking.max.ms",
    "socket.connection.setup.timeout.ms",
    "socket.keepalive.enable",
    "socket.max.fails",
    "socket.nagle.disable",
    "socket.receive.buffer.bytes",
    "socket.send.buffer.bytes",
    "socket.timeout.ms",
    "socket_cb",
    "ssl.ca.certificate.stores",
    "ssl.ca.location",
    "ssl.ca.pem",
    "ssl.certificate.location",
    "ssl.certificate.pem",
    "ssl.certificate.verify_cb",
    "ssl.cipher.suites",
    "ssl.crl.location",
    "ssl.curves.list",
    "ssl.endpoint.identification.algorithm",
    "ssl.engine.id",
    "ssl.engine.location",
    "ssl.key.location",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.providers",
    "ssl.sigalgs.list",
    "ssl_ca",
    "ssl_certificate",
    "ssl_engine_callback_data",
    "ssl_key",
    "statistics.interval.ms",
    "stats_cb",
    "throttle_cb",
    "topic.blacklist",
    "topic.metadata.propagation.max.ms",
    "topic.metadata.refresh.fast.cnt",
    "topic.metadata.refresh.fast.interval.ms",
    "topic.metadata.refresh.interval.ms",
    "topic.metadata.refresh.sparse",
];

/// librdkafka's properties for producers, sorted.
#[rustfmt::skip] // one name per line
pub const LIBRDKAFKA_PRODUCER: &[&str] = &[
    "acks",
    "batch.num.messages",
    "batch.size",
    "compression.codec",
    "compression.level",
    "compression.type",
    "delivery.report.only.error",
    "delivery.timeout.ms",
    "dr_cb",
    "dr_msg_cb",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "linger.ms",
    "message.send.max.retries",
    "message.timeout.ms",
    "msg_order_cmp",
    "partitioner",
    "partitioner_cb",
    "produce.offset.report",
    "queue.buffering.backpressure.threshold",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "queue.buffering.max.ms",
    "queuing.strategy",
    "request.required.acks",
    "retries",
    "sticky.partitioning.linger.ms",
    "transaction.timeout.ms",
    "transactional.id",
];

/// Bounds that librdkafka has where the Java consumer has others or none (its CONFIGURATION.md).
pub const LIBRDKAFKA_BOUNDS: &[(&str, i64, i64)] = &[
    ("session.timeout.ms", 1, 3_600_000),
    ("heartbeat.interval.ms", 1, 3_600_000),
    ("max.poll.interval.ms", 1, 86_400_000),
    ("auto.commit.interval.ms", 0, 86_400_000),
    ("fetch.wait.max.ms", 0, 300_000),
    ("socket.timeout.ms", 10, 300_000),
    ("retry.backoff.ms", 1, 300_000),
    ("retry.backoff.max.ms", 1, 300_000),
    ("reconnect.backoff.ms", 0, 3_600_000),
    ("reconnect.backoff.max.ms", 0, 3_600_000),
    ("topic.metadata.refresh.interval.ms", -1, 3_600_000),
];

/// Since which version the Java consumer has a property: those that a mistake is likely about.
pub const SINCE: &[(&str, Version)] = &[
    ("max.poll.records", (0, 10, 0)),                      // KIP-41
    ("max.poll.interval.ms", (0, 10, 1)),                  // KIP-62
    ("reconnect.backoff.max.ms", (0, 11, 0)),              // KIP-144
    ("internal.leave.group.on.close", (0, 11, 0)),         // KAFKA-4965
    ("isolation.level", (0, 11, 0)),                       // KIP-98
    ("default.api.timeout.ms", (2, 0, 0)),                 // KIP-266
    ("group.instance.id", (2, 3, 0)),                      // KIP-345
    ("allow.auto.create.topics", (2, 3, 0)),               // KIP-361
    ("client.rack", (2, 4, 0)),                            // KIP-392
    ("socket.connection.setup.timeout.ms", (2, 7, 0)),     // KIP-601
    ("socket.connection.setup.timeout.max.ms", (2, 7, 0)), // KIP-601
    ("retry.backoff.max.ms", (3, 7, 0)),                   // KIP-580
    ("group.protocol", (3, 7, 0)),                         // KIP-848
    ("group.remote.assignor", (3, 7, 0)),                  // KIP-848
    ("metadata.recovery.strategy", (3, 8, 0)),             // KIP-899
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::config::consumer_table;
    use crate::scenario::ClientProfile;

    #[test]
    fn lists_are_sorted_and_do_not_overlap() {
        assert!(PRODUCER.is_sorted() && LIBRDKAFKA.is_sorted() && LIBRDKAFKA_PRODUCER.is_sorted());
        assert!(PRODUCER.iter().all(|name| consumer_table::find(name).is_none()));
        assert!(LIBRDKAFKA_PRODUCER.iter().all(|name| !LIBRDKAFKA.contains(name)));
    }

    #[test]
    fn every_name_with_a_version_or_bounds_is_a_setting() {
        assert!(SINCE.iter().all(|(name, _)| consumer_table::find(name).is_some()));
        assert!(LIBRDKAFKA_BOUNDS.iter().all(|(name, ..)| LIBRDKAFKA.contains(name)));
        let librdkafka = ClientProfile::find("librdkafka-2").unwrap();
        let modelled = LIBRDKAFKA.iter().filter(|name| librdkafka.meaning(name, "1").is_ok());
        assert!(modelled.count() > 15);
    }
}
