"""What a submission is checked on after it was handed in: nine properties, on a register that nobody has seen.

Each property looks at its own part, so that one mistake costs its own marks and not all:

- `scd2` at customers whose changes arrive in order, `late` at the others, and there at moments well inside each row;
- `rerun` at lines that land twice and at two moments; `whole` at who has a current row, in every version;
- `conflict` at the branches that come at the same moment, `crash` at the branch whose commit was refused;
- `asof`, `restore` and `travel` at a table that a function of the lesson makes, whose versions are known by number.
"""

from collections import Counter, defaultdict
from itertools import pairwise
from random import Random
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from dataflow_hub.datagen.cadastro import BATCHES, BRANCHES, HISTORY, ORDERS, Change
from dataflow_hub.grading.cases import Case, hidden
from dataflow_hub.grading.scenario import Step
from dataflow_kernels.checks import Outcome, Text

OWN, OLD_SYSTEM, IN_TIME = "silver/clientes", "silver/historico", "gold/pedidos_no_tempo"
LOADED, BROKEN = 0, 1  # the versions that `load_history` and `accident` make
MOST_FILES, MOST_VERSIONS = 2, 60
TIME, NUMBER = ("timestamp", "timestamp_ntz"), ("integer", "long", "short", "byte")
STATE = {"cliente_id": ("string",), "cidade": ("string",), "plano": ("string",), "is_current": ("boolean",)}
VALID = {**STATE, "valid_from": TIME, "valid_to": TIME}
EVERYTHING = {**VALID, "versao": NUMBER}
CHALLENGE = "4 · Challenge / Desafio"
_Row = tuple[str, str, int, int | None, bool]  # cidade, plano, valid_from, valid_to, is_current


def scenario(rng: Random, batches: dict[str, bytes]) -> list[Step]:
    """Break and mend the old history; then headquarters' files, a branch that is refused, two at once, and an old file again."""
    del batches
    alone, *together = rng.sample(BRANCHES, len(BRANCHES))
    old = [
        Step("load_history", {"file": _landed(HISTORY), "table": _lake(OLD_SYSTEM)}),
        Step("as_of_join", {"orders": _landed(ORDERS), "history": _lake(OLD_SYSTEM), "out": _lake(IN_TIME)}),
        Step("accident", {"table": _lake(OLD_SYSTEM)}),
        Step("undo", {"table": _lake(OLD_SYSTEM), "version": LOADED}, snapshot="undone"),
        Step("tidy", {"table": _lake(OLD_SYSTEM)}, snapshot="tidied"),
    ]
    own = [
        _apply(BATCHES[0], snapshot="before"),
        _apply(alone, fault="commit_refused", table=OWN, snapshot="refused"),
        _apply(alone),
        _apply(BATCHES[1]),
        _apply(together[0], beside=tuple(_arguments(name) for name in together[1:])),
        _apply(BATCHES[2], snapshot="done"),
        _apply(BATCHES[1], snapshot="again"),
    ]
    return [*old, *own]


def _lake(table: str) -> str:
    return f"{{lake}}/{table}"


def _landed(name: str) -> str:
    return f"{{landing}}/{name}"


def _arguments(name: str) -> dict[str, str]:
    return {"changes": _landed(name), "table": _lake(OWN)}


def _apply(name: str, **more: Any) -> Step:
    return Step("apply_changes", _arguments(name), **more)


@hidden("delta.scd2")
def scd2(case: Case) -> Outcome:
    """Customers whose changes arrive in order have exactly the rows of their history; equal neighbours count as one."""
    found, truth = _found(case, "done"), case.ledger.of_kind("steady")
    differ = sum(_joined(found[name]) != _joined(_rows(changes)) for name, changes in truth.items())
    gaps = sum(_gaps(found[name]) for name in truth)
    several = sum(sum(row[-1] for row in found[name]) != 1 for name in truth)
    return Outcome(
        score=0 if differ else 1,
        expected=Text(
            f"{len(truth)} customers, each with one current row, and rows that follow each other without gap or overlap.",
            f"{len(truth)} clientes, cada um com uma linha atual e linhas que se seguem sem intervalo vazio nem sobreposição.",
        ),
        found=Text(
            f"{differ} of them have another history; {gaps} gaps or overlaps; {several} without exactly one current row.",
            f"{differ} deles têm outro histórico; {gaps} intervalos vazios ou sobreposições; {several} sem exatamente uma linha atual.",
        ),
        hint=Text(
            "When one row ends at a moment, which row is valid at that moment? And what if one file tells of two changes?",
            "Quando uma linha termina num momento, que linha vale nesse momento? E se um arquivo traz duas mudanças?",
        ),
        read=CHALLENGE,
    )


