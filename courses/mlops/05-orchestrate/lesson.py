# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: MLOps
#     language: python
#     name: mlops
# ---

# %% [markdown] tags=["lang:en"]
# # Orchestrate: a night that may fail
#
# Every night at two, Loja Aurora fetches the day's deliveries, cleans them, and asks whether the model that tells customers "your order
# arrives in 35 minutes" still deserves to be believed. Nobody is awake at two. The store answers 503 when everybody asks at once, machines
# are restarted in the middle of a write, and one morning a scanner's clock ran three times too fast.
#
# A pipeline that works when all goes well is a script. Today you make one that may fail anywhere, be started again by anybody, and never
# tell customers nonsense. **Prefect** is the tool; the properties are yours.
#
# | you will | minutes |
# |---|---|
# | meet the nights, and a flow that fails twice | 15 |
# | watch what retries do to a store | 10 |
# | guided: retry what is worth it | 10 |
# | write the flow, safe to run again | 20 |
# | retrain on drift, promote what is better | 20 |
# | break it, explain it | 15 |

# %% [markdown] tags=["lang:pt-BR"]
# # Orquestração: uma noite que pode falhar
#
# Toda noite, às duas, a Loja Aurora busca as entregas do dia, limpa os dados e pergunta se o modelo que diz ao cliente "seu pedido chega em
# 35 minutos" ainda merece crédito. Às duas ninguém está acordado. O armazenamento responde 503 quando todos pedem ao mesmo tempo, máquinas
# são reiniciadas no meio de uma gravação, e numa manhã o relógio de um leitor andou três vezes mais rápido.
#
# Um pipeline que funciona quando tudo dá certo é um script. Hoje você faz um que pode falhar em qualquer ponto, ser reiniciado por qualquer
# pessoa e nunca dizer bobagem ao cliente. **Prefect** é a ferramenta; as propriedades são suas.
#
# | você vai | minutos |
# |---|---|
# | conhecer as noites e um fluxo que falha de dois jeitos | 15 |
# | ver o que as novas tentativas fazem com um servidor | 10 |
# | guiado: repetir só o que vale a pena | 10 |
# | escrever o fluxo, seguro para repetir | 20 |
# | retreinar quando há drift, promover o que é melhor | 20 |
# | quebrar e explicar | 15 |

# %%
from dataflow_kernels.flows import use_local_api
from dataflow_kernels.pictures import model_path

flow_runs = use_local_api()  # Prefect's own engine, without a server beside it

from prefect import flow, task
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.tasks import exponential_backoff

model_path(today="orchestrate")

# %% [markdown] tags=["lang:en"]
# ## 1 · Meet the nights
#
# One file a night. `Carrier` is the store that holds them: it answers like a web service, writes down each request, and can be told to have
# an outage. **503** means *not now*: the same request may work a little later. **410** means *gone*: it never will.

# %% [markdown] tags=["lang:pt-BR"]
# ## 1 · Conheça as noites
#
# Um arquivo por noite. `Carrier` é o armazenamento que os guarda: responde como um serviço web, anota cada requisição e pode ser mandado
# falhar. **503** quer dizer *agora não*: a mesma requisição pode funcionar daqui a pouco. **410** quer dizer *não existe mais*: nunca vai
# funcionar.

# %%
import numpy as np
import pandas as pd
import pyarrow as pa
from dataflow_kernels.carrier import Carrier, Gone, Unavailable
from deltalake import DeltaTable, write_deltalake

landing = lake.landing("05-orchestrate")
days = [name.removeprefix("entregas-").removesuffix(".jsonl") for name in lake.files(landing)]
OPTIONS = lake.storage_options

SILVER, CHAMPION = "silver/entregas", "models/champion"
TEXT, NUMBER, TIME = pa.string(), pa.float64(), pa.timestamp("us", "UTC")
COLUMNS = {
    SILVER: {"entrega_id": TEXT, "dia": TEXT, "saida": TEXT, "distancia_km": NUMBER, "minutos": NUMBER, "processed_ts": TIME},
    CHAMPION: {"version": pa.int64(), "dia": TEXT, "intercept": NUMBER, "slope": NUMBER, "km_mean": NUMBER, "km_std": NUMBER},
}


