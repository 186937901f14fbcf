"""Every check against a defect that breaks it: the run is stopped, the right records are named, live is unchanged.

The defects of a phase are made together, in one run, because no two of them meet in one record or row.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from nexus_import.core.mapping import load_mappings
from nexus_import.core.source_names import SourceNames
from nexus_import.nexus.checks import load_check
from nexus_import.nexus.sql import include_folder

from tests.sql.clinic import Clinic
from tests.sql.defects import Broken, Defect, Defects, Moment
from tests.sql.defects.every_phase import PHASES
from tests.sql.observed import Observed, listening, observe
from tests.support.copies import CopyRun, own_include

READ_AGAIN = "phase_0_validate.verify_filemaker"
LAST_WORK = {
    "phase_2": "phase_2_delete.delete_patients",
    "phase_3": "phase_3_patients.import_patients",
    "phase_4": "phase_4_appointments.import_appointments",
    "phase_5": "phase_5_notes.import_notes",
    "phase_6": "phase_6_documents.relink_documents",
    "phase_7": "phase_7_images.relink_batches",
    "phase_8": "phase_7_images.gate",
}
"""The task after which the working copy is broken, by phase."""
WARNINGS = {
    "phase_0/values_are_usual",
    "phase_5/reminders_have_their_appointment",
    "phase_5/surplus_note_copies",
    "phase_6/document_evidence_agrees",
    "phase_7/batch_evidence_agrees",
}
"""Checks that never stop a run; tests/sql/test_warnings.py has them."""
WITH_OWN_MAPPING = {"phase_0/ids_and_names_agree"}
"""Checks that no shipped mapping can break; tests/nexus/test_value_findings.py has them."""
IN_PYTHON = {
    "phase_0/values_are_readable",
    "phase_8/every_record_is_accounted_for",
    "phase_8/foreign_keys_hold",
    "phase_8/files_exist",
    "phase_8/documents_download",
    "phase_8/images_display",
}
"""Checks without a file."""
NAMED_IN_A_LOG_LINE = 5
SOURCE = SourceNames(load_mappings(include_folder() / "mapping"))


@dataclass(frozen=True)
class Stopped(Observed):
    """A run that its phase's defects stopped, and what they broke."""

    phase: str
    broken: Broken


def make_defects(clinic: Clinic, defects: Defects, moments: set[Moment], broken: Broken) -> None:
    """Make the defects of these moments and add what they break."""
    for defect in defects:
        if defect.moment in moments:
            for check, named in defect.make(clinic).items():
                broken[check].extend(named)


@pytest.fixture(scope="module")
def stop(copy_run: CopyRun, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Stopped]:
    """Return a function that makes all defects of a phase, once, and gives the run that they stopped."""

    @cache
    def stop_phase(phase: str) -> Stopped:
        broken: Broken = defaultdict(list)
        # Every file is opened, so that the few broken ones are.
        every_file = own_include(tmp_path_factory.mktemp(phase), storage={"sampled_downloads": 1_000})
        with copy_run() as run, every_file, listening() as log:
            clinic = Clinic(run.installation)
            with clinic.files_put_back():
                make_defects(clinic, PHASES[phase], {Moment.SOURCE, Moment.LIVE}, broken)
                if any(defect.moment is Moment.SOURCE for defect in PHASES[phase]):
                    run.clear(READ_AGAIN)
                if phase in LAST_WORK:
                    run.go(until=LAST_WORK[phase])
                    make_defects(clinic, PHASES[phase], {Moment.COPY}, broken)
                live = run.installation.live()
                observed = observe(run.go(), log, live)
            return Stopped(**vars(observed), phase=phase, broken=dict(broken))

    return stop_phase


@pytest.fixture
def stopped(request: Any, stop: Callable[[str], Stopped]) -> Stopped:
    """The run that was stopped by all defects of one phase."""
    return stop(request.param)


def cases() -> Iterator[Any]:
    """Yield each phase with each of its defects."""
    for phase, defects in PHASES.items():
        for defect in defects:
            yield pytest.param(phase, defect, id=f"{phase}-{defect.name}")


each_phase = pytest.mark.parametrize("stopped", list(PHASES), indirect=True)
each_defect = pytest.mark.parametrize(("stopped", "defect"), list(cases()), indirect=["stopped"])


@each_phase
def test_run_is_stopped_by_the_gate_and_live_nexus_is_unchanged(stopped: Stopped) -> None:
    gates = [task for task in stopped.run.results if task.startswith(f"{stopped.phase}_") and task.endswith(".gate")]
    assert [stopped.run.results[gate] for gate in gates] == [False]
    assert stopped.run.errors.keys() == {"end.outcome"}
    assert not stopped.run.is_green
    assert stopped.run.states["publish.publish_plan"] == "skipped"
    assert stopped.is_live_unchanged
    assert stopped.publication_count == 0


@each_phase
def test_last_words_name_the_checks_and_the_task_to_clear(stopped: Stopped) -> None:
    assert f"Stopped by {', '.join(sorted(stopped.broken))}. Live Nexus is unchanged" in stopped.run.last_words
    assert stopped.run.last_words.endswith(f"Clear {READ_AGAIN} with downstream.")


@each_phase
def test_nothing_but_what_was_broken_fails(stopped: Stopped) -> None:
    assert {check for check, outcome in stopped.checks.items() if not outcome.is_passed} == stopped.broken.keys()


@each_phase
def test_findings_and_log_name_no_person(stopped: Stopped) -> None:
    assert stopped.personal_values == []


@each_defect
def test_findings_name_exactly_what_was_broken(stopped: Stopped, defect: Defect) -> None:
    assert sorted(stopped.found[defect.check]) == sorted(stopped.broken[defect.check])
    assert stopped.checks[defect.check].finding_count == len(stopped.broken[defect.check])


@each_defect
def test_findings_name_the_field_to_correct(stopped: Stopped, defect: Defect) -> None:
    if defect.check not in IN_PYTHON:
        field = load_check(defect.check, SOURCE).field
        assert field is None or stopped.fields[defect.check] == {field}


@each_defect
def test_count_is_in_the_xcom_of_the_check_task(stopped: Stopped, defect: Defect) -> None:
    assert stopped.count_in_xcom(defect.check) == len(stopped.broken[defect.check])


@each_defect
def test_log_names_check_count_records_and_what_to_do(stopped: Stopped, defect: Defect) -> None:
    named = {name for _, name in stopped.broken[defect.check]}
    said = f"{defect.check}: {len(stopped.broken[defect.check])} break the rule '{stopped.checks[defect.check].title}'"
    lines = [line for line in stopped.log if said in line.text]
    assert lines
    for line in lines:
        assert line.level == logging.ERROR
        assert sum(name in line.text for name in named) >= min(len(named), NAMED_IN_A_LOG_LINE)
        assert defect.check in IN_PYTHON or line.text.endswith(f"{load_check(defect.check, SOURCE).todo}.")


def check_files() -> set[str]:
    """Return the ids of the checks that are files and are about what this clinic maps."""
    folder = include_folder() / "sql" / "checks"
    files = {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.sql")}
    return {check_id for check_id in files if load_check(check_id, SOURCE).is_mapped}


def test_every_check_has_a_defect_that_breaks_it() -> None:
    broken = {defect.check for defects in PHASES.values() for defect in defects}
    assert broken == (check_files() | IN_PYTHON) - WARNINGS - WITH_OWN_MAPPING


def test_every_check_that_only_warns_is_known() -> None:
    assert {check for check in check_files() if load_check(check, SOURCE).severity == "warn"} == WARNINGS
