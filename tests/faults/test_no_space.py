"""There is no room for the working copy: nothing is half copied, and with room again the run goes on."""

from __future__ import annotations

import resource
import secrets
from typing import Any

from tests.faults.troubles import Trouble, asks_nexus, meet, published_count
from tests.nexus.live_rows import add_note
from tests.support.installation import Installation
from tests.support.wire import Message

COPY = "phase_1_preserve.copy_tables"
LIMIT_BYTES = 16 * 1024 * 1024
"""Not less: a process of the server that cannot write 16 MiB of its log ends the whole server."""
NOTE_BYTES = 2_000_000
NOTES = 9


def test_file_of_the_working_copy_that_cannot_grow(installation: Installation, new_run: Any) -> None:
    patient = installation.value("SELECT min(id::text) FROM patients")
    for _ in range(NOTES):
        # what is random cannot be compressed
        add_note(installation, patient, secrets.token_urlsafe(NOTE_BYTES * 3 // 4))

    def limit_files(message: Message) -> None:
        """Let no file of the process that makes the copy grow beyond the limit, as a full disk does."""
        (process_id,) = installation.rows(
            "SELECT pid FROM pg_stat_activity WHERE application_name = %s AND datname = current_database()",
            f"nexus_import {COPY}",
        )[0]
        resource.prlimit(process_id, resource.RLIMIT_FSIZE, (LIMIT_BYTES, LIMIT_BYTES))

    run = new_run()
    meet(run, Trouble("no room", asks_nexus(b'CREATE TABLE "nexus_work"."before_'), limit_files, COPY, "could not"))
    assert installation.value("SELECT to_regclass('nexus_work.stamp')") is None
    assert run.go().is_green
    assert published_count(run) == 1
