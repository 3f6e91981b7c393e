"""`python -m lab`: run real mail servers on a loopback of their own and read the bounces that they write."""

import argparse
import asyncio
import sys
from pathlib import Path

from lab.errors import LabError
from lab.paths import cache
from lab.server import server_names


def main(arguments: list[str] | None = None) -> int:
    """Run one command of the lab; the exit status, which is 1 where a server failed or a bounce was misread."""
    parser = argparse.ArgumentParser(prog="lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="install what lacks, make the servers bounce, and print what was read")
    run.add_argument("servers", nargs="*", metavar="SERVER", help=f"of {', '.join(server_names())}; all where none")
    judge = commands.add_parser("judge", help="read the bounces of the last run again")
    judge.add_argument("servers", nargs="*", metavar="SERVER")
    judge.add_argument("--show", action="store_true", help="print what wasn't read as it was sent")
    keep = commands.add_parser("record", help="write the tests' sample of bounces and the README's table anew")
    keep.add_argument("servers", nargs="*", metavar="SERVER")
    cell = commands.add_parser("cell", help="for `run` itself: one server, inside its namespaces")
    cell.add_argument("server")
    cell.add_argument("out", type=Path)
    faults = commands.add_parser("faults", help="make servers refuse for real, and keep and label what they say")
    faults.add_argument("receivers", nargs="*", metavar="RECEIVER", help="all where none")
    commands.add_parser("faults-record", help="write the rows and messages of the last run of `faults` to datasets/lab")
    held_out = commands.add_parser("held-out", help="train without a server and test on what it said, for each server")
    held_out.add_argument("--rows", type=Path, help="rows to test on instead of those of datasets/lab")
    fault_cell = commands.add_parser("fault-cell", help="for `faults` itself: one receiver, inside its namespaces")
    fault_cell.add_argument("receiver")
    fault_cell.add_argument("out", type=Path)
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "run":
            from lab.run import run_servers

            run_servers(chosen.servers or server_names(), cache=cache())
            chosen.show = False
        if chosen.command == "cell":
            from lab.run import run_inside

            asyncio.run(run_inside(chosen.server, out=chosen.out, cache=cache()))
            return 0
        if chosen.command in ("faults", "fault-cell", "faults-record", "held-out"):
            _faults(chosen)
            return 0
        if chosen.command == "record":
            from lab.record import record

            record(chosen.servers or server_names(), cache=cache())
            return 0
        from lab.judge import print_table

        well = print_table(chosen.servers or server_names(), cache=cache(), show=chosen.show)
    except LabError as err:
        print(f"lab: {err}", file=sys.stderr)
        return 1
    return 0 if well else 1


def _faults(chosen: argparse.Namespace) -> None:
    from lab.faults import held_out, recording, rows, running, table
    from lab.faults.fault import receiver_names

    if chosen.command == "fault-cell":
        asyncio.run(running.run_inside(chosen.receiver, out=chosen.out, cache=cache()))
    elif chosen.command == "held-out":
        found = held_out.measure_held_out(rows.load_rows(chosen.rows or recording.FOLDER / "rows.jsonl"))
        held_out.write_held_out(found, recording.FOLDER / "held-out.json")
        table.put("held out", held_out.held_out_table(found))
    else:
        if chosen.command == "faults":
            running.run_receivers(chosen.receivers or receiver_names(), cache=cache())
        loaded = [running.load_run(name, cache=cache()) for name in running.run_names(receiver_names())]
        runs = [run for run in loaded if run is not None]
        labelled = rows.rows_of(runs)
        if chosen.command == "faults-record":
            recording.record(labelled, runs)
            table.put("sources", table.source_table(labelled))
            table.put("faults", table.fault_table(labelled))
            table.put("failures", "\n".join(table.failures(runs, labelled)))
        print(table.source_table(labelled), table.fault_table(labelled), *table.failures(runs, labelled), sep="\n")


if __name__ == "__main__":
    sys.exit(main())
