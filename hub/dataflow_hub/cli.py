"""The command line: parse, call one operation, print. The only place that prints or exits."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import json
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dataflow_hub.errors import LabError
from dataflow_hub.settings import load_lab

app = typer.Typer(name="lab", no_args_is_help=True, add_completion=False, help="DataFlow Lab: a teaching workspace for data engineering.")
roster_app = typer.Typer(no_args_is_help=True, help="Who is in a course, and with which role.")
course_app = typer.Typer(no_args_is_help=True, help="Courses and their lessons: list, new, build, try, check.")
grades_app = typer.Typer(no_args_is_help=True, help="Marks out of the gradebook.")
config_app = typer.Typer(no_args_is_help=True, help="Settings in force.")
for name, sub in (("roster", roster_app), ("course", course_app), ("grades", grades_app), ("config", config_app)):
    app.add_typer(sub, name=name)

out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def report(line: str) -> None:
    """Show one line of progress, apart from the result on standard output."""
    err.print(line, markup=False)


# -- the lab -----------------------------------------------------------------


@app.command()
def up(groups: Annotated[list[str] | None, typer.Argument(help="Groups or services to start, or all; core when left out.")] = None) -> None:
    """Set up what is missing, start the services, wait until each is healthy."""
    from dataflow_hub.operations import lab as operations
    from dataflow_hub.operations import roster

    lab = load_lab()
    operations.up(lab, report, groups=groups or ())
    link = roster.admin_link(lab)
    out.print(f"\nDataFlow Lab is up: {lab.public_url}", markup=False)
    if link:
        out.print(f"One-time admin link: {link}", markup=False)
    out.print("Next: ./lab demo makes a small class to play with.", markup=False)


@app.command()
def down() -> None:
    """Stop everything this lab started."""
    from dataflow_hub.operations import lab as operations

    operations.down(load_lab(), report)


@app.command()
def status(as_json: Json = False) -> None:
    """Tell how each service is. Exit code 4 when one that is wanted is not healthy."""
    from dataflow_hub.operations import lab as operations

    rows = operations.status(load_lab())
    show(rows, as_json, title="Services", columns=("name", "title", "state", "healthy", "detail"))
    if not all(row.healthy for row in rows if row.wanted):
        raise typer.Exit(4)


@app.command()
def logs(service: str, follow: Annotated[bool, typer.Option("-f", "--follow")] = False, lines: int = 100) -> None:
    """Show a service's log."""
    from dataflow_hub.operations import lab as operations

    for line in operations.logs(load_lab(), service, lines=lines, follow=follow):
        out.print(line, markup=False)


@app.command()
def restart(service: str) -> None:
    """Restart one service and wait until it is healthy."""
    from dataflow_hub.operations import lab as operations

    operations.restart(load_lab(), service, report)


@app.command("open")
def open_page() -> None:
    """Open the hub in a browser; prints the address where there is none."""
    lab = load_lab()
    out.print(lab.public_url, markup=False)
    typer.launch(lab.public_url)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Look for what is missing or broken, and say how to mend it."""
    from dataflow_hub.operations.doctor import doctor as examine

    findings = examine(load_lab())
    show(findings, as_json, title="Doctor")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(3)


@app.command()
def demo(remove: Annotated[bool, typer.Option("--remove", help="Take the demo class away.")] = False) -> None:
    """Make a small class to play with: an instructor, two students, lesson 1.1 released."""
    from dataflow_hub.operations import demo as operations

    lab = load_lab()
    if remove:
        operations.remove(lab, report)
        return
    for invite in operations.create(lab, report):
        out.print(f"{invite.user:<12} {invite.url}", markup=False)


@config_app.command("show")
def config_show(as_json: Json = False) -> None:
    """Show every setting in force."""
    lab = load_lab()
    values = lab.settings.model_dump()
    if as_json:
        out.print_json(json.dumps(values))
        return
    for section, keys in values.items():
        for key, value in keys.items():
            out.print(f"{section}.{key} = {value!r}", markup=False)


@app.command()
def produce(
    topic: str,
    rate: Annotated[float, typer.Option(help="Events a second.", min=0.01)] = 10.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same events.", min=0)] = 0,
    seconds: Annotated[float, typer.Option(help="Stop after so long; 0 goes on until Ctrl-C.", min=0)] = 0.0,
    user: Annotated[str, typer.Option(help="Into this student's topic of that name.")] = "",
) -> None:
    """Send events of Loja Aurora into TOPIC, at a steady rate, until Ctrl-C."""
    from dataflow_hub.operations import produce as operations

    made = operations.produce(load_lab(), topic, rate=rate, seed=seed, seconds=seconds, user=user, report=report)
    out.print(f"{made.acknowledged} events acknowledged in {made.topic}", markup=False)


# -- the class ---------------------------------------------------------------


@roster_app.command("import")
def roster_import(course: str, file: Path) -> None:
    """Read a CSV with the columns username, name, role, language; prints an invite link for each new account."""
    from dataflow_hub.operations import roster

    for item in roster.import_csv(load_lab(), course, file):
        out.print(f"{item.user:<20} {item.url}", markup=False)


@roster_app.command("list")
def roster_list(course: str, as_json: Json = False) -> None:
    """List a course's members."""
    from dataflow_hub.operations import roster

    show(roster.members(load_lab(), course), as_json, title=course)


