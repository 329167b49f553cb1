"""What the dashboards say, in both languages."""

from __future__ import annotations

TEXTS: dict[str, dict[str, str]] = {
    "title": {"en": "Gold dashboards", "pt-BR": "Painéis da camada gold"},
    "closed": {"en": "Open this page from the hub.", "pt-BR": "Abra esta página pelo hub."},
    "live": {"en": "Live orders", "pt-BR": "Pedidos ao vivo"},
    "live_none": {
        "en": "No event has arrived yet. On the lab's machine: `./lab up live`, then `./lab produce pedidos --rate 5`.",
        "pt-BR": "Nenhum evento chegou ainda. Na máquina do laboratório: `./lab up live` e depois `./lab produce pedidos --rate 5`.",
    },
    "fresh": {"en": "Live: the last event arrived {seconds} s ago.", "pt-BR": "Ao vivo: o último evento chegou há {seconds} s."},
    "stale": {
        "en": "Stale: no event since {when} UTC. Either nobody sends events, or the stream stopped: `./lab status`.",
        "pt-BR": "Parado: nenhum evento desde {when} UTC. Ninguém está enviando eventos ou o fluxo parou: `./lab status`.",
    },
    "events": {"en": "Events", "pt-BR": "Eventos"},
    "by_minute": {"en": "Events a minute, by time of arrival", "pt-BR": "Eventos por minuto, pela hora de chegada"},
    "tables": {"en": "Gold tables", "pt-BR": "Tabelas gold"},
    "tables_none": {
        "en": "No table in the bucket `gold` yet. Whatever a pipeline writes there as a Delta table shows up here by itself.",
        "pt-BR": "Ainda não há tabela no bucket `gold`. Toda tabela Delta que um pipeline gravar lá aparece aqui sozinha.",
    },
    "choose": {"en": "Table", "pt-BR": "Tabela"},
    "facts": {
        "en": "Version {version}, changed {when} UTC, {rows} rows.",
        "pt-BR": "Versão {version}, alterada em {when} UTC, {rows} linhas.",
    },
    "first": {"en": "The first {rows} are shown.", "pt-BR": "As primeiras {rows} são mostradas."},
    "down": {
        "en": "The data cannot be read right now. The page tries again by itself.",
        "pt-BR": "Não é possível ler os dados agora. A página tenta de novo sozinha.",
    },
}


def speak(language: str, key: str, **values: object) -> str:
    """Give a text in `language`, or in English where it is not one of ours."""
    entry = TEXTS[key]
    return entry.get(language, entry["en"]).format(**values)
