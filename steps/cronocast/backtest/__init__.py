"""`cronocast backtest`: what the whole engine would have forecast in the past, held against what came after."""
