"""What a submission is checked on after it was handed in: ten properties, on batches that nobody has seen, in any order.

The ledger says of each landed line what is wrong with it, so which rows are usable, and what they say, is known by construction.
Each property looks at its own part, so that one mistake costs its own marks and not all:

- `newest` at orders of which several versions landed, `accounting` and `quarantine` at all other rows;
- `refunds` at refunds; `amounts`, `regions`, `times` and `fields` at the values of the rows that are in Silver, whichever these are;
- `recovery` at the batch whose commit was refused, which the others leave out; `rerun` compares two moments.
"""

import io
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dataflow_hub.datagen import pools
from dataflow_hub.datagen.defects import Defect
from dataflow_hub.grading.cases import Case, hidden
from dataflow_hub.grading.scenario import Step
from dataflow_kernels.checks import Outcome, Text

SILVER, QUARANTINE = "silver/pedidos", "silver/quarantine"
VERSIONS = ("integer", "long", "short", "byte")
AMOUNTS = ("double", "float")
TIMES = ("timestamp", "timestamp_ntz")
KEY = {"pedido_id": ("string",), "versao": VERSIONS}
REGIONS = tuple(pools.REGIONS)
MOST_VERSIONS = 3  # of one order, in any data
LEAST = 25  # rows of each kind, so that a table with next to nothing in it does not look right
REASONS = (
    ("not_json", Defect.MALFORMED),
    ("bad_currency", Defect.MOEDA_MISSING | Defect.MOEDA_BAD),
    ("future_event", Defect.FUTURE),
    ("negative_amount", Defect.NEGATIVE_ERROR),
)


def scenario(rng: Random, batches: dict[str, bytes]) -> list[Step]:
    """Refine all batches in a random order, the empty one among them and one refused at first; then the first of them again."""
    filled = [name for name, content in batches.items() if _bronze(content)["raw"]]
    order = rng.sample(filled, len(filled))
    old_schema = [name for name in order[1:] if '"canal"' not in "".join(_bronze(batches[name])["raw"])]
    refused = rng.choice(old_schema)  # text amounts are in late batches only: these stay ordinary
    first = order[0]
    order.insert(rng.randint(0, len(order)), next(name for name in batches if name not in filled))
    steps = []
    for name in order:
        steps += [_refine(name, fault="commit_refused", table=SILVER)] if name == refused else []
        steps.append(_refine(name, snapshot="refined" if name == order[-1] else ""))
    return [*steps, _refine(first, snapshot="again")]


def _refine(name: str, **more: Any) -> Step:
    arguments = {"bronze": f"{{landing}}/{name}", "silver": f"{{lake}}/{SILVER}", "quarantine": f"{{lake}}/{QUARANTINE}"}
    return Step("refine_batch", arguments, **more)


@dataclass(frozen=True)
class Line:
    """One row of Bronze and the truth about it; `pedido_id` is empty for a broken line."""

    batch: str
    raw: str
    pedido_id: str
    versao: int
    cents: int
    instant: int
    region: str
    defects: int

    @property
    def reason(self) -> str | None:
        """Why it belongs in quarantine, if it does."""
        return next((reason for reason, defects in REASONS if self.defects & int(defects)), None)

    @property
    def version(self) -> tuple[str, int]:
        """What Silver knows it by."""
        return self.pedido_id, self.versao

    def has(self, defects: Defect) -> bool:
        """Whether any of `defects` was injected."""
        return bool(self.defects & int(defects))


@dataclass(frozen=True)
class Orders:
    """The rows of Bronze, sorted out: `single` are those of orders with one version, `several` the orders with more."""

    lines: list[Line]
    single: list[Line]
    several: dict[str, list[Line]]
    refused: str

    def ordinary(self, lines: list[Line]) -> list[Line]:
        """Leave out the orders that have a row in the batch whose commit was refused."""
        touched = {line.pedido_id for line in self.lines if line.batch == self.refused and line.pedido_id}
        return [line for line in lines if line.batch != self.refused and line.pedido_id not in touched]


