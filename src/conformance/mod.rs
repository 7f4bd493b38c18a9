//! Replays recordings of real Kafka and counts agreement.
