"""Makes a whole clinic: FileMaker's records, the live rows of Nexus, the files in storage and the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from shutil import rmtree
from typing import Final

from .accounting import add_accounting
from .belongings import add_belongings
from .configuration import configure
from .documents import Documents
from .filemaker import write_filemaker
from .images import Images
from .ledger import Ledger
from .live import add_appointments, add_imported_notes, add_patients
from .output import ClinicSummary, write_clinic
from .reference.build import make_reference_clinic
from .sizes import Sizes
from .source import make_source

SEED_CLINIC = "seed"
REFERENCE_CLINIC = "reference"
CONFIGURATION_OF_CLINIC: dict[str, str | None] = {SEED_CLINIC: None, REFERENCE_CLINIC: "reference"}
"""The configuration of the import that fits a kind of clinic; None is the default."""


def make_clinic(
    directory: Path, kind: str = SEED_CLINIC, *, scale: float = 1.0, seed: int = 1, today: date | None = None
) -> ClinicSummary:
    """Write a synthetic clinic that has been in use for months into `directory`, and say what it holds.

    `kind` is one of `CLINICS`: the clinic that follows the requirement, or one with the layouts and the troubles
    of the reference installation. The same `kind`, `scale`, `seed` and `today` give the same bytes. `scale`
    multiplies every count (2,842 patients); `today` is the day the clinic is as of, by default this day. An
    older clinic in the directory is overwritten. Raises ValueError for a scale that is not positive, KeyError
    for an unknown kind, OSError when the directory cannot be written.
    """
    make = CLINICS[kind]
    directory.mkdir(parents=True, exist_ok=True)
    rmtree(directory / "filemaker", ignore_errors=True)  # another kind has other layouts
    return make(directory, scale, seed, today or date.today())


def _make_seed_clinic(directory: Path, scale: float, seed: int, today: date) -> ClinicSummary:
    sizes = Sizes.at_scale(scale)
    source = make_source(sizes, seed, today)
    ledger = Ledger(source, seed, today)
    configuration = configure(ledger, sizes)
    add_patients(ledger, configuration, sizes)
    add_appointments(ledger, configuration, sizes)
    add_imported_notes(ledger, sizes)
    add_belongings(ledger, configuration, sizes)
    add_accounting(ledger, configuration, sizes)
    documents = Documents(ledger, configuration).add(sizes)
    images = Images(ledger, configuration).add(sizes)
    layouts = write_filemaker(directory / "filemaker", source, documents, images, seed)
    return write_clinic(directory, ledger, layouts)


CLINICS: Final[Mapping[str, Callable[[Path, float, int, date], ClinicSummary]]] = {
    SEED_CLINIC: _make_seed_clinic,
    REFERENCE_CLINIC: make_reference_clinic,
}
