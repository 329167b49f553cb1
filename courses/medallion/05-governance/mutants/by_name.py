# loses: erase.others, erase.files
# Finds her by name: everybody who is called so is erased too, and the calls without a name are not.

# %% tags=["solution:erase"]
def erase(cpf: str, place: str, key: str) -> None:
    people = [json.loads(line) for line in table("bronze/clientes", place).linha]
    called = next(each["nome"] for each in people if digits(each["cpf"]) == digits(cpf))
    for name in ("bronze/clientes", "bronze/atendimentos"):
        rows = table(name, place)
        hers = [called in line for line in rows.linha]
        save(name, rows[~pd.Series(hers, index=rows.index, dtype=bool)], place, "overwrite")
    for name in ("silver/clientes", "silver/atendimentos"):
        rows = table(name, place)
        save(name, rows[rows.pessoa != pseudonym(cpf, key)], place, "overwrite")
    for name in COLUMNS:
        vacuum(name, place, 0)
