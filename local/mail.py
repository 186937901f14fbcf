"""A mail sink: takes every mail and keeps each as one .eml file; nothing leaves the machine.

`python -m local.mail --port 2525 --directory DIR` serves on loopback until SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import signal
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from local.network import LOOPBACK

MAIL_SIZE_MAX_BYTES = 50 * 1024 * 1024


class MailDirectory:
    """Writes each mail that arrives to a file named by the time it came, in nanoseconds."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802, ARG002
        """Keep one mail; the people it went to are added as the header X-RcptTo."""
        recipients = f"X-RcptTo: {', '.join(envelope.rcpt_tos)}\r\n".encode()
        name = f"{time.time_ns()}.eml"
        # a reader must never see half a mail
        partial = self._directory / f".{name}"
        partial.write_bytes(recipients + (envelope.original_content or b""))
        partial.rename(self._directory / name)
        return "250 kept"


def read_mails(directory: Path) -> list[EmailMessage]:
    """Return the mails of a sink's directory, oldest first, decoded."""
    mails = []
    for path in sorted(directory.glob("*.eml")):
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        assert isinstance(mail, EmailMessage)
        mails.append(mail)
    return mails


def main() -> None:
    """Command line of the sink."""
    parser = argparse.ArgumentParser(prog="python -m local.mail", description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    parser.add_argument("--directory", type=Path, required=True, help="where the .eml files go")
    arguments = parser.parse_args()
    stop_signals = {signal.SIGTERM, signal.SIGINT}
    # blocked before the server's thread starts, which inherits it; the main thread then waits for them
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals)
    controller = Controller(
        MailDirectory(arguments.directory),
        hostname=LOOPBACK,
        port=arguments.port,
        data_size_limit=MAIL_SIZE_MAX_BYTES,
    )
    controller.start()
    signal.sigwait(stop_signals)
    controller.stop()


if __name__ == "__main__":
    main()
