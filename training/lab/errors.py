"""What can go wrong in the lab itself."""


class LabError(Exception):
    """The lab can't go on with a server, or at all; the message says what is wrong and what to do."""
