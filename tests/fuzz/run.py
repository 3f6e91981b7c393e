"""Fuzzes the readers with atheris, guided by coverage; not part of `make test`.

Without --one it runs every target in a process of its own, and prints how many inputs each had. Whatever breaks a
promise is kept in `findings/TARGET`, where the tests try it again for ever.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
FINDINGS = HERE / "findings"
# Megabytes that no input may take, and bytes that it has at most.
MEMORY_MB, LARGEST = 2048, 20_000


def fuzz_one(name: str, *, runs: int, seconds: int, seed: int) -> None:
    """Fuzz a target in this process, which libFuzzer ends."""
    import atheris

    with atheris.instrument_imports(include=["bounceml", "bounceml_datasets"]):
        from targets import TARGETS
    target = TARGETS[name]
    with tempfile.TemporaryDirectory() as corpus:
        for number, data in enumerate(target.seeds()):
            (Path(corpus) / f"{number:05}").write_bytes(data)
        (FINDINGS / name).mkdir(parents=True, exist_ok=True)
        options = {
            "runs": runs,
            "max_total_time": seconds,
            "seed": seed,
            "timeout": target.timeout_s,
            "rss_limit_mb": MEMORY_MB,
            "max_len": LARGEST,
            "artifact_prefix": f"{FINDINGS / name}/",
            "print_final_stats": 1,
            "verbosity": 0,
        }
        flags = [f"-{key}={value}" for key, value in options.items()]
        atheris.Setup([sys.argv[0], *flags, corpus], target.check)
        atheris.Fuzz()


def main() -> None:
    """Fuzz all targets; exit status 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("targets", nargs="*", help="targets to fuzz; all by default")
    parser.add_argument("--one", action="store_true", help="fuzz one target in this process")
    parser.add_argument("--runs", type=int, default=-1, help="inputs of each target; no bound by default")
    parser.add_argument("--seconds", type=int, default=60, help="seconds for each target")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.one:
        fuzz_one(options.targets[0], runs=options.runs, seconds=options.seconds, seed=options.seed)
        return
    sys.path.insert(0, str(HERE))
    from targets import TARGETS

    found, total = 0, 0
    for name in options.targets or TARGETS:
        started = time.monotonic()
        how = [f"--{key}={getattr(options, key)}" for key in ("runs", "seconds", "seed")]
        command = [sys.executable, str(Path(__file__)), "--one", name, *how]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        tried = re.search(r"number_of_executed_units: (\d+)", done.stderr)
        inputs = int(tried[1]) if tried else 0
        total += inputs
        found += done.returncode != 0
        print(f"{name}: {inputs:,} inputs in {time.monotonic() - started:.0f} s", flush=True)
        if done.returncode:
            print(done.stderr[-2000:], file=sys.stderr)
    print(f"{total:,} inputs in all, {found} targets with findings")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
