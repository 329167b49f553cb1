# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Spark + Delta
#     language: python
#     name: spark-delta
# ---

# %% [markdown] tags=["lang:en"]
# # Late data: windows and watermarks
#
# It is half past ten in the evening, and Loja Aurora wants to see its sales ten minutes by ten minutes. Its apps send an event for each
# purchase. But telephones sit in tunnels: some events arrive twenty minutes after they happened, some the next morning. And a few cash
# registers believe that it is the year 2028.
#
# A table of files has an end; a **stream** has none. When is the window from 22:30 to 22:40 complete? Today you give the answer that
# stream processors give, the **watermark**, and find out what it costs.
#
# | you will | minutes |
# |---|---|
# | see events arrive | 10 |
# | move a watermark and watch what it drops | 15 |
# | tell late events and wrong clocks by the data | 15 |
# | write the streaming query, safe to start again | 30 |
# | break it twice | 12 |
# | explain it | 8 |

# %% [markdown] tags=["lang:pt-BR"]
# # Dados atrasados: janelas e watermarks
#
# São dez e meia da noite, e a Loja Aurora quer ver suas vendas de dez em dez minutos. Os aplicativos mandam um evento a cada compra. Mas
# telefones passam por túneis: alguns eventos chegam vinte minutos depois de acontecer, outros só na manhã seguinte. E há uns poucos caixas
# que acreditam estar em 2028.
#
# Uma tabela de arquivos tem fim; um **fluxo** (stream) não tem. Quando a janela das 22:30 às 22:40 está completa? Hoje você dá a resposta
# que os processadores de fluxo dão, o **watermark** (marca d'água), e descobre quanto ele custa.
#
# | você vai | minutos |
# |---|---|
# | ver os eventos chegarem | 10 |
# | mover um watermark e ver o que ele descarta | 15 |
# | reconhecer pelos dados os atrasados e os relógios errados | 15 |
# | escrever a consulta, segura para reiniciar | 30 |
# | quebrá-la duas vezes | 12 |
# | explicar | 8 |

# %%
from dataflow_kernels.pictures import pipeline
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

pipeline(today="silver")

# %% [markdown] tags=["lang:en"]
# ## 1 · See events arrive
#
# Each file holds what arrived in half an hour. An event has two times: `ts_evento`, when it happened, written in whatever zone the sender
# lives in, and `ts_ingestao`, when it reached us. `read_events` reads a folder as a **stream** or as a plain table, with both times as
# instants: a `timestamp` in Spark has no zone, it is a point in time.

# %% [markdown] tags=["lang:pt-BR"]
# ## 1 · Veja os eventos chegarem
#
# Cada arquivo guarda o que chegou em meia hora. Um evento tem dois tempos: `ts_evento`, quando aconteceu, escrito no fuso de quem enviou, e
# `ts_ingestao`, quando chegou até nós. `read_events` lê uma pasta como **fluxo** ou como tabela comum, com os dois tempos como instantes:
# um `timestamp` no Spark não tem fuso, é um ponto no tempo.

# %%
landing = lake.landing("03-windows")
files = lake.files(landing)

EVENT = "evento_id STRING, canal STRING, valor DOUBLE, ts_evento TIMESTAMP, ts_ingestao TIMESTAMP"


def read_events(folder: str, stream: bool = True) -> DataFrame:
    reader = spark.readStream if stream else spark.read
    return reader.schema(EVENT).option("recursiveFileLookup", True).json(folder)


spark.read.text(f"{landing}/{files[0]}").show(4, truncate=False)
read_events(landing, stream=False).orderBy("ts_ingestao").show(4, truncate=False)

# %% [markdown] tags=["lang:en"]
# Which of the two times should decide the window? Count the events of one evening by each.

# %% [markdown] tags=["lang:pt-BR"]
# Qual dos dois tempos deve decidir a janela? Conte os eventos de uma noite por cada um deles.

# %%
import matplotlib.pyplot as plt

evening = read_events(landing, stream=False).select("evento_id", "ts_evento", "ts_ingestao").toPandas()
begin = evening.ts_ingestao.min()
figure, axes = plt.subplots(figsize=(8, 2.6))
for name, colour in (("ts_evento", "#3d5a80"), ("ts_ingestao", "#a0622d")):
    minutes = (evening[name] - begin).dt.total_seconds() / 60
    axes.hist(minutes[(minutes > -60) & (minutes < 240)], bins=range(-60, 241, 10), histtype="step", linewidth=1.8, color=colour, label=name)