@roster_app.command("role")
def roster_role(course: str, user: str, role: str) -> None:
    """Make USER a student, grader or instructor of COURSE; takes effect without a restart."""
    from dataflow_hub.operations import roster

    roster.set_role(load_lab(), course, user, role)


@roster_app.command("remove")
def roster_remove(course: str, user: str) -> None:
    """Take USER out of COURSE; credentials are revoked, work is kept."""
    from dataflow_hub.operations import roster

    roster.remove(load_lab(), course, user)


@app.command()
def invite(user: str) -> None:
    """Make a fresh one-time invite link; also resets a forgotten password."""
    from dataflow_hub.operations import roster

    out.print(roster.invite(load_lab(), user), markup=False)


# -- lessons -----------------------------------------------------------------


@course_app.command("list")
def course_list(as_json: Json = False) -> None:
    """List courses and lessons."""
    from dataflow_hub.operations import lessons

    show(lessons.list_lessons(load_lab()), as_json, title="Lessons")


@course_app.command("check")
def course_check(
    course: Annotated[str, typer.Argument(help="A course; with --all, every one.")] = "",
    lesson: Annotated[str, typer.Option(help="One lesson only.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Every lesson of every course.")] = False,
    seeds: Annotated[int, typer.Option(help="Seeds for the reference solution in the sandbox.")] = 3,
    as_json: Json = False,
) -> None:
    """Hold lessons to their contract and run the release gate: reference, blank, solutions, mutants."""
    from dataflow_hub.operations import lessons

    if not (course or lesson or every):
        raise typer.BadParameter("say which: a COURSE, --lesson NAME, or --all")
    lab = load_lab()
    rows = lessons.check(lab, lessons.find_all(lab, course, lesson), seeds=seeds, report=report)
    show(rows, as_json, title="Gate")
    report(lessons.tally(rows))
    if not all(row.ok for row in rows):
        raise typer.Exit(5)


@course_app.command("try")
def course_try(
    course: str,
    lesson: str,
    names: Annotated[list[str] | None, typer.Argument(help="reference, blank, a solution's or mutant's name; all when left out.")] = None,
    seeds: Annotated[int, typer.Option(help="Unseen data sets for each.")] = 1,
    as_json: Json = False,
) -> None:
    """Try some of a lesson's solutions and mutants quickly, without a sandbox, while you write it."""
    from dataflow_hub.operations import lessons

    lab = load_lab()
    rows = lessons.attempt(lab, lessons.find(lab, course, lesson), names or (), seeds=seeds)
    show(rows, as_json, title="Tried")
    if not all(row.ok for row in rows):
        raise typer.Exit(5)


@course_app.command("new")
def course_new(course: str, lesson: str) -> None:
    """Begin a lesson: a folder with a small one that keeps the whole contract, to be changed piece by piece."""
    from dataflow_hub.operations import lessons

    out.print(str(lessons.new(load_lab(), course, lesson)), markup=False)
    report("Read docs/contributor/add-a-lesson.md; then ./lab course build, ./lab course try, ./lab course check")


@course_app.command("run")
def course_run(  # noqa: PLR0913, PLR0917 - what papermill takes
    course: str,
    lesson: str,
    seed: Annotated[int, typer.Option(help="Whose data: another seed, other numbers.")] = 1,
    size: Annotated[str, typer.Option(help="S, M or L.")] = "S",
    language: Annotated[str, typer.Option(help="en or pt-BR.")] = "en",
    into: Annotated[Path, typer.Option(help="Where the executed notebook goes.")] = Path("report.ipynb"),
) -> None:
    """Execute a lesson's reference with papermill on data of one seed and size, and keep the notebook with its outputs."""
    from dataflow_hub.operations import lessons

    lab = load_lab()
    done = lessons.run(lab, lessons.find(lab, course, lesson), seed, size, language, into)
    out.print(f"{done.notebook}: {done.seconds:.0f} s", markup=False)
    for error in done.errors:
        report(error)
    if done.errors:
        raise typer.Exit(5)


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="lessons")],
    course: Annotated[str, typer.Option(help="One course only.")] = "",
    lesson: Annotated[str, typer.Option(help="One lesson only.")] = "",
    sample: Annotated[int, typer.Option(help="So many mutants of each lesson; 0: all.")] = 0,
    as_json: Json = False,
) -> None:
    """Measure a claim against what one would do instead, in one run, same results first."""
    from dataflow_hub.operations import bench as benches
    from dataflow_hub.operations import lessons

    benches.require_known(name)
    lab = load_lab()
    rows = benches.lessons(lab, lessons.find_all(lab, course, lesson), sample=sample, report=report)
    show(rows, as_json, title="Warm trials against papermill")
    if not all(row.same for row in rows):
        raise typer.Exit(5)


