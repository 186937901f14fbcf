"""The server of Nexus's database is killed and comes up again, in each phase: the run says so, is cleared, goes on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.troubles import Trouble, meet, published_count
from tests.support.installation import Installation
from tests.support.runs import Run
from tests.support.wire import Cut, Message
from tests.support.wired import NEXUS, Once, wired

IN_EACH_PHASE = (
    "start.record_attempt",
    "phase_0_validate.back_up_database",
    "phase_0_validate.stage_records",
    "phase_0_validate.gate",
    "phase_1_preserve.copy_tables",
    "phase_2_delete.delete_patients",
    "phase_3_patients.import_patients",
    "phase_4_appointments.import_appointments",
    "phase_5_notes.import_notes",
    "phase_6_documents.relink_documents",
    "phase_7_images.relink_batches",
    "phase_8_validate.check_database",
    "publish.make_plan",
    "publish.publish_plan",
)
LAST_STATEMENTS = (b"INSERT INTO nexus_import.step", b"INSERT INTO nexus_import.publication")
LOST = "PostgreSQL: "


def is_almost_done(message: Message) -> bool:
    """Tell whether a task has done its work, and is about to say so and commit."""
    is_statement = message.wire == NEXUS and message.is_request and message.kind in (b"P", b"Q")
    return is_statement and any(words in message.body for words in LAST_STATEMENTS)
