"""The order in which the doctor looks, and what it says at the end."""

from __future__ import annotations

from collections.abc import Callable

from nexus_import.core.doctor import exit_code, judge_clocks, summary
from nexus_import.doctor.airflow_side import AirflowSide
from nexus_import.doctor.asking import Examination
from nexus_import.doctor.configuration_side import ConfigurationSide
from nexus_import.doctor.filemaker_side import FileMakerSide
from nexus_import.doctor.nexus_side import NexusSide
from nexus_import.doctor.people_side import PeopleSide
from nexus_import.doctor.storage_side import StorageSide


def examine(configuration: str, is_reading_only: bool, say: Callable[[str], object]) -> int:
    """Look at everything from top to bottom, say each line when it is known, and return the exit code."""
    examination = Examination(lambda item: say(item.line()))
    files = ConfigurationSide(configuration)
    files.examine(examination)
    if files.settings is not None:
        AirflowSide(files.settings).examine(examination)
        nexus = NexusSide(files.settings)
        nexus.examine(examination)
        storage = StorageSide(files.settings, is_reading_only)
        storage.examine(examination)
        filemaker = FileMakerSide(files.settings)
        filemaker.examine(examination)
        PeopleSide(files.settings).examine(examination)
        clocks = {
            "PostgreSQL": nexus.ahead_seconds,
            "object store": storage.ahead_seconds,
            "FileMaker": filemaker.ahead_seconds,
        }
        told = {who: seconds for who, seconds in clocks.items() if seconds is not None}
        examination.look("clocks", lambda: judge_clocks("clocks", told))
    say(summary(examination.items))
    return exit_code(examination.items)
