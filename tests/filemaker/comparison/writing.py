"""What the other two can do and ours cannot: writing, scripts, models, frames, FileMaker Cloud."""

from __future__ import annotations

from typing import Any

import fmdata
import fmrest
from fmdata import FMFieldType
from nexus_import.filemaker.client import FileMakerClient

from tests.filemaker.comparison.bench import FMDATA, FMREST, OURS, Bench, good, offers, outcome, yes_no
from tests.filemaker.comparison.clinic import PEOPLE, PEOPLE_COUNT, TWO_PAGES

NEW_PERSON = {"id": "P9999", "Name": "Synthetic Newcomer"}
OTHER_NAME = {"Name": "Synthetic Settler"}


def records_written(bench: Bench) -> str:
    """Create a record, change it, read it back and delete it."""
    if bench.name == OURS:
        return yes_no(offers(FileMakerClient, "create", "edit", "update", "delete", "duplicate", "upload", "global"))

    def of_fmrest(server: fmrest.Server) -> list[str]:
        record_id = server.create_record(NEW_PERSON, request_layout=PEOPLE)
        assert server.edit_record(record_id, OTHER_NAME, request_layout=PEOPLE)
        name = server.get_record(record_id, request_layout=PEOPLE)["Name"]
        assert server.delete_record(record_id, request_layout=PEOPLE)
        return [name]

    def of_fmdata(client: fmdata.Client) -> list[str]:
        record_id = good(client.create_record(PEOPLE, NEW_PERSON)).record_id
        good(client.edit_record(PEOPLE, record_id, OTHER_NAME))
        name = good(client.get_record(PEOPLE, record_id)).data[0]["Name"]
        client.delete_record(PEOPLE, record_id).raise_exception_if_has_error()
        return [name]

    with bench.opened() as client:
        names = bench.ask(client, lambda _: [], of_fmrest, of_fmdata)
    assert bench.simulator.control.state()["records"][PEOPLE] == PEOPLE_COUNT
    return yes_no(names == [OTHER_NAME["Name"]])


def edit_of_what_others_changed(bench: Bench) -> str:
    """Change a record by its modification id after somebody else changed it."""
    if bench.name == OURS:
        return "does not write"
    with bench.opened() as client:
        bench.simulator.control.edit_record(PEOPLE, "101", {"Clinic": "Maitland"})
        return outcome(
            lambda: str(
                bench.ask(
                    client,
                    lambda _: None,
                    lambda c: c.edit_record(101, OTHER_NAME, mod_id=1, request_layout=PEOPLE),
                    lambda c: good(c.edit_record(PEOPLE, "101", OTHER_NAME, mod_id="1")),
                )
            )
        )


def scripts(bench: Bench) -> str:
    if bench.name == OURS:
        return yes_no(offers(FileMakerClient, "script"))
    with bench.opened() as client:
        result = bench.ask(
            client,
            lambda _: None,
            lambda c: c.perform_script("Nightly", "x", request_layout=PEOPLE)[1],
            lambda c: good(c.perform_script(PEOPLE, "Nightly", param="x")).script_result,
        )
    return yes_no(result == "done")


def models(bench: Bench) -> str:
    """Find a record by a model's own words and change it."""
    if bench.name != FMDATA:
        return yes_no(offers(FileMakerClient if bench.name == OURS else fmrest.Server, "model", "objects"))
    with bench.opened() as client:

        class Person(fmdata.Model):
            Meta = type("Meta", (), {"client": client, "layout": PEOPLE})
            key = fmdata.String(field_name="id", field_type=FMFieldType.Text)
            name = fmdata.String(field_name="Name", field_type=FMFieldType.Text)

        (person,) = Person.objects.find(key__exact="P0007")
        person.name = OTHER_NAME["Name"]
        person.save()
        return yes_no(Person.objects.get(record_id="101").name == OTHER_NAME["Name"])


def data_frames(bench: Bench) -> str:
    if bench.name != FMREST:
        return yes_no(any(offers(kind, "to_df", "frame", "pandas") for kind in _page_kinds(bench)))
    with bench.opened() as client:
        frame = client.get_records(request_layout=TWO_PAGES).to_df()
    return yes_no(list(frame["id"][:2]) == ["T0000", "T0001"])


def filemaker_cloud(bench: Bench) -> str:
    """Look whether a Claris ID can log in; there is no Claris ID here to try it with."""
    kinds: dict[str, Any] = {OURS: FileMakerClient, FMREST: fmrest, FMDATA: fmdata}
    return yes_no(offers(kinds[bench.name], "cloud", "claris"))


def _page_kinds(bench: Bench) -> list[type]:
    with bench.opened() as client:
        if bench.name == OURS:
            page = client.get_records(PEOPLE, limit=1)
            return [type(client), type(page), type(page.records[0])]
        result = client.get_records(PEOPLE, limit=1)
        return [type(client), type(result), type(result.response), type(result.response.data[0])]


SCENARIOS = (
    records_written,
    edit_of_what_others_changed,
    scripts,
    models,
    data_frames,
    filemaker_cloud,
)
