"""Where the history comes from: one table, one module or folder for each kind."""
