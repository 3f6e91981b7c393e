"""An export's figures in a page's language: counts, shares, reasons and periods."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from bounceml.taxonomy import Taxonomy
from bounceml_cli.exits import printable
from bounceml_cli.pages.texts import Texts
from bounceml_datasets.reports.figures import Figures
from bounceml_datasets.reports.timeline import DAY

FAULTS = ("recipient", "sender", "content", "network", "unknown")


@dataclass(frozen=True, slots=True)
class Words:
    """How a page names and counts what is in the figures; what strangers wrote is made printable."""

    figures: Figures
    taxonomy: Taxonomy
    texts: Texts

    @property
    def source(self) -> str:
        """The export's name."""
        return name_of(self.figures.source)

    def reason(self, reason: str | None) -> str:
        """A reason in words."""
        return printable(self.texts.reason(reason or "unknown", taxonomy=self.taxonomy))

    def fault(self, reason: str | None) -> str:
        """Whose fault a reason is."""
        return self.taxonomy[reason or "unknown"].fault

    def receiver(self, name: str) -> str:
        """A receiver's domain."""
        return printable(name) or self.texts.say("receivers_nameless")

    def counted(self, n: int) -> str:
        """A count with its share of all failures."""
        return self.texts.counted(n, self.figures.failures)

    def failures(self, n: int) -> str:
        """A count of failures, named as such, with its share of all."""
        share = self.texts.share(n, self.figures.failures)
        return self.texts.say("failures", n=self.texts.number(n), share=share)

    def by_fault(self, reasons: Mapping[str, int]) -> Counter[str]:
        """Counts of reasons by whose fault they are."""
        found: Counter[str] = Counter()
        for reason, n in reasons.items():
            found[self.fault(reason)] += n
        return found

    def mendable(self) -> int:
        """Failures for the sender to mend."""
        faults = self.by_fault(self.figures.reasons())
        return faults["sender"] + faults["content"]

    def span(self, start: int, end: int, *, step: int) -> str:
        """A period in words; its last day counts as a whole."""
        first = self.texts.moment(start, step=step)
        last = self.texts.moment(end - 1 if step >= DAY else end, step=step)
        return first if first == last else self.texts.say("period", start=first, end=last)


def width(part: float, whole: float) -> str:
    """The width of a bar in per cent."""
    return f"{100 * part / whole if whole else 0:.2f}"


def name_of(source: str) -> str:
    """The name of a file, without its folders."""
    return printable(source.replace("\\", "/").rpartition("/")[2])
