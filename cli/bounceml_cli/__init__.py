"""The command line of bounceml."""
