"""HTTP to the databases: one client with limits, retries and typed faults."""
