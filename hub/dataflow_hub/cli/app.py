"""The command line: parse, call one operation, print. The only place that prints or exits."""

from __future__ import annotations

import csv
import json
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from dataflow_hub.cli import cluster, lessons
from dataflow_hub.cli.output import Json, err, out, parse_time, report, show
from dataflow_hub.errors import LabError
from dataflow_hub.settings import choose_backend, load_lab

app = typer.Typer(name="lab", no_args_is_help=True, add_completion=False, help="DataFlow Lab: a teaching workspace for data engineering.")
roster_app = typer.Typer(no_args_is_help=True, help="Who is in a course, and with which role.")
grades_app = typer.Typer(no_args_is_help=True, help="Marks out of the gradebook.")
config_app = typer.Typer(no_args_is_help=True, help="Settings in force.")
images_app = typer.Typer(no_args_is_help=True, help="Images of the students' containers.")
_SUBS = {
    "roster": roster_app,
    "course": lessons.app,
    "grades": grades_app,
    "config": config_app,
    "images": images_app,
    "cluster": cluster.app,
}
for name, sub in _SUBS.items():
    app.add_typer(sub, name=name)


@app.callback()
def options(
    backend: Annotated[str, typer.Option(help="embedded or docker: what services run as, where the settings say nothing else.")] = "",
) -> None:
    """Take what holds for every command."""
    if backend:
        choose_backend(backend)


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


@images_app.command("build")
def images_build(
    names: Annotated[list[str] | None, typer.Argument(help="Images, and what they stand on; all when left out.")] = None,
    base_image: Annotated[str, typer.Option(help="A Debian 12 that Docker has or can pull.")] = "debian:bookworm-slim",
    as_json: Json = False,
) -> None:
    """Build the images that are not there yet, out of the lock and this checkout."""
    from dataflow_hub.operations import images

    show(images.build(load_lab(), report, base_image=base_image, names=names or ()), as_json, title="Images")


@images_app.command("sbom")
def images_sbom(name: str) -> None:
    """Print what is in an image: packages of Python and Debian, and jars, as CycloneDX JSON."""
    from dataflow_hub.operations import images

    out.print_json(json.dumps(images.sbom(load_lab(), name)))


@images_app.command("compose")
def images_compose() -> None:
    """Make the compose files in images/ anew, from the catalogue of services and the table of upstream ones."""
    from dataflow_hub.operations import images

    for path in images.write_compose_files(load_lab()):
        out.print(str(path), markup=False)


@images_app.command("upstream")
def images_upstream(groups: Annotated[list[str] | None, typer.Argument(help="Their groups; all when left out.")] = None) -> None:
    """Make ready what services of others' images mount (secrets, configuration), and print the command that starts them."""
    from dataflow_hub.operations import images

    out.print(" ".join(images.prepare_upstream(load_lab(), groups or ())), markup=False, soft_wrap=True)


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


app.command()(lessons.bench)


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
