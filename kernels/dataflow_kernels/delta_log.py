"""A Delta table's log to leaf through: choose a version, see its actions, and what each data file is to a reader of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import unquote

from dataflow_kernels.checks.outcome import Text

_VERSION = Text("version", "versão")
_ROWS = Text("rows", "linhas")
_STATES = {
    "live": (Text("live: readers of this version open it", "vivo: quem lê esta versão o abre"), "#3d5a80"),
    "removed": (
        Text("removed: only older versions need it", "removido: só versões antigas precisam dele"),
        "#b9c0c7",
    ),
    "unnamed": (Text("not in the log: no reader sees it", "fora do log: ninguém o vê"), "#a0622d"),
    "gone": (Text("named by the log, but no longer there", "citado no log, mas já não existe"), "#b3261e"),
}
_SHOWN = ("commitInfo", "protocol", "metaData", "txn")
_MOST_TEXT = 110


@dataclass(frozen=True)
class Commit:
    """One file of the log: its `version`, what it added (file name → number of rows), what it removed, and its other actions."""

    version: int
    added: Mapping[str, int] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()
    others: tuple[tuple[str, Mapping[str, Any]], ...] = ()

    @property
    def operation(self) -> str:
        """What was done, in the writer's words: "WRITE", "MERGE", "RESTORE"."""
        return str(dict(self.others).get("commitInfo", {}).get("operation", ""))


def read_commits(files: Mapping[str, bytes]) -> tuple[Commit, ...]:
    """Read the commits among the files of a `_delta_log` folder, by name; checkpoints and checksums are passed over."""
    named = {name.removesuffix(".json"): content for name, content in files.items() if name.endswith(".json")}
    return tuple(_commit(int(name), content.decode()) for name, content in sorted(named.items()) if name.isdigit())


def states(commits: Iterable[Commit], version: int, present: Iterable[str]) -> dict[str, str]:
    """Tell what each data file is to a reader of `version`: "live", "removed", "unnamed", or "gone" when it is live and missing.

    Parameters
    ----------
    present
        The data files that are in the table's folder now.
    """
    there, live, known = set(present), dict[str, None](), set[str]()
    for commit in commits:
        known |= set(commit.added)
        if commit.version <= version:
            live = {name: None for name in (*live, *commit.added) if name not in commit.removed or name in commit.added}
    found = {name: "live" if name in there else "gone" for name in live}
    return found | {name: "removed" if name in known else "unnamed" for name in sorted(there - set(live))}


def page(commits: Iterable[Commit], version: int, present: Iterable[str], language: str) -> str:
    """Write one version as HTML: its actions, then every data file and what it is."""
    every = tuple(commits)
    commit = next(each for each in every if each.version == version)
    rows = {name: count for each in every for name, count in each.added.items()}
    actions = [f"<code>{kind}</code> {escape(_short(kind, action))}" for kind, action in commit.others if kind in _SHOWN]
    actions += [f"<code>remove</code> {escape(_file(name))}" for name in sorted(commit.removed)]
    actions += [f"<code>add</code> {escape(_file(name))} · {count} {_ROWS.to(language)}" for name, count in commit.added.items()]
    found = states(every, version, present)
    largest = max([1, *(rows.get(name, 0) for name in found)])
    bars = "".join(_bar(name, state, rows.get(name), largest, language) for name, state in found.items())
    live = sum(rows.get(name, 0) for name, state in found.items() if state in {"live", "gone"})
    title = f"{_VERSION.to(language)} {version} · {escape(commit.operation)} · {live} {_ROWS.to(language)}"
    lines = "".join(f"<div>{action}</div>" for action in actions)
    return f'<div style="font-family:sans-serif;max-width:60em"><b>{title}</b>{lines}<div style="margin-top:.6em">{bars}</div></div>'


def explorer(table: str, language: str | None = None) -> Any:
    """Give a slider over the versions of the Delta table at the URI `table`, as it is now.

    Parameters
    ----------
    language
        "en" or "pt-BR"; by default, the student's.
    """
    from ipywidgets import HTML, SelectionSlider, VBox

    from dataflow_kernels.checks.bench import landing_files
    from dataflow_kernels.environ import LabEnv
    from dataflow_kernels.lake import Lake

    env = LabEnv.from_environ()
    lake, tongue = Lake(env), language or env.language
    commits = read_commits(landing_files(f"{table}/_delta_log", lake.storage_options))
    present = [name for name in lake.files(table) if name.endswith(".parquet")]
    slider = SelectionSlider(options=[each.version for each in commits], value=commits[-1].version, description=_VERSION.to(tongue))
    shown = HTML(page(commits, slider.value, present, tongue))

    def show(change: Mapping[str, Any]) -> None:
        shown.value = page(commits, change["new"], present, tongue)

    slider.observe(show, "value")
    return VBox([slider, shown])


def _commit(version: int, text: str) -> Commit:
    actions = [pair for line in text.splitlines() if line for pair in json.loads(line).items()]
    added = {unquote(action["path"]): _rows(action) for kind, action in actions if kind == "add"}
    removed = frozenset(unquote(action["path"]) for kind, action in actions if kind == "remove")
    return Commit(version, added, removed, tuple(pair for pair in actions if pair[0] not in {"add", "remove"}))


def _rows(action: Mapping[str, Any]) -> int:
    return int(json.loads(action.get("stats") or "{}").get("numRecords", 0))


def _short(kind: str, action: Mapping[str, Any]) -> str:
    """Say the gist of an action: who did what, the columns, or simply what is in it."""
    if kind == "metaData":
        return ", ".join(f"{each['name']} {each['type']}" for each in json.loads(action["schemaString"])["fields"])[:_MOST_TEXT]
    if kind == "commitInfo":
        action = {name: action[name] for name in ("operation", "operationParameters", "readVersion") if name in action}
    return json.dumps(action, ensure_ascii=False)[:_MOST_TEXT]


def _bar(name: str, state: str, rows: int | None, largest: int, language: str) -> str:
    says, colour = _STATES[state]
    width = 4 + 120 * (rows or 0) // largest
    box = f'<span style="display:inline-block;height:.8em;width:{width}px;background:{colour}"></span>'
    count = "?" if rows is None else rows
    return f"<div>{box} <code>{escape(_file(name))}</code> · {count} {_ROWS.to(language)} · {escape(says.to(language))}</div>"


def _file(name: str) -> str:
    """Shorten a data file's name: its part number and the first characters of what makes it unique."""
    return name if len(name) <= 24 else f"{name[:20]}…"  # noqa: PLR2004 - what a line has room for
