"""What is compared between two exports, from `data/drift.toml`."""

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Literal

Name = Literal["unseen", "new", "confidence", "fallback", "mix"]
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that is compared: `least` is the change 0–1 from which it is drift, `worse` where less is known."""

    id: Name
    title: str
    means: str
    least: float
    worse: Literal["up", "down", ""]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is compared, in the order shown, and from when on a change counts."""

    measures: tuple[Measure, ...]
    significant: float
    least_rows: int
    most_receivers: int

    def measure(self, name: Name) -> Measure:
        """A measure by its id."""
        return next(measure for measure in self.measures if measure.id == name)


def load_plan() -> Plan:
    """The plan that comes with bounceml; raises ValueError for one of another format."""
    text = resources.files("bounceml_training").joinpath("data/drift.toml").read_text("utf-8")
    data = tomllib.loads(text)
    if data["format"] != _FORMAT:
        raise ValueError(f"drift.toml: format {data['format']}, not {_FORMAT}")
    return Plan(
        measures=tuple(Measure(**entry) for entry in data["measure"]),
        significant=float(data["significant"]),
        least_rows=int(data["least_rows"]),
        most_receivers=int(data["most_receivers"]),
    )