@hidden("delta.late")
def late(case: Case) -> Outcome:
    """Customers with a change that arrived late: in the middle of each true row, the table has that row and no other."""
    found, truth = _found(case, "done"), case.ledger.of_kind("late")
    wrong = sum(_wrong_moments(found[name], _rows(changes)) for name, changes in truth.items())
    moments = sum(len(changes) for changes in truth.values())
    return Outcome(
        score=0 if wrong else 1,
        expected=Text(
            "A change that arrives late takes its place among the newer ones.",
            "Uma mudança que chega atrasada ocupa o seu lugar entre as mais novas.",
        ),
        found=Text(
            f"At {wrong} of {moments} moments the table says something else.",
            f"Em {wrong} de {moments} momentos a tabela diz outra coisa.",
        ),
        hint=Text(
            "What do you do with a change that is older than the current row? What if the newer one had seemed to change nothing?",
            "O que você faz com uma mudança mais velha que a linha atual? E se a mais nova parecia não mudar nada?",
        ),
        read=CHALLENGE,
    )


@hidden("delta.rerun")
def rerun(case: Case) -> Outcome:
    """An old file applied again changes nothing, and a line that lands in two files is one row."""
    before, after = _content(case, "done"), _content(case, "again")
    own = {(change.cliente_id, change.versao) for change in case.ledger.changes if change.batch == BATCHES[1]}
    there = {(name, versao) for name, *_, versao in before} & own
    found = _found(case, "done")
    echoes = sum(len(found[name]) > len(changes) for name, changes in case.ledger.of_kind("echo").items())
    added, removed = (after - before).total(), (before - after).total()
    return Outcome(
        score=0 if added or removed or echoes or not there else 1,
        expected=Text(
            "An older file applied again, or a line that lands in two files, changes nothing.",
            "Um arquivo mais velho aplicado de novo, ou uma linha que chega em dois arquivos, não muda nada.",
        ),
        found=Text("There was nothing to repeat: the file is not in the table.", "Não havia o que repetir: o arquivo não está na tabela.")
        if not there
        else Text(
            f"The second run added {added} rows and removed {removed}; {echoes} customers have a change twice.",
            f"A segunda execução acrescentou {added} linhas e removeu {removed}; {echoes} clientes têm uma mudança repetida.",
        ),
        hint=Text("What tells a change that is in the table already?", "O que permite reconhecer uma mudança que já está na tabela?"),
        read=CHALLENGE,
    )


@hidden("delta.whole")
def whole(case: Case) -> Outcome:
    """In every version, each customer that is there has one current row, and nobody who was there is gone."""
    bench, steady = case.bench("done"), set(case.ledger.of_kind("steady"))
    newest = bench.version(OWN)
    torn, seen = 0, set[str]()
    for version in range(max(0, newest - MOST_VERSIONS), newest + 1):
        table = bench.read(OWN, {name: STATE[name] for name in ("cliente_id", "is_current")}, version=version)
        current = Counter[str]()
        for name, mark in zip(table["cliente_id"].to_pylist(), table["is_current"].to_pylist(), strict=True):
            current[name] += bool(mark)
        torn += any(current[name] != 1 for name in steady & (seen | set(current)))
        seen |= set(current)
    return Outcome(
        score=0 if torn or not seen & steady else 1,
        expected=Text(
            "In every version that a reader may meet, each customer has exactly one current row.",
            "Em toda versão que um leitor possa encontrar, cada cliente tem exatamente uma linha atual.",
        ),
        found=Text(f"{torn} of {newest + 1} versions are not like that.", f"{torn} de {newest + 1} versões não estão assim."),
        hint=Text(
            "How many commits does one call make? What does a reader see between them?",
            "Quantos commits uma chamada faz? O que um leitor vê entre eles?",
        ),
        read=CHALLENGE,
    )


@hidden("delta.conflict")
def conflict(case: Case) -> Outcome:
    """Two branches at the same moment: no call fails, and each one's customers are there, once."""
    index, step = next((index, step) for index, step in enumerate(case.steps) if step.beside)
    files = {each["changes"].rsplit("/", 1)[-1] for each in (step.arguments, *step.beside)}
    missing, twice = _of_branches(case, files)
    call = case.call(index)
    failed = call is None or bool(call.error)
    return Outcome(
        score=0 if failed or missing or twice else 1,
        expected=Text(
            "Two files that are applied at the same moment are both in the table, once, and no call fails.",
            "Dois arquivos aplicados no mesmo momento estão ambos na tabela, uma vez, e nenhuma chamada falha.",
        ),
        found=Text(
            f"{missing} customers are missing, {twice} are there twice; {'a call' if failed else 'no call'} failed.",
            f"Faltam {missing} clientes, {twice} aparecem duas vezes; {'uma chamada falhou' if failed else 'nenhuma chamada falhou'}.",
        ),
        hint=Text(
            "After a refused commit, the work is still to be done. What has to be read again?",
            "Depois de um commit recusado, o trabalho ainda está por fazer. O que precisa ser lido de novo?",
        ),
        read="5 · Break it / Quebre",
    )


