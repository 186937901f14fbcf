"""The one place that keeps session tokens out of text and logs."""

from __future__ import annotations

import logging
import re

REDACTED = "***"
_SECRETS = (
    re.compile(r"(?<=/sessions/)[^/?\s\"')]+"),
    re.compile(r"(?i)(?<=bearer )[^\s\"',]+"),
    re.compile(r"(?i)(?<=basic )[A-Za-z0-9+/=]{4,}"),
)


def redact(text: str) -> str:
    """Return the text with session tokens and Authorization values replaced."""
    for pattern in _SECRETS:
        text = pattern.sub(REDACTED, text)
    return text


class TokenFilter(logging.Filter):
    """Redacts records of libraries that log a request's path: a log-out has its token there."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place and let it pass."""
        message = record.getMessage()
        redacted = redact(message)
        if redacted != message:
            record.msg, record.args = redacted, ()
        return True


_TOKEN_FILTER = TokenFilter()


def guard_library_logs() -> None:
    """Attach the filter to urllib3's loggers, which log every path at level DEBUG; may be called again."""
    for name in ("urllib3.connectionpool", "urllib3.util.retry"):
        logging.getLogger(name).addFilter(_TOKEN_FILTER)
