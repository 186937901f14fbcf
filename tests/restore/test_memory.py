"""What the import remembers after a restore is what it remembered then, or it forgets what it cannot know."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from nexus_import.nexus.manifest import Manifest, read_manifest

from tests.restore.scene import Scene
from tests.restore.test_shapes import as_format_1

SAME, CHANGED, ADDED, GONE = (str(uuid.UUID(int=number)) for number in range(1, 5))


@pytest.fixture
def nexus(bare: Scene) -> Scene:
    bare.execute("CREATE TABLE notes (id uuid PRIMARY KEY, content text); CREATE TABLE letters (id uuid PRIMARY KEY)")
    bare.execute("INSERT INTO notes VALUES (%s, 'a'), (%s, 'b'), (%s, 'd')", SAME, CHANGED, GONE)
    return bare


def remember(scene: Scene, said: str, *rows: str) -> None:
    """Let the journal say that FileMaker said this of these notes, and which records they are."""
    for row in rows:
        scene.execute_as_superuser(
            f"DELETE FROM nexus_import.identity WHERE nexus_id = '{row}';"
            f"INSERT INTO nexus_import.identity VALUES ('note', '{said}-{row}', '{row}', 'new');"
            f"INSERT INTO nexus_import.published_row VALUES ('notes', '{row}', '{json.dumps({'content': said})}')"
            " ON CONFLICT (table_name, row_id) DO UPDATE SET digests = excluded.digests"
        )


def remembered(scene: Scene) -> tuple[dict[str, Any], dict[str, Any]]:
    identity = scene.installation.rows("SELECT nexus_id::text, filemaker_id FROM nexus_import.identity")
    digests = scene.installation.rows("SELECT row_id::text, digests ->> 'content' FROM nexus_import.published_row")
    return dict(identity), dict(digests)


def publish_since(scene: Scene) -> None:
    """Do what an import does to rows and memory: one note changed, one added, one gone."""
    scene.execute("UPDATE notes SET content = 'B' WHERE id = %s", CHANGED)
    scene.execute("INSERT INTO notes VALUES (%s, 'c')", ADDED)
    scene.execute("DELETE FROM notes WHERE id = %s", GONE)
    remember(scene, "later", CHANGED, ADDED)
    scene.execute_as_superuser(f"DELETE FROM nexus_import.identity WHERE nexus_id = '{GONE}'")


def test_memory_comes_back_with_the_rows(nexus: Scene) -> None:
    remember(nexus, "earlier", SAME, CHANGED, GONE)
    before = remembered(nexus)
    manifest = nexus.back_up()
    publish_since(nexus)
    assert remembered(nexus) != before
    restored = nexus.restore(manifest)
    assert remembered(nexus) == before
    # what was remembered before the restore comes back with what it saved
    assert restored.saved_manifest_key


@pytest.mark.parametrize("form", ["format 1", "another form"])
def test_without_it_the_import_forgets_the_rows_that_the_restore_touches(nexus: Scene, form: str) -> None:
    remember(nexus, "earlier", SAME, CHANGED, GONE)
    manifest = nexus.back_up()
    publish_since(nexus)
    if form == "format 1":
        manifest = as_format_1(nexus, manifest)
    else:
        nexus.execute_as_superuser("ALTER TABLE nexus_import.identity ADD since timestamptz")
    nexus.restore(manifest)
    identity, digests = remembered(nexus)
    assert identity == {SAME: f"earlier-{SAME}", CHANGED: f"later-{CHANGED}"}
    assert digests == {SAME: "earlier"}


def test_journal_says_which_publishes_live_nexus_holds(nexus: Scene) -> None:
    def publish(plan_id: int) -> None:
        nexus.execute_as_superuser(
            "INSERT INTO nexus_import.publication (run_id, plan_digest, plan_id, counts, transaction_id, table_columns,"
            f" preserved) VALUES ('run {plan_id}', 'd', {plan_id}, '{{}}', 1, '{{}}', '{{}}')"
        )

    def held() -> list[int]:
        query = "SELECT plan_id FROM nexus_import.publication WHERE undone_at IS NULL ORDER BY 1"
        return [plan_id for (plan_id,) in nexus.installation.rows(query)]

    def change_and_restore(manifest: Manifest) -> None:
        nexus.execute("UPDATE notes SET content = content || '.'")
        nexus.restore(manifest)

    publish(1)
    first = nexus.back_up()
    publish(2)
    second = nexus.back_up("scheduled__second")
    publish(3)
    change_and_restore(second)
    assert held() == [1, 2]
    change_and_restore(first)
    assert held() == [1]
    undone = nexus.installation.rows(
        "SELECT plan_id, undone_by FROM nexus_import.publication WHERE undone_at IS NOT NULL"
    )
    assert dict(undone) == {
        2: f"the restore of backup {first.name}",
        3: f"the restore of backup {second.name}",
    }
    change_and_restore(second)
    assert held() == [1, 2]
    # by the time it was taken, when a backup does not say it itself
    content = json.loads(nexus.store.get_bytes(first.key))
    del content["publications"]
    nexus.overwrite(first.key, json.dumps(content).encode())
    nexus.execute_as_superuser(
        f"UPDATE nexus_import.backup SET manifest_sha256 = encode(sha256('{json.dumps(content)}'), 'hex')"
        f" WHERE manifest_key = '{first.key}'"
    )
    change_and_restore(read_manifest(nexus.connection, nexus.store, first.key))
    assert held() == [1]
    # the backup of another Nexus holds none of this journal's
    nexus.execute_as_superuser(f"DELETE FROM nexus_import.backup WHERE manifest_key = '{second.key}'")
    change_and_restore(second)
    assert held() == []
