"""What a student can check while working: the version of their data, and the runs of their last training."""

import csv
import hashlib
import io
from collections import Counter

from dataflow_kernels.checks import Bench, Outcome, Text, visible

LESSON = "02-train"
GRID = {("2", "1"), ("6", "5"), ("12", "2")}
EVIDENCE = {"run_id": ("string",), "part": ("string",), "pedido_id": ("string",), "previsto": ("long", "integer", "short", "byte")}
READ = "4 · Challenge / Desafio"


@visible("train.digest")
def digest(bench: Bench) -> Outcome:
    """The version is the SHA-256 of the files' bytes, in the order of their names."""
    told = bench.read("mlops/version", {"version": ("string",)})["version"].to_pylist()
    files = bench.landing()
    version = hashlib.sha256(b"".join(files[name] for name in sorted(files))).hexdigest()
    return Outcome(
        score=1 if told == [version] else 0,
        expected=Text(f"{version[:12]}…, from {len(files)} files.", f"{version[:12]}…, de {len(files)} arquivos."),
        found=Text(f"{str((told or ['nothing'])[0])[:12]}…", f"{str((told or ['nada'])[0])[:12]}…"),
        hint=Text(
            "All files? Their bytes, and not their names? In the order of the names, though the list was given backwards?",
            "Todos os arquivos? Os bytes, e não os nomes? Na ordem dos nomes, embora a lista tenha vindo de trás para a frente?",
        ),
        read="3 · Guided exercise / Exercício guiado",
    )


@visible("train.runs")
def runs(bench: Bench) -> Outcome:
    """The last training left runs with params, metrics, tags and predictions; one is chosen, with a model and a signature."""
    data = bench.read("mlops/training/predictions", EVIDENCE)
    left = Counter(zip(data["run_id"].to_pylist(), data["part"].to_pylist(), strict=True))
    mine = [run for run in bench.runs("atraso") if run.run_id in {run_id for run_id, _ in left}]
    wrong = [{"run": run.run_id[:8], "?": what} for run in mine for what in _missing(run, left, _sizes(bench))]
    tried = {(run.params.get("max_depth", ""), run.params.get("min_samples_leaf", "")) for run in mine}
    if tried != GRID or len(mine) != len(GRID):
        wrong.append({"run": "—", "?": f"{len(mine)} runs; max_depth and min_samples_leaf: {sorted(tried)}"})
    chosen = [run for run in mine if run.tags.get("chosen") == "yes"]
    if len(chosen) != 1:
        wrong.append({"run": "—", "?": f"{len(chosen)} runs with the tag chosen = yes"})
    return Outcome(
        score=0 if wrong else 1,
        expected=Text(
            "Three runs with params, f1_validation and data_version; one of them chosen, with f1_test, a model and its signature.",
            "Três execuções com params, f1_validation e data_version; uma delas escolhida, com f1_test, um modelo e sua assinatura.",
        ),
        found=Text(f"{len(mine)} runs; {len(wrong)} things are missing.", f"{len(mine)} execuções; faltam {len(wrong)} coisas."),
        hint=Text(
            "Look at `tracking.runs('atraso').head(3).T`, and count the rows of the predictions by `run_id` and `part`.",
            "Olhe `tracking.runs('atraso').head(3).T` e conte as linhas das previsões por `run_id` e `part`.",
        ),
        read=READ,
        rows=tuple(wrong[:5]),
    )


def _missing(run: object, left: Counter, sizes: dict[str, int]) -> list[str]:
    chosen = run.tags.get("chosen") == "yes"  # type: ignore[attr-defined]
    parts = ("validation", "test") if chosen else ("validation",)
    found = [f"no metric {name}" for name in ("f1_validation", "f1_test")[: len(parts)] if name not in run.metrics]  # type: ignore[attr-defined]
    if "data_version" not in run.tags:  # type: ignore[attr-defined]
        found.append("no tag data_version")
    for part in parts:
        rows = left[run.run_id, part]  # type: ignore[attr-defined]
        if rows != sizes[part]:
            found.append(f"{rows} predictions of {part}, not {sizes[part]}")
    if chosen and not any(model.signature for model in run.models):  # type: ignore[attr-defined]
        found.append("no model with a signature")
    return found


def _sizes(bench: Bench) -> dict[str, int]:
    """Count the orders of validation and of test."""
    files = bench.landing()
    months = [name.removeprefix("entregas-").removesuffix(".csv") for name in sorted(files)]
    rows = (row for content in files.values() for row in csv.DictReader(io.StringIO(content.decode())))
    placed = {row["pedido_id"]: row["ts_pedido"][:7] for row in rows}
    return {"validation": sum(at == months[5] for at in placed.values()), "test": sum(at >= months[6] for at in placed.values())}


# Checked after submission, on data that you have not seen.
PROMISES = {
    "train.exam": (
        "the metric can be computed again from the predictions",
        "a métrica pode ser recalculada a partir das previsões",
    ),
    "train.baseline": (
        "better than the best constant answer",
        "melhor que a melhor resposta constante",
    ),
    "train.validation": (
        "each candidate a run, with its true score on validation",
        "cada candidato uma execução, com sua nota verdadeira em validation",
    ),
    "train.choice": (
        "chosen by validation, examined once",
        "escolhido por validation, uma única prova",
    ),
    "train.version": (
        "every run knows its data's version",
        "toda execução conhece a versão dos seus dados",
    ),
    "train.signature": (
        "the model says what it takes",
        "o modelo diz o que recebe",
    ),
    "train.repeat": (
        "trained again, the same numbers",
        "treinado de novo, os mesmos números",
    ),
}