@hidden("silver.accounting")
def accounting(case: Case) -> Outcome:
    """Each row of Bronze is in Silver or in quarantine, once, unless it was dropped for a newer or identical one; nothing else is."""
    orders, silver, held = _orders(case), _silver_keys(case), _held(case)
    rows = Counter(name for name, _ in silver.elements())
    checked = [line for line in orders.ordinary(orders.single) if not line.has(Defect.REFUND)]
    lost = {line.raw for line in checked if not (held[line.batch, line.raw] or _placed(line, silver))}
    twice = {line.pedido_id for line in checked if line.pedido_id and rows[line.pedido_id] > 1}
    landed = Counter((line.batch, line.raw) for line in orders.lines)
    known = {line.version for line in orders.lines}
    invented = sum(version not in known for version in silver) + sum(key not in landed for key in held)
    return Outcome(
        score=0 if lost or twice or invented else 1,
        expected=Text(
            "Bronze = Silver + quarantine + rows dropped for a newer or identical one.",
            "Bronze = Silver + quarentena + linhas descartadas por outra mais nova ou idêntica.",
        ),
        found=Text(
            f"{len(lost)} rows are in neither table, {len(twice)} orders are in Silver more than once, "
            f"{invented} rows are not from Bronze.",
            f"{len(lost)} linhas não estão em nenhuma das tabelas, {len(twice)} pedidos aparecem mais de uma vez na Silver, "
            f"{invented} linhas não vêm da Bronze.",
        ),
        hint=Text(
            "Count in your own data: rows of Bronze, distinct orders, rows in quarantine. Which rows are in neither table?",
            "Conte nos seus próprios dados: linhas da Bronze, pedidos distintos, linhas em quarentena. Quais não estão em nenhuma tabela?",
        ),
        read="4 · Challenge / Desafio",
    )


@hidden("silver.quarantine")
def quarantine(case: Case) -> Outcome:
    """The unusable rows are in quarantine for the first reason that applies, and no usable row is."""
    orders, silver, held = _orders(case), _silver_keys(case), _held(case)
    checked = [line for line in orders.lines if line.batch != orders.refused and not line.has(Defect.VALOR_TEXT)]
    unusable = [line for line in checked if line.reason]
    passed = sum(not held[line.batch, line.raw] and _placed(line, silver) for line in unusable)
    mistaken = sum(bool(held[line.batch, line.raw]) and held[line.batch, line.raw] != {line.reason} for line in unusable)
    usable = sum(bool(held[line.batch, line.raw]) for line in checked if not line.reason and not line.has(Defect.REFUND))
    there = sum(bool(held[line.batch, line.raw]) for line in unusable)
    return Outcome(
        score=0 if passed or mistaken or usable or there < LEAST else 1,
        expected=Text(
            "The unusable rows are in quarantine, each with the first reason that applies; usable rows are not.",
            "As linhas inutilizáveis estão em quarentena, cada uma com o primeiro motivo que se aplica; as utilizáveis, não.",
        ),
        found=Text(
            f"{there} of {len(unusable)} are in quarantine, {mistaken} of them with another reason; {passed} passed for usable; "
            f"{usable} usable rows are in quarantine.",
            f"{there} de {len(unusable)} estão em quarentena, {mistaken} delas com outro motivo; {passed} passaram por utilizáveis; "
            f"{usable} linhas utilizáveis estão em quarentena.",
        ),
        hint=Text(
            "Go through the table of reasons from the top; what of a missing `moeda`, of `R$`, of a null `observacao`?",
            "Percorra a tabela de motivos de cima para baixo; e uma `moeda` ausente, e `R$`, e uma `observacao` nula?",
        ),
        read="4 · Challenge / Desafio",
    )


