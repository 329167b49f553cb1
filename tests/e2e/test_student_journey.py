"""The whole loop once, by hand in a real browser, with the real services: invite to feedback."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from playwright.sync_api import Page, expect

from dataflow_hub.settings import Lab

pytestmark = pytest.mark.e2e

COURSE, LESSON = "medallion", "01-bronze"
PASSWORD = "quatro palavras bem simples"
ANSWERS = {
    "def bronze_rows": """def bronze_rows(batch: str, batch_id: str) -> DataFrame:
    return spark.read.text(batch).select(
        F.col("value").alias("raw"),
        F.try_parse_json("value").isNull().alias("corrupt"),
        F.input_file_name().alias("source"),
        F.lit(batch_id).alias("batch"),
        F.current_timestamp().alias("ingested_at"),
    )
""",
    "def ingest_batch": """from delta.tables import DeltaTable


def ingest_batch(batch: str, batch_id: str, table: str) -> None:
    rows = bronze_rows(batch, batch_id)
    if not DeltaTable.isDeltaTable(spark, table):
        rows.write.format("delta").save(table)
    elif spark.read.format("delta").load(table).where(F.col("batch") == batch_id).isEmpty():
        rows.write.format("delta").mode("append").save(table)
""",
}


@pytest.fixture(params=["processes", "containers"])
def lab(request):
    """Give the running lab, or one whose services and students' servers are all containers."""
    return request.getfixturevalue("running_lab") if request.param == "processes" else request.getfixturevalue("class_in_containers").lab


def lab_command(lab: Lab, *arguments: str) -> str:
    """Run the command line as an instructor does."""
    command = [sys.executable, "-m", "dataflow_hub.cli", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, env={**os.environ, **lab.environment()})
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def invite_of(text: str, user: str) -> str:
    return next(line.split()[-1] for line in text.splitlines() if line.split()[:1] == [user])


def open_assignments(page: Page) -> None:
    page.locator("#jp-MainMenu .lm-MenuBar-itemLabel", has_text="Nbgrader").click()
    page.locator('li[data-command="nbgrader:open-assignment-list"]').click()
    page.locator("#released_assignments_list").wait_for()


def rows(page: Page, kind: str):
    return page.locator(f"#{kind}_assignments_list > .list_item")


def answer(page: Page, marker: str, text: str) -> None:
    """Replace a cell's text as a person does: click into it, select all, type."""
    editor = page.locator(".jp-CodeCell .cm-content", has_text=marker).first
    editor.scroll_into_view_if_needed()
    editor.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text(text)


def explain(page: Page, text: str) -> None:
    """Answer the open question: double-click the text cell, replace what is there."""
    cell = page.locator(".jp-MarkdownCell", has_text="Your answer here").last
    cell.scroll_into_view_if_needed()
    cell.locator(".jp-MarkdownOutput").dblclick()
    cell.locator(".cm-content").click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text(text)


def run_all(page: Page) -> None:
    page.locator("#jp-MainMenu .lm-MenuBar-itemLabel", has_text="Run").click()
    page.locator('li[data-command="runmenu:run-all"]').click()


def close_dialog(page: Page) -> str:
    dialog = page.locator(".jp-Dialog-content")
    dialog.wait_for(timeout=300_000)
    text = dialog.inner_text()
    dialog.locator("button", has_text="OK").or_(dialog.locator("button.jp-mod-accept")).first.click()
    return text


def test_student_journey(lab, person, tmp_path):
    """Invite, fetch, solve, validate, submit, receipt; grade, mark by hand, feedback read in Lab."""
    roster = tmp_path / "class.csv"
    roster.write_text("username,name,role,language\nvera,Vera Prado,instructor,en\nlia,Lia Nunes,student,en\n", encoding="utf-8")
    invites = lab_command(lab, "roster", "import", COURSE, str(roster))
    lab_command(lab, "release", COURSE, LESSON)

    student = person("lia")
    student.accept_invite(invite_of(invites, "lia"), PASSWORD)
    student.open_lab(lab.public_url)
    page = student.page
    open_assignments(page)
    expect(rows(page, "released")).to_have_count(1)
    student.picture("released")
    rows(page, "released").first.locator("button").click()
    expect(rows(page, "fetched")).to_have_count(1)
    student.picture("fetched")

    solve(student)
    validate(student)
    submit(student)

    graded = json.loads(lab_command(lab, "grade", COURSE, LESSON, "--json"))
    assert [(row["student"], row["score"], row["needs_review"]) for row in graded] == [("lia", 80, False)]  # all but the open question
    mark_by_hand(person("vera"), lab, invite_of(invites, "vera"))
    lab_command(lab, "feedback", COURSE, LESSON)
    read_feedback(student)
    assert "lia" in lab_command(lab, "grades", "export", COURSE)


