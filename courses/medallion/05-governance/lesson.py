# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Lakehouse (no JVM)
#     language: python
#     name: lakehouse
# ---

# %% [markdown] tags=["lang:en"]
# # Governance: whose is it, where is it from, whom does it tell about?
#
# A letter arrives at Loja Aurora: *"Tell me what you know about me. Then delete it."* The law gives every customer that right, and
# one of them has used it. The team looks at each other. Who owns the table of calls? Which other tables were made from it? And the
# note "call me on my mother's telephone", typed by somebody at the service desk: in how many files is it by now?
#
# A lake without answers is called a swamp. Today you make the answers part of the pipeline: a **catalogue** that says whose a table is, a
# **lineage** that says what it was made from, a **contract** at the door, **pseudonyms** instead of people. Then you answer the letter.
#
# | you will | minutes |
# |---|---|
# | meet the service desk | 5 |
# | guess everybody's number from its hash | 8 |
# | guided: pseudonyms, and texts without people | 14 |
# | guided: a job that tells of itself, a catalogue, a contract | 15 |
# | write the night | 15 |
# | answer the letter: erase | 10 |
# | break it, explain it | 8 |

# %% [markdown] tags=["lang:pt-BR"]
# # Governança: de quem é, de onde veio, sobre quem fala?
#
# Chega uma carta à Loja Aurora: *"Digam o que vocês sabem sobre mim. Depois apaguem."* A lei dá esse direito a qualquer cliente, e uma
# pessoa resolveu usá-lo. A equipe se entreolha. Quem responde pela tabela de atendimentos? Que outras tabelas foram feitas a partir dela? E a anotação
# "liguem no telefone da minha mãe", digitada por alguém do atendimento: em quantos arquivos ela está a esta altura?
#
# Um lake sem respostas é um pântano. Hoje você faz das respostas uma parte do pipeline: um **catálogo** que diz de quem é cada tabela, uma
# **linhagem** que diz de que ela foi feita, um **contrato** na porta, **pseudônimos** no lugar de pessoas. Depois você responde à carta.
#
# | você vai | minutos |
# |---|---|
# | conhecer o atendimento | 5 |
# | adivinhar o número de todos a partir do hash | 8 |
# | guiado: pseudônimos, e textos sem pessoas | 14 |
# | guiado: um job que conta o que fez, um catálogo, um contrato | 15 |
# | escrever a noite | 15 |
# | responder à carta: apagar | 10 |
# | quebrar e explicar | 8 |

# %%
import hashlib
import hmac
import json
import re
import secrets
import time
import uuid
from collections import Counter

import pandas as pd
import pyarrow as pa
from dataflow_kernels.lineage import draw, edges
from dataflow_kernels.pictures import pipeline
from dataflow_kernels.traces import traces
from deltalake import DeltaTable, write_deltalake
from IPython.display import display

pipeline(today="silver")

# %% [markdown] tags=["lang:en"]
# ## 1 · Meet the service desk
#
# Two kinds of files land each night. `clientes` tells of new customers. `atendimentos` has one line for each call, one file a channel. The
# channels do not agree on how to write a *cpf*, the number that every Brazilian has for life. And people type what they like into `texto`.
# (Nobody here exists: every cpf has a wrong check digit.)

# %% [markdown] tags=["lang:pt-BR"]
# ## 1 · Conheça o atendimento
#
# Dois tipos de arquivo chegam a cada noite. `clientes` fala dos clientes novos. `atendimentos` tem uma linha por chamada, um arquivo por canal.
# Os canais não combinam como escrever um CPF. E em `texto` as pessoas digitam o que querem. (Ninguém aqui existe: todo CPF tem um dígito
# verificador errado.)

# %%
landing = lake.landing("05-governance")
files = [f"{landing}/{name}" for name in lake.files(landing)]
days = sorted({re.search(r"\d{4}-\d\d-\d\d", file)[0] for file in files})
nights = {day: [file for file in files if day in file] for day in days}


def landed(file: str) -> list[dict]:
    return [json.loads(line) for line in lake.read(file).decode().splitlines()]


first_calls = [row for file in nights[days[0]] if "/atendimentos" in file for row in landed(file)]
first_people = [row for file in nights[days[0]] if "/clientes" in file for row in landed(file)]
print({day: [file.rsplit("/", 1)[-1] for file in named] for day, named in nights.items()})
with pd.option_context("display.max_colwidth", None):
    display(pd.DataFrame(first_people).head(3), pd.DataFrame(first_calls)[["cpf", "canal", "texto"]].iloc[::7])

