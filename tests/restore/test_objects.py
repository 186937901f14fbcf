"""Damaged, missing and exchanged objects are found before anything is written; so is the wrong backup."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
import zstandard
from nexus_import.errors import BackupError
from nexus_import.nexus.manifest import RESTORE, choose_backup, find_backups, read_manifest
from nexus_import.nexus.restore.objects import check_objects
from nexus_import.nexus.restore.words import backup_line

from tests.restore.scene import IMPORT_RUN, Scene


@pytest.fixture
def filled(bare: Scene) -> Scene:
    bare.execute("CREATE TABLE a (id integer PRIMARY KEY, x text)")
    bare.execute("INSERT INTO a SELECT n, md5(n::text) FROM generate_series(1, 9000) AS n")
    return bare


def flipped(body: bytes) -> bytes:
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


def other_rows(body: bytes) -> bytes:
    """Pack other rows properly, as long as the old ones."""
    csv = zstandard.ZstdDecompressor().decompressobj().decompress(body)
    return zstandard.ZstdCompressor(level=3).compress(csv.replace(b'"5"', b'"6"', 1))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda body: body[: len(body) // 2], "bytes instead of"),
        (lambda body: body[:-1], "bytes instead of"),
        (lambda body: b"", "bytes instead of"),
        (flipped, "cannot be unpacked|SHA-256 differs"),
        (lambda body: b"not packed at all", "cannot be unpacked"),
        (lambda body: body + b"more", "cannot be unpacked|bytes instead of"),
        (other_rows, "bytes instead of|SHA-256 differs"),
    ],
    ids=["half", "one byte short", "empty", "bit flipped", "something else", "longer", "other rows"],
)
def test_damaged_object_is_found_before_the_first_write(
    filled: Scene, damage: Callable[[bytes], bytes], said: str
) -> None:
    manifest = filled.back_up()
    table = manifest.tables["a"]
    filled.overwrite(table.key, damage(filled.store.get_bytes(table.key)))
    filled.execute("DELETE FROM a WHERE id > 100")
    before = filled.rows()
    with pytest.raises(BackupError, match=rf"object of a is damaged: .*({said})") as error:
        check_objects(filled.store, manifest.tables.values())
    assert table.key in str(error.value)
    with pytest.raises(BackupError, match="object of a is damaged"):
        filled.load(manifest)
    assert filled.rows() == before
    assert filled.installation.rows("SELECT * FROM nexus_import.restore_plan") == []


def test_rows_that_are_not_those_of_the_manifest_are_found_by_their_own_checksum(filled: Scene) -> None:
    """Somebody changed object and manifest to agree, but not the checksum of the rows."""
    manifest = filled.back_up()
    content = json.loads(filled.store.get_bytes(manifest.key))
    body = other_rows(filled.store.get_bytes(manifest.tables["a"].key))
    filled.overwrite(manifest.tables["a"].key, body)
    content["tables"][0] |= {"sha256": hashlib.sha256(body).hexdigest(), "byte_count": len(body)}
    filled.overwrite(manifest.key, json.dumps(content).encode())
    filled.execute_as_superuser("DELETE FROM nexus_import.backup")
    with pytest.raises(BackupError, match="the SHA-256 of its rows differs"):
        filled.load(read_manifest(filled.connection, filled.store, manifest.key))


def test_missing_object_is_named(filled: Scene) -> None:
    manifest = filled.back_up()
    filled.delete(manifest.tables["a"].key)
    with pytest.raises(BackupError, match="object of a is missing"):
        check_objects(filled.store, manifest.tables.values())


def test_intact_objects_are_all_read(filled: Scene) -> None:
    manifest = filled.back_up()
    assert check_objects(filled.store, manifest.tables.values()) == manifest.tables["a"].byte_count


def test_manifest_that_the_journal_knows_otherwise_is_refused(filled: Scene) -> None:
    manifest = filled.back_up()
    body = filled.store.get_bytes(manifest.key)
    filled.overwrite(manifest.key, body.replace(b'"row_count": 9000', b'"row_count": 9001'))
    with pytest.raises(BackupError, match=r"not the one that the journal knows \(SHA-256 differs\)"):
        read_manifest(filled.connection, filled.store, manifest.key)
    # without the journal nothing contradicts the manifest, and the rows are counted while they are loaded
    filled.execute_as_superuser("DELETE FROM nexus_import.backup")
    with pytest.raises(BackupError, match="holds 9,000 rows instead of 9,001"):
        filled.load(read_manifest(filled.connection, filled.store, manifest.key))


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"format": 2}', b'{"format": null}'])
def test_what_is_no_manifest_is_refused_in_a_sentence(filled: Scene, body: bytes) -> None:
    manifest = filled.back_up()
    filled.overwrite(manifest.key, body)
    filled.execute_as_superuser("DELETE FROM nexus_import.backup")
    with pytest.raises(BackupError, match=r"cannot be used: .*(is not the manifest of a backup|has format None)"):
        read_manifest(filled.connection, filled.store, manifest.key)


def test_newest_is_the_newest_good_backup_of_an_import(filled: Scene) -> None:
    first = filled.back_up()
    second = filled.back_up("scheduled__later")
    third = filled.back_up("scheduled__later")
    saved = filled.back_up("manual__restore", RESTORE)
    filled.overwrite(third.key, b"{}")

    def chosen(wanted: str) -> Any:
        manifest = choose_backup(find_backups(filled.connection, filled.store), wanted).manifest
        return manifest and manifest.key

    assert chosen("newest") == second.key
    assert chosen(IMPORT_RUN) == first.key
    assert chosen("scheduled__later/001") == second.key
    assert chosen("scheduled__later") == second.key
    assert chosen("manual__restore/001") == saved.key
    with pytest.raises(
        BackupError, match="The backup scheduled__later/002 cannot be used: its manifest is not the one"
    ):
        chosen("scheduled__later/002")
    with pytest.raises(
        BackupError, match=r"no backup 'nobody'. .*newest first: manual__restore/001, scheduled__later/001"
    ):
        chosen("nobody")
    filled.delete(second.key)
    filled.delete(first.key)
    with pytest.raises(BackupError, match="There is no backup of an import"):
        chosen("newest")


def test_newest_is_one_of_this_nexus_even_when_the_store_holds_younger_ones_of_another(filled: Scene) -> None:
    known = filled.back_up()
    younger = filled.back_up("manual__of-another-nexus")
    filled.execute_as_superuser("DELETE FROM nexus_import.backup WHERE run_id = 'manual__of-another-nexus'")
    found = find_backups(filled.connection, filled.store)
    assert [backup.key for backup in found] == [younger.key, known.key]
    assert choose_backup(found, "newest").key == known.key
    assert choose_backup(found, "manual__of-another-nexus").key == younger.key
    filled.execute_as_superuser("DELETE FROM nexus_import.backup")
    assert choose_backup(find_backups(filled.connection, filled.store), "newest").key == younger.key


def test_backups_are_found_without_a_journal_and_say_so(filled: Scene) -> None:
    filled.back_up()
    filled.execute_as_superuser("DROP SCHEMA nexus_import CASCADE")
    found = find_backups(filled.connection, filled.store)
    assert [(backup.is_proven, backup.problem) for backup in found] == [(False, None)]
    assert "not in this journal, so its manifest cannot be proven" in backup_line(found[0])
    assert backup_line(found[0]).startswith(f"{IMPORT_RUN}/001  ")
