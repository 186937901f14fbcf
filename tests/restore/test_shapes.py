"""Tables of every shape that PostgreSQL knows: what can be put back is, what cannot is refused by name."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import psycopg
import pytest
from nexus_import.errors import BackupError, RestoreRefused
from nexus_import.nexus.manifest import Manifest, read_manifest
from psycopg.errors import InsufficientPrivilege

from tests.restore.scene import Scene


def round_trip(scene: Scene, *changes: str) -> Manifest:
    """Back up, change, restore, and require that every table is as it was; return the backup."""
    before = scene.rows()
    manifest = scene.back_up()
    for change in changes:
        scene.execute(change)
    assert scene.rows() != before
    scene.restore(manifest)
    assert scene.rows() == before
    return manifest


def as_format_1(scene: Scene, manifest: Manifest) -> Manifest:
    """Write the manifest again as the first version did: names of columns only, no memory."""
    content = json.loads(scene.store.get_bytes(manifest.key))
    for table in content["tables"]:
        table["columns"] = [column["name"] for column in table["columns"]]
        del table["schema"], table["sequences"]
    del content["memory"], content["purpose"], content["publications"]
    scene.overwrite(manifest.key, json.dumps(content | {"format": 1}).encode())
    scene.execute_as_superuser("DELETE FROM nexus_import.backup")
    return read_manifest(scene.connection, scene.store, manifest.key)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("ALTER TABLE a DROP COLUMN note", "a: column note is gone"),
        ("ALTER TABLE a ADD COLUMN more integer DEFAULT 3", "a: column more is new"),
        ("ALTER TABLE a RENAME note TO remark", "a: column note is gone, column remark is new"),
        ("ALTER TABLE a ALTER note TYPE varchar(9)", "a: column note was text and is character varying(9)"),
        ("ALTER TABLE a ALTER amount TYPE numeric(9,3)", "a: column amount was numeric(9,2) and is numeric(9,3)"),
        ("ALTER TABLE a ALTER twice DROP EXPRESSION", "a: column twice was generated and is stored"),
    ],
)
def test_columns_that_differ_are_refused_by_name(bare: Scene, change: str, said: str) -> None:
    bare.execute(
        "CREATE TABLE a (id integer PRIMARY KEY, note text, amount numeric(9,2),"
        " twice integer GENERATED ALWAYS AS (id * 2) STORED); INSERT INTO a VALUES (1, 'x', 1.5)"
    )
    bare.execute("CREATE TABLE b (id integer PRIMARY KEY); INSERT INTO b VALUES (7)")
    manifest = bare.back_up()
    bare.execute(change + "; DELETE FROM b")
    before = bare.rows()
    with pytest.raises(RestoreRefused) as refused:
        bare.load(manifest)
    assert f"1 tables have other columns than when the backup was taken: {said}. Nothing was changed" in str(
        refused.value
    )
    assert bare.rows() == before


def test_every_table_that_differs_is_named_at_once(bare: Scene) -> None:
    bare.execute("CREATE TABLE a (id integer PRIMARY KEY); CREATE TABLE b (id integer PRIMARY KEY, x text)")
    manifest = bare.back_up()
    bare.execute("ALTER TABLE a ADD y text; ALTER TABLE b DROP x")
    with pytest.raises(RestoreRefused, match=r"2 tables have other columns.*a: column y is new; b: column x is gone"):
        bare.load(manifest)


def test_order_of_columns_does_not_matter(bare: Scene) -> None:
    bare.execute("CREATE TABLE a (id integer PRIMARY KEY, one text, two text); INSERT INTO a VALUES (1, '1', '2')")
    manifest = bare.back_up()
    bare.execute("DROP TABLE a; CREATE TABLE a (two text, id integer PRIMARY KEY, one text)")
    bare.restore(manifest)
    assert bare.installation.rows("SELECT id, one, two FROM a") == [(1, "1", "2")]


def test_format_1_is_still_restored_and_says_what_it_lacks(bare: Scene) -> None:
    bare.execute("CREATE TABLE a (id serial PRIMARY KEY, x numeric(9,2)); INSERT INTO a (x) VALUES (1.5), (2.5)")
    before = bare.rows()
    manifest = as_format_1(bare, bare.back_up())
    assert manifest.format == 1
    bare.execute("DELETE FROM a")
    loaded = bare.load(manifest)
    plan = bare.plan(loaded)
    assert any("does not hold what the import remembered then" in note for note in plan.notes)
    bare.answer(plan)
    bare.write(loaded, plan)
    assert bare.rows() == before


def test_format_1_with_another_type_is_found_before_anything_is_written(bare: Scene) -> None:
    """It knows no types: that the rows would be written otherwise shows it."""
    bare.execute("CREATE TABLE a (id integer PRIMARY KEY, x numeric(9,2)); INSERT INTO a VALUES (1, 1.5)")
    manifest = as_format_1(bare, bare.back_up())
    bare.execute("ALTER TABLE a ALTER x TYPE numeric(9,3)")
    with pytest.raises(BackupError, match="does not write the rows of a as the one of the backup did"):
        bare.load(manifest)


def test_format_that_is_not_known_is_refused(bare: Scene) -> None:
    bare.execute("CREATE TABLE a (id integer PRIMARY KEY)")
    manifest = bare.back_up()
    content = json.loads(bare.store.get_bytes(manifest.key)) | {"format": 3}
    bare.overwrite(manifest.key, json.dumps(content).encode())
    bare.execute_as_superuser("DELETE FROM nexus_import.backup")
    with pytest.raises(BackupError, match=r"has format 3; this version reads 1 and 2"):
        read_manifest(bare.connection, bare.store, manifest.key)


def test_generated_columns_are_computed_again(bare: Scene) -> None:
    bare.execute(
        "CREATE TABLE a (id integer PRIMARY KEY, x integer, kept integer GENERATED ALWAYS AS (x * 2) STORED,"
        " looked_up integer GENERATED ALWAYS AS (x * 3) VIRTUAL);"
        "INSERT INTO a (id, x) VALUES (1, 5), (2, 6), (3, NULL)"
    )
    round_trip(bare, "DELETE FROM a WHERE id = 1", "UPDATE a SET x = 50 WHERE id = 2")
    assert bare.installation.rows("SELECT kept, looked_up FROM a ORDER BY id") == [(10, 15), (12, 18), (None, None)]


def test_generated_column_that_computes_something_else_now_is_refused_by_name(bare: Scene) -> None:
    bare.execute("CREATE TABLE a (id integer PRIMARY KEY, x integer GENERATED ALWAYS AS (id * 2) STORED)")
    bare.execute("INSERT INTO a VALUES (1), (2)")
    manifest = bare.back_up()
    bare.execute("ALTER TABLE a ALTER x SET EXPRESSION AS (id * 3); DELETE FROM a WHERE id = 1")
    before = bare.rows()
    with pytest.raises(RestoreRefused, match=r"Table a would not hold what the backup has.*generated column x"):
        bare.restore(manifest)
    assert bare.rows() == before


def test_identity_columns_keep_their_values_and_go_on_after_them(bare: Scene) -> None:
    bare.execute(
        "CREATE TABLE strict (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, x text);"
        "CREATE TABLE loose (id bigint GENERATED BY DEFAULT AS IDENTITY (INCREMENT 10) PRIMARY KEY, x text);"
        "CREATE TABLE numbered (id integer PRIMARY KEY, ticket integer GENERATED ALWAYS AS IDENTITY);"
        "CREATE TABLE old_style (id serial PRIMARY KEY, x text);"
        "CREATE SEQUENCE shared; CREATE TABLE invoices (id bigint DEFAULT nextval('shared') PRIMARY KEY, x text);"
        "CREATE TABLE lettered (id text DEFAULT 'R-' || nextval('shared') PRIMARY KEY, x text)"
    )
    for table in ("strict", "loose", "old_style", "invoices", "lettered"):
        bare.execute(f"INSERT INTO {table} (x) SELECT 'row ' || n FROM generate_series(1, 5) AS n")
    bare.execute("INSERT INTO numbered (id) SELECT generate_series(1, 5)")
    tables = ("strict", "loose", "numbered", "old_style", "invoices", "lettered")
    round_trip(
        bare,
        "DELETE FROM strict WHERE id > 2",
        "INSERT INTO strict (x) VALUES ('since')",
        "DELETE FROM numbered WHERE id = 2; INSERT INTO numbered (id) VALUES (2)",
        "TRUNCATE loose, old_style, invoices, lettered RESTART IDENTITY",
        "SELECT setval('shared', 1)",
    )
    for table in tables:
        column = "x" if table != "numbered" else "id"
        bare.execute(f"INSERT INTO {table} ({column}) VALUES ('99')")
    assert bare.value("SELECT max(id) FROM strict") == 7
    assert bare.value("SELECT max(id) FROM loose") == 51
    assert bare.value("SELECT max(id) FROM old_style") == 6
    assert bare.value("SELECT ticket FROM numbered WHERE id = 99") == 7
    assert bare.value("SELECT max(id) FROM invoices") == 11
    assert bare.value("SELECT count(*) FROM lettered") == 6


def test_numbers_that_were_given_are_never_given_again(bare: Scene) -> None:
    bare.execute("CREATE TABLE a (id serial PRIMARY KEY)")
    bare.execute("INSERT INTO a SELECT FROM generate_series(1, 40); DELETE FROM a WHERE id > 3")
    manifest = bare.back_up()
    # a new database: the sequence begins at 1, and only the backup knows that 40 was given
    bare.execute("DROP TABLE a; CREATE TABLE a (id serial PRIMARY KEY)")
    bare.restore(manifest)
    assert bare.value("INSERT INTO a DEFAULT VALUES RETURNING id") == 41
    # Nexus has given more since: not set back to what the backup knows
    bare.execute("SELECT setval('a_id_seq', 900); DELETE FROM a")
    bare.restore(manifest)
    assert bare.value("INSERT INTO a DEFAULT VALUES RETURNING id") == 901


def test_sequence_that_counts_down_is_set_below(bare: Scene) -> None:
    bare.execute("CREATE TABLE a (id integer GENERATED BY DEFAULT AS IDENTITY (INCREMENT -1) PRIMARY KEY)")
    bare.execute("INSERT INTO a SELECT FROM generate_series(1, 4)")
    manifest = bare.back_up()
    bare.execute("TRUNCATE a RESTART IDENTITY")
    bare.restore(manifest)
    assert bare.value("INSERT INTO a DEFAULT VALUES RETURNING id") == -5
    bare.execute("SELECT setval('a_id_seq', -900); DELETE FROM a")
    bare.restore(manifest)
    assert bare.value("INSERT INTO a DEFAULT VALUES RETURNING id") == -901


def test_table_without_a_primary_key(bare: Scene) -> None:
    bare.execute("CREATE TABLE bag (x text, y numeric)")
    bare.execute("INSERT INTO bag VALUES ('a', 1.0), ('a', 1.0), ('a', 1.00), (NULL, NULL), (NULL, NULL), ('b', 2)")
    manifest = round_trip(bare, "DELETE FROM bag WHERE ctid = (SELECT max(ctid) FROM bag WHERE x = 'a')")
    round_trip(bare, "INSERT INTO bag VALUES (NULL, NULL), ('c', 3)")
    bare.execute("UPDATE bag SET y = 1.000 WHERE y = 1")
    plan = bare.plan(bare.load(manifest))
    assert plan.counts["bag"] == {"added": 3, "changed": 0, "removed": 3}


def test_keys_of_several_columns_and_of_text(bare: Scene) -> None:
    bare.execute("CREATE TABLE pairs (a integer, b text, x text, PRIMARY KEY (b, a))")
    bare.execute("INSERT INTO pairs VALUES (1, 'one two', 'x'), (1, 'one', 'y'), (2, '', 'z')")
    bare.execute("CREATE TABLE scaled (id numeric PRIMARY KEY); INSERT INTO scaled VALUES (1.0), (2.00)")
    round_trip(
        bare,
        "DELETE FROM pairs WHERE b = ''",
        "UPDATE pairs SET x = 'changed' WHERE b = 'one'",
        "UPDATE scaled SET id = 1.000 WHERE id = 1",
    )


def test_odd_names(bare: Scene) -> None:
    odd, longest = '"Odd ""name"" 100% {x}"', "t" * 63
    bare.execute(f'CREATE TABLE {odd} ("select" serial PRIMARY KEY, "naïve col;" text, "%s" integer, "{{}}" text)')
    bare.execute(f'CREATE TABLE "odd child" (id integer PRIMARY KEY, "Parent" integer REFERENCES {odd})')
    bare.execute(f"INSERT INTO {odd} (\"naïve col;\", \"%s\") VALUES ('a', 1), ('b', 2)")
    bare.execute(f'INSERT INTO "odd child" VALUES (1, 1); CREATE TABLE {longest} (id integer PRIMARY KEY)')
    bare.execute(f"INSERT INTO {longest} VALUES (1)")
    round_trip(
        bare,
        f'DELETE FROM "odd child"; DELETE FROM {odd} WHERE "select" = 1; UPDATE {odd} SET "%s" = 3',
        f"DELETE FROM {longest}",
    )


def test_partitioned_table(bare: Scene) -> None:
    bare.execute(
        "CREATE TABLE visits (id integer, at date, x text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);"
        "CREATE TABLE visits_2025 PARTITION OF visits FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');"
        "CREATE TABLE visits_2026 PARTITION OF visits FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');"
        "INSERT INTO visits VALUES (1, '2025-03-01', 'a'), (2, '2026-03-01', 'b'), (3, '2026-04-01', 'c')"
    )
    manifest = round_trip(
        bare,
        "UPDATE visits SET at = '2026-03-01' WHERE id = 1",
        "DELETE FROM visits WHERE id = 3",
        "INSERT INTO visits VALUES (4, '2025-01-01', 'd')",
    )
    assert set(manifest.tables) == {"visits"}


def test_rows_that_took_each_others_unique_values(bare: Scene) -> None:
    bare.execute(
        "CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL UNIQUE, email text);"
        "CREATE UNIQUE INDEX ON users (lower(email));"
        "CREATE TABLE notes (id integer PRIMARY KEY, user_id integer NOT NULL"
        " REFERENCES users DEFERRABLE INITIALLY DEFERRED);"
        "INSERT INTO users VALUES (1, 'a', 'A@x'), (2, 'b', 'b@x'), (3, 'c', 'c@x');"
        "INSERT INTO notes VALUES (1, 1), (2, 2)"
    )
    round_trip(
        bare,
        "UPDATE users SET name = 'x', email = 'x' WHERE id = 1",
        "UPDATE users SET name = 'a', email = 'a@x' WHERE id = 2",
        "UPDATE users SET name = 'b', email = 'B@x' WHERE id = 1",
        "DELETE FROM users WHERE id = 3; INSERT INTO users VALUES (4, 'c', 'C@X')",
    )


def test_rows_that_took_each_others_place_in_an_exclusion(bare: Scene) -> None:
    bare.execute(
        "CREATE TABLE slots (id integer PRIMARY KEY, at int4range, EXCLUDE USING gist (at WITH &&));"
        "INSERT INTO slots VALUES (1, '[1,5)'), (2, '[5,9)')"
    )
    round_trip(
        bare,
        "UPDATE slots SET at = '[100,101)' WHERE id = 1",
        "UPDATE slots SET at = '[1,3)' WHERE id = 2",
        "UPDATE slots SET at = '[3,9)' WHERE id = 1",
    )


def test_foreign_keys_that_cannot_be_deferred_and_circles(bare: Scene) -> None:
    bare.execute(
        "CREATE TABLE z_parent (id integer PRIMARY KEY, up integer REFERENCES z_parent);"
        "CREATE TABLE m_child (id integer PRIMARY KEY, parent integer NOT NULL REFERENCES z_parent);"
        "CREATE TABLE a_grandchild (id integer PRIMARY KEY, child integer NOT NULL REFERENCES m_child);"
        "CREATE TABLE egg (id integer PRIMARY KEY, hen integer);"
        "CREATE TABLE hen (id integer PRIMARY KEY, egg integer REFERENCES egg DEFERRABLE INITIALLY IMMEDIATE);"
        "ALTER TABLE egg ADD FOREIGN KEY (hen) REFERENCES hen DEFERRABLE INITIALLY IMMEDIATE;"
        "INSERT INTO z_parent VALUES (2, NULL), (1, 2); INSERT INTO m_child VALUES (1, 1), (2, 2);"
        "INSERT INTO a_grandchild VALUES (1, 1); INSERT INTO egg VALUES (1, NULL); INSERT INTO hen VALUES (1, 1);"
        "UPDATE egg SET hen = 1"
    )
    round_trip(
        bare,
        "DELETE FROM a_grandchild; DELETE FROM m_child; DELETE FROM z_parent",
        "INSERT INTO z_parent VALUES (9, NULL), (10, 9); INSERT INTO m_child VALUES (7, 9); UPDATE egg SET hen = NULL",
        "DELETE FROM hen; DELETE FROM egg",
    )


def test_rows_that_a_cascade_would_take_with_it_come_back(bare: Scene) -> None:
    bare.execute(
        "CREATE TABLE parent (id integer PRIMARY KEY, name text NOT NULL UNIQUE);"
        "CREATE TABLE child (id integer PRIMARY KEY, parent integer REFERENCES parent ON DELETE CASCADE, x text);"
        "CREATE TABLE loose (id integer PRIMARY KEY, parent integer REFERENCES parent ON DELETE SET NULL, x text);"
        "INSERT INTO parent VALUES (1, 'a'), (2, 'b'); INSERT INTO child VALUES (1, 1, 'c'), (2, 2, 'd');"
        "INSERT INTO loose VALUES (1, 1, 'e'), (2, 2, 'f')"
    )
    round_trip(
        bare,
        "UPDATE parent SET name = 'x' WHERE id = 1; UPDATE parent SET name = 'a' WHERE id = 2",
        "UPDATE parent SET name = 'b' WHERE id = 1",
        "INSERT INTO parent VALUES (3, 'c'); UPDATE child SET parent = 3 WHERE id = 2",
    )


def test_trigger_is_named_beforehand_and_one_that_changes_rows_is_refused(bare: Scene) -> None:
    bare.execute(
        "CREATE TABLE a (id integer PRIMARY KEY, x text, touched integer DEFAULT 0);"
        "CREATE TABLE audit (id serial PRIMARY KEY, what text);"
        "INSERT INTO a VALUES (1, 'x'), (2, 'y');"
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO public.audit (what) VALUES (TG_OP); RETURN NULL; END $$;"
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN NEW.touched = NEW.touched + 1; RETURN NEW; END $$"
    )
    manifest = bare.back_up()
    bare.execute("CREATE TRIGGER audit_a AFTER INSERT OR UPDATE OR DELETE ON a FOR EACH ROW EXECUTE FUNCTION note()")
    bare.execute("UPDATE a SET x = 'since' WHERE id = 1; TRUNCATE audit")
    loaded = bare.load(manifest)
    plan = bare.plan(loaded)
    assert [note for note in plan.notes if note.startswith("trigger audit_a of a fires for every row")]
    bare.answer(plan)
    with pytest.raises(RestoreRefused, match="Table audit would not hold what the backup has"):
        bare.write(loaded, plan)

    bare.execute("DROP TRIGGER audit_a ON a")
    bare.execute("CREATE TRIGGER touch_a BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION touch()")
    before = bare.rows()
    with pytest.raises(RestoreRefused, match=r"Table a would not hold.*What may have changed them: trigger touch_a"):
        bare.restore(manifest)
    assert bare.rows() == before


def test_tables_that_came_or_went_are_named_and_left(bare: Scene) -> None:
    bare.execute("CREATE TABLE kept (id integer PRIMARY KEY); INSERT INTO kept VALUES (1)")
    bare.execute("CREATE TABLE gone (id integer PRIMARY KEY)")
    manifest = bare.back_up()
    bare.execute("DROP TABLE gone; CREATE TABLE made (id integer PRIMARY KEY); INSERT INTO made VALUES (5)")
    bare.execute("DELETE FROM kept")
    loaded = bare.load(manifest)
    plan = bare.plan(loaded)
    assert plan.notes[:2] == [
        "table gone of the backup, which had no row, is not in Nexus any more and is left out",
        "table made is not in the backup and is left as it is",
    ]
    bare.answer(plan)
    bare.write(loaded, plan)
    assert bare.value("SELECT count(*) FROM kept") == 1
    assert bare.value("SELECT id FROM made") == 5


def test_database_without_any_of_the_tables_is_refused_with_what_to_do(bare: Scene) -> None:
    bare.execute("CREATE TABLE a (id integer PRIMARY KEY)")
    manifest = bare.back_up()
    bare.execute("DROP TABLE a")
    with pytest.raises(RestoreRefused, match=r"Nexus has none of the 1 tables.*Create Nexus's tables first"):
        bare.load(manifest)


def test_policy_that_hides_rows_is_an_error_and_no_short_backup(bare: Scene) -> None:
    bare.execute("CREATE TABLE a (id integer PRIMARY KEY); INSERT INTO a VALUES (1)")
    bare.execute("ALTER TABLE a ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON a USING (false)")
    with pytest.raises(InsufficientPrivilege, match="affected by row-level security"):
        bare.back_up()


def test_object_of_many_rows_needs_little_memory(bare: Scene) -> None:
    bare.execute("CREATE TABLE a (id integer PRIMARY KEY, x text)")
    bare.execute("INSERT INTO a SELECT n, repeat(md5(n::text), 30) FROM generate_series(1, 60000) AS n")
    tracemalloc.start()
    try:
        manifest = bare.back_up()
        backing_up = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        bare.load(manifest)
        loading = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    csv_bytes: Any = bare.value("SELECT sum(octet_length(x)) FROM a")
    assert csv_bytes > 57_000_000
    assert loading < csv_bytes / 8
    assert backing_up < csv_bytes / 2


def test_the_restore_role_cannot_turn_triggers_off(bare: Scene) -> None:
    """Why they are named instead."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        bare.connection.execute("SET session_replication_role = replica")
