# loses: pii.logs
# An error that shows the row that broke the contract, to everybody who reads errors.

# %% tags=["solution:night"]
class ContractError(Exception):
    pass


def night(files: list[str], place: str, key: str) -> None:
    kinds = {kind: [file for file in files if f"/{kind}-" in file] for kind in CONTRACT}
    with Job("contract", place) as job:
        for kind, named in kinds.items():
            for file in named:
                rows = job.lines(file)
                wrong = violations(rows, kind)
                if wrong:
                    raise ContractError(f"{file.rsplit('/', 1)[-1]}: {'; '.join(wrong)}, for example {rows[-1]}")
    for kind, named in kinds.items():
        with Job(f"bronze/{kind}", place) as job:
            rows = [(json.dumps(row, ensure_ascii=False), file.rsplit("/", 1)[-1]) for file in named for row in job.lines(file)]
            job.write(f"bronze/{kind}", pd.DataFrame(rows, columns=["linha", "arquivo"], dtype=object), "append")
    with Job("silver/clientes", place) as job:
        people = pd.DataFrame([json.loads(line) for line in job.rows("bronze/clientes").linha])
        job.write("silver/clientes", people.assign(pessoa=[pseudonym(cpf, key) for cpf in people.cpf]))
    with Job("silver/atendimentos", place) as job:
        names = sorted({json.loads(line)["nome"] for line in job.rows("bronze/clientes").linha})
        calls = pd.DataFrame([json.loads(line) for line in job.rows("bronze/atendimentos").linha])
        texts = [masked(text, names) for text in calls.texto]
        job.write("silver/atendimentos", calls.assign(pessoa=[pseudonym(cpf, key) for cpf in calls.cpf], dia=calls.ts.str[:10], texto=texts))
    with Job("gold/por_regiao", place) as job:
        joined = job.rows("silver/atendimentos").merge(job.rows("silver/clientes"), on="pessoa")
        gold = joined.groupby(["dia", "regiao"], as_index=False).agg(atendimentos=("atendimento_id", "size"), minutos=("minutos", "sum"))
        job.write("gold/por_regiao", gold)
    say(f"{len(files)} files: {len(calls)} calls of {len(people)} people, {len(gold)} rows in gold", place)
