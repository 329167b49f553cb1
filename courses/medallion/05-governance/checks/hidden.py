"""What a submission is checked on after it was handed in: nine properties of a lake, on people that nobody has seen.

Two nights are loaded with one key into place `a`; somebody is erased from it; four drifted files are tried on it, each beside a good one;
the first night is loaded into place `b` with another key. `tables` and `kept` look at silver and gold after the two nights, `logs`
at the log, the lineage and the errors at the end, `keyed` at both places, `joins` at pseudonyms and at gold's numbers, `edges` at
the events of each night, `drift` at what the refused nights left, `files` and `others` at the place after the erasure.
"""

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from random import Random

from dataflow_hub.datagen.atendimentos import ServiceDesk, dotted
from dataflow_hub.grading.cases import Case, hidden
from dataflow_hub.grading.scenario import Step
from dataflow_kernels.checks import ArtefactError, Outcome, Text
from dataflow_kernels.lineage import edges
from dataflow_kernels.traces import text_of

BRONZE, SILVER, GOLD = ("bronze/clientes", "bronze/atendimentos"), ("silver/clientes", "silver/atendimentos"), "gold/por_regiao"
TABLE_EDGES = {
    (BRONZE[0], SILVER[0]),
    (BRONZE[1], SILVER[1]),
    (BRONZE[0], SILVER[1]),
    (SILVER[0], GOLD),
    (SILVER[1], GOLD),
}
CALL = {**dict.fromkeys(("atendimento_id", "pessoa", "dia", "canal", "texto"), ("string",)), "minutos": ("double",)}
NUMBERS = {"dia": ("string",), "regiao": ("string",), "atendimentos": ("long", "integer"), "minutos": ("double",)}
_BLANK = re.compile(r"[^\w$]")  # what punctuation stands around a mark is nobody's concern


def scenario(rng: Random, batches: dict[str, bytes]) -> list[Step]:
    """Load two nights, erase somebody, try four drifted files, load the first night elsewhere with another key."""
    days = sorted({match[0] for name in batches if (match := re.search(r"\d{4}-\d\d-\d\d", name))})
    first, second, third, fourth = (rng.sample(named, len(named)) for named in ([name for name in batches if day in name] for day in days))
    one, other = (f"{rng.getrandbits(256):064x}" for _ in range(2))
    leaver = _leaver(batches[f"clientes-{days[0]}.jsonl"])

    def night(place: str, names: list[str], key: str, snapshot: str = "") -> Step:
        arguments = {"files": [f"{{landing}}/{name}" for name in names], "place": f"{{lake}}/{place}", "key": key}
        return Step("night", arguments, snapshot)

    return [
        Step("prepare", {"place": "{lake}/a"}),
        night("a", first, one, "one"),
        night("a", second, one, "two"),
        Step("erase", {"cpf": rng.choice([leaver, dotted(leaver)]), "place": "{lake}/a", "key": one}, "erased"),
        *(night("a", rng.sample([fourth[0], name], 2), one, "drift" if name == third[-1] else "") for name in third),
        Step("prepare", {"place": "{lake}/b"}),
        night("b", first, other, "other"),
    ]


@hidden("pii.tables")
def tables(case: Case) -> Outcome:
    """No file of silver and gold, old or new, data or log, holds a customer's name, cpf, address or telephone."""
    said = {path: text for path, text in _said(case, "two", "a").items() if path.startswith(("silver/", "gold/"))}
    if not _calls(case, "two", "a"):
        raise ArtefactError(Text("Silver has no calls.", "A silver não tem chamadas."))
    left = {kind: _count(said, texts) for kind, texts in _personal(case).items()}
    return Outcome(
        score=0 if any(left.values()) else 1,
        expected=Text("Nothing personal in any file of silver and gold.", "Nada de pessoal em nenhum arquivo da silver e da gold."),
        found=_tally(left),
        hint=Text(
            "Look with `traces`, for names and telephones too. What did the table hold before it held what it holds now?",
            "Procure com `traces`, também nomes e telefones. O que a tabela tinha antes de ter o que tem agora?",
        ),
        read="5 · Challenge / Desafio",
    )


