"""The one place that keeps passwords, session tokens and file addresses out of text, logs and pickles."""

from __future__ import annotations

import logging
import re
from typing import NoReturn

REDACTED = "***"
_SECRETS = (
    re.compile(r"(?<=/sessions/)[^/?\s\"')]+"),
    re.compile(r"(?<=/Streaming)[^\s\"')]+"),  # the address of a container's file
    re.compile(r"(?i)(?<=bearer )[^\s\"',]+"),
    re.compile(r"(?i)(?<=basic )[A-Za-z0-9+/=]{4,}"),
    re.compile(r"(?i)(?<=access-token: )[^\s\"',\\]+"),
)
_LIBRARY_LOGGERS = (
    "urllib3.connection",
    "urllib3.connectionpool",
    "urllib3.poolmanager",
    "urllib3.response",
    "urllib3.util.retry",
)


class Secret:
    """A text that shows itself only when asked: `repr`, `str`, `vars` of its holder and a pickle do not."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text."""
        return self._text

    def __repr__(self) -> str:
        """Show nothing of it, not even its length."""
        return REDACTED

    def __eq__(self, other: object) -> bool:
        """Compare texts."""
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        """Hash the text."""
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied."""
        raise TypeError("A secret of the FileMaker client cannot be pickled.")


def redact(text: str) -> str:
    """Return the text with session tokens, Authorization values and addresses of files replaced."""
    for pattern in _SECRETS:
        text = pattern.sub(REDACTED, text)
    return text


class TokenFilter(logging.Filter):
    """Redacts records of libraries that log a request's path or headers: a log-out has its token there."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place and let it pass, without a traceback, whose text nobody redacts."""
        message = record.getMessage()
        redacted = redact(message)
        if redacted != message:
            record.msg, record.args = redacted, ()
        record.exc_info = record.exc_text = None
        return True


_TOKEN_FILTER = TokenFilter()


def guard_library_logs() -> None:
    """Attach the filter to urllib3's loggers, which log every path at level DEBUG; may be called again."""
    for name in _LIBRARY_LOGGERS:
        logging.getLogger(name).addFilter(_TOKEN_FILTER)
