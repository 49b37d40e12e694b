"""VictoriaMetrics as a sink: line protocol in, PromQL and exports out."""
