"""Networks on what trend and season leave: LSTM and N-BEATS, trained for all members together."""
