"""What a submission is checked on after it was handed in: five properties of a stream into two tables, on messages that nobody has seen.

The first file is read calmly; during the second and the third the writer dies at two named points each, and one more run follows.
Each property looks at its own part: `newest` at orders with several messages, `poison` at the unusable lines of the first file; the
others at orders with one message and at the unusable lines of the file during which the writer died: `before` at what is missing or
doubled in the second, `between` at what is missing from the third, `checkpoint` at what is doubled there.
"""

from collections import Counter
from random import Random

from dataflow_hub.datagen.changes import Change
from dataflow_hub.grading.cases import Case, hidden
from dataflow_hub.grading.scenario import Step
from dataflow_kernels.checks import Bench, Outcome, Text

PEDIDOS, LETTERS, CHECKPOINT = "pedidos", "dead_letters", "checkpoint"
PEDIDO = {"pedido_id": ("string",), "versao": ("long",), "status": ("string",), "valor": ("double",)}
LETTER = {"raw": ("string",), "why": ("string",)}
FIRST, SECOND, THIRD = range(3)
DEATHS = {
    FIRST: [],
    SECOND: [("writes_refused", f"{CHECKPOINT}/offsets"), ("writes_refused", PEDIDOS)],
    THIRD: [("commit_refused", LETTERS), ("writes_refused", f"{CHECKPOINT}/commits")],
}
READ, BREAK = "4 · Challenge / Desafio", "5 · Break it / Quebre"


def scenario(rng: Random, batches: dict[str, bytes]) -> list[Step]:
    """Deliver the files one by one, each with its deaths and a run that must repair them."""
    del rng
    tables = {"pedidos": f"{{lake}}/{PEDIDOS}", "dead_letters": f"{{lake}}/{LETTERS}"}
    places = {"inbox": "{lake}/inbox", **tables, "checkpoint": f"{{lake}}/{CHECKPOINT}"}
    steps = [Step("prepare", tables)]
    for number, name in enumerate(sorted(batches)):
        steps.append(Step("deliver", {"names": [name], "landing": "{landing}", "inbox": "{lake}/inbox"}))
        steps += [Step("run_stream", places, fault=fault, table=table) for fault, table in DEATHS[number]]  # type: ignore[arg-type]
        steps.append(Step("run_stream", places, snapshot=f"read_{number}"))
    return steps


@hidden("once.newest")
def newest(case: Case) -> Outcome:
    """Of each order with several messages there is one row, its newest version.

    A file of which no other order is there either costs elsewhere: its messages are left out.
    """
    rows = _pedidos(case, SECOND)
    read = {FIRST} | {each.file for each in case.ledger.messages if each.story == "plain" and each.key in rows}
    truth = {each.key: each for each in sorted(case.ledger.messages, key=_version) if not each.why and each.file in read}
    several = {each.key for each in truth.values() if each.story != "plain"}
    many = sum(rows.get(key, Counter()).total() != 1 for key in several)
    old = sum(rows.get(key, Counter())[_row(truth[key])] == 0 for key in several)
    return Outcome(
        score=0 if many or old else 1,
        expected=Text(
            f"{len(several)} orders with several messages, one row each: the largest version.",
            f"{len(several)} pedidos com várias mensagens, uma linha cada um: a maior versão.",
        ),
        found=Text(
            f"{many} of them have no row or more than one; {old} lack the newest version.",
            f"{many} deles não têm linha ou têm mais de uma; em {old} falta a versão mais nova.",
        ),
        hint=Text(
            "An order may occur twice in one batch, and an old version may come after a newer one.",
            "Um pedido pode aparecer duas vezes num lote, e uma versão antiga pode chegar depois de uma mais nova.",
        ),
        read=READ,
    )


@hidden("once.poison")
def poison(case: Case) -> Outcome:
    """The first file's unusable lines are put aside with their reasons, as often as they arrived; the others went through, they did not."""
    table = _bench(case, FIRST).read(LETTERS, LETTER)
    truth = Counter((text, each.why) for text, each in _lines(case, FIRST) if each.why)
    texts = {text for text, _ in truth}
    put = Counter(each for each in zip(table["raw"].to_pylist(), table["why"].to_pylist(), strict=True) if each[0] in texts)
    rows, good = _pedidos(case, FIRST), {each.key for each in case.ledger.messages if not each.why}
    mixed_in = sum(key not in good for key in rows)
    gone = sum(each.key not in rows for each in _plain(case, FIRST))
    missing, added = (truth - put).total(), (put - truth).total()
    return Outcome(
        score=0 if missing or added or mixed_in or gone else 1,
        expected=Text(
            f"{truth.total()} unusable lines put aside with their reason, all others in the other table.",
            f"{truth.total()} linhas que não servem à parte com a sua razão, todas as demais na outra tabela.",
        ),
        found=Text(
            f"{missing} are missing, {added} are too many or have another reason; {mixed_in} are among the orders, {gone} orders are gone.",
            f"Faltam {missing}, há {added} a mais ou com outra razão; {mixed_in} estão entre os pedidos, {gone} pedidos sumiram.",
        ),
        hint=Text(
            "What does your stream do with a line that it cannot read? The same text may arrive twice.",
            "O que o seu fluxo faz com uma linha que não consegue ler? O mesmo texto pode chegar duas vezes.",
        ),
        read="3 · Guided exercise / Exercício guiado",
    )


