"""What a submission is checked on after it was handed in: seven properties of the preparation, on orders that nobody has seen.

Each looks at its own part, so that one mistake costs its own marks: `split` at orders registered once, `once` at how often each order
is there and at those registered twice, `scaled` at three numbers that no second registration changes, measured against the rows
which the submission itself put into `train`; `encoded` at the regions, in the same way. `future` compares two `train` tables.
"""

from collections import Counter
from random import Random

import numpy as np

from dataflow_hub.datagen.entregas import FILES, TEST_FILES
from dataflow_hub.grading.cases import Case, hidden
from dataflow_hub.grading.scenario import Step
from dataflow_kernels.checks import ArtefactError, Outcome, Text

OUT, SHORTER = "prepared", "shorter"
KNOWN = ("distancia_km", "peso_kg", "valor", "fila_pedidos")
STEADY = ("peso_kg", "valor", "fila_pedidos")  # a second registration corrects the distance only
FLOATS = ("double", "float")
COLUMNS = ("pedido_id", "ts_pedido", "atrasou", *KNOWN, "regiao_atraso")
READ = "4 · Challenge / Desafio"


def scenario(rng: Random, batches: dict[str, bytes]) -> list[Step]:
    """Prepare all files, then the same past with one month of future less, then all once more in the same place."""
    names = sorted(batches)
    day = names[FILES - TEST_FILES].removeprefix("entregas-").removesuffix(".csv") + "-01"
    shorter = names[:-1]
    rng.shuffle(names)
    return [
        _prepare(names, day, OUT, snapshot="first"),
        _prepare(shorter, day, SHORTER),
        _prepare(names, day, OUT, snapshot="again"),
    ]


def _prepare(names: list[str], day: str, out: str, snapshot: str = "") -> Step:
    arguments = {"files": [f"{{landing}}/{name}" for name in names], "first_test_day": day, "out": f"{{lake}}/{out}"}
    return Step("prepare", arguments, snapshot=snapshot)


@hidden("prepare.split")
def split(case: Case) -> Outcome:
    """Orders from before the day are in train, the others in test; both have some."""
    ledger, place = case.ledger, _places(case)
    wrong = rows = 0
    for name in ("train", "test"):
        ids = [each for each in _ids(case, "first", f"{OUT}/{name}") if each in place]
        future = ledger.tested[[place[each] for each in ids]] if ids else np.zeros(0, dtype=bool)
        once = ~ledger.resent[[place[each] for each in ids]] if ids else future
        rows += len(ids)
        wrong += int(((future if name == "train" else ~future) & once).sum()) if ids else 1
    return Outcome(
        score=0 if wrong or not rows else 1,
        expected=Text(
            "Every order of train is older than every order of test.", "Todo pedido de train é mais antigo que todo pedido de test."
        ),
        found=Text(f"{wrong} orders are on the wrong side.", f"{wrong} pedidos estão do lado errado."),
        hint=Text(
            "What decides on which side an order is: when it was placed, or something else?",
            "O que decide o lado de um pedido: quando foi feito, ou outra coisa?",
        ),
        read=READ,
    )


@hidden("prepare.once")
def once(case: Case) -> Outcome:
    """Each order is in the two tables once in all; one that was registered twice has the distance of the first time."""
    ledger, place = case.ledger, _places(case)
    seen = Counter(each for name in ("train", "test") for each in _ids(case, "first", f"{OUT}/{name}"))
    wrong = sum(seen[each] != 1 for each in place) + sum(each not in place for each in seen)
    ids, values = _column(case, "distancia_km")
    order = np.array([place.get(each, -1) for each in ids], dtype=np.int64)
    true = np.where(order >= 0, ledger.numbers["distancia_km"][order], np.nan)
    train = np.arange(len(ids)) < len(_ids(case, "first", f"{OUT}/train"))  # where its orders are: test may have a scale of its own
    plain = train & (order >= 0) & ~ledger.resent[order] & ~np.isnan(true) & np.isfinite(values)
    again = (order >= 0) & ledger.resent[order] & np.isfinite(values)
    slope, base = _line(true[plain], values[plain])
    told = (values[again] - base) / slope if slope else np.zeros(int(again.sum()))
    corrected = int((np.abs(told - true[again]) > 0.2 * true[again]).sum())
    return Outcome(
        score=0 if wrong or corrected else 1,
        expected=Text(
            f"Each of the {len(place)} orders once, as it was registered first.",
            f"Cada um dos {len(place)} pedidos uma vez, como foi registrado primeiro.",
        ),
        found=Text(
            f"{wrong} orders are missing or there more than once; {corrected} have what was known only later.",
            f"{wrong} pedidos faltam ou aparecem mais de uma vez; {corrected} têm o que só se soube depois.",
        ),
        hint=Text(
            "An order can land in several files. Which of its rows was there when it was placed?",
            "Um pedido pode chegar em vários arquivos. Qual de suas linhas já existia quando ele foi feito?",
        ),
        read="1 · Meet the orders / Conheça os pedidos",
    )


