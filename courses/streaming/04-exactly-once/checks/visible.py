"""What a student can check while working: the reason of each line, and both tables after clean stops."""

import json
from collections import Counter
from collections.abc import Iterator

from dataflow_kernels.checks import Bench, Outcome, Text, visible

LESSON = "04-exactly-once"
PARSED, PEDIDOS, LETTERS = "recovery/parsed", "recovery/pedidos", "recovery/dead_letters"
PEDIDO = {"pedido_id": ("string",), "versao": ("long",), "status": ("string",), "valor": ("double",)}
LETTER = {"raw": ("string",), "why": ("string",)}


@visible("once.reasons")
def reasons(bench: Bench) -> Outcome:
    """Each line has its reason: not_json, no_key, bad_value, or none."""
    table = bench.read(PARSED, LETTER)
    found = Counter(zip(table["raw"].to_pylist(), table["why"].to_pylist(), strict=True))
    truth = Counter((line, why(line)) for line in lines(bench))
    wrong = [
        {"line": str(line)[:70], "expected": why(str(line)) or "null", "found": reason or "null"}
        for line, reason in (found - truth).elements()
    ]
    missing = (truth - found).total()
    return Outcome(
        score=0 if wrong or missing else 1,
        expected=Text(
            f"Each of the {truth.total()} lines, {sum(bool(reason) for _, reason in truth.elements())} of them with a reason.",
            f"Cada uma das {truth.total()} linhas, {sum(bool(reason) for _, reason in truth.elements())} delas com uma razão.",
        ),
        found=Text(f"{max(len(wrong), missing)} lines differ.", f"{max(len(wrong), missing)} linhas diferem."),
        hint=Text(
            "`F.when` takes the first condition that holds: which reason must come first?",
            "`F.when` fica com a primeira condição verdadeira: qual razão precisa vir primeiro?",
        ),
        rows=tuple(wrong[:5]),
        read="3 · Guided exercise / Exercício guiado",
    )


@visible("once.stop")
def stop(bench: Bench) -> Outcome:
    """Half for the newest version of each order, once; half for each unusable line with its reason, as often as it arrived."""
    truth: dict[str, tuple[int, str, int]] = {}
    for line in lines(bench):
        if why(line) is None:
            row = json.loads(line)
            truth[row["pedido_id"]] = max(
                truth.get(row["pedido_id"], (0, "", 0)), (row["versao"], row["status"], round(row["valor"] * 100))
            )
    table = bench.read(PEDIDOS, PEDIDO)
    found = Counter(
        zip(*(table[name].to_pylist() for name in ("pedido_id", "versao", "status")), map(cents, table["valor"].to_pylist()), strict=True)
    )
    wanted = Counter((key, *rest) for key, rest in truth.items())
    letters = bench.read(LETTERS, LETTER)
    put = Counter(zip(letters["raw"].to_pylist(), letters["why"].to_pylist(), strict=True))
    poison = Counter((line, why(line)) for line in lines(bench) if why(line))
    wrong = [
        {"table": name, "row": " ".join(map(str, row))[:90], "rows": str(have[row]), "expected": str(asked[row])}
        for name, have, asked in (("pedidos", found, wanted), ("dead_letters", put, poison))
        for row in list(((have - asked) + (asked - have)).keys())[:3]
    ]
    return Outcome(
        score=((found == wanted) + (put == poison)) / 2,
        expected=Text(
            f"{wanted.total()} orders, each once in its newest version; {poison.total()} dead letters.",
            f"{wanted.total()} pedidos, cada um uma vez na versão mais nova; {poison.total()} mensagens rejeitadas.",
        ),
        found=Text(
            f"{found.total()} orders, {(found - wanted).total()} of them wrong or too many; {put.total()} dead letters.",
            f"{found.total()} pedidos, {(found - wanted).total()} deles errados ou a mais; {put.total()} mensagens rejeitadas.",
        ),
        hint=Text(
            "Follow one order of the small table: which of its messages arrived in which file?",
            "Siga um pedido da tabelinha: qual das suas mensagens chegou em qual arquivo?",
        ),
        rows=tuple(wrong[:5]),
        read="4 · Challenge / Desafio",
    )


def lines(bench: Bench) -> Iterator[str]:
    """Give the landed lines."""
    for content in bench.landing().values():
        yield from content.decode().split("\n")[:-1]


def why(line: str) -> str | None:
    """Tell why a line cannot be used; None when it can."""
    try:
        row = json.loads(line)
    except ValueError:
        return "not_json"
    if row.get("pedido_id") is None:
        return "no_key"
    return None if isinstance(row["valor"], int | float) else "bad_value"


def cents(valor: float | None) -> int | None:
    """Give an amount in cents."""
    return None if valor is None else round(valor * 100)
