"""Scripts of the hosted file: fixed results, run alone or around another request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..data.dataset import DataSet
from ..errors import DataApiError


def run(data_set: DataSet, wanted: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    """Run (step, name, parameter) in order and return their results as the answer shows them.

    A script's own error is part of the answer; a script that does not exist raises DataApiError 104.
    """
    answer: dict[str, Any] = {}
    for step, name, parameter in wanted:
        script = data_set.scripts.get(name)
        if script is None:
            raise DataApiError(104)
        suffix = step.removeprefix("script")
        answer[f"scriptResult{suffix}"] = script.get("result", parameter)
        answer[f"scriptError{suffix}"] = str(script.get("error", "0"))
    return answer