@hidden("prepare.scaled")
def scaled(case: Case) -> Outcome:
    """Missing numbers are filled, and all are scaled, with what the rows of train say and nothing else."""
    wrong = sum(not _is_scaled(case, name) for name in STEADY)
    return Outcome(
        score=0 if wrong else 1,
        expected=Text(
            "Median, mean and standard deviation come from the rows of train, for both tables.",
            "Mediana, média e desvio padrão vêm das linhas de train, para as duas tabelas.",
        ),
        found=Text(f"{wrong} of {len(STEADY)} numbers are scaled otherwise.", f"{wrong} de {len(STEADY)} números estão em outra escala."),
        hint=Text(
            "Over which rows does each `mean()`, `std()` and `median()` of yours run? Fill first, then scale.",
            "Sobre que linhas roda cada `mean()`, `std()` e `median()` seu? Primeiro preencha, depois padronize.",
        ),
        read=READ,
    )


@hidden("prepare.encoded")
def encoded(case: Case) -> Outcome:
    """`regiao_atraso` is the region's share of late orders among the rows of train; an unknown region has the share of all of them."""
    ledger, place = case.ledger, _places(case)
    train = [place[each] for each in _ids(case, "first", f"{OUT}/train") if each in place]
    late, region = ledger.late[train], np.array([ledger.region[each] for each in train], dtype=object)
    ids, values = _column(case, "regiao_atraso")
    regions = np.array([ledger.region[place[each]] if each in place else "" for each in ids], dtype=object)
    off = []
    for name in sorted(set(ledger.region)):
        told, mine = values[regions == name], late[region == name] if train else late
        share = mine.mean() if len(mine) else late.mean() if len(late) else 0.0
        off.append(float(np.abs(told - share).max()) if len(told) and np.isfinite(told).all() else 1.0)
    new = sum(each > 0.06 for each in off)
    return Outcome(
        score=1 if train and new == 0 and np.mean(off) < 0.02 else 0,
        expected=Text(
            "The share of late orders of each region among the rows of train.",
            "A proporção de pedidos atrasados de cada região entre as linhas de train.",
        ),
        found=Text(
            f"Regions are off by {np.mean(off):.3f} on average, at most by {max(off):.3f}.",
            f"As regiões diferem em {np.mean(off):.3f} em média, no máximo em {max(off):.3f}.",
        ),
        hint=Text(
            "Whose `atrasou` is in your mean? And what does a region get that train has never seen?",
            "De quem é o `atrasou` na sua média? E o que recebe uma região que train nunca viu?",
        ),
        read=READ,
    )


@hidden("prepare.future")
def future(case: Case) -> Outcome:
    """With one month of future less, the table train is the same, number by number."""
    one, other = (_table(case, snapshot, f"{out}/train") for snapshot, out in (("first", OUT), ("again", SHORTER)))
    differ = sum(not _alike(one.get(each), other.get(each)) for each in one.keys() | other.keys())
    return Outcome(
        score=1 if len(one) > int((~case.ledger.tested).sum()) // 2 and not differ else 0,
        expected=Text(
            f"The same past with another future gives the same train: {len(one)} orders.",
            f"O mesmo passado com outro futuro dá o mesmo train: {len(one)} pedidos.",
        ),
        found=Text(f"{differ} orders differ.", f"{differ} pedidos diferem."),
        hint=Text(
            "Which of your numbers would change if next month's file were not there yet?",
            "Quais dos seus números mudariam se o arquivo do mês que vem ainda não existisse?",
        ),
        read="5 · Break it / Quebre",
    )


@hidden("prepare.known")
def known(case: Case) -> Outcome:
    """Both tables have the columns of the task and no others: nothing that only the delivery brings."""
    many = missing = rows = 0
    for name in ("train", "test"):
        rows += len(_ids(case, "first", f"{OUT}/{name}"))
        types = case.bench("first").types(f"{OUT}/{name}")
        many += len(set(types) - set(COLUMNS))
        missing += len(set(COLUMNS) - set(types))
    return Outcome(
        score=0 if many or missing or rows < len(case.ledger.ids) // 2 else 1,
        expected=Text("Only columns that are known when an order is placed.", "Só colunas conhecidas quando o pedido é feito."),
        found=Text(f"{many} columns too many, {missing} missing.", f"{many} colunas a mais, faltam {missing}."),
        hint=Text("When is each of your columns filled in?", "Quando é preenchida cada uma das suas colunas?"),
        read="1 · Meet the orders / Conheça os pedidos",
    )


