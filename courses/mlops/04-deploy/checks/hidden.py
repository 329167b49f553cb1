"""What a submission is checked on after it was handed in: six properties of a model at work, on orders and models that nobody has seen.

The models are weights that this file draws, so the chance of every order under every version is known here by a formula; no model is
loaded. Version 1 is champion, 2 has lost its files, 3 is its successor, 4 is the newest and never champion. What is asked while the
alias moves has no gaps and its keys in the usual order, so that another preparation loses `same` and nothing else.
"""

import csv
import io
import json
import math
from collections.abc import Iterator
from random import Random

from dataflow_hub.grading.cases import Case, hidden
from dataflow_hub.grading.scenario import Step
from dataflow_kernels.checks import Bench, Outcome, Text

GAPS = {"distancia_km": 900.0, "peso_kg": 3.0}
UNITS = {"distancia_km": 1000.0, "peso_kg": 5.0, "valor": 200.0, "fila_pedidos": 50.0}
CHANNELS = ("site", "app", "loja", "telefone")
FEATURES = (*UNITS, *(f"canal_{name}" for name in CHANNELS))
CHAMPION, LOST, SUCCESSOR, NEWEST = "1", "2", "3", "4"
MOVES = [("new", SUCCESSOR), ("back", CHAMPION), ("lost", LOST), ("again", SUCCESSOR)]
CLOSE = 1e-9
ALIKE = 0.01  # which version it is, is told from chances that may have been rounded: `same` asks for more
PER_REQUEST = 3
READ, GUIDED = "4 · Challenge / Desafio", "3 · Guided exercise / Exercício guiado"

Order = dict[str, object]


def scenario(rng: Random, batches: dict[str, bytes]) -> list[Step]:
    """Publish four versions; score, serve, move the alias under a crowd of callers, and score again."""
    place = {"place": "{lake}"}
    published = [(CHAMPION, _weights(rng)), (LOST, {}), (SUCCESSOR, _weights(rng)), (NEWEST, _weights(rng))]
    steps = [Step("publish", {**place, "weights": weights, "champion": version == CHAMPION}) for version, weights in published]
    orders = list(_orders(batches).values())[-160:]
    rng.shuffle(orders)
    gappy = [each for each in orders if None in each.values()][:9]
    whole = [each for each in orders if None not in each.values()][:24]
    moved = [_question(whole[number : number + PER_REQUEST]) for number in (0, 3, 6)]
    score = {**place, "source": "{landing}", "out": "{lake}/night"}
    return [
        *steps,
        Step("score_in", score, snapshot="first"),
        Step("serve_in", {**place, "calls": _calls(rng, gappy + whole[9:]), "out": "{lake}/served"}, snapshot="served"),
        Step("swap_in", {**place, "moves": [list(move) for move in MOVES], "bodies": moved, "out": "{lake}/swapped"}, snapshot="swapped"),
        Step("score_in", score, snapshot="second"),
    ]


def _weights(rng: Random) -> dict[str, float]:
    weights = {name: round(rng.choice((-1, 1)) * rng.uniform(0.3, 1.2), 3) for name in FEATURES}
    return {"constant": round(rng.uniform(-0.5, 0.5), 3), **weights}


def _calls(rng: Random, orders: list[Order]) -> list[list[str]]:
    """Give what a new service is asked: twice before it has a model, then right and wrong questions in any order, a right one last."""
    mixed = [dict(rng.sample(sorted(each.items(), key=str), len(each))) for each in orders]
    rng.shuffle(mixed)
    good = [["POST", "/invocations", _question(mixed[each : each + PER_REQUEST])] for each in range(0, len(mixed), PER_REQUEST)]
    bad = [["POST", "/invocations", body] for body in _wrong(orders[-1], orders[-2])] + [
        ["GET", "/metrics", ""],
        ["POST", "/predict", good[0][2]],
    ]
    rest = good[1:] + bad
    rng.shuffle(rest)
    return [["GET", "/ping", ""], good[0], ["GET", "/ping", ""], *rest, good[0]]


