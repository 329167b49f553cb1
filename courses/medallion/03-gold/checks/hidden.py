"""What a submission is checked on after it was handed in: ten properties, on orders and a catalogue that nobody has seen.

The ledger knows of each order its product, its day in São Paulo, its region and its amount, in each of its versions. Each property
looks at its own cells of Gold (day, categoria, regiao), so that one mistake costs its own marks and not all:

- `incremental` at the days that a later file corrects; all others at the days that no file touches twice;
- `days` at the one region that buys at night; all others at the regions that buy by day;
- `orphans`, `unknown`, `fanout`, `totals` at products that the catalogue lacks, gives no category, has twice, has once;
- `dashboard`, `average` and `closed` compare what the page shows with the submission's own Gold, right or wrong.
"""

from datetime import date, timedelta
from random import Random
from typing import Any

from dataflow_hub.datagen.silver import CATALOGUE, CATEGORIES, DOUBLED, DOUBLED_BEFORE
from dataflow_hub.grading.cases import Case, hidden
from dataflow_hub.grading.scenario import Step
from dataflow_kernels.checks import ArtefactError, Outcome, Text
from dataflow_kernels.checks.chart import number, read_chart, read_json

SILVER, GOLD, PAGE = "silver/vendas", "gold/receita_diaria", "gold/painel"
NOT_IN_CATALOGUE, NO_CATEGORY = "(sem cadastro)", "(sem categoria)"
REFRESHED = 4  # files that reach Gold; the fifth reaches Silver only, so that who shows Silver shows something else
CENT = 0.01
PARTS = {NOT_IN_CATALOGUE: "orphans", NO_CATEGORY: "unknown", DOUBLED: "fanout", DOUBLED_BEFORE: "fanout"}
PARTS |= dict.fromkeys(CATEGORIES, "totals")

Cells = dict[tuple[date, str | None, str], tuple[int, float]]


def scenario(rng: Random, batches: dict[str, bytes]) -> list[Step]:
    """Land four files and bring each into Gold, the second twice; land the fifth in Silver only, and show the page."""
    del rng
    names = [name for name in batches if name != CATALOGUE]
    steps = []
    for place, name in enumerate(names[:REFRESHED]):
        steps += [_land(name), _refresh(name, snapshot="refreshed" if place == REFRESHED - 1 else "")]
        steps += [_refresh(name)] if place == 1 else []
    page = {"gold": f"{{lake}}/{GOLD}", "out": f"{{lake}}/{PAGE}"}
    return [*steps, _land(names[REFRESHED]), Step("render_dashboard", page, snapshot="shown")]


def _land(name: str) -> Step:
    return Step("land_batch", {"batch": f"{{landing}}/{name}", "silver": f"{{lake}}/{SILVER}"})


def _refresh(name: str, **more: Any) -> Step:
    arguments = {
        "changes": f"{{landing}}/{name}",
        "silver": f"{{lake}}/{SILVER}",
        "products": f"{{landing}}/{CATALOGUE}",
        "gold": f"{{lake}}/{GOLD}",
    }
    return Step("refresh_gold", arguments, **more)


@hidden("gold.totals")
def totals(case: Case) -> Outcome:
    """Days that came in one file, products that the catalogue has once: orders and revenue are those of Silver."""
    return _compared(
        case,
        "totals",
        Text(
            "Orders and revenue of Gold are those of Silver, refunds included.", "Pedidos e receita da Gold são os da Silver, com estornos."
        ),
        Text(
            "Add up `valor` of one day in Silver and `receita` of it in Gold. Is what is below zero in it?",
            "Some `valor` de um dia na Silver e `receita` dele na Gold. O que é menor que zero está lá?",
        ),
        read="4 · Challenge / Desafio",
    )


@hidden("gold.orphans")
def orphans(case: Case) -> Outcome:
    """Orders of products that the catalogue lacks are in their bucket."""
    return _compared(
        case,
        "orphans",
        Text(f"Orders of unknown products are in {NOT_IN_CATALOGUE}.", f"Pedidos de produtos sem cadastro estão em {NOT_IN_CATALOGUE}."),
        Text("Which rows does your join keep?", "Quais linhas o seu join mantém?"),
        read="2 · Worked example / Exemplo resolvido",
    )


@hidden("gold.unknown")
def unknown(case: Case) -> Outcome:
    """Orders of products without a category are in their bucket, apart from the unknown products."""
    return _compared(
        case,
        "unknown",
        Text(f"Products without a category are in {NO_CATEGORY}.", f"Produtos sem categoria estão em {NO_CATEGORY}."),
        Text(
            "A product without a category is not one that the catalogue lacks. Where do yours go?",
            "Produto sem categoria não é produto sem cadastro. Para onde vão os seus?",
        ),
        read="3 · Guided exercise / Exercício guiado",
    )


