"""Normalisers: small pure functions that turn a FileMaker value into a Nexus value.

Each takes the value as the Data API gave it (text, number, or "" for empty) and returns the Python value for
the column, or None for empty. A value that cannot be read raises `UnreadableValue`: it becomes a finding, never
a silent NULL. One that can be read but is not what such a column usually holds raises `UnusualValue`, which
says what is stored all the same. Nothing else is ever raised, whatever the value.
"""

from __future__ import annotations

from nexus_import.core.values.choices import read_boolean, read_code, read_sex, read_title
from nexus_import.core.values.contact import Phone, read_email, read_phone, read_post_code, split_phone
from nexus_import.core.values.dates import (
    DateForm,
    local_instant,
    read_date,
    read_time,
    read_timestamp,
    read_wall_time,
)
from nexus_import.core.values.fitting import fit
from nexus_import.core.values.ids import new_nexus_id, read_filemaker_id, read_uuid
from nexus_import.core.values.names import NamePart, read_name_key, read_name_part, split_name
from nexus_import.core.values.numbers import read_integer, read_number
from nexus_import.core.values.text import UnreadableValue, UnusualValue, fold_name, read_text, read_words

__all__ = [
    "DateForm",
    "NamePart",
    "Phone",
    "UnreadableValue",
    "UnusualValue",
    "fit",
    "fold_name",
    "local_instant",
    "new_nexus_id",
    "read_boolean",
    "read_code",
    "read_date",
    "read_email",
    "read_filemaker_id",
    "read_integer",
    "read_name_key",
    "read_name_part",
    "read_number",
    "read_phone",
    "read_post_code",
    "read_sex",
    "read_text",
    "read_time",
    "read_timestamp",
    "read_title",
    "read_uuid",
    "read_wall_time",
    "read_words",
    "split_name",
    "split_phone",
]
