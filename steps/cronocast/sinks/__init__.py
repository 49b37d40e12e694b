"""Where the forecast goes: one table, one folder for each kind."""
