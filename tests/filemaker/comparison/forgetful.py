"""A program that reads a page and ends without logging out: python -m … CLIENT URL CA_FILE."""

from __future__ import annotations

import sys

import fmdata
import fmrest
from nexus_import.filemaker.client import FileMakerClient

from tests.filemaker.comparison.bench import FMREST, OURS
from tests.simulator.clients.clinic import DATABASE, PASSWORD, PEOPLE, USER


def main(name: str, url: str, ca_file: str) -> None:
    """Read one record with one of the clients."""
    if name == OURS:
        client = FileMakerClient(url, DATABASE, USER, PASSWORD, ca_file=ca_file)
        assert client.get_records(PEOPLE, limit=1).records
    elif name == FMREST:
        server = fmrest.Server(url, USER, PASSWORD, DATABASE, PEOPLE, api_version="vLatest", verify_ssl=ca_file)
        server.login()
        assert list(server.get_records(limit=1))
    else:
        login = fmdata.UsernamePasswordLogin(USER, PASSWORD)
        other = fmdata.Client(url, DATABASE, login, version="22", verify_ssl=ca_file)
        assert other.get_records(PEOPLE, limit=1).response.data


if __name__ == "__main__":
    main(*sys.argv[1:])
