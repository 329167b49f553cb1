"""What a submission is checked on after it was handed in: seven properties of a training, on orders that nobody has seen.

No model is loaded and no metric is believed: each is computed anew from the predictions that the training left and the truth of the
generator. `exam` and `baseline` look at predictions of the test, `validation` and `choice` at those of the validation month, `version`
at tags, `signature` at what the logged model says of itself, `repeat` at a second call.
"""

import hashlib
from collections import Counter, defaultdict
from random import Random

import numpy as np

from dataflow_hub.datagen.entregas import FILES, TEST_FILES
from dataflow_hub.grading.cases import Case, hidden
from dataflow_hub.grading.scenario import Step
from dataflow_kernels.checks import ArtefactError, Outcome, Text
from dataflow_kernels.checks.runs import Run

EXPERIMENT = "atraso"
GRID = {("2", "1"), ("6", "5"), ("12", "2")}
NUMBERS = ("distancia_km", "peso_kg", "valor", "fila_pedidos")
CHANNELS = ("site", "app", "loja", "telefone")
EVIDENCE = {"run_id": ("string",), "part": ("string",), "pedido_id": ("string",), "previsto": ("long", "integer", "short", "byte")}
MARGIN, CLOSE = 0.05, 1e-6
READ = "4 · Challenge / Desafio"

Told = dict[str, int]  # an order's id: what was predicted


def scenario(rng: Random, batches: dict[str, bytes]) -> list[Step]:
    """Train twice on the same files, named in an order that is not that of their names; one store of runs for both."""
    names = sorted(batches)
    days = [names[number].removeprefix("entregas-").removesuffix(".csv") + "-01" for number in (FILES - TEST_FILES - 1, FILES - TEST_FILES)]
    while names == sorted(names):
        rng.shuffle(names)
    files = [f"{{landing}}/{name}" for name in names]
    place = {"store": "{lake}", "files": files, "validation_day": days[0], "test_day": days[1]}
    return [Step("train_in", {**place, "out": f"{{lake}}/{out}"}, snapshot=out) for out in ("first", "second")]


@hidden("train.exam")
def exam(case: Case) -> Outcome:
    """`f1_test` is the F1 of the predictions for the orders of test, each of them once."""
    runs, told = _examined(case, "first")
    wrong = sum(not _is_true(runs[each].metrics.get("f1_test"), case, told[each]["test"], "test") for each in runs)
    return Outcome(
        score=1 if runs and not wrong else 0,
        expected=Text(
            "f1_test can be made again from the predictions for the orders of test.",
            "f1_test pode ser refeito a partir das previsões dos pedidos de test.",
        ),
        found=_found(len(runs), wrong),
        hint=Text(
            "Which rows does your metric look at, of which class, and who computed it?",
            "Que linhas a sua métrica olha, de que classe, e quem a calculou?",
        ),
        read=READ,
    )


@hidden("train.baseline")
def baseline(case: Case) -> Outcome:
    """The model is right on test more often than the best constant answer, by a margin."""
    runs, told = _examined(case, "first")
    truth = _truth(case, "test")
    share = sum(truth.values()) / len(truth)
    right = max((sum(told[each]["test"].get(order) == late for order, late in truth.items()) / len(truth) for each in runs), default=0.0)
    constant = max(share, 1 - share)
    return Outcome(
        score=1 if right >= constant + MARGIN else 0,
        expected=Text(f"Right at least {constant + MARGIN:.0%} of the time.", f"Certo em pelo menos {constant + MARGIN:.0%} das vezes."),
        found=Text(f"Right {right:.0%} of the time.", f"Certo em {right:.0%} das vezes."),
        hint=Text(
            "Do features and labels belong to the same rows? Did the forest learn from all of train?",
            "As features e os rótulos são das mesmas linhas? A floresta aprendeu com todo o train?",
        ),
        read=READ,
    )


