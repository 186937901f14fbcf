"""The whole clinic destroyed and put back: not a byte differs."""

from __future__ import annotations

import pytest
from nexus_import.errors import RestoreRefused
from nexus_import.nexus.restore.scope import EVERYTHING, PATIENT_DATA, ScopeName

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


@pytest.mark.parametrize("scope", [EVERYTHING, PATIENT_DATA])
def test_tables_that_nexus_lost_are_made_again_before_anything_is_restored(clinic: Scene, scope: ScopeName) -> None:
    """A restore of the rest would end green, and nobody would look for what is missing."""
    everything = clinic.dump()
    manifest = clinic.back_up()
    clinic.execute("DROP TABLE encounters, sms_messages, sms_templates CASCADE; DELETE FROM notes")
    before = clinic.rows()
    lost = ["encounters", "sms_messages", *(["sms_templates"] if scope == EVERYTHING else [])]
    named = "; ".join(f"{table} ({manifest.tables[table].row_count:,} rows)" for table in lost)
    with pytest.raises(RestoreRefused) as caught:
        clinic.load(manifest, scope)
    said = str(caught.value)
    assert said.startswith(
        f"Nexus lacks {len(lost)} tables that the backup holds rows of: {named}. Nothing was changed"
    )
    assert "run include/sql/grants.sql" in said
    assert clinic.rows() == before
    # as it says
    clinic.execute(f"DROP TABLE {', '.join(before)} CASCADE")
    create_schema(clinic.installation.database.uri())
    clinic.installation.database.grant()
    clinic.restore(manifest)
    assert clinic.dump() == everything
