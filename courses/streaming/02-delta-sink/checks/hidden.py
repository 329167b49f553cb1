"""What a submission is checked on after it was handed in: six properties of a sink, on events that nobody has seen.

Of the four files, one is read in `quiet` (`once`); of one the table's commit is refused at first (`refused`); of one the note in the
checkpoint is (`between`); of the last, messages are thrown away before they were read (`lost`). The quiet file goes to a second topic
as well (`alone`). Lines that two files have in common do not matter; damaged ones matter to `malformed` only.
"""

import json
from collections import Counter
from random import Random

from dataflow_hub.grading.cases import Case, hidden
from dataflow_hub.grading.scenario import Step
from dataflow_kernels.checks import Outcome, Text

TABLE, OTHER, CHECKPOINTS = "eventos", "outros", "checkpoints"
PLACE = {"partition": ("integer", "long"), "offset": ("long", "integer")}
COLUMNS = {**PLACE, "raw": ("string",), "evento_id": ("string",), "reason": ("string",)}
KEPT = 20  # messages of each partition that are left when the others are thrown away
READ = "4 · Challenge / Desafio"


def scenario(rng: Random, batches: dict[str, bytes]) -> list[Step]:
    """Send a file, run; kill the run before the table's commit and after it; a second topic; then lose messages."""
    quiet, refused, between, lost = rng.sample(sorted(batches), 4)
    number = rng.randrange(10**9)  # cases share a broker
    topic, other = f"eventos-{number}", f"outros-{number}"
    return [
        Step("prepare", {"topic": topic}),
        _publish(quiet, topic),
        _run(topic, TABLE),
        _publish(refused, topic),
        _run(topic, TABLE, fault="commit_refused", table=TABLE),
        _run(topic, TABLE),
        _publish(between, topic),
        _run(topic, TABLE, fault="writes_refused", table=f"{CHECKPOINTS}/{topic}/commits"),
        _run(topic, TABLE, snapshot="done"),
        Step("prepare", {"topic": other}),
        _publish(quiet, other),
        _run(other, OTHER, snapshot="other"),
        _publish(lost, topic),
        Step("forget", {"topic": topic, "keep": KEPT}),
        _run(topic, TABLE, snapshot="lost"),
    ]


def _publish(name: str, topic: str) -> Step:
    return Step("publish", {"file": f"{{landing}}/{name}", "topic": topic})


def _run(topic: str, into: str, **more: str) -> Step:
    return Step("run", {"topic": topic, "table": f"{{lake}}/{into}", "checkpoints": f"{{lake}}/{CHECKPOINTS}"}, **more)


@hidden("sink.once")
def once(case: Case) -> Outcome:
    """After three restarts, the events of the first file are there as often as they were sent, each with its own id and place."""
    file = _files(case)[0]
    missing, added = _compare(case, "done", TABLE, file)
    own = _own(case, file)
    rows = [row for row in _rows(case, "done", TABLE) if row[2] in own]
    wrong = sum(event != json.loads(raw)["evento_id"] for _, _, raw, event, _ in rows)
    twice = len(rows) - len({row[:2] for row in rows})
    return Outcome(
        score=0 if missing or added or wrong or twice else 1,
        expected=Text(
            "Each message once, however often the query was started, with its partition, its offset and its fields.",
            "Cada mensagem uma vez, por mais que a consulta seja iniciada, com sua partição, seu offset e seus campos.",
        ),
        found=_tally(missing, added, wrong, twice),
        hint=Text(
            "What does the query know of its last run, and where is that written?",
            "O que a consulta sabe da sua última execução, e onde isso está escrito?",
        ),
        read=READ,
    )


@hidden("sink.refused")
def refused(case: Case) -> Outcome:
    """The events whose first batch died before the table's commit are there once."""
    missing, added = _compare(case, "done", TABLE, _files(case)[1])
    return Outcome(
        score=0 if missing or added else 1,
        expected=Text(
            "A batch that died before the table's commit is done again, once.",
            "Um lote que morreu antes do commit da tabela é refeito, uma única vez.",
        ),
        found=_tally(missing, added),
        hint=Text("Which notes were there when it died?", "Que anotações existiam quando ela morreu?"),
        read="3 · Worked example / Exemplo resolvido",
    )


@hidden("sink.between")
def between(case: Case) -> Outcome:
    """The events whose batch died after the table's commit, before the checkpoint's note, are there once."""
    missing, added = _compare(case, "done", TABLE, _files(case)[2])
    return Outcome(
        score=0 if missing or added else 1,
        expected=Text(
            "A batch that died after the table's commit and before the checkpoint's is not written twice.",
            "Um lote que morreu depois do commit da tabela e antes do commit do checkpoint não é gravado em dobro.",
        ),
        found=_tally(missing, added),
        hint=Text(
            "How does the table know that it has this batch already? Look for `txn` in its log.",
            "Como a tabela sabe que já tem esse lote? Procure `txn` no log dela.",
        ),
        read="5 · Break it / Quebre",
    )


