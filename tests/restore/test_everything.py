"""The whole clinic destroyed and put back: not a byte differs."""

from __future__ import annotations

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
