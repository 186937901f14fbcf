"""The order of the import: which steps a run must have passed, one after the other, before it may publish.

Pure: the journal's steps go in, the first step that is missing, failed or out of order comes out. Because each
step's number grows with time, a step that was cleared and ran again makes everything after it out of date.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class StepName:
    """A step of the sequence: its name in the journal and the task to clear when it must run again."""

    name: str
    clear: str


FIX_FILEMAKER = "phase_0_validate.verify_filemaker"
"""The task to clear after something was corrected in FileMaker or in Nexus: everything is read and copied again."""

SEQUENCE: tuple[StepName, ...] = (
    StepName("back_up", "phase_0_validate.back_up_database"),
    StepName("stage", FIX_FILEMAKER),
    StepName("check_completeness", "phase_0_validate.check_completeness"),
    StepName("check_system_config", "phase_0_validate.check_system_config"),
    StepName("gate_0", FIX_FILEMAKER),
    StepName("preserve", "phase_1_preserve.copy_tables"),
    StepName("delete", "phase_2_delete.delete_patients"),
    StepName("check_2", "phase_2_delete.check_deletion"),
    StepName("gate_2", FIX_FILEMAKER),
    StepName("import_patients", "phase_3_patients.import_patients"),
    StepName("check_3", "phase_3_patients.check_patients"),
    StepName("gate_3", FIX_FILEMAKER),
    StepName("import_appointments", "phase_4_appointments.import_appointments"),
    StepName("check_4", "phase_4_appointments.check_appointments"),
    StepName("gate_4", FIX_FILEMAKER),
    StepName("find_records", "phase_5_notes.find_records"),
    StepName("gate_5", FIX_FILEMAKER),
    StepName("relink_documents", "phase_6_documents.relink_documents"),
    StepName("check_6", "phase_6_documents.check_documents"),
    StepName("gate_6", FIX_FILEMAKER),
    StepName("relink_batches", "phase_7_images.relink_batches"),
    StepName("check_7", "phase_7_images.check_images"),
    StepName("gate_7", FIX_FILEMAKER),
    StepName("check_8", "phase_8_validate.check_database"),
    StepName("check_files", "phase_8_validate.check_files"),
    StepName("gate_8", FIX_FILEMAKER),
)
PLAN = StepName("plan", "publish.make_plan")


@dataclass(frozen=True)
class Step:
    """The latest entry of one step in the journal."""

    step_id: int
    passed: bool


@dataclass(frozen=True)
class Gap:
    """The first step that does not hold: why, and the task to clear."""

    step: StepName
    reason: str


def first_gap(steps: Mapping[str, Step], *, before: str | None = None) -> Gap | None:
    """Return the first step that is missing, failed or older than its predecessor; None when all hold.

    With `before`, only the steps before the one of that name are looked at; "plan" stands for all but the plan.
    """
    previous = 0
    for step in (*SEQUENCE, PLAN):
        if step.name == before:
            return None
        entry = steps.get(step.name)
        if entry is None:
            return Gap(step, "has not run")
        if not entry.passed:
            return Gap(step, "did not pass")
        if entry.step_id < previous:
            return Gap(step, "ran before a step that ran again later")
        previous = entry.step_id
    return None