@course_app.command("build")
def course_build(course: Annotated[str, typer.Argument(help="A course; all when left out.")] = "") -> None:
    """Write the generated notebooks of lessons, and of the tour, from their sources."""
    from dataflow_hub.operations import lessons, tour

    lab = load_lab()
    for path in (*lessons.build(lessons.find_all(lab, course)), *tour.write_tour(lab)):
        out.print(str(path), markup=False)


@app.command()
def release(course: str, lesson: str, due: Annotated[str, typer.Option(help="Deadline, ISO 8601 with zone.")] = "") -> None:
    """Put a lesson through the gate and publish it to its course."""
    from dataflow_hub.operations import courses

    courses.release(load_lab(), course, lesson, due=parse_time(due), report=report)


@app.command()
def extend(course: str, lesson: str, user: str, due: str) -> None:
    """Give one student a later deadline."""
    from dataflow_hub.operations import courses

    courses.extend(load_lab(), course, lesson, user, parse_time(due))


@app.command()
def collect(course: str, lesson: str) -> None:
    """Take the newest submission of each student out of the exchange."""
    from dataflow_hub.operations import courses

    show(courses.collect(load_lab(), course, lesson), as_json=False, title="Collected")


@app.command()
def grade(
    course: str,
    lesson: str,
    student: Annotated[list[str] | None, typer.Option(help="Only these.")] = None,
    as_json: Json = False,
) -> None:
    """Collect, run each submission in its sandbox, check its artefacts in another, write the gradebook."""
    from dataflow_hub.operations import courses

    rows = courses.grade(load_lab(), course, lesson, students=student or None, report=report)
    show(rows, as_json, title="Graded")
    if any(row.needs_review for row in rows):
        raise typer.Exit(6)


@app.command()
def feedback(course: str, lesson: str) -> None:
    """Write feedback and return it to the students."""
    from dataflow_hub.operations import courses

    show(courses.feedback(load_lab(), course, lesson, report=report), as_json=False, title="Returned")


@grades_app.command("export")
def grades_export(
    course: str,
    file: Annotated[Path | None, typer.Option("--to", help="A CSV file; standard output when left out.")] = None,
) -> None:
    """Write a course's marks as CSV."""
    from dataflow_hub.operations import grades

    rows = grades.export(load_lab(), course)
    if file is None:
        csv.writer(sys.stdout).writerows(rows)
        return
    with file.open("w", newline="", encoding="utf-8") as target:
        csv.writer(target).writerows(rows)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context) -> None:
    """Run the tests; arguments go to pytest."""
    from dataflow_hub.operations.tests import run_tests

    raise typer.Exit(run_tests(load_lab(), context.args, report))


# -- printing ----------------------------------------------------------------


def parse_time(text: str) -> dt.datetime | None:
    """Read an ISO 8601 time; one without a zone is refused, since a class may span several."""
    if not text:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise LabError(f"{text!r} is not a time.", fix="Write it as 2026-12-01T23:59-03:00.") from error
    if moment.tzinfo is None:
        raise LabError(f"{text!r} has no time zone.", fix="Write it as 2026-12-01T23:59-03:00.")
    return moment


def show(rows: Any, as_json: bool, *, title: str, columns: tuple[str, ...] = ()) -> None:
    """Print a list of dataclasses as a table of `columns` (or all that hold something), or as JSON with everything."""
    records = [dataclasses.asdict(row) for row in rows]
    if as_json:
        sys.stdout.write(json.dumps(records, default=str, ensure_ascii=False, indent=1) + "\n")
        return
    if not records:
        out.print(f"{title}: none", markup=False)
        return
    texts = [{column: _readable(value) for column, value in record.items()} for record in records]
    used = [column for column in columns or texts[0] if any(text[column] for text in texts)]
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in used:
        table.add_column(column.replace("_", " "))
    for text in texts:
        table.add_row(*(escape(text[column]) for column in used))
    out.print(table)


def _readable(value: Any) -> str:
    """Write a value as a person reads it in a narrow column."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return "" if value is None else str(value)


def main() -> None:
    """Run the command line; an error a person can act on is printed as what, why, fix."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    try:
        app(args=[argument for argument in arguments if argument != "--debug"], prog_name="./lab")
    except LabError as error:
        err.print(str(error), markup=False)
        if debug:
            traceback.print_exc()
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        err.print("\nStopped. Nothing was left half-done; run the same command again to go on.", markup=False)
        sys.exit(130)


if __name__ == "__main__":
    main()