@hidden("delta.crash")
def crash(case: Case) -> Outcome:
    """A refused commit is loud and invisible, and its file lands whole when it is applied again."""
    index, step = next((index, step) for index, step in enumerate(case.steps) if step.fault)
    before, after = _content(case, "before"), _content(case, "refused")
    call = case.call(index)
    silent = call is not None and not call.error
    missing, twice = _of_branches(case, {step.arguments["changes"].rsplit("/", 1)[-1]})
    changed = (after - before).total() + (before - after).total()
    return Outcome(
        score=0 if silent or missing or twice or changed or not before else 1,
        expected=Text(
            "A call that cannot commit raises, no reader sees anything of it, and the next call makes it good.",
            "Uma chamada que não consegue fazer o commit levanta um erro, ninguém vê nada dela, e a chamada seguinte conserta tudo.",
        ),
        found=Text(
            f"{changed} rows changed under the refused commit, {'without' if silent else 'with'} an error; after the next call "
            f"{missing} customers are missing and {twice} are there twice.",
            f"{changed} linhas mudaram sob o commit recusado, {'sem' if silent else 'com'} erro; depois da chamada seguinte faltam "
            f"{missing} clientes e {twice} aparecem duas vezes.",
        ),
        hint=Text(
            "Which errors do you catch? What does your function note, and where, before it has committed?",
            "Que erros você captura? O que a sua função anota, e onde, antes de ter feito o commit?",
        ),
        read="5 · Break it / Quebre",
    )


@hidden("delta.asof")
def asof(case: Case) -> Outcome:
    """Each order of the five days once, with what was true in its second."""
    table = case.bench("undone").read(IN_TIME, {"pedido_id": ("string",), "cidade": ("string",), "plano": ("string",)})
    found = Counter(zip(*(table[name].to_pylist() for name in ("pedido_id", "cidade", "plano")), strict=True))
    truth = Counter((order.pedido_id, order.cidade, order.plano) for order in case.ledger.orders)
    missing, added = (truth - found).total(), (found - truth).total()
    return Outcome(
        score=0 if missing or added else 1,
        expected=Text(
            f"{truth.total()} orders of {len(case.ledger.dates)} days, each once, with city and plan as they were then.",
            f"{truth.total()} pedidos de {len(case.ledger.dates)} dias, cada um uma vez, com a cidade e o plano de então.",
        ),
        found=Text(f"{missing} of them are not there; {added} rows too many.", f"{missing} deles não estão lá; {added} linhas a mais."),
        hint=Text(
            "What about an order in the very second of a change? And one from before the first row?",
            "E um pedido no exato segundo de uma mudança? E um de antes da primeira linha?",
        ),
        read="3 · Guided exercise / Exercício guiado",
    )


@hidden("delta.restore")
def restore(case: Case) -> Outcome:
    """After `undo`, the newest version has the content of the one asked for, and it is a new version."""
    bench = case.bench("undone")
    truth = _old_system(case)
    found = _counted(bench.read(OLD_SYSTEM, VALID))
    newest = bench.version(OLD_SYSTEM)
    differ = (truth - found).total() + (found - truth).total()
    return Outcome(
        score=0 if differ or newest <= BROKEN else 1,
        expected=Text(
            f"The content of version {LOADED} to the last row, as a new version after {BROKEN}.",
            f"O conteúdo da versão {LOADED} até a última linha, como uma nova versão depois da {BROKEN}.",
        ),
        found=Text(f"Version {newest}; {differ} rows differ.", f"Versão {newest}; {differ} linhas diferem."),
        hint=Text("What is in the log after your `undo`?", "O que está no log depois do seu `undo`?"),
        read="2 · Guided exercise / Exercício guiado",
    )