@hidden("silver.amounts")
def amounts(case: Case) -> Outcome:
    """The amounts in Silver add up to the ledger's, to the cent; their signs are looked at elsewhere."""
    orders, held = _orders(case), _held(case)
    found = _values(case, orders, "valor")
    wrong = sum(_cents(value) != abs(line.cents) for line, value in found)
    in_text = [line for line in orders.lines if line.has(Defect.VALOR_TEXT) and not line.has(Defect.REFUND) and not line.reason]
    wrong += sum(bool(held[line.batch, line.raw]) for line in in_text)
    few = _few(found, lambda line: line.has(Defect.VALOR_TEXT))
    return Outcome(
        score=0 if wrong or few else 1,
        expected=Text("The sum of valor is that of the orders, to 0.01.", "A soma de valor é a dos pedidos, até 0,01."),
        found=_wrong_rows(wrong, few),
        hint=Text(
            "Which of your amounts are null, or a hundred times too big? What did their text look like?",
            "Quais dos seus valores são nulos, ou cem vezes maiores? Como era o texto deles?",
        ),
        read="2 · Worked example / Exemplo resolvido",
    )


@hidden("silver.refunds")
def refunds(case: Case) -> Outcome:
    """Refunds are in Silver, below zero."""
    orders = _orders(case)
    signs = {line.version: _negative(value) for line, value in _values(case, orders, "valor")}
    awkward = Defect.VALOR_TEXT | Defect.CATEGORIA_NULL
    wanted = [line for line in orders.ordinary(orders.single) if line.has(Defect.REFUND) and not line.reason and not line.has(awkward)]
    missing = sum(line.version not in signs for line in wanted)
    positive = sum(signs.get(line.version) is False for line in wanted)
    return Outcome(
        score=0 if missing or positive else 1,
        expected=Text(
            "Refunds are orders too: they are in Silver, below zero.",
            "Estornos também são pedidos: estão na Silver, abaixo de zero.",
        ),
        found=Text(
            f"Of {len(wanted)} refunds, {missing} are not in Silver and {positive} are not negative.",
            f"De {len(wanted)} estornos, {missing} não estão na Silver e {positive} não são negativos.",
        ),
        hint=Text("What does your code do with an amount below zero?", "O que o seu código faz com um valor menor que zero?"),
        read="4 · Challenge / Desafio",
    )


@hidden("silver.regions")
def regions(case: Case) -> Outcome:
    """Each region has its one name, composed."""
    found = _values(case, _orders(case), "regiao")
    wrong = sum(value != line.region for line, value in found)
    few = _few(found, lambda line: line.has(Defect.REGION_SPELLING)) or _few(found, lambda line: line.has(Defect.REGION_DECOMPOSED), 10)
    return Outcome(
        score=0 if wrong or few else 1,
        expected=Text("Eight regions, each with one spelling, in NFC.", "Oito regiões, cada uma com uma só grafia, em NFC."),
        found=_wrong_rows(wrong, few),
        hint=Text(
            "How many different regions are in your table? Is one of them null, or two of them alike?",
            "Quantas regiões diferentes há na sua tabela? Alguma é nula, ou duas são iguais na aparência?",
        ),
        read="2 · Worked example / Exemplo resolvido",
    )


@hidden("silver.times")
def times(case: Case) -> Outcome:
    """Each event has its instant, whether its line was in UTC or in local time."""
    found = _values(case, _orders(case), "ts_evento")
    wrong = sum(value != line.instant * 1_000_000 for line, value in found)
    few = _few(found, lambda line: line.has(Defect.ZONE_UTC))
    return Outcome(
        score=0 if wrong or few else 1,
        expected=Text("ts_evento is the instant of the event.", "ts_evento é o instante do evento."),
        found=_wrong_rows(wrong, few),
        hint=Text(
            "What does your code do with the `Z` or the `-03:00` at the end?",
            "O que o seu código faz com o `Z` ou o `-03:00` do final?",
        ),
        read="3 · Guided exercise / Exercício guiado",
    )


