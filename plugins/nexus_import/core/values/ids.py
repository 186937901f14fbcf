"""Ids: FileMaker's in the one spelling that is compared, and those of new rows."""

from __future__ import annotations

import re
import uuid
from decimal import Decimal

from nexus_import.core.values.text import UnreadableValue, read_text

NEXUS_IMPORT_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:nexus-import")
"""Namespace of the version-5 ids given to rows that are new in Nexus."""
MAX_ID_CHARACTERS = 200
"""No id is longer, and PostgreSQL's index holds no more than about ten times as much."""

# Python's own reading of a UUID takes forms that PostgreSQL refuses.
_UUID = re.compile(r"(\{)?[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}(?(1)\})", re.IGNORECASE)
_PLAIN_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_DAMAGED = re.compile(r"[0-9]+(?:\.[0-9]+)?E[+-][0-9]+|[0-9]+\.[0-9]+E[0-9]+|[0-9]+\.0*", re.IGNORECASE)
"""What a spreadsheet makes of an id that looks like a number: 4711.0, 4.711E+17."""


def read_filemaker_id(value: object) -> str | None:
    """Return a FileMaker id in the one spelling that is compared: lower case, no blanks or braces; None when empty."""
    text = read_text(value)
    if text is None:
        return None
    if _DAMAGED.fullmatch(text) or (isinstance(value, float | Decimal) and not text.isdecimal()):
        raise UnreadableValue("is a number as a spreadsheet writes it (4711.0, 4.7E+17), and no id")
    if len(text) > MAX_ID_CHARACTERS:
        raise UnreadableValue(f"is longer than {MAX_ID_CHARACTERS} characters, and no id")
    # nearly every id is written like this already, but for its case
    if _PLAIN_UUID.fullmatch(text):
        return text.lower()
    return str(uuid.UUID(text)) if _UUID.fullmatch(text) else text.lower()


def read_uuid(value: object) -> uuid.UUID | None:
    """Return a UUID whatever its case, in braces or not; None when empty."""
    text = read_text(value)
    if text is None:
        return None
    if not _UUID.fullmatch(text):
        raise UnreadableValue("is not a UUID")
    return uuid.UUID(text)


def new_nexus_id(entity: str, filemaker_id: str) -> uuid.UUID:
    """Return the Nexus id of a row that is new: the same for the same FileMaker id, in every run."""
    return uuid.uuid5(NEXUS_IMPORT_NAMESPACE, f"{entity}:{filemaker_id}")
