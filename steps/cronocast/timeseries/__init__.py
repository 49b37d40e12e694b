"""What is done with values before any model: grid, clock, holidays, preparation."""
