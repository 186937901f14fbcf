"""Where phase 0 gets FileMaker's records from: the Data API, or files that were exported from FileMaker Pro.

Both answer the same few questions, so that the mapping, the checks, the snapshot and the staging are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from nexus_import.core.mapping import EntityMapping
from nexus_import.core.nearest import is_misspelt
from nexus_import.core.yaml_files import Mistake
from nexus_import.errors import DataError, FileMakerError
from nexus_import.filemaker.answers import CODE_LAYOUT_MISSING
from nexus_import.filemaker.client import FileMakerClient
from nexus_import.filemaker.cursor import Cursor, WalkedPage, WalkSummary
from nexus_import.filemaker.metadata import nearest
from nexus_import.filemaker.walk import walk_layout


class SourceWalk(Protocol):
    """The pages of one layout, in the order they are read."""

    def __iter__(self) -> Iterator[WalkedPage]:
        """Return the iterator over the pages."""

    @property
    def summary(self) -> WalkSummary:
        """What was read; known after the last page."""


class Source(Protocol):
    """FileMaker's records, from wherever they come.

    `verified` says in the log that all layouts could be read; `add_field` is what a person does about a field
    that is missing.
    """

    verified: str
    add_field: str

    def where(self, layout: str) -> str:
        """Return what a person calls the layout's place: `Layout API_Notes in FileMaker`, `File API_Notes.mer`."""

    def lacks_layout(self, layout: str) -> bool:
        """Tell whether there is no such layout, or file of one, and none of nearly its name, which must be meant."""

    def missing_fields(self, mapping: EntityMapping) -> list[str]:
        """Return the fields that the mapping reads and the layout does not have, in the mapping's order."""

    def known_fields(self, mapping: EntityMapping) -> list[str]:
        """Return the fields that the layout has, named as records name them, as far as they may be shown."""

    def found_count(self, mapping: EntityMapping) -> int:
        """Return how many records the layout holds."""

    def walk(
        self,
        mapping: EntityMapping,
        after: Mapping[str, Any] | None = None,
        already_read: Mapping[str, str] | None = None,
    ) -> SourceWalk:
        """Return a walk of the layout; to continue one, give its last cursor and modId by recordId of what is stored.

        What the walk handed out before and after the interruption is together the layout as it is at the end.
        """


class DataApiSource:
    """The Data API behind an open client."""

    verified = "FileMaker connection successful"
    add_field = "Put the field on the layout"

    def __init__(self, client: FileMakerClient) -> None:
        """Read through a client that the caller opened and closes."""
        self._client = client

    def where(self, layout: str) -> str:
        """Return the layout's name as FileMaker shows it."""
        return f"Layout {layout} in FileMaker"

    def lacks_layout(self, layout: str) -> bool:
        """Tell whether FileMaker lists neither such a layout nor one of nearly its name."""
        present = self._client.layouts()
        return layout not in present and not is_misspelt(layout, present)

    def missing_fields(self, mapping: EntityMapping) -> list[str]:
        """Return the mapped fields that records of the layout will not hold, named as records name them.

        A field of which the layout shows several repetitions comes as `name(1)`, `name(2)` and never as `name`.
        """
        present = set(self.known_fields(mapping))
        return [name for name in mapping.fields() if name not in present]

    def known_fields(self, mapping: EntityMapping) -> list[str]:
        """Return the layout's fields; one that is shown with several repetitions once for each."""
        present: list[str] = []
        for name, field in self._client.layout_fields(mapping.layout).items():
            several = [f"{name}({number})" for number in range(1, field.repetitions + 1)]
            present += several if field.repetitions > 1 else [name]
        return present

    def found_count(self, mapping: EntityMapping) -> int:
        """Return how many records the layout shows to the account."""
        return self._client.found_count(mapping.layout)

    def walk(
        self,
        mapping: EntityMapping,
        after: Mapping[str, Any] | None = None,
        already_read: Mapping[str, str] | None = None,
    ) -> SourceWalk:
        """Walk the layout by the mapping's key, or in creation order when several fields make it."""
        cursor = Cursor.from_dict(after) if after else None
        # several fields make no order that a page could go on from
        key = mapping.key_fields[0] if len(mapping.key_fields) == 1 else None
        return walk_layout(self._client, mapping.layout, key, after=cursor, already_read=already_read)


def require_fields(source: Source, mapping: EntityMapping) -> None:
    """Raise `DataError` when the layout lacks a field that the mapping reads: it would be empty in every record."""
    if mistakes := _missing_fields(source, mapping):
        raise DataError("\n".join(str(mistake) for mistake in mistakes))


def find_source_mistakes(source: Source, mappings: Iterable[EntityMapping]) -> list[Mistake]:
    """Return every layout and field that the mappings name and the source does not have."""
    mistakes: list[Mistake] = []
    for mapping in mappings:
        try:
            mistakes += _missing_fields(source, mapping)
        except DataError as error:
            mistakes.append(mapping.mistake("layout", str(error)))
        except FileMakerError as error:
            if error.code != CODE_LAYOUT_MISSING:
                raise
            mistakes.append(mapping.mistake("layout", str(error)))
    return mistakes


def _missing_fields(source: Source, mapping: EntityMapping) -> list[Mistake]:
    missing = source.missing_fields(mapping)
    known = source.known_fields(mapping) if missing else []
    return [
        mapping.mistake(
            key,
            f"{source.where(mapping.layout)} has no field {field}{_nearest(field, known)}. {source.add_field} or "
            "correct the mapping.",
        )
        for key, field in mapping.keys_of_fields()
        if field in missing
    ]


def _nearest(name: str, known: list[str]) -> str:
    near = nearest(name, known, likeness=0.6)
    return f" (nearest: {near})" if near else ""
