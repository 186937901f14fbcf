"""include/schema.yaml and the command that writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from nexus_import.errors import ConfigurationError
from nexus_import.nexus.known_columns import read_known
from nexus_import.schema import main

from tests.support.copies import own_include
from tests.support.installation import Installation

ADD = "ALTER TABLE patients ADD pronouns varchar(20); ALTER TABLE notes DROP created_by"


@pytest.fixture
def include(tmp_path: Path) -> Iterator[Path]:
    with own_include(tmp_path) as folder:
        yield folder


@pytest.fixture
def schema(installation: Installation) -> Callable[..., int]:
    return lambda *arguments: main(["--database", installation.database.uri("nexus_backup"), *arguments])


def test_shipped_file_is_what_the_command_writes(schema: Callable[..., int], include: Path) -> None:
    path = include / "schema.yaml"
    shipped = path.read_text()
    assert schema("--write") == 0
    assert path.read_text() == shipped


def test_differences_are_printed_and_then_written(
    installation: Installation,
    schema: Callable[..., int],
    include: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert schema() == 0
    assert capsys.readouterr().out == ""
    installation.execute(ADD)
    printed = (
        "patients.pronouns: character varying(20) (the file says: not there)\n"
        "notes.created_by: not there (the file says: character varying(100))\n"
    )
    assert schema() == 1
    assert capsys.readouterr().out == printed
    assert schema("--write") == 0
    assert capsys.readouterr().out == f"{printed}{include / 'schema.yaml'} is written.\n"
    assert schema() == 0
    written = read_known()
    assert written["patients"]["pronouns"] == "character varying(20)"
    assert "created_by" not in written["notes"]


def test_optional_column_stays_optional(installation: Installation, schema: Callable[..., int], include: Path) -> None:
    installation.execute("ALTER TABLE images_batch DROP metadata")
    assert schema("--write") == 0
    assert read_known()["images_batch"]["metadata"] == "jsonb, optional"
    installation.execute("ALTER TABLE images_batch ADD metadata jsonb")
    assert schema() == 0


def test_file_that_is_gone_is_written_anew(schema: Callable[..., int], include: Path) -> None:
    path = include / "schema.yaml"
    shipped = yaml.safe_load(path.read_text())
    path.unlink()
    assert schema() == 2
    assert schema("--write") == 0
    shipped["images_batch"]["metadata"] = "jsonb"
    assert yaml.safe_load(path.read_text()) == shipped


def test_database_that_cannot_be_reached_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--database", "postgresql://nobody@127.0.0.1:1/nexus"]) == 2
    assert "127.0.0.1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("patient: {id: uuid}", r"schema\.yaml: patient: the import does not work on this table \(nearest: patients\)"),
        ("patients: {id: 1}", r"schema\.yaml: patients\.id: say its type, as in 'text, not null'"),
        ("patients: 1", r"schema\.yaml: patients\.columns: say its type"),
        ("", r"schema\.yaml names no tables"),
        ("[", r"schema\.yaml cannot be read"),
    ],
)
def test_mistake_in_the_file_is_named(include: Path, content: str, says: str) -> None:
    (include / "schema.yaml").write_text(content)
    with pytest.raises(ConfigurationError, match=f"^{says}"):
        read_known()
