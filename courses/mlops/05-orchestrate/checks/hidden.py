"""What a submission is checked on after it was handed in: nine properties of nights that nobody has seen.

Each looks at its own nights: `rows` at those without any fault, `backoff` at the second (the store is busy), `rerun` at the fourth (the
commit of its rows is refused) and the sixth (that of its promotion is), `permanent` and `failed_night` at the seventh (its file
is gone); `quiet` at the rainy nights, `drift` at the third, `validated` at the fifth, `resumed` at the sixth.
"""

from collections import Counter
from itertools import pairwise
from random import Random

import numpy as np

from dataflow_hub.grading.cases import Case, hidden
from dataflow_hub.grading.scenario import Step
from dataflow_kernels.checks import Outcome, Text

SILVER, CHAMPION, REQUESTS = "silver/entregas", "models/champion", "source/requests"
FIRST, BUSY, DISTRICT, REFUSED, CLOCK, KILLED, GONE = range(7)
WAITS = (0.4, 0.8)
_CLOSE = 0.02  # relative: a line through the same points is the same, copies among them or not


def scenario(rng: Random, batches: dict[str, bytes]) -> list[Step]:
    """Play seven nights: the store busy, a commit refused, a promotion refused, a file that is gone; then start again what was left."""
    del rng
    days = [name.removeprefix("entregas-").removesuffix(".jsonl") for name in sorted(batches)]

    def night(number: int, **more: str) -> Step:
        return Step("nightly", {"day": days[number], "source": "{landing}", "place": "{lake}"}, **more)

    def outage(number: int, status: int, times: int) -> Step:
        return Step("outage", {"day": days[number], "status": status, "times": times, "place": "{lake}"})

    return [
        Step("prepare", {"place": "{lake}"}),
        night(FIRST),
        outage(BUSY, 503, 2),
        night(BUSY, snapshot="rain"),
        night(DISTRICT, snapshot="district"),
        night(REFUSED, fault="commit_refused", table=SILVER),
        night(REFUSED, snapshot="again"),
        night(CLOCK, snapshot="clock"),
        night(KILLED, fault="commit_refused", table=CHAMPION),
        outage(GONE, 410, 9),
        night(GONE, snapshot="failed"),
        night(KILLED),
        night(KILLED, snapshot="end"),
    ]


@hidden("etl.rows")
def rows(case: Case) -> Outcome:
    """The nights without a fault are there: each good delivery once, with its numbers, and the void ones not."""
    missing, added = _compare(case, "clock", (FIRST, DISTRICT, CLOCK))
    return Outcome(
        score=0 if missing or added else 1,
        expected=Text(
            "Each good delivery of each night once, all nights in one table.",
            "Cada entrega boa de cada noite uma vez, todas as noites numa tabela.",
        ),
        found=_tally(missing, added),
        hint=Text("Run two nights. Which days are in silver?", "Execute duas noites. Que dias estão na silver?"),
        read="4 · Challenge / Desafio",
    )


@hidden("etl.backoff")
def backoff(case: Case) -> Outcome:
    """After two 503 the third request succeeded, the waits grew, and the call took at least as long; rows of the night are there."""
    asked = _requests(case, "rain", BUSY)
    waits = [(later - sooner).total_seconds() for (sooner, _), (later, _) in pairwise(asked)]
    call = case.call(_step(case, BUSY))
    waited = all(wait >= least for wait, least in zip(waits, WAITS, strict=False)) and call is not None and call.seconds >= sum(WAITS)
    there = any(day == _day(case, BUSY) for day, *_ in _silver(case, "rain"))
    fine = [status for _, status in asked] == [503, 503, 200] and waited and there
    told = ", ".join(f"{wait:.2f} s" for wait in waits[:4]) or "—"
    return Outcome(
        score=1 if fine else 0,
        expected=Text(
            "After two 503 the third request brings the night, after waits of at least 0.4 s and 0.8 s.",
            "Depois de dois 503, a terceira requisição traz a noite, após esperas de pelo menos 0,4 s e 0,8 s.",
        ),
        found=Text(f"{len(asked)} requests; waits: {told}.", f"{len(asked)} requisições; esperas: {told}."),
        hint=Text("Look at the timeline of a night with an outage.", "Olhe a linha do tempo de uma noite com falha."),
        read="3 · Guided exercise / Exercício guiado",
    )


