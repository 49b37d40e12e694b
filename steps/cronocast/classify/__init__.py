"""The classify step."""
