"""Makes the reference clinic, part by part."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from ..accounting import add_accounting
from ..belongings import add_belongings
from ..configuration import configure
from ..ledger import Ledger
from ..output import ClinicSummary, write_clinic
from .calendar import add_events, add_older_appointments
from .details import add_details
from .files import ReferenceDocuments, ReferenceImages
from .organisations import add_lists, add_organisations, add_referrals
from .people import add_people, choose_troubles, make_people
from .records import FileMaker
from .scene import Scene
from .sizes import ReferenceSizes
from .truth import ReferenceTruth
from .words import REFERENCE_PRACTICE
from .writing import add_letters, add_messages, add_notes


def make_reference_clinic(directory: Path, scale: float, seed: int, today: date) -> ClinicSummary:
    """Write the reference clinic into `directory`, and say what it holds; raise ValueError for a bad scale."""
    sizes = ReferenceSizes.at_scale(scale)
    truth = ReferenceTruth()
    ledger = Ledger(make_people(sizes, seed, today), seed, today, truth)
    configuration = configure(ledger, sizes, REFERENCE_PRACTICE)
    scene = Scene(ledger, truth, configuration, FileMaker(truth, seed), sizes)
    add_lists(scene)
    add_organisations(scene)
    add_people(scene, choose_troubles(scene))
    add_details(scene)
    add_referrals(scene)
    add_events(scene)
    add_older_appointments(scene)
    add_notes(scene)
    add_letters(scene)
    add_messages(scene)
    add_belongings(ledger, configuration, sizes)
    add_accounting(ledger, configuration, sizes)
    ReferenceDocuments(scene).add_all()
    ReferenceImages(scene).add_all()
    layouts = scene.filemaker.write(directory / "filemaker")
    truth.counts["troubles"] = truth.count_troubles()
    return write_clinic(directory, ledger, layouts)
