"""What a submission is checked on after it was handed in: six properties of a producer and a consumer, on events that nobody has seen.

Each of the four files has its part. The `quiet` ones are published and read without a fault: keys, order, receipts and replay look
at them. One is published while the broker is `away`: `restart`. One is read by a consumer whose table refuses the commit, and which is
then started again: `resume`. Lines that two files have in common, and damaged ones, matter to `keys` only.
"""

import json
from collections import Counter, defaultdict
from random import Random

from dataflow_hub.grading.cases import Case, hidden
from dataflow_hub.grading.scenario import Step
from dataflow_kernels.checks import Outcome, Text

EVENTS, RECEIPTS = "events", "receipts"
PLACE = {"partition": ("integer", "long", "short"), "offset": ("long", "integer")}
COLUMNS = {**PLACE, "key": ("string",), "value": ("string",)}
AWAY_SECONDS = 2.0


def scenario(rng: Random, batches: dict[str, bytes]) -> list[Step]:
    """Publish and read, with a killed broker, a refused commit and a rewound group on the way."""
    quiet, other, away, refused = rng.sample(sorted(batches), 4)
    number = rng.randrange(10**9)  # cases share a broker
    topic, group = f"eventos-{number}", f"leitor-{number}"
    read = {"topic": topic, "group": group, "table": f"{{lake}}/{EVENTS}"}
    return [
        Step("prepare", {"topic": topic}),
        _publish(quiet, topic),
        _publish(other, topic),
        Step("consume", read),  # what nobody acknowledged has arrived by now as well: only the next file is about the broker
        Step("kill_broker", {"away_seconds": AWAY_SECONDS}),
        _publish(away, topic),
        Step("consume", read),
        _publish(refused, topic),
        Step("consume", read, fault="commit_refused", table=EVENTS),
        Step("consume", read, snapshot="done"),
        Step("rewind", {"group": group, "topic": topic}),
        Step("consume", read, snapshot="replayed"),
    ]


def _publish(name: str, topic: str) -> Step:
    return Step("publish", {"file": f"{{landing}}/{name}", "topic": topic, "receipts": f"{{lake}}/{RECEIPTS}"})


@hidden("events.keys")
def keys(case: Case) -> Outcome:
    """The quiet files' lines are all there, damaged ones included, each with its order's id as its key, or with none."""
    rows = {(name, value) for _, _, name, value in _rows(case, "done")}
    expected = {(_key(line), line) for file in _files(case)[:2] for line in _lines(case, file)}
    wrong = len(expected - rows)
    return Outcome(
        score=0 if wrong else 1,
        expected=Text(
            "Every line is a message with its order's id as the key; a damaged line is one without a key.",
            "Cada linha é uma mensagem com o id do pedido como chave; uma linha danificada é uma mensagem sem chave.",
        ),
        found=Text(f"{wrong} of {len(expected)} lines are not.", f"{wrong} de {len(expected)} linhas não são."),
        hint=Text(
            "What must stay in order? That is the key. What has none is published all the same.",
            "O que precisa ficar em ordem? Essa é a chave. O que não tem chave é publicado do mesmo jeito.",
        ),
        read="3 · Guided exercise / Exercício guiado",
    )


@hidden("events.order")
def order(case: Case) -> Outcome:
    """The messages of each key are in one partition, in the order of the quiet file."""
    lines = [line for line in _lines(case, _files(case)[0]) if _key(line)]
    mine, expected, found = set(lines), defaultdict(list), defaultdict(list)
    for line in lines:
        expected[_key(line)].append(line)
    for partition, _, name, value in sorted(_rows(case, "done"), key=lambda row: row[:2]):
        if value in mine:
            found[name, partition].append(value)
    homes = Counter(name for name, _ in found)
    alone = {name: values for (name, _), values in found.items() if homes[name] == 1}
    # a copy of a line may be in the next file as well: what was sent first is what counts
    wrong = sum(alone.get(name, [])[: len(values)] != values for name, values in expected.items())
    return Outcome(
        score=0 if wrong else 1,
        expected=Text(
            "The events of an order are in one partition, and there in the order in which they were published.",
            "Os eventos de um pedido estão em uma só partição, e ali na ordem em que foram publicados.",
        ),
        found=Text(f"{wrong} of {len(expected)} orders are not.", f"{wrong} de {len(expected)} pedidos não estão."),
        hint=Text(
            "Follow one order in the viewer of section 2. Who chooses its partition?",
            "Siga um pedido no visualizador da seção 2. Quem escolhe a partição dele?",
        ),
        read="2 · Worked example / Exemplo resolvido",
    )


@hidden("events.restart")
def restart(case: Case) -> Outcome:
    """The events that were published while the broker was away are there, each as often as it was sent."""
    missing, added = _compare(case, _files(case)[2])
    return Outcome(
        score=0 if missing or added else 1,
        expected=Text(
            "Everything that was published while the broker was away for some seconds is in the topic once it is back.",
            "Tudo o que foi publicado enquanto o broker esteve fora por alguns segundos está no tópico quando ele volta.",
        ),
        found=_tally(missing, added),
        hint=Text(
            "When may `publish` return? What does it know at that moment?",
            "Quando `publish` pode retornar? O que ela sabe nesse momento?",
        ),
        read="4 · Challenge / Desafio",
    )


