"""What a user types: one module for the command line, one for each larger command."""
