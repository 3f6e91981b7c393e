"""What fuzzing found stays mended, and its targets work."""

import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parent / "fuzz"
sys.path.insert(0, str(FUZZ))

from targets import TARGETS  # noqa: E402

FINDINGS = sorted(path for path in (FUZZ / "findings").glob("*/*"))


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_takes_its_seeds(name: str) -> None:
    seeds = TARGETS[name].seeds()
    assert seeds
    for data in seeds[:20]:
        TARGETS[name].check(data)


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_findings_stay_mended(path: Path) -> None:
    TARGETS[path.parent.name].check(path.read_bytes())
