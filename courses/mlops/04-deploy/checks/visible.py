"""What a student can check while working: which questions are refused, and what the service answers over HTTP."""

import json

from dataflow_kernels.checks import Bench, Outcome, Text, visible

LESSON = "04-deploy"
TAKEN = {"two orders": "2 taken", "a gap": "1 taken", "one key more": "1 taken"}
REFUSED = ("no JSON", "a key missing", "no channel", "text for a number", "null for a number")
CLOSE, CHANCES = 1e-9, 6


@visible("deploy.questions")
def questions(bench: Bench) -> Outcome:
    """Three bodies are taken, five are refused."""
    table = bench.read("mlops/verdicts", {"body": ("string",), "verdict": ("string",)})
    found = dict(zip(table["body"].to_pylist(), table["verdict"].to_pylist(), strict=True))
    wrong = [name for name, verdict in TAKEN.items() if found.get(name) != verdict]
    wrong += [name for name in REFUSED if not str(found.get(name)).startswith("refused: ")]
    return Outcome(
        score=0 if wrong else 1,
        expected=Text(
            f"{len(TAKEN)} bodies are taken, {len(REFUSED)} are refused.", f"{len(TAKEN)} corpos são aceitos, {len(REFUSED)} são recusados."
        ),
        found=Text(f"{len(wrong)} have another verdict.", f"{len(wrong)} têm outro veredito."),
        hint=Text(
            "Is the key there? Is null allowed for it? Which type has its value?",
            "A chave está lá? Ela pode ser null? Que tipo tem o valor?",
        ),
        read="3 · Guided exercise / Exercício guiado",
        rows=tuple({"body": name, "verdict": str(found.get(name))[:60]} for name in wrong),
    )


@visible("deploy.service")
def service(bench: Bench) -> Outcome:
    """Ping names the champion, each order has the chance of the night's table, wrong questions get a 4xx."""
    night = bench.read("mlops/night", {"pedido_id": ("string",), "chance": ("double",), "version": ("string",)}).to_pylist()
    replies = bench.read(
        "mlops/answers", {"pedido_id": ("string",), "path": ("string",), "status": ("long",), "text": ("string",)}
    ).to_pylist()
    champions = {str(each.version) for each in bench.models("previsao") if "champion" in each.aliases}
    chances = {each["pedido_id"]: each["chance"] for each in night}
    wrong = [reply for reply in replies if not _is_right(reply, chances, champions)]
    asked = sum(bool(reply["pedido_id"]) for reply in replies)
    whole = len(chances) == len(night) and {each["version"] for each in night} == champions
    told = ", ".join(sorted({str(each["version"])[:20] for each in night})[:5]) or "—"
    return Outcome(
        score=1 if asked >= CHANCES and not wrong and whole else 0,
        expected=Text(
            f"Version {', '.join(champions) or '—'} at night and by call, the same chances, and 400 to 499 for wrong questions.",
            f"Versão {', '.join(champions) or '—'} à noite e por chamada, as mesmas chances, e de 400 a 499 para perguntas erradas.",
        ),
        found=Text(
            f"{len(wrong)} of {len(replies)} answers are others; {len(night)} rows at night, version {told}.",
            f"{len(wrong)} de {len(replies)} respostas são outras; {len(night)} linhas à noite, versão {told}.",
        ),
        hint=Text(
            "Compare `answers` with the table of the task, row by row.", "Compare `answers` com a tabela do enunciado, linha por linha."
        ),
        read="4 · Challenge / Desafio",
        rows=tuple({"path": each["path"], "status": each["status"], "text": str(each["text"])[:80]} for each in wrong[:5]),
    )


def _is_right(reply: dict, chances: dict[str, float], champions: set[str]) -> bool:
    try:
        answer = json.loads(reply["text"])
        if reply["path"] != "/ping" and not reply["pedido_id"]:
            return 400 <= reply["status"] < 500
        if reply["status"] != 200 or {str(answer["version"])} != champions:
            return False
        return reply["path"] == "/ping" or abs(answer["predictions"][0] - chances[reply["pedido_id"]]) <= CLOSE
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return False