# %% [markdown] tags=["lang:en"]
# ## 2 · Worked example: a hash is no secret
#
# A colleague wanted to be careful. The table for the analysts has no cpf, only its SHA-256: sixty-four digits that nobody can compute
# backwards. Nobody needs to. A cpf has few values, so one simply computes them all *forwards*. Our customers' numbers begin with the same six
# digits, which leaves a hundred thousand to try. **Guess** first: how many customers will be found, and in how long?

# %% [markdown] tags=["lang:pt-BR"]
# ## 2 · Exemplo resolvido: um hash não é segredo
#
# Um colega quis tomar cuidado. A tabela dos analistas não tem CPF, só o SHA-256 dele: sessenta e quatro dígitos que ninguém calcula de trás para
# a frente. Nem precisa. Um CPF tem poucos valores, então basta calcular todos *para a frente*. Os números dos nossos clientes começam com os
# mesmos seis dígitos, e sobram cem mil para tentar. Primeiro, **dê um palpite**: quantos clientes serão encontrados, e em quanto tempo?

# %%
def digits(text: str) -> str:
    return re.sub(r"\D", "", text)


published = {hashlib.sha256(digits(row["cpf"]).encode()).hexdigest() for row in first_people}
beginning = digits(first_people[0]["cpf"])[:6]

begin = time.perf_counter()
guessed = [guess for guess in (f"{beginning}{number:05d}" for number in range(10**5)) if hashlib.sha256(guess.encode()).hexdigest() in published]
seconds = time.perf_counter() - begin
print(f"{len(guessed)} of {len(published)} cpfs are back after {seconds:.2f} s. All the cpfs of Brazil, one after the other: about {seconds * 10_000 / 60:.0f} minutes.")

# %% [markdown] tags=["lang:en"]
# What helps is a **key**: a secret that goes into the computation. Whoever lacks it cannot try numbers, since each key gives other values.
# `hmac` is the standard way to mix a key in. A constant in the notebook is no key: everybody who has the notebook has it. In the
# lab it comes from `secrets`; at work it comes from a vault, and each use of it is written down.
#
# With the key, the value is a **pseudonym**: the same person gets the same one, so tables still join. For whoever has the key it is still
# personal data, and the law says so.

# %% [markdown] tags=["lang:pt-BR"]
# O que ajuda é uma **chave**: um segredo que entra na conta. Quem não a tem não pode testar números, pois cada chave dá outros valores. `hmac` é
# a maneira padrão de misturar a chave. Uma constante no notebook não é chave: quem tem o notebook tem a constante. No laboratório ela vem de
# `secrets`; no trabalho, de um cofre, e cada uso fica anotado.
#
# Com a chave, o valor é um **pseudônimo**: a mesma pessoa recebe sempre o mesmo, então as tabelas ainda se juntam. Para quem tem a chave ele
# continua sendo um dado pessoal, e a lei diz isso.

# %% [markdown] tags=["lang:en"]
# ## 3 · Guided exercise: pseudonyms, and texts without people
#
# - `pseudonym(cpf, key)`: 64 hexadecimal digits, from the **digits** of the cpf and the key. However the cpf is written, one person has one
#   pseudonym. Useful: `hmac.new(key_bytes, message_bytes, hashlib.sha256).hexdigest()`.
# - `masked(text, names)`: the text, with a mark such as `[cpf]` in place of whatever is personal: the names in `names`, e-mail addresses, cpfs
#   (with and without points), telephones (see how the desk writes them: three ways). **All else stays as it is**: order, product and
#   protocol numbers, amounts. A product number has thirteen digits, and eleven digits in a row are not always a cpf.

# %% [markdown] tags=["lang:pt-BR"]
# ## 3 · Exercício guiado: pseudônimos, e textos sem pessoas
#
# - `pseudonym(cpf, key)`: 64 dígitos hexadecimais, a partir dos **dígitos** do CPF e da chave. Seja como for escrito o CPF, uma pessoa tem um só
#   pseudônimo. Útil: `hmac.new(key_bytes, message_bytes, hashlib.sha256).hexdigest()`.
# - `masked(text, names)`: o texto, com uma marca como `[cpf]` no lugar do que é pessoal: os nomes em `names`, e-mails, CPFs (com e sem pontos),
#   telefones (veja como o atendimento os escreve: de três jeitos). **Todo o resto fica como está**: números de pedido, de produto e de
#   protocolo, valores. Um número de produto tem treze dígitos, e onze dígitos seguidos nem sempre são um CPF.

