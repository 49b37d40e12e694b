"""Models behind one interface, loaded by name from one table."""
