# A keyed BLAKE2; one pattern for everything in a text; gold in SQL; erases by rebuilding silver's rows from those of bronze that stay.

# %% tags=["solution:mask"]
def pseudonym(cpf: str, key: str) -> str:
    return hashlib.blake2b(digits(cpf).encode(), key=key.encode()[:64], digest_size=32).hexdigest()


PHONE, CPF = r"\(\d\d\) \d{5}-\d{4}|\b\d\d \d{5}-\d{4}", r"\b\d{3}\.\d{3}\.\d{3}-\d{2}|\b\d{11}\b"


def masked(text: str, names: list[str]) -> str:
    everything = "|".join([r"[\w.]+@[\w.]+\w", PHONE, CPF, *map(re.escape, names)])
    return re.sub(everything, "***", text)


# %% tags=["solution:contract"]
CONTRACT = {
    "clientes": dict.fromkeys(["cpf", "nome", "email", "telefone", "regiao"], str),
    "atendimentos": {**dict.fromkeys(["atendimento_id", "cpf", "canal", "ts", "texto"], str), "minutos": float},
}


def violations(rows: list[dict], kind: str) -> list[str]:
    def shape(row: dict) -> dict:
        return {name: type(value) for name, value in row.items()}

    wrong = [shape(row) for row in rows if shape(row) != CONTRACT[kind]]
    columns = sorted({name for each in wrong for name in each.keys() | CONTRACT[kind].keys() if each.get(name) != CONTRACT[kind].get(name)})
    return [f"{len(wrong)} rows are not as promised in {', '.join(columns)}"] if wrong else []


# %% tags=["solution:night"]
import duckdb


class ContractError(ValueError):
    pass


def night(files: list[str], place: str, key: str) -> None:
    def kind_of(file: str) -> str:
        return file.split("/")[-1].split("-")[0]

    with Job("contract", place) as job:
        wrong = {file.split("/")[-1]: found for file in files if (found := violations(job.lines(file), kind_of(file)))}
        if wrong:
            say(f"refused: {wrong}", place)
            raise ContractError(str(wrong))
    for name in ("clientes", "atendimentos"):
        with Job(f"bronze/{name}", place) as job:
            for file in sorted(files):
                if kind_of(file) == name:
                    rows = pd.DataFrame({"linha": [json.dumps(row) for row in job.lines(file)]})
                    job.write(f"bronze/{name}", rows.assign(arquivo=file.split("/")[-1]), mode="append")
    with Job("silver/clientes", place) as job:
        rows = job.rows("bronze/clientes").linha.map(json.loads)
        job.write("silver/clientes", pd.DataFrame({"pessoa": rows.map(lambda row: pseudonym(row["cpf"], key)), "regiao": rows.str["regiao"]}))
    with Job("silver/atendimentos", place) as job:
        names = list(job.rows("bronze/clientes").linha.map(json.loads).str["nome"].unique())
        rows = pd.DataFrame(list(job.rows("bronze/atendimentos").linha.map(json.loads)))
        rows["pessoa"] = rows.pop("cpf").map(lambda cpf: pseudonym(cpf, key))
        rows["texto"] = rows.texto.map(lambda text: masked(text, names))
        rows["dia"] = rows.ts.map(lambda ts: ts[:10])
        job.write("silver/atendimentos", rows)
    with Job("gold/por_regiao", place) as job:
        calls, people = job.rows("silver/atendimentos"), job.rows("silver/clientes")
        query = "SELECT dia, regiao, count(*) AS atendimentos, sum(minutos) AS minutos FROM calls JOIN people USING (pessoa) GROUP BY ALL"
        job.write("gold/por_regiao", duckdb.sql(query).df())
    say(f"{len(rows)} calls", place)


# %% tags=["solution:erase"]
def erase(cpf: str, place: str, key: str) -> None:
    written = {digits(cpf), re.sub(r"(\d{3})(\d{3})(\d{3})(\d{2})", r"\1.\2.\3-\4", digits(cpf))}
    who = pseudonym(cpf, key)
    for name in COLUMNS:
        rows = table(name, place)
        if name.startswith("bronze"):
            rows = rows[rows.linha.map(lambda line: json.loads(line)["cpf"] not in written).astype(bool)]
        if name.startswith("silver"):
            rows = rows.query("pessoa != @who")
        save(name, rows, place, "overwrite")
        vacuum(name, place, 0)
