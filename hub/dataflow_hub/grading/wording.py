"""The words of the lessons: one glossary for both languages, and sentences that a learner can read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dataflow_hub.errors import LessonError
from dataflow_hub.grading.course import Words

GLOSSARY = Path(__file__).resolve().parents[3] / "courses" / "glossary.toml"
LONGEST_SENTENCE, MEAN_SENTENCE = 45, 14  # words; a step of a list, or what stands before a colon, counts as a sentence

_NOT_PROSE = re.compile(r"```.*?```|^\s*\|.*$|^#+ .*$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`[^`]*`")
_LIST_ITEM = re.compile(r"\n\s*(?:\d+\.|-) ")
_SENTENCE_END = re.compile(r"(?<=[.!?:;])\s+")


@dataclass(frozen=True)
class Term:
    """One term in both languages, what it means, and the words that each language's texts may not use for it."""

    words: Words
    meaning: Words
    instead_of: dict[str, tuple[str, ...]]


@cache
def glossary(path: Path = GLOSSARY) -> tuple[Term, ...]:
    """Read the glossary.

    Raises
    ------
    LessonError
        It is missing or says something else than terms.
    """
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["term"]
        return tuple(_term(entry) for entry in entries)
    except (OSError, ValueError, KeyError) as error:
        raise LessonError(f"{path} is no glossary.", why=str(error), fix="Mend the entry it names.") from error


def _term(entry: dict[str, object]) -> Term:
    avoided = entry.get("instead_of", {})
    assert isinstance(avoided, dict)
    words = Words.model_validate({language: entry[language] for language in ("en", "pt-BR")})
    return Term(words, Words.model_validate(entry["meaning"]), {language: tuple(texts) for language, texts in avoided.items()})


def problems(text: str, language: str) -> Iterator[str]:
    """Say what in the prose of one language a learner would stumble over: words that the glossary replaces, sentences too long."""
    prose = _CODE.sub("x", _NOT_PROSE.sub("", text))
    for term in glossary():
        for word in term.instead_of.get(language, ()):
            if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", prose, re.IGNORECASE):
                yield f"{language}: the glossary says {term.words.to(language)!r} for {word!r}"
    lengths = {sentence: len(re.findall(r"\w+", sentence)) for sentence in _sentences(prose)}
    yield from (f"{language}: a sentence of {count} words: {text[:60]}…" for text, count in lengths.items() if count > LONGEST_SENTENCE)
    if lengths and sum(lengths.values()) / len(lengths) > MEAN_SENTENCE:
        yield f"{language}: sentences of {sum(lengths.values()) / len(lengths):.0f} words on average, at most {MEAN_SENTENCE} are allowed"


def _sentences(prose: str) -> list[str]:
    joined = _LIST_ITEM.sub(". ", prose).replace("\n\n", ". ").replace("\n", " ")
    return [sentence for sentence in _SENTENCE_END.split(joined) if re.search(r"\w", sentence)]
