"""Runs over files exported from FileMaker Pro: the same staging and the same Nexus as over the Data API."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nexus_import.errors import ConfigurationError, StorageError
from nexus_import.filemaker import files
from nexus_import.phases.common import open_source
from nexus_import.snapshot import Snapshot

from local.clinic.exports import Form, export_layouts
from tests.support.installation import Installation

GATE_0 = "phase_0_validate.gate"
VERIFY = "phase_0_validate.verify_filemaker"
FETCH = "phase_0_validate.fetch_patients"
ENTITIES = ("patient", "appointment", "note", "letter", "reminder", "document", "image")
OWN_IDS = {"record_id", "mod_id"}

Exporter = Callable[..., Path]


@pytest.fixture
def export(installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Exporter:
    """Return a function that exports the clinic's layouts and points the connection at them; it returns the folder."""

    def make(form: Form = "mer", *, extra: dict[str, str] | None = None, **options: Any) -> Path:
        folder = tmp_path / "exports"
        export_layouts(installation.parts.clinic / "filemaker", folder, form, **options)
        described = {"conn_type": "filemaker_files", "host": str(folder), "extra": extra or {}}
        monkeypatch.setenv("AIRFLOW_CONN_FILEMAKER_DEFAULT", json.dumps(described))
        return folder

    return make


def staged(installation: Installation, *, without: set[str]) -> dict[str, list[tuple[Any, ...]]]:
    """Return the staged rows of every entity, by its key."""
    found = {}
    for entity in ENTITIES:
        names = installation.rows(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'nexus_staging'"
            " AND table_name = %s ORDER BY ordinal_position",
            entity,
        )
        columns = ", ".join(f'"{name}"' for (name,) in names if name not in without)
        found[entity] = installation.rows(f"SELECT {columns} FROM nexus_staging.{entity} ORDER BY filemaker_id")
    return found


@pytest.mark.parametrize(
    ("form", "options", "extra"),
    [
        ("mer", {"with_ids": True}, {}),
        ("mer", {"is_day_first": True}, {"date_order": "dmy"}),
        ("csv", {"encoding": "cp1252"}, {"encoding": "windows-1252"}),
        ("tab", {"encoding": "utf-16"}, {}),
        ("xlsx", {"with_ids": True}, {}),
    ],
    ids=["Merge", "Merge, day first", "CSV in Windows ANSI", "tabs in UTF-16", "Excel"],
)
def test_files_are_staged_as_the_data_api_is(
    export: Exporter,
    new_run: Any,
    run_past_gate_0: Any,
    form: Form,
    options: dict[str, Any],
    extra: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    export(form, extra=extra, **options)
    with caplog.at_level(logging.INFO):
        run = new_run().go(until=GATE_0)
    assert run.errors == {}
    assert run.results[GATE_0] is True
    without = set() if options.get("with_ids") else OWN_IDS
    if options.get("is_day_first"):
        without = without | {"export_date"}  # a moment that is mapped as text keeps the form it was exported in
    expected = staged(run_past_gate_0.installation, without=without)
    assert staged(run.installation, without=without) == expected
    assert all(expected.values())
    for name in ("verify_filemaker", "stage_records"):
        task = f"phase_0_validate.{name}"
        assert run.results[task] == run_past_gate_0.results[task]
    assert any("Phase 0: ✅ Exported files found whole: 7 layouts readable" in line for line in caplog.messages)
    assert run.installation.simulator.control.state()["logins_made"] == 0


def test_run_over_files_publishes_what_the_data_api_would(export: Exporter, new_run: Any, installation: Any) -> None:
    data_api = installation.environment()["AIRFLOW_CONN_FILEMAKER_DEFAULT"]
    export("mer")
    run = new_run().go()
    assert run.errors == {}
    assert run.is_green
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_FILEMAKER_DEFAULT", data_api)
        second = new_run().go()
    assert second.is_green
    counts = second.results["publish.make_plan"]
    assert [counts[f"{action}_count"] for action in ("added", "changed", "removed")] == [0, 0, 0]


def cut_notes(folder: Path) -> None:
    path = folder / "API_Notes.mer"
    path.write_bytes(path.read_bytes()[:-5])


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "API_Notes.mer").unlink(), "has no file for layout API_Notes"),
        (
            lambda folder: (folder / "API_Notes.mer").write_bytes(b'"id"\r'),
            "File API_Notes.mer has no field patient_id",
        ),
        (cut_notes, "API_Notes.mer, line "),
    ],
    ids=["missing", "without fields", "cut"],
)
def test_files_that_are_not_whole_stop_the_run_before_anything_is_fetched(
    export: Exporter, new_run: Any, installation: Any, damage: Callable[[Path], object], words: str
) -> None:
    damage(export())
    before = installation.live()
    run = new_run().go()
    assert words in str(run.errors[VERIFY])
    assert f"Clear {VERIFY} with downstream." in run.last_words
    assert run.states[FETCH] == "upstream_failed"
    assert installation.live() == before


