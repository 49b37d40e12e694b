"""`cronocast check`: what would go wrong in the first night, seen at the databases, with the sentence that mends it."""
