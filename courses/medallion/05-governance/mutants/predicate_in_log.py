# loses: erase.files
# DELETE and VACUUM: the data is gone, and her number is in the log for ever.

# %% tags=["solution:erase"]
def erase(cpf: str, place: str, key: str) -> None:
    for name in ("bronze/clientes", "bronze/atendimentos"):
        both = digits(cpf), f"{digits(cpf)[:3]}.{digits(cpf)[3:6]}.{digits(cpf)[6:9]}-{digits(cpf)[9:]}"
        condition = " OR ".join(f"linha LIKE '%{each}%'" for each in both)
        DeltaTable(f"{place}/{name}", storage_options=OPTIONS).delete(condition)
    for name in ("silver/clientes", "silver/atendimentos"):
        rows = table(name, place)
        save(name, rows[rows.pessoa != pseudonym(cpf, key)], place, "overwrite")
    for name in COLUMNS:
        vacuum(name, place, 0)
