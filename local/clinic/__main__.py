"""The command line: `python -m local.clinic DIRECTORY` makes a clinic there, and loads it when asked."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from . import CLINICS, SEED_CLINIC, create_schema, load_nexus, make_clinic

DATABASE_VARIABLE = "NEXUS_DB_URI"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    options = _parser().parse_args(arguments)
    summary = make_clinic(
        options.directory, options.clinic, scale=options.scale, seed=options.seed, today=options.today
    )
    for layout, count in summary.filemaker.items():
        print(f"FileMaker {layout}: {count:,} records")
    for trouble, count in summary.troubles.items():
        print(f"Trouble {trouble}: {count:,} records")
    print(f"Nexus: {sum(summary.nexus.values()):,} rows in {len(summary.nexus)} tables")
    print(f"Storage: {summary.object_count:,} objects")
    if options.load:
        uri = os.environ.get(DATABASE_VARIABLE)
        if not uri:
            raise SystemExit(f"--load needs {DATABASE_VARIABLE}, the URI of an empty database as its owner")
        create_schema(uri)
        load_nexus(uri, options.directory)
        print("Nexus: loaded")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.clinic", description=__doc__)
    parser.add_argument("directory", type=Path, help="where to write; an older clinic there is overwritten")
    parser.add_argument(
        "--clinic",
        choices=CLINICS,
        default=SEED_CLINIC,
        help="seed: as the requirement describes it (default); reference: layouts and troubles of a real installation",
    )
    parser.add_argument("--scale", type=float, default=1.0, help="multiple of 2,842 patients (default 1)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed and day give the same bytes")
    parser.add_argument(
        "--today", type=date.fromisoformat, default=None, help="the day the clinic is as of, YYYY-MM-DD"
    )
    parser.add_argument(
        "--load", action="store_true", help=f"also create the schema and load the rows at {DATABASE_VARIABLE}"
    )
    return parser


if __name__ == "__main__":
    main()
