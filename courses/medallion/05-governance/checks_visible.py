"""What a student can check while working: texts and pseudonyms of their first night, their catalogue, and the lineage of two nights."""

import json
import re
from collections.abc import Iterator

from dataflow_kernels.checks import Bench, Outcome, Text, visible
from dataflow_kernels.lineage import edges

LESSON = "05-governance"
OWN = "governance/own"
PERSONAL = {
    "bronze/clientes": "direct",
    "bronze/atendimentos": "direct",
    "silver/clientes": "pseudonym",
    "silver/atendimentos": "pseudonym",
    "gold/por_regiao": "none",
}
MADE_FROM = {
    ("bronze/clientes", "silver/clientes"),
    ("bronze/atendimentos", "silver/atendimentos"),
    ("bronze/clientes", "silver/atendimentos"),
    ("silver/clientes", "gold/por_regiao"),
    ("silver/atendimentos", "gold/por_regiao"),
}
STAYS = re.compile(r"A\d{8}|\b\d{13}\b|2026-\d{6}|R\$ \d\.\d{3},\d{2}")
MIN_WORDS = 5


@visible("gov.masked")
def masked(bench: Bench) -> Outcome:
    """One pseudonym a person; nothing personal in the first night's texts; order, product and protocol numbers and amounts still there."""
    rows = bench.read("governance/first", {"atendimento_id": ("string",), "pessoa": ("string",), "texto": ("string",)}).to_pylist()
    found = {row["atendimento_id"]: row for row in rows}
    people = {_digits(each["cpf"]): each for each in _landed(bench, "clientes", 0)}
    wrong, named = [], set()
    for call in _landed(bench, "atendimentos", 0):
        mine = found.get(call["atendimento_id"]) or {"pessoa": None, "texto": None}
        text = mine["texto"] or ""
        named.add((_digits(call["cpf"]), mine["pessoa"]))
        left = [each for each in _written(people[_digits(call["cpf"])]) if each in text]
        lost = [each for each in STAYS.findall(call["texto"]) if each not in text]
        if left or lost:
            wrong.append({"was": call["texto"], "is": text, "?": f"still there: {left}" if left else f"lost: {lost}"})
    pseudonyms = {pseudonym for _, pseudonym in named if pseudonym}
    one_each = len(named) == len({cpf for cpf, _ in named}) == len(pseudonyms)
    shape = all(re.fullmatch(r"[0-9a-f]{64}", each) for each in pseudonyms)
    return Outcome(
        score=1 if found and one_each and shape and not wrong else 0,
        expected=Text(
            f"{len({cpf for cpf, _ in named})} people, a pseudonym of 64 hexadecimal digits each; texts without people.",
            f"{len({cpf for cpf, _ in named})} pessoas, cada uma com um pseudônimo de 64 dígitos hexadecimais; textos sem pessoas.",
        ),
        found=Text(
            f"{len(pseudonyms)} pseudonyms; {len(wrong)} texts with something left or lost.",
            f"{len(pseudonyms)} pseudônimos; {len(wrong)} textos em que algo sobrou ou se perdeu.",
        ),
        hint=Text(
            "Too many pseudonyms: is a cpf written in two ways? A number lost: how many digits stand before and after your eleven?",
            "Pseudônimos demais: um CPF escrito de dois jeitos? Um número perdido: quantos dígitos há antes e depois dos seus onze?",
        ),
        read="3 · Guided exercise / Exercício guiado",
        rows=tuple(wrong),
    )


@visible("gov.catalogue")
def catalogue(bench: Bench) -> Outcome:
    """Each of the five tables is there once, with an address, how personal it is, and two descriptions of their own."""
    columns = dict.fromkeys(("table", "owner", "personal", "en", "pt"), ("string",))
    rows = bench.read(f"{OWN}/catalogue/tables", columns).to_pylist()
    wrong = [{"table": str(row["table"]), "?": what} for row in rows for what in _missing(row)]
    names = [row["table"] for row in rows]
    wrong += [{"table": name, "?": f"{names.count(name)} entries"} for name in PERSONAL if names.count(name) != 1]
    texts = [row[language] for row in rows for language in ("en", "pt")]
    if len(set(texts)) != len(texts):
        wrong.append({"table": "—", "?": "two descriptions are the same / duas descrições iguais"})
    return Outcome(
        score=0 if wrong else 1,
        expected=Text(
            f"{len(PERSONAL)} tables, each with owner, personal, en and pt.",
            f"{len(PERSONAL)} tabelas, cada uma com owner, personal, en e pt.",
        ),
        found=Text(f"{len(rows)} entries, {len(wrong)} problems.", f"{len(rows)} entradas, {len(wrong)} problemas."),
        hint=Text(
            "Who answers a mail about this table? What is one row of it?",
            "Quem responde a um e-mail sobre esta tabela? O que é uma linha dela?",
        ),
        read="4 · Guided exercise / Exercício guiado",
        rows=tuple(wrong),
    )