@hidden("train.validation")
def validation(case: Case) -> Outcome:
    """Each candidate is one run with its params, and its `f1_validation` is the F1 of its predictions for validation."""
    runs, told = _trained(case, "first")
    tried = Counter(_key(run) for run in runs.values())
    missing = sum(tried[each] != 1 for each in GRID) + sum(each not in GRID for each in tried)
    wrong = sum(not _is_true(run.metrics.get("f1_validation"), case, told[each]["validation"], "validation") for each, run in runs.items())
    return Outcome(
        score=0 if missing or wrong or not runs else 1,
        expected=Text(
            f"{len(GRID)} runs, each with a candidate's params and the F1 of its predictions for validation.",
            f"{len(GRID)} execuções, cada uma com os params de um candidato e o F1 das suas previsões para validation.",
        ),
        found=Text(
            f"{missing} candidates are not there once; {wrong} numbers are others.",
            f"{missing} candidatos não aparecem uma vez; {wrong} números são outros.",
        ),
        hint=Text(
            "Fit on train alone; predict every order of validation with each candidate.",
            "Ajuste só com train; preveja todo pedido de validation com cada candidato.",
        ),
        read=READ,
    )


@hidden("train.choice")
def choice(case: Case) -> Outcome:
    """One run is chosen: the best on validation; it alone has met the test."""
    runs, told = _trained(case, "first")
    chosen = [each for each, run in runs.items() if run.tags.get("chosen") == "yes"]
    tested = {each for each in runs if told[each]["test"] or "f1_test" in runs[each].metrics}
    scores = {each: _f1(case, told[each]["validation"], "validation") for each in runs if told[each]["validation"]}
    best = len(chosen) == 1 and scores.get(chosen[0], -1.0) >= max(scores.values(), default=0.0) - CLOSE
    alone = tested == set(chosen)
    return Outcome(
        score=1 if best and alone else 0,
        expected=Text(
            "The best on validation is chosen, and it alone meets test.",
            "O melhor em validation é escolhido, e só ele encontra test.",
        ),
        found=Text(
            f"{len(chosen)} runs are chosen, {len(tested)} have met test" + ("." if best else "; it is not the best on validation."),
            f"{len(chosen)} execuções escolhidas, {len(tested)} encontraram test" + ("." if best else "; não é a melhor em validation."),
        ),
        hint=Text("How often is the exam opened, and when?", "Quantas vezes a prova é aberta, e quando?"),
        read="5 · Break it / Quebre",
    )


@hidden("train.version")
def version(case: Case) -> Outcome:
    """Every run has the version of the data it learned from."""
    runs, _ = _trained(case, "first")
    true = hashlib.sha256(b"".join(case.batches[name] for name in sorted(case.batches))).hexdigest()
    wrong = sum(run.tags.get("data_version") != true for run in runs.values())
    return Outcome(
        score=1 if runs and not wrong else 0,
        expected=Text("Every run has the data's version as a tag.", "Toda execução tem a versão dos dados como tag."),
        found=Text(f"{wrong} of {len(runs)} runs have another, or none.", f"{wrong} de {len(runs)} execuções têm outra, ou nenhuma."),
        hint=Text(
            "The version is made of the bytes, in the order of the files' names, at each call.",
            "A versão é feita dos bytes, na ordem dos nomes dos arquivos, a cada chamada.",
        ),
        read="3 · Guided exercise / Exercício guiado",
    )


@hidden("train.signature")
def signature(case: Case) -> Outcome:
    """The chosen run has a model whose signature takes the features, by name, and nothing else."""
    runs, _ = _examined(case, "first")
    wanted = {*NUMBERS, *(f"canal_{name}" for name in CHANNELS), *(f"regiao_{name}" for name in sorted({*_regions(case)}))}
    models = [model for run in runs.values() for model in run.models]
    fine = any(model.signature and {name for name, _ in model.signature.inputs} == wanted for model in models)
    return Outcome(
        score=1 if fine else 0,
        expected=Text(
            f"A logged model that says which {len(wanted)} features it takes.",
            f"Um modelo gravado que diz quais {len(wanted)} features recebe.",
        ),
        found=Text(
            f"{len(models)} models, {'one' if fine else 'none'} with that signature.",
            f"{len(models)} modelos, {'um' if fine else 'nenhum'} com essa assinatura.",
        ),
        hint=Text(
            "What does somebody know about your model who has only the run? See `log_model`.",
            "O que sabe do seu modelo quem só tem a execução? Veja `log_model`.",
        ),
        read="2 · Worked example / Exemplo resolvido",
    )


