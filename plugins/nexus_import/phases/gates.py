"""Checks and gates: a check task runs a folder of SQL files, the gate after it lets the run go on or stops it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from airflow.sdk import task

from nexus_import.core.sequence import first_gap
from nexus_import.core.source_names import SourceNames
from nexus_import.nexus.checks import CheckResult, load_checks, read_results, run_check
from nexus_import.nexus.findings import record_results, relaxations_of
from nexus_import.nexus.journal import latest_steps
from nexus_import.nexus.staging import read_lookups
from nexus_import.nexus.suggestions import Suggester
from nexus_import.phases.common import Counts, Step, open_step

log = logging.getLogger("nexus_import")


def run_checks(step: Step, folder: str, more: list[CheckResult] | None = None, group: str | None = None) -> None:
    """Run the checks of a folder (of one `group` of it), store their findings, and finish the step with counts."""
    mappings = step.settings.mappings
    aliases: dict[str, dict[str, str]] = {}
    for mapping in mappings.values():
        for table, names in mapping.aliases.items():
            aliases.setdefault(table, {}).update(names)
    lookups = read_lookups(step.connection, aliases)
    suggester = Suggester(step.connection, mappings, lookups)
    results = [
        suggester.add_to(run_check(step.connection, check, step.settings, lookups), check.lookup)
        for check in load_checks(folder, SourceNames(mappings))
        if group is None or check.group == group
    ]
    finish_checks(step, [*results, *(more or [])])


def store_results(step: Step, results: list[CheckResult]) -> list[CheckResult]:
    """Store the results with what the policy tolerates, log what it let pass, and return them."""
    graded = [replace(result, allowed=step.settings.allowance(result.check_id, result.allowed)) for result in results]
    record_results(step.connection, step.run_id, graded, step.settings.mappings)
    for used in relaxations_of(graded):
        log.warning("%s: Relaxed: %s", step.phase, used.sentence())
    return graded


def finish_checks(step: Step, results: list[CheckResult]) -> None:
    """Store the results, log what was found, and finish the step: one count per check, and the totals."""
    graded = store_results(step, results)
    failed = [result for result in graded if not result.is_passed]
    for result in graded:
        if result.findings:
            log.log(logging.WARNING if result.is_passed else logging.ERROR, result.sentence())
        step.counts[result.check_id.split("/", 1)[1]] = len(result.findings)
    step.finish(
        f"{len(graded):,} checks run, {len(failed):,} failed",
        records=len(graded),
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
        """Stop the run, visibly and for good, when a check of the phase failed.

        Clearing it is safe and changes nothing: after a correction clear the task that the verdict names.
        """
        with open_step(name, phase, "Judging the checks") as step:
            gap = first_gap(latest_steps(step.connection, step.run_id), before=name)
            results = read_results(step.connection, step.run_id, folder)
            failed = [result for result in results if not result[3]]
            due = {check.check_id for check in load_checks(folder, SourceNames(step.settings.mappings))}
            missing = due - {result[0] for result in results}
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
