"""A text to be labelled, with all that helps to decide."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """A label by its name, with the model's probability 0–1."""

    label: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Item:
    """One template: an example of it, and what is known of it.

    `count` is how often it came, at least; `domains` how many receivers' domains sent it, None where the export
    doesn't say. `answers` are the model's likeliest labels, the best first. `rule_reason` is what the most precise
    matching rule says, `rule` its id; `provider_class` the provider's own class and `provider_reason` what it means,
    where a crosswalk knows.
    """

    text: str
    count: int | None = None
    domains: int | None = None
    lang: str = ""
    answers: tuple[Answer, ...] = ()
    rule_reason: str = ""
    rule: str = ""
    provider_class: str = ""
    provider_reason: str = ""
