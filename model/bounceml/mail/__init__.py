"""Reading bounce messages: whole e-mails, files of them, and bare replies in a file."""

from bounceml.mail.files import message_files, split_file
from bounceml.mail.reader import read_message
from bounceml.mail.report import MessageReport, RecipientReport

__all__ = ["MessageReport", "RecipientReport", "message_files", "read_message", "split_file"]
