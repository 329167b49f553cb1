# loses: contract.drift
# A value of the wrong type is refused, none at all is not.

# %% tags=["solution:contract"]
CONTRACT = {
    "clientes": {"cpf": str, "nome": str, "email": str, "telefone": str, "regiao": str},
    "atendimentos": {"atendimento_id": str, "cpf": str, "canal": str, "ts": str, "minutos": float, "texto": str},
}


def violations(rows: list[dict], kind: str) -> list[str]:
    promised = CONTRACT[kind]
    wrong = Counter()
    for row in rows:
        wrong.update(f"{name} was not announced" for name in row.keys() - promised.keys())
        wrong.update(f"{name} is missing" for name in promised.keys() - row.keys())
        wrong.update(f"{name} is not {promised[name].__name__}" for name in row.keys() & promised.keys() if row[name] is not None and not isinstance(row[name], promised[name]))
    return [f"{what} in {count} of {len(rows)} rows" for what, count in sorted(wrong.items())]
