"""What is installed from the wheel is whole: every data file is in it, and a message is answered from it alone."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]
PACKAGES = [
    ROOT / path
    for path in ("model/bounceml", "training/bounceml_training", "datasets/bounceml_datasets", "cli/bounceml_cli")
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("dist")), versions=["standard"])
    return Path(next(iter(built)))


def test_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    files = {
        str(path.relative_to(package.parent))
        for package in PACKAGES
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as opened:
        held = {name for name in opened.namelist() if ".dist-info/" not in name}
    assert held == files
    assert "bounceml/py.typed" in held


def test_message_is_answered_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(tmp_path)
    # Started elsewhere, and with the unpacked wheel before everything else: the checkout can't help out.
    done = subprocess.run(
        [sys.executable, "-m", "bounceml_cli", "predict", "--json", "--text", "550 5.1.1 User unknown"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert '"reason": "user_unknown"' in done.stdout
    where = subprocess.run(
        [sys.executable, "-c", "import bounceml; print(bounceml.__file__)"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(where.stdout.strip()).is_relative_to(tmp_path)
