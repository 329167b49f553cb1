"""What a student reads under a graded cell: which property held and which did not, in their language, and nothing of the data."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dataflow_hub.grading.course import CheckSpec
    from dataflow_kernels.checks.outcome import Outcome

_WORDS = {
    "en": {
        "passed": "passed",
        "part": "in part",
        "failed": "failed",
        "expected": "Expected",
        "found": "Found",
        "hint": "Hint",
        "read": "Read",
        "points": "points",
        "refused": "This submission could not be run to its end",
    },
    "pt-BR": {
        "passed": "passou",
        "part": "em parte",
        "failed": "falhou",
        "expected": "Esperado",
        "found": "Encontrado",
        "hint": "Dica",
        "read": "Leia",
        "points": "pontos",
        "refused": "Esta entrega não pôde ser executada até o fim",
    },
}


def note(specs: Sequence[CheckSpec], outcomes: Mapping[str, Outcome], language: str) -> str:
    """Give the HTML note of one graded cell, one list item a check."""
    return "\n".join(_item(spec, outcomes[spec.id], language) for spec in specs)


def refusal_note(reason: str, language: str) -> str:
    """Give the HTML note of a cell in a submission that was refused."""
    return f"<b>{_words(language)['refused']}.</b> {escape(reason)}"


def run_note(error: str, language: str) -> str:
    """Give the HTML note that says how a run was cut short."""
    return f"<i>{_words(language)['refused']}: {escape(error[:500])}</i>" if error else ""


def _words(language: str) -> dict[str, str]:
    return _WORDS["pt-BR" if language.lower().startswith("pt") else "en"]


def _item(spec: CheckSpec, outcome: Outcome, language: str) -> str:
    words = _words(language)
    state = "passed" if outcome.passed else "part" if outcome.score > 0 else "failed"
    sign = {"passed": "✔", "part": "◐", "failed": "✘"}[state]
    points = f"{spec.points * outcome.score:g}/{spec.points:g} {words['points']}"
    title = f"{sign} <b>{escape(spec.title.to(language))}</b>: {words[state]} ({points})"
    # Lists only: nbconvert, which shows this in formgrader, knows no paragraphs and would print their tags.
    if outcome.passed:
        return f"<ul><li>{title}</li></ul>"
    facts = {name: getattr(outcome, name).to(language) for name in ("expected", "found", "hint")} | {"read": outcome.read}
    lines = "".join(f"<li>{words[name]}: {escape(text)}</li>" for name, text in facts.items() if text)
    return f"<ul><li>{title}<ul>{lines}</ul></li></ul>"
