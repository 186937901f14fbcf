"""Excel files as FileMaker Pro exports them, read row by row; every cell as the text that a text file would hold.

Only the workbook's table of texts is held whole in memory. What Excel cannot keep is refused instead of read
wrong: long texts are cut there, long numbers rounded. FileMaker leaves repetitions after the first out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.styles.numbers import is_datetime
from openpyxl.utils.datetime import to_excel
from openpyxl.utils.escape import unescape

from nexus_import.errors import DataError
from nexus_import.filemaker.files_text import Row

MAX_CELL_CHARACTERS = 32_767
MAX_EXACT_NUMBER = 10**15
US_DATE = "%m/%d/%Y"


def read_excel_rows(path: Path, date_form: str = US_DATE) -> Iterator[Row]:
    """Yield the header and the records of the workbook's only sheet, with the number of their row.

    Dates become text in `date_form` (of strftime), times HH:MM:SS, numbers plain digits, line ends CR. Raises
    `DataError` that names the cell when it holds what an export does not; `OSError` passes through.
    """
    with path.open("rb") as file:
        with _damage_worded(path.name):
            book = openpyxl.load_workbook(file, read_only=True, data_only=False, keep_links=False)
        with closing(book):
            yield from _rows(book, _Cells(path.name, date_form, book.epoch), path.name)


def _rows(book: Any, cells: _Cells, name: str) -> Iterator[Row]:
    if len(book.sheetnames) != 1:
        raise DataError(f"{name} has {len(book.sheetnames)} sheets; an export has one. Remove the others.")
    sheet = book.worksheets[0]
    sheet.reset_dimensions()  # what the file says of its size may be less than it holds
    rows = enumerate(sheet.iter_rows(), start=1)
    empty: list[Row] = []
    while True:
        with _damage_worded(name):
            row = next(rows, None)
        if row is None:
            return  # rows without any value at the end are formatting, not records
        values = [cells.text(cell) for cell in row[1]]
        while values and not values[-1]:
            values.pop()
        if not values:
            empty.append((row[0], values))
            continue
        yield from empty
        empty.clear()
        yield row[0], values


@contextmanager
def _damage_worded(name: str) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        raise
    except Exception:  # whatever the libraries stumble over; their messages may quote cells
        raise DataError(
            f"{name} is not an Excel workbook (.xlsx) that can be read: it is damaged, protected by a password, or of "
            "another format. Export it again."
        ) from None


class _Cells:
    """Turns cells into text."""

    def __init__(self, name: str, date_form: str, epoch: datetime) -> None:
        self._name = name
        self._date_form = date_form
        self._epoch = epoch

    def text(self, cell: Any) -> str:
        """Return a cell's value as text; raise `DataError` for what no export holds or Excel did not keep."""
        value = cell.value
        if value is None:
            return ""
        if cell.data_type == "f":
            self._refuse(cell, "holds a formula, which no export does")
        if cell.data_type == "e":
            self._refuse(cell, "holds an error of Excel's")
        if isinstance(value, str):
            text = unescape(value)
            if len(text) >= MAX_CELL_CHARACTERS:
                self._refuse(cell, f"holds {len(text):,} characters, where Excel cuts a text")
            return text.replace("\r\n", "\r").replace("\n", "\r").replace("\x0b", "\r")
        if isinstance(value, bool):
            return str(int(value))
        if isinstance(value, int | float):
            if abs(value) >= MAX_EXACT_NUMBER:
                self._refuse(cell, "holds a number of more than 15 digits, which Excel rounds")
            return f"{Decimal(repr(value)).normalize():f}"
        return self._moment(cell, value)

    def _moment(self, cell: Any, value: date | time | timedelta) -> str:
        kind = is_datetime(cell.number_format)
        if isinstance(value, timedelta):
            return _clock(value)
        if isinstance(value, time) or kind == "time":
            # Excel knows hours beyond the first day, such as 24:00:00, as a time on a later one.
            return _clock(timedelta(days=to_excel(value, self._epoch)))
        day = value.strftime(self._date_form)
        if not isinstance(value, datetime) or kind == "date":
            return day
        return f"{day} {_clock(timedelta(hours=value.hour, minutes=value.minute, seconds=value.second))}"

    def _refuse(self, cell: Any, what: str) -> None:
        raise DataError(f"{self._name}, cell {cell.coordinate}: it {what}. Export the layout as Merge instead.")


def _clock(distance: timedelta) -> str:
    seconds = round(distance.total_seconds())
    minutes, second = divmod(abs(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{'-' if seconds < 0 else ''}{hour:02d}:{minute:02d}:{second:02d}"