def solve(student) -> None:
    """Open the notebook, type the two answers, run all, and see the visible checks pass."""
    page = student.page
    page.goto(f"{page.url.split('/lab')[0]}/lab/tree/{LESSON}/bronze.ipynb")
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
    for marker, text in ANSWERS.items():
        answer(page, marker, text)
    explain(page, "The commit names the files, so nobody sees half a batch; run again, the batch has no rows yet and lands once.")
    scrollers = "[...document.querySelectorAll('.jp-CodeCell .cm-scroller')]"
    assert page.evaluate(f"{scrollers}.every(each => each.scrollWidth <= each.clientWidth)")  # no line of code leaves the screen
    student.picture("solved")
    run_all(page)
    last = page.locator(".jp-CodeCell").last
    expect(last.locator(".jp-OutputArea-output")).to_be_visible(timeout=240_000)  # the last check: every cell before it ran
    page.locator(".jp-OutputArea-output", has_text="bronze.counts").first.scroll_into_view_if_needed()
    student.picture("checked")
    for name in ("bronze.schema", "bronze.counts"):
        expect(page.locator(".jp-OutputArea-output", has_text=name).first).to_contain_text("passed")
    page.locator('jp-button[data-command="docmanager:save"], button[data-command="docmanager:save"]').first.click()
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)


def validate(student) -> None:
    """Press Validate: nbgrader runs the whole notebook afresh on the student's server."""
    page = student.page
    page.locator("jp-button.validate-button").click()
    text = close_dialog(page)
    student.picture("validated")
    assert "Success" in text, text


def submit(student) -> None:
    """Submit from the Assignments list; the receipt is shown beside the submission and kept in the home."""
    page = student.page
    open_assignments(page)
    rows(page, "fetched").first.locator("button", has_text="Submit").click()
    expect(rows(page, "submitted")).to_have_count(1)
    page.locator("#submitted_assignments_list", has_text="receipt").wait_for()
    student.picture("submitted")


def mark_by_hand(instructor, lab, invite: str) -> None:
    """The instructor opens formgrader from the home page and gives the open question its points."""
    instructor.accept_invite(invite, PASSWORD)
    page = instructor.page
    formgrader = page.locator("a.lab-tile", has_text="Grading").get_attribute("href")
    page.goto(f"{lab.public_url}{formgrader}")
    page.wait_for_url("**/services/formgrader-*/formgrader**")
    page.locator("a", has_text=LESSON).first.wait_for()
    instructor.picture("formgrader")
    page.goto(f"{lab.public_url}/services/formgrader-{COURSE}/formgrader/gradebook/{LESSON}/bronze")
    page.locator("a", has_text="Submission").first.click()
    score = page.locator("input#explain-crash.needs_manual_grade")  # the page listens once it has marked what waits for a grade
    score.scroll_into_view_if_needed()
    score.fill("15")
    with page.expect_response(lambda reply: "/api/grade/" in reply.url and reply.request.method == "PUT") as saved:
        score.press("Tab")
    assert saved.value.ok
    instructor.picture("marked")


def read_feedback(student) -> None:
    """Fetch Feedback in the Assignments list, open it, and read the marks."""
    page = student.page
    page.locator("#refresh_assignments_list").click()
    page.locator("#submitted_assignments_list", has_text="feedback available").wait_for()
    page.locator("#submitted_assignments_list a, #submitted_assignments_list span", has_text=LESSON).first.click()
    student.picture("feedback-available")
    page.locator("#submitted_assignments_list button:visible", has_text="Fetch Feedback").first.click()
    page.locator("#submitted_assignments_list", has_text="view feedback").wait_for()
    student.picture("feedback-fetched")
