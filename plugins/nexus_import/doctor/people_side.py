"""The doctor's look at what tells people: the mail server, and the application that is asked after a publish."""

from __future__ import annotations

import smtplib
from collections.abc import Iterable
from dataclasses import dataclass

from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk.exceptions import AirflowException

from nexus_import.application.client import NexusApplication
from nexus_import.application.questions import PATIENTS
from nexus_import.core.doctor import Item, bad, good, skipped
from nexus_import.doctor.asking import Examination, find_connection, require_type
from nexus_import.errors import ApplicationError
from nexus_import.phases.probing import find_access
from nexus_import.settings import Settings

BUDGET_SECONDS = 60
ACCEPTED = range(200, 300)


@dataclass
class PeopleSide:
    """Looks at mail server and application; no mail is sent."""

    settings: Settings

    def examine(self, examination: Examination) -> None:
        """Look at both."""
        name = f"connection {self.settings.policy.connections.mail}"
        examination.look(name, lambda: self._connection(name))
        examination.look("mail server", self._mail, name)
        examination.look("application", self._application)

    def _connection(self, name: str) -> Iterable[Item]:
        wrong = list(require_type(name, self.settings.policy.connections.mail, "smtp"))
        return wrong or [good(name, "there, of type smtp")]

    def _mail(self) -> Item:
        """Go as far as the recipients, and take it back: the server says whether it would take a mail."""
        connection_id, mail = self.settings.policy.connections.mail, self.settings.policy.mail
        try:
            with SmtpHook(smtp_conn_id=connection_id) as hook:
                client = hook._smtp_client
                if not isinstance(client, smtplib.SMTP):
                    return bad("mail server", "no connection came about", f"look at '{connection_id}'")
                client.ehlo_or_helo_if_needed()
                answers = {mail.sender: client.mail(mail.sender)[0]}
                if answers[mail.sender] in ACCEPTED:
                    answers |= {address: client.rcpt(address)[0] for address in mail.to}
                client.rset()
        except (OSError, smtplib.SMTPException, AirflowException) as error:
            code = getattr(error, "smtp_code", "")
            seen = f"it does not answer or refuses the log-in ({type(error).__name__} {code}".rstrip() + ")"
            fix = f"correct host, port, TLS and account of '{connection_id}': without mail nobody hears of a question"
            return bad("mail server", seen, fix)
        refused = [f"{address} ({code})" for address, code in answers.items() if code not in ACCEPTED]
        if refused:
            fix = "correct mail: from and to in the policy, or let the server take these addresses"
            return bad("mail server", f"it refuses {', '.join(refused)}", fix)
        return good("mail server", f"it greets, and takes mail from {mail.sender} to {', '.join(mail.to)}")

    def _application(self) -> Item:
        connection_id = self.settings.policy.connections.application
        access = find_access(connection_id) if find_connection(connection_id) else None
        if access is None:
            return skipped("application", f"not asked: there is no Airflow connection '{connection_id}'")
        try:
            with NexusApplication(access, BUDGET_SECONDS) as application:
                application.get(PATIENTS, {"page_size": "1"})
        except ApplicationError as error:
            return bad("application", str(error), f"correct '{connection_id}', or take it away: it may be left out")
        return good("application", f"Nexus at {access.url} answers the account")
