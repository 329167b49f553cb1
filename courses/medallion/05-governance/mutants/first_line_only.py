# loses: contract.drift
# One line tells how all are.

# %% tags=["solution:contract"]
CONTRACT = {
    "clientes": {"cpf": str, "nome": str, "email": str, "telefone": str, "regiao": str},
    "atendimentos": {"atendimento_id": str, "cpf": str, "canal": str, "ts": str, "minutos": float, "texto": str},
}


def violations(rows: list[dict], kind: str) -> list[str]:
    promised = CONTRACT[kind]
    wrong = Counter()
    for row in rows[:1]:
        wrong.update(f"{name} was not announced" for name in row.keys() - promised.keys())
        wrong.update(f"{name} is missing" for name in promised.keys() - row.keys())
        wrong.update(f"{name} is not {promised[name].__name__}" for name in row.keys() & promised.keys() if not isinstance(row[name], promised[name]))
    return [f"{what} in {count} of {len(rows)} rows" for what, count in sorted(wrong.items())]
