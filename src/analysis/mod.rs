//! Observers that fold the events of a run into figures: rebalances, pauses and causes, barrier blame, lag, metrics, invariants.
