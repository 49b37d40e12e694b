"""The files between steps: read, written, and proved."""
