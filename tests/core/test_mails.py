"""What mails say: one sentence first, the same in text and HTML, nothing unescaped, everything in one thread."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

from nexus_import.core import restore_mails, run_mails
from nexus_import.core.finding_lines import FindingCounts
from nexus_import.core.mails import SHOWN_DETAILS, Attachment, Envelope, Mail, Table, as_html, as_message, as_text
from nexus_import.core.plan_summary import PlanSummary, TableSummary
from nexus_import.core.run_mails import RunPlaces
from nexus_import.core.verdict import Verdict

PLACES = RunPlaces("http://a/run", "http://a/report", "http://a/question", "http://a/log")
PLAN = PlanSummary([TableSummary("patients", 12, 3456, 0, 7), TableSummary("notes", 0, 0, 0, 9)])
ENVELOPE = Envelope("Import <import@clinic.example>", ["a@clinic.example", "b@clinic.example"], "run 1")


def test_text_is_read_from_the_top() -> None:
    mail = run_mails.waiting(PLAN, ["12 patients would go"], ["admin", "vera"], "Monday 17:00", PLACES)
    assert mail.subject == "Nexus import waits for approval"
    assert as_text(mail) == (
        "The plan needs a person's word before live Nexus is changed.\n\n"
        "Without an answer the run ends at Monday 17:00 and live Nexus stays as it is.\n"
        "- 12 patients would go\n\n"
        "          added  changed  removed  unchanged\n"
        "patients     12    3,456        0          7\n\n"
        "Next: admin or vera: look at the plan, then approve or reject it.\n\n"
        "Approve or reject: http://a/question\n"
        "Import report: http://a/report\n"
    )


def test_html_says_the_same_and_escapes_it() -> None:
    mail = Mail(
        "<event>",
        "a < b",
        ("f&f",),
        ("<script>",),
        (Table(("", "n"), (("<t>", "1"),)),),
        "n<",
        (("l<", 'http://"'),),
        "s<",
    )
    html = as_html(mail)
    for part in ("a &lt; b", "f&amp;f", "&lt;script&gt;", "&lt;t&gt;", "n&lt;", "l&lt;", "s&lt;", "&lt;event&gt;"):
        assert part in html
    assert "<script>" not in html
    assert 'http://"' not in html


def test_long_lists_are_cut_and_say_so() -> None:
    mail = Mail("e", "l", details=tuple(f"detail {number}." for number in range(SHOWN_DETAILS + 5)))
    text = as_text(mail)
    assert f"detail {SHOWN_DETAILS - 1}." in text
    assert f"detail {SHOWN_DETAILS}." not in text
    assert "- … and 5 more: the report lists them" in text
    assert "… and 5 more" in as_html(mail)


def test_message_has_text_html_and_the_report() -> None:
    mail = run_mails.started("vera", {"mode": "rehearse"}, None, PLACES)
    sent = as_message(mail, ENVELOPE, (Attachment("import-report.html", b"<p>\xc3\xa9", "text/html; charset=utf-8"),))
    read = message_from_bytes(sent.as_bytes(), policy=policy.default)
    assert isinstance(read, EmailMessage)
    assert read["To"] == "a@clinic.example, b@clinic.example"
    plain, html = read.get_body(("plain",)), read.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert "The import was started by vera." in plain.get_content()
    assert "The import was started by vera." in html.get_content()
    [file] = read.iter_attachments()
    assert (file.get_filename(), file.get_content_type()) == ("import-report.html", "text/html")
    assert file.get_payload(decode=True) == b"<p>\xc3\xa9"


def test_mails_of_one_run_are_one_thread() -> None:
    first, second = as_message(Mail("a", "a"), ENVELOPE), as_message(Mail("b", "b"), ENVELOPE)
    other = as_message(Mail("a", "a"), Envelope(ENVELOPE.sender, ENVELOPE.to, "run 2"))
    assert first["References"] == second["References"] != other["References"]
    assert first["References"].endswith("@clinic.example>")


def test_start_says_how_long_earlier_runs_took() -> None:
    assert "This is the first run." in as_text(run_mails.started(None, {}, None, PLACES))
    text = as_text(run_mails.started(None, {"mode": "publish"}, 125.0, PLACES))
    assert "Earlier runs took about 2 min 05 s." in text
    assert text.startswith("The import was started by the schedule.")


def test_failure_says_what_to_clear_and_whom_to_call_with_what() -> None:
    verdict = Verdict("stopped", "Stopped by phase_0/x. Live Nexus is unchanged", False, "phase_0.task", ("x: 3 rows",))
    mail = run_mails.ended(verdict, "4.1 s", PLAN, FindingCounts(2, 1, 0), PLACES, "Ann, ann@clinic.example")
    assert mail.subject == "Nexus import FAILED: stopped"
    text = as_text(mail)
    assert "- x: 3 rows" in text
    assert "Next: Clear phase_0.task with downstream." in text
    assert "Log of end.outcome: http://a/log" in text
    assert "Support: Ann, ann@clinic.example. Send the address of the run" in text
    assert "3 findings: 1 still open, 2 new" in text


def test_success_names_no_support_and_shows_the_plan() -> None:
    mail = run_mails.ended(
        Verdict("published", "Published and verified", True), "9 s", PLAN, FindingCounts(), PLACES, "Ann"
    )
    text = as_text(mail)
    assert "Ann" not in text
    assert "patients     12" in text
    assert "Findings" not in text
    assert "Next: Nothing to do." in text


def test_restore_that_failed_names_support_too() -> None:
    verdict = Verdict("stopped", "It stopped", False, None, ("why",))
    text = as_text(restore_mails.ended(verdict, "1 s", PLACES, "Ann"))
    assert "- why" in text
    assert "Ask an operator to trigger the restore." in text
    assert "Support: Ann." in text
