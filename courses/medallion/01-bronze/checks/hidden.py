"""What a submission is checked on after it was handed in: seven properties, on data that nobody has seen.

Each property looks at its own part of the data, so that one mistake costs its own marks and not all: `lossless` at whole lines of the
old schema, `corrupt` at broken lines, `drift` at lines of the new schema, `recovery` at the file whose commit was refused,
`order` at the file that arrives last though it is not the newest. Duplicated lines matter to `lossless` only.
"""

from collections import Counter
from random import Random

from dataflow_hub.datagen.defects import Defect
from dataflow_hub.grading.cases import Case, hidden
from dataflow_hub.grading.scenario import Step
from dataflow_kernels.checks import Outcome, Text

TABLE = "bronze/pedidos"
COLUMNS = {"raw": ("string",), "corrupt": ("boolean",), "source": ("string",), "batch": ("string",)}
CHANGED = int(Defect.CANAL | Defect.VALOR_TEXT | Defect.REGION_DECOMPOSED)


def scenario(rng: Random, batches: dict[str, bytes]) -> list[Step]:
    """Land every file: one of them refused at first, one late, the empty one anywhere; then two of them again."""
    filled = [name for name, content in batches.items() if content]
    old_schema = [name for name in filled[:-1] if b'"canal"' not in batches[name]]
    plain = rng.choice(old_schema)  # one file stays ordinary: without it there would be no line to look at
    refused, late = rng.sample([name for name in old_schema if name != plain], 2)
    order = [name for name in filled if name != late]
    order.insert(rng.randint(0, len(order)), next(name for name, content in batches.items() if not content))
    steps = []
    for name in order:
        steps += [_ingest(name, fault="commit_refused", table=TABLE)] if name == refused else []
        steps.append(_ingest(name))
    again = [plain, rng.choice([name for name in filled if name not in (refused, late, plain)])]
    return [*steps, _ingest(late, snapshot="landed"), _ingest(again[0]), _ingest(again[1], snapshot="again")]


def _ingest(name: str, **more: str) -> Step:
    arguments = {"batch": f"{{landing}}/{name}", "batch_id": _id(name), "table": f"{{lake}}/{TABLE}"}
    return Step("ingest_batch", arguments, **more)


@hidden("bronze.lossless")
def lossless(case: Case) -> Outcome:
    """Whole lines of the old schema are there, byte by byte and as often as they landed, and no others."""
    rows, missing, added = _rows(case), 0, 0
    for name in set(_ordinary(case)) - set(case.ledger.drifted_batches):
        expected = Counter(line for line, defects in _lines(case, name) if not defects & (CHANGED | int(Defect.MALFORMED)))
        found = Counter(raw for raw in rows.get(_id(name), Counter()).elements() if raw is not None)
        known = {line for line, _ in _lines(case, name)}
        missing += (expected - found).total()
        added += sum(max(0, count - expected[line]) for line, count in found.items() if line in expected or line not in known)
    return Outcome(
        score=0 if missing or added else 1,
        expected=Text(
            "Each landed line once for each time it landed, unchanged.",
            "Cada linha recebida, tantas vezes quantas chegou, sem alteração.",
        ),
        found=_tally(missing, added),
        hint=Text(
            "Bronze neither cleans nor rewrites: repeated lines are evidence too.",
            "A bronze não limpa nem reescreve: linhas repetidas também são evidência.",
        ),
        read="2 · Worked example / Exemplo resolvido",
    )


