"""How an outcome looks in a notebook: a card, and the same as plain text."""

from __future__ import annotations

from html import escape

from dataflow_kernels.checks.outcome import Outcome, Text

_LABELS = {
    "expected": Text("Expected", "Esperado"),
    "found": Text("Found", "Encontrado"),
    "hint": Text("Hint", "Dica"),
    "read": Text("Read", "Leia"),
}
_PASSED = Text("passed", "passou")
_FAILED = Text("not yet", "ainda não")
_LATER = Text(
    "Graded after submission, on data you have not seen.",
    "Avaliado depois da entrega, com dados que você não viu.",
)
_BOX = "border-left:4px solid {colour};padding:.5em 1em;margin:.4em 0;background:{colour}14;font-family:sans-serif;max-width:60em"


class Card:
    """One outcome, or one promise of a hidden check, as IPython shows it."""

    def __init__(self, title: str, colour: str, lines: list[tuple[str, str]], rows: tuple[dict[str, str], ...] = ()) -> None:
        self._title, self._colour, self._lines, self._rows = title, colour, lines, rows

    def _repr_html_(self) -> str:
        items = "".join(f"<div>{f'<b>{escape(label)}:</b> ' if label else ''}{escape(text)}</div>" for label, text in self._lines)
        title = f'<b style="color:{self._colour}">{escape(self._title)}</b>'
        return f'<div style="{_BOX.format(colour=self._colour)}">{title}{items}{_table(self._rows)}</div>'

    def __repr__(self) -> str:
        lines = [self._title, *(f"  {label}: {text}" if label else f"  {text}" for label, text in self._lines)]
        return "\n".join([*lines, *("  " + " | ".join(f"{name}={value}" for name, value in row.items()) for row in self._rows)])


def of_outcome(outcome: Outcome, language: str) -> Card:
    """Show what a visible check found."""
    texts = [(name, text.to(language)) for name, text in (("found", outcome.found), ("expected", outcome.expected), ("hint", outcome.hint))]
    if outcome.passed:
        texts = texts[:1]
    elif outcome.read:
        texts.append(("read", outcome.read))
    mark, word, colour = ("✔", _PASSED, "#1a7f37") if outcome.passed else ("✘", _FAILED, "#b35900")
    lines = [(_LABELS[name].to(language), text) for name, text in texts if text]
    return Card(f"{mark} {outcome.check}: {word.to(language)}", colour, lines, tuple(dict(row) for row in outcome.rows))


def of_promise(check: str, promise: Text, language: str) -> Card:
    """Show what a hidden check will ask, and that it is not run here."""
    return Card(f"… {check}", "#3d5a80", [("", promise.to(language)), ("", _LATER.to(language))])


def _table(rows: tuple[dict[str, str], ...]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
    body = "".join("<tr>" + "".join(f"<td><code>{escape(value)}</code></td>" for value in row.values()) + "</tr>" for row in rows)
    return f'<table style="margin-top:.4em"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
