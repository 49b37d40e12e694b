"""InfluxDB by InfluxQL: 1.x, and 2.x and 3.x through their 1.x-compatible `/query`."""
