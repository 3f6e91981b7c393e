"""Reads bounce messages: hard or soft, for what reason, how sure, and what to do.

>>> import bounceml
>>> verdict = bounceml.load().classify("552 5.2.2 Mailbox full")
>>> verdict.reason, verdict.type, verdict.action
('mailbox_full', 'soft', 'retry')
"""

from bounceml._version import __version__
from bounceml.classifier import Classifier, load
from bounceml.errors import BounceError, ConfigError, CorpusError, MessageError, ModelFileError
from bounceml.mail import MessageReport, RecipientReport, read_message
from bounceml.taxonomy import Reason, Taxonomy
from bounceml.verdict import Alternative, Blocklist, Verdict

__all__ = [
    "Alternative",
    "Blocklist",
    "BounceError",
    "Classifier",
    "ConfigError",
    "CorpusError",
    "MessageError",
    "MessageReport",
    "ModelFileError",
    "Reason",
    "RecipientReport",
    "Taxonomy",
    "Verdict",
    "__version__",
    "load",
    "read_message",
]
