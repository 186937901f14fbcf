"""A Nexus with more columns than the mapping knows: once they are written down, an import runs and loses nothing."""

from __future__ import annotations

from pathlib import Path

from nexus_import.core.values import new_nexus_id
from nexus_import.schema import main

from tests.nexus.lost_rows import planned
from tests.nexus.quick_run import LAST_TASK, FileMaker, QuickRuns
from tests.support.copies import own_include
from tests.support.installation import Installation

COLUMNS = (
    "ADD pronouns varchar(20), ADD is_vip boolean NOT NULL DEFAULT false, ADD settings jsonb DEFAULT '{}'::jsonb,"
    " ADD initial text GENERATED ALWAYS AS (left(last_name, 1)) STORED, ADD number integer GENERATED ALWAYS AS IDENTITY"
)
ROW = "SELECT pronouns, is_vip, settings, initial FROM patients WHERE id = %s"


def test_columns_that_are_known_but_not_mapped_keep_what_they_have_and_new_rows_get_their_defaults(
    imported: Installation, filemaker: FileMaker, next_run: QuickRuns, tmp_path: Path
) -> None:
    imported.execute(f"ALTER TABLE patients {COLUMNS}")
    key, known = next((key, row) for key, row in imported.truth["patients"].items() if row)
    imported.execute("UPDATE patients SET pronouns = 'they', is_vip = true, settings = '[1]' WHERE id = %s", known)
    filemaker.fields("patient", key)["nameLast"] = "Quill"
    newcomer = filemaker.add_like("patient", key, nameFirst="New", nameLast="Xu")
    with own_include(tmp_path):
        assert main(["--database", imported.database.uri("nexus_backup"), "--write"]) == 0
        run = next_run().go(until=LAST_TASK)
        assert run.errors == {}
        added = str(new_nexus_id("patient", newcomer.lower()))
        assert planned(run, "add")["patients"] == {added}
        assert planned(run, "change")["patients"] == {known}
        assert imported.rows(ROW, known) == [("they", True, [1], "Q")]
        assert imported.rows(ROW, added) == [(None, False, {}, "X")]
        numbers = imported.rows("SELECT count(*), count(DISTINCT number), count(number) FROM patients")[0]
        assert len(set(numbers)) == 1
        again = next_run().go(until="publish.make_plan")
        assert planned(again, "add") == planned(again, "change") == planned(again, "remove") == {}
