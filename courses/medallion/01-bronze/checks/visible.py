"""What a student can check while working: the shape of a bronze row, and that no line is missing."""

from collections import Counter

from dataflow_kernels.checks import Bench, Outcome, Text, visible

LESSON = "01-bronze"
FIRST, ALL = "bronze/first_batch", "bronze/pedidos"
COLUMNS = {
    "raw": ("string",),
    "corrupt": ("boolean",),
    "source": ("string",),
    "batch": ("string",),
    "ingested_at": ("timestamp", "timestamp_ntz"),
}


@visible("bronze.schema")
def schema(bench: Bench) -> Outcome:
    """Each of the five columns is there, has its type, and is filled; other columns are welcome."""
    types = bench.types(FIRST)
    wrong = [
        {"column": name, "expected": accepted[0], "found": types.get(name, "—")}
        for name, accepted in COLUMNS.items()
        if types.get(name) not in accepted
    ]
    right = [name for name in COLUMNS if name not in {row["column"] for row in wrong}]
    data = bench.read(FIRST, {name: COLUMNS[name] for name in right}) if right else None
    wrong += [
        {"column": name, "expected": "a value in every row", "found": f"{data[name].null_count} null of {data.num_rows} rows"}
        for name in right
        if data.num_rows == 0 or data[name].null_count
    ]
    files = bench.landing()
    if "source" not in {row["column"] for row in wrong}:
        sources = {str(value).rsplit("/", 1)[-1] for value in data["source"].unique().to_pylist()}
        if not sources <= set(files):
            wrong.append({"column": "source", "expected": "the file's path or name", "found": ", ".join(sorted(sources))})
    return Outcome(
        score=max(0, 3 - len(wrong)) / 3,  # three columns are the student's work, two were given
        expected=Text("Five columns, of these types, with no null in them.", "Cinco colunas, destes tipos, sem nenhum nulo."),
        found=Text(f"{len(COLUMNS) - len(wrong)} of 5 columns are right.", f"{len(COLUMNS) - len(wrong)} de 5 colunas estão certas."),
        hint=Text(
            "Compare `bronze_rows(...).printSchema()` with the table in the task.",
            "Compare `bronze_rows(...).printSchema()` com a tabela do enunciado.",
        ),
        read="3 · Guided exercise / Exercício guiado",
        rows=tuple(wrong),
    )


@visible("bronze.counts")
def counts(bench: Bench) -> Outcome:
    """Each landed file has exactly as many rows as lines."""
    landed = {name.rsplit(".", 1)[0]: content.count(b"\n") for name, content in bench.landing().items()}
    found = Counter(bench.read(ALL, {"batch": COLUMNS["batch"]})["batch"].to_pylist())
    names = sorted(set(landed) | {str(name) for name in found})
    wrong = [
        {"batch": name, "lines landed": str(landed.get(name, 0)), "rows in bronze": str(found[name])}
        for name in names
        if landed.get(name, 0) != found[name]
    ]
    rows = sum(found.values())
    return Outcome(
        score=0 if wrong or not rows else 1,
        expected=Text(
            f"{sum(landed.values())} rows: one for each landed line, file by file.",
            f"{sum(landed.values())} linhas: uma para cada linha recebida, arquivo por arquivo.",
        ),
        found=Text(f"{rows} rows; {len(wrong)} files differ.", f"{rows} linhas; {len(wrong)} arquivos divergem."),
        hint=Text(
            "Fewer rows: what drops lines? More rows: what runs twice?",
            "Linhas a menos: o que descarta linhas? Linhas a mais: o que roda duas vezes?",
        ),
        read="4 · Challenge / Desafio",
        rows=tuple(wrong),
    )