def _wrong(one: Order, other: Order) -> list[str]:
    lacking = [{name: value for name, value in one.items() if name != missing} for missing in ("distancia_km", "fila_pedidos", "canal")]
    odd = [{**one, "valor": "12,50"}, {**one, "distancia_km": "812.5"}, {**one, "valor": None}, {**one, "peso_kg": [2.5]}]
    return [
        '{"orders": [',
        "",
        '"orders"',
        '{"pedidos": []}',
        '{"orders": {"canal": "app"}}',
        *(_question([other, each]) for each in lacking + odd),
    ]


def _question(orders: list[Order]) -> str:
    return json.dumps({"orders": orders}, ensure_ascii=False)


@hidden("deploy.batch")
def batch(case: Case) -> Outcome:
    """Each order is there once with the champion's chance, before the alias moved and after."""
    wrong = [sum(1 for _ in _wrong_rows(case, snapshot, version)) for snapshot, version in (("first", CHAMPION), ("second", SUCCESSOR))]
    return _told(
        not any(wrong),
        Text(
            "Each order once, with the chance and the version of the champion; also when another became champion.",
            "Cada pedido uma vez, com a chance e a versão do champion; também depois que outro virou champion.",
        ),
        Text(
            f"{wrong[0]} orders are not so at first, {wrong[1]} later.", f"{wrong[0]} pedidos não são assim no início, {wrong[1]} depois."
        ),
        Text(
            "Which model does the night ask, which orders, and what was there before?",
            "A que modelo a noite pergunta, de que pedidos, e o que havia antes?",
        ),
    )


@hidden("deploy.same")
def same(case: Case) -> Outcome:
    """The service gives each order the chance that the night's table has, to 1e-9."""
    night = {pedido: chance for pedido, chance, _ in _night(case, "first") if chance is not None}
    asked = far = 0
    for (_, _, body), status, answer in _good(case):
        wanted = [night.get(str(order["pedido_id"]), math.nan) for order in json.loads(body)["orders"]]
        asked += len(wanted)
        far += 0 if status == 200 and _close(answer.get("predictions"), wanted) else len(wanted)
    return _told(
        asked > 0 and not far,
        Text(f"The same chance at night and by call, to {CLOSE:g}.", f"A mesma chance à noite e por chamada, até {CLOSE:g}."),
        Text(f"{far} of {asked} orders have another, or none.", f"{far} de {asked} pedidos têm outra, ou nenhuma."),
        Text(
            "Do gaps, and keys in another order, go through the same function?",
            "Lacunas, e chaves em outra ordem, passam pela mesma função?",
        ),
        "1 · The champion / O champion",
    )


@hidden("deploy.refuse")
def refuse(case: Case) -> Outcome:
    """Wrong questions get a 4xx, right ones between them a 200; 503 as long as there is no model."""
    served = _served(case)
    early, later = served[:2], served[3:]
    right = [status for (_, path, body), status, _ in later if path == "/invocations" and _is_right(body)]
    others = [status for (_, path, body), status, _ in later if path != "/invocations" or not _is_right(body)]
    wrong, failed = sum(not 400 <= status < 500 for status in others), sum(status != 200 for status in right)
    ready = sum(status != 503 for _, status, _ in early)
    return _told(
        bool(later) and not wrong and not failed and not ready,
        Text(
            "A wrong question gets 400 to 499, a right one 200; 503 before there is a model.",
            "Uma pergunta errada recebe de 400 a 499, uma certa 200; 503 antes de haver modelo.",
        ),
        Text(
            f"{wrong} wrong questions, {failed} right ones and {ready} early ones got something else.",
            f"{wrong} perguntas erradas, {failed} certas e {ready} precoces receberam outra coisa.",
        ),
        Text("Who made the mistake, and what does the status say?", "De quem é o erro, e o que diz o status?"),
        GUIDED,
    )