axes.set_xlabel("min")
axes.legend()
plt.show()

# %% [markdown] tags=["lang:en"]
# The two curves differ in every bar. By time of arrival, a telephone that comes out of a tunnel makes a rush hour of its own; and if the
# import stops for an hour, by arrival the shop was closed. What the shop asks about is when things *happened*: **event time**.

# %% [markdown] tags=["lang:pt-BR"]
# As duas curvas diferem em todas as barras. Pelo tempo de chegada, um telefone que sai do túnel cria sozinho um horário de pico; e, se a
# importação parar por uma hora, pela chegada a loja esteve fechada. O que a loja pergunta é quando as coisas *aconteceram*: o **tempo do
# evento**.

# %% [markdown] tags=["lang:en"]
# ## 2 · Worked example: a watermark
#
# A query that counts by window has to remember every window that may still change. The **watermark** says when it may stop: the newest
# event time seen so far, *minus a delay that you choose*. A window that ends before the watermark is closed: it is written, its memory is
# freed, and an event that still comes for it is **dropped, without a word**.
#
# Each point below is an event: when it arrived, and when it happened. The line is the watermark. Move the delay. From where on does
# nothing more turn red, apart from the ones far below? How many windows must be remembered for that?

# %% [markdown] tags=["lang:pt-BR"]
# ## 2 · Exemplo resolvido: um watermark
#
# Uma consulta que conta por janela precisa lembrar cada janela que ainda pode mudar. O **watermark** diz quando ela pode parar: o maior
# tempo de evento visto até agora, *menos um atraso que você escolhe*. Uma janela que termina antes do watermark está fechada: é gravada, sua
# memória é liberada, e um evento que ainda chegue para ela é **descartado, sem aviso**.
#
# Cada ponto abaixo é um evento: quando chegou e quando aconteceu. A linha é o watermark. Mova o atraso. A partir de onde nada mais fica
# vermelho, fora os pontos lá embaixo? Quantas janelas é preciso lembrar para isso?

# %%
from dataflow_kernels.watermark import simulator

shown = evening[abs((evening.ts_ingestao - evening.ts_evento).dt.total_seconds()) < 86_400].sort_values("ts_ingestao")
arrived, happened = ((shown[name] - begin).dt.total_seconds() / 60 for name in ("ts_ingestao", "ts_evento"))
simulator(arrived.tolist(), happened.tolist())

# %% [markdown] tags=["lang:en"]
# Two things to remember. The watermark of a query moves *between* its batches, so how much it drops depends on how the events were cut into
# batches: **dropping is not a rule, it is an accident**. And one event from the year 2028 moves it to 2028 (it was left out of the
# picture).

# %% [markdown] tags=["lang:pt-BR"]
# Duas coisas para guardar. O watermark de uma consulta anda *entre* os lotes dela, e por isso o que ele descarta depende de como os eventos
# foram cortados em lotes: **o descarte não é uma regra, é um acidente**. E um único evento do ano 2028 o leva para 2028 (ele ficou fora da
# figura).

# %% [markdown] tags=["lang:en"]
# ## 3 · Guided exercise: a rule in the data
#
# So we decide by a rule that each event carries in itself, whatever batch it is in. Complete `classify`: it adds a column `why` (string):
#
# | `why` | when |
# |---|---|
# | `late` | it arrived **more than 2 hours** after it happened |
# | `future` | it says that it happened **more than 10 minutes after** it arrived: a wrong clock |
# | null | otherwise: it belongs in a window |
#
# The column `behind` (seconds between happening and arriving) is there already.

# %% [markdown] tags=["lang:pt-BR"]
# ## 3 · Exercício guiado: uma regra nos dados
#
# Por isso decidimos por uma regra que cada evento traz em si, seja qual for o seu lote. Complete `classify`: ela acrescenta a coluna `why`
# (string):
#
# | `why` | quando |
# |---|---|
# | `late` | chegou **mais de 2 horas** depois de acontecer |
# | `future` | diz ter acontecido **mais de 10 minutos depois** de chegar: um relógio errado |
# | nulo | nos outros casos: pertence a uma janela |
#
# A coluna `behind` (segundos entre acontecer e chegar) já está lá.

