"""What the tests of the connection's diagnosis share."""

from __future__ import annotations

import re
from collections.abc import Callable

Diagnose = Callable[..., str]


def is_one_sentence(text: str) -> bool:
    return text.endswith(".") and not re.search(r"[.!?]\s", text) and "\n" not in text
