"""What a student can check while working: day and category of each order, the grain of Gold, and the chart's axes."""

import io
from collections import Counter
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq

from dataflow_kernels.checks import Bench, Outcome, Text, visible
from dataflow_kernels.checks.chart import read_chart

LESSON = "03-gold"
LABELLED, GOLD, PAGE = "gold/rotulados", "gold/receita_diaria", "gold/painel"
CATALOGUE = "produtos.parquet"
NOT_IN_CATALOGUE, NO_CATEGORY = "(sem cadastro)", "(sem categoria)"
SAO_PAULO = ZoneInfo("America/Sao_Paulo")
GRAIN = ("dia", "categoria", "regiao")
CENT = 0.01


@visible("gold.labels")
def labels(bench: Bench) -> Outcome:
    """Each order of the first file is there once, with its day in São Paulo and the category of the newest row of its product."""
    columns = {"pedido_id": ("string",), "dia": ("date",), "categoria": ("string",)}
    found = bench.read(LABELLED, columns).to_pylist()
    rows_of = Counter(row["pedido_id"] for row in found)
    given = {row["pedido_id"]: row for row in found}
    landed, catalogue = bench.landing(), _categories(bench)
    first = min(name for name in landed if name != CATALOGUE)
    wrong = []
    for order in _table(landed[first]):
        truth = {"dia": order["ts_evento"].astimezone(SAO_PAULO).date(), "categoria": _bucket(order["produto_id"], catalogue)}
        row = given.get(order["pedido_id"], {})
        if rows_of[order["pedido_id"]] != 1:
            wrong.append(_finding(order, "rows", "1", rows_of[order["pedido_id"]]))
        wrong += [_finding(order, name, value, row.get(name)) for name, value in truth.items() if row and row.get(name) != value]
    orders = {order["pedido_id"] for order in _table(landed[first])}
    beyond = len(given.keys() - orders)
    return Outcome(
        score=0 if wrong or beyond or not found else 1,
        expected=Text(
            f"Each of the {len(orders)} orders once, with its day in São Paulo and its category.",
            f"Cada um dos {len(orders)} pedidos uma vez, com o seu dia em São Paulo e a sua categoria.",
        ),
        found=Text(f"{len(found)} rows; {len(wrong)} findings.", f"{len(found)} linhas; {len(wrong)} problemas."),
        hint=Text(
            "Too few rows, or too many? That is the join. Look up one `produto_id` in the catalogue.",
            "Linhas de menos ou de mais? É o join. Procure um `produto_id` no cadastro.",
        ),
        read="3 · Guided exercise / Exercício guiado",
        rows=tuple(wrong[:5]),
    )


@visible("gold.grain")
def grain(bench: Bench) -> Outcome:
    """One row a day, category and region, without nulls, with money as decimal; orders and revenue add up to Silver's."""
    found = bench.types(GOLD)
    money = found.get("receita", "")
    exact = money if money.startswith("decimal(") and money.endswith(",2)") else "decimal(22,2)"
    columns = {"dia": ("date",), "categoria": ("string",), "regiao": ("string",), "pedidos": ("long", "integer"), "receita": (exact,)}
    table = bench.read(GOLD, columns)
    keys = Counter(zip(*(table[name].to_pylist() for name in GRAIN), strict=True))
    wrong = [{"what": " · ".join(map(str, key)), "expected": "1 row", "found": str(count)} for key, count in keys.items() if count > 1]
    wrong += [
        {"what": f"nulls in {name}", "expected": "0", "found": str(table[name].null_count)} for name in columns if table[name].null_count
    ]
    orders = _newest(bench)
    truth = {"pedidos": Decimal(len(orders)), "receita": sum((order["valor"] for order in orders), Decimal(0))}
    sums = {name: sum((Decimal(value or 0) for value in table[name].to_pylist()), Decimal(0)) for name in truth}
    wrong += [
        {"what": f"sum of {name}", "expected": str(truth[name]), "found": str(sums[name])} for name in truth if truth[name] != sums[name]
    ]
    return Outcome(
        score=0 if wrong or not table.num_rows else 1,
        expected=Text(
            f"One row a day, categoria and regiao; {len(orders)} orders, R$ {truth['receita']}, as in Silver.",
            f"Uma linha por dia, categoria e região; {len(orders)} pedidos, R$ {truth['receita']}, como na Silver.",
        ),
        found=Text(
            f"{table.num_rows} rows, {len(keys)} different; {sums['pedidos']} orders, R$ {sums['receita']}.",
            f"{table.num_rows} linhas, {len(keys)} diferentes; {sums['pedidos']} pedidos, R$ {sums['receita']}.",
        ),
        hint=Text(
            "Did a late file add to a day that was there already? Did it replace a day by less than the whole of it?",
            "Um arquivo tardio somou-se a um dia que já estava lá? Ou trocou um dia por menos do que ele inteiro?",
        ),
        read="4 · Challenge / Desafio",
        rows=tuple(wrong[:5]),
    )