@hidden("etl.permanent")
def permanent(case: Case) -> Outcome:
    """A file that is gone is asked for once."""
    asked = _requests(case, "failed", GONE)
    return Outcome(
        score=1 if [status for _, status in asked] == [410] else 0,
        expected=Text("One request for a file that is gone.", "Uma requisição para um arquivo que não existe mais."),
        found=Text(f"{len(asked)} requests.", f"{len(asked)} requisições."),
        hint=Text("Which errors are worth another attempt?", "Que erros merecem outra tentativa?"),
        read="3 · Guided exercise / Exercício guiado",
    )


@hidden("etl.rerun")
def rerun(case: Case) -> Outcome:
    """The nights whose commit or promotion was refused, and that were started again, are there, each row once."""
    missing, added = _compare(case, "end", (REFUSED, KILLED))
    return Outcome(
        score=0 if missing or added else 1,
        expected=Text(
            "A night that died and was started again is in silver once.",
            "Uma noite que morreu e foi iniciada de novo está na silver uma única vez.",
        ),
        found=_tally(missing, added),
        hint=Text("Run one night three times, and count.", "Execute uma noite três vezes e conte."),
        read="4 · Challenge / Desafio",
    )


@hidden("retrain.failed_night")
def failed_night(case: Case) -> Outcome:
    """The night whose file is gone raised, wrote no row and promoted nothing, though a drift was waiting."""
    call = case.call(_step(case, GONE))
    raised = call is not None and bool(call.error)
    written = sum(n for (day, *_), n in _silver(case, "failed").items() if day == _day(case, GONE))
    before, after = len(_champions(case, "clock")), len(_champions(case, "failed"))
    return Outcome(
        score=1 if raised and not written and before == after and before else 0,
        expected=Text(
            "A night that cannot be fetched raises, and changes nothing.",
            "Uma noite que não pode ser buscada levanta um erro e não muda nada.",
        ),
        found=Text(
            f"{'It raised' if raised else 'It did not raise'}; {written} rows; {after - before} promotions.",
            f"{'Levantou o erro' if raised else 'Não levantou erro'}; {written} linhas; {after - before} promoções.",
        ),
        hint=Text("What does your flow do after a task has failed?", "O que o seu fluxo faz depois que uma task falhou?"),
        read="5 · Challenge / Desafio",
    )


@hidden("retrain.quiet")
def quiet(case: Case) -> Outcome:
    """Rain is no drift: one champion after the second night, and none more after the fourth."""
    rain = len(_champions(case, "rain"))
    extra = len(_champions(case, "again")) - len(_champions(case, "district"))
    return Outcome(
        score=1 if rain == 1 and extra == 0 else 0,
        expected=Text(
            "A first champion, and no promotion while the drift is below the limit.",
            "Um primeiro champion, e nenhuma promoção enquanto o drift está abaixo do limite.",
        ),
        found=Text(f"{rain} after two nights; {extra} more on the fourth.", f"{rain} depois de duas noites; mais {extra} na quarta."),
        hint=Text("Drift from which model? The champion of today.", "Drift em relação a que modelo? O champion de hoje."),
        read="5 · Challenge / Desafio",
    )


@hidden("retrain.drift")
def drifted(case: Case) -> Outcome:
    """The new district gave one new champion, learned from that morning."""
    gained = len(_champions(case, "district")) - len(_champions(case, "rain"))
    right = gained == 1 and _learned_from(case, "district", DISTRICT)
    return _promoted(right, gained)


@hidden("retrain.resumed")
def resumed(case: Case) -> Outcome:
    """The promotion that was refused is made once the night is started again, once."""
    gained = len(_champions(case, "end")) - len(_champions(case, "failed"))
    right = gained == 1 and _learned_from(case, "end", KILLED)
    return _promoted(right, gained)


