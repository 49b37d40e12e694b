"""`cronocast init`: a values file for what a database holds."""