@hidden("gold.fanout")
def fanout(case: Case) -> Outcome:
    """Orders of products that the catalogue has twice count once, in the category of the newest row."""
    return _compared(
        case,
        "fanout",
        Text(
            "A product with two rows in the catalogue: each order once, with the newest row's category.",
            "Produto com duas linhas no cadastro: cada pedido uma vez, com a categoria da linha mais nova.",
        ),
        Text("How many rows does one order have after your join?", "Quantas linhas um pedido tem depois do seu join?"),
        read="2 · Worked example / Exemplo resolvido",
    )


@hidden("gold.days")
def days(case: Case) -> Outcome:
    """What a region buys at night is on the day that its calendar shows."""
    return _compared(
        case,
        "days",
        Text("A day is a day in São Paulo: orders of the night too.", "Um dia é um dia em São Paulo: também para os pedidos da noite."),
        Text("On which `dia` is an order of 22:30 in São Paulo?", "Em que `dia` está um pedido das 22:30 em São Paulo?"),
        read="2 · Worked example / Exemplo resolvido",
    )


@hidden("gold.incremental")
def incremental(case: Case) -> Outcome:
    """Days that a later file corrected are what a rebuild of everything would give."""
    return _compared(
        case,
        "incremental",
        Text(
            "After late corrections and a second run, Gold is what a rebuild from Silver would give.",
            "Depois de correções tardias e de uma segunda execução, a Gold é o que uma reconstrução a partir da Silver daria.",
        ),
        Text(
            "An order of last week changes its amount and its region. Which cells change? What happens to one that has no order left?",
            "Um pedido da semana passada muda de valor e de região. Que células mudam? E a que ficou sem nenhum pedido?",
        ),
        read="4 · Challenge / Desafio",
    )


@hidden("gold.empty")
def empty(case: Case) -> Outcome:
    """The call with a file that has no row returns."""
    place = next(place for place, step in enumerate(case.steps) if step.function == "refresh_gold" and _is_empty(case, step))
    call, rows = case.call(place), _gold(case, "refreshed")
    fine = call is not None and not call.error and bool(rows)
    return Outcome(
        score=1 if fine else 0,
        expected=Text("A file without a row is no error.", "Um arquivo sem linhas não é um erro."),
        found=Text("It is none.", "Não é.")
        if fine
        else Text("The call failed, or Gold is empty.", "A chamada falhou ou a Gold está vazia."),
        hint=Text("Which days does an empty file touch?", "Quais dias um arquivo vazio toca?"),
        read="4 · Challenge / Desafio",
    )


@hidden("gold.dashboard")
def dashboard(case: Case) -> Outcome:
    """Chart and table show Gold, also when Silver is already further."""
    gold, chart, numbers = _gold(case, "shown"), _chart(case), _numbers(case)
    of_category: dict[str | None, tuple[int, float]] = {}
    of_day: dict[str, float] = {}
    for (day, category, _), (count, revenue) in gold.items():
        orders, total = of_category.get(category, (0, 0.0))
        of_category[category] = (orders + count, total + revenue)
        of_day[str(day)] = of_day.get(str(day), 0.0) + revenue
    wrong = sum(
        _differs(of_category.get(each, (0, 0.0)), numbers.get(each, (0, 0.0, 0.0))[:2]) for each in (of_category | numbers).keys() - {None}
    )
    wrong_days = sum(not abs(of_day.get(each, 0.0) - chart.get(each, 0.0)) <= CENT for each in of_day | chart)
    return Outcome(
        score=0 if wrong or wrong_days or not gold else 1,
        expected=Text("The page shows what is in Gold, and nothing else.", "A página mostra o que está na Gold, e nada mais."),
        found=Text(
            f"{wrong} categories of the table and {wrong_days} days of the chart show something else.",
            f"{wrong} categorias da tabela e {wrong_days} dias do gráfico mostram outra coisa.",
        ),
        hint=Text(
            "From which table do your numbers come? What if Silver has rows that Gold does not have yet?",
            "De que tabela vêm os seus números? E se a Silver tiver linhas que a Gold ainda não tem?",
        ),
        read="5 · A page / Uma página",
    )


@hidden("gold.average")
def average(case: Case) -> Outcome:
    """The average order of a category is its revenue divided by its orders."""
    numbers, categories = _numbers(case), {category for _, category, _ in _gold(case, "shown")} - {None}
    wrong = sum(not count or not abs(revenue / count - mean) <= CENT for count, revenue, mean in numbers.values())
    missing = len(categories - numbers.keys())
    return Outcome(
        score=0 if wrong or missing or not numbers else 1,
        expected=Text("ticket_medio is receita divided by pedidos.", "ticket_medio é receita dividida por pedidos."),
        found=Text(
            f"In {wrong} categories it is something else; {missing} are missing.",
            f"Em {wrong} categorias é outra coisa; faltam {missing}.",
        ),
        hint=Text(
            "One day has 1 order, another 99. Do both weigh the same in your average?",
            "Um dia tem 1 pedido, outro tem 99. Os dois pesam o mesmo na sua média?",
        ),
        read="5 · A page / Uma página",
    )


