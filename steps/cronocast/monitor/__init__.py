"""What comes after a forecast: vintages, accuracy, drift, crossing dates, anomalies. Pure functions on arrays."""
