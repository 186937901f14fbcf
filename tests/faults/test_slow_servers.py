"""FileMaker and the object store take their time, and PostgreSQL ends transactions that wait: none of ours does."""

from __future__ import annotations

from typing import Any

from tests.faults.troubles import SLOW_SECONDS, asks_store, wait_a_little
from tests.support.installation import Installation
from tests.support.runs import Run
from tests.support.wire import Action, Message
from tests.support.wired import Once, wired

WAITING_MS = 250
"""How long a transaction may wait: less than a slow answer takes."""


def let_nobody_wait(installation: Installation) -> None:
    """Let PostgreSQL end every session of the import that waits in a transaction."""
    name = installation.database.database
    with installation.database.cluster.connect() as connection:
        for role in ("nexus_import", "nexus_backup"):
            connection.execute(
                f"ALTER ROLE {role} IN DATABASE {name} SET idle_in_transaction_session_timeout = {WAITING_MS}".encode()
            )


def test_nothing_waits_in_a_transaction_for_a_slow_filemaker(installation: Installation, new_run: Any) -> None:
    let_nobody_wait(installation)
    installation.simulator.control.set_faults(slow_layout={"API_Contacts": SLOW_SECONDS})
    run = new_run().go(until="phase_0_validate.fetch_patients")
    assert run.errors == {}
    assert run.states["phase_0_validate.fetch_patients"] == "success"


def test_backup_checks_and_publish_outlast_a_slow_store(installation: Installation, new_run: Any) -> None:
    let_nobody_wait(installation)
    slow = [
        Once(asks_store(method, *names), wait_a_little)
        for method, names in (
            (b"PUT", (b"/backups/", b"/patients.csv.zst")),
            (b"PUT", (b"/backups/", b"manifest.json")),
            (b"PUT", (b"/snapshots/", b"/patient/")),
            (b"GET", (b"/snapshots/", b"manifest.json")),
            (b"GET", (b"/snapshots/", b"page-000001")),
            (b"GET", (b"/backups/", b"manifest.json")),
            (b"GET", (b"/documents/",)),
            (b"GET", (b"list-type=2", b"backups")),
        )
    ]

    def rule(message: Message) -> Action | None:
        return next((action for each in slow if (action := each(message))), None)

    with wired(installation, rule):
        run: Run = new_run().go()
    assert all(each.has_happened for each in slow)
    assert run.errors == {}
    assert run.is_green