@hidden("pii.logs")
def logs(case: Case) -> Outcome:
    """The log says something each night; it, the lineage and the errors hold nothing personal, the refused nights included."""
    said = {path: text for path, text in _said(case, "two", "a").items() if path.startswith(("logs/", "lineage/"))}
    for folder in ("a/logs", "a/lineage"):
        said |= {f"later {folder}/{path}": text for path, text in _said(case, "drift", folder).items()}
    said |= {f"error {call.step}": call.error for call in case.calls}
    messages = len(case.bench("two").read("a/logs/pipeline", {"message": ("string",)}))
    left = {kind: _count(said, texts) for kind, texts in _personal(case).items()}
    return Outcome(
        score=1 if messages and not any(left.values()) else 0,
        expected=Text("A log, a lineage and errors without people.", "Um log, uma linhagem e erros sem pessoas."),
        found=_tally(left) if messages else Text("The log is empty.", "O log está vazio."),
        hint=Text("Who reads a log? What does your error quote?", "Quem lê um log? O que o seu erro cita?"),
        read="5 · Challenge / Desafio",
    )


@hidden("pii.kept")
def kept(case: Case) -> Outcome:
    """Each call is there once with its day, channel and minutes, and its text but for what is personal."""
    rows = {row["atendimento_id"]: row for row in _calls(case, "two", "a")}
    true = case.ledger.tickets
    missing = sum(each.atendimento_id not in rows for each in true) + abs(len(_calls(case, "two", "a")) - len(true))
    there = [(each, rows[each.atendimento_id]) for each in true if each.atendimento_id in rows]
    other = sum((row["dia"], row["canal"], row["minutos"]) != (each.dia, each.canal, each.minutos) for each, row in there)
    changed = sum(not _is_kept(each.pieces, row["texto"] or "") for each, row in there)
    return Outcome(
        score=0 if missing or other or changed else 1,
        expected=Text(f"{len(true)} calls, with all that is not personal.", f"{len(true)} chamadas, com tudo o que não é pessoal."),
        found=Text(
            f"{missing} calls missing or too many, {other} with other values, {changed} texts with something lost.",
            f"{missing} chamadas a menos ou a mais, {other} com outros valores, {changed} textos em que algo se perdeu.",
        ),
        hint=Text(
            "Which numbers in a text are nobody's? Read a few masked texts.",
            "Que números num texto não são de ninguém? Leia alguns textos mascarados.",
        ),
        read="3 · Guided exercise / Exercício guiado",
    )


@hidden("keys.keyed")
def keyed(case: Case) -> Outcome:
    """Two keys give two sets of pseudonyms, and no file holds a key."""
    sets = [{row["pessoa"] for row in _calls(case, snapshot, place)} for snapshot, place in (("one", "a"), ("other", "b"))]
    if not all(sets):
        raise ArtefactError(Text("Silver has no calls.", "A silver não tem chamadas."))
    same = len(sets[0] & sets[1])
    keys = [step.arguments["key"] for step in case.steps if "key" in step.arguments]
    written = _count({**_said(case, "two", "a"), **{f"b/{path}": text for path, text in _said(case, "other", "b").items()}}, keys)
    return Outcome(
        score=0 if same or written else 1,
        expected=Text(
            "Another key, other pseudonyms; and the key is in no file.",
            "Outra chave, outros pseudônimos; e a chave não está em nenhum arquivo.",
        ),
        found=Text(
            f"{same} pseudonyms are the same with both keys; a key stands in {written} files.",
            f"{same} pseudônimos são iguais com as duas chaves; uma chave está em {written} arquivos.",
        ),
        hint=Text(
            "What would somebody need who wants to compute your pseudonyms? Where do they find it?",
            "De que precisaria quem quisesse calcular os seus pseudônimos? Onde acharia isso?",
        ),
        read="2 · Worked example / Exemplo resolvido",
    )


