"""InfluxDB by line protocol over `/write`."""
