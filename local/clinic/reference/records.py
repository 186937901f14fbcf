"""FileMaker's records in the making: a record id for each, and the troubles it has."""

from __future__ import annotations

from pathlib import Path

from ..bodies import body_of
from ..dice import Dice
from ..layoutfiles import field_names, numbered, write_access, write_layout
from ..ledger import Row
from .layouts import LAYOUTS, SHOWN_AGAIN
from .truth import ReferenceTruth

CONTAINER_FILES = ("containers/page.pdf", "containers/photo.jpg", "containers/drawing.png")
OTHER_CASE_SHARE = 0.02  # links to another record whose id was not typed by FileMaker


class OtherCase(str):
    """An id in lower or mixed case where it refers to a record, whose own id is in upper case."""

    __slots__ = ()


class FileMaker:
    """Collects the records of every layout and writes them."""

    def __init__(self, truth: ReferenceTruth, seed: int) -> None:
        self.truth = truth
        self._dice = Dice(seed, "filemaker")
        self._case_dice = Dice(seed, "letter case")
        self._blank: dict[str, Row] = {
            layout: dict.fromkeys(field_names(fields), "") for layout, (_, fields) in LAYOUTS.items()
        }
        self._records: dict[str, list[Row]] = {layout: [] for layout in LAYOUTS}

    def add(self, layout: str, values: Row, *troubles: str) -> str:
        """Add a record with these values, its other fields empty, and return its record id.

        Each trouble named is noted in the truth. Raises ValueError for a field that the layout does not have.
        """
        row = self._blank[layout] | values
        if len(row) > len(self._blank[layout]):
            raise ValueError(f"{layout} has no field {', '.join(set(row) - set(self._blank[layout]))}")
        records = self._records[layout]
        last_id = int(str(records[-1]["recordId"])) if records else 0
        record = numbered(self._dice, last_id, row)
        records.append(record)
        record_id = str(record["recordId"])
        for trouble in troubles:
            self.note(layout, record_id, trouble)
        if any(isinstance(value, OtherCase) for value in values.values()):
            self.note(layout, record_id, "id_in_other_case")
        return record_id

    def note_newest(self, layout: str, trouble: str) -> None:
        """Note that the newest record of a layout has a trouble."""
        self.note(layout, str(self._records[layout][-1]["recordId"]), trouble)

    def change(self, layout: str, values: Row) -> None:
        """Fill in what was not known of the newest record before it had its record id."""
        row = self._records[layout][-1]["fieldData"]
        assert isinstance(row, dict)
        row |= values

    def note(self, layout: str, record_id: str, trouble: str) -> None:
        """Note that a record has a trouble."""
        self.truth.troubles[layout][trouble].append(record_id)

    def link(self, key: str, share: float = OTHER_CASE_SHARE) -> str:
        """Return an id as another record refers to it: as it is, or in another case."""
        if not self._case_dice.chance(share):
            return key
        half = len(key) // 2
        return OtherCase(key.lower() if self._case_dice.chance(0.7) else key[:half] + key[half:].lower())

    def write(self, directory: Path) -> dict[str, int]:
        """Write `database.json`, the files in containers and a file per layout; return the counts by layout."""
        write_access(directory, Dice(self._dice.number(0, 1 << 30), "access"))
        for name in CONTAINER_FILES:
            path = directory / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(body_of(name))
        for layout, (table, fields) in LAYOUTS.items():
            write_layout(directory, layout, table, fields, self._records[layout])
        for layout, (table, fields) in SHOWN_AGAIN.items():
            write_layout(directory, layout, table, fields, None)
        return {layout: len(records) for layout, records in self._records.items()}
