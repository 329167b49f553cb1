"""What a student can check while working: what models ask for, and who is champion among one's own candidates."""

from dataflow_kernels.checks import Bench, Outcome, Text, visible

LESSON = "03-registry"
KNOWN = ("distancia_km", "peso_kg", "valor", "fila_pedidos")
INPUTS = {
    "forest": dict.fromkeys(KNOWN, "double"),
    "leak": {**dict.fromkeys(KNOWN, "double"), "nota_cliente": "double"},
    "whole": dict.fromkeys(KNOWN, "long"),
}
EXPERIMENT, MODEL = "atraso-candidatos", "atraso"


@visible("registry.inputs")
def inputs(bench: Bench) -> Outcome:
    """Names and types of what three candidates take, as their signatures say."""
    table = bench.read("mlops/inputs", {"recipe": ("string",), "column": ("string",), "type": ("string",)}).to_pylist()
    found = {recipe: {each["column"]: each["type"] for each in table if each["recipe"] == recipe} for recipe in INPUTS}
    right = [recipe for recipe in INPUTS if found[recipe] == INPUTS[recipe]]
    return Outcome(
        score=len(right) / len(INPUTS),
        expected=Text("The inputs of three models: names and types.", "As entradas de três modelos: nomes e tipos."),
        found=Text(f"{len(right)} of {len(INPUTS)} are right.", f"{len(right)} de {len(INPUTS)} estão certas."),
        hint=Text("Print `signature.inputs.to_dict()` of one model.", "Imprima `signature.inputs.to_dict()` de um modelo."),
        read="3 · Guided exercise / Exercício guiado",
        rows=tuple({"recipe": recipe, "found": str(found[recipe])} for recipe in INPUTS if recipe not in right),
    )


@visible("registry.champion")
def champion(bench: Bench) -> Outcome:
    """One champion, the forest; the newest leak was refused for its signature, the newest line for its loss. A third of the marks each."""
    recipes = {run.run_id: run.params.get("recipe", "") for run in bench.runs(EXPERIMENT)}
    versions = [(recipes.get(each.run_id, "?"), each) for each in bench.models(MODEL)]
    champions = [recipe for recipe, each in versions if "champion" in each.aliases]
    said = {}
    for recipe, each in versions:  # newest first
        said.setdefault(recipe, each.tags.get("decision", "—"))
    right = champions == ["forest"]
    points = [right, right and said.get("leak") == "signature", right and said.get("line") == "worse"]
    return Outcome(
        score=sum(points) / len(points),
        expected=Text(
            "The champion is a forest; leak is refused for its signature, line is worse.",
            "O champion é uma forest; leak é recusado pela assinatura, line é pior.",
        ),
        found=Text(
            f"Champion: {', '.join(champions)[:60] or '—'}; leak: {said.get('leak', '—')[:20]}; line: {said.get('line', '—')[:20]}.",
            f"Champion: {', '.join(champions)[:60] or '—'}; leak: {said.get('leak', '—')[:20]}; line: {said.get('line', '—')[:20]}.",
        ),
        hint=Text("Look at the board: who was refused, and why?", "Olhe o quadro: quem foi recusado, e por quê?"),
        read="4 · Challenge / Desafio",
    )


# Checked after submission, on data that you have not seen.
PROMISES = {
    "gate.better": (
        "a better candidate is promoted",
        "um candidato melhor é promovido",
    ),
    "gate.worse": (
        "a worse one, or an equal one, is not",
        "um pior, ou um igual, não é",
    ),
    "gate.unseen": (
        "judged on rows that nobody learned from",
        "julgado em linhas com que ninguém aprendeu",
    ),
    "gate.signature": (
        "wrong columns or types are refused",
        "colunas ou tipos errados são recusados",
    ),
    "gate.rollback": (
        "back to the champion before",
        "de volta ao champion anterior",
    ),
    "gate.audit": (
        "each candidate is on record, with its decision",
        "cada candidato fica registrado, com a sua decisão",
    ),
}
