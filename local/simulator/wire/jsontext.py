"""Reads JSON that strangers send: nothing but JSON, and no text can do worse than be refused."""

from __future__ import annotations

import json
from typing import Any


def loads(text: str | bytes) -> Any:
    """Return the content; raises ValueError for what is no JSON, NaN and endless nesting too."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