# %% tags=["solution:mask"]
def pseudonym(cpf: str, key: str) -> str:
    ### BEGIN SOLUTION
    return hmac.new(key.encode(), digits(cpf).encode(), hashlib.sha256).hexdigest()
    ### END SOLUTION


def masked(text: str, names: list[str]) -> str:
    text = re.sub(r"[\w.+-]+@[\w-]+(\.\w+)+", "[email]", text)
    ### BEGIN SOLUTION
    text = re.sub(r"(?<!\d)\d{3}\.\d{3}\.\d{3}-\d{2}(?!\d)|(?<!\d)\d{11}(?!\d)", "[cpf]", text)
    text = re.sub(r"(?<!\d)\(?\d{2}\)? 9\d{4}-\d{4}(?!\d)", "[telefone]", text)
    for name in names:
        text = text.replace(name, "[nome]")
    ### INSTEAD
    #| # YOUR CODE HERE: cpfs, telephones, names
    ### END SOLUTION
    return text


# %%
KEY = secrets.token_hex(32)
known = [row["nome"] for row in first_people]
first = pd.DataFrame(
    [(row["atendimento_id"], pseudonym(row["cpf"], KEY), masked(row["texto"], known)) for row in first_calls],
    columns=["atendimento_id", "pessoa", "texto"],
)
write_deltalake(lake.path("governance", "first"), first, mode="overwrite", schema_mode="overwrite", storage_options=lake.storage_options)
with pd.option_context("display.max_colwidth", None):
    display(first.iloc[::7])

# %% tags=["check:own-texts"]
check("gov.masked")

# %% [markdown] tags=["lang:en"]
# ## 4 · Guided exercise: tables that can be explained
#
# The tables of today's pipeline. `prepare` makes them, empty. One setting is worth a look: Delta's log keeps the smallest and the largest
# value of each column of each file, so that readers can skip files. In Bronze that would be somebody's cpf, in a file that VACUUM never
# touches. We switch these statistics off.

# %% [markdown] tags=["lang:pt-BR"]
# ## 4 · Exercício guiado: tabelas que se explicam
#
# As tabelas do pipeline de hoje. `prepare` as cria, vazias. Uma configuração merece atenção: o log do Delta guarda o menor e o maior valor de
# cada coluna de cada arquivo, para que os leitores possam pular arquivos. Na bronze isso seria o CPF de alguém, num arquivo em que o VACUUM
# nunca mexe. Desligamos essas estatísticas.

# %%
TEXT, NUMBER, COUNT, TIME = pa.string(), pa.float64(), pa.int64(), pa.timestamp("us", "UTC")
COLUMNS = {
    "bronze/clientes": {"linha": TEXT, "arquivo": TEXT},
    "bronze/atendimentos": {"linha": TEXT, "arquivo": TEXT},
    "silver/clientes": {"pessoa": TEXT, "regiao": TEXT},
    "silver/atendimentos": {"atendimento_id": TEXT, "pessoa": TEXT, "dia": TEXT, "canal": TEXT, "minutos": NUMBER, "texto": TEXT},
    "gold/por_regiao": {"dia": TEXT, "regiao": TEXT, "atendimentos": COUNT, "minutos": NUMBER},
    "lineage/events": {"em": TIME, "event": TEXT},
    "logs/pipeline": {"em": TIME, "message": TEXT},
    "catalogue/tables": {"table": TEXT, "owner": TEXT, "personal": TEXT, "en": TEXT, "pt": TEXT},
}
OPTIONS = lake.storage_options
NO_STATISTICS = {"delta.dataSkippingNumIndexedCols": "0"}


def table(name: str, place: str) -> pd.DataFrame:
    return DeltaTable(f"{place}/{name}", storage_options=OPTIONS).to_pandas()


def save(name: str, rows: pd.DataFrame, place: str, mode: str) -> None:
    arrow = pa.Table.from_pandas(rows[list(COLUMNS[name])], pa.schema(list(COLUMNS[name].items())), preserve_index=False)
    write_deltalake(f"{place}/{name}", arrow, mode=mode, storage_options=OPTIONS)


def vacuum(name: str, place: str, hours: float) -> None:
    """Delete the data files that no version of the last `hours` needs; with 0, all but those of the newest version."""
    opened = DeltaTable(f"{place}/{name}", storage_options=OPTIONS)
    opened.vacuum(retention_hours=hours, dry_run=False, enforce_retention_duration=False, full=True)


