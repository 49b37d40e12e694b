"""The chain: its steps, what each reads and writes, and the shell that runs one."""