@hidden("gold.closed")
def closed(case: Case) -> Outcome:
    """Each day between the first and the last of Gold is in the chart; one without an order as 0."""
    chart, known = _chart(case), {day for day, *_ in _gold(case, "shown")}
    every = [min(known) + timedelta(days=each) for each in range((max(known) - min(known)).days + 1)] if known else []
    missing = sum(str(day) not in chart for day in every)
    return Outcome(
        score=0 if missing or not every else 1,
        expected=Text("The chart has every day, one without a sale as 0.", "O gráfico tem todos os dias; um dia sem vendas vale 0."),
        found=Text(f"Of {len(every)} days, {missing} are missing.", f"De {len(every)} dias, faltam {missing}."),
        hint=Text("What does a line do between two points?", "O que faz uma linha entre dois pontos?"),
        read="5 · A page / Uma página",
    )


def _is_empty(case: Case, step: Step) -> bool:
    names = case.ledger.names
    return not any(row.file == names.index(step.arguments["changes"].rsplit("/", 1)[-1]) for row in case.ledger.rows)


def _compared(case: Case, part: str, expected: Text, hint: Text, read: str) -> Outcome:
    """Compare the cells of one part with the truth."""
    truth = {key: cell for key, cell in _truth(case).items() if _part(case, key) == part}
    found = {key: cell for key, cell in _gold(case, "refreshed").items() if _part(case, key) == part}
    nothing = (0, 0.0)
    wrong = sum(_differs(truth.get(key, nothing), found.get(key, nothing)) for key in truth | found)
    return Outcome(
        score=0 if wrong or not truth else 1,
        expected=expected,
        found=Text(
            f"{wrong} cells differ: {_sums(found)} instead of {_sums(truth)}.",
            f"{wrong} células diferem: {_sums(found, 'pt')} em vez de {_sums(truth, 'pt')}.",
        ),
        hint=hint,
        read=read,
    )


def _part(case: Case, key: tuple[date, str | None, str]) -> str:
    """Say which property looks at a cell; "" when none does."""
    day, category, region = key
    night = region == case.ledger.night_region
    if day in case.ledger.corrected:
        return "incremental" if category in CATEGORIES and not night else ""
    return "days" if night else PARTS.get(category or "", "")


def _truth(case: Case) -> Cells:
    cells: Cells = {}
    for row in case.ledger.newest(REFRESHED):
        category = row.category or (NOT_IN_CATALOGUE if row.kind == "orphan" else NO_CATEGORY)
        key = (case.ledger.date_of(row.day), category, row.region)
        count, revenue = cells.get(key, (0, 0.0))
        cells[key] = (count + 1, revenue + row.cents / 100)
    return cells


def _gold(case: Case, moment: str) -> Cells:
    """Give orders and revenue of each cell; two rows of one cell add up, and one without a category is a cell that no part has."""
    bench = case.bench(moment)
    revenue = bench.types(GOLD).get("receita", "")
    accepted = ("decimal(22,2)", "double", *([revenue] if revenue.startswith("decimal(") else []))
    columns = {"dia": ("date",), "categoria": ("string",), "regiao": ("string",), "pedidos": ("long", "integer"), "receita": accepted}
    table = bench.read(GOLD, columns)
    cells: Cells = {}
    for day, category, region, count, money in zip(*(table[name].to_pylist() for name in columns), strict=True):
        if day is not None:
            orders, total = cells.get((day, category, region), (0, 0.0))
            cells[day, category, region] = (orders + (count or 0), total + float(money or 0))
    return cells


def _shown(case: Case, part: str) -> str:
    """Give one part of what the page showed, a JSON text."""
    table = case.bench("shown").read(PAGE, {"part": ("string",), "content": ("string",)})
    found = dict(zip(table["part"].to_pylist(), table["content"].to_pylist(), strict=True))
    return str(found.get(part))


def _chart(case: Case) -> dict[str, float]:
    return read_chart(_shown(case, "chart")).by_day()


def _numbers(case: Case) -> dict[str, tuple[float, float, float]]:
    """Give orders, revenue and average order of each category that the page shows."""
    rows = read_json(_shown(case, "numbers"))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ArtefactError(Text("The page's table could not be read.", "Não foi possível ler a tabela da página."))
    shown = [row for row in rows if row.get("categoria") is not None]
    fields = [(number(row.get("pedidos")), number(row.get("receita")), number(row.get("ticket_medio"))) for row in shown]
    return {str(row["categoria"]): numbers for row, numbers in zip(shown, fields, strict=True)}


def _differs(truth: tuple[float, float], found: tuple[float, float]) -> bool:
    return truth[0] != found[0] or not abs(truth[1] - found[1]) <= CENT


def _sums(cells: Cells, language: str = "en") -> str:
    count, revenue = sum(cell[0] for cell in cells.values()), sum(cell[1] for cell in cells.values())
    return f"{count} orders, R$ {revenue:.2f}" if language == "en" else f"{count} pedidos, R$ {revenue:.2f}".replace(".", ",")
