"""What a mail says: one sentence first, then counts, links and the next step; as plain text and as HTML. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage

from jinja2 import Environment, PackageLoader, select_autoescape

PREFIX = "Nexus import"
WHAT_TO_SEND = "Send the address of the run and the last line of end.outcome; both hold ids and counts only."
SHOWN_DETAILS = 10
"""Of a long list only this many lines are mailed; the report has all of them."""


@dataclass(frozen=True)
class Table:
    """A small table: its head, and rows of a name and numbers."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Mail:
    """A mail in parts; ids and counts only.

    `event` ends the subject; `lead` is the one sentence to read; `facts` are more sentences, `details` a list;
    `links` are (what, address); `support` is whom to call, given where something went wrong.
    """

    event: str
    lead: str
    facts: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    next_step: str = ""
    links: tuple[tuple[str, str], ...] = ()
    support: str | None = None

    @property
    def subject(self) -> str:
        """The subject: what it is about first, so that mails of the import stand together."""
        return f"{PREFIX} {self.event}"

    @property
    def shown_details(self) -> tuple[str, ...]:
        """The first of the details, and how many more there are."""
        more = len(self.details) - SHOWN_DETAILS
        rest = (f"… and {more:,} more: the report lists them",) if more > 0 else ()
        return self.details[:SHOWN_DETAILS] + rest


def as_text(mail: Mail) -> str:
    """Return the mail as plain text."""
    return "\n".join(_text_lines(mail)).rstrip() + "\n"


def _text_lines(mail: Mail) -> Iterator[str]:
    yield from (mail.lead, "")
    yield from mail.facts
    yield from (f"- {detail}" for detail in mail.shown_details)
    if mail.facts or mail.details:
        yield ""
    for table in mail.tables:
        widths = [max(len(row[place]) for row in (table.head, *table.rows)) for place in range(len(table.head))]
        for first, *numbers in (table.head, *table.rows):
            padded = (cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True))
            yield "  ".join([first.ljust(widths[0]), *padded])
        yield ""
    if mail.next_step:
        yield from (f"Next: {mail.next_step}", "")
    yield from (f"{what}: {address}" for what, address in mail.links)
    if mail.support:
        yield from ("", f"Support: {mail.support}. {WHAT_TO_SEND}")


def as_html(mail: Mail) -> str:
    """Return the mail as HTML; every value is escaped, nothing is loaded from elsewhere."""
    environment = Environment(loader=PackageLoader("nexus_import", "web/templates"), autoescape=select_autoescape())
    return environment.get_template("mail.html").render(mail=mail, what_to_send=WHAT_TO_SEND)


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a mail."""

    name: str
    body: bytes
    content_type: str


@dataclass(frozen=True)
class Envelope:
    """From whom to whom, and which run's thread the mail belongs to."""

    sender: str
    to: list[str] = field(default_factory=list)
    thread: str = ""


def as_message(mail: Mail, envelope: Envelope, attachments: tuple[Attachment, ...] = ()) -> EmailMessage:
    """Return the mail as it is sent: text and HTML as alternatives, one thread for each run."""
    message = EmailMessage()
    message["Subject"] = mail.subject
    message["From"] = envelope.sender
    message["To"] = ", ".join(envelope.to)
    domain = envelope.sender.rpartition("@")[2].rstrip(">") or "localhost"
    # an id that no mail has: mail programs put those that refer to the same one together
    message["References"] = f"<{hashlib.sha256(envelope.thread.encode()).hexdigest()[:32]}@{domain}>"
    message.set_content(as_text(mail))
    message.add_alternative(as_html(mail), subtype="html")
    for file in attachments:
        kind, _, subtype = file.content_type.partition(";")[0].partition("/")
        message.add_attachment(file.body, maintype=kind, subtype=subtype, filename=file.name)
    return message
