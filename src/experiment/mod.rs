//! Many runs: seeds, comparison, sweeps, statistics.
