"""Notes the query of each request in a file, so that a test knows how the application was asked."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from django.http import HttpRequest, HttpResponse


class NoteWhatIsAsked:
    """Middleware: one line for each request, its path and the names of its parameters."""

    def __init__(self, answer: Callable[[HttpRequest], HttpResponse]) -> None:
        self._answer = answer
        self._file = Path(os.environ["NEXUS_LIKE_ASKED"])

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"{request.path} {' '.join(sorted(request.GET))}\n")
        return self._answer(request)
