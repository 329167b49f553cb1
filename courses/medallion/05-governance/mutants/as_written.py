# loses: erase.files
# Finds the lines in which the cpf is written as in the letter.

# %% tags=["solution:erase"]
def erase(cpf: str, place: str, key: str) -> None:
    for name in ("bronze/clientes", "bronze/atendimentos"):
        rows = table(name, place)
        hers = [json.loads(line)["cpf"] == cpf for line in rows.linha]
        save(name, rows[~pd.Series(hers, index=rows.index, dtype=bool)], place, "overwrite")
    for name in ("silver/clientes", "silver/atendimentos"):
        rows = table(name, place)
        save(name, rows[rows.pessoa != pseudonym(cpf, key)], place, "overwrite")
    for name in COLUMNS:
        vacuum(name, place, 0)
