"""The whole clinic destroyed and put back: not a byte differs."""

from __future__ import annotations

from local.clinic import create_schema
from tests.restore.scene import Scene


def test_backup_then_every_table_destroyed_then_everything_restored_is_identical(clinic: Scene) -> None:
    before = clinic.dump()
    assert len(before) > 40
    assert all(clinic.rows().values()), "a table without a row would prove nothing"
    manifest = clinic.back_up()
    clinic.execute(f"TRUNCATE {', '.join(before)} CASCADE")
    assert clinic.value("SELECT count(*) FROM patients") == 0
    restored = clinic.restore(manifest)
    assert clinic.dump() == before
    assert restored.counts["patients"] == {
        "added": 0,
        "changed": 0,
        "removed": manifest.tables["patients"].row_count,
    }


SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1"


def test_every_table_dropped_then_made_again_with_its_grants_then_restored_is_identical(clinic: Scene) -> None:
    """The sequences too: a row that is added afterwards takes the number that it would have taken."""
    before, sequences = clinic.dump(), clinic.installation.rows(SEQUENCES)
    assert sequences
    manifest = clinic.back_up()
    clinic.execute(f"DROP TABLE {', '.join(before)} CASCADE")
    create_schema(clinic.installation.database.uri())
    clinic.installation.database.grant()
    assert clinic.value("SELECT count(*) FROM patients") == 0
    clinic.restore(manifest)
    assert clinic.dump() == before
    assert clinic.installation.rows(SEQUENCES) == sequences


def test_tables_that_nexus_lost_are_named_with_their_rows_before_anybody_decides(clinic: Scene) -> None:
    manifest = clinic.back_up()
    clinic.execute("DROP TABLE sms_templates, encounters CASCADE")
    notes = clinic.plan(clinic.load(manifest)).notes
    for table in ("encounters", "sms_templates"):
        rows = manifest.tables[table].row_count
        assert f"table {table} of the backup ({rows:,} rows) is not in Nexus any more and is left out" in notes