@hidden("silver.fields")
def fields(case: Case) -> Outcome:
    """What needs no rule is as it landed, null included."""
    names = ("cliente_id", "produto_id", "categoria", "canal", "moeda")
    orders = _orders(case)
    wrong = few = 0
    for name in names:
        found = _values(case, orders, name)
        wrong += sum(value != json.loads(line.raw).get(name) for line, value in found)
        few = few or len(found) < LEAST
    return Outcome(
        score=0 if wrong or few else 1,
        expected=Text(
            "cliente_id, produto_id, categoria, canal and moeda as they landed; null stays null.",
            "cliente_id, produto_id, categoria, canal e moeda como chegaram; nulo continua nulo.",
        ),
        found=_wrong_rows(wrong, bool(few)),
        hint=Text("Silver does not guess: which value did you make up?", "A Silver não adivinha: que valor você inventou?"),
        read="4 · Challenge / Desafio",
    )


@hidden("silver.newest")
def newest(case: Case) -> Outcome:
    """Of an order with several versions, Silver has one row: the newest usable version. No unusable one vanished."""
    orders, silver, held = _orders(case), _silver_keys(case), _held(case)
    awkward = Defect.REFUND | Defect.VALOR_TEXT | Defect.CATEGORIA_NULL
    older = missing = twice = gone = looked_at = 0
    for lines in orders.several.values():
        if len(orders.ordinary(lines)) < len(lines) or any(line.has(awkward) for line in lines):
            continue
        gone += sum(bool(line.reason) and not held[line.batch, line.raw] and not _placed(line, silver) for line in lines)
        usable = [line for line in lines if not line.reason]
        found = [line.versao for line in {line.version: line for line in lines}.values() for _ in range(silver[line.version])]
        unusable = {line.versao for line in lines} - {line.versao for line in usable}
        if not usable or unusable & set(found):
            continue  # that an unusable row got through costs elsewhere
        looked_at += 1
        older += bool(found) and found[0] != max(line.versao for line in usable)
        missing += not found
        twice += len(found) > 1
    return Outcome(
        score=0 if older or missing or twice or gone or not looked_at else 1,
        expected=Text(
            "One row for each order, with its newest usable version, in whatever order the batches came.",
            "Uma linha para cada pedido, com a versão utilizável mais nova, seja qual for a ordem em que os lotes vieram.",
        ),
        found=Text(
            f"Of {looked_at} orders with several versions, {older} have an older one, {missing} have none, {twice} have more than one row; "
            f"{gone} unusable versions are nowhere.",
            f"De {looked_at} pedidos com várias versões, {older} têm uma mais velha, {missing} não têm nenhuma, "
            f"{twice} têm mais de uma linha; {gone} versões inutilizáveis não estão em lugar nenhum.",
        ),
        hint=Text(
            "What decides in your code: `versao`, or who comes last? And what if the newest version has a reason?",
            "O que decide no seu código: `versao`, ou quem chega por último? E se a versão mais nova tiver um motivo?",
        ),
        read="4 · Challenge / Desafio",
    )


@hidden("silver.rerun")
def rerun(case: Case) -> Outcome:
    """Refining the first batch again changes no row of either table."""
    before, after = (_content(case, moment) for moment in ("refined", "again"))
    added, removed = (after - before).total(), (before - after).total()
    empty = len({table for table, *_ in before}) < 2
    found = Text(
        f"The second run added {added} rows and removed {removed}.",
        f"A segunda execução acrescentou {added} linhas e removeu {removed}.",
    )
    nothing = Text("There was nothing to repeat: a table is empty.", "Não havia o que repetir: uma das tabelas está vazia.")
    return Outcome(
        score=0 if added or removed or empty else 1,
        expected=Text(
            "Refining a batch again leaves both tables as they were.",
            "Refinar um lote de novo deixa as duas tabelas como estavam.",
        ),
        found=nothing if empty else found,
        hint=Text(
            "What happens to a row that is already there, in each of the two tables?",
            "O que acontece com uma linha que já está lá, em cada uma das duas tabelas?",
        ),
        read="5 · Break it / Quebre",
    )