# %% tags=["solution:classify"]
def classify(events: DataFrame) -> DataFrame:
    behind = F.unix_timestamp("ts_ingestao") - F.unix_timestamp("ts_evento")
    ### BEGIN SOLUTION
    why = F.when(behind > 2 * 3600, "late").when(behind < -600, "future")
    ### INSTEAD
    #| why = F.lit(None)  # YOUR CODE HERE: F.when(…, "late").when(…, "future")
    ### END SOLUTION
    return events.withColumn("behind", behind).withColumn("why", why.cast("string"))


# %%
classified = classify(read_events(landing, stream=False)).select("evento_id", "why", "behind")
classified.write.format("delta").mode("overwrite").save(lake.path("streaming", "classified"))
spark.read.format("delta").load(lake.path("streaming", "classified")).groupBy("why").count().show()

# %% tags=["check:own-rule"]
check("windows.rule")

# %% [markdown] tags=["lang:en"]
# ## 4 · Challenge: the streaming query
#
# Write `run_stream(inbox, windows, aside, checkpoint)`. It reads all that is new in the folder `inbox` as a stream, and then stops
# (`trigger(availableNow=True)`, then `.awaitTermination()`). It is started again whenever files have come.
#
# - **Windows.** The Delta table at `windows` gets, for each window of **10 minutes of `ts_evento`** and each `canal`, one row:
#
#   | column | type | content |
#   |---|---|---|
#   | `window_start` | timestamp | when the window begins |
#   | `canal` | string | the channel |
#   | `eventos` | long | how many events happened in it |
#   | `total` | double | the sum of their `valor` |
#   | `dia` | date | the calendar day in **São Paulo** on which the window begins (`America/Sao_Paulo`) |
#
#   These columns and no others, in any order. Only events with `why` null count. Windows that are still open may be missing, or be there as
#   far as they are known.
# - **Aside.** The Delta table at `aside` gets `evento_id` and `why`, no other column, of every event that is late or from a wrong clock, once.
# - **Any order.** A file may overtake another: an event in time can be up to **100 minutes** behind the newest one when you read it. Declare
#   a watermark of **2 hours** on `ts_evento`, before the aggregation, and no wrong clock may move it.
# - **Start again.** Keep every checkpoint below the folder `checkpoint`. A run continues where the last one ended; with nothing new, it
#   changes nothing. One query has one checkpoint: two queries need two folders there.
#
# Useful: `withWatermark`, `F.window("ts_evento", "10 minutes")`, `outputMode("append")`, `F.from_utc_timestamp`, `F.to_date`.
#
# `deliver` plays the outside world: it puts files of the landing zone into the inbox, in the order in which they are named. The cell
# below delivers yours in three groups, with a run after each.

# %% [markdown] tags=["lang:pt-BR"]
# ## 4 · Desafio: a consulta em fluxo
#
# Escreva `run_stream(inbox, windows, aside, checkpoint)`. Ela lê como fluxo tudo o que há de novo na pasta `inbox` e então para
# (`trigger(availableNow=True)`, depois `.awaitTermination()`). Ela é iniciada de novo sempre que chegam arquivos.
#
# - **Janelas.** A tabela Delta em `windows` recebe, para cada janela de **10 minutos de `ts_evento`** e cada `canal`, uma linha:
#
#   | coluna | tipo | conteúdo |
#   |---|---|---|
#   | `window_start` | timestamp | quando a janela começa |
#   | `canal` | string | o canal |
#   | `eventos` | long | quantos eventos aconteceram nela |
#   | `total` | double | a soma dos seus `valor` |
#   | `dia` | date | o dia do calendário em **São Paulo** em que a janela começa (`America/Sao_Paulo`) |
#
#   Estas colunas e nenhuma outra, em qualquer ordem. Só contam eventos com `why` nulo. Janelas ainda abertas podem faltar, ou estar lá até
#   onde se sabe.
# - **À parte.** A tabela Delta em `aside` recebe `evento_id` e `why`, sem outra coluna, de cada evento atrasado ou de relógio errado, uma vez.
# - **Qualquer ordem.** Um arquivo pode ultrapassar outro: um evento a tempo pode estar até **100 minutos** atrás do mais novo quando você o
#   lê. Declare um watermark de **2 horas** em `ts_evento`, antes da agregação, e nenhum relógio errado pode movê-lo.
# - **Reinício.** Guarde todo checkpoint abaixo da pasta `checkpoint`. Uma execução continua de onde a última parou; sem nada novo, não muda
#   nada. Cada consulta tem o seu checkpoint: duas consultas precisam de duas pastas ali.
#
# Úteis: `withWatermark`, `F.window("ts_evento", "10 minutes")`, `outputMode("append")`, `F.from_utc_timestamp`, `F.to_date`.
#
# `deliver` faz o papel do mundo lá fora: põe arquivos da área de chegada na caixa de entrada, na ordem em que são citados. A célula abaixo
# entrega os seus em três grupos, com uma execução depois de cada um.