def prepare(place: str) -> None:
    for name, columns in COLUMNS.items():
        empty = pa.schema(list(columns.items())).empty_table()
        write_deltalake(f"{place}/{name}", empty, mode="overwrite", schema_mode="overwrite", configuration=NO_STATISTICS, storage_options=OPTIONS)
        vacuum(name, place, 0)


def say(message: str, place: str) -> None:
    """Write a line into the pipeline's log."""
    save("logs/pipeline", pd.DataFrame({"em": [pd.Timestamp.now("UTC")], "message": [message]}), place, "append")


own = lake.path("governance", "own")
prepare(own)

# %% [markdown] tags=["lang:en"]
# **Lineage.** A drawing in a wiki shows what somebody once intended. What a table *was* made from only the job knows that made it; so the job
# shall tell, each time. A `Job` reads and writes through its own methods. When its `with` block ends, it writes one event into `lineage/events`,
# shaped as the open standard OpenLineage shapes them: the job, its inputs, its outputs, and whether it ended well.
#
# Complete it: `lines` notes the input `landing/<name of the file>`; `rows` notes the table that it reads as an input; `write` notes the table as
# an output; and the event's type is `COMPLETE`, or `FAIL` when the block raised (then `kind` is not `None`).

# %% [markdown] tags=["lang:pt-BR"]
# **Linhagem.** Um desenho numa wiki mostra o que alguém pretendia um dia. De que uma tabela *foi* feita só sabe o job que a fez; então que ele
# conte, a cada vez. Um `Job` lê e grava pelos seus próprios métodos. Quando o bloco `with` termina, ele grava um evento em `lineage/events`, no
# formato do padrão aberto OpenLineage: o job, suas entradas, suas saídas, e se terminou bem.
#
# Complete-o: `lines` anota a entrada `landing/<nome do arquivo>`; `rows` anota como entrada a tabela que lê; `write` anota a tabela como saída; e
# o tipo do evento é `COMPLETE`, ou `FAIL` quando o bloco levantou um erro (aí `kind` não é `None`).

# %% tags=["solution:job"]
class Job:
    def __init__(self, name: str, place: str) -> None:
        self.name, self.place = name, place
        self.inputs: list[str] = []
        self.outputs: list[str] = []

    def lines(self, file: str) -> list[dict]:
        """The lines of a landing file."""
        ### BEGIN SOLUTION
        self.inputs.append(f"landing/{file.rsplit('/', 1)[-1]}")
        ### INSTEAD
        #| # YOUR CODE HERE
        ### END SOLUTION
        return landed(file)

    def rows(self, name: str) -> pd.DataFrame:
        """The rows of a table."""
        ### BEGIN SOLUTION
        self.inputs.append(name)
        ### INSTEAD
        #| # YOUR CODE HERE
        ### END SOLUTION
        return table(name, self.place)

    def write(self, name: str, rows: pd.DataFrame, mode: str = "overwrite") -> None:
        save(name, rows, self.place, mode)
        ### BEGIN SOLUTION
        self.outputs.append(name)
        ### INSTEAD
        #| # YOUR CODE HERE
        ### END SOLUTION

    def __enter__(self) -> "Job":
        return self

    def __exit__(self, kind, error, trace) -> None:
        ### BEGIN SOLUTION
        ended = "COMPLETE" if kind is None else "FAIL"
        ### INSTEAD
        #| ended = "?"  # YOUR CODE HERE
        ### END SOLUTION
        named = {"inputs": self.inputs, "outputs": self.outputs}
        event = {
            "eventType": ended,
            "eventTime": pd.Timestamp.now("UTC").isoformat(),
            "run": {"runId": str(uuid.uuid4())},
            "job": {"namespace": "loja-aurora", "name": self.name},
            **{side: [{"namespace": "loja-aurora", "name": name} for name in names] for side, names in named.items()},
        }
        save("lineage/events", pd.DataFrame({"em": [pd.Timestamp.now("UTC")], "event": [json.dumps(event)]}), self.place, "append")


# %% [markdown] tags=["lang:en"]
# **Catalogue.** Add the four tables that are missing. `owner` is an address that somebody reads: a team's, not a person's. `personal` is
# `direct` (people can be read in it), `pseudonym` or `none`. `en` and `pt` say in at least five words what one row is: for the colleague who finds
# the table in two years. Look at the columns in `COLUMNS`.

