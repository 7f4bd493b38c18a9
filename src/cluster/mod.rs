//! The simulated machines: hosts, network, replicated log, brokers, workload, faults, and the one loop that carries inputs and outputs.