@hidden("bronze.corrupt")
def corrupt(case: Case) -> Outcome:
    """Broken lines are kept verbatim (half the marks: nothing is lost yet), and exactly they are marked (the other half).

    A file of which nothing at all landed costs elsewhere, unless it is every file.
    """
    rows, marks = _rows(case), _marks(case, "landed")
    missing = mistaken = 0
    ordinary = _ordinary(case)
    for name in [each for each in ordinary if rows.get(_id(each))] or ordinary:
        for line, defects in _lines(case, name):
            broken = bool(defects & int(Defect.MALFORMED))
            if broken:
                missing += not rows.get(_id(name), Counter())[line]
            if broken or not defects & CHANGED:
                mistaken += marks.get((_id(name), line), broken) is not broken
    return Outcome(
        score=0 if missing else 0.5 if mistaken else 1,
        expected=Text(
            "Lines that are not JSON stay as they are, with corrupt = true; all others have false.",
            "Linhas que não são JSON ficam como estão, com corrupt = true; as demais têm false.",
        ),
        found=Text(
            f"{missing} broken lines are gone; {mistaken} lines have the wrong mark.",
            f"{missing} linhas quebradas sumiram; {mistaken} linhas têm a marca errada.",
        ),
        hint=Text(
            "Find a broken line of your own data in your table.",
            "Procure na sua tabela uma linha quebrada dos seus próprios dados.",
        ),
        read="2 · Worked example / Exemplo resolvido",
    )


@hidden("bronze.drift")
def drift(case: Case) -> Outcome:
    """Lines of the new schema are there verbatim and not marked as broken: new is not broken."""
    rows, marks = _rows(case), _marks(case, "landed")
    changed = [(_id(name), line) for name in _ordinary(case) for line, defects in _lines(case, name) if defects & CHANGED]
    missing = sum(not rows.get(name, Counter())[line] for name, line in changed)
    mistaken = sum(bool(marks.get(key)) for key in changed)
    return Outcome(
        score=0 if missing or mistaken else 1,
        expected=Text(
            "Lines with new columns or other types land whole, with corrupt = false.",
            "Linhas com colunas novas ou outros tipos chegam inteiras, com corrupt = false.",
        ),
        found=Text(
            f"{missing} of {len(changed)} such lines are missing; {mistaken} are marked as broken.",
            f"Faltam {missing} de {len(changed)} dessas linhas; {mistaken} estão marcadas como quebradas.",
        ),
        hint=Text(
            "Which step of yours knows the columns of a line? Does Bronze need it?",
            "Qual dos seus passos conhece as colunas de uma linha? A bronze precisa dele?",
        ),
        read="1 · Meet the data / Conheça os dados",
    )


@hidden("bronze.rerun")
def rerun(case: Case) -> Outcome:
    """Landing files again changes no row; `ingested_at` may be renewed by whoever replaces a batch by itself."""
    before, after = _content(case, "landed"), _content(case, "again")
    repeated = {step.arguments["batch_id"] for step in case.steps[-2:]}
    if not repeated & {batch for batch, *_ in before}:
        return Outcome(
            score=0,
            expected=Text(
                "A second run of a landed file leaves the table as it was.",
                "Uma segunda execução de um arquivo já recebido deixa a tabela como estava.",
            ),
            found=Text(
                "There was nothing to repeat: the file had not landed.",
                "Não havia o que repetir: o arquivo não tinha sido recebido.",
            ),
        )
    added, removed = (after - before).total(), (before - after).total()
    return Outcome(
        score=0 if added or removed else 1,
        expected=Text(
            "A second run of a landed file leaves the table as it was.",
            "Uma segunda execução de um arquivo já recebido deixa a tabela como estava.",
        ),
        found=Text(
            f"The second run added {added} rows and removed {removed}.",
            f"A segunda execução acrescentou {added} linhas e removeu {removed}.",
        ),
        hint=Text("How can your function know that a batch is already there?", "Como a sua função pode saber que um lote já está lá?"),
        read="4 · Challenge / Desafio",
    )


@hidden("bronze.recovery")
def recovery(case: Case) -> Outcome:
    """The file whose first commit was refused is there once, after its second run."""
    name = next(step.arguments["batch_id"] for step in case.steps if step.fault == "commit_refused")
    missing, added = _compare(case, name)
    return Outcome(
        score=0 if missing or added else 1,
        expected=Text(
            "After a refused commit, running the batch again lands it, once.",
            "Depois de um commit recusado, executar o lote de novo o recebe, uma única vez.",
        ),
        found=_tally(missing, added),
        hint=Text(
            "What does your function remember of a run that died, and where?",
            "O que a sua função guarda de uma execução que morreu, e onde?",
        ),
        read="5 · Break it / Quebre",
    )


