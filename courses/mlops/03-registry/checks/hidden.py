"""What a submission is checked on after it was handed in: six properties of a gate, on candidates trained on unseen orders.

Eight candidates are submitted, with a copy of the registry after each; twice the champion is sent back. By construction the losses
fall from `few` to `whole`, `line`, `forest` and `leak`; `memory` wins the training rows and loses the holdout; `leak` and `whole` have
the wrong inputs. What a property asks is told from what the registry held before, so that one mistake costs its own marks.
"""

from random import Random

from dataflow_hub.grading.cases import Case, hidden
from dataflow_hub.grading.scenario import Step
from dataflow_kernels.checks import ArtefactError, Outcome, Text
from dataflow_kernels.checks.runs import ModelVersion

MODEL = "atraso"
WRONG_INPUTS = ("leak", "whole")
# snapshot -> what was done: a recipe that was submitted, or None for the way back
ACTS = {
    "first": "few",
    "whole": "whole",
    "better": "line",
    "memory": "memory",
    "leak": "leak",
    "best": "forest",
    "tie": "forest",
    "worse": "few",
    "back": None,
    "further_back": None,
}


def scenario(rng: Random, batches: dict[str, bytes]) -> list[Step]:
    """Submit and go back, act by act."""
    del rng, batches
    return [
        Step("go_back", {"place": "{lake}"}, snapshot=name)
        if recipe is None
        else Step("submit", {"recipe": recipe, "source": "{landing}", "place": "{lake}"}, snapshot=name)
        for name, recipe in ACTS.items()
    ]


@hidden("gate.better")
def better(case: Case) -> Outcome:
    """The first candidate is champion, and twice a better one replaces it."""
    moves = [_moved(case, name) for name in ("first", "better", "best")]
    return _told(
        all(moves),
        Text("A first candidate is champion; a better one replaces it.", "O primeiro candidato é champion; um melhor o substitui."),
        Text(f"{sum(moves)} of 3 were promoted.", f"{sum(moves)} de 3 foram promovidos."),
        Text("Is a smaller loss better, or a larger one?", "Uma perda menor é melhor, ou uma maior?"),
    )


@hidden("gate.worse")
def worse(case: Case) -> Outcome:
    """A candidate that is as good as the champion, and one that is worse, are not promoted."""
    moves = [_moved(case, name) for name in ("tie", "worse")]
    return _told(
        not any(moves) and _champion(case, "worse") is not None,
        Text("Only a smaller loss is promoted.", "Só uma perda menor é promovida."),
        Text(f"{sum(moves)} of 2 were promoted.", f"{sum(moves)} de 2 foram promovidos."),
        Text("Submit the same recipe twice.", "Envie a mesma receita duas vezes."),
    )


@hidden("gate.unseen")
def unseen(case: Case) -> Outcome:
    """A candidate that knows the training rows by heart is not promoted."""
    moved = _moved(case, "memory")
    return _told(
        not moved and _champion(case, "memory") is not None,
        Text("Candidates are judged on rows that they have not seen.", "Candidatos são julgados em linhas que não viram."),
        Text("A memory of the training rows was promoted.", "Uma memória das linhas de treino foi promovida.")
        if moved
        else Text("There is no champion, or it stayed.", "Não há champion, ou ele ficou."),
        Text("Which rows does your loss look at?", "Que linhas a sua perda olha?"),
    )


@hidden("gate.signature")
def signature(case: Case) -> Outcome:
    """Candidates that ask for another column, or for other types, are not promoted though their loss is smaller."""
    moves = [_moved(case, name) for name in ("whole", "leak")]
    return _told(
        not any(moves) and _champion(case, "leak") is not None,
        Text("Other columns or types than the contract's are refused.", "Colunas ou tipos diferentes dos do contrato são recusados."),
        Text(f"{sum(moves)} of 2 were promoted.", f"{sum(moves)} de 2 foram promovidos."),
        Text("Compare names and types, all of them.", "Compare nomes e tipos, todos."),
    )


@hidden("gate.rollback")
def rollback(case: Case) -> Outcome:
    """Each way back leads to the version that was champion before the current one became it; the first stays. Half the marks each."""
    crowned = [_champion(case, name) for name, recipe in ACTS.items() if recipe and _moved(case, name)]
    right = []
    for name in ("back", "further_back"):
        crowned = crowned[:-1] if len(crowned) > 1 else crowned
        right.append(bool(crowned) and all(right) and _champion(case, name) == crowned[-1])
    return Outcome(
        score=sum(right) / 2,
        expected=Text("The alias is back on the champion before; twice.", "O alias volta ao champion anterior; duas vezes."),
        found=Text(f"{sum(right)} of 2 led there.", f"{sum(right)} de 2 levaram até lá."),
        hint=Text("What was refused in between has a number too.", "O que foi recusado no meio também tem um número."),
        read="4 · Challenge / Desafio",
    )


@hidden("gate.audit")
def audit(case: Case) -> Outcome:
    """Each submission left one version, and its tag says what became of it."""
    wrong, seen = 0, set[int]()
    for name, recipe in ACTS.items():
        if recipe is None:
            continue
        new = [each for each in _versions(case, name) if each.version not in seen]
        seen |= {each.version for each in new}
        allowed = ("promoted",) if _moved(case, name) else ("signature",) if recipe in WRONG_INPUTS else ("worse",)
        wrong += len(new) != 1 or new[0].tags.get("decision") not in allowed
    return Outcome(
        score=0 if wrong or _champion(case, "first") is None else 1,
        expected=Text("Each candidate is a version, with its decision.", "Cada candidato é uma versão, com sua decisão."),
        found=Text(f"{wrong} of 8 are not so.", f"{wrong} de 8 não são assim."),
        hint=Text("What does the registry know of a candidate that was refused?", "O que o registro sabe de um candidato recusado?"),
        read="4 · Challenge / Desafio",
    )


def _versions(case: Case, snapshot: str) -> tuple[ModelVersion, ...]:
    try:
        return case.bench(snapshot).models(MODEL)
    except ArtefactError:
        return ()


def _champion(case: Case, snapshot: str) -> int | None:
    """Give the version with the alias; None when there is none."""
    return next((each.version for each in _versions(case, snapshot) if "champion" in each.aliases), None)


def _moved(case: Case, snapshot: str) -> bool:
    """Tell whether an act changed the champion."""
    names = list(ACTS)
    now = _champion(case, snapshot)
    then = None if snapshot == names[0] else _champion(case, names[names.index(snapshot) - 1])
    return now is not None and now != then


def _told(right: bool, expected: Text, found: Text, hint: Text) -> Outcome:
    return Outcome(score=1 if right else 0, expected=expected, found=found, hint=hint, read="4 · Challenge / Desafio")
