"""The version of bounceml."""

__version__ = "0.1.0"