@hidden("deploy.swap")
def swap(case: Case) -> Outcome:
    """While the alias moves no request fails, and each answer is wholly that of the version which it names."""
    replies = [reply for reply in _swapped(case) if reply[1] in {"new", "back"}]
    seen = {(act, over) for _, act, over, _, _ in replies}
    failed = sum(status != 200 for _, _, _, status, _ in replies)
    torn = sum(status == 200 and not _whole(case, request, answer) for request, _, _, status, answer in replies)
    return _told(
        len(seen) == 4 and not failed and not torn,
        Text(
            "No request fails while the model is replaced, and no answer mixes two.",
            "Nenhuma requisição falha na troca do modelo, e nenhuma resposta mistura dois.",
        ),
        Text(
            f"Of {len(replies)} requests {failed} failed; {torn} are not what the named version says.",
            f"De {len(replies)} requisições, {failed} falharam; {torn} não são o que diz a versão indicada.",
        ),
        Text("What does the service have while it loads?", "O que o serviço tem enquanto carrega?"),
        "5 · Break it / Quebre",
    )


@hidden("deploy.follows")
def follows(case: Case) -> Outcome:
    """After each refresh the alias' version answers, forward and back; `ping` names it too."""
    ping = [answer.get("version") for (_, path, _), status, answer in _served(case)[2:3] if path == "/ping" and status == 200]
    late = 0
    for act, version in MOVES:
        replies = [(request, answer) for request, name, over, _, answer in _swapped(case) if name == act and over and version != LOST]
        late += version != LOST and not (replies and all(_is(case, request, answer, version) for request, answer in replies))
    return _told(
        ping == [CHAMPION] and not late,
        Text(
            "After each refresh the champion answers, and ping names it.", "Depois de cada refresh, o champion responde, e o ping o indica."
        ),
        Text(
            f"It did not after {late} of 3 moves; ping: {len(ping)} answers.",
            f"Não respondeu depois de {late} de 3 mudanças; ping: {len(ping)} respostas.",
        ),
        Text(
            "Which version is it: the one with the alias, the newest, or the first you met?",
            "Qual versão: a do alias, a mais nova, ou a primeira que encontrou?",
        ),
    )


@hidden("deploy.broken")
def broken(case: Case) -> Outcome:
    """A champion that cannot be loaded changes nothing: the version before goes on answering."""
    swapped = _swapped(case)
    before = {str(answer.get("version")) for _, act, over, status, answer in swapped if act == "back" and over and status == 200}
    lost = [(request, status, answer) for request, act, _, status, answer in swapped if act == "lost"]
    wrong = sum(
        status != 200 or {str(answer.get("version"))} != before or not _whole(case, request, answer) for request, status, answer in lost
    )
    return _told(
        bool(lost) and not wrong,
        Text(
            "With a champion that cannot be loaded, the version before goes on answering.",
            "Com um champion que não pode ser carregado, a versão anterior segue respondendo.",
        ),
        Text(f"{wrong} of {len(lost)} requests got something else.", f"{wrong} de {len(lost)} requisições receberam outra coisa."),
        Text("When is the old model given up?", "Quando o modelo antigo é abandonado?"),
    )


def _orders(batches: dict[str, bytes]) -> dict[str, Order]:
    """Give each order as it was first registered, with what a question takes."""
    found: dict[str, Order] = {}
    for name in sorted(batches):
        for row in csv.DictReader(io.StringIO(batches[name].decode())):
            numbers = {column: float(row[column]) if row[column] else None for column in UNITS}
            found.setdefault(row["pedido_id"], {"pedido_id": row["pedido_id"], **numbers, "canal": row["canal"]})
    return found


def _chance(order: Order, weights: dict[str, float]) -> float:
    values = {name: (GAPS[name] if order[name] is None else float(str(order[name]))) / unit for name, unit in UNITS.items()}
    score = weights["constant"] + sum(weights[name] * value for name, value in values.items()) + weights[f"canal_{order['canal']}"]
    return 1 / (1 + math.exp(-score))


