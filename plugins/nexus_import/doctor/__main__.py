"""Checks a deployment from top to bottom: one line per item, with what was seen and what to do.

It uses what a run uses, in the same environment, and says what a run would say: policy and mapping files, the three
connections to Nexus with the rights of each role, the schema guard of phase 0, the object store, FileMaker with every
mapped layout and field, mail, Airflow's own database, pool, operators, secrets and settings, and the clocks of all.
Nothing of Nexus or FileMaker is changed and no record is read; one small object is written to the object store and
removed again.

✅ good   ⚠ to look at   ❌ a run would stop or suffer here   – not looked at
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, MutableMapping, Sequence

EPILOG = """
Run it where the tasks run, as the user that runs them: beside the scheduler with LocalExecutor, in a worker else.

exit code: 0 nothing is wrong (there may be warnings); 1 something is; 2 wrong options
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m nexus_import.doctor",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--configuration",
        default="default",
        help="which mapping files and which policy to look at (default: %(default)s)",
    )
    parser.add_argument(
        "--read-only", action="store_true", dest="is_reading_only", help="write nothing, not even to the object store"
    )
    return parser


def main(arguments: Sequence[str] | None = None, say: Callable[[str], object] | None = None) -> int:
    """Run the command line; return the exit code. `say` takes each line as soon as it is known."""
    given = make_parser().parse_args(arguments)
    # what libraries warn of is said here in a line of its own
    logging.disable(logging.WARNING)
    # Airflow reads its settings when it is imported
    from nexus_import.doctor.examining import examine

    try:
        return examine(given.configuration, given.is_reading_only, say or (lambda line: sys.stdout.write(f"{line}\n")))
    finally:
        logging.disable(logging.NOTSET)


def prepare_process(environment: MutableMapping[str, str]) -> None:
    """Set what Airflow and libpq read from the environment of a process of the doctor's own."""
    # as Airflow's own `airflow connections` does: connections may stand in Airflow's database, too
    environment.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    # a host that swallows packets must not hold up the other lines
    environment.setdefault("PGCONNECT_TIMEOUT", "10")
    # Airflow's loggers write to the same place as the doctor, and follow this alone
    environment["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "ERROR"


if __name__ == "__main__":
    prepare_process(os.environ)
    sys.exit(main())
