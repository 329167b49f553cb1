# ---
# jupyter:
#   kernelspec:
#     display_name: Streaming
#     language: python
#     name: streaming
# ---

# %% [markdown] tags=["lang:en"]
# # Streaming analytics: Kafka → Spark → Delta → a picture
#
# Events arrive one by one, and numbers are wanted while they do. Four stations: a **topic** takes the events, **Structured Streaming** reads
# them, a **Delta** table keeps each once, and a **dashboard** shows what is there. Everything here runs in small; the parts are the real ones.

# %% [markdown] tags=["lang:pt-BR"]
# # Análise em streaming: Kafka → Spark → Delta → um gráfico
#
# Os eventos chegam um a um, e os números são pedidos enquanto isso. Quatro estações: um **tópico** recebe os eventos, o **Structured
# Streaming** os lê, uma tabela **Delta** guarda cada um uma vez, e um **painel** mostra o que há. Tudo aqui roda em pequeno; as peças são as
# de verdade.

# %%
import json
import random
from datetime import UTC, datetime, timedelta

from pyspark.sql import functions as F

topics = topics.own_broker()  # a broker of this notebook's own, empty at first
topics.create("vendas", partitions=2)
here = lake.path("tour", "streaming", f"{datetime.now(UTC):%Y%m%dT%H%M%S}")  # the broker is new, so what was read from it must be too

# %% [markdown] tags=["lang:en"]
# ## 1 · Events
# Each has an id, a shop and the moment at which it **happened**. The shop is the key: events of one shop stay in order.

# %% [markdown] tags=["lang:pt-BR"]
# ## 1 · Eventos
# Cada um tem um id, uma loja e o momento em que **aconteceu**. A loja é a chave: os eventos de uma loja ficam em ordem.

# %%
rng = random.Random(7)
start = datetime(2026, 3, 2, 12, tzinfo=UTC)
vendas = [
    {
        "evento_id": f"E{number:04}",
        "loja": rng.choice(["Salvador", "Curitiba", "Santos"]),
        "valor": round(rng.uniform(20, 300), 2),
        "ts_evento": (start + timedelta(seconds=6 * number)).isoformat(),
    }
    for number in range(300)
]


def publish(events: list[dict]) -> None:
    producer = topics.producer()
    for event in events:
        producer.produce(topics.name("vendas"), key=event["loja"].encode(), value=json.dumps(event).encode())
    producer.flush()


publish(vendas[:200])
topics.read("vendas", limit=3)

# %% [markdown] tags=["lang:en"]
# ## 2 · Into Delta
# The checkpoint remembers how far the stream has read. `availableNow` reads what is there and ends; without it, the same query would go on.

# %% [markdown] tags=["lang:pt-BR"]
# ## 2 · Para a Delta
# O checkpoint lembra até onde o fluxo leu. `availableNow` lê o que há e termina; sem ele, a mesma consulta continuaria.


# %%
def land() -> int:
    """Move what is new from the topic into the table, and give how many events it holds now."""
    events = (
        spark.readStream.format("kafka")
        .options(**topics.options("vendas"))
        .option("startingOffsets", "earliest")
        .load()
        .select(F.from_json(F.col("value").cast("string"), "evento_id string, loja string, valor double, ts_evento timestamp").alias("event"))
        .select("event.*")
    )
    sink = events.writeStream.format("delta").option("checkpointLocation", f"{here}/checkpoint")
    sink.trigger(availableNow=True).start(f"{here}/events").awaitTermination()
    return spark.read.format("delta").load(f"{here}/events").count()


assert land() == 200
publish(vendas[200:])
assert land() == 300  # only the new ones were read
assert land() == 300  # and now there was nothing to read

# %% [markdown] tags=["lang:en"]
# ## 3 · Numbers by window
# Five minutes of event time each. The sum of all windows is the sum of all events: a number that can be checked.

# %% [markdown] tags=["lang:pt-BR"]
# ## 3 · Números por janela
# Cinco minutos de tempo do evento cada. A soma de todas as janelas é a soma de todos os eventos: um número que se pode conferir.

# %%
by_window = (
    spark.read.format("delta")
    .load(f"{here}/events")
    .groupBy(F.window("ts_evento", "5 minutes").start.alias("janela"), "loja")
    .agg(F.sum("valor").alias("valor_total"), F.count("*").alias("eventos"))
    .orderBy("janela", "loja")
    .toPandas()
)
assert by_window["eventos"].sum() == 300
assert abs(by_window["valor_total"].sum() - sum(each["valor"] for each in vendas)) < 0.01
by_window.head()

# %% [markdown] tags=["lang:en"]
# ## 4 · The picture
# With its **freshness**: the newest event that it knows. Without that, a dashboard whose stream died at noon looks like a quiet afternoon.

# %% [markdown] tags=["lang:pt-BR"]
# ## 4 · O gráfico
# Com a sua **atualidade**: o evento mais novo que ele conhece. Sem isso, um painel cujo fluxo morreu ao meio-dia parece uma tarde calma.

# %%
import altair as alt

newest = max(each["ts_evento"] for each in vendas)
alt.Chart(by_window, title=f"Vendas por loja · até {newest[11:16]} UTC", width=520).mark_bar().encode(
    x=alt.X("janela:T", title="janela de 5 minutos"), y=alt.Y("valor_total:Q", title="valor (R$)"), color="loja:N"
)

# %% [markdown] tags=["lang:en"]
# From here: lesson 3.3 for events that come late, lesson 3.5 for a dashboard that never shows half of a change.

# %% [markdown] tags=["lang:pt-BR"]
# Daqui em diante: a lição 3.3, para eventos que chegam atrasados, e a 3.5, para um painel que nunca mostra metade de uma mudança.
