"""What the pages say, in English and Brazilian Portuguese, and which of the two a reader gets."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tornado.web import RequestHandler

    from dataflow_hub.settings import Lab

LANGUAGE_COOKIE = "dataflow-language"
_FILE = Path(__file__).parents[2] / "templates" / "texts.toml"


class Texts:
    """The texts of one language: call it with a key, and with values for the places in the text."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, key: str, **values: object) -> str:
        """Give the text called `key`."""
        entry = catalogue()[key]
        return entry[self.language].format(**values)


@lru_cache
def catalogue() -> dict[str, dict[str, str]]:
    """Give every text, by key and language."""
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def account_language(lab: Lab, name: str) -> str:
    """Give the language of an account, or the lab's own."""
    from dataflow_hub.roster import open_roster

    roster = open_roster(lab)
    return roster.language(name) if roster.exists(name) else lab.settings.hub.language


def preferred_language(handler: RequestHandler, lab: Lab, *, user: Any = None) -> str:
    """Give the reader's language: the account's, else the one chosen earlier, else the browser's, else the lab's."""
    if user is not None:
        return account_language(lab, user.name)
    chosen = handler.get_cookie(LANGUAGE_COOKIE)
    if chosen in ("en", "pt-BR"):
        return str(chosen)
    return from_header(handler.request.headers.get("Accept-Language", ""), default=lab.settings.hub.language)


def from_header(header: str, *, default: str) -> str:
    """Give the first language of an Accept-Language header that the pages have, by its quality values."""
    wanted = sorted((_quality(part) for part in header.split(",") if part.strip()), key=lambda entry: -entry[0])
    for quality, tag in wanted:
        if quality > 0 and tag.startswith("pt"):
            return "pt-BR"
        if quality > 0 and tag.startswith("en"):
            return "en"
    return default


def _quality(part: str) -> tuple[float, str]:
    tag, _, options = part.partition(";")
    try:
        quality = float(options.strip().removeprefix("q=")) if options.strip() else 1.0
    except ValueError:
        quality = 0.0
    return quality, tag.strip().lower()