def _models(case: Case) -> dict[str, dict[str, float]]:
    published = [step.arguments["weights"] for step in case.steps if step.function == "publish"]
    return {str(number): weights for number, weights in enumerate(published, start=1) if weights}


def _night(case: Case, snapshot: str) -> list[tuple[str, float, str]]:
    table = case.bench(snapshot).read("night", {"pedido_id": ("string",), "chance": ("double",), "version": ("string",)})
    return list(zip(*(table[name].to_pylist() for name in ("pedido_id", "chance", "version")), strict=True))


def _wrong_rows(case: Case, snapshot: str, version: str) -> Iterator[str]:
    """Name each row that is not as it should be, and each order that has none."""
    wanted, weights = _orders(dict(case.batches)), _models(case)[version]
    for pedido, chance, told in _night(case, snapshot):
        order = wanted.pop(pedido, None)
        if order is None or told != version or not _close([chance], [_chance(order, weights)]):
            yield str(pedido)
    yield from wanted


def _arguments(case: Case, function: str) -> dict[str, object]:
    return next(step.arguments for step in case.steps if step.function == function)


def _replies(bench: Bench, table: str, columns: tuple[str, ...]) -> list[tuple]:
    types = {"text": ("string",), "act": ("string",), "over": ("boolean",)}
    data = bench.read(table, {name: types.get(name, ("long",)) for name in columns})
    rows = zip(*(data[name].to_pylist() for name in columns), strict=True)
    return [(*row[:-1], _said(row[-1])) for row in rows if None not in row]


def _served(case: Case) -> list[tuple[tuple[str, str, str], int, dict]]:
    """Give what a new service was asked, with status and answer, in order."""
    calls = _arguments(case, "serve_in")["calls"]
    rows = sorted(_replies(case.bench("served"), "served", ("call", "status", "text")), key=lambda row: row[0])
    if [row[0] for row in rows] != list(range(len(calls))):
        return []
    return [(tuple(call), status, answer) for call, (_, status, answer) in zip(calls, rows, strict=True)]


def _good(case: Case) -> list[tuple[tuple[str, str, str], int, dict]]:
    """Give the right questions that were asked when there was a model: those in which all that is asked for is there."""
    return [each for each in _served(case)[3:] if each[0][1] == "/invocations" and _is_right(each[0][2])]


def _is_right(body: str) -> bool:
    orders = _said(body).get("orders")
    return isinstance(orders, list) and all(
        set(UNITS) <= set(order)
        and "canal" in order
        and all(isinstance(order[name], float) or (name in GAPS and order[name] is None) for name in UNITS)
        for order in orders
    )


def _swapped(case: Case) -> list[tuple[int, str, bool, int, dict]]:
    """Give the replies to the crowd: number of the request, act, whether it was over, status, answer."""
    return _replies(case.bench("swapped"), "swapped", ("request", "act", "over", "status", "text"))


def _said(text: str) -> dict:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError, TypeError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _is(case: Case, request: int, answer: dict, version: str) -> bool:
    bodies = _arguments(case, "swap_in")["bodies"]
    if str(answer.get("version")) != version or not 0 <= request < len(bodies):
        return False
    return _close(
        answer.get("predictions"), [_chance(order, _models(case)[version]) for order in json.loads(bodies[request])["orders"]], ALIKE
    )


def _whole(case: Case, request: int, answer: dict) -> bool:
    named = str(answer.get("version"))
    return named in _models(case) and _is(case, request, answer, named)


def _close(found: object, wanted: list[float], near: float = CLOSE) -> bool:
    if not isinstance(found, list) or len(found) != len(wanted) or not all(isinstance(each, float | int) for each in found):
        return False
    return all(abs(one - other) <= near for one, other in zip(found, wanted, strict=True))


def _told(right: bool, expected: Text, found: Text, hint: Text, read: str = READ) -> Outcome:
    return Outcome(score=1 if right else 0, expected=expected, found=found, hint=hint, read=read)
