"""The mails of a restore or an undo. Pure."""

from __future__ import annotations

from nexus_import.core.mails import Mail
from nexus_import.core.run_mails import RunPlaces
from nexus_import.core.verdict import Verdict


def started(who: str | None, words: str, places: RunPlaces) -> Mail:
    """Return the mail of a restore that began; `words` are what it was told."""
    return Mail(
        "restore started",
        f"A restore was started by {who}.",
        (f"It was told: {words}.",),
        next_step="Nothing to do. Before anything is changed a mail asks for a person's word.",
        links=(("Run", places.run),),
    )


def waiting(what: str, lines: list[str], operators: list[str], places: RunPlaces) -> Mail:
    """Return the mail that asks for a person's word; `what` is restore or undo, `lines` say what it would change."""
    return Mail(
        f"{what} waits for approval",
        f"The {what} needs a person's word before live Nexus is changed.",
        details=tuple(lines),
        next_step=f"{' or '.join(operators)}: look at what would be lost, then approve or reject it.",
        links=(("Approve or reject", places.question), ("Run", places.run)),
    )


def ended(verdict: Verdict, total: str, places: RunPlaces, support: str) -> Mail:
    """Return the mail of a restore that has ended, well or not."""
    if verdict.is_green:
        return Mail(
            f"restore: {verdict.state}",
            f"{verdict.sentence}.",
            (f"Total time: {total}.",),
            links=(("Run", places.run),),
        )
    to_do = f"Clear {verdict.clear} with downstream." if verdict.clear else "Ask an operator to trigger the restore."
    return Mail(
        f"restore FAILED: {verdict.state}",
        f"❌ {verdict.sentence}.",
        (f"Total time: {total}. Do not retry without reading this.",),
        verdict.details,
        next_step=to_do,
        links=(("Log of end.outcome", places.log), ("Run", places.run)),
        support=support,
    )
