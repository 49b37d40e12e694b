"""Regimes: states of a machine that are learnt from its past, told of every value that arrives on a topic."""
