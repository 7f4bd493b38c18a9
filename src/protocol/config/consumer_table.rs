//! Every property of the Java consumer, as `ConsumerConfig.configDef()` of Kafka 4.1.1 lists them
//! (`testdata/consumer-4.1.1.tsv` is its output, and a test compares).

use super::property::Valid::{Any, AnyCase, Decimal, NonEmpty, OneOf};
use super::property::{Kind, Property, Role, at_least, between, properties};

/// The property of that name.
pub fn find(name: &str) -> Option<&'static Property> {
    CONSUMER.iter().find(|property| property.name == name)
}

properties! {
    /// Properties of the Java consumer, by name.
    CONSUMER;
    "allow.auto.create.topics": Boolean = "true", Any, Ignored, "Topics come into being when the scenario says so.";
    "auto.commit.interval.ms": Int = "5000", at_least(0), Applied, "Time between two automatic commits, tried from `poll` (ConsumerCoordinator).";
    "auto.offset.reset": String = "latest", OneOf(&["latest", "earliest", "none", "by_duration:PnDTnHnMn.nS"]), Applied, "Where to start without a committed offset; `by_duration` is not modelled.";
    "bootstrap.servers": List = "", Any, Ignored, "The brokers are those of the scenario.";
    "check.crcs": Boolean = "true", Any, Ignored, "Bytes on the wire are not modelled.";
    "client.dns.lookup": String = "use_all_dns_ips", OneOf(&["use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"]), Ignored, "The brokers are those of the scenario.";
    "client.id": String = "", Any, Applied, "First part of a dynamic member's id; the consumer's name if absent.";
    "client.rack": String = "", Any, Applied, "Rack of the consumer, for rack-aware assignment.";
    "connections.max.idle.ms": Long = "540000", Any, Unmodelled, "Connections are not closed for being idle.";
    "default.api.timeout.ms": Int = "60000", at_least(0), Applied, "How long `commitSync`, `position` and `committed` may block.";
    "enable.auto.commit": Boolean = "true", Any, Applied, "Commit what `poll` has returned, from later polls, before rejoining and on close.";
    "enable.metrics.push": Boolean = "true", Any, Ignored, "Metrics here are the report's own.";
    "exclude.internal.topics": Boolean = "true", Any, Ignored, "Patterns here never match internal topics.";
    "fetch.max.bytes": Int = "52428800", at_least(0), Applied, "Most bytes of one fetch, all partitions together.";
    "fetch.max.wait.ms": Int = "500", at_least(0), Applied, "How long a broker parks a fetch that finds nothing; delays what queues behind it.";
    "fetch.min.bytes": Int = "1", at_least(0), Applied, "A broker answers a fetch once this much is there.";
    "group.id": String = null, Any, Named, "The group is the one that the consumer stands under in the scenario.";
    "group.instance.id": String = null, NonEmpty, Applied, "Makes the member static (KIP-345); takes the placeholders {name}, {index} and {group}.";
    "group.protocol": String = "classic", AnyCase(&["CLASSIC", "CONSUMER"]), Named, "`classic`; the consumer protocol (KIP-848) is not modelled yet.";
    "group.remote.assignor": String = null, Any, Named, "Belongs to the consumer protocol; Kafka refuses it under `classic`.";
    "heartbeat.interval.ms": Int = "3000", Any, Applied, "Time between heartbeats, hence how soon a member learns of a rebalance; below the session timeout.";
    "interceptor.classes": List = "", Any, Unmodelled, "The time that interceptors take inside `poll` and commits is not counted.";
    "internal.leave.group.on.close": Boolean = "true", Any, Applied, "A dynamic member sends LeaveGroup from `close` (Kafka Streams sets false).";
    "internal.throw.on.fetch.stable.offset.unsupported": Boolean = "false", Any, Ignored, "Every broker here supports stable offset fetches.";
    "isolation.level": String = "read_uncommitted", OneOf(&["read_committed", "read_uncommitted"]), Unmodelled, "There are no transactions: a consumer of `read_committed` does not wait for open ones to end.";
    "key.deserializer": Class = null, Any, Ignored, "Records here have no content.";
    "max.partition.fetch.bytes": Int = "1048576", at_least(0), Applied, "Most bytes of one partition in one fetch, bounds what a poll can return.";
    "max.poll.interval.ms": Int = "300000", at_least(1), Applied, "Longest time between polls before the member leaves; sent as the rebalance timeout.";
    "max.poll.records": Int = "500", at_least(1), Applied, "Most records that one poll returns.";
    "metadata.max.age.ms": Long = "300000", at_least(0), Applied, "Age at which metadata is refreshed: how soon new partitions are noticed.";
    "metadata.recovery.rebootstrap.trigger.ms": Long = "300000", at_least(0), Unmodelled, "Only an outage of all brokers leads to a rebootstrap here.";
    "metadata.recovery.strategy": String = "rebootstrap", AnyCase(&["NONE", "REBOOTSTRAP"]), Applied, "Forget brokers and topics when no broker answers (KIP-899).";
    "metric.reporters": List = "org.apache.kafka.common.metrics.JmxReporter", Any, Ignored, "Metrics here are the report's own.";
    "metrics.num.samples": Int = "2", at_least(1), Ignored, "Metrics here are the report's own.";
    "metrics.recording.level": String = "INFO", OneOf(&["INFO", "DEBUG", "TRACE"]), Ignored, "Metrics here are the report's own.";
    "metrics.sample.window.ms": Long = "30000", at_least(0), Ignored, "Metrics here are the report's own.";
    "partition.assignment.strategy": List = "org.apache.kafka.clients.consumer.RangeAssignor,org.apache.kafka.clients.consumer.CooperativeStickyAssignor", Any, Applied, "Assignors, most wanted first: classes of org.apache.kafka.clients.consumer, or names on the wire.";
    "receive.buffer.bytes": Int = "65536", at_least(-1), Ignored, "Bytes on the wire are not modelled.";
    "reconnect.backoff.max.ms": Long = "1000", at_least(0), Applied, "Longest wait before a connection is tried again.";
    "reconnect.backoff.ms": Long = "50", at_least(0), Applied, "First wait before a connection is tried again; doubles, with jitter.";
    "request.timeout.ms": Int = "30000", at_least(0), Applied, "How long an answer may take before the connection is closed.";
    "retry.backoff.max.ms": Long = "1000", at_least(0), Applied, "Longest wait before a request is tried again.";
    "retry.backoff.ms": Long = "100", at_least(0), Applied, "Wait before a request is tried again; also the beat of the heartbeat thread's loop.";
    "sasl.client.callback.handler.class": Class = null, Any, Ignored, "Logging in is not modelled.";
    "sasl.jaas.config": Password = null, Any, Ignored, "Logging in is not modelled.";
    "sasl.kerberos.kinit.cmd": String = "/usr/bin/kinit", Any, Ignored, "Logging in is not modelled.";
    "sasl.kerberos.min.time.before.relogin": Long = "60000", Any, Ignored, "Logging in is not modelled.";
    "sasl.kerberos.service.name": String = null, Any, Ignored, "Logging in is not modelled.";
    "sasl.kerberos.ticket.renew.jitter": Double = "0.05", Any, Ignored, "Logging in is not modelled.";
    "sasl.kerberos.ticket.renew.window.factor": Double = "0.8", Any, Ignored, "Logging in is not modelled.";
    "sasl.login.callback.handler.class": Class = null, Any, Ignored, "Logging in is not modelled.";
    "sasl.login.class": Class = null, Any, Ignored, "Logging in is not modelled.";
    "sasl.login.connect.timeout.ms": Int = null, Any, Ignored, "Logging in is not modelled.";
    "sasl.login.read.timeout.ms": Int = null, Any, Ignored, "Logging in is not modelled.";
    "sasl.login.refresh.buffer.seconds": Short = "300", between(0, 3600), Ignored, "Logging in is not modelled.";
    "sasl.login.refresh.min.period.seconds": Short = "60", between(0, 900), Ignored, "Logging in is not modelled.";
    "sasl.login.refresh.window.factor": Double = "0.8", Decimal(0.5, 1.0), Ignored, "Logging in is not modelled.";
    "sasl.login.refresh.window.jitter": Double = "0.05", Decimal(0.0, 0.25), Ignored, "Logging in is not modelled.";
    "sasl.login.retry.backoff.max.ms": Long = "10000", Any, Ignored, "Logging in is not modelled.";
    "sasl.login.retry.backoff.ms": Long = "100", Any, Ignored, "Logging in is not modelled.";
    "sasl.mechanism": String = "GSSAPI", Any, Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.assertion.algorithm": String = "RS256", AnyCase(&["ES256", "RS256"]), Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.assertion.claim.aud": String = null, Any, Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.assertion.claim.exp.seconds": Int = "300", between(0, 86400), Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.assertion.claim.iss": String = null, Any, Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.assertion.claim.jti.include": Boolean = "false", Any, Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.assertion.claim.nbf.seconds": Int = "60", between(0, 3600), Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.assertion.claim.sub": String = null, Any, Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.assertion.file": String = null, Any, Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.assertion.private.key.file": String = null, Any, Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.assertion.private.key.passphrase": Password = null, Any, Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.assertion.template.file": String = null, Any, Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.client.credentials.client.id": String = null, Any, Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.client.credentials.client.secret": Password = null, Any, Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.clock.skew.seconds": Int = "30", Any, Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.expected.audience": List = null, Any, Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.expected.issuer": String = null, Any, Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.header.urlencode": Boolean = "false", Any, Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.jwks.endpoint.refresh.ms": Long = "3600000", Any, Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms": Long = "10000", Any, Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms": Long = "100", Any, Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.jwks.endpoint.url": String = null, Any, Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.jwt.retriever.class": Class = "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever", Any, Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.jwt.validator.class": Class = "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator", Any, Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.scope": String = null, Any, Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.scope.claim.name": String = "scope", Any, Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.sub.claim.name": String = "sub", Any, Ignored, "Logging in is not modelled.";
    "sasl.oauthbearer.token.endpoint.url": String = null, Any, Ignored, "Logging in is not modelled.";
    "security.protocol": String = "PLAINTEXT", AnyCase(&["PLAINTEXT", "SASL_PLAINTEXT", "SASL_SSL", "SSL"]), Unmodelled, "Encrypting and logging in take time on every new connection; here they take none.";
    "security.providers": String = null, Any, Ignored, "Logging in is not modelled.";
    "send.buffer.bytes": Int = "131072", at_least(-1), Ignored, "Bytes on the wire are not modelled.";
    "session.timeout.ms": Int = "45000", Any, Applied, "Silence after which the coordinator removes the member; within the broker's bounds.";
    "share.acknowledgement.mode": String = "implicit", OneOf(&["implicit", "explicit"]), Named, "Belongs to share groups; Kafka refuses it under `classic`.";
    "socket.connection.setup.timeout.max.ms": Long = "30000", Any, Applied, "Longest time for one connection set-up.";
    "socket.connection.setup.timeout.ms": Long = "10000", Any, Applied, "Time for one connection set-up; doubles with failures.";
    "ssl.cipher.suites": List = null, Any, Ignored, "Encryption is not modelled.";
    "ssl.enabled.protocols": List = "TLSv1.2,TLSv1.3", Any, Ignored, "Encryption is not modelled.";
    "ssl.endpoint.identification.algorithm": String = "https", Any, Ignored, "Encryption is not modelled.";
    "ssl.engine.factory.class": Class = null, Any, Ignored, "Encryption is not modelled.";
    "ssl.key.password": Password = null, Any, Ignored, "Encryption is not modelled.";
    "ssl.keymanager.algorithm": String = "SunX509", Any, Ignored, "Encryption is not modelled.";
    "ssl.keystore.certificate.chain": Password = null, Any, Ignored, "Encryption is not modelled.";
    "ssl.keystore.key": Password = null, Any, Ignored, "Encryption is not modelled.";
    "ssl.keystore.location": String = null, Any, Ignored, "Encryption is not modelled.";
    "ssl.keystore.password": Password = null, Any, Ignored, "Encryption is not modelled.";
    "ssl.keystore.type": String = "JKS", Any, Ignored, "Encryption is not modelled.";
    "ssl.protocol": String = "TLSv1.3", Any, Ignored, "Encryption is not modelled.";
    "ssl.provider": String = null, Any, Ignored, "Encryption is not modelled.";
    "ssl.secure.random.implementation": String = null, Any, Ignored, "Encryption is not modelled.";
    "ssl.trustmanager.algorithm": String = "PKIX", Any, Ignored, "Encryption is not modelled.";
    "ssl.truststore.certificates": Password = null, Any, Ignored, "Encryption is not modelled.";
    "ssl.truststore.location": String = null, Any, Ignored, "Encryption is not modelled.";
    "ssl.truststore.password": Password = null, Any, Ignored, "Encryption is not modelled.";
    "ssl.truststore.type": String = "JKS", Any, Ignored, "Encryption is not modelled.";
    "value.deserializer": Class = null, Any, Ignored, "Records here have no content.";
}

/// Settings that deserializers in wide use read out of `consumer.properties`: known, without effect here.
pub const OF_OTHERS: &[&str] = &[
    "auto.register.schemas",
    "basic.auth.credentials.source",
    "basic.auth.user.info",
    "schema.registry.basic.auth.user.info",
    "schema.registry.url",
    "specific.avro.reader",
    "use.latest.version",
    "value.subject.name.strategy",
];