def prepare(place: str) -> None:
    """Make the pipeline's tables below `place`, empty."""
    Carrier("", place, OPTIONS).prepare()
    for name, columns in COLUMNS.items():
        empty = pa.schema(list(columns.items())).empty_table()
        write_deltalake(f"{place}/{name}", empty, mode="overwrite", schema_mode="overwrite", storage_options=OPTIONS)


def outage(day: str, status: int, times: int, place: str) -> None:
    """Have the next `times` requests for a day refused with 503 or 410."""
    Carrier("", place, OPTIONS).outage(day, status, times)


def table(name: str, place: str) -> pd.DataFrame:
    return DeltaTable(f"{place}/{name}", storage_options=OPTIONS).to_pandas()


trial = lake.path("mlops", "trial")
prepare(trial)
carrier = Carrier(landing, trial, OPTIONS)
carrier.read(days[0]).sort_values("entrega_id").head(4)

# %% [markdown] tags=["lang:en"]
# ## 2 · Worked example: a flow that works, when all goes well
#
# A **task** is a step, a **flow** calls tasks. This is the flow that the shop had: extract, transform (no doubled lines, and no delivery
# that took zero minutes or fewer), load. `return_state=True` gives what came of it instead of raising.

# %% [markdown] tags=["lang:pt-BR"]
# ## 2 · Exemplo resolvido: um fluxo que funciona, quando tudo dá certo
#
# Uma **task** é um passo, um **flow** chama tasks. Este é o fluxo que a loja tinha: extrair, transformar (sem linhas duplicadas e sem entregas
# de zero minutos ou menos), carregar. `return_state=True` devolve o que aconteceu em vez de levantar o erro.

# %%
@task
def transform(rows: pd.DataFrame, day: str) -> pd.DataFrame:
    good = rows.drop_duplicates("entrega_id")
    good = good[good.minutos > 0].reset_index(drop=True)
    return good.assign(dia=day, processed_ts=pd.Timestamp.now("UTC").floor("us"))[list(COLUMNS[SILVER])]


@task
def fetch_once(day: str, source: str, place: str) -> pd.DataFrame:
    return Carrier(source, place, OPTIONS).read(day)


@task
def overwrite(rows: pd.DataFrame, place: str) -> None:
    write_deltalake(f"{place}/{SILVER}", rows, mode="overwrite", storage_options=OPTIONS)


@flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
def first_try(day: str, source: str, place: str) -> int:
    rows = transform(fetch_once(day, source, place), day)
    overwrite(rows, place)
    return len(rows)


outage(days[2], 503, 1, trial)
for day in days[:3]:
    print(day, first_try(day, landing, trial, return_state=True).name, table(SILVER, trial).dia.unique().tolist())
pd.DataFrame(flow_runs.runs()).tail(3)

# %% [markdown] tags=["lang:en"]
# Two faults in three nights. *One* 503 lost a whole night. And look at the days in the table: each night **overwrites** the one before.
# With `append` instead, a second run would double the night. You will mend both.
#
# First the 503. "Try again" is easily said: at two in the morning, sixty pipelines ask at once, and the store is down for a second. Each tries
# three times more. Begin with a delay of 0 and look at the red. Then find out what each of the three is good for: the *delay*, its
# *exponential* growth, and *jitter*, which makes each pipeline wait a little differently.

# %% [markdown] tags=["lang:pt-BR"]
# Duas falhas em três noites. *Um único* 503 perdeu uma noite inteira. E veja os dias na tabela: cada noite **sobrescreve** a anterior. Com
# `append` no lugar, uma segunda execução duplicaria a noite. Você vai consertar as duas coisas.
#
# Primeiro o 503. "Tente de novo" é fácil de dizer: às duas da manhã, sessenta pipelines pedem ao mesmo tempo, e o servidor fica fora do ar por
# um segundo. Cada um tenta mais três vezes. Comece com atraso 0 e olhe o vermelho. Depois descubra para que serve cada um dos três: o *atraso*
# (delay), seu crescimento *exponencial* (backoff) e o *jitter*, que faz cada pipeline esperar um tempo um pouco diferente.

