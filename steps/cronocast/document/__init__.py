"""The series document: one entry, its cross-checks, the values file, the chart's own values."""
