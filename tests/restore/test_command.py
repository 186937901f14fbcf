"""The command line: what an engineer does when Airflow is down."""

from __future__ import annotations

import subprocess
import sys

import psycopg
import pytest
from nexus_import.restore import make_parser

from local.network import LOOPBACK, free_ports
from local.nexus_database import BACKUP_ROLE
from tests.restore import shell
from tests.restore.scene import IMPORT_RUN, Scene

NO_AIRFLOW = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "airflow":
            raise AssertionError("Airflow was imported")
sys.meta_path.insert(0, Refuse())
import nexus_import.restore
"""


@pytest.fixture
def nexus(bare: Scene) -> Scene:
    """Three patients and a clinic, a backup of them, and damage since."""
    bare.execute("CREATE TABLE patients (id uuid PRIMARY KEY, n integer); CREATE TABLE clinics (id serial PRIMARY KEY)")
    bare.execute("INSERT INTO patients SELECT gen_random_uuid(), n FROM generate_series(1, 3) AS n")
    bare.back_up()
    bare.execute("DELETE FROM patients WHERE n = 2; UPDATE patients SET n = 77 WHERE n = 3")
    bare.execute("INSERT INTO patients VALUES (gen_random_uuid(), 4); INSERT INTO clinics DEFAULT VALUES")
    return bare


def numbers(scene: Scene) -> list[int]:
    return [n for (n,) in scene.installation.rows("SELECT n FROM patients ORDER BY n")]


def test_list_names_the_backups(nexus: Scene) -> None:
    code, said = shell.run(nexus, "--list")
    assert code == 0
    assert said.startswith(f"{IMPORT_RUN}/001  ")
    assert "2 tables, 3 rows (taken by an import, format 2)" in said


def test_rehearsal_says_what_would_be_lost_and_changes_nothing(nexus: Scene) -> None:
    before = nexus.rows()
    code, said = shell.run(nexus, "--rehearse", "--scope", "everything")
    assert code == 0
    assert (
        "patients: 1 added since the backup, would go, 1 changed since, would be put back, "
        "1 removed since, would come back" in said
    )
    assert "clinics: 1 added since the backup, would go" in said
    assert said.rstrip().endswith("✅ Rehearsed: live Nexus is unchanged")
    assert nexus.rows() == before


def test_typed_run_id_restores_and_a_second_time_finds_nothing_to_do(nexus: Scene) -> None:
    code, said = shell.run(nexus, typed=f"{IMPORT_RUN}\n")
    assert code == 0, said
    assert "✅ Restored and verified 3 rows" in said
    assert numbers(nexus) == [1, 2, 3]
    # the clinic was not asked for
    assert nexus.value("SELECT count(*) FROM clinics") == 1
    assert nexus.installation.rows("SELECT answer, answered_by LIKE '%% (shell)' FROM nexus_import.approval") == [
        ("Approve", True)
    ]
    assert nexus.installation.rows("SELECT state FROM nexus_import.restore_run") == [("restored",)]
    code, said = shell.run(nexus)
    assert code == 0
    assert "✅ Nothing to restore: live Nexus holds what the backup holds" in said


def test_what_was_saved_first_undoes_it(nexus: Scene) -> None:
    before = nexus.rows()
    assert shell.run(nexus, "--yes", "--scope", "everything")[0] == 0
    saved = nexus.value("SELECT run_id FROM nexus_import.restore")
    code, said = shell.run(nexus, "--yes", "--scope", "everything", "--backup", saved)
    assert code == 0, said
    assert nexus.rows() == before


@pytest.mark.parametrize("typed", ["", "yes\n", "manual__another\n"])
def test_anything_else_typed_restores_nothing(nexus: Scene, typed: str) -> None:
    before = nexus.rows()
    code, said = shell.run(nexus, typed=typed)
    assert code == 1
    assert said.rstrip().endswith("Type the run id as it is shown, or give --yes where nobody can be asked.")
    assert "❌ Not confirmed: live Nexus is unchanged." in said
    assert nexus.rows() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--backup", "nobody"), "There is no backup 'nobody'"),
        (("--nexus-uri", f"postgresql://{LOOPBACK}:1/x"), "the connection was lost or could not be made"),
        (("--s3-bucket", "another"), "The object store failed to list"),
        (("--s3-endpoint", f"http://{LOOPBACK}:{free_ports(1)[0]}"), "The object store failed to list"),
    ],
)
def test_what_is_wrong_is_the_last_line(nexus: Scene, arguments: tuple[str, ...], said: str) -> None:
    before = nexus.rows()
    code, output = shell.run(nexus, "--yes", *arguments)
    assert code == 1
    last = output.rstrip().splitlines()[-1]
    assert last.startswith("❌ ")
    assert said in last
    assert "Traceback" not in output
    assert nexus.rows() == before


@pytest.mark.parametrize(("configuration", "restored"), [("default", False), ("reference", True)])
def test_configuration_says_what_patient_data_are(nexus: Scene, configuration: str, restored: bool) -> None:
    nexus.execute("CREATE TABLE companies (id uuid PRIMARY KEY); INSERT INTO companies SELECT gen_random_uuid()")
    nexus.back_up()
    nexus.execute("DELETE FROM companies")
    code, said = shell.run(nexus, "--yes", "--configuration", configuration)
    assert code == 0, said
    assert nexus.installation.value("SELECT count(*) FROM companies") == restored


def test_unknown_configuration_is_named_with_the_nearest(nexus: Scene) -> None:
    code, said = shell.run(nexus, "--yes", "--configuration", "referense")
    assert code == 1
    assert "there is no configuration 'referense' (nearest: reference)" in said


@pytest.mark.parametrize("missing", ["NEXUS_RESTORE_DB_URI", "S3_BUCKET"])
def test_missing_address_is_named(nexus: Scene, missing: str) -> None:
    code, said = shell.run(nexus, **{missing: ""})
    assert code == 2
    assert missing in said


def test_role_that_may_not_write_is_said(nexus: Scene) -> None:
    uri = nexus.installation.database.uri(BACKUP_ROLE)
    code, said = shell.run(nexus, "--yes", "--nexus-uri", uri)
    assert code == 1
    assert "permission denied for table restore_run" in said.rstrip().splitlines()[-1]


def test_database_that_was_lost_whole_is_restored_with_what_the_import_remembered(nexus: Scene) -> None:
    """A new database: Nexus's migrations made its tables, somebody ran grants.sql, and nothing else is there."""
    nexus.execute_as_superuser(
        "INSERT INTO nexus_import.identity VALUES ('note', 'a', gen_random_uuid(), 'new');"
        "INSERT INTO nexus_import.published_row VALUES ('notes', gen_random_uuid(), '{\"content\": \"d\"}')"
    )
    nexus.execute("INSERT INTO clinics VALUES (41)")
    memory = "SELECT to_jsonb(i), to_jsonb(p) FROM nexus_import.identity AS i, nexus_import.published_row AS p"
    rows, remembered = nexus.rows(), nexus.installation.rows(memory)
    nexus.back_up("scheduled__last")
    nexus.execute("DROP TABLE patients, clinics")
    nexus.execute(
        "CREATE TABLE clinics (id serial PRIMARY KEY); CREATE TABLE patients (id uuid PRIMARY KEY, n integer)"
    )
    schemas = ("nexus_import", "nexus_staging", "nexus_work")
    nexus.execute_as_superuser("; ".join(f"DROP SCHEMA {schema} CASCADE" for schema in schemas))
    nexus.execute_as_superuser("; ".join(f"CREATE SCHEMA {schema} AUTHORIZATION nexus_import" for schema in schemas))
    code, said = shell.run(nexus, "--yes", "--scope", "everything")
    assert code == 0, said
    assert "not in this journal, so its manifest cannot be proven" in said
    assert nexus.rows() == rows
    assert nexus.installation.rows(memory) == remembered
    assert nexus.value("SELECT tableowner FROM pg_tables WHERE tablename = 'restore_plan'") == "nexus_import"
    with psycopg.connect(nexus.installation.database.uri("nexus_import")) as importer:
        assert importer.execute("SELECT count(*) FROM nexus_import.restore").fetchall() == [(1,)]


def test_airflow_is_not_needed() -> None:
    done = subprocess.run([sys.executable, "-c", NO_AIRFLOW], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_documents_every_variable() -> None:
    text = make_parser().format_help()
    for name in ("NEXUS_RESTORE_DB_URI", "S3_BUCKET", "S3_ENDPOINT", "AWS_ACCESS_KEY_ID", "NEXUS_IMPORT_INCLUDE"):
        assert name in text
