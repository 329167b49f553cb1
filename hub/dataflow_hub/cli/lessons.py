"""`./lab course …` and `./lab bench`: a lesson on its author's desk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dataflow_hub.cli.output import Json, out, report, show
from dataflow_hub.settings import load_lab

app = typer.Typer(no_args_is_help=True, help="Courses and their lessons: list, new, build, try, check.")


@app.command("list")
def course_list(as_json: Json = False) -> None:
    """List courses and lessons."""
    from dataflow_hub.operations import lessons

    show(lessons.list_lessons(load_lab()), as_json, title="Lessons")


@app.command("check")
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


@app.command("try")
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


@app.command("new")
def course_new(course: str, lesson: str) -> None:
    """Begin a lesson: a folder with a small one that keeps the whole contract, to be changed piece by piece."""
    from dataflow_hub.operations import lessons

    out.print(str(lessons.new(load_lab(), course, lesson)), markup=False)
    report("Read docs/contributor/add-a-lesson.md; then ./lab course build, ./lab course try, ./lab course check")


@app.command("run")
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


@app.command("build")
def course_build(course: Annotated[str, typer.Argument(help="A course; all when left out.")] = "") -> None:
    """Write what is generated from sources: the notebooks of lessons and of the tour, and the instructors' pages about them."""
    from dataflow_hub.operations import guide, lessons, tour

    lab = load_lab()
    built = lessons.build(lessons.find_all(lab, course))
    for path in (*built, *tour.write_tour(lab), *guide.write_guide(lab, lessons.find_all(lab))):
        out.print(str(path), markup=False)


def bench(
    name: Annotated[str, typer.Argument(help="lessons or spawn-docker")],
    course: Annotated[str, typer.Option(help="One course only.")] = "",
    lesson: Annotated[str, typer.Option(help="One lesson only.")] = "",
    sample: Annotated[int, typer.Option(help="Mutants a lesson that papermill executes, the others reckoned at their mean; 0: all.")] = 0,
    as_json: Json = False,
) -> None:
    """Measure a claim against what one would do instead, in one run, same results first."""
    from dataflow_hub.operations import bench as benches
    from dataflow_hub.operations import lessons

    benches.require_known(name)
    lab = load_lab()
    if name == "spawn-docker":
        from dataflow_hub.operations.bench_spawn import spawn_docker

        show(spawn_docker(lab, report), as_json, title="Seconds from the click to JupyterLab in a container")
        return
    rows = benches.lessons(lab, lessons.find_all(lab, course, lesson), sample=sample, report=report)
    show(rows, as_json, title="Warm trials against papermill")
    if not all(row.same for row in rows):
        raise typer.Exit(5)
