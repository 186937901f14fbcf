"""What a person does in the Airflow UI: trigger with the form, read a log, clear, approve, switch the DAG on."""

from __future__ import annotations

from urllib.parse import quote

from playwright.sync_api import Page, Response

from tests.e2e.import_run import APPROVE, DAG_ID, ImportRun
from tests.e2e.world import World

OPEN_DIALOG = "[role=dialog][data-scope=dialog][data-state=open]"


def trigger(page: Page, world: World, **choices: str) -> ImportRun:
    """Open the form of the import, choose, and press Trigger."""
    known = {run["dag_run_id"] for run in world.client.runs(DAG_ID)}
    ask_to_trigger(page, world, **choices)
    [started] = [run for run in world.client.runs(DAG_ID) if run["dag_run_id"] not in known]
    return ImportRun(world.client, started["dag_run_id"])


def ask_to_trigger(page: Page, world: World, **choices: str) -> Response:
    """Open the form of the import, choose, press Trigger, and return what Airflow answers."""
    page.goto(f"{world.stack.addresses.airflow_url}/dags/{DAG_ID}")
    page.get_by_role("button", name="Trigger").first.click()
    dialog = page.locator(OPEN_DIALOG)
    for name, choice in choices.items():
        box = dialog.locator(f"#element_{name} input[role=combobox]")
        box.click()
        box.fill(choice)
        page.get_by_role("option").first.click()
    with page.expect_response(lambda said: said.url.endswith("/dagRuns") and said.request.method == "POST") as answered:
        dialog.get_by_role("button", name="Trigger").last.click()
    return answered.value


def open_task(page: Page, world: World, run: ImportRun, task_id: str) -> None:
    """Open the page of a task of a run, which shows its log."""
    page.goto(f"{world.stack.addresses.airflow_url}/dags/{DAG_ID}/runs/{quote(run.run_id, safe='')}/tasks/{task_id}")


def read_storage(page: Page, world: World, run: ImportRun, task_id: str) -> str:
    """Return what the tab Storage of a task shows."""
    open_task(page, world, run, task_id)
    page.get_by_role("link", name="Storage").click()
    page.get_by_text("progress", exact=True).first.wait_for()
    return page.locator("table").last.inner_text()


def clear(page: Page, world: World, run: ImportRun, task_id: str) -> None:
    """Clear a task by confirming the dialog as it comes up."""
    open_task(page, world, run, task_id)
    page.get_by_role("button", name="Press shift+c to clear").click()
    with page.expect_response(_is_clearing):
        page.locator(OPEN_DIALOG).get_by_role("button", name="Confirm").click()


def answer(page: Page, world: World, run: ImportRun, option: str) -> None:
    """Follow the link of the mail to the question, and answer it."""
    address = f"{world.stack.addresses.airflow_url}/dags/{DAG_ID}/runs/{quote(run.run_id, safe='')}"
    page.goto(f"{address}/tasks/{APPROVE}/required_actions")
    with page.expect_response(lambda said: said.url.endswith("/hitlDetails") and said.request.method == "PATCH"):
        page.get_by_test_id(f"hitl-option-{option}").click()


def _is_clearing(answer: Response) -> bool:
    """Tell the clearing from the dialog's own question what would be cleared."""
    body = answer.request.post_data or ""
    return answer.url.endswith("/clearTaskInstances") and '"dry_run":false' in body and answer.ok
