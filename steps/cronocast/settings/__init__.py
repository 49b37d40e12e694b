"""How a setting is declared: kinds of values, documents of them, and the rules for single values."""
