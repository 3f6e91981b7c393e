"""Whether the same input gives the same bytes under several Python versions, on one thread and on two.

`python tests/determinism.py python3.11 python3.13` makes an environment for each, with the same packages, lets it score
an export in three formats, read the example messages and train a small model, and compares what comes out.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORK = """
import json, sys
from pathlib import Path
import bounceml
from bounceml.mail import read_message
from bounceml.rules import builtin_rules
from bounceml_datasets.corpus import Row
from bounceml_datasets.exports.scoring import Job, score_export
from bounceml_training.trainer import train

source, folder, examples = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
classifier = bounceml.load()
for workers in (1, 2):
    for ending in ("csv", "jsonl", "parquet"):
        job = Job(source, str(folder / f"scored-{workers}.{ending}"))
        score_export(job, classifier=classifier, tell=lambda *_: None, note=lambda _: None, workers=workers)
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


def made_by(python: str, *, source: Path, folder: Path) -> dict[str, str]:
    """What a Python makes of the export: digests by name of the file."""
    environment, made = folder / "environment", folder / "made"
    made.mkdir(parents=True)
    subprocess.run([python, "-m", "venv", str(environment)], check=True)
    run = str(environment / "bin" / "python")
    subprocess.run([run, "-m", "pip", "install", "--quiet", f"{ROOT}[exports]"], check=True)
    subprocess.run([run, "-c", WORK, str(source), str(made), str(ROOT / "examples")], check=True)
    found = digests(made)
    # The manifest of a model says with which Python it was trained; the rest must be the same.
    model = (made / "small.model").read_bytes()
    size = int.from_bytes(model[8:16], "little")
    header = json.loads(model[48 : 48 + size])
    header["manifest"].pop("python")
    header["manifest"].pop("packages")
    arrays = model[48 + size :]
    return found | {"small.model": hashlib.sha256(json.dumps(header).encode() + arrays).hexdigest()}


def main() -> None:
    """Compare; exit status 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("pythons", nargs="+", metavar="PYTHON")
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT / "tests" / "benchmarks"))
    from exports import write

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "export.parquet"
        write(source, rows=60_000, distinct=False)
        found = {
            python: made_by(python, source=source, folder=Path(folder) / str(number))
            for number, python in enumerate(given.pythons)
        }
    first = next(iter(found.values()))
    names = sorted(first)
    differ = [name for name in names if len({each[name] for each in found.values()}) > 1]
    for ending in ("csv", "jsonl", "parquet"):
        if first[f"scored-1.{ending}"] != first[f"scored-2.{ending}"]:
            differ += [f"scored-*.{ending}"]
    told = f": {', '.join(differ)}" if differ else ""
    print(f"{', '.join(given.pythons)}, one thread and two: {len(names)} files, {len(differ)} differ{told}")
    sys.exit(1 if differ else 0)


if __name__ == "__main__":
    main()