# %%
def deliver(names: list[str], landing: str, inbox: str) -> None:
    for name in names:
        spark.read.text(f"{landing}/{name}").coalesce(1).write.mode("overwrite").text(f"{inbox}/{name}")


# %% tags=["solution:run-stream"]
def run_stream(inbox: str, windows: str, aside: str, checkpoint: str) -> None:
    ### BEGIN SOLUTION
    events = classify(read_events(inbox))
    counted = (
        events.where("why IS NULL")
        .withWatermark("ts_evento", "2 hours")
        .groupBy(F.window("ts_evento", "10 minutes").alias("w"), "canal")
        .agg(F.count("*").alias("eventos"), F.sum("valor").alias("total"))
        .select(F.col("w.start").alias("window_start"), "canal", "eventos", "total")
        .withColumn("dia", F.to_date(F.from_utc_timestamp("window_start", "America/Sao_Paulo")))
    )
    apart = events.where("why IS NOT NULL").select("evento_id", "why")
    for name, table, rows in (("windows", windows, counted), ("aside", aside, apart)):
        writer = rows.writeStream.format("delta").outputMode("append").option("checkpointLocation", f"{checkpoint}/{name}")
        writer.trigger(availableNow=True).start(table).awaitTermination()
    ### END SOLUTION


# %%
import time

run = f"run_{time.time():.0f}"  # a new inbox and new checkpoints each time you run this cell
inbox, checkpoint = lake.path("streaming", run, "inbox"), lake.path("streaming", run, "checkpoint")
windows, aside = lake.path("streaming", "windows"), lake.path("streaming", "aside")
for table in (windows, aside):
    empty = "window_start TIMESTAMP, canal STRING, eventos LONG, total DOUBLE, dia DATE" if table == windows else "evento_id STRING, why STRING"
    spark.createDataFrame([], empty).write.format("delta").mode("overwrite").option("overwriteSchema", True).save(table)

for group in (files[:6], files[6:11], files[11:]):
    deliver(group, landing, inbox)
    run_stream(inbox, windows, aside, checkpoint)
    print(f"{len(group)} files →", spark.read.format("delta").load(windows).count(), "windows,", spark.read.format("delta").load(aside).count(), "aside")

# %% tags=["check:own-windows"]
check("windows.table")

# %% [markdown] tags=["lang:en"]
# The checks of the next three cells run after you submit, on events that nobody has seen.

# %% [markdown] tags=["lang:pt-BR"]
# As verificações das três células seguintes rodam depois da entrega, com eventos que ninguém viu.

# %% tags=["check:unseen-events"]
check("windows.counts", "windows.days")

# %% tags=["check:aside"]
check("windows.aside")

# %% tags=["check:any-order"]
check("windows.order")

# %% tags=["check:start-again"]
check("windows.restart", "windows.bounded")

# %% [markdown] tags=["lang:en"]
# ## 5 · Break it
#
# Three queries that anybody could have written: one with a short watermark, one that trusts every clock, one that does neither. Each reads
# six of your files, one at a time, and **the third file is overtaken by two others**: its shop was offline for an hour. Before you run the
# cell, **guess**: how many of the events end up in a window?

# %% [markdown] tags=["lang:pt-BR"]
# ## 5 · Quebre
#
# Três consultas que qualquer um poderia ter escrito: uma com watermark curto, uma que confia em todo relógio, uma que não faz nem uma coisa
# nem outra. Cada uma lê seis dos seus arquivos, um de cada vez, e **o terceiro arquivo é ultrapassado por outros dois**: a loja dele ficou
# uma hora sem rede. Antes de executar, **dê um palpite**: quantos eventos acabam numa janela?