@hidden("keys.joins")
def joins(case: Case) -> Outcome:
    """One pseudonym a person and one person a pseudonym, in both tables; so gold has the right numbers."""
    truth = case.ledger
    person = {each.atendimento_id: each.person for each in truth.tickets}
    pairs = {(person.get(row["atendimento_id"]), row["pessoa"]) for row in _calls(case, "two", "a")}
    wrong = sum(count - 1 for side in (0, 1) for count in Counter(pair[side] for pair in pairs).values())
    people = set(case.bench("two").read(f"a/{SILVER[0]}", {"pessoa": ("string",)})["pessoa"].to_pylist())
    strangers = len({pseudonym for _, pseudonym in pairs} - people) + abs(len(people) - len(truth.people))
    off = _wrong_cells(case)
    return Outcome(
        score=0 if wrong or strangers or off or not pairs else 1,
        expected=Text(
            f"{len(truth.people)} people, one pseudonym each, in both tables.",
            f"{len(truth.people)} pessoas, um pseudônimo cada, nas duas tabelas.",
        ),
        found=Text(
            f"{wrong} pseudonyms too many for a person, {strangers} that do not join; {off} rows of gold are wrong.",
            f"{wrong} pseudônimos a mais para uma pessoa, {strangers} que não se juntam; {off} linhas da gold estão erradas.",
        ),
        hint=Text(
            "In how many ways is a cpf written? What else goes into your pseudonym?",
            "De quantas maneiras se escreve um CPF? O que mais entra no seu pseudônimo?",
        ),
        read="3 · Guided exercise / Exercício guiado",
    )


@hidden("lineage.edges")
def lineage(case: Case) -> Outcome:
    """The events of each night name what it read and wrote; a refused night has a FAIL and no edge."""
    one, two, erased, last = (_events(case, snapshot) for snapshot in ("one", "two", "erased", "drift"))
    after = [event for event in last if event not in erased]
    told = [edges(one), edges(event for event in two if event not in one)]
    true = [TABLE_EDGES | _file_edges(names) for names in case.ledger.nights]
    refused = [number for number in _drifted_nights(case) if (call := case.call(number)) and call.error]
    if _changed(case):  # what was let in made edges, rightly: that is another check's concern
        refused = []
    else:
        told, true = [*told, edges(after)], [*true, set()]
    missing = sum(len(right - found) for right, found in zip(true, told, strict=True))
    false = sum(len(found - right) for right, found in zip(true, told, strict=True))
    failed = sum(event.get("eventType") == "FAIL" for event in after)
    return Outcome(
        score=0 if missing or false or failed < len(refused) else 1,
        expected=Text(
            f"{sum(map(len, true))} edges in two nights; {len(refused)} refused nights with FAIL and no edge.",
            f"{sum(map(len, true))} arestas em duas noites; {len(refused)} noites recusadas com FAIL e nenhuma aresta.",
        ),
        found=Text(
            f"{missing} edges are missing, {false} are not so; {failed} events FAIL.",
            f"Faltam {missing} arestas, {false} não existiram; {failed} eventos FAIL.",
        ),
        hint=Text("Who knows what was read: you, or the job?", "Quem sabe o que foi lido: você, ou o job?"),
        read="4 · Guided exercise / Exercício guiado",
    )


@hidden("contract.drift")
def drift(case: Case) -> Outcome:
    """Each night with a drifted file raised, and bronze, silver and gold are as before."""
    tried = _drifted_nights(case)
    calls = [case.call(number) for number in tried]
    passed = sum(call is None or not call.error for call in calls)
    changed = _changed(case)
    there = bool(_rows(case, "two", SILVER[1]))
    return Outcome(
        score=1 if there and not passed and not changed else 0,
        expected=Text(
            f"{len(tried)} nights are refused, and no table has changed.", f"{len(tried)} noites recusadas, e nenhuma tabela mudou."
        ),
        found=Text(
            f"{passed} of them were let in; {changed} tables have changed.",
            f"{passed} delas entraram; {changed} tabelas mudaram.",
        ),
        hint=Text(
            "A column more, a column less, another type, no value: which of them do you see, in which rows, and before which write?",
            "Uma coluna a mais, uma a menos, outro tipo, nenhum valor: quais você enxerga, em que linhas, e antes de qual gravação?",
        ),
        read="4 · Guided exercise / Exercício guiado",
    )


