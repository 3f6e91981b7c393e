"""Whether the same input gives the same bytes under several Python versions, on one thread and on two.

`python tests/determinism.py python3.11 python3.13` makes an environment for each, with the same packages, and lets it
score an export in three formats, read the example messages and train a small model: once on one thread in one process,
and once on two in two. What comes out is compared.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
_ROWS = 60_000
WORK = """
import json, sys
from pathlib import Path
import bounceml
from bounceml.mail import read_message
from bounceml.rules import builtin_rules
from bounceml_datasets.corpus import Row
from bounceml_datasets.exports.scoring import Job, score_export
from bounceml_training.trainer import train

source, folder, examples, threads = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
classifier = bounceml.load()
for ending in ("csv", "jsonl", "parquet"):
    job = Job(source, str(folder / f"scored.{ending}"))
    score_export(job, classifier=classifier, tell=lambda *_: None, note=lambda _: None, workers=threads)
found = [v.to_dict() for p in sorted(examples.glob("*.eml")) for v in classifier.judge(read_message(p.read_bytes()))]
(folder / "verdicts.json").write_text(json.dumps(found))
texts = {"user_unknown": "no such user", "mailbox_full": "quota exceeded", "server_error": "internal error"}
rows = tuple(
    Row(text=f"{text} number {word} here", reason=reason, kind="bounce", lang="en", source="generic", part="x", line=i)
    for reason, text in texts.items() for i, word in enumerate("one two three four five six seven eight".split())
)
train(rows, rules=builtin_rules()).write(folder / "small.model")
"""


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each file in a folder, by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def environment_of(python: str, *, folder: Path) -> Path:
    """A Python with bounceml and its packages in an environment of its own."""
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    run = folder / "bin" / "python"
    subprocess.run([str(run), "-m", "pip", "install", "--quiet", f"{ROOT}[exports]"], check=True)
    return run


def made_by(python: Path, *, source: Path, folder: Path, threads: int) -> dict[str, str]:
    """What a Python makes of the export: digests by name of the file."""
    folder.mkdir()
    counts = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LOKY_MAX_CPU_COUNT"), str(threads))
    command = [str(python), "-c", WORK, str(source), str(folder), str(ROOT / "examples"), str(threads)]
    subprocess.run(command, check=True, env=os.environ | counts)
    found = digests(folder)
    # The manifest of a model says with which Python it was trained; the rest must be the same.
    model = (folder / "small.model").read_bytes()
    size = int.from_bytes(model[8:16], "little")
    header = json.loads(model[48 : 48 + size])
    header["manifest"].pop("python")
    header["manifest"].pop("packages")
    arrays = model[48 + size :]
    return found | {"small.model": hashlib.sha256(json.dumps(header).encode() + arrays).hexdigest()}


def version_of(python: Path) -> str:
    """The version of a Python, as 3.13.0."""
    said = subprocess.run([str(python), "--version"], check=True, capture_output=True, text=True)
    return said.stdout.split()[1]


def main() -> None:
    """Compare; exit status 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("pythons", nargs="+", metavar="PYTHON")
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT / "tests" / "benchmarks"))
    from exports import write

    found: list[dict[str, str]] = []
    versions: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "export.parquet"
        write(source, rows=_ROWS, distinct=False)
        for number, python in enumerate(given.pythons):
            run = environment_of(python, folder=folder / f"environment-{number}")
            versions.append(version_of(run))
            found += [
                made_by(run, source=source, folder=folder / f"made-{number}-{threads}", threads=threads)
                for threads in (1, 2)
            ]
    differ = [name for name in found[0] if len({each[name] for each in found}) > 1]
    told = f": {', '.join(differ)}" if differ else ""
    print(f"Python {' and '.join(versions)}, one thread and two: {len(found[0])} files, {len(differ)} differ{told}")
    sys.exit(1 if differ else 0)


if __name__ == "__main__":
    main()
