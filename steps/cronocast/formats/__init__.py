"""Text that other programs read: names and lines of InfluxDB."""