@hidden("bronze.empty")
def empty(case: Case) -> Outcome:
    """The call with the empty file returns, and adds nothing."""
    index, step = next((index, step) for index, step in enumerate(case.steps) if not case.batches[_file(step)])
    rows, call = _rows(case), case.call(index)
    fine = call is not None and not call.error and not rows.get(step.arguments["batch_id"]) and bool(rows)
    return Outcome(
        score=1 if fine else 0,
        expected=Text(
            "A file without a line is ingested without an error, and adds no row.",
            "Um arquivo sem linhas é recebido sem erro e não acrescenta nada.",
        ),
        found=Text(
            "It was.", "Foi o caso.") if fine else Text("The call failed, or rows appeared.",
            "A chamada falhou ou surgiram linhas.",
        ),
        hint=Text("Call your function with a file of 0 bytes.", "Chame a sua função com um arquivo de 0 bytes."),
        read="4 · Challenge / Desafio",
    )


@hidden("bronze.order")
def order(case: Case) -> Outcome:
    """A file that arrives after newer ones lands like any other."""
    late = next(step.arguments["batch_id"] for step in case.steps if step.snapshot == "landed")
    missing, added = _compare(case, late)
    return Outcome(
        score=0 if missing or added else 1,
        expected=Text(
            "A file that arrives after newer ones lands whole.",
            "Um arquivo que chega depois de outros mais novos é recebido por inteiro.",
        ),
        found=_tally(missing, added),
        hint=Text("Does your guard ask for this batch, or for the newest one?", "A sua proteção pergunta por este lote ou pelo mais novo?"),
        read="4 · Challenge / Desafio",
    )


def _id(name: str) -> str:
    return name.rsplit(".", 1)[0]


def _file(step: Step) -> str:
    return step.arguments["batch"].rsplit("/", 1)[-1]


def _ordinary(case: Case) -> list[str]:
    """Name the files that no other property looks at."""
    special = {step.arguments["batch_id"] for step in case.steps if step.fault or step.snapshot == "landed"}
    return [name for name in case.batches if _id(name) not in special]


def _lines(case: Case, name: str) -> list[tuple[str, int]]:
    """Give a file's lines, each with what the ledger says was injected."""
    defects = case.ledger.defects[case.ledger.batch == case.ledger.batches.index(name)]
    return list(zip(case.lines[name], defects.tolist(), strict=True))


def _content(case: Case, snapshot: str) -> Counter:
    """Count the rows of a snapshot by batch, file name, line and mark."""
    table = case.bench(snapshot).read(TABLE, COLUMNS)
    columns = [table[name].to_pylist() for name in ("batch", "source", "raw", "corrupt")]
    return Counter((batch, str(source).rsplit("/", 1)[-1], raw, mark) for batch, source, raw, mark in zip(*columns, strict=True))


def _rows(case: Case) -> dict[str, Counter]:
    """Count the landed lines, batch by batch."""
    rows: dict[str, Counter] = {}
    for (batch, _, raw, _), count in _content(case, "landed").items():
        rows.setdefault(batch, Counter())[raw] += count
    return rows


def _marks(case: Case, snapshot: str) -> dict[tuple[str, str], bool | None]:
    """Give the corrupt mark of each line."""
    return {(batch, raw): mark for batch, _, raw, mark in _content(case, snapshot)}


def _compare(case: Case, batch: str) -> tuple[int, int]:
    """Count the whole lines of a batch that are missing altogether, and the rows beyond those that landed."""
    lines = _lines(case, f"{batch}.jsonl")
    found = _rows(case).get(batch, Counter())
    whole = {line for line, defects in lines if not defects & int(Defect.MALFORMED)}
    return len(whole - set(found)), (found - Counter(line for line, _ in lines)).total()


def _tally(missing: int, added: int) -> Text:
    if not missing and not added:
        return Text("All lines are there.", "Todas as linhas estão lá.")
    return Text(f"{missing} lines are missing, {added} rows too many.", f"Faltam {missing} linhas; há {added} linhas a mais.")