# %%
from dataflow_kernels.retries import simulator

simulator()

# %% [markdown] tags=["lang:en"]
# ## 3 · Guided exercise: retry what is worth it
#
# Complete the decorator of `extract`. It shall ask again
#
# - after a **503**: up to **3** times more, the first after at least **0.4 s**, the second after at least **0.8 s** more, the third after at
#   least **1.6 s** more (no jitter today: it may shorten a wait);
# - after a **410**: **never**. One request, and the error is raised.
#
# `exponential_backoff(backoff_factor=…)` doubles its factor each time; `worth_retrying` is what `retry_condition_fn` takes.

# %% [markdown] tags=["lang:pt-BR"]
# ## 3 · Exercício guiado: repita só o que vale a pena
#
# Complete o decorador de `extract`. Ela deve pedir de novo
#
# - depois de um **503**: até **3** vezes mais, a primeira após pelo menos **0,4 s**, a segunda após pelo menos mais **0,8 s**, a terceira após
#   pelo menos mais **1,6 s** (sem jitter hoje: ele pode encurtar uma espera);
# - depois de um **410**: **nunca**. Uma requisição, e o erro é levantado.
#
# `exponential_backoff(backoff_factor=…)` dobra o fator a cada vez; `worth_retrying` é o que `retry_condition_fn` recebe.

# %% tags=["solution:extract"]
def worth_retrying(task, task_run, state) -> bool:
    return isinstance(state.result(raise_on_failure=False), Unavailable)


@task(
    ### BEGIN SOLUTION
    retries=3,
    retry_delay_seconds=exponential_backoff(backoff_factor=0.4),
    retry_condition_fn=worth_retrying,
    ### INSTEAD
    #| # YOUR CODE HERE: retries, retry_delay_seconds, retry_condition_fn
    ### END SOLUTION
)
def extract(day: str, source: str, place: str) -> pd.DataFrame:
    return Carrier(source, place, OPTIONS).read(day)


# %%
@flow
def only_extract(day: str, source: str, place: str) -> int:
    return len(extract(day, source, place))


guided = lake.path("mlops", "guided")
prepare(guided)
outage(days[1], 503, 2, guided)
outage(days[2], 410, 9, guided)
for day in days[1:3]:
    print(day, only_extract(day, landing, guided, return_state=True))
    Carrier(landing, guided, OPTIONS).timeline(day)

# %% tags=["check:own-retries"]
check("flow.retries")

# %% [markdown] tags=["lang:en"]
# ## 4 · Challenge: bronze to silver, safe to run again
#
# Write `bronze_to_silver_etl(day, source, place)`: `extract`, `transform`, and load the rows into the Delta table `{place}/silver/entregas`
# (it is there already; `prepare` made it, with its columns). What it has to stand:
#
# - **Every good delivery once**, all nights side by side in one table.
# - **Run again, it changes nothing**, whether the first run ended or died: between the data files and the commit, or right after it.
# - **It never pretends.** A night that cannot be fetched raises, and no row of it is written.
# - It remembers nothing outside the table.
#
# Useful: `write_deltalake(..., mode="overwrite", predicate="dia = '2026-03-02'")` replaces the rows that the predicate names, in one commit.
# Or `DeltaTable(...).merge(...)`. Pass `storage_options=OPTIONS`.

# %% [markdown] tags=["lang:pt-BR"]
# ## 4 · Desafio: da bronze à silver, seguro para repetir
#
# Escreva `bronze_to_silver_etl(day, source, place)`: `extract`, `transform` e a carga das linhas na tabela Delta `{place}/silver/entregas` (ela
# já existe; `prepare` a criou, com as colunas). O que ela precisa aguentar:
#
# - **Cada entrega boa uma vez**, todas as noites lado a lado numa só tabela.
# - **Executada de novo, não muda nada**, tenha a primeira execução terminado ou morrido: entre os arquivos de dados e o commit, ou logo depois.
# - **Ela nunca finge.** Uma noite que não pode ser buscada levanta um erro, e nenhuma linha dela é gravada.
# - Ela não guarda nada fora da tabela.
#
# Útil: `write_deltalake(..., mode="overwrite", predicate="dia = '2026-03-02'")` substitui as linhas que o predicado nomeia, num único commit. Ou
# `DeltaTable(...).merge(...)`. Passe `storage_options=OPTIONS`.