# %%
broken = lake.path("streaming", f"broken_{time.time():.0f}")  # begins anew each time you run this cell
queries = {
    "5 minutes, wrong clocks left out": ("5 minutes", False),
    "2 hours, every clock trusted": ("2 hours", True),
    "2 hours, wrong clocks left out": ("2 hours", False),
}
counts = {name: {} for name in queries}


def careless(delay: str, trusting: bool, counts: dict, checkpoint: str) -> None:
    reader = spark.readStream.schema(EVENT).option("recursiveFileLookup", True).option("maxFilesPerTrigger", 1).json(f"{broken}/inbox")
    events = reader if trusting else classify(reader).where("why IS NULL")
    counted = events.withWatermark("ts_evento", delay).groupBy(F.window("ts_evento", "10 minutes")).count()

    def note(batch: DataFrame, number: int) -> None:
        counts.update({row["window"]["start"]: row["count"] for row in batch.collect()})

    writer = counted.writeStream.foreachBatch(note).outputMode("update").option("checkpointLocation", checkpoint)
    writer.trigger(availableNow=True).start().awaitTermination()


for names in ([*files[:2], *files[3:5]], files[2:3], files[5:6]):
    deliver(names, landing, f"{broken}/inbox")
    for number, (name, (delay, trusting)) in enumerate(queries.items()):
        careless(delay, trusting, counts[name], f"{broken}/{number}")

sent = classify(read_events(f"{broken}/inbox", stream=False)).where("why IS NULL").count()
print(f"{'events in time':36}{sent:6}")
for name in queries:
    print(f"{name:36}{sum(counts[name].values()):6}")

# %% [markdown] tags=["lang:en"]
# No error, no warning, and a table that looks like any other. What is missing from the short watermark's line is the file that was
# overtaken: every one of its events came in time by the rule, to a window that had been closed for good. And look at the line of the clocks
# again: the events after the wrong clock are all there in the inbox, and the query went past every one of them.

# %% [markdown] tags=["lang:pt-BR"]
# Nenhum erro, nenhum aviso, e uma tabela que parece qualquer outra. O que falta na linha do watermark curto é o arquivo que foi ultrapassado:
# pela regra, cada um dos seus eventos chegou a tempo, para uma janela que já estava fechada de vez. E olhe de novo a linha dos relógios: os
# eventos depois do relógio errado estão todos na caixa de entrada, e a consulta passou por cada um deles.

# %% [markdown] tags=["lang:en"]
# ## 6 · Explain it
#
# A colleague says: "Late events are a nuisance. Let us set the watermark to five minutes, the dashboard is faster then." In about six
# sentences:
#
# 1. What closes a window, and what happens to an event that comes afterwards?
# 2. What does a longer delay cost, and who pays for a shorter one?
# 3. Why did one wrong clock do more harm than sixty late telephones?
# 4. Give evidence from your own runs: numbers of events for each query.

# %% [markdown] tags=["lang:pt-BR"]
# ## 6 · Explique
#
# Um colega diz: "Eventos atrasados só atrapalham. Vamos pôr o watermark em cinco minutos, assim o painel fica mais rápido." Em umas seis
# frases:
#
# 1. O que fecha uma janela, e o que acontece com um evento que chega depois?
# 2. Quanto custa um atraso maior, e quem paga por um menor?
# 3. Por que um relógio errado fez mais estrago do que sessenta telefones atrasados?
# 4. Dê evidências das suas execuções: números de eventos de cada consulta.

# %% [markdown] tags=["lang:en", "manual:explain-watermark"]
# *Your answer here.*

# %% [markdown] tags=["lang:pt-BR", "manual:explain-watermark"]
# *Sua resposta aqui.*

# %% [markdown] tags=["lang:en"]
# ## What you have now
#
# Windows that are complete when they are written, a list of what came too late for them, and a query that may be stopped and started at
# will. The watermark bounds its memory; the rule in the data decides what counts. Keep the two apart, and nothing is lost without a word.
#
# Press **Validate**, then **Submit** in the Assignments list.

# %% [markdown] tags=["lang:pt-BR"]
# ## O que você tem agora
#
# Janelas completas quando são gravadas, uma lista do que chegou tarde demais para elas, e uma consulta que pode parar e recomeçar à vontade.
# O watermark limita a memória; a regra nos dados decide o que conta. Separe os dois, e nada se perde sem aviso.
#
# Clique em **Validate** e depois em **Submit** na lista de tarefas.
