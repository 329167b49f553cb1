"""`./lab cluster …`: the way to Kubernetes and Swarm."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dataflow_hub.cli.output import out, report
from dataflow_hub.settings import load_lab

app = typer.Typer(no_args_is_help=True, help="The way to a cluster: files for Kubernetes and Swarm.")


@app.callback()
def group() -> None:
    """Keep `render` a command of its own: the only one of a group would take the group's place."""


@app.command("render")
def cluster_render(  # noqa: PLR0913, PLR0917 - what a cluster is
    kind: Annotated[str, typer.Argument(help="kubernetes or swarm")],
    to: Annotated[Path, typer.Option(help="The folder that the files go into.")],
    registry: Annotated[str, typer.Option(help="Where the images will be pushed.")],
    students: Annotated[int, typer.Option(min=1, help="How many students there are.")] = 300,
    at_once: Annotated[int, typer.Option(min=1, help="How many of their servers run at the same time.")] = 100,
    namespace: Annotated[str, typer.Option(help="Its namespace, or stack: a second lab of a cluster needs another.")] = "dataflow",
) -> None:
    """Write the configuration of a cluster, made from this lab's settings and images; start with its README.md."""
    from dataflow_hub.operations import cluster

    lab = load_lab()
    for path in cluster.render(lab, kind, to, registry=registry, students=students, at_once=at_once, namespace=namespace):
        out.print(str(path), markup=False)
    report("Rendered and checked, not run: README.md says what is missing.")
