"""What every answer of the pages has in common: it is rendered and escaped, kept by nobody, and fetches nothing."""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from nexus_import.core.report import environment
from nexus_import.web.links import Links

KEPT_BY_NOBODY = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "SAMEORIGIN",
}
POLICY = (
    "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'self'"
)


def links_of(request: Request, base_path: str, run_id: str = "") -> Links:
    """Return the addresses as the browser sees them: also behind a prefix, and below where the pages are mounted."""
    return Links(str(request.scope.get("root_path", "")).rstrip("/"), base_path, run_id)


def html(template: str, links: Links, status: int = 200, **values: Any) -> Response:
    """Return a rendered page; its own style and script carry a nonce, and nothing else is run or fetched."""
    nonce = secrets.token_urlsafe(16)
    text = environment().get_template(template).render(links=links, nonce=nonce, **values)
    return HTMLResponse(text, status, KEPT_BY_NOBODY | {"Content-Security-Policy": POLICY.format(nonce=nonce)})


def file(body: bytes, content_type: str, name: str) -> Response:
    """Return a download; `name` is one of ours, never a person's."""
    return Response(
        body,
        media_type=content_type,
        headers=KEPT_BY_NOBODY | {"Content-Disposition": f'attachment; filename="{name}"'},
    )
