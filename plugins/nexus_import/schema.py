"""`python -m nexus_import.schema`: compares Nexus's columns with include/schema.yaml, and writes the file anew.

For the engineer who looks at a migration of Nexus. Needs the right to read the database and nothing else.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence

import psycopg

from nexus_import.errors import NexusImportError
from nexus_import.nexus.known_columns import Difference, differences, known_file, read_known, write_known


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the differences; return 0 when there are none or they were written, 1 when there are some, 2 on errors."""
    parser = argparse.ArgumentParser(prog="python -m nexus_import.schema", description=__doc__)
    parser.add_argument(
        "--database",
        default="",
        metavar="URI",
        help="postgresql://… of Nexus; without it libpq's own settings count (PGHOST, PGDATABASE, PGSERVICE …)",
    )
    parser.add_argument("--write", action="store_true", help=f"write {known_file().name} from what Nexus has now")
    chosen = parser.parse_args(arguments)
    try:
        with psycopg.connect(chosen.database) as connection:
            found = write_known(connection) if chosen.write else list(differences(connection, read_known()))
    except (psycopg.Error, NexusImportError) as error:
        sys.stderr.write(f"{str(error).strip()}\n")
        return 2
    sys.stdout.writelines(_lines(found))
    if chosen.write:
        sys.stdout.write(f"{known_file()} is written.\n")
    return int(bool(found) and not chosen.write)


def _lines(found: Iterable[Difference]) -> Iterable[str]:
    for difference in found:
        was, now = difference.known or "not there", difference.present or "not there"
        yield f"{difference.table}.{difference.column}: {now} (the file says: {was})\n"


if __name__ == "__main__":
    sys.exit(main())
