"""What a student can check while working: the shape of the table."""

from dataflow_kernels.checks import Bench, Outcome, Text, visible

LESSON = "lesson-template"
TABLE = "bronze/counts"
COLUMNS = {"file": ("string",), "lines": ("long", "integer")}


@visible("counts.schema")
def schema(bench: Bench) -> Outcome:
    """One row a landed file, with both columns."""
    found = sorted(bench.read(TABLE, COLUMNS)["file"].to_pylist())
    landed = sorted(bench.landing())
    wrong = [{"file": name, "rows": found.count(name)} for name in sorted({*found, *landed}) if found.count(name) != (name in landed)]
    return Outcome(
        score=0 if wrong else 1,
        expected=Text(f"{len(landed)} rows, one for each file.", f"{len(landed)} linhas, uma para cada arquivo."),
        found=Text(f"{len(found)} rows; {len(wrong)} files without just one.", f"{len(found)} linhas; {len(wrong)} arquivos sem uma só."),
        hint=Text("Which file is missing, or there twice?", "Qual arquivo falta ou aparece duas vezes?"),
        rows=tuple(wrong[:5]),
        read="2 · Challenge / Desafio",
    )
