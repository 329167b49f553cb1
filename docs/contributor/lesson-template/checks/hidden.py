"""What is checked after submission, on data that nobody has seen. This file never leaves the operator's side."""

import random
from collections.abc import Mapping

from dataflow_hub.grading.cases import Case, Step, hidden
from dataflow_kernels.checks import Outcome, Text

TABLE = "counts"
COLUMNS = {"file": ("string",), "lines": ("long", "integer")}


def scenario(rng: random.Random, batches: Mapping[str, bytes]) -> list[Step]:
    """Count twice, with a copy of the table after each time."""
    del rng, batches
    arguments = {"landing": "{landing}", "table": "{lake}/counts"}
    return [Step("count_lines", arguments, snapshot="once"), Step("count_lines", arguments, snapshot="twice")]


@hidden("counts.lines")
def lines(case: Case) -> Outcome:
    """Each file that has lines is there with as many as landed."""
    found = _counts(case, "once")
    wrong = [name for name in case.batches if case.lines[name] and found.get(name) != len(case.lines[name])]
    return Outcome(
        score=0 if wrong else 1,
        expected=Text("Each file with as many lines as landed.", "Cada arquivo com tantas linhas quantas chegaram."),
        found=Text(f"{len(wrong)} of {len(case.batches)} files differ.", f"{len(wrong)} de {len(case.batches)} arquivos diferem."),
        hint=Text("Do you count lines, or what can be read of them?", "Você conta linhas ou o que se consegue ler delas?"),
        read="2 · Challenge / Desafio",
    )


@hidden("counts.empty")
def empty(case: Case) -> Outcome:
    """The file without lines is there with 0."""
    found = _counts(case, "once")
    fine = all(found.get(name) == 0 for name in case.ledger.empty_batches)
    return Outcome(
        score=1 if fine else 0,
        expected=Text("A file without lines has a row, with 0.", "Um arquivo sem linhas tem a sua linha, com 0."),
        found=Text("It does.", "Tem.") if fine else Text("It has none.", "Não tem."),
        hint=Text("Try a file of 0 bytes.", "Experimente um arquivo de 0 bytes."),
        read="2 · Challenge / Desafio",
    )


@hidden("counts.rerun")
def rerun(case: Case) -> Outcome:
    """The second run leaves the rows of the first, of which there are some."""
    once, twice = _rows(case, "once"), _rows(case, "twice")
    return Outcome(
        score=1 if once and once == twice else 0,
        expected=Text("A second run leaves the table as it was.", "Uma segunda execução deixa a tabela como estava."),
        found=Text(f"{len(once)} rows, then {len(twice)}.", f"{len(once)} linhas, depois {len(twice)}."),
        hint=Text("Which mode do you write in?", "Em que modo você grava?"),
        read="3 · Break it / Quebre",
    )


def _rows(case: Case, snapshot: str) -> list[tuple[str, int]]:
    table = case.bench(snapshot).read(TABLE, COLUMNS)
    return sorted(zip(table["file"].to_pylist(), table["lines"].to_pylist(), strict=True), key=repr)


def _counts(case: Case, snapshot: str) -> dict[str, int]:
    return dict(_rows(case, snapshot))
