"""Checks and gates: a check task runs a folder of SQL files, the gate after it lets the run go on or stops it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from airflow.sdk import task

from nexus_import.core.sequence import first_gap
from nexus_import.nexus.checks import CheckResult, load_checks, read_results, record_results, run_check
from nexus_import.nexus.journal import latest_steps
from nexus_import.nexus.staging import read_lookups
from nexus_import.phases.common import Counts, Step, open_step

log = logging.getLogger("nexus_import")

UNLINKABLE_CHECKS = {
    "phase_6/documents_have_patient",
    "phase_7/batches_have_patient",
    "phase_8/documents_have_patient",
    "phase_8/batches_have_patient",
}
"""Checks that may find as many rows as the policy's `unlinkable_allowed`."""


def run_checks(step: Step, folder: str, more: list[CheckResult] | None = None, group: str | None = None) -> None:
    """Run the checks of a folder (of one `group` of it), store their findings, and finish the step with counts."""
    aliases = {table: names for mapping in step.settings.mappings.values() for table, names in mapping.aliases.items()}
    lookups = read_lookups(step.connection, aliases)
    results = [
        run_check(step.connection, check, step.settings.severity, lookups, allowance(step, check.check_id))
        for check in load_checks(folder)
        if group is None or check.group == group
    ]
    finish_checks(step, [*results, *(more or [])])


def allowance(step: Step, check_id: str) -> int:
    """Return how many findings the policy tolerates for a check."""
    return step.settings.policy.unlinkable_allowed if check_id in UNLINKABLE_CHECKS else 0


def finish_checks(step: Step, results: list[CheckResult]) -> None:
    """Store the results, log what was found, and finish the step: one count per check, and the totals."""
    record_results(step.connection, step.run_id, results)
    failed = [result for result in results if not result.is_passed]
    for result in results:
        if result.findings:
            log.log(logging.WARNING if result.is_passed else logging.ERROR, result.sentence())
        step.counts[result.check_id.split("/", 1)[1]] = len(result.findings)
    step.finish(
        f"{len(results):,} checks run, {len(failed):,} failed",
        records=len(results),
        errors=sum(len(result.findings) for result in failed),
        failed_count=len(failed),
    )


def pass_skipped_gate(name: str, phase: str) -> None:
    """Let the gate of a phase that has nothing to do count as passed.

    It is a step of its own, after the one of the running task: a gate counts only when it is the later of the two.
    """
    with open_step(name, phase, "Nothing to judge") as step:
        step.finish("The gate is passed: the phase is skipped", skipped=1)


def make_gate(name: str, phase: str, folder: str) -> Callable[[Any], Any]:
    """Return the gate task of a phase: it stops the run, visibly and for good, when a check failed.

    The gate takes the check task's counts and, because counts in XCom prove nothing, also asks the journal
    whether the phase's steps ran in order and passed. Clearing it is safe: it changes nothing.
    """

    @task.short_circuit(task_id="gate", ignore_downstream_trigger_rules=True)
    def gate(counts: Counts) -> bool:
        with open_step(name, phase, "Judging the checks") as step:
            gap = first_gap(latest_steps(step.connection, step.run_id), before=name)
            results = read_results(step.connection, step.run_id, folder)
            failed = [result for result in results if not result[3]]
            missing = {check.check_id for check in load_checks(folder)} - {result[0] for result in results}
            step.is_passed = gap is None and not (failed or missing) and counts.get("failed_count") == 0
            for _, _, _, _, sentence in failed:
                log.error("%s: ❌ %s", phase, sentence)
            if missing:
                log.error("%s: ❌ Checks that have not run: %s", phase, ", ".join(sorted(missing)))
            if gap is not None:
                log.error(
                    "%s: ❌ Step %s %s. Clear %s with downstream.", phase, gap.step.name, gap.reason, gap.step.clear
                )
            warnings = sum(1 for result in results if result[3] and result[2])
            step.finish(
                "All checks passed" if step.is_passed else "STOP: live Nexus is unchanged",
                records=len(results),
                errors=sum(result[2] for result in failed) or int(not step.is_passed),
                check_count=len(results),
                failed_count=len(failed),
                warning_count=warnings,
            )
        return step.is_passed

    return gate