@hidden("events.receipts")
def receipts(case: Case) -> Outcome:
    """Each message of the quiet file has one receipt; there are no more receipts than messages."""
    table = case.bench("done").read(RECEIPTS, PLACE)
    found = Counter(zip(table["partition"].to_pylist(), table["offset"].to_pylist(), strict=True))
    own = set(_own(case, _files(case)[0]))
    places = [(partition, offset) for partition, offset, _, value in _rows(case, "done") if value in own]
    wrong = sum(found[place] != 1 for place in set(places))
    most = sum(len(case.lines[file]) for file in _files(case))
    fine = bool(places) and not wrong and found.total() <= most
    return Outcome(
        score=1 if fine else 0,
        expected=Text(
            "One receipt for each message, with the partition and the offset that the broker acknowledged.",
            "Um recibo para cada mensagem, com a partição e o offset que o broker confirmou.",
        ),
        found=Text(
            f"{wrong} of {len(set(places))} messages have none, or several; {found.total()} receipts in all.",
            f"{wrong} de {len(set(places))} mensagens não têm nenhum, ou têm vários; {found.total()} recibos ao todo.",
        ),
        hint=Text(
            "Who can say where a message ended up? Ask for the acknowledgement, and write down what it says.",
            "Quem pode dizer onde uma mensagem foi parar? Peça a confirmação e anote o que ela diz.",
        ),
        read="4 · Challenge / Desafio",
    )


@hidden("events.resume")
def resume(case: Case) -> Outcome:
    """The events whose first reading ended in a refused commit are there after the second, each as often as it was sent."""
    missing, added = _compare(case, _files(case)[3])
    return Outcome(
        score=0 if missing or added else 1,
        expected=Text(
            "A reader that died before its table was written reads the same messages again.",
            "Um leitor que morreu antes de gravar a tabela lê de novo as mesmas mensagens.",
        ),
        found=_tally(missing, added),
        hint=Text(
            "What did Kafka believe at the moment in which the write failed? Who had told it?",
            "No que o Kafka acreditava quando a gravação falhou? Quem lhe tinha dito isso?",
        ),
        read="5 · Challenge / Desafio",
    )


@hidden("events.replay")
def replay(case: Case) -> Outcome:
    """A group that was sent back to the beginning leaves the quiet file's rows as they were, no place twice."""
    own = set(_own(case, _files(case)[0]))
    before, after = (Counter(row for row in _rows(case, name) if row[-1] in own) for name in ("done", "replayed"))
    added, removed = (after - before).total(), (before - after).total()
    twice = sum(count - 1 for count in Counter(row[:2] for row in after.elements()).values())
    return Outcome(
        score=1 if before and not (added or removed or twice) else 0,
        expected=Text(
            "Reading everything again leaves the table as it was: each partition and offset once.",
            "Ler tudo de novo deixa a tabela como estava: cada partição e offset uma vez.",
        ),
        found=Text(
            f"{before.total()} rows before; {added} were added, {removed} removed, {twice} are there twice.",
            f"{before.total()} linhas antes; {added} foram acrescentadas, {removed} removidas, {twice} estão em dobro.",
        ),
        hint=Text(
            "What names a message for ever? Does your table know it already?",
            "O que identifica uma mensagem para sempre? A sua tabela já a conhece?",
        ),
        read="5 · Challenge / Desafio",
    )


def _files(case: Case) -> list[str]:
    """Name the files in the order in which they were published: two quiet ones, that of the killed broker, that of the refused commit."""
    return [step.arguments["file"].rsplit("/", 1)[-1] for step in case.steps if step.function == "publish"]


def _lines(case: Case, file: str) -> list[str]:
    return list(case.lines[file])


def _key(line: str) -> str | None:
    """Give the key that a line should have; None for a damaged one."""
    try:
        return str(json.loads(line)["pedido_id"])
    except ValueError:
        return None


def _own(case: Case, file: str) -> Counter:
    """Count the whole lines of a file that no other file has."""
    others = {line for each in case.lines if each != file for line in case.lines[each]}
    return Counter(line for line in _lines(case, file) if line not in others and _key(line))


def _rows(case: Case, snapshot: str) -> list[tuple]:
    """Give partition, offset, key and value of each row; -1 where a number is missing."""
    table = case.bench(snapshot).read(EVENTS, COLUMNS)
    rows = zip(*(table[name].to_pylist() for name in COLUMNS), strict=True)
    return [(-1 if part is None else part, -1 if offset is None else offset, name, value) for part, offset, name, value in rows]


def _compare(case: Case, file: str) -> tuple[int, int]:
    """Count the lines of a file that are missing and those that are too many."""
    own = _own(case, file)
    found = Counter(value for *_, value in _rows(case, "done") if value in own)
    return (own - found).total(), (found - own).total()


def _tally(missing: int, added: int) -> Text:
    if not missing and not added:
        return Text("It is.", "Está.")
    return Text(f"{missing} events are missing, {added} are too many.", f"Faltam {missing} eventos; há {added} a mais.")
