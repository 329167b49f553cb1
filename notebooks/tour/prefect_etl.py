# ---
# jupyter:
#   kernelspec:
#     display_name: Lakehouse
#     language: python
#     name: lakehouse
# ---

# %% [markdown] tags=["lang:en"]
# # From bronze to silver with Prefect: a flow that may be started again
#
# The lab's first description had a Prefect flow, `bronze_to_silver_etl`. Three things in it did not survive: `SequentialTaskRunner` is gone
# from Prefect 3, a retry always waited the same thirty seconds, and a broken table was retried as if it could heal. Here it is again, mended.

# %% [markdown] tags=["lang:pt-BR"]
# # Da bronze à silver com Prefect: um fluxo que pode ser reiniciado
#
# A primeira descrição do laboratório tinha um fluxo Prefect, `bronze_to_silver_etl`. Três coisas nele não resistiram: o
# `SequentialTaskRunner` saiu do Prefect 3, cada nova tentativa esperava sempre os mesmos trinta segundos, e uma tabela quebrada era tentada
# de novo como se pudesse sarar. Aqui está ele de novo, consertado.

# %%
from dataflow_kernels.flows import use_local_api

flow_runs = use_local_api()  # Prefect's own engine, told to this notebook instead of a server

import pandas as pd
from deltalake import write_deltalake
from prefect import flow, task
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.tasks import exponential_backoff

OPTIONS = lake.storage_options or None
BRONZE, SILVER = lake.path("tour", "prefect", "bronze"), lake.path("tour", "prefect", "silver")
pedidos = pd.DataFrame(
    {
        "pedido_id": ["P1", "P1", "P2", "P3", "P4"],
        "categoria": ["livros", "livros", "jogos", "casa", "jogos"],
        "valor": [59.9, 59.9, 219.0, 0.0, -130.0],
    }
)
write_deltalake(BRONZE, pedidos, mode="overwrite", schema_mode="overwrite", storage_options=OPTIONS)
pedidos

# %% [markdown] tags=["lang:en"]
# ## Three tasks
# `retry_condition_fn` is asked before each new try. A store that does not answer is worth one; a table without the column is not: that is
# the same in ten seconds. The pauses double, and a jitter keeps a hundred flows from knocking at the same moment.
#
# `store` stands for a service with a bad moment: it refuses the first two requests.

# %% [markdown] tags=["lang:pt-BR"]
# ## Três tasks
# `retry_condition_fn` é consultada antes de cada nova tentativa. Um armazenamento que não responde merece uma; uma tabela sem a coluna, não:
# daqui a dez segundos ela estará igual. As pausas dobram, e um sorteio evita que cem fluxos batam à porta no mesmo instante.
#
# `store` faz o papel de um serviço em um mau momento: recusa as duas primeiras requisições.


# %%
class Store:
    """Reads tables, once it has refused as many requests as it was told."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals

    def read(self, table: str) -> pd.DataFrame:
        self.refusals -= 1
        if self.refusals >= 0:
            raise ConnectionError("503: slow down")
        return lake.table(table).to_pandas()


def may_pass(_task, _run, state) -> bool:
    """Say whether the error is one of those that go away by themselves."""
    return isinstance(state.result(raise_on_failure=False, _sync=True), ConnectionError)


store = Store(refusals=2)


@task(retries=3, retry_delay_seconds=exponential_backoff(backoff_factor=0.2), retry_jitter_factor=0.5, retry_condition_fn=may_pass)
def extract_bronze_data(source: str) -> pd.DataFrame:
    return store.read(source)[["pedido_id", "categoria", "valor"]]


@task
def transform_to_silver(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.drop_duplicates()[lambda each: each["valor"] > 0].assign(processed_ts=pd.Timestamp.now("UTC").floor("us"))


@task
def load_to_silver(rows: pd.DataFrame, destination: str) -> str:
    write_deltalake(destination, rows.reset_index(drop=True), mode="overwrite", schema_mode="overwrite", storage_options=OPTIONS)
    return destination


@flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
def bronze_to_silver_etl(source: str = BRONZE, destination: str = SILVER) -> str:
    raw = extract_bronze_data(source)
    return load_to_silver(transform_to_silver(raw), destination)


# %% [markdown] tags=["lang:en"]
# ## Run it, twice
# Two refusals, and the flow completes all the same. The second run is what a nervous colleague does in the morning: the table is the same,
# because the flow **replaces** what it makes. A flow that appended would have doubled every order.

# %% [markdown] tags=["lang:pt-BR"]
# ## Executar, duas vezes
# Duas recusas, e ainda assim o fluxo termina. A segunda execução é o que um colega nervoso faz de manhã: a tabela é a mesma, porque o fluxo
# **substitui** o que produz. Um fluxo que acrescentasse teria duplicado cada pedido.

# %%
bronze_to_silver_etl()
first = lake.table(SILVER).to_pandas()
bronze_to_silver_etl()
second = lake.table(SILVER).to_pandas()

assert sorted(first["pedido_id"]) == sorted(second["pedido_id"]) == ["P1", "P2"]
second

# %% [markdown] tags=["lang:en"]
# ## What is worth no new try
# This table has no `valor`. The flow fails, and says so; it neither waits nor touches silver.

# %% [markdown] tags=["lang:pt-BR"]
# ## O que não merece nova tentativa
# Esta tabela não tem `valor`. O fluxo falha e diz por quê; não espera nem toca na silver.

# %%
BROKEN = lake.path("tour", "prefect", "broken")
write_deltalake(BROKEN, pedidos[["pedido_id"]], mode="overwrite", storage_options=OPTIONS)
state = bronze_to_silver_etl(BROKEN, return_state=True)
print(state.name, "·", repr(state.result(raise_on_failure=False)))

assert state.is_failed()
assert sorted(lake.table(SILVER).to_pandas()["pedido_id"]) == ["P1", "P2"]
pd.DataFrame(flow_runs.runs())

# %% [markdown] tags=["lang:en"]
# The lab's own copy of this flow runs on a schedule, every night at 03:15, where `./lab up orchestration` was asked for; instructors see its
# runs behind **Prefect** on the hub's home page. Lesson 2.5 goes on from here: nights that fail, and a model that is retrained.

# %% [markdown] tags=["lang:pt-BR"]
# A cópia que o laboratório tem deste fluxo roda por agenda, toda noite às 03:15, onde se pediu `./lab up orchestration`; quem dá o curso vê as
# execuções em **Prefect**, na página inicial do hub. A lição 2.5 continua daqui: noites que falham e um modelo que se retreina.
