"""The errors that bounceml raises on purpose; anything else is a bug and keeps its traceback."""


class BounceError(Exception):
    """Base of all errors a caller can act on; the message is one line that says what to do."""


class MessageError(BounceError):
    """A message or a file of messages can't be read at all (empty, binary, unreadable)."""


class ModelFileError(BounceError):
    """A model file is missing, damaged, of another format, or doesn't agree with its header."""


class ConfigError(BounceError):
    """A taxonomy, rule or configuration file breaks its format; names the file and the entry."""


class CorpusError(BounceError):
    """A corpus of labelled rows, or an export, can't be used; names the file and the line."""
