"""A separate environment is made from a backup, with the shell's restore, and an import is tried there first."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from psycopg import sql

from local.clinic import create_schema
from local.nexus_database import OWNER, RESTORE_ROLE, NexusDatabase
from tests.support.copies import connected
from tests.support.installation import BUCKET, Installation
from tests.support.runs import Run

RunMaker = Callable[..., Run]
COMMAND = (sys.executable, "-m", "nexus_import.restore")
SECONDS = 300
BACK_UP = "phase_0_validate.back_up_database"
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "operations.md"


def restore(copy: NexusDatabase, s3_url: str, *arguments: str) -> str:
    """Type the runbook's command; return what it said."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": "plugins",
        "NEXUS_RESTORE_DB_URI": copy.uri(RESTORE_ROLE),
        "S3_ENDPOINT": s3_url,
        "S3_BUCKET": BUCKET,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "ap-southeast-2",
    }
    done = subprocess.run(
        [*COMMAND, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_backup_becomes_a_copy_on_which_an_import_is_tried(
    installation: Installation, new_run: RunMaker, dag: Any
) -> None:
    original = new_run("rehearse").go(until=BACK_UP)
    key = installation.value("SELECT manifest_key FROM nexus_import.backup WHERE run_id = %s", original.run_id)
    before = installation.live()
    cluster = installation.database.cluster
    copy = NexusDatabase(cluster, f"copy_{uuid.uuid4().hex[:12]}", installation.database.passwords)
    cluster.create_database(copy.database, OWNER)
    try:
        create_schema(copy.uri())
        copy.grant()
        backup = f"{original.run_id}/{key.split('/')[-2]}"
        said = restore(
            copy, installation.parts.s3_url, "--backup", backup, "--scope", "everything", "--without-backup", "--yes"
        )
        assert "✅ Restored and verified" in said
        beside = Installation(installation.parts, copy, installation.simulator)
        assert beside.live() == before
        for statement in re.findall(r"^UPDATE .*;$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE):
            beside.execute(statement)
        assert beside.value("SELECT count(*) FROM gmail_connections WHERE is_active OR refresh_token <> ''") == 0
        with connected(beside):
            published = Run(beside, dag, original.params | {"mode": "publish"}, answer="Approve").go()
            assert published.is_green, published.last_words
            assert beside.live() != before
        assert installation.live() == before
    finally:
        with cluster.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(copy.database)))
