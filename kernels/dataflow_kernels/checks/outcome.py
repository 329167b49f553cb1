"""What a check says: a score, what was expected and found, a hint and where to read, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_TEXT = 2_000
MAX_ROWS = 5
MAX_CELL = 160


@dataclass(frozen=True)
class Text:
    """One sentence in English and in Brazilian Portuguese."""

    en: str
    pt: str

    def to(self, language: str) -> str:
        """Give the sentence in `language` ("en" or "pt-BR")."""
        return self.pt if language.lower().startswith("pt") else self.en


NOTHING = Text("", "")


@dataclass(frozen=True)
class Outcome:
    """The result of one check.

    Parameters
    ----------
    score
        From 0 to 1; less than 1 is a failed check with partial credit.
    expected, found, hint
        What the property asks, what the table shows, and one step towards it; never the answer.
    read
        A section of the lesson or an address to read.
    rows
        A few offending rows, as texts; only visible checks have them.
    check
        Filled in by whoever runs the check.
    """

    score: float
    expected: Text
    found: Text
    hint: Text = NOTHING
    read: str = ""
    rows: tuple[Mapping[str, str], ...] = field(default=())
    check: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.score <= 1:  # also refuses NaN
            message = f"a score is between 0 and 1, not {self.score}"
            raise ValueError(message)

    @property
    def passed(self) -> bool:
        """Whether the check has its full marks."""
        return self.score == 1

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for JSON, each text cut to `MAX_TEXT`."""
        texts = {name: {"en": text.en[:MAX_TEXT], "pt-BR": text.pt[:MAX_TEXT]} for name, text in self._texts().items()}
        return {"check": self.check, "score": self.score, **texts, "read": self.read[:MAX_TEXT], "rows": list(_cut(self.rows))}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Outcome:
        """Read what `to_dict` gave.

        Raises
        ------
        ValueError, KeyError, TypeError
            When it is anything else.
        """
        told = {name: data[name] for name in ("expected", "found", "hint")}
        texts = {name: Text(str(each["en"])[:MAX_TEXT], str(each["pt-BR"])[:MAX_TEXT]) for name, each in told.items()}
        if not isinstance(data["score"], (int, float)) or isinstance(data["score"], bool):
            message = "a score is a number"
            raise TypeError(message)
        read, rows = str(data["read"])[:MAX_TEXT], _cut(data["rows"])
        return cls(score=float(data["score"]), check=str(data["check"]), read=read, rows=rows, **texts)

    def _texts(self) -> dict[str, Text]:
        return {"expected": self.expected, "found": self.found, "hint": self.hint}


def _cut(rows: Any) -> tuple[dict[str, str], ...]:
    return tuple({str(name)[:MAX_CELL]: str(value)[:MAX_CELL] for name, value in row.items()} for row in list(rows)[:MAX_ROWS])