@hidden("sink.malformed")
def malformed(case: Case) -> Outcome:
    """Damaged messages are kept as they came and have a reason; whole ones have none. The first file is left to `once`."""
    rows = {(raw, bool(reason)) for _, _, raw, _, reason in _rows(case, "done", TABLE)}
    lines = {line for file in _files(case)[1:3] for line in case.lines[file]}
    damaged = {line for line in lines if not _is_event(line)}
    missing = sum((line, True) not in rows for line in damaged)
    mistaken = sum((line, True) in rows for line in lines - damaged)
    return Outcome(
        score=1 if damaged and not (missing or mistaken) else 0,
        expected=Text(
            "Damaged messages are in the table as they came, with a reason; events have none.",
            "Mensagens danificadas estão na tabela como vieram, com um motivo; eventos não têm motivo.",
        ),
        found=Text(
            f"{missing} of {len(damaged)} damaged messages are missing or have no reason; {mistaken} events have one.",
            f"{missing} de {len(damaged)} mensagens danificadas faltam ou não têm motivo; {mistaken} eventos têm um.",
        ),
        hint=Text(
            "Which of your steps lets go of a message that it does not understand?",
            "Qual dos seus passos larga uma mensagem que não entende?",
        ),
        read="2 · Guided exercise / Exercício guiado",
    )


@hidden("sink.alone")
def alone(case: Case) -> Outcome:
    """A second topic's query has a table of its own with all of its messages: its checkpoint is no other query's."""
    missing, added = _compare(case, "other", OTHER, _files(case)[0])
    return Outcome(
        score=0 if missing or added else 1,
        expected=Text(
            "The query of another topic, with the same folder for checkpoints, reads all of that topic.",
            "A consulta de outro tópico, com a mesma pasta de checkpoints, lê o tópico inteiro.",
        ),
        found=_tally(missing, added),
        hint=Text("Whose notes does the second query find?", "As anotações de quem a segunda consulta encontra?"),
        read=READ,
    )


@hidden("sink.lost")
def lost(case: Case) -> Outcome:
    """The run after messages were thrown away unread raises; the run before it had no reason to, and there was something to read."""
    runs = [index for index, step in enumerate(case.steps) if step.function == "run"]
    calm = next(index for index in runs if case.steps[index].snapshot == "done")
    earlier, last = case.call(calm), case.call(runs[-1])
    works = earlier is not None and not earlier.error and bool(_rows(case, "done", TABLE))
    return Outcome(
        score=1 if works and last is not None and last.error else 0,
        expected=Text(
            "When messages were thrown away before they were read, `run` raises an error.",
            "Quando mensagens são jogadas fora antes de serem lidas, `run` levanta um erro.",
        ),
        found=Text("It does.", "Levanta.") if works and last and last.error else Text("It goes on.", "Ela segue em frente."),
        hint=Text("Who would notice the hole in your table?", "Quem perceberia o buraco na sua tabela?"),
        read="6 · Break it / Quebre",
    )


def _files(case: Case) -> list[str]:
    """Name the files in the order in which they were first sent."""
    sent = (step.arguments["file"].rsplit("/", 1)[-1] for step in case.steps if step.function == "publish")
    return list(dict.fromkeys(sent))


def _is_event(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _own(case: Case, file: str) -> Counter:
    """Count the whole lines of a file that no other file has."""
    others = {line for each in case.lines if each != file for line in case.lines[each]}
    return Counter(line for line in case.lines[file] if line not in others and _is_event(line))


def _rows(case: Case, snapshot: str, table: str) -> list[tuple]:
    data = case.bench(snapshot).read(table, COLUMNS)
    return list(zip(*(data[name].to_pylist() for name in COLUMNS), strict=True))


def _compare(case: Case, snapshot: str, table: str, file: str) -> tuple[int, int]:
    """Count the events of a file that are missing and those that are too many."""
    own = _own(case, file)
    found = Counter(raw for _, _, raw, *_ in _rows(case, snapshot, table) if raw in own)
    return (own - found).total(), (found - own).total()


def _tally(missing: int, added: int, wrong: int = 0, twice: int = 0) -> Text:
    if not (missing or added or wrong or twice):
        return Text("They are.", "Estão.")
    return Text(
        f"{missing} events are missing, {added} are too many, {wrong} have another id, {twice} another's place.",
        f"Faltam {missing} eventos, {added} estão a mais, {wrong} têm outro id, {twice} estão no lugar de outro.",
    )
