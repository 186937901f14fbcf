"""The mail sink: one file per mail, whole and decodable."""

from __future__ import annotations

import smtplib
import sys
from email.message import EmailMessage

from local.mail import read_mails
from local.network import free_ports, is_listening
from local.nexus_database import REPOSITORY
from local.processes import Program, RunningProgram


def test_mails_are_kept_in_order_with_recipients_and_attachments(tmp_path):
    port = free_ports(1)[0]
    options = ("--port", str(port), "--directory", str(tmp_path / "mail"))
    program = Program("mail", (sys.executable, "-m", "local.mail", *options), tmp_path / "log", cwd=REPOSITORY)
    sink = RunningProgram(program)
    try:
        sink.wait_until(lambda: is_listening(port), 30)
        with smtplib.SMTP("127.0.0.1", port) as smtp:
            for number in (1, 2):
                mail = EmailMessage()
                mail["Subject"], mail["From"] = f"Import {number} ✅", "nexus@clinic.example"
                mail["To"] = "a@clinic.example"
                mail.set_content("Grüße\nzweite Zeile\n")
                mail.add_attachment(b"id\n1\n", maintype="text", subtype="csv", filename="findings.csv")
                smtp.send_message(mail, to_addrs=["a@clinic.example", "hidden@clinic.example"])
    finally:
        sink.stop()
    assert sink.exit_code == 0
    mails = read_mails(tmp_path / "mail")
    assert [mail["Subject"] for mail in mails] == ["Import 1 ✅", "Import 2 ✅"]
    assert mails[0]["X-RcptTo"] == "a@clinic.example, hidden@clinic.example"
    body = mails[0].get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == "Grüße\nzweite Zeile\n"
    assert [each.get_filename() for each in mails[0].iter_attachments()] == ["findings.csv"]