@hidden("erase.files")
def files(case: Case) -> Outcome:
    """No file of the place holds the erased person's cpf, address, telephone, calls or pseudonym; they were there before."""
    truth = case.ledger
    hers = [each.atendimento_id for each in truth.tickets if each.person == truth.leaver]
    pseudonyms = {row["pessoa"] for row in _calls(case, "two", "a") if row["atendimento_id"] in hers}
    known = [*truth.people[truth.leaver].spellings(), *hers, *(each for each in pseudonyms if each)]
    said, before = (_without_logs(_said(case, snapshot, "a")) for snapshot in ("erased", "two"))
    left = {
        layer: _count({path: text for path, text in said.items() if path.startswith(layer)}, known) for layer in ("bronze/", "silver/", "")
    }
    there = _count(before, known) and pseudonyms
    return Outcome(
        score=1 if there and said and not left[""] else 0,
        expected=Text("No file knows the erased person.", "Nenhum arquivo conhece a pessoa apagada."),
        found=Text(
            f"She is in {left['']} files: {left['bronze/']} of bronze, {left['silver/']} of silver.",
            f"Ela está em {left['']} arquivos: {left['bronze/']} da bronze, {left['silver/']} da silver.",
        ),
        hint=Text(
            "Every layer? Every spelling? Old data files? And what stands in the log?",
            "Todas as camadas? Todas as grafias? Arquivos de dados antigos? E o que está escrito no log?",
        ),
        read="6 · Challenge / Desafio",
    )


@hidden("erase.others")
def others(case: Case) -> Outcome:
    """The rows of everybody else are as before, in bronze and silver."""
    truth = case.ledger
    cpf = truth.people[truth.leaver].cpf
    hers = {each.atendimento_id for each in truth.tickets if each.person == truth.leaver}
    pseudonyms = {row["pessoa"] for row in _calls(case, "two", "a") if row["atendimento_id"] in hers}
    lost = added = 0
    for name in (*BRONZE, *SILVER):
        before = Counter({row: n for row, n in _rows(case, "two", name).items() if not _is_of(row, cpf, pseudonyms)})
        after = Counter({row: n for row, n in _rows(case, "erased", name).items() if not _is_of(row, cpf, pseudonyms)})
        lost, added = lost + (before - after).total(), added + (after - before).total()
    there = bool(_rows(case, "erased", SILVER[1]))
    return Outcome(
        score=1 if there and not lost and not added else 0,
        expected=Text("Everybody else's rows are as before.", "As linhas de todos os outros estão como antes."),
        found=Text(f"{lost} rows of others are gone, {added} are new.", f"Sumiram {lost} linhas de outras pessoas, {added} são novas."),
        hint=Text("By what do you recognise her?", "Por que coisa você a reconhece?"),
        read="6 · Challenge / Desafio",
    )


def _leaver(lines: bytes) -> str:
    """Find the first customer that was made: the one whose address has the number 1."""
    people = [json.loads(line) for line in lines.decode().splitlines()]
    return next(re.sub(r"\D", "", each["cpf"]) for each in people if re.search(r"\D1@", each["email"]))


@cache
def _contents(folder: Path) -> dict[str, str]:
    found = sorted(each for each in folder.rglob("*") if each.is_file())
    return {each.relative_to(folder).as_posix(): text_of(each.name, each.read_bytes()) for each in found}


def _said(case: Case, snapshot: str, folder: str) -> dict[str, str]:
    """Give what every file below a folder of the lake says at a snapshot."""
    return _contents(case.snapshots[snapshot] / folder) if snapshot in case.snapshots else {}


def _without_logs(said: dict[str, str]) -> dict[str, str]:
    """Leave out what the pipeline says of itself: `pii.logs` looks at that."""
    return {path: text for path, text in said.items() if not path.startswith(("logs/", "lineage/"))}