# %% tags=["solution:etl"]
@task
def load(rows: pd.DataFrame, day: str, place: str) -> None:
    ### BEGIN SOLUTION
    write_deltalake(f"{place}/{SILVER}", rows, mode="overwrite", predicate=f"dia = '{day}'", storage_options=OPTIONS)
    ### END SOLUTION


@flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
def bronze_to_silver_etl(day: str, source: str, place: str) -> None:
    ### BEGIN SOLUTION
    load(transform(extract(day, source, place), day), day, place)
    ### END SOLUTION


# %%
own = lake.path("mlops", "own")
prepare(own)
for day in [days[0], days[1], days[1]]:
    bronze_to_silver_etl(day, landing, own)
    print(table(SILVER, own).groupby("dia").size().to_dict())

# %% [markdown] tags=["lang:en"]
# ## 5 · Challenge: retrain on drift, promote what is better
#
# The model is a line: minutes = `intercept` + `slope` × km. The **champion** is the row with the highest `version` in `{place}/models/champion`.
# It also holds the mean and spread of the distances that it learned from, so that we can ask how far a night is from them: `drift`.

# %% [markdown] tags=["lang:pt-BR"]
# ## 5 · Desafio: retreine quando há drift, promova o que é melhor
#
# O modelo é uma reta: minutos = `intercept` + `slope` × km. O **champion** é a linha de maior `version` em `{place}/models/champion`. Ela também
# guarda a média e a dispersão das distâncias com que aprendeu, para podermos perguntar a que distância delas está uma noite: `drift`.

# %%
from typing import NamedTuple

LIMIT = 1.0


class Model(NamedTuple):
    intercept: float
    slope: float
    km_mean: float
    km_std: float


def fit(rows: pd.DataFrame) -> Model:
    slope, intercept = np.polyfit(rows.distancia_km, rows.minutos, 1)
    return Model(float(intercept), float(slope), float(rows.distancia_km.mean()), float(rows.distancia_km.std()))


def error(model: Model, rows: pd.DataFrame) -> float:
    """Mean absolute error, minutes."""
    return float((model.intercept + model.slope * rows.distancia_km - rows.minutos).abs().mean())


def drift(model: Model, rows: pd.DataFrame) -> float:
    """How far the mean distance is from the one that the model knows, in standard deviations."""
    return abs(rows.distancia_km.mean() - model.km_mean) / model.km_std


