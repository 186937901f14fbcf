"""What the policy lets become of rows: the run's parameter, what overrides it, and what stops in any case."""

from __future__ import annotations

import pytest
from nexus_import.core.data_policy import DataPolicy, Fate, NexusOnly

TABLES = {"patients": "imported", "encounters": "cascades", "sent_emails": "untouched"}


def policy(nexus_only: NexusOnly = "keep", **sections: object) -> DataPolicy:
    return DataPolicy(TABLES, nexus_only, **sections)  # type: ignore[arg-type]


def test_what_is_copied_is_all_but_what_is_never_touched() -> None:
    assert policy().copied_tables == ["patients", "encounters"]


def test_table_that_nobody_declared_is_never_touched() -> None:
    assert policy().treatment("new_table") == "untouched"


@pytest.mark.parametrize(
    ("parameter", "override", "is_kept"),
    [("keep", None, True), ("delete", None, False), ("keep", "delete", False), ("delete", "keep", True)],
)
def test_table_follows_the_parameter_unless_it_is_overridden(
    parameter: NexusOnly, override: NexusOnly | None, is_kept: bool
) -> None:
    chosen = policy(parameter, nexus_only_tables={"encounters": override} if override else {})
    assert chosen.is_kept("encounters") is is_kept
    assert chosen.is_kept("patients") is (parameter == "keep")


@pytest.mark.parametrize("fate", ["keep", "archive", "delete", "stop"])
def test_rows_get_what_their_section_says_where_nexus_only_is_keep(fate: Fate) -> None:
    chosen = policy(nexus_only_rows={"patients": fate}, vanished={"patients": fate})
    assert chosen.fate_of_nexus_only("patients") == fate
    assert chosen.fate_of_vanished("patients") == fate


@pytest.mark.parametrize(("fate", "becomes"), [("keep", "delete"), ("archive", "delete"), ("stop", "stop")])
def test_cascade_takes_them_but_for_a_stop(fate: Fate, becomes: Fate) -> None:
    chosen = policy("delete", nexus_only_rows={"patients": fate}, vanished={"patients": fate})
    assert chosen.fate_of_nexus_only("patients") == becomes
    assert chosen.fate_of_vanished("patients") == becomes


def test_table_that_is_kept_in_a_run_that_deletes_keeps_its_rows_fates() -> None:
    chosen = policy("delete", nexus_only_tables={"patients": "keep"}, nexus_only_rows={"patients": "archive"})
    assert chosen.fate_of_nexus_only("patients") == "archive"
