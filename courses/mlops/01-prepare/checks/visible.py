"""What a student can check while working: which numbers are known in time, and the two tables of their own orders."""

import csv
import io
from datetime import datetime

from dataflow_kernels.checks import Bench, Outcome, Text, visible

LESSON = "01-prepare"
KNOWN = ("distancia_km", "peso_kg", "valor", "fila_pedidos")
NUMBERS = (*KNOWN, "regiao_atraso")
FLOATS, INTEGERS, TIMES = ("double", "float"), ("long", "integer", "short", "byte"), ("timestamp", "timestamp_ntz")
COLUMNS = {"pedido_id": ("string",), "ts_pedido": TIMES, "atrasou": INTEGERS, **dict.fromkeys(NUMBERS, FLOATS)}


@visible("prepare.columns")
def columns(bench: Bench) -> Outcome:
    """The names are exactly those of the numbers that are there when an order is placed."""
    named = bench.read("mlops/known", {"coluna": ("string",)})["coluna"].to_pylist()
    missing, many = sorted(set(KNOWN) - set(named)), sorted(set(named) - set(KNOWN))
    return Outcome(
        score=0 if missing or many else 1,
        expected=Text(
            f"The {len(KNOWN)} numbers that are filled in when an order is placed.",
            f"Os {len(KNOWN)} números preenchidos quando o pedido é feito.",
        ),
        found=Text(
            f"{len(missing)} are missing; {len(many)} are not known by then.",
            f"Faltam {len(missing)}; {len(many)} ainda não são conhecidos nessa hora.",
        ),
        hint=Text(
            "Read the last column of the table in part 1. Texts and times are not meant here.",
            "Leia a última coluna da tabela da parte 1. Textos e datas não contam aqui.",
        ),
        read="1 · Meet the orders / Conheça os pedidos",
        rows=tuple({"coluna": str(name), "?": "not known by then"} for name in many),
    )


@visible("prepare.tables")
def tables(bench: Bench) -> Outcome:
    """Both tables have their columns and their orders; the numbers of `train` have mean 0 and standard deviation 1."""
    files = bench.landing()
    day = sorted(files)[-2].removeprefix("entregas-").removesuffix(".csv") + "-01"
    placed = {row["pedido_id"]: row["ts_pedido"] for content in files.values() for row in csv.DictReader(io.StringIO(content.decode()))}
    wrong = []
    for name, wanted in (("train", sum(at < day for at in placed.values())), ("test", sum(at >= day for at in placed.values()))):
        others = sorted(set(bench.types(f"mlops/prepared/{name}")) - set(COLUMNS))
        wrong += [{"table": name, "column": each, "found": "should not be there"} for each in others]
        data = bench.read(f"mlops/prepared/{name}", COLUMNS)
        if data.num_rows != wanted:
            wrong.append({"table": name, "column": "—", "found": f"{data.num_rows} rows, not {wanted}"})
        wrong += [{"table": name, "column": each, "found": f"{data[each].null_count} nulls"} for each in COLUMNS if data[each].null_count]
        if name == "train" and not wrong:
            wrong += _unscaled(data)
            newest = max(map(_plain, data["ts_pedido"].to_pylist()))
            if newest >= datetime.fromisoformat(day):
                wrong.append({"table": name, "column": "ts_pedido", "found": f"up to {newest:%Y-%m-%d %H:%M}"})
    return Outcome(
        score=0 if wrong else 1,
        expected=Text(
            f"Two tables with {len(COLUMNS)} columns, each order in one of them; the numbers of train have mean 0 and deviation 1.",
            f"Duas tabelas com {len(COLUMNS)} colunas, cada pedido em uma delas; os números de train têm média 0 e desvio 1.",
        ),
        found=Text(
            "That is what they are." if not wrong else f"{len(wrong)} things differ.",
            "É o que elas são." if not wrong else f"{len(wrong)} coisas diferem.",
        ),
        hint=Text(
            "More rows: which orders are there twice? Fewer: what drops rows? Then compare with `load(...).describe()`.",
            "Linhas a mais: que pedidos aparecem duas vezes? A menos: o que descarta linhas? Depois compare com `load(...).describe()`.",
        ),
        read="4 · Challenge / Desafio",
        rows=tuple(wrong[:5]),
    )


def _unscaled(data: object) -> list[dict[str, str]]:
    wrong = []
    for name in KNOWN:
        values = data[name].to_pylist()  # type: ignore[index]
        mean = sum(values) / len(values)
        deviation = (sum((each - mean) ** 2 for each in values) / len(values)) ** 0.5
        if not (abs(mean) < 0.01 and abs(deviation - 1) < 0.01):
            wrong.append({"table": "train", "column": name, "found": f"mean {mean:.3f}, deviation {deviation:.3f}"})
    return wrong


def _plain(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)
