"""What the clients make of values and of files in container fields."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

import fmdata
import fmrest
from fmdata import FMFieldType
from nexus_import.filemaker.client import FileMakerClient

from tests.filemaker.comparison.bench import Bench, good, offers, outcome
from tests.filemaker.comparison.clinic import (
    AMOUNT_TEXT,
    AWKWARD,
    BORN,
    DOCUMENTS,
    FILES,
    OWN_RECORD_ID,
    PHONE,
)

FILE_RECORD = "2"


def number_type(bench: Bench) -> str:
    with bench.opened() as client:
        value = _awkward(bench, client)["amount"]
    assert str(value) == AMOUNT_TEXT
    return f"`{type(value).__name__}`"


def typed_dates(bench: Bench) -> str:
    """Read a date as the client's own kind of typed value, where it has one."""

    def guessed(server: fmrest.Server) -> Any:
        server.type_conversion = True
        return server.get_record(1, request_layout=AWKWARD)["born"]

    with bench.opened() as client:
        value = bench.ask(
            client,
            lambda c: c.record(AWKWARD, "1").fields["born"],
            guessed,
            lambda c: _model(c).objects.get(record_id="1").born,
        )
    is_right = value in (BORN, datetime(BORN.year, BORN.month, BORN.day), f"{BORN:%m/%d/%Y}")
    assert is_right
    return f"`{type(value).__name__}`"


def digits_in_text(bench: Bench) -> str:
    """Read a telephone number out of a text field, with the switches on that made a date of a date."""

    def guessed(server: fmrest.Server) -> Any:
        server.type_conversion = True
        return server.get_record(1, request_layout=AWKWARD)["phone"]

    with bench.opened() as client:
        value = bench.ask(
            client,
            lambda c: c.record(AWKWARD, "1").fields["phone"],
            guessed,
            lambda c: _model(c).objects.get(record_id="1").phone,
        )
    return "kept" if value == PHONE else f"{PHONE} becomes {value}"


def iso_dates(bench: Bench) -> str:
    def read(client: Any) -> str:
        value = bench.ask(
            client,
            lambda c: c.get_records(AWKWARD, limit=1).records[0].fields["born"],
            lambda c: c.get_records(limit=1, date_format="iso-8601", request_layout=AWKWARD)[0]["born"],
            lambda c: good(c.get_records(AWKWARD, limit=1, date_formats=2)).data[0]["born"],
        )
        return str(value)

    with bench.opened(is_iso=True) as client:
        return outcome(lambda: read(client))


def field_called_record_id(bench: Bench) -> str:
    with bench.opened() as client:
        return "kept" if _awkward(bench, client)["recordId"] == OWN_RECORD_ID else "overwritten"


def file_of_a_container(bench: Bench) -> str:
    return _downloaded(bench)


def file_that_is_cut_off(bench: Bench) -> str:
    bench.simulator.control.set_faults(truncated_downloads=1)
    return _downloaded(bench)


def file_behind_the_token(bench: Bench) -> str:
    bench.simulator.control.set_faults(container_needs_bearer=True)
    return _downloaded(bench)


def address_that_expired(bench: Bench) -> str:
    with bench.opened() as client:
        return outcome(lambda: _download(bench, client, is_expired=True))


def _downloaded(bench: Bench) -> str:
    with bench.opened() as client:
        return outcome(lambda: _download(bench, client))


def _download(bench: Bench, client: Any, *, is_expired: bool = False) -> str:
    """Fetch a file by the address in its record, as soon as it was read or after it expired."""

    def expire() -> None:
        if is_expired:
            assert bench.simulator.control.expire_container_urls()

    def ours(client: FileMakerClient) -> bytes:
        address = client.record(DOCUMENTS, FILE_RECORD).fields["file"]
        expire()
        file = io.BytesIO()
        client.download(str(address), file)
        return file.getvalue()

    def of_fmrest(server: fmrest.Server) -> bytes:
        record = server.get_record(int(FILE_RECORD), request_layout=DOCUMENTS)
        expire()
        _, _, _, answer = server.fetch_file(record["file"])
        return bytes(answer.content)

    if bench.name == "fmdata":
        assert not offers(fmdata.Client, "download", "fetch")
        return "not offered"
    content = bench.ask(client, ours, of_fmrest, lambda _: None)
    if content == FILES[FILE_RECORD]:
        return "the whole file"
    return "an HTML page" if b"<html>" in content else f"{len(content)} bytes"


def _awkward(bench: Bench, client: Any) -> dict[str, Any]:
    return dict(
        bench.ask(
            client,
            lambda c: c.record(AWKWARD, "1").fields,
            lambda c: c.get_record(1, request_layout=AWKWARD).to_dict(),
            lambda c: good(c.get_record(AWKWARD, "1")).data[0].field_data,
        )
    )


def _model(client: Any) -> Any:
    class Awkward(fmdata.Model):
        Meta = type("Meta", (), {"client": client, "layout": AWKWARD})
        born = fmdata.Date(field_name="born", field_type=FMFieldType.Date)
        phone = fmdata.String(field_name="phone", field_type=FMFieldType.Text)

    return Awkward


SCENARIOS = (
    number_type,
    typed_dates,
    digits_in_text,
    iso_dates,
    field_called_record_id,
    file_of_a_container,
    file_that_is_cut_off,
    file_behind_the_token,
    address_that_expired,
)
