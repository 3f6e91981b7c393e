"""Languages of pages."""

import locale
import os
from enum import StrEnum


class Language(StrEnum):
    """A language that pages are written in."""

    en = "en"
    zh = "zh"


def language_of_locale() -> Language:
    """The language that this computer is set to, English where it is none of ours."""
    told = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), None)
    said = told or locale.getlocale()[0] or ""
    return Language.zh if said.lower().startswith(("zh", "chinese")) else Language.en
