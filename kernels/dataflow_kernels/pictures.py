"""Pictures that lessons show: drawn here, without a network, in the student's language."""

from __future__ import annotations

from html import escape

from dataflow_kernels.checks.outcome import Text

_Stage = tuple[str, Text, Text, str]
_STAGES: tuple[_Stage, ...] = (
    ("sources", Text("Sources", "Fontes"), Text("shops, apps, files", "lojas, apps, arquivos"), "#5b6770"),
    ("bronze", Text("Bronze", "Bronze"), Text("all that landed, as it was", "tudo que chegou, como era"), "#a0622d"),
    ("silver", Text("Silver", "Silver"), Text("typed, unique, explained", "tipada, única, explicada"), "#6f7f8f"),
    ("gold", Text("Gold", "Gold"), Text("numbers people trust", "números confiáveis"), "#a8820a"),
    ("use", Text("Use", "Uso"), Text("dashboards, models", "painéis, modelos"), "#3d5a80"),
)
COLOURS = {key: colour for key, _, _, colour in _STAGES}
_MODEL: tuple[_Stage, ...] = (
    ("prepare", Text("Prepare", "Preparar"), Text("the past, without the future", "o passado, sem o futuro"), "#6f7f8f"),
    ("train", Text("Train", "Treinar"), Text("runs that can be repeated", "execuções que se repetem"), "#a0622d"),
    ("register", Text("Register", "Registrar"), Text("versions, one champion", "versões, um campeão"), "#a8820a"),
    ("deploy", Text("Deploy", "Publicar"), Text("answers, nightly and by call", "respostas em lote e na hora"), "#3d5a80"),
    ("orchestrate", Text("Orchestrate", "Orquestrar"), Text("every night, whatever fails", "toda noite, dê o que der"), "#4f6f52"),
)
_WIDTH, _GAP = 168, 30


class Picture:
    """An SVG drawing as a notebook shows it; as plain text, its description."""

    def __init__(self, svg: str, description: str) -> None:
        self._svg, self._description = svg, description

    def _repr_html_(self) -> str:
        return self._svg

    def __repr__(self) -> str:
        return self._description


def pipeline(today: str, language: str | None = None) -> Picture:
    """Draw the way of the data from source to use, with the stage `today` lit.

    Parameters
    ----------
    today
        "sources", "bronze", "silver", "gold" or "use".
    language
        "en" or "pt-BR"; by default, the student's.
    """
    return _draw(_STAGES, today, language)


def model_path(today: str, language: str | None = None) -> Picture:
    """Draw the way of a model from data to a service that lasts, with the step `today` lit.

    Parameters
    ----------
    today
        "prepare", "train", "register", "deploy" or "orchestrate".
    language
        "en" or "pt-BR"; by default, the student's.
    """
    return _draw(_MODEL, today, language)


def _draw(stages: tuple[_Stage, ...], today: str, language: str | None) -> Picture:
    from dataflow_kernels.environ import LabEnv

    tongue = language or LabEnv.from_environ().language
    boxes = "".join(_box(number, stage, today, tongue) for number, stage in enumerate(stages))
    description = " → ".join(f"[{name.to(tongue)}]" if key == today else name.to(tongue) for key, name, _, _ in stages)
    return picture(boxes, len(stages) * (_WIDTH + _GAP), 96, description)


def picture(drawn: str, width: float, height: float, description: str) -> Picture:
    """Frame what is drawn, in SVG, as a picture that shrinks with its page; `description` is for who cannot see it."""
    shape = f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" style="max-width:100%;height:auto"'
    return Picture(f'<svg {shape} role="img" aria-label="{escape(description, quote=True)}">{drawn}</svg>', description)


def _box(number: int, stage: _Stage, today: str, language: str) -> str:
    key, name, says, colour = stage
    lit = key == today
    left = 4 + number * (_WIDTH + _GAP)
    middle = left + _WIDTH / 2
    fill, ink, edge = (colour, "#ffffff", 3) if lit else ("#f4f5f6", "#59636e", 1)
    line = f"M{left - _GAP + 4} 48h{_GAP - 12}m-7 -6l7 6l-7 6"
    arrow = "" if number == 0 else f'<path d="{line}" fill="none" stroke="#8a949e" stroke-width="2"/>'
    centred = f'x="{middle}" text-anchor="middle" font-family="sans-serif" fill="{ink}"'
    return (
        f'{arrow}<rect x="{left}" y="12" width="{_WIDTH}" height="72" rx="10" fill="{fill}" stroke="{colour}" stroke-width="{edge}"/>'
        f'<text {centred} y="43" font-size="18" font-weight="bold">{escape(name.to(language))}</text>'
        f'<text {centred} y="66" font-size="11">{escape(says.to(language))}</text>'
    )
