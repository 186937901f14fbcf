"""Runs of the restore's DAG, task by task, in this process; the question is answered as a person would."""

from __future__ import annotations

from typing import Any

from tests.support.runs import Run


def make_restore_run(installation: Any, dag: Any, **params: Any) -> Run:
    """Return a run that has not begun; parameters default to the form's, the answer to yes."""
    form = {"backup": "newest", "undo": None, "scope": "patient_data", "mode": "rehearse", "without_backup": False}
    return Run(installation, dag, form | params, answer="Approve")
