"""Fuzzes all that reads what strangers wrote with atheris, guided by coverage; not part of `make test`.

`--total N` gives each target its share of N inputs; naming targets runs a piece of that. Each target has a process of
its own, and its inputs are counted. Whatever breaks a promise is kept in `findings/TARGET`, where the tests try it
again for ever.
"""

import argparse
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
FINDINGS = HERE / "findings"
# Megabytes that a target's process may take, bytes of an input at most, and seconds by the clock after which it hangs;
# those of the processor are counted by `Target.check`, whatever else the machine does.
MEMORY_MB, LARGEST, HANGS_S = 2048, 6000, 60


def fuzz_one(name: str, *, runs: int, seed: int) -> None:
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
            "seed": seed,
            "timeout": HANGS_S,
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
    parser.add_argument("--runs", type=int, help="inputs of each target, in place of its share")
    parser.add_argument("--total", type=int, default=200_000, help="inputs of all targets together, by their shares")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
    if options.one:
        fuzz_one(options.targets[0], runs=options.runs, seed=options.seed)
        return
    from targets import TARGETS

    shares = sum(target.share for target in TARGETS.values())
    found, total, began = 0, 0, time.monotonic()
    for name in options.targets or TARGETS:
        runs = options.runs or -(-options.total * TARGETS[name].share // shares)
        inputs, problem = _fuzzed(name, runs=runs, seed=options.seed)
        total += inputs
        found += problem is not None
        if problem:
            print(problem, file=sys.stderr)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{total:,} inputs in all in {time.monotonic() - began:,.0f} s by the clock and "
        f"{used.ru_utime + used.ru_stime:,.0f} s of the processor; {found} targets with findings"
    )
    sys.exit(1 if found else 0)


def _fuzzed(name: str, *, runs: int, seed: int) -> tuple[int, str | None]:
    """Inputs that a target was given by a process of its own, and the end of what it said if it found anything."""
    started = time.monotonic()
    command = [sys.executable, str(Path(__file__)), "--one", name, f"--runs={runs}", f"--seed={seed}"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    tried = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    inputs = int(tried[1]) if tried else 0
    print(f"{name}: {inputs:,} inputs in {time.monotonic() - started:,.0f} s", flush=True)
    folder = FINDINGS / name
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    return inputs, done.stderr[-3000:] if done.returncode else None


if __name__ == "__main__":
    main()