# %% [markdown] tags=["lang:pt-BR"]
# **Catálogo.** Acrescente as quatro tabelas que faltam. `owner` é um endereço que alguém lê: de uma equipe, não de uma pessoa. `personal` é `direct`
# (dá para ler quem é), `pseudonym` ou `none`. `en` e `pt` dizem em pelo menos cinco palavras o que é uma linha: para quem encontrar a tabela daqui
# a dois anos. Veja as colunas em `COLUMNS`.

# %% tags=["solution:catalogue"]
CATALOGUE = [
    {
        "table": "bronze/clientes",
        "owner": "cadastro@aurora.example",
        "personal": "direct",
        "en": "One line for each new customer, as it landed",
        "pt": "Uma linha por cliente novo, como chegou",
    },
    ### BEGIN SOLUTION
    {
        "table": "bronze/atendimentos",
        "owner": "atendimento@aurora.example",
        "personal": "direct",
        "en": "One line for each call to the service desk, as it landed",
        "pt": "Uma linha por chamada ao atendimento, como chegou",
    },
    {
        "table": "silver/clientes",
        "owner": "cadastro@aurora.example",
        "personal": "pseudonym",
        "en": "One customer, by pseudonym, with the region they live in",
        "pt": "Um cliente, por pseudônimo, com a região em que mora",
    },
    {
        "table": "silver/atendimentos",
        "owner": "atendimento@aurora.example",
        "personal": "pseudonym",
        "en": "One call, by pseudonym, its text without personal data",
        "pt": "Uma chamada, por pseudônimo, com o texto sem dados pessoais",
    },
    {
        "table": "gold/por_regiao",
        "owner": "atendimento@aurora.example",
        "personal": "none",
        "en": "Calls and minutes of one day in one region",
        "pt": "Chamadas e minutos de um dia numa região",
    },
    ### INSTEAD
    #| # YOUR CODE HERE
    ### END SOLUTION
]

# %% [markdown] tags=["lang:en"]
# **Contract.** In lesson 1.1 Bronze took whatever came. With personal data the door needs a keeper: a column that nobody announced may be
# somebody's telephone. `CONTRACT` says what the producers promise: exactly these columns, never null, each of its type. Complete
# `violations(rows, kind)`: a list of texts, empty when **every** row keeps the contract; each says what is wrong and how often. The texts name
# columns and **never a value**: they end up in logs. (Tools such as Great Expectations hold such rules too. Theirs or ours: somebody must stop
# the night.)

# %% [markdown] tags=["lang:pt-BR"]
# **Contrato.** Na lição 1.1, a bronze aceitava o que viesse. Com dados pessoais, a porta precisa de um porteiro: uma coluna que ninguém anunciou
# pode ser o telefone de alguém. `CONTRACT` diz o que os produtores prometem: exatamente estas colunas, nunca nulas, cada uma do seu tipo. Complete
# `violations(rows, kind)`: uma lista de textos, vazia quando **todas** as linhas cumprem o contrato; cada um diz o que está errado e quantas vezes.
# Os textos citam colunas e **nunca um valor**: eles vão parar nos logs. (Ferramentas como o Great Expectations também guardam regras assim. Delas
# ou nossas: alguém precisa barrar a noite.)

# %% tags=["solution:contract"]
CONTRACT = {
    "clientes": {"cpf": str, "nome": str, "email": str, "telefone": str, "regiao": str},
    "atendimentos": {"atendimento_id": str, "cpf": str, "canal": str, "ts": str, "minutos": float, "texto": str},
}


def violations(rows: list[dict], kind: str) -> list[str]:
    promised = CONTRACT[kind]
    ### BEGIN SOLUTION
    wrong = Counter()
    for row in rows:
        wrong.update(f"{name} was not announced" for name in row.keys() - promised.keys())
        wrong.update(f"{name} is missing" for name in promised.keys() - row.keys())
        wrong.update(f"{name} is not {promised[name].__name__}" for name in row.keys() & promised.keys() if not isinstance(row[name], promised[name]))
    return [f"{what} in {count} of {len(rows)} rows" for what, count in sorted(wrong.items())]
    ### END SOLUTION


# %%
for day in (days[0], days[2]):
    for file in nights[day]:
        kind = file.rsplit("/", 1)[-1].split("-")[0]
        print(f"{file.rsplit('/', 1)[-1]:38}", violations(landed(file), kind) or "keeps the contract")

