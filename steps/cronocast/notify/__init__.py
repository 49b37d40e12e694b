"""Where messages go: one table, one module for each kind, and when one is due."""
