"""`cronocast serve`: forecasts, dates and accuracy as metrics that Prometheus scrapes, and series managed over HTTP."""