@hidden("train.repeat")
def repeat(case: Case) -> Outcome:
    """A second call gives runs of its own with the same metrics and the same predictions."""
    (one, told), (other, again) = _trained(case, "first"), _trained(case, "second")
    before = {_key(run): (told[each], run.metrics.get("f1_validation"), run.metrics.get("f1_test")) for each, run in one.items()}
    after = {_key(run): (again[each], run.metrics.get("f1_validation"), run.metrics.get("f1_test")) for each, run in other.items()}
    differ = sum(before.get(key) != after.get(key) for key in before.keys() | after.keys())
    shared = len(set(one) & set(other))
    kept = bool(one) and all(told[each]["validation"] for each in one)
    return Outcome(
        score=1 if kept and not differ and not shared else 0,
        expected=Text("Trained again: new runs, the same numbers.", "Treinado de novo: novas execuções, os mesmos números."),
        found=Text(
            f"{differ} candidates differ; {shared} runs are the same.",
            f"{differ} candidatos diferem; {shared} execuções são as mesmas.",
        ),
        hint=Text(
            "What in a random forest is random, and who decides on it?", "O que há de aleatório numa random forest, e quem decide isso?"
        ),
        read=READ,
    )


def _trained(case: Case, out: str) -> tuple[dict[str, Run], dict[str, dict[str, Told]]]:
    """Give the runs that left predictions in one call, and these by run and part; an order told twice is left out."""
    bench = case.bench("second" if out == "second" else "first")
    data = bench.read(f"{out}/predictions", EVIDENCE)
    rows = list(zip(*(data[name].to_pylist() for name in ("run_id", "part", "pedido_id", "previsto")), strict=True))
    often = Counter(row[:3] for row in rows)
    told: dict[str, dict[str, Told]] = defaultdict(lambda: {"validation": {}, "test": {}})
    for run, part, order, predicted in rows:
        if part in {"validation", "test"} and often[run, part, order] == 1 and predicted in {0, 1}:
            told[run][part][order] = predicted
    return {run.run_id: run for run in bench.runs(EXPERIMENT) if run.run_id in told}, told


def _examined(case: Case, out: str) -> tuple[dict[str, Run], dict[str, dict[str, Told]]]:
    runs, told = _trained(case, out)
    if not runs:
        raise ArtefactError(Text("No run has left predictions.", "Nenhuma execução deixou previsões."))
    return {each: run for each, run in runs.items() if told[each]["test"]}, told


def _key(run: Run) -> tuple[str, str]:
    return run.params.get("max_depth", ""), run.params.get("min_samples_leaf", "")


def _truth(case: Case, part: str) -> Told:
    ledger = case.ledger
    chosen = ledger.tested if part == "test" else ledger.file == FILES - TEST_FILES - 1
    return {ledger.ids[each]: int(ledger.late[each]) for each in np.flatnonzero(chosen)}


def _f1(case: Case, told: Told, part: str) -> float:
    truth = _truth(case, part)
    hits = sum(truth[order] and told.get(order) == 1 for order in truth)
    alarms = sum(told.get(order) == 1 for order in truth)
    return 2 * hits / max(1, alarms + sum(truth.values()))


def _is_true(metric: float | None, case: Case, told: Told, part: str) -> bool:
    return metric is not None and told.keys() == _truth(case, part).keys() and abs(metric - _f1(case, told, part)) < CLOSE


def _regions(case: Case) -> set[str]:
    return set(case.ledger.region)


def _found(runs: int, wrong: int) -> Text:
    if not runs:
        return Text("No run has met test.", "Nenhuma execução encontrou test.")
    return Text(f"{wrong} of {runs} numbers are others.", f"{wrong} de {runs} números são outros.")
