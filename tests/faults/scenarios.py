"""What a run that is killed had to do: the first import of a clinic, or a later one that also removes and swaps."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from nexus_import.core.include import include_folder

from tests.nexus.live_rows import add_encounter, add_note, add_patient
from tests.nexus.lost_rows import add_like, planned
from tests.sql.clinic import Clinic
from tests.support.copies import PARAMETERS, start_copy_elsewhere
from tests.support.installation import TEMPLATE, Installation, Parts, start_installation
from tests.support.runs import Run
from tests.support.task_processes import TaskProcess, go
from tests.support.wire import STARTUP, Message
from tests.support.wired import Tally, open_wires

LAST_TASK = "publish.verify_live"
GATE_0 = "phase_0_validate.gate"
MERGED, MERGED_VISIT = "0A000000-0000-4000-8000-000000000001", "0A000000-0000-4000-8000-000000000002"
"""FileMaker ids of a patient and an appointment that are deleted there after the first import."""
LINK_A_DOCUMENT = (
    "UPDATE documents_document SET object_id = %s WHERE id = (SELECT min(id::text)::uuid FROM documents_document"
    " WHERE filemaker_metadata ->> 'filemaker_patient_id' IS NOT NULL)"
)
Environment = dict[str, str]


@dataclass(frozen=True)
class Scenario:
    """Where such a run begins: in a copy of the database `template`, or in a copy of a run past gate 0.

    `answer` is a person's, when the run asks; `include` the environment of its tasks beside their connections,
    `common_runs` the ids of those whose objects such runs share.
    """

    name: str
    parts: Parts
    dag: Any
    template: str
    run_past_gate_0: Run
    parameters: dict[str, Any]
    answer: str | None
    include: Environment
    common_runs: frozenset[str]

    def new_run(self, installation: Installation) -> Run:
        """Return a run that has not begun."""
        return Run(installation, self.dag, dict(self.parameters), answer=self.answer)

    def go(self, run: Run, until: str | None = None) -> Run:
        """Let the run go on in a process of its own, which nobody kills."""
        return go(run, run.installation.environment() | self.include, until)

    @contextmanager
    def begun(self, task_id: str) -> Iterator[Run]:
        """Yield a run that has come to this task: from its own beginning, or from the common one at gate 0."""
        order = [task.task_id for task in self.dag.topological_sort()]
        place, gate = order.index(task_id), order.index(GATE_0)
        with ExitStack() as stack:
            if place <= gate:
                run = self.new_run(stack.enter_context(start_installation(self.parts, self.template)))
            else:
                run = stack.enter_context(start_copy_elsewhere(self.parts, self.run_past_gate_0))
            if place and order[place - 1] not in run.states:
                self.go(run, order[place - 1])
            assert set(run.states.values()) <= {"success", "skipped"}
            yield run


@dataclass(frozen=True)
class Whole:
    """A run that nobody killed: messages by task, roles that came to Nexus's database, what live Nexus holds then."""

    messages: dict[str, int]
    roles: set[str]
    published: dict[str, str]


@contextmanager
def start_whole(scenario: Scenario) -> Iterator[tuple[Run, Whole]]:
    """Yield a run from its first task to its last, and what was seen of it."""
    messages: dict[str, int] = {}
    tally = Tally()
    roles: set[str] = set()
    at_work: list[str] = []

    def watch(message: Message) -> None:
        tally(message)
        if message.kind == STARTUP and b"user\0" in message.body:
            roles.add(message.body.split(b"user\0", 1)[1].split(b"\0", 1)[0].decode())

    def note(task_id: str | None) -> None:
        if task_id is not None:
            at_work[:] = [task_id]
            messages[task_id] = -tally.counts.total()
        else:
            messages[at_work[0]] += tally.counts.total()

    with (
        start_installation(scenario.parts, scenario.template) as installation,
        open_wires(installation, watch) as environment,
    ):
        run = scenario.new_run(installation)
        TaskProcess(run, environment | scenario.include, LAST_TASK, on_task=note).start().wait()
        assert run.states[LAST_TASK] == "success", run.errors
        sending = {task: count for task, count in messages.items() if count}
        yield run, Whole(sending, roles, installation.live(without_times=True))


def first_import(parts: Parts, dag: Any, run_past_gate_0: Run) -> Scenario:
    """Return the first import of the untouched clinic, with everything of Nexus's own kept."""
    return Scenario(
        "first import", parts, dag, TEMPLATE, run_past_gate_0, PARAMETERS, None, {}, frozenset({run_past_gate_0.run_id})
    )