@hidden("silver.recovery")
def recovery(case: Case) -> Outcome:
    """The batch whose commit to Silver was refused is complete in both tables after its second run, and once."""
    orders, silver, held = _orders(case), _silver_keys(case), _held(case)
    touched = {line.pedido_id for line in orders.lines if line.batch != orders.refused}
    awkward = Defect.REFUND | Defect.VALOR_TEXT | Defect.CATEGORIA_NULL | Defect.MALFORMED
    lines = [line for line in orders.single if line.batch == orders.refused and line.pedido_id not in touched and not line.has(awkward)]
    missing = sum(not (held[line.batch, line.raw] or silver[line.version]) for line in lines)
    landed = Counter((line.batch, line.raw) for line in lines)
    rows = _held_rows(case)
    twice = sum(max(0, rows[key] - count) for key, count in landed.items()) + sum(silver[line.version] > 1 for line in lines)
    return Outcome(
        score=0 if missing or twice or not lines else 1,
        expected=Text(
            "After a run that died between the two writes, running the batch again completes both tables.",
            "Depois de uma execução que morreu entre as duas escritas, executar o lote de novo completa as duas tabelas.",
        ),
        found=Text(
            f"Of {len(lines)} rows, {missing} are in neither table; {twice} are there too often.",
            f"De {len(lines)} linhas, {missing} não estão em nenhuma das tabelas; {twice} aparecem vezes demais.",
        ),
        hint=Text(
            "Does the first write make your function believe that all is done?",
            "A primeira escrita faz a sua função acreditar que está tudo pronto?",
        ),
        read="5 · Break it / Quebre",
    )


def _bronze(content: bytes) -> dict[str, list[str]]:
    columns: dict[str, list[str]] = pq.read_table(io.BytesIO(content), columns=["raw", "batch"]).to_pydict()
    return columns


def _orders(case: Case) -> Orders:
    """Join the rows of Bronze with what the ledger knows about them."""
    ledger = case.ledger
    rows = [(raw, batch) for content in case.batches.values() for raw, batch in zip(*_bronze(content).values(), strict=True)]
    truth = zip(*(getattr(ledger, name).tolist() for name in ("order", "version", "cents", "instant", "region", "defects")), strict=True)
    lines = [
        Line(batch, raw, f"A{order:08d}" if order >= 0 else "", version, cents, instant, REGIONS[region], defects)
        for (raw, batch), (order, version, cents, instant, region, defects) in zip(rows, truth, strict=True)
    ]
    of_order = defaultdict(list)
    for line in lines:
        of_order[line.pedido_id].append(line)
    several = {name: each for name, each in of_order.items() if name and len({line.versao for line in each}) > 1}
    refused = next(step.arguments["bronze"] for step in case.steps if step.fault).rsplit("/", 1)[-1].removesuffix(".parquet")
    return Orders(lines, [line for line in lines if line.pedido_id not in several], several, refused)


def _placed(line: Line, silver: Counter[tuple[str, int]]) -> bool:
    """Whether Silver has this version of the order, or a newer one that it gave way to."""
    return bool(line.pedido_id) and any(silver[line.pedido_id, versao] for versao in range(line.versao, MOST_VERSIONS + 1))


def _silver_keys(case: Case) -> Counter[tuple[str, int]]:
    """Count Silver's rows by order and version."""
    data = case.bench("refined").read(SILVER, KEY)
    return Counter(zip(data["pedido_id"].to_pylist(), data["versao"].to_pylist(), strict=True))


