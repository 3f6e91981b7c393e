from bounceml.mail.report import MessageReport, RecipientReport

__all__ = ["MessageReport", "RecipientReport"]
