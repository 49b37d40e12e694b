"""Tables of users, CSV or Parquet: what in them is time, value and member. They become a history."""