# %% [markdown] tags=["lang:en"]
# ## 5 · Challenge: a night
#
# Write `night(files, place, key)`. `files` are the URIs of one night's files, in any order; perhaps none of them is a `clientes` file.
#
# First the contract, of **all** files, in `Job("contract", place)`. If one breaks it, raise `ContractError` inside that block: the night ends, no
# table of bronze, silver or gold has changed, and the lineage has an event `FAIL`. Otherwise, five jobs in this order, each called like the table
# that it makes:
#
# | makes | from | how |
# |---|---|---|
# | `bronze/clientes` | the night's `clientes` files | appended: `linha` is the row as JSON, `arquivo` the name of its file |
# | `bronze/atendimentos` | the night's `atendimentos` files | likewise |
# | `silver/clientes` | `bronze/clientes` | made anew from all nights: `pessoa` is the pseudonym |
# | `silver/atendimentos` | `bronze/atendimentos`; `bronze/clientes` for the names | made anew: `dia` is the first ten characters of `ts`; `texto` is masked |
# | `gold/por_regiao` | both of silver | made anew: for each `dia` and `regiao` the number of calls and the sum of their minutes |
#
# - The lineage names what was read and written, **this night**, and nothing else.
# - What is personal is never *written* into silver or gold: not even for a moment, since Delta keeps that moment.
# - Say at least one thing with `say`: how much was done, and nothing about whom. Errors are read by many too.
# - The key is written nowhere.

# %% [markdown] tags=["lang:pt-BR"]
# ## 5 · Desafio: uma noite
#
# Escreva `night(files, place, key)`. `files` são os URIs dos arquivos de uma noite, em qualquer ordem; talvez nenhum deles seja de `clientes`.
#
# Primeiro o contrato, de **todos** os arquivos, em `Job("contract", place)`. Se algum o quebra, levante `ContractError` dentro desse bloco: a noite
# acaba, nenhuma tabela da bronze, silver ou gold mudou, e a linhagem tem um evento `FAIL`. Senão, cinco jobs nesta ordem, cada um com o nome da
# tabela que faz:
#
# | faz | a partir de | como |
# |---|---|---|
# | `bronze/clientes` | os arquivos `clientes` da noite | acrescenta: `linha` é a linha em JSON, `arquivo` o nome do arquivo |
# | `bronze/atendimentos` | os arquivos `atendimentos` da noite | do mesmo modo |
# | `silver/clientes` | `bronze/clientes` | refeita com todas as noites: `pessoa` é o pseudônimo |
# | `silver/atendimentos` | `bronze/atendimentos`; `bronze/clientes` pelos nomes | refeita: `dia` são os dez primeiros caracteres de `ts`; `texto` vai mascarado |
# | `gold/por_regiao` | as duas da silver | refeita: para cada `dia` e `regiao`, o número de chamadas e a soma dos minutos |
#
# - A linhagem cita o que foi lido e gravado, **nesta noite**, e nada mais.
# - O que é pessoal nunca é *gravado* na silver ou na gold: nem por um instante, pois o Delta guarda esse instante.
# - Diga ao menos uma coisa com `say`: quanto foi feito, e nada sobre quem. Erros também são lidos por muita gente.
# - A chave não é escrita em lugar nenhum.

# %% tags=["solution:night"]
class ContractError(Exception):
    pass


def night(files: list[str], place: str, key: str) -> None:
    ### BEGIN SOLUTION
    kinds = {kind: [file for file in files if f"/{kind}-" in file] for kind in CONTRACT}
    with Job("contract", place) as job:
        for kind, named in kinds.items():
            for file in named:
                wrong = violations(job.lines(file), kind)
                if wrong:
                    raise ContractError(f"{file.rsplit('/', 1)[-1]}: {'; '.join(wrong)}")
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
    ### END SOLUTION


# %%
prepare(own)
save("catalogue/tables", pd.DataFrame(CATALOGUE), own, "overwrite")
for day in days[:2]:
    night(nights[day], own, KEY)
print(table("logs/pipeline", own).message.tolist())
draw(edges(json.loads(event) for event in table("lineage/events", own).event))

# %% [markdown] tags=["lang:en"]
# Choose one table in the drawing and follow its lines to the left. If the desk's app wrote nonsense for a night: which tables would you have to
# make anew? That question used to take a meeting.
#
# And now look for people. `traces` opens **every** file below a folder, those that no table names any more too, and counts which of the
# texts it finds. Silver, gold and logs have to be missing from its list.

# %% [markdown] tags=["lang:pt-BR"]
# Escolha uma tabela no desenho e siga as linhas para a esquerda. Se o app do atendimento gravasse bobagem por uma noite, quais tabelas você teria
# que refazer? Essa pergunta custava uma reunião.
#
# E agora procure as pessoas. `traces` abre **todos** os arquivos abaixo de uma pasta, mesmo os que nenhuma tabela cita mais, e conta quais dos
# textos encontra. Silver, gold e logs não podem aparecer na lista.