@hidden("retrain.validated")
def validated(case: Case) -> Outcome:
    """A candidate that is worse on the afternoon is not promoted, whatever the drift."""
    before, after = len(_champions(case, "again")), len(_champions(case, "clock"))
    return Outcome(
        score=1 if before == after and before else 0,
        expected=Text(
            "A candidate with a larger error on the afternoon is not promoted.",
            "Um candidato com erro maior à tarde não é promovido.",
        ),
        found=Text(f"{after - before} promotions; {before} champions before.", f"{after - before} promoções; {before} champions antes."),
        hint=Text("On which rows do you compare, and in which order?", "Em que linhas você compara, e em que ordem?"),
        read="5 · Challenge / Desafio",
    )


def _promoted(right: bool, gained: int) -> Outcome:
    other = Text(f"{gained} promotions, or of another model.", f"{gained} promoções, ou de outro modelo.")
    return Outcome(
        score=1 if right else 0,
        expected=Text(
            "One promotion: the model of that night's morning.",
            "Uma promoção: o modelo da manhã daquela noite.",
        ),
        found=Text("It was.", "Foi o caso.") if right else other,
        hint=Text(
            "What does your flow look at to know that there is something left to do?",
            "O que o seu fluxo olha para saber que ainda há algo a fazer?",
        ),
        read="5 · Challenge / Desafio",
    )


def _day(case: Case, number: int) -> str:
    return str(case.ledger.days[number])


def _step(case: Case, number: int) -> int:
    """Give the place of a night's last call among the steps."""
    return max(at for at, step in enumerate(case.steps) if step.function == "nightly" and step.arguments["day"] == _day(case, number))


def _requests(case: Case, snapshot: str, number: int) -> list[tuple]:
    columns = {"dia": ("string",), "status": ("long",), "em": ("timestamp",)}
    rows = case.bench(snapshot).read(REQUESTS, columns).to_pylist()
    return sorted((each["em"], each["status"]) for each in rows if each["dia"] == _day(case, number) and each["em"] is not None)


def _silver(case: Case, snapshot: str) -> Counter:
    """Count the rows of silver by day, id, distance and minutes."""
    columns = {"dia": ("string",), "entrega_id": ("string",), "distancia_km": ("double",), "minutos": ("double",)}
    table = case.bench(snapshot).read(SILVER, columns)
    return Counter(zip(*(table[name].to_pylist() for name in columns), strict=True))


def _truth(case: Case, number: int) -> set[tuple]:
    truth, day = case.ledger, _day(case, number)
    places = np.flatnonzero((truth.night == number) & ~truth.void)
    return {(day, truth.ids[at], float(truth.km[at]), float(truth.minutes[at])) for at in places.tolist()}


def _compare(case: Case, snapshot: str, numbers: tuple[int, ...]) -> tuple[int, int]:
    """Count the deliveries of some nights that are missing, and the rows beyond them."""
    days = {_day(case, number) for number in numbers}
    found = Counter({row: n for row, n in _silver(case, snapshot).items() if row[0] in days})
    expected = Counter(row for number in numbers for row in _truth(case, number))
    return (expected - found).total(), (found - expected).total()


def _champions(case: Case, snapshot: str) -> list[dict]:
    """Give the promoted models, oldest first."""
    columns = {"version": ("long",), "intercept": ("double",), "slope": ("double",)}
    return case.bench(snapshot).read(CHAMPION, columns).sort_by("version").to_pylist()


def _learned_from(case: Case, snapshot: str, number: int) -> bool:
    """Tell whether the newest champion is the line through the good deliveries of one morning."""
    truth = case.ledger
    rows = (truth.night == number) & ~truth.void & truth.morning
    slope, intercept = np.polyfit(truth.km[rows], truth.minutes[rows], 1)
    newest = _champions(case, snapshot)[-1]
    found = (newest["slope"] or 0.0) * truth.km[rows] + (newest["intercept"] or 0.0)
    return bool(np.allclose(found, slope * truth.km[rows] + intercept, rtol=_CLOSE))


def _tally(missing: int, added: int) -> Text:
    if not missing and not added:
        return Text("All rows are there.", "Todas as linhas estão lá.")
    return Text(f"{missing} deliveries are missing, {added} rows too many.", f"Faltam {missing} entregas; há {added} linhas a mais.")