@visible("gov.lineage")
def lineage(bench: Bench) -> Outcome:
    """The edges of the two nights: each file to its bronze table, bronze to silver, silver to gold."""
    told = bench.read(f"{OWN}/lineage/events", {"event": ("string",)})["event"].to_pylist()
    days = _days(bench)[:2]
    files = [name for name in sorted(bench.landing()) if any(day in name for day in days)]
    true = MADE_FROM | {(f"landing/{name}", f"bronze/{name.split('-', maxsplit=1)[0]}") for name in files}
    found = set(_edges(told))
    rows = [{"edge": " → ".join(edge), "?": "not told / não contada"} for edge in sorted(true - found)]
    rows += [{"edge": " → ".join(edge), "?": "not so / não foi assim"} for edge in sorted(found - true)]
    return Outcome(
        score=0 if rows else 1,
        expected=Text(f"{len(true)} edges.", f"{len(true)} arestas."),
        found=Text(
            f"{len(found & true)} of them, and {len(found - true)} others.", f"{len(found & true)} delas, e {len(found - true)} outras."
        ),
        hint=Text(
            "Which of a job's three methods notes nothing? Does a job read what it does not need?",
            "Qual dos três métodos do job não anota nada? Algum job lê o que não precisa?",
        ),
        read="4 · Guided exercise / Exercício guiado",
        rows=tuple(rows),
    )


def _missing(row: dict) -> Iterator[str]:
    if not re.fullmatch(r"[\w.+-]+@[\w.-]+", row["owner"] or ""):
        yield "owner: no address / sem endereço"
    if row["personal"] != PERSONAL.get(row["table"]):
        yield f"personal: {row['personal']}"
    for language in ("en", "pt"):
        if len((row[language] or "").split()) < MIN_WORDS:
            yield f"{language}: fewer than {MIN_WORDS} words / menos de {MIN_WORDS} palavras"


def _edges(told: list) -> set[tuple[str, str]]:
    try:
        return edges(json.loads(event) for event in told)
    except (ValueError, TypeError, KeyError, AttributeError):
        return set()


def _days(bench: Bench) -> list[str]:
    return sorted({match[0] for name in bench.landing() if (match := re.search(r"\d{4}-\d\d-\d\d", name))})


def _landed(bench: Bench, kind: str, day: int) -> list[dict]:
    files = bench.landing()
    names = [name for name in sorted(files) if name.startswith(kind) and _days(bench)[day] in name]
    return [json.loads(line) for name in names for line in files[name].decode().splitlines()]


def _written(person: dict) -> list[str]:
    """Give a customer's name, cpf, address and telephone in each way in which the desk writes them."""
    cpf, phone = _digits(person["cpf"]), person["telefone"]
    return [person["nome"], person["email"], person["cpf"], cpf, phone, phone.replace("(", "").replace(")", ""), _digits(phone)]


def _digits(text: str) -> str:
    return re.sub(r"\D", "", str(text))


# Checked after submission, on data that you have not seen.
PROMISES = {
    "pii.tables": (
        "nothing personal in any file of silver and gold",
        "nada de pessoal em nenhum arquivo da silver e da gold",
    ),
    "pii.logs": (
        "nothing personal in logs, lineage and errors",
        "nada de pessoal nos logs, na linhagem e nos erros",
    ),
    "pii.kept": (
        "what is not personal is kept",
        "o que não é pessoal é mantido",
    ),
    "keys.keyed": (
        "another key, other pseudonyms; the key is written nowhere",
        "outra chave, outros pseudônimos; a chave não está escrita em lugar nenhum",
    ),
    "keys.joins": (
        "one pseudonym a person, in every table and every night",
        "um pseudônimo por pessoa, em toda tabela e toda noite",
    ),
    "lineage.edges": (
        "lineage tells what was really read and written",
        "a linhagem diz o que foi realmente lido e gravado",
    ),
    "contract.drift": (
        "a file that breaks the contract stops its night, whole",
        "um arquivo que quebra o contrato barra a noite inteira",
    ),
    "erase.files": (
        "an erased person is in no file any more",
        "uma pessoa apagada não está mais em nenhum arquivo",
    ),
    "erase.others": (
        "everybody else is still there",
        "todas as outras pessoas continuam lá",
    ),
}
