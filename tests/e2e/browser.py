"""A person at the Airflow UI: a headless Chromium, logged in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TIMEOUT_MS = 60_000
SERIOUS = {"serious", "critical"}
WIDTHS = {"desk": 1280, "phone": 390}
PICTURES = os.environ.get("REPORT_PICTURES")


@contextmanager
def new_page() -> Iterator[Page]:
    """Open an empty page; skips the test where no Chromium is installed."""
    program = next((path for name in NAMES if (path := shutil.which(name))), None)
    if program is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(TIMEOUT_MS)
        yield page
        browser.close()


@contextmanager
def logged_in(url: str, user: str, password: str) -> Iterator[Page]:
    """Open the UI as somebody; skips the test where no Chromium is installed."""
    with new_page() as page:
        page.goto(url)
        page.get_by_label("Username").fill(user)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_test_id("nav-dags-link").wait_for()
        yield page


def assert_readable(page: Page, show: Callable[[], Any], name: str) -> None:
    """Hold what `show` opens against axe-core in light and dark, on a desk and on a phone; nothing runs out of it.

    With REPORT_PICTURES=FOLDER in the environment a picture of each is left there.
    """
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for device, width in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": 900})
            show()
            # Airflow's own theme would win over the system's
            page.evaluate("scheme => document.documentElement.dataset.theme = scheme", scheme)
            found = Axe().run(page).response["violations"]
            assert [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in SERIOUS] == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            if PICTURES:
                page.screenshot(path=str(Path(PICTURES) / f"{name}-{scheme}-{device}.png"), full_page=True)