def halves(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The deliveries that left before 14:30, and the rest."""
    morning = rows.saida.str[11:16] < "14:30"
    return rows[morning], rows[~morning]


def champion(place: str) -> Model | None:
    rows = table(CHAMPION, place).sort_values("version")
    return None if rows.empty else Model(*rows[list(Model._fields)].iloc[-1])


def promote(model: Model, day: str, place: str) -> None:
    row = {"version": len(table(CHAMPION, place)) + 1, "dia": day, **model._asdict()}
    write_deltalake(f"{place}/{CHAMPION}", pa.Table.from_pylist([row], pa.schema(list(COLUMNS[CHAMPION].items()))), mode="append", storage_options=OPTIONS)


import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 5, figsize=(12, 2.4), sharey=True)
for axis, day in zip(axes, days):
    for part, colour in zip(halves(transform.fn(carrier.read(day), day)), ("#3d5a80", "#e0a030")):
        axis.scatter(part.distancia_km, part.minutos, s=5, color=colour)
    axis.set_title(day, fontsize=9)
    axis.set_xlabel("km")
axes[0].set_ylabel("min")
plt.show()

# %% [markdown] tags=["lang:en"]
# Five nights, mornings blue, afternoons yellow. What happened on the second? On the third? And what on the morning of the fifth?
#
# On the second night it rained. The distances are those of the first: **no drift**. A model of that night would be better that night, and
# wrong the next morning. On the third, a new district was opened: **drift**. On the fifth there is drift too, and a scanner's clock.
#
# Write `retrain(day, place)`. It looks at the silver rows of that day:
#
# 1. **No champion yet?** `fit` one on the day's morning, `promote` it.
# 2. `drift` of the champion on all rows of the day is **not above `LIMIT`**: nothing is promoted.
# 3. Otherwise `fit` a candidate on the **morning**; the **afternoon** judges both. Promote the candidate only if its `error` there is smaller.
#
# And write `nightly(day, source, place)`, which runs `bronze_to_silver_etl` and then `retrain`:
#
# - A night that fails **raises, and promotes nothing**, whatever is in silver.
# - **Started again, it finishes what is left**: rows that are in silver already do not mean that the promotion was made.

# %% [markdown] tags=["lang:pt-BR"]
# Cinco noites, manhãs em azul, tardes em amarelo. O que aconteceu na segunda? Na terceira? E na manhã da quinta?
#
# Na segunda noite choveu. As distâncias são as da primeira: **não há drift**. Um modelo daquela noite seria melhor naquela noite, e estaria
# errado na manhã seguinte. Na terceira, abriu-se um novo bairro: **drift**. Na quinta também há drift, e o relógio de um leitor.
#
# Escreva `retrain(day, place)`. Ela olha as linhas daquele dia na silver:
#
# 1. **Ainda não há champion?** Treine um (`fit`) com a manhã do dia e promova-o (`promote`).
# 2. O `drift` do champion em todas as linhas do dia **não passa de `LIMIT`**: nada é promovido.
# 3. Senão, treine um candidato com a **manhã**; a **tarde** julga os dois. Promova o candidato só se o `error` dele ali for menor.
#
# E escreva `nightly(day, source, place)`, que executa `bronze_to_silver_etl` e depois `retrain`:
#
# - Uma noite que falha **levanta o erro e não promove nada**, seja o que for que esteja na silver.
# - **Iniciada de novo, termina o que falta**: linhas que já estão na silver não significam que a promoção foi feita.

# %% tags=["solution:nightly"]
@task
def retrain(day: str, place: str) -> None:
    ### BEGIN SOLUTION
    rows = table(SILVER, place)
    rows = rows[rows.dia == day]
    morning, afternoon = halves(rows)
    current = champion(place)
    if current is None:
        promote(fit(morning), day, place)
    elif drift(current, rows) > LIMIT:
        candidate = fit(morning)
        if error(candidate, afternoon) < error(current, afternoon):
            promote(candidate, day, place)
    ### END SOLUTION


@flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
def nightly(day: str, source: str, place: str) -> None:
    ### BEGIN SOLUTION
    bronze_to_silver_etl(day, source=source, place=place)
    retrain(day, place)
    ### END SOLUTION


# %%
prepare(own)
for day in days:
    nightly(day, landing, own)
print(table(SILVER, own).groupby("dia").size().to_dict())
table(CHAMPION, own).round(2)

# %% tags=["check:own-nights"]
check("flow.silver", "flow.champion")

# %% [markdown] tags=["lang:en"]
# Those were your nights, and they were quiet. After you submit, the same functions meet other nights and harder ones: the store refuses, a
# writer dies between its data files and the commit, another before the promotion. These are the properties.

# %% [markdown] tags=["lang:pt-BR"]
# Essas foram as suas noites, e foram calmas. Depois da entrega, as mesmas funções encontram outras noites, mais difíceis: o servidor recusa, um
# processo morre entre os arquivos de dados e o commit, outro antes da promoção. Estas são as propriedades.

# %% tags=["check:unseen-store"]
check("etl.rows", "etl.backoff", "etl.permanent")

# %% tags=["check:unseen-kill"]
check("etl.rerun", "retrain.resumed", "retrain.failed_night")

# %% tags=["check:unseen-drift"]
check("retrain.quiet", "retrain.drift", "retrain.validated")

# %% [markdown] tags=["lang:en"]
# ## 6 · Break it
#
# The third night, in a place of its own. The machine is restarted at the worst moment: the rows are in silver, and the promotion is about to
# be written. Then the scheduler starts the night again, twice. We do it with your flow, and with one that many people write first: it
# *appends*, and to be safe it skips a night that is already in silver.
#
# Before you run the cell, **guess** for each: how many rows has the third night, and which night is the champion from?

# %% [markdown] tags=["lang:pt-BR"]
# ## 6 · Quebre
#
# A terceira noite, num lugar só dela. A máquina é reiniciada no pior momento: as linhas estão na silver, e a promoção está para ser gravada.
# Depois o agendador inicia a noite de novo, duas vezes. Fazemos isso com o seu fluxo e com um que muita gente escreve primeiro: ele *acrescenta*
# (append) e, por segurança, pula uma noite que já está na silver.
#
# Antes de executar, **dê um palpite** para cada um: quantas linhas tem a terceira noite, e de que noite é o champion?

# %%
@flow
def cautious(day: str, source: str, place: str) -> None:
    if (table(SILVER, place).dia == day).any():
        return  # "done already"
    rows = transform(extract(day, source, place), day)
    write_deltalake(f"{place}/{SILVER}", rows, mode="append", storage_options=OPTIONS)
    retrain(day, place)


def restarted(*_) -> None:
    raise SystemError("the machine was restarted")


written = promote
for name, night in (("yours", nightly), ("cautious", cautious)):
    place = lake.path("mlops", "broken", name)
    prepare(place)
    night(days[0], landing, place)
    promote = restarted
    night(days[2], landing, place, return_state=True)
    promote = written
    for moment in ("after the restart", "started again", "and once more"):
        if moment != "after the restart":
            night(days[2], landing, place)
        rows, champions = table(SILVER, place), table(CHAMPION, place)
        print(f"{name:9} {moment:18} rows of {days[2]}: {(rows.dia == days[2]).sum():4}   champion of {champions.dia.iloc[champions.version.argmax()]}")

# %% [markdown] tags=["lang:en"]
# Both have the right rows. One of them tells customers yesterday's minutes, for ever, and every run says *Completed*.

# %% [markdown] tags=["lang:pt-BR"]
# Os dois têm as linhas certas. Um deles diz ao cliente os minutos de ontem, para sempre, e toda execução diz *Completed*.

# %% [markdown] tags=["lang:en"]
# ## 7 · Explain it
#
# A colleague says: "Our flow has retries on every task, so it is safe." In about six sentences:
#
# 1. Which failures do retries help with, which do they make worse, and which do they not touch?
# 2. What must be true of a task so that it may be retried, and of a flow so that it may be started again?
# 3. Why is "the rows are there" not enough to know that the night is done?
# 4. Give evidence from your own tables: requests and their times, rows, versions of the champion.

# %% [markdown] tags=["lang:pt-BR"]
# ## 7 · Explique
#
# Um colega diz: "Nosso fluxo tem retries em todas as tasks, então ele é seguro." Em umas seis frases:
#
# 1. Com que falhas as novas tentativas ajudam, quais elas pioram e em quais nem tocam?
# 2. O que precisa valer para uma task poder ser repetida, e para um fluxo poder ser iniciado de novo?
# 3. Por que "as linhas estão lá" não basta para saber que a noite está feita?
# 4. Dê evidências das suas próprias tabelas: requisições e seus horários, linhas, versões do champion.

# %% [markdown] tags=["lang:en", "manual:explain-retries"]
# *Your answer here.*

# %% [markdown] tags=["lang:pt-BR", "manual:explain-retries"]
# *Sua resposta aqui.*

# %% [markdown] tags=["lang:en"]
# ## What you have now
#
# A night that may be started by anybody, at any time, as often as they like: it waits when waiting helps, gives up aloud when it does not,
# writes each row once, and changes what customers are told only when the data has moved and the new model has proved itself.
#
# Press **Validate**, then **Submit** in the Assignments list.

# %% [markdown] tags=["lang:pt-BR"]
# ## O que você tem agora
#
# Uma noite que qualquer pessoa pode iniciar, a qualquer hora, quantas vezes quiser: ela espera quando esperar ajuda, desiste em voz alta quando
# não ajuda, grava cada linha uma vez e só muda o que o cliente ouve quando os dados mudaram e o novo modelo provou ser melhor.
#
# Clique em **Validate** e depois em **Submit** na lista de tarefas.