def _count(said: dict[str, str], texts: list[str]) -> int:
    """Count the files that hold any of some texts."""
    return sum(any(text in content for text in texts) for content in said.values())


def _wrong_cells(case: Case) -> int:
    """Count the days and regions for which gold has other numbers than the truth, none, or more than one row."""
    truth, calls, minutes = case.ledger, Counter(), Counter()
    for each in truth.tickets:
        cell = (each.dia, truth.people[each.person].regiao)
        calls[cell] += 1
        minutes[cell] += each.minutos
    rows = case.bench("two").read(f"a/{GOLD}", NUMBERS).to_pylist()
    found = {(row["dia"], row["regiao"]): (row["atendimentos"], row["minutos"]) for row in rows}
    return len(rows) - len(found) + sum(found.get(cell) != (calls[cell], minutes[cell]) for cell in calls.keys() | found.keys())


def _personal(case: Case) -> dict[str, list[str]]:
    truth: ServiceDesk = case.ledger
    found: dict[str, list[str]] = {"cpf": [], "email": [], "telefone": [], "nome": []}
    for each in truth.people:
        bare, points, email, *phones = each.spellings()
        for kind, texts in (("cpf", [bare, points]), ("email", [email]), ("telefone", phones), ("nome", [each.nome])):
            found[kind] += texts
    return found


def _calls(case: Case, snapshot: str, place: str) -> list[dict]:
    return case.bench(snapshot).read(f"{place}/{SILVER[1]}", CALL).to_pylist()


def _is_kept(pieces: tuple[tuple[str, str], ...], text: str) -> bool:
    """Tell whether a text is the true one with something in place of what is personal; punctuation and spaces do not count."""
    pattern = "".join(".*" if kind else re.escape(_BLANK.sub("", part)) for kind, part in pieces)
    return re.fullmatch(pattern, _BLANK.sub("", text), re.DOTALL) is not None


def _events(case: Case, snapshot: str) -> list[dict]:
    """Give the events told so far, oldest first; what is no event counts as none."""
    rows = case.bench(snapshot).read("a/lineage/events", {"em": ("timestamp",), "event": ("string",)}).to_pylist()
    rows = sorted((row for row in rows if row["em"] is not None), key=lambda row: row["em"])
    try:
        told = [json.loads(row["event"]) for row in rows]
        edges(told)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ArtefactError(Text("An event is not shaped as the task says.", "Um evento não tem o formato do enunciado.")) from error
    return told


def _file_edges(names: tuple[str, ...]) -> set[tuple[str, str]]:
    return {(f"landing/{name}", f"bronze/{name.split('-', maxsplit=1)[0]}") for name in names}


def _rows(case: Case, snapshot: str, name: str) -> Counter:
    """Count a table's rows, each as a text."""
    bench = case.bench(snapshot)
    columns = {column: (kind,) for column, kind in bench.types(f"a/{name}").items()}
    return Counter(json.dumps(row, ensure_ascii=False, sort_keys=True, default=str) for row in bench.read(f"a/{name}", columns).to_pylist())


def _is_of(row: str, cpf: str, pseudonyms: set[str]) -> bool:
    return any(text and text in row for text in (cpf, dotted(cpf), *pseudonyms))


def _drifted_nights(case: Case) -> list[int]:
    """Give the places of the steps that load a drifted file."""
    return [n for n, step in enumerate(case.steps) if any(_name(file) in case.ledger.drifted for file in step.arguments.get("files", ()))]


def _changed(case: Case) -> int:
    """Count the tables that the refused nights changed."""
    return sum(_rows(case, "erased", name) != _rows(case, "drift", name) for name in (*BRONZE, *SILVER, GOLD))


def _name(file: str) -> str:
    return file.rsplit("/", 1)[-1]


def _tally(left: dict[str, int]) -> Text:
    told = ", ".join(f"{kind}: {count}" for kind, count in left.items())
    return Text(f"Files with something left: {told}.", f"Arquivos em que algo sobrou: {told}.")
