"""Every public client gets addresses of files; those that can fetch them do so through the redirect with its cookie."""

from __future__ import annotations

import re

import pytest

from local.simulator import Simulator
from tests.simulator.clients.clinic import DOCUMENTS, FILES
from tests.simulator.clients.common import PublicClient, Refused
from tests.simulator.clients.conftest import OpenClient

# The others hand out the address and leave the rest to their users.
DOWNLOADERS = ["python-fmrest", "fms-api-client"]


def test_a_container_holds_an_address_or_nothing(client: PublicClient, simulator: Simulator) -> None:
    addresses = [row.fields["file"] for row in client.page(DOCUMENTS)]
    form = re.escape(f"{simulator.url}/Streaming_SSL/MainDB/") + r"[0-9a-f]{64}\.(pdf|png)\?RCType=\w+"
    assert [bool(re.fullmatch(form, address)) for address in addresses] == [True, True, False]
    assert addresses[2] == ""


@pytest.mark.parametrize("name", DOWNLOADERS)
@pytest.mark.parametrize("record_id", FILES)
def test_a_file(name: str, record_id: str, simulator: Simulator, open_client: OpenClient) -> None:
    client = open_client(name, simulator)
    address = client.record(DOCUMENTS, record_id).fields["file"]
    assert client.download(address) == FILES[record_id]
    client.log_out()
    assert simulator.control.state()["sessions_open"] == 0


def test_an_address_ends_with_its_session_and_python_fmrest_takes_the_page_for_a_file(
    simulator: Simulator, open_client: OpenClient
) -> None:
    client = open_client("python-fmrest", simulator)
    address = client.record(DOCUMENTS, "1").fields["file"]
    client.log_out()
    assert b"<html>" in client.download(address)


def test_an_address_ends_with_its_session_and_fms_api_client_says_so(
    simulator: Simulator, open_client: OpenClient
) -> None:
    client = open_client("fms-api-client", simulator)
    address = client.record(DOCUMENTS, "1").fields["file"]
    client.log_out()
    with pytest.raises(Refused, match="status code 401"):
        client.download(address)