@hidden("once.before")
def before(case: Case) -> Outcome:
    """After deaths before the offsets and before the data of a table, one more run makes everything good."""
    lost, doubled, truth = _after_deaths(case, SECOND)
    return Outcome(
        score=0 if lost or doubled else 1,
        expected=_each_once(truth),
        found=_tally(lost, doubled),
        hint=Text(
            "The batch did not happen. Does your next run know that, for both tables?",
            "O lote não aconteceu. A sua próxima execução sabe disso, para as duas tabelas?",
        ),
        read=BREAK,
    )


@hidden("once.between")
def between(case: Case) -> Outcome:
    """After a death between the data of a table and its commit, nothing is missing."""
    lost, doubled, truth = _after_deaths(case, THIRD)
    return Outcome(
        score=0 if lost else 1,
        expected=_each_once(truth),
        found=_tally(lost, doubled),
        hint=Text(
            "One of your two tables refused its commit. Does your stream know that the batch is not done?",
            "Uma das suas duas tabelas recusou o commit. O seu fluxo sabe que o lote não está feito?",
        ),
        read=BREAK,
    )


@hidden("once.checkpoint")
def checkpoint(case: Case) -> Outcome:
    """After a death between the commits of the tables and the checkpoint's, the repeated batch adds nothing."""
    lost, doubled, truth = _after_deaths(case, THIRD)
    rows = _pedidos(case, THIRD)
    nothing = not any(each.key in rows for each in _plain(case, THIRD))
    return Outcome(
        score=0 if doubled or nothing else 1,
        expected=_each_once(truth),
        found=_tally(lost, doubled),
        hint=Text(
            "The same batch comes again with the same number. How does each of your tables recognise it?",
            "O mesmo lote vem de novo com o mesmo número. Como cada uma das suas tabelas o reconhece?",
        ),
        read=BREAK,
    )


def _after_deaths(case: Case, file: int) -> tuple[int, int, int]:
    """Count what is missing of a file and what is doubled, among so many orders with one message and unusable lines.

    Unusable lines count as missing only if those of the first file are there: who keeps none loses that once, in `poison`.
    """
    rows, letters = _pedidos(case, file), _letters(case, file)
    truth = _plain(case, file)
    lost = sum(rows.get(each.key, Counter())[_row(each)] == 0 for each in truth)
    doubled = sum(rows[each.key].total() > 1 for each in truth if each.key in rows)
    texts = Counter(text for text, each in _lines(case, file) if each.why)
    if any(letters[text] for text, each in _lines(case, FIRST) if each.why):
        lost += (texts - letters).total()
    doubled += sum(max(0, letters[text] - count) for text, count in texts.items())
    return lost, doubled, len(truth) + texts.total()


def _each_once(rows: int) -> Text:
    return Text(
        f"After one more run, the {rows} orders and dead letters of this file that are looked at, each once.",
        f"Depois de mais uma execução, os {rows} pedidos e mensagens rejeitadas deste arquivo que são examinados, cada um uma vez.",
    )


def _tally(lost: int, doubled: int) -> Text:
    return Text(f"{lost} are missing, {doubled} are there more than once.", f"Faltam {lost}; {doubled} estão lá mais de uma vez.")


def _bench(case: Case, file: int) -> Bench:
    """Give the lake as it was after the run that follows the deaths of one file."""
    return case.bench(f"read_{file}")


def _lines(case: Case, file: int) -> list[tuple[str, Change]]:
    """Give the lines of one file with the truth about each."""
    messages = [each for each in case.ledger.messages if each.file == file]
    return list(zip(case.lines[case.ledger.names[file]], messages, strict=True))


def _plain(case: Case, file: int) -> list[Change]:
    return [each for each in case.ledger.messages if each.file == file and each.story == "plain"]


def _version(change: Change) -> int:
    return change.version


def _row(change: Change) -> tuple[int, str, int]:
    return change.version, change.status, change.cents


def _pedidos(case: Case, file: int) -> dict[str | None, Counter]:
    """Count the rows of each order by version, status and cents, after one file."""
    table = _bench(case, file).read(PEDIDOS, PEDIDO)
    rows: dict[str | None, Counter] = {}
    for key, version, status, valor in zip(*(table[name].to_pylist() for name in PEDIDO), strict=True):
        rows.setdefault(key, Counter())[version, status, None if valor is None else round(valor * 100)] += 1
    return rows


def _letters(case: Case, file: int) -> Counter:
    return Counter(_bench(case, file).read(LETTERS, {"raw": LETTER["raw"]})["raw"].to_pylist())
