"""The engine: past forecasts, the choice among models, intervals, and the forecast of every member."""