def test_a_file_that_lost_a_field_since_the_test_is_not_fetched(export: Exporter, new_run: Any) -> None:
    path = export() / "API_Contacts.mer"
    run = new_run().go(until=VERIFY)
    assert run.errors == {}
    path.write_bytes(path.read_bytes().replace(b'"DOB"', b'"born"', 1))
    run.go(until=FETCH)
    assert "File API_Contacts.mer has no field DOB" in str(run.errors[FETCH])


def test_findings_lead_to_the_line_of_the_file(export: Exporter, new_run: Any) -> None:
    path = export() / "API_Contacts.mer"
    lines = path.read_bytes().split(b"\r")
    header = lines[0].decode().replace('"', "").split(",")
    values = lines[6].decode().removeprefix('"').removesuffix('"').split('","')
    values[header.index("DOB")] = "1.234,5"
    lines[6] = ('"' + '","'.join(values) + '"').encode()
    path.write_bytes(b"\r".join(lines))
    run = new_run().go(until=GATE_0)
    assert run.results[GATE_0] is False
    assert [(row[0], row[3]) for row in run.findings("phase_0/values_are_readable")] == [("line 7", "DOB")]


def fail_after_pages(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Let the object store refuse the page after so many, once."""
    write = Snapshot.write_page
    left = [count]

    def write_or_fail(self: Snapshot, *arguments: Any, **named: Any) -> None:
        if left[0] == 0:
            left[0] = -1
            raise StorageError("The object store is away.")
        left[0] -= 1
        write(self, *arguments, **named)

    monkeypatch.setattr(Snapshot, "write_page", write_or_fail)


@pytest.mark.parametrize("is_replaced", [False, True], ids=["same file", "another file"])
def test_an_interrupted_fetch_ends_with_the_whole_file(
    export: Exporter,
    new_run: Any,
    run_past_gate_0: Any,
    monkeypatch: pytest.MonkeyPatch,
    is_replaced: bool,
) -> None:
    monkeypatch.setattr(files, "PAGE_SIZE_RECORDS", 10)
    folder = export()
    path = folder / "API_Contacts.mer"
    whole = path.read_bytes()
    page_count = 2
    if is_replaced:  # until it is interrupted it reads the patients in another order, and more lines than there will be
        header, *lines = whole.split(b"\r")[:-1]
        path.write_bytes(b"\r".join([header, *reversed(lines), *lines, *lines]) + b"\r")
        page_count = len(lines) // 10 + 2
    fail_after_pages(monkeypatch, page_count)
    run = new_run().go(until=FETCH)
    assert "object store is away" in str(run.errors[FETCH])
    path.write_bytes(whole)
    run.clear(FETCH).go(until=GATE_0)
    assert run.results[GATE_0] is True
    assert run.results[FETCH]["attempt"] == 1
    assert staged(run.installation, without=OWN_IDS) == staged(run_past_gate_0.installation, without=OWN_IDS)


def test_another_type_of_connection_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ELSEWHERE", json.dumps({"conn_type": "http", "host": "x"}))
    with (
        pytest.raises(
            ConfigurationError, match=r"of type 'http'\. Make it one of type 'filemaker' .* 'filemaker_files'"
        ),
        open_source("elsewhere"),
    ):
        pass