@contextmanager
def start_later_import(parts: Parts, dag: Any, directory: Path) -> Iterator[Scenario]:
    """Yield a later import: FileMaker deleted, moved and swapped since, staff wrote, and what is Nexus's own may go.

    The first import read a FileMaker that held something else; the clinic's own records are what the later one reads.
    """
    include = _include_with_mrn(directory)
    parameters = PARAMETERS | {"nexus_only": "delete"}
    with start_installation(parts) as installation, ExitStack() as stack:
        _let_filemaker_hold_something_else(installation)
        first = Run(installation, dag, dict(PARAMETERS), answer="Approve")
        go(first, installation.environment() | include)
        assert first.is_green, first.last_words
        _let_staff_write(installation)
        template = installation.database.database
        past_gate_0 = Run(
            stack.enter_context(start_installation(parts, template)), dag, dict(parameters), answer="Approve"
        )
        go(past_gate_0, past_gate_0.installation.environment() | include, GATE_0)
        assert past_gate_0.results[GATE_0] is True
        common = frozenset({first.run_id, past_gate_0.run_id})
        yield Scenario("later import", parts, dag, template, past_gate_0, parameters, "Approve", include, common)


def require_everything_happens(run: Run) -> None:
    """Raise AssertionError unless the later import's plan does to live Nexus whatever a plan can do."""
    removed, added, changed = (planned(run, action).keys() for action in ("remove", "add", "change"))
    assert removed >= {"patients", "appointments", "notes", "encounters", "sms_messages", "patient_referrers"}, removed
    assert added >= {"notes"}, added
    assert changed >= {"patients", "appointments", "notes", "documents_document", "sms_inbound"}, changed
    swapped = run.installation.value(
        "SELECT count(*) FROM nexus_import.plan_row WHERE action = 'change' AND 'mrn' = ANY (changed_columns)"
        " AND plan_id = (SELECT max(plan_id) FROM nexus_import.plan WHERE run_id = %s)",
        run.run_id,
    )
    assert swapped == 2
    assert len(run.questions) == 1


def _include_with_mrn(directory: Path) -> Environment:
    """Write an include/ whose patients take a unique column from FileMaker: the only mapped ones are the ids."""
    folder = directory / "include"
    shutil.copytree(include_folder(), folder)
    path = folder / "mapping" / "patient.yaml"
    mapping = yaml.safe_load(path.read_text(encoding="utf-8"))
    mapping["columns"]["mrn"] = {"field": "Health Number"}
    path.write_text(yaml.safe_dump(mapping), encoding="utf-8")
    return {"NEXUS_IMPORT_INCLUDE": str(folder)}


def _let_filemaker_hold_something_else(installation: Installation) -> None:
    """Give FileMaker a patient more, other titles, ends and notes, and two values the other way round."""
    control, clinic = installation.simulator.control, Clinic(installation)
    _, patient = clinic.pick_record("API_Contacts")
    _, visit = clinic.pick_record("API_Appointments")
    _, note = clinic.pick_record("API_Notes")
    own = {"patient_id": MERGED}
    control.insert_record("API_Contacts", patient | {"id": MERGED, "Health Number": ""})
    control.insert_record("API_Appointments", visit | own | {"id": MERGED_VISIT})
    control.insert_record("API_Notes", note | own | {"id": "0A000000-0000-4000-8000-000000000003"})
    clinic.edit("API_Contacts", {"title": "Prof"})
    clinic.edit("API_Appointments", {"endTime": "23:00:00"})
    clinic.edit("API_Notes", {"Note": "as it was before"})
    swapped = [clinic.pick_record("API_Contacts", lambda fields: bool(fields["Health Number"])) for _ in range(2)]
    for (record_id, _), (_, other) in zip(swapped, reversed(swapped), strict=True):
        control.edit_record("API_Contacts", record_id, {"Health Number": other["Health Number"]})


def _let_staff_write(installation: Installation) -> None:
    """Put what is Nexus's own on the patient who goes, link a document to him, delete a note, add a patient."""
    nexus_id = "SELECT nexus_id::text FROM nexus_import.identity WHERE"
    patient = str(installation.value(f"{nexus_id} filemaker_id = %s", MERGED.lower()))
    add_encounter(installation, patient)
    for table in ("sms_messages", "sms_inbound", "patient_referrers"):
        add_like(installation, table, patient_id=patient)
    installation.execute(LINK_A_DOCUMENT, patient)
    note = installation.value(f"{nexus_id} entity = 'note' ORDER BY filemaker_id DESC LIMIT 1")
    installation.execute("DELETE FROM notes WHERE id = %s", note)
    add_note(installation, add_patient(installation))
