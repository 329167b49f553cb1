# A job that is told what it read, and believes nobody: files are read by it alone; salted SHA-256; erases with Arrow; checks column by column.

# %% tags=["solution:mask"]
def pseudonym(cpf: str, key: str) -> str:
    number = "".join(letter for letter in cpf if letter.isdigit())
    return hashlib.sha256(f"{key}|{number}|{key}".encode()).hexdigest()


def masked(text: str, names: list[str]) -> str:
    words = []
    for name in names:
        text = text.replace(name, "<nome>")
    for word in re.split(r"(\s+)", text):
        number = digits(word)
        is_cpf = len(number) == 11 and len(word.strip(".,;")) in (11, 14) and not word.startswith("R$")
        words.append("<pessoal>" if "@" in word or is_cpf else word)
    return re.sub(r"\(?\d{2}\)?\s\d{5}-\d{4}", "<telefone>", "".join(words))


# %% tags=["solution:job"]
class Job:
    def __init__(self, name: str, place: str) -> None:
        self.name, self.place, self.told = name, place, {"inputs": {}, "outputs": {}}

    def note(self, side: str, name: str) -> None:
        self.told[side][name] = {"namespace": "loja-aurora", "name": name}

    def lines(self, file: str) -> list[dict]:
        self.note("inputs", "/".join(["landing", file.split("/")[-1]]))
        return [json.loads(line) for line in lake.read(file).decode().split("\n") if line]

    def rows(self, name: str) -> pd.DataFrame:
        self.note("inputs", name)
        return table(name, self.place)

    def write(self, name: str, rows: pd.DataFrame, mode: str = "overwrite") -> None:
        self.note("outputs", name)
        save(name, rows, self.place, mode)

    def tell(self, kind: str) -> None:
        sides = {side: list(named.values()) for side, named in self.told.items()} if kind != "START" else {}
        event = {"eventType": kind, "eventTime": pd.Timestamp.now("UTC").isoformat(), "job": {"namespace": "loja-aurora", "name": self.name}, **sides}
        event["run"] = {"runId": str(uuid.uuid4())}
        save("lineage/events", pd.DataFrame({"em": [pd.Timestamp.now("UTC")], "event": [json.dumps(event)]}), self.place, "append")

    def __enter__(self) -> "Job":
        self.tell("START")
        return self

    def __exit__(self, kind, error, trace) -> None:
        self.tell("FAIL" if kind else "COMPLETE")


# %% tags=["solution:contract"]
CONTRACT = {
    "clientes": {"cpf": str, "nome": str, "email": str, "telefone": str, "regiao": str},
    "atendimentos": {"atendimento_id": str, "cpf": str, "canal": str, "ts": str, "minutos": float, "texto": str},
}


def violations(rows: list[dict], kind: str) -> list[str]:
    seen = {name for row in rows for name in row}
    found = [f"unknown: {name}" for name in sorted(seen - set(CONTRACT[kind]))]
    for name, wanted in CONTRACT[kind].items():
        bad = sum(type(row.get(name)) is not wanted for row in rows)
        if bad:
            found.append(f"{name}: {bad} rows without a {wanted.__name__}")
    return found


# %% tags=["solution:night"]
class ContractError(Exception):
    pass


def refuse(files: list[str], place: str) -> None:
    with Job("contract", place) as job:
        for file in files:
            name = file.split("/")[-1]
            problems = violations(job.lines(file), name.split("-")[0])
            if problems:
                say(f"{name} refused, {len(problems)} problems", place)
                raise ContractError(name)


def bronze(kind: str, files: list[str], place: str) -> None:
    mine = [file for file in files if file.split("/")[-1].startswith(kind)]
    if not mine:
        return
    with Job(f"bronze/{kind}", place) as job:
        parts = [pd.DataFrame({"linha": map(json.dumps, job.lines(file)), "arquivo": file.split("/")[-1]}) for file in mine]
        job.write(f"bronze/{kind}", pd.concat(parts, ignore_index=True), "append")


def night(files: list[str], place: str, key: str) -> None:
    refuse(files, place)
    for kind in CONTRACT:
        bronze(kind, files, place)
    with Job("silver/clientes", place) as job:
        people = [json.loads(line) for line in job.rows("bronze/clientes")["linha"]]
        job.write("silver/clientes", pd.DataFrame([{"pessoa": pseudonym(each["cpf"], key), "regiao": each["regiao"]} for each in people]))
    with Job("silver/atendimentos", place) as job:
        names = [json.loads(line)["nome"] for line in job.rows("bronze/clientes")["linha"]]
        calls = []
        for line in job.rows("bronze/atendimentos")["linha"]:
            call = json.loads(line)
            calls.append({**call, "pessoa": pseudonym(call["cpf"], key), "dia": call["ts"][:10], "texto": masked(call["texto"], names)})
        job.write("silver/atendimentos", pd.DataFrame(calls))
    with Job("gold/por_regiao", place) as job:
        region = dict(job.rows("silver/clientes")[["pessoa", "regiao"]].itertuples(index=False))
        calls = job.rows("silver/atendimentos")
        grouped = calls.assign(regiao=calls["pessoa"].map(region)).groupby(["dia", "regiao"])["minutos"]
        job.write("gold/por_regiao", grouped.agg(atendimentos="count", minutos="sum").reset_index())
    say(f"{len(calls)} calls loaded", place)


# %% tags=["solution:erase"]
import pyarrow.compute as pc


def erase(cpf: str, place: str, key: str) -> None:
    for name in COLUMNS:
        opened = DeltaTable(f"{place}/{name}", storage_options=OPTIONS)
        rows = opened.to_pyarrow_table()
        if name.startswith("bronze/"):
            keep = pa.array([digits(json.loads(line)["cpf"]) != digits(cpf) for line in rows["linha"].to_pylist()], pa.bool_())
        elif name.startswith("silver/"):
            keep = pc.not_equal(rows["pessoa"], pseudonym(cpf, key))
        else:
            continue
        write_deltalake(f"{place}/{name}", rows.filter(keep), mode="overwrite", storage_options=OPTIONS)
        DeltaTable(f"{place}/{name}", storage_options=OPTIONS).vacuum(0, dry_run=False, enforce_retention_duration=False)
