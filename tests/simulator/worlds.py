"""Small data sets for tests that need one of their own, served for the time of a block."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from local.simulator import Simulator
from tests.simulator.tiny_clinic import PASSWORD, TIMEOUT_SECONDS, USER, DataApiClient, outcome

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="the program openssl is not installed")


def layout(name: str, fields: Mapping[str, str], rows: Sequence[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    """Describe a layout: types by field, and a record for each row, with ids from 1."""
    return {
        "layout": name,
        "table": f"{name}_TO",
        "fields": [{"name": field, "result": result} for field, result in fields.items()],
        "records": [{"recordId": str(number), "fieldData": dict(row)} for number, row in enumerate(rows, start=1)],
        **more,
    }


def world(*layouts: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Describe a database of these layouts; other keys of `database.json` may be named."""
    return {"database": "Clinic", "user": USER, "password": PASSWORD, "layouts": list(layouts), **more}


@contextmanager
def serving(*described: Any, **options: Any) -> Iterator[tuple[Simulator, DataApiClient]]:
    """Serve the described databases; yield the simulator with a client that has logged in."""
    with Simulator.from_dataset(*described, **options) as simulator:
        client = DataApiClient(simulator)
        with client.http:
            if simulator.ca_file:
                client.http.trust_env = False  # REQUESTS_CA_BUNDLE would win over the session's own
                client.http.verify = str(simulator.ca_file)
            assert outcome(client.log_in()) == (200, "0")
            yield simulator, client


def field_data(answer: Any) -> list[dict[str, Any]]:
    """Return `fieldData` of every record of a good answer."""
    assert outcome(answer) == (200, "0")
    return [record["fieldData"] for record in answer.json()["response"]["data"]]


def addresses(client: DataApiClient) -> dict[str, str]:
    """Return `fieldData` of the first record of the layout Files: addresses by field."""
    return field_data(client.records("Files"))[0]


def fetch(url: str, **options: Any) -> requests.Response:
    """Fetch a file as a client with a cookie jar of its own does."""
    with requests.Session() as jar:
        return jar.get(url, timeout=TIMEOUT_SECONDS, **options)
