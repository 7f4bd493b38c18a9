//! Partition assignors as pure functions: range, roundrobin, sticky, cooperative-sticky; server uniform and range.