@hidden("prepare.repeat")
def repeat(case: Case) -> Outcome:
    """A second run over the same files in the same place leaves the same rows."""
    differ = rows = 0
    for name in ("train", "test"):
        before, after = (_rows(case, snapshot, f"{OUT}/{name}") for snapshot in ("first", "again"))
        rows += before.total()
        differ += max((before - after).total(), (after - before).total())
    return Outcome(
        score=1 if rows > len(case.ledger.ids) // 2 and not differ else 0,
        expected=Text("Run again, the same two tables.", "Executada de novo, as mesmas duas tabelas."),
        found=Text(f"{differ} rows differ.", f"{differ} linhas diferem."),
        hint=Text(
            "What does your function draw by chance, and what does it do with a table that is there already?",
            "O que a sua função sorteia, e o que ela faz com uma tabela que já existe?",
        ),
        read=READ,
    )


def _places(case: Case) -> dict[str, int]:
    return {each: number for number, each in enumerate(case.ledger.ids)}


def _ids(case: Case, snapshot: str, table: str) -> list[str]:
    return [str(each) for each in case.bench(snapshot).read(table, {"pedido_id": ("string",)})["pedido_id"].to_pylist()]


def _column(case: Case, name: str, tables: tuple[str, ...] = ("train", "test")) -> tuple[list[str], np.ndarray]:
    """Give orders and one number of each, of both tables; NaN where there is none."""
    ids: list[str] = []
    values: list[float] = []
    for table in tables:
        data = case.bench("first").read(f"{OUT}/{table}", {"pedido_id": ("string",), name: FLOATS})
        ids += map(str, data["pedido_id"].to_pylist())
        values += [np.nan if each is None else each for each in data[name].to_pylist()]
    return ids, np.array(values, dtype=float)


def _is_scaled(case: Case, name: str) -> bool:
    """Tell whether mean, deviation and filling of a number are nearer to those of the submission's own train than of all rows."""
    ledger, place = case.ledger, _places(case)
    ids, values = _column(case, name)
    mine = len(_column(case, name, ("train",))[0])
    order = np.array([place.get(each, -1) for each in ids], dtype=np.int64)
    if mine == 0 or mine == len(ids) or (order < 0).any() or not np.isfinite(values).all():
        return False
    raw = ledger.numbers[name][order]
    past, gap = np.arange(len(ids)) < mine, np.isnan(raw)
    slope, base = _line(raw[past & ~gap], values[past & ~gap])
    if slope <= 0 or np.abs(values - (slope * raw + base))[~gap].max() > 0.01:
        return False  # another curve, or other numbers for test
    median, everyone = np.nanmedian(raw[past]), np.nanmedian(ledger.numbers[name])
    filled = np.where(gap, median, raw)[past]
    mean, deviation, all_mean = filled.mean(), filled.std(), np.nanmean(ledger.numbers[name])
    fills = (values[gap] - base) / slope
    near_mean = abs(-base / slope - mean) <= max(0.002 * deviation, abs(all_mean - mean) / 2)
    near_deviation = abs(1 / slope - deviation) <= 0.1 * deviation
    near_fill = not gap.any() or np.abs(fills - median).max() <= max(0.002 * deviation, abs(everyone - median) / 2)
    return bool(near_mean and near_deviation and near_fill)


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Give slope and base of the line through the points; 0 and 0 when there is none."""
    if len(x) < 3 or not np.ptp(x):
        return 0.0, 0.0
    slope, base = np.polyfit(x, y, 1)
    return float(slope), float(base)


def _table(case: Case, snapshot: str, table: str) -> dict[str, tuple[float, ...]]:
    names = (*KNOWN, "regiao_atraso")
    data = case.bench(snapshot).read(table, {"pedido_id": ("string",), **dict.fromkeys(names, FLOATS)})
    values = zip(*(data[name].to_pylist() for name in names), strict=True)
    return {
        each: tuple(np.nan if value is None else value for value in row)
        for each, row in zip(data["pedido_id"].to_pylist(), values, strict=True)
    }


def _alike(one: tuple[float, ...] | None, other: tuple[float, ...] | None) -> bool:
    return one is not None and other is not None and np.allclose(one, other, rtol=1e-6, atol=1e-6)


def _rows(case: Case, snapshot: str, table: str) -> Counter:
    bench = case.bench(snapshot)
    names = sorted(set(bench.types(table)) - {"ts_pedido"})
    if not names:
        raise ArtefactError(Text("The table has no columns.", "A tabela não tem colunas."))
    data = bench.read(table, {name: (bench.types(table)[name],) for name in names})
    return Counter(zip(*([_rounded(each) for each in data[name].to_pylist()] for name in names), strict=True))


def _rounded(value: object) -> str:
    return f"{value:.6f}" if isinstance(value, float) else str(value)