# %%
searched = [row["cpf"] for row in first_people] + [digits(row["cpf"]) for row in first_people] + [row["email"] for row in first_people]
pd.DataFrame(traces(own, searched, OPTIONS))

# %% tags=["check:own-lake"]
check("gov.catalogue", "gov.lineage")

# %% [markdown] tags=["lang:en"]
# ## 6 · Challenge: answer the letter
#
# Write `erase(cpf, place, key)`; the cpf comes with or without points. Afterwards **no file below `place`** knows the person: not her cpf, in
# either spelling, not her e-mail, not her telephone, not her calls, and not her pseudonym. Everybody else's rows are as before, those of people who
# have the same name too. Gold counts nobody by name: leave it.
#
# Three places to think of:
#
# - Bronze and silver both know her.
# - A new version only stops *naming* the old files. `vacuum(name, place, 0)` deletes them: that ends time travel, for everybody, and that is its
#   price.
# - Delta's log writes down what was done, in words: `DELETE` leaves its predicate in it, and so whatever stands in the predicate. Reading,
#   filtering and writing anew leaves nothing there.

# %% [markdown] tags=["lang:pt-BR"]
# ## 6 · Desafio: responda à carta
#
# Escreva `erase(cpf, place, key)`; o CPF vem com ou sem pontos. Depois, **nenhum arquivo abaixo de `place`** conhece a pessoa: nem o CPF, em nenhuma
# das grafias, nem o e-mail, nem o telefone, nem as chamadas, nem o pseudônimo. As linhas de todos os outros ficam como antes, inclusive as de quem
# tem o mesmo nome. A gold não conta ninguém pelo nome: deixe-a como está.
#
# Três lugares em que pensar:
#
# - A bronze e a silver a conhecem.
# - Uma nova versão só deixa de *citar* os arquivos antigos. `vacuum(name, place, 0)` os apaga: isso acaba com a viagem no tempo, para todos, e esse é
#   o preço.
# - O log do Delta anota em palavras o que foi feito: `DELETE` deixa nele o predicado e, com ele, o que estiver escrito no predicado. Ler, filtrar e
#   gravar de novo não deixa nada ali.

# %% tags=["solution:erase"]
def erase(cpf: str, place: str, key: str) -> None:
    ### BEGIN SOLUTION
    for name in ("bronze/clientes", "bronze/atendimentos"):
        rows = table(name, place)
        hers = [digits(json.loads(line)["cpf"]) == digits(cpf) for line in rows.linha]
        save(name, rows[~pd.Series(hers, index=rows.index, dtype=bool)], place, "overwrite")
    for name in ("silver/clientes", "silver/atendimentos"):
        rows = table(name, place)
        save(name, rows[rows.pessoa != pseudonym(cpf, key)], place, "overwrite")
    for name in COLUMNS:
        vacuum(name, place, 0)
    ### END SOLUTION


# %%
letter = lake.path("governance", "letter")
prepare(letter)
night(nights[days[0]], letter, KEY)
leaver = first_people[0]
knows = [leaver["cpf"], digits(leaver["cpf"]), leaver["email"], leaver["telefone"], digits(leaver["telefone"]), pseudonym(leaver["cpf"], KEY)]
display(pd.DataFrame(traces(letter, knows, OPTIONS)))
erase(leaver["cpf"], letter, KEY)
print("left:", traces(letter, knows, OPTIONS))

# %% [markdown] tags=["lang:en"]
# After you submit, the same functions meet people that you have never seen, with two keys, on nights whose files break the contract in four
# ways. One of these people writes a letter.

# %% [markdown] tags=["lang:pt-BR"]
# Depois da entrega, as mesmas funções encontram pessoas que você nunca viu, com duas chaves, em noites cujos arquivos quebram o contrato de quatro
# maneiras. Uma dessas pessoas escreve uma carta.

# %% tags=["check:unseen-people"]
check("pii.tables", "pii.logs", "pii.kept")

# %% tags=["check:unseen-keys"]
check("keys.keyed", "keys.joins")

# %% tags=["check:unseen-flow"]
check("lineage.edges", "contract.drift")

# %% tags=["check:unseen-erasure"]
check("erase.files", "erase.others")

