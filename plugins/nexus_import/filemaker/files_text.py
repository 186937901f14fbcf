"""Text files as FileMaker Pro exports them: one record a line, its fields separated by commas or by tabs.

A return ends a record; returns inside a field are written as vertical tabs, so they never end one. Comma files
stand in quotation marks, doubled inside a value; tab files quote nothing. Files that went through other programs
may end their lines with CR LF or LF. Line ends inside values come out as CR, whichever they were.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NoReturn

from nexus_import.errors import DataError

BLOCK_BYTES = 1 << 20
MAX_LINE_CHARACTERS = 1 << 24
SAMPLE_CHARACTERS = 1 << 20
"""As much without a CR says that a file's lines end with LF."""
TAB = "\t"
RETURN_IN_FIELD = "\x0b"
_LINE_END = re.compile(r"\r\n|\r|\n")
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}

Row = tuple[int, list[str]]
"""(line, values): the number of the line on which the record begins, and its values with returns as CR."""


def read_text_rows(path: Path, encoding: str | None, delimiter: str) -> Iterator[Row]:
    """Yield the header and the records of a text file; memory holds one block and one line.

    A byte order mark decides the encoding, then `encoding`, else UTF-8. Raises `DataError` that names the line
    when the text cannot be decoded, holds U+0000, or its quotation marks do not pair up; `OSError` passes through.
    """
    with path.open("rb") as file:
        lines = _Lines(file, path.name, encoding)
        for number, values in _split_at_tabs(lines) if delimiter == TAB else _split_quoted(lines, delimiter):
            yield number, [_with_returns(value) for value in values]


def _with_returns(value: str) -> str:
    """Return a value with its line ends as the Data API gives them, whatever program wrote the file last."""
    return value.replace(RETURN_IN_FIELD, "\r").replace("\r\n", "\r").replace("\n", "\r")


def _split_at_tabs(lines: _Lines) -> Iterator[Row]:
    for number, line in enumerate(lines.read(), start=1):
        yield number, line.split(TAB)


def _split_quoted(lines: _Lines, delimiter: str) -> Iterator[Row]:
    csv.field_size_limit(MAX_LINE_CHARACTERS)  # the module's own limit is less than a FileMaker field may hold
    reader = csv.reader((line + "\n" for line in lines.read()), delimiter=delimiter, strict=True)
    while True:
        begin = reader.line_num + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise DataError(
                f"{lines.name}, line {begin}: the quotation marks do not pair up. A value is not closed, a mark inside "
                f"one is not doubled, or something else than {delimiter} separates the fields: then name it as "
                "'delimiter' of the Airflow connection, else export the file again."
            ) from None
        yield begin, values


class _Lines:
    """The lines of an open file, decoded; `name` is the file's, for messages."""

    def __init__(self, file: BinaryIO, name: str, encoding: str | None) -> None:
        self._file = file
        self.name = name
        head = file.read(len(codecs.BOM_UTF8))
        file.seek(0)
        marked = [codec for mark, codec in _MARKS.items() if head.startswith(mark)]
        self._encoding = marked[0] if marked else encoding or "utf-8"
        self._pending = ""
        self._line_count = 0
        self._end = ""

    def read(self) -> Iterator[str]:
        """Yield every line without its end."""
        for piece in self._pieces():
            self._pending += piece
            yield from self._whole_lines(is_all=False)
            if len(self._pending) > MAX_LINE_CHARACTERS:
                self._refuse(
                    self._line_count + 1, f"it is longer than {MAX_LINE_CHARACTERS:,} characters. Is this an export?"
                )
        yield from self._whole_lines(is_all=True)
        if last := self._without_lf(self._pending):
            yield last

    def _whole_lines(self, *, is_all: bool) -> Iterator[str]:
        if not self._line_count:
            # Field names hold no line ends. The header may have been added by a program that ends lines its own way.
            match = _LINE_END.search(self._pending)
            if match is None or (match.end() == len(self._pending) and not is_all):
                return
            self._line_count = 1
            header, self._pending = self._pending[: match.start()], self._pending[match.end() :]
            yield header
        self._end = self._end or self._find_end(is_all=is_all)
        if self._end:
            *lines, self._pending = self._pending.split(self._end)
            self._line_count += len(lines)
            yield from map(self._without_lf, lines)

    def _find_end(self, *, is_all: bool) -> str:
        """Return what ends a record: CR, as none stands inside a field; LF where there is no CR; "" while unknown."""
        if "\r" in self._pending:
            return "\r"
        return "\n" if is_all or len(self._pending) > SAMPLE_CHARACTERS else ""

    def _without_lf(self, line: str) -> str:
        """Return a line without the LF of a CR LF that ended the line before it."""
        return line.removeprefix("\n") if self._end == "\r" else line

    def _pieces(self) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder(self._encoding)()
        while True:
            block = self._file.read(BLOCK_BYTES)
            begun = len(decoder.getstate()[0])  # of a character that the last block cut
            try:
                piece = decoder.decode(block, not block)
            except UnicodeDecodeError as error:
                good = decoder.decode(block[: max(error.start - begun, 0)])
                self._refuse(
                    self._line_after(good),
                    f"it cannot be read as {self._encoding}. Export the file as UTF-8, or name its character set as "
                    "'encoding' of the Airflow connection: windows-1252 (Windows ANSI), macintosh, utf-16-le.",
                )
            if "\0" in piece:
                self._refuse(
                    self._line_after(piece[: piece.index("\0")]),
                    "it holds a NUL character (U+0000). If the file is UTF-16 without byte order mark, name utf-16-le "
                    "as 'encoding' of the Airflow connection; else it is damaged: export it again.",
                )
            if piece:
                yield piece
            if not block:
                return

    def _line_after(self, text: str) -> int:
        """Return the number of the line in which the text ends that follows what was read."""
        unread = self._pending + text
        ends = unread.count(self._end) if self._end else len(_LINE_END.findall(unread))
        return self._line_count + ends + 1

    def _refuse(self, line: int, what: str) -> NoReturn:
        raise DataError(f"{self.name}, line {line}: {what}")