def _held_rows(case: Case) -> Counter[tuple[str, str]]:
    """Count the rows in quarantine by batch and line."""
    data = case.bench("refined").read(QUARANTINE, {"batch": ("string",), "raw": ("string",)})
    return Counter(zip(data["batch"].to_pylist(), data["raw"].to_pylist(), strict=True))


def _held(case: Case) -> Mapping[tuple[str, str], set[str]]:
    """Give the reasons in quarantine by batch and line."""
    data = case.bench("refined").read(QUARANTINE, {"batch": ("string",), "raw": ("string",), "reason": ("string",)})
    reasons: dict[tuple[str, str], set[str]] = defaultdict(set)
    for batch, raw, reason in zip(*(data[name].to_pylist() for name in ("batch", "raw", "reason")), strict=True):
        reasons[batch, raw].add(reason)
    return reasons


def _values(case: Case, orders: Orders, column: str) -> list[tuple[Line, Any]]:
    """Give one column of the rows in Silver that are usable rows of Bronze, each with the line that it is."""
    usable = {line.version: line for line in orders.lines if not line.reason}
    bench = case.bench("refined")
    data = bench.read(SILVER, {**KEY, column: _accepted(bench.types(SILVER).get(column, ""), column)})
    rows = zip(data["pedido_id"].to_pylist(), data["versao"].to_pylist(), _plain(data[column]), strict=True)
    return [(usable[order, version], value) for order, version, value in rows if (order, version) in usable]


def _accepted(found: str, column: str) -> tuple[str, ...]:
    """Name the types that can hold a column's values, the one that the task asks for first."""
    if column == "valor":
        return ("decimal(12,2)", *AMOUNTS, *([found] if found.startswith("decimal(") else []))
    return {"ts_evento": TIMES, "versao": VERSIONS}.get(column, ("string",))


def _plain(column: Any) -> list[Any]:
    """Give a column's values; times in microseconds since 1970, so that none is out of Python's range."""
    return (column.cast(pa.timestamp("us", column.type.tz)).cast("int64") if pa.types.is_timestamp(column.type) else column).to_pylist()


def _cents(value: Any) -> int | None:
    try:
        return round(abs(value) * 100)
    except (TypeError, ValueError, ArithmeticError):
        return None


def _negative(value: Any) -> bool:
    return value is not None and value < 0


def _few(found: list[tuple[Line, Any]], kind: Callable[[Line], bool], least: int = LEAST) -> bool:
    """Tell whether hardly any row is of a kind, or hardly any is not."""
    of_kind = sum(kind(line) for line, _ in found)
    return of_kind < least or len(found) - of_kind < least


def _wrong_rows(wrong: int, few: bool) -> Text:
    if few and not wrong:
        return Text("There are hardly any rows to look at.", "Quase não há linhas para examinar.")
    return Text(f"{wrong} rows say something else.", f"{wrong} linhas dizem outra coisa.")


def _content(case: Case, moment: str) -> Counter[tuple[str, ...]]:
    """Count the rows of both tables by what they say; which batch an identical row came from does not matter."""
    bench = case.bench(moment)
    types = bench.types(SILVER)
    columns = {name: _accepted(types[name], name) for name in _CONTRACT if name in types}
    found = Counter({("silver", *row): count for row, count in _texts(bench.read(SILVER, columns)).items()})
    return found + Counter(
        {("quarantine", *row): count for row, count in _texts(bench.read(QUARANTINE, dict.fromkeys(_HELD, ("string",)))).items()}
    )


_CONTRACT = ("pedido_id", "versao", "cliente_id", "produto_id", "categoria", "regiao", "valor", "moeda", "canal", "ts_evento")
_HELD = ("batch", "raw", "reason")


def _texts(data: Any) -> Counter[tuple[str, ...]]:
    return Counter(tuple(map(str, row)) for row in zip(*(_plain(data[name]) for name in data.column_names), strict=True))