# %% [markdown] tags=["lang:en"]
# ## 7 · Break it
#
# Three people answer the same letter, each in a lake of their own. The first runs a `DELETE` on silver. The second runs it on all four tables,
# and VACUUM as it is usually set: files of the last seven days stay. The third is you. In each lake, a query for her in silver gives no row.
# **Guess**: where is she still?

# %% [markdown] tags=["lang:pt-BR"]
# ## 7 · Quebre
#
# Três pessoas respondem à mesma carta, cada uma num lake só seu. A primeira executa um `DELETE` na silver. A segunda o executa nas quatro tabelas, e
# um VACUUM como ele costuma vir configurado: os arquivos dos últimos sete dias ficam. A terceira é você. Em cada lake, uma consulta por ela na
# silver não devolve linha nenhuma. **Dê um palpite**: onde ela ainda está?

# %%
def delete_from_silver(cpf: str, place: str, key: str) -> None:
    for name in ("silver/clientes", "silver/atendimentos"):
        DeltaTable(f"{place}/{name}", storage_options=OPTIONS).delete(f"pessoa = '{pseudonym(cpf, key)}'")


def delete_and_vacuum(cpf: str, place: str, key: str) -> None:
    delete_from_silver(cpf, place, key)
    for name in ("bronze/clientes", "bronze/atendimentos"):
        DeltaTable(f"{place}/{name}", storage_options=OPTIONS).delete(f"linha LIKE '%{cpf}%' OR linha LIKE '%{digits(cpf)}%'")
    for name in COLUMNS:
        vacuum(name, place, 7 * 24)


found = {}
for who, answer in (("DELETE in silver", delete_from_silver), ("DELETE, VACUUM 7 days", delete_and_vacuum), ("yours", erase)):
    place = lake.path("governance", "letters", uuid.uuid4().hex[:8])
    prepare(place)
    night(nights[days[0]], place, KEY)
    answer(leaver["cpf"], place, KEY)
    found[who] = Counter(each["folder"] for each in traces(place, knows, OPTIONS))
pd.DataFrame(found).fillna(0).astype(int).rename_axis("files in which she still is")

# %% [markdown] tags=["lang:en"]
# Every one of the three would have answered "it is done".

# %% [markdown] tags=["lang:pt-BR"]
# As três teriam respondido "está feito".

# %% [markdown] tags=["lang:en"]
# ## 8 · Explain it
#
# The lawyer asks: "You ran a DELETE. Is she gone?" In about six sentences:
#
# 1. What does a DELETE change in a Delta table, and what does it leave, in which files?
# 2. Your silver has pseudonyms only. Why did she have to leave it too? Who can tell who a pseudonym is?
# 3. Why is a hash without a key no pseudonym?
# 4. Give evidence: the folders above, and the seconds that guessing took you.
#
# One thing your `erase` cannot do: what happens if somebody loads the first night's files again next month?

# %% [markdown] tags=["lang:pt-BR"]
# ## 8 · Explique
#
# A advogada pergunta: "Vocês executaram um DELETE. Ela sumiu?" Em umas seis frases:
#
# 1. O que um DELETE muda numa tabela Delta, e o que ele deixa, em quais arquivos?
# 2. A sua silver só tem pseudônimos. Por que ela precisou sair de lá também? Quem consegue dizer quem é um pseudônimo?
# 3. Por que um hash sem chave não é um pseudônimo?
# 4. Dê evidências: as pastas acima, e os segundos que adivinhar levou.
#
# Uma coisa o seu `erase` não faz: o que acontece se alguém carregar de novo, no mês que vem, os arquivos da primeira noite?

# %% [markdown] tags=["lang:en", "manual:explain-erasure"]
# *Your answer here.*

# %% [markdown] tags=["lang:pt-BR", "manual:explain-erasure"]
# *Sua resposta aqui.*

# %% [markdown] tags=["lang:en"]
# ## What you have now
#
# Tables with an owner and a past, a door that does not open for surprises, numbers instead of people, and an answer to the letter that is true
# down to the files. This was the last lesson of the medallion course: from a line that lands to a number that can be trusted, and explained.
#
# Press **Validate**, then **Submit** in the Assignments list.

# %% [markdown] tags=["lang:pt-BR"]
# ## O que você tem agora
#
# Tabelas com responsável e passado, uma porta que não abre para surpresas, números no lugar de pessoas, e uma resposta à carta verdadeira até nos
# arquivos. Esta foi a última lição do curso medallion: de uma linha que chega até um número em que se confia, e que se explica.
#
# Clique em **Validate** e depois em **Submit** na lista de tarefas.
