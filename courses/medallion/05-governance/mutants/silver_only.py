# loses: erase.files
# Nobody looks into bronze.

# %% tags=["solution:erase"]
def erase(cpf: str, place: str, key: str) -> None:
    for name in ():
        rows = table(name, place)
        hers = [digits(json.loads(line)["cpf"]) == digits(cpf) for line in rows.linha]
        save(name, rows[~pd.Series(hers, index=rows.index, dtype=bool)], place, "overwrite")
    for name in ("silver/clientes", "silver/atendimentos"):
        rows = table(name, place)
        save(name, rows[rows.pessoa != pseudonym(cpf, key)], place, "overwrite")
    for name in COLUMNS:
        vacuum(name, place, 0)
