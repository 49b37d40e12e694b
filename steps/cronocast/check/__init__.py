"""`cronocast check`: what would go wrong in the first night, seen at the databases, with how to fix it."""
