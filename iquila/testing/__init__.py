"""Public helpers for tests and examples: small hosts, in-memory transports, a cluster."""