@visible("gold.chart")
def chart(bench: Bench) -> Outcome:
    """The chart has a temporal axis of days and one of revenue, both with titles, and draws the revenue of Gold."""
    table = bench.read(PAGE, {"part": ("string",), "content": ("string",)})
    drawn = read_chart(dict(zip(table["part"].to_pylist(), table["content"].to_pylist(), strict=True)).get("chart"))
    asked = {
        "x: type": ("temporal", drawn.x.type, drawn.x.type == "temporal"),
        "y: type": ("quantitative", drawn.y.type, drawn.y.type == "quantitative"),
        "x: field": ("dia", drawn.x.field, drawn.x.field == "dia"),
        "y: field": ("receita", drawn.y.field, drawn.y.field == "receita" and drawn.y.aggregate in ("", "sum")),
        "x: title": ("a title", drawn.x.title, bool(drawn.x.title)),
        "y: title": ("a title with R$", drawn.y.title, "R$" in drawn.y.title),
    }
    wrong = [{"what": name, "expected": expected, "found": found or "—"} for name, (expected, found, fine) in asked.items() if not fine]
    days, gold = drawn.by_day(), bench.read(GOLD, {"dia": ("date",)})["dia"].to_pylist()
    wrong += [{"what": "days", "expected": str(day), "found": "—"} for day in sorted(set(map(str, gold)) - days.keys())]
    return Outcome(
        score=0 if wrong or not gold else 1,
        expected=Text(
            "x: `dia`, temporal, with a title; y: `receita`, quantitative, with a title that names R$; every day of Gold.",
            "x: `dia`, temporal, com título; y: `receita`, quantitative, com um título que diga R$; todos os dias da Gold.",
        ),
        found=Text(f"{len(days)} days; {len(wrong)} findings.", f"{len(days)} dias; {len(wrong)} problemas."),
        hint=Text(
            "A reader who does not know your table has only the titles.",
            "Quem lê e não conhece a sua tabela só tem os títulos.",
        ),
        read="5 · A page / Uma página",
        rows=tuple(wrong[:5]),
    )


def _finding(order: dict[str, Any], what: str, expected: object, found: object) -> dict[str, str]:
    return {
        "pedido_id": order["pedido_id"],
        "produto_id": order["produto_id"],
        "what": what,
        "expected": str(expected),
        "found": str(found),
    }


def _table(content: bytes) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(content)).to_pylist()
    return rows


def _categories(bench: Bench) -> dict[str, str | None]:
    """Give the category in the newest row of each product."""
    rows = sorted(_table(bench.landing()[CATALOGUE]), key=lambda row: row["atualizado_em"])
    return {row["produto_id"]: row["categoria"] for row in rows}


def _bucket(product: str, catalogue: dict[str, str | None]) -> str:
    return (catalogue[product] or NO_CATEGORY) if product in catalogue else NOT_IN_CATALOGUE


def _newest(bench: Bench) -> list[dict[str, Any]]:
    """Give the newest version of each order that landed."""
    files = [content for name, content in sorted(bench.landing().items()) if name != CATALOGUE]
    rows = sorted((row for content in files for row in _table(content)), key=lambda row: row["versao"])
    return list({row["pedido_id"]: row for row in rows}.values())


# Checked after submission, on data that you have not seen.
PROMISES = {
    "gold.totals": (
        "Gold = Silver: orders and revenue, refunds included",
        "Gold = Silver: pedidos e receita, com estornos",
    ),
    "gold.orphans": (
        "orders of products that the catalogue lacks are kept, in their bucket",
        "pedidos de produtos sem cadastro ficam, com a sua etiqueta",
    ),
    "gold.unknown": (
        "products without a category have a bucket of their own",
        "produtos sem categoria têm uma etiqueta própria",
    ),
    "gold.fanout": (
        "a product with two rows in the catalogue doubles no order",
        "um produto com duas linhas no cadastro não duplica pedidos",
    ),
    "gold.days": (
        "each order on its day in São Paulo",
        "cada pedido no seu dia em São Paulo",
    ),
    "gold.incremental": (
        "after late corrections and a second run, Gold is what a rebuild gives",
        "depois de correções tardias e de uma segunda execução, a Gold é o que uma reconstrução dá",
    ),
    "gold.empty": (
        "a file without a row is no error",
        "um arquivo sem linhas não é um erro",
    ),
    "gold.dashboard": (
        "the page reads Gold and nothing else",
        "a página lê a Gold e nada mais",
    ),
    "gold.average": (
        "the average order is no average of averages",
        "o pedido médio não é média de médias",
    ),
    "gold.closed": (
        "a day without a sale is a 0 in the chart",
        "um dia sem vendas é um 0 no gráfico",
    ),
}
