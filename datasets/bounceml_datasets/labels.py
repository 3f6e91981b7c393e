"""What a text can be labelled as, by the names that people write: a reason, or the kind of what is no bounce."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import get_args

from bounceml.taxonomy import Kind
from bounceml_datasets.corpus import KIND_PREFIX

# What each kind says to a person, beside what the table says of the reasons.
KINDS = {
    "auto_reply": "no bounce: an absence note or another automatic answer",
    "delivered": "no bounce: says that the mail was delivered or read",
    "complaint": "no bounce: somebody reported the mail as spam",
    "other": "no bounce: anything else",
}
assert set(KINDS) == set(get_args(Kind)) - {"bounce", "delay"}


@dataclass(frozen=True, slots=True)
class Label:
    """A reason, or a kind without one."""

    reason: str | None
    kind: str = "bounce"

    @property
    def name(self) -> str:
        """The name that `find_label` reads, also where a reason is called like a kind."""
        return self.reason or f"{KIND_PREFIX}{self.kind}"


def find_label(name: str, *, reasons: Collection[str]) -> Label | None:
    """The label of a name; None where there is none. A reason goes before a kind that is called the same.

    >>> find_label("auto_reply", reasons=["mailbox_full"])
    Label(reason=None, kind='auto_reply')
    """
    name = name.strip()
    if name in reasons:
        return Label(name)
    kind = name.removeprefix(KIND_PREFIX)
    return Label(None, kind) if kind in KINDS else None


def label_names(reasons: Collection[str]) -> tuple[str, ...]:
    """Names of all labels, in the order of the table and the kinds behind; the shortest that `find_label` reads."""
    return (*reasons, *(f"{KIND_PREFIX}{kind}" if kind in reasons else kind for kind in KINDS))


def short_name(name: str, *, reasons: Collection[str]) -> str:
    """A class of the model by the name that people see: "kind:other" is "other" where no reason is called so.

    >>> short_name("kind:auto_reply", reasons=["mailbox_full"])
    'auto_reply'
    """
    bare = name.removeprefix(KIND_PREFIX)
    return name if bare in reasons else bare
