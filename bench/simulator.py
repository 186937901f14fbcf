"""How fast the simulator answers: `python -m bench.simulator [--records N]`.

Writes a data set of one layout, starts the simulator as a process of its own and asks it over one kept-alive
connection, without gzip. A row of the table is one kind of request: the first one, which may have to make an index,
and the median and the 95th percentile of those after it.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlencode

RECORDS = 100_000
PAGE_RECORDS = 1_000
REPETITIONS = 40
START_REPETITIONS = 3
REPOSITORY = Path(__file__).parents[1]
BASE = "/fmi/data/v2/databases/Bench"
FIELDS = {
    **dict.fromkeys(("id", "title", "first name", "last name", "clinic", "funding", "number", "note"), "text"),
    "born": "date",
    "planned": "date",
    "age": "number",
    "fee": "number",
    "at": "time",
    "created": "timeStamp",
    "modified": "timeStamp",
}
BY_ID = [{"fieldName": "id", "sortOrder": "ascend"}]
BY_NAME = [{"fieldName": "last name"}, {"fieldName": "born", "sortOrder": "descend"}]


def make_rows(count: int) -> Iterator[dict[str, Any]]:
    """Yield rows of a made-up clinic, the same for the same count; ids are in no order."""
    dice = random.Random(count)
    for number in range(count):
        day = f"{dice.randint(1, 12):02}/{dice.randint(1, 28):02}/{dice.randint(1930, 2024)}"
        yield {
            "id": f"{dice.getrandbits(64):016X}-{number:08X}",
            "title": dice.choice(["Ms", "Mr", "Dr", ""]),
            "first name": dice.choice(["Anna", "Ben", "Chloé", "Đorđe"]),
            "last name": f"Name{dice.randint(1, 20_000)}",
            "clinic": dice.choice(["Newcastle", "New Lambton", "Maitland"]),
            "funding": dice.choice(["private", "public"]),
            "number": str(dice.randint(10**9, 10**10)),
            "note": "a note of some length about nothing in particular",
            "born": day,
            "planned": day,
            "age": dice.randint(0, 99),
            "fee": dice.randint(0, 9999) / 100,
            "at": f"{dice.randint(8, 17):02}:30:00",
            "created": f"{day} 12:00:{dice.randint(0, 59):02}",
            "modified": f"{day} 13:00:{dice.randint(0, 59):02}",
        }


def write_data_set(directory: Path, count: int) -> list[str]:
    """Write the data set and return its ids in order."""
    rows = list(make_rows(count))
    layout = {
        "table": "people_TO",
        "fields": [{"name": name, "result": result} for name, result in FIELDS.items()],
        "records": [{"recordId": str(number), "fieldData": row} for number, row in enumerate(rows, start=1)],
    }
    (directory / "database.json").write_text(json.dumps({"database": "Bench", "user": "u", "password": "p"}))
    (directory / "People.json").write_text(json.dumps(layout))
    return sorted(row["id"] for row in rows)


@contextmanager
def started(directory: Path) -> Iterator[tuple[int, float]]:
    """Start the simulator; yield its port and the seconds until it said that it is ready."""
    begun = perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "local.simulator", "--data", str(directory), "--port-file", str(directory / "ports")],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout is not None
            _ready = [process.stdout.readline() for _ in range(2)]
            yield json.loads((directory / "ports").read_text())["port"], perf_counter() - begun
        finally:
            process.terminate()


class Client:
    """One connection with one token."""

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port)
        basic = base64.b64encode(b"u:p").decode()
        self._http.request("POST", f"{BASE}/sessions", headers={"Authorization": f"Basic {basic}"})
        answer = self._http.getresponse()
        answer.read()
        self._headers = {
            "Authorization": f"Bearer {answer.headers['X-FM-Data-Access-Token']}",
            "Content-Type": "application/json",
        }

    def page(self, **parameters: Any) -> float:
        """Read a page of the layout; return the milliseconds until its last byte."""
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in parameters.items()}
        return self._timed("GET", f"{BASE}/layouts/People/records?{urlencode(texts)}")

    def find(self, criteria: dict[str, str], **body: Any) -> float:
        """Find records; return the milliseconds until the last byte."""
        return self._timed("POST", f"{BASE}/layouts/People/_find", json.dumps({"query": [criteria], **body}))

    def _timed(self, method: str, path: str, body: str | None = None) -> float:
        begun = perf_counter()
        self._http.request(method, path, body, self._headers)
        answer = self._http.getresponse()
        content = answer.read()
        seconds = perf_counter() - begun
        if answer.status != 200:
            raise SystemExit(f"{method} {path}: {answer.status} {content[:200]!r}")
        return seconds * 1000


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one kind of request: of the first, and of those after it."""

    name: str
    first: float
    later: list[float]

    def row(self) -> str:
        """Return the row of the table."""
        ordered = sorted(self.later)
        p95 = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
        return f"{self.name:<44}{self.first:>10.1f}{statistics.median(ordered):>10.1f}{p95:>10.1f}"


def measure(client: Client, ids: list[str]) -> Iterator[Timing]:
    """Yield the timing of each kind of request."""
    deep = max(1, len(ids) - PAGE_RECORDS)
    size = str(PAGE_RECORDS)
    dice = random.Random(1)

    def key() -> str:
        return dice.choice(ids[: max(1, len(ids) - PAGE_RECORDS)])

    kinds = {
        "page, from the start": lambda: client.page(_limit=size),
        "page, deep": lambda: client.page(_limit=size, _offset=str(deep)),
        "page, deep, ISO dates": lambda: client.page(_limit=size, _offset=str(deep), dateformats="2"),
        "page, deep, sorted by two fields": lambda: client.page(_limit=size, _offset=str(deep), _sort=BY_NAME),
        "page of a walk by key": lambda: client.find({"id": f">{key()}"}, sort=BY_ID, limit=size),
        "one record by key": lambda: client.find({"id": f"=={key()}"}),
        "find by a word, another each time": lambda: client.find({"last name": f"Name{dice.randint(1000, 9999)}"}),
        "find by a range, next page": lambda: client.find({"age": "20...60"}, limit=size, offset=str(PAGE_RECORDS)),
    }
    for name, ask in kinds.items():
        first = ask()
        yield Timing(name, first, [ask() for _ in range(REPETITIONS)])


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.simulator", description=__doc__)
    parser.add_argument("--records", type=int, default=RECORDS, help="records of the layout (default %(default)s)")
    count = parser.parse_args().records
    with tempfile.TemporaryDirectory(prefix="bench-simulator-") as name:
        directory = Path(name)
        ids = write_data_set(directory, count)
        megabytes = (directory / "People.json").stat().st_size / 1e6
        starts = []
        for _ in range(START_REPETITIONS):
            with started(directory) as (_, seconds):
                starts.append(seconds * 1000)
        print(f"{count:,} records of {len(FIELDS)} fields, {megabytes:.0f} MB of JSON; pages of {PAGE_RECORDS:,}\n")
        print(f"{'milliseconds':<44}{'first':>10}{'p50':>10}{'p95':>10}")
        print(Timing("start", starts[0], starts).row())
        with started(directory) as (port, _):
            for timing in measure(Client(port), ids):
                print(timing.row(), flush=True)


if __name__ == "__main__":
    main()
