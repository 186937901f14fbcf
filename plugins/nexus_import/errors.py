"""The errors of the import: few, typed, each worded for the person who reads a task log.

Every message says what is wrong, where, how many, and what to do. None holds health data: ids and counts only.
"""

from __future__ import annotations

import re


class NexusImportError(Exception):
    """Base of every error this package raises on purpose.

    Its sentence ends with what to do; `clear` is the task that it names, None when it names none.
    """

    @property
    def clear(self) -> str | None:
        """The task to clear, as the sentence says it."""
        named = re.search(r"[Cc]lear ([a-z0-9_]+\.[a-z0-9_]+)", str(self))
        return named[1] if named else None


class ConfigurationError(NexusImportError):
    """A policy, mapping, parameter or connection is wrong; nothing was read or written."""


class TransportError(NexusImportError):
    """The other side could not be reached or answered with a passing fault: the only errors that retry."""


class FileMakerError(NexusImportError):
    """FileMaker answered with an error.

    `code` is FileMaker's own code (0 when there was none), `http_status` the status of the answer (0 when
    there was no answer), `where` the method and path without host, token or query values.
    """

    def __init__(self, message: str, *, code: int = 0, http_status: int = 0, where: str = "") -> None:
        """Keep the parts that a caller decides by."""
        super().__init__(message)
        self.code = code
        self.http_status = http_status
        self.where = where


class FileMakerUnavailable(FileMakerError, TransportError):
    """No usable answer after all retries: connection refused, time-out, 502 to 504, capacity, locked record."""


class FileMakerLoginError(FileMakerError):
    """The account was refused (212, 214, 9, 10, 802 at login): never retried."""


class FileMakerRequestError(FileMakerError):
    """FileMaker understood the request and refused it (102, 105, 960 …): retrying cannot help."""


class FileMakerMovedError(FileMakerError):
    """Records kept being added or removed while a layout was read, so no complete reading could be proven."""


class DataError(NexusImportError):
    """The data break a rule; a person must decide or mend before the run goes on."""


class DatabaseRefusedError(NexusImportError):
    """PostgreSQL refused a statement or went away; the transaction was rolled back."""


class WorkingCopyError(NexusImportError):
    """The working copy belongs to another run or attempt, or does not hold the rows it should."""


class BackupError(NexusImportError):
    """The backup could not be made, or is not good enough to go on."""


class StorageError(NexusImportError):
    """The object store could not be reached, or refused to read or write an object."""


class PublishRefused(NexusImportError):
    """A precondition of the publish does not hold; live Nexus is unchanged."""


class RunStopped(NexusImportError):
    """The verdict of a run that did not do all that was asked for."""


class ApplicationError(NexusImportError):
    """Nexus's application refused a question, or answered in a way that cannot be read."""


class ApplicationAway(ApplicationError):
    """Nexus's application could not be asked at all: not reached, no answer in time, account refused."""


class RestoreRefused(NexusImportError):
    """A backup cannot be put back as asked; live Nexus is unchanged.

    `is_stale`: live Nexus changed since a person saw what would be lost, so it must be compared and decided again.
    """

    def __init__(self, message: str, *, is_stale: bool = False) -> None:
        """Keep what a caller decides by."""
        super().__init__(message)
        self.is_stale = is_stale


class UndoRefused(RestoreRefused):
    """A publish cannot be undone as asked; live Nexus is unchanged."""