@hidden("delta.travel")
def travel(case: Case) -> Outcome:
    """After `tidy`, the table has few files and its old versions can all be read, the accident's too."""
    bench, truth = case.bench("tidied"), _old_system(case)
    loaded, broken = (_counted(bench.read(OLD_SYSTEM, VALID, version=version)) for version in (LOADED, BROKEN))
    same = _counted(bench.read(OLD_SYSTEM, VALID)) == _counted(case.bench("undone").read(OLD_SYSTEM, VALID))
    files = len(DeltaTable(str(case.snapshots["tidied"] / OLD_SYSTEM)).file_uris())
    readable = loaded == truth and broken.total() == truth.total() and broken != truth
    call = next((call for call in case.calls if call.function == "tidy"), None)
    fine = readable and same and files <= MOST_FILES and call is not None and not call.error
    return Outcome(
        score=1 if fine else 0,
        expected=Text(
            f"At most {MOST_FILES} data files, the same content, and every older version as it was.",
            f"No máximo {MOST_FILES} arquivos de dados, o mesmo conteúdo e toda versão anterior como era.",
        ),
        found=Text(
            f"{files} files; the content is {'the same' if same else 'another'}; version {LOADED} has {loaded.total()} rows.",
            f"{files} arquivos; o conteúdo é {'o mesmo' if same else 'outro'}; a versão {LOADED} tem {loaded.total()} linhas.",
        ),
        hint=Text(
            "For how many hours do you keep the files of older versions?", "Por quantas horas você guarda os arquivos de versões antigas?"
        ),
        read="5 · Break it / Quebre",
    )


def _rows(changes: list[Change]) -> list[_Row]:
    """Give the rows that a customer's changes come to."""
    ends = [each.instant for each in changes[1:]] + [None]
    return [(each.cidade, each.plano, each.instant, end, end is None) for each, end in zip(changes, ends, strict=True)]


def _found(case: Case, snapshot: str) -> dict[str, list[_Row]]:
    """Give the rows of each customer in the order of their beginning."""
    found: dict[str, list[_Row]] = defaultdict(list)
    for name, *row in _table(case.bench(snapshot).read(OWN, VALID), VALID):
        found[name].append(_row(*row))
    return defaultdict(list, {name: sorted(rows, key=lambda row: (row[2], row[3] or 0)) for name, rows in found.items()})


def _row(cidade: str, plano: str, is_current: bool | None, valid_from: int | None, valid_to: int | None) -> _Row:
    return cidade, plano, valid_from or 0, valid_to, bool(is_current)


def _joined(rows: list[_Row]) -> list[_Row]:
    """Make one row of neighbours that say the same: whether a repetition has a row of its own is not looked at."""
    joined: list[_Row] = []
    for row in rows:
        before = joined[-1] if joined else None
        if before and before[:2] == row[:2] and before[3] == row[2] and not before[4]:
            joined[-1] = (*before[:3], *row[3:])
        else:
            joined.append(row)
    return joined


def _gaps(rows: list[_Row]) -> int:
    return sum(before[3] != after[2] for before, after in pairwise(rows))


def _wrong_moments(found: list[_Row], truth: list[_Row]) -> int:
    """Count the true rows in whose middle the table has no row, another one, or several."""
    middles = [(row, (row[2] + (row[3] or row[2] + 7_200)) // 2) for row in truth]
    valid = [(row, [each for each in found if each[2] <= when and (each[3] is None or when < each[3])]) for row, when in middles]
    return sum([each[:2] for each in there] != [row[:2]] for row, there in valid)


def _of_branches(case: Case, files: set[str]) -> tuple[int, int]:
    """Count the customers of some branches that are not in the table with their values, and those that are there twice."""
    found = _found(case, "done")
    truth = {name: changes[0] for name, changes in case.ledger.of_kind("branch").items() if changes[0].batch in files}
    missing = sum((change.cidade, change.plano) not in {row[:2] for row in found[name]} for name, change in truth.items())
    return missing, sum(len(found[name]) > 1 for name in truth)


def _old_system(case: Case) -> Counter[tuple[Any, ...]]:
    """Give the rows of the old system's history."""
    truth = case.ledger.of_kind("old").items()
    return Counter((name, cidade, plano, now, since, until) for name, all_ in truth for cidade, plano, since, until, now in _rows(all_))


def _content(case: Case, snapshot: str) -> Counter[tuple[Any, ...]]:
    return Counter(_table(case.bench(snapshot).read(OWN, EVERYTHING), EVERYTHING))


def _counted(data: Any) -> Counter[tuple[Any, ...]]:
    return Counter(_table(data, VALID))


def _table(data: Any, columns: Any) -> list[tuple[Any, ...]]:
    """Give a table's rows; times as whole seconds since 1970, so that none is out of Python's range."""
    return list(zip(*(_values(data[name]) for name in columns), strict=True))


def _values(column: Any) -> list[Any]:
    if not pa.types.is_timestamp(column.type):
        return list(column.to_pylist())
    moments = column.cast(pa.timestamp("us", column.type.tz)).cast("int64").to_pylist()
    return [None if moment is None else moment // 1_000_000 for moment in moments]
