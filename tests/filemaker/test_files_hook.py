"""The connection of type filemaker_files: its options, its form, and what its test says of a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService
from airflow.models.connection import Connection
from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime
from nexus_import.errors import ConfigurationError
from nexus_import.filemaker.files_hook import FileMakerFilesHook
from nexus_import.filemaker.files_layout import FileOptions

from local.clinic.exports import text_export

from .exported import mapping_of, values

Connect = Callable[..., FileMakerFilesHook]
MAPPING = """entity: {entity}
label: {entity}s
layout: {layout}
columns:
  note: {{field: note}}
"""


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Return a function that puts a connection into the environment and opens its hook."""

    def open_hook(host: Path | str = "", **extra: Any) -> FileMakerFilesHook:
        described = {"conn_type": "filemaker_files", "host": str(host), "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_EXPORTS", json.dumps(described))
        return FileMakerFilesHook("exports")

    return open_hook


@pytest.fixture
def exports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of good files for the two layouts that are mapped."""
    mappings, folder = tmp_path / "include" / "mapping", tmp_path / "exports"
    mappings.mkdir(parents=True)
    folder.mkdir()
    for entity, layout in (("patient", "API_Contacts"), ("note", "API_Notes")):
        (mappings / f"{entity}.yaml").write_text(MAPPING.format(entity=entity, layout=layout))
        (folder / f"{layout}.mer").write_bytes(text_export([["id", "note"], ["A", "Private"], ["B", "b"]], "mer"))
    monkeypatch.setenv("NEXUS_IMPORT_INCLUDE", str(tmp_path / "include"))
    return folder


@pytest.mark.parametrize("place", ["host", "folder"])
def test_the_folder_is_the_host_or_in_extra(connect: Connect, exports: Path, place: str) -> None:
    hook = connect(exports) if place == "host" else connect("elsewhere", folder=str(exports))
    assert hook.get_conn().found_count(mapping_of("note")) == 2


@pytest.mark.parametrize("folder", ["", "exports", "./exports"])
def test_the_folder_must_be_a_whole_path(connect: Connect, folder: str) -> None:
    with pytest.raises(ConfigurationError, match="connection 'exports' needs the folder") as raised:
        connect(folder).get_conn()
    assert connect(folder).test_connection() == (False, str(raised.value))


@pytest.mark.parametrize(
    ("extra", "name", "content"),
    [
        ({"delimiter": "Semicolon"}, "API_Contacts.csv", '"id";"note"\r"A";"Größe, 03/11/2025"\r'.encode()),
        ({"delimiter": ";"}, "API_Contacts.csv", '"id";"note"\r"A";"Größe, 03/11/2025"\r'.encode()),
        ({"delimiter": "comma"}, "API_Contacts.txt", '"id","note"\r"A","Größe, 03/11/2025"\r'.encode()),
        ({"delimiter": "tab"}, "API_Contacts.csv", "id\tnote\rA\tGröße, 03/11/2025\r".encode()),
        ({"encoding": "macintosh"}, "API_Contacts.tab", "id\tnote\rA\tGröße, 03/11/2025\r".encode("macintosh")),
        ({"encoding": None, "delimiter": "", "date_order": "mdy"}, "API_Contacts.tab", b"id\tnote\rA\tx\r"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_options_of_the_connection_are_used(
    connect: Connect, tmp_path: Path, extra: dict[str, Any], name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    found = values(connect(tmp_path, **extra).get_conn(), "note")
    assert found == [("x" if "date_order" in extra else "Größe, 03/11/2025",)]


def test_the_order_of_dates_is_used(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "API_Contacts.tab").write_bytes(b"id\tborn\rA\t03/11/2025\r")
    source = connect(tmp_path, date_order="dmy").get_conn()
    page = next(source.walk(mapping_of(dob={"field": "born", "type": "date"})))
    assert page.records[0].fields["born"] == "2025-11-03"


@pytest.mark.parametrize("extra", [{"encoding": "x"}, {"delimiter": "::"}, {"date_order": "ymd"}], ids=str)
def test_a_wrong_option_fails_the_test_of_the_connection(
    connect: Connect, tmp_path: Path, extra: dict[str, str]
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        FileOptions(**extra)  # type: ignore[arg-type]
    assert connect(tmp_path, **extra).test_connection() == (False, str(raised.value))


def test_good_files_are_counted(connect: Connect, exports: Path) -> None:
    assert connect(exports).test_connection() == (True, "All 2 layouts are there; their files hold 4 records.")


def spoil(content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / "API_Notes.mer").write_bytes(content)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda folder: (folder / "API_Notes.mer").unlink(), "has no file for layout API_Notes"),
        (
            lambda folder: (folder / "API_Notes.csv").touch(),
            "has 2 files for layout API_Notes: API_Notes.csv, API_Notes.mer",
        ),
        (spoil(b""), "API_Notes.mer is empty"),
        (spoil(b'"A","Private"\r'), "File API_Notes.mer has no field note"),
        (spoil(b'"id","note","note"\r'), "API_Notes.mer: columns 2 and 3 have the same name"),
        (spoil(b'"id","note"\r"A","Private'), "API_Notes.mer, line 2: the quotation marks"),
        (spoil(b'"id","note"\r"A"\r'), "API_Notes.mer: 1 records do not have 2 fields"),
        (spoil(b'"id","note"\r"A","\xe9"\r'), "API_Notes.mer, line 2: it cannot be read as utf-8"),
    ],
    ids=["missing", "two", "empty", "no header", "same names", "open quote", "cut", "encoding"],
)
def test_whatever_is_wrong_has_its_sentence(
    connect: Connect, exports: Path, change: Callable[[Path], object], sentence: str
) -> None:
    change(exports)
    is_working, said = connect(exports).test_connection()
    assert not is_working
    assert said.count(sentence) == 1
    assert "Private" not in said


def test_everything_that_is_wrong_is_said_at_once(connect: Connect, exports: Path) -> None:
    (exports / "API_Contacts.mer").write_bytes(b"")
    (exports / "API_Notes.mer").unlink()
    said = connect(exports).test_connection()[1]
    assert "API_Contacts.mer is empty" in said
    assert "no file for layout API_Notes" in said


def test_a_folder_that_is_missing_is_said_once(connect: Connect, exports: Path) -> None:
    is_working, said = connect(exports / "gone").test_connection()
    assert not is_working
    assert said.count("cannot be read: No such file or directory") == 1


def test_a_mapping_that_cannot_be_read_is_said(
    connect: Connect, exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXUS_IMPORT_INCLUDE", str(exports))
    is_working, said = connect(exports).test_connection()
    assert not is_working
    assert "holds no mapping file" in said


@pytest.fixture(scope="module")
def form() -> Iterator[Any]:
    """The description that the endpoint of the UI answers with."""
    HookMetaService.hook_meta_data.cache_clear()
    kind = FileMakerFilesHook.conn_type
    described = [meta for meta in HookMetaService.hook_meta_data() if meta.connection_type == kind]
    assert len(described) == 1
    yield described[0]
    HookMetaService.hook_meta_data.cache_clear()


def test_airflow_offers_the_connection_type_with_its_form(form: Any) -> None:
    hook = ProvidersManagerTaskRuntime().hooks["filemaker_files"]
    assert hook is not None
    assert hook.hook_class_name == form.hook_class_name == "nexus_import.filemaker.files_hook.FileMakerFilesHook"
    assert hook.connection_id_attribute_name == FileMakerFilesHook.conn_name_attr
    assert hook.connection_testable
    assert hook.hook_name == form.hook_name == FileMakerFilesHook.hook_name
    standard = form.standard_fields
    assert (standard.host.title, standard.host.placeholder) == ("Folder", "/exports/filemaker")
    assert all(field.hidden for field in (standard.url_schema, standard.login, standard.password))
    assert standard.port.placeholder == "0: without a number here Airflow's Test fails"
    assert list(form.extra_fields) == ["encoding", "delimiter", "date_order"]
    assert [field["value"] for field in form.extra_fields.values()] == [None, None, "mdy"]
    assert all(field["schema"]["title"] and field["description"].endswith(".") for field in form.extra_fields.values())


@pytest.mark.filterwarnings("ignore::airflow.utils.deprecation_tools.DeprecatedImportWarning")  # the server's own
def test_the_test_button_tests_what_is_in_the_form(form: Any, exports: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {name: field["value"] for name, field in form.extra_fields.items()}
    typed = Connection("just_typed", conn_type="filemaker_files", host=str(exports), extra=json.dumps(extra))
    monkeypatch.setenv("AIRFLOW_CONN_JUST_TYPED", typed.get_uri())  # how Airflow hands it to the hook
    assert typed.test_connection() == (True, "All 2 layouts are there; their files hold 4 records.")
