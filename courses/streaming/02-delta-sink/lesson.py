# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Streaming (Spark + Kafka)
#     language: python
#     name: streaming
# ---

# %% [markdown] tags=["lang:en"]
# # Kafka → Delta with checkpoints
#
# In the last lesson you moved events from Kafka into a table by hand, and the hard part was not the moving: it was to die at the wrong
# moment and start again. Today Spark does the reading. It keeps a small folder, the **checkpoint**, in which it writes down what it is about
# to do and what it has done. You will open that folder, kill the query between two of its lines, and see why nothing is there twice.
#
# And you will meet the accident that no checkpoint repairs: the query was down for the weekend, and Kafka has thrown away what nobody had
# read. A pipeline that goes on as if nothing had happened is worse than one that stops.
#
# | you will | minutes |
# |---|---|
# | see Kafka as a table | 8 |
# | give each message a row | 12 |
# | open a checkpoint | 10 |
# | write the query | 20 |
# | break it: killed between two commits | 10 |
# | break it: messages that are gone | 8 |
# | explain it | 7 |

# %% [markdown] tags=["lang:pt-BR"]
# # Kafka → Delta com checkpoints
#
# Na lição passada você levou eventos do Kafka para uma tabela à mão, e o difícil não era levar: era morrer na hora errada e recomeçar. Hoje
# quem lê é o Spark. Ele mantém uma pequena pasta, o **checkpoint**, em que anota o que está para fazer e o que já fez. Você vai abrir essa
# pasta, derrubar a consulta entre duas dessas anotações e ver por que nada fica em dobro.
#
# E vai conhecer o acidente que nenhum checkpoint conserta: a consulta ficou parada no fim de semana, e o Kafka jogou fora o que ninguém tinha
# lido. Um pipeline que segue em frente como se nada fosse é pior do que um que para.
#
# | você vai | minutos |
# |---|---|
# | ver o Kafka como tabela | 8 |
# | dar uma linha a cada mensagem | 12 |
# | abrir um checkpoint | 10 |
# | escrever a consulta | 20 |
# | quebrar: derrubada entre dois commits | 10 |
# | quebrar: mensagens que sumiram | 8 |
# | explicar | 7 |

# %%
from dataflow_kernels.pictures import pipeline
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

pipeline(today="bronze")

# %% [markdown] tags=["lang:en"]
# ## 1 · Kafka as a table
#
# First the tools. `publish` sends a file's lines, each with its order's id as the key. `forget` does what a topic's *retention* does some day:
# it throws away all but the last messages of each partition.

# %% [markdown] tags=["lang:pt-BR"]
# ## 1 · O Kafka como tabela
#
# Primeiro, as ferramentas. `publish` manda as linhas de um arquivo, cada uma com o id do seu pedido como chave. `forget` faz o que a *retenção*
# de um tópico faz um dia: joga fora tudo, menos as últimas mensagens de cada partição.

# %%
import re
import time

landing = lake.landing("02-delta-sink")
files = lake.files(landing)


def prepare(topic: str) -> None:
    topics.create(topic, 3)


def publish(file: str, topic: str) -> None:
    producer = topics.producer()
    for line in lake.read(file).split(b"\n")[:-1]:
        order = re.match(rb'\{"evento_id": "E\d+", "pedido_id": "(A\d+)"', line)
        producer.produce(topics.name(topic), key=order and order.group(1), value=line)
    producer.flush()


def forget(topic: str, keep: int) -> None:
    topics.forget(topic, keep)


run_id = f"{time.time():.0f}"  # this cell may be run again: it begins anew
topics.delete("eventos")
prepare("eventos")
publish(f"{landing}/{files[0]}", "eventos")

# %% [markdown] tags=["lang:en"]
# To Spark, a topic looks like a table that never ends. `topics.options(...)` has the address, the login and the topic; where to begin is set
# as well: at the earliest message.

# %% [markdown] tags=["lang:pt-BR"]
# Para o Spark, um tópico parece uma tabela que não acaba. `topics.options(...)` traz o endereço, o login e o tópico; o ponto de partida também
# já está definido: a mensagem mais antiga.

# %%
messages = spark.read.format("kafka").options(**topics.options("eventos")).load()
messages.select("partition", "offset", "timestamp", F.col("key").cast("string"), F.col("value").cast("string")).show(4, truncate=50)

# %% [markdown] tags=["lang:en"]
# ## 2 · Guided exercise: a row for each message
#
# Some messages are no events: cut off, written by another serialiser, or a log line that went astray. They are kept, **with a reason**:
# somebody has to be able to ask the sender about them. Complete `event_rows`, which works on a table and on a stream alike:
#
# | column | type | content |
# |---|---|---|
# | `partition`, `offset` | integer, long | where the message is in Kafka |
# | `raw` | string | the message's value as it came |
# | `evento_id`, `pedido_id`, `tipo` | string | from the event |
# | `valor` | double | from the event |
# | `reason` | string | null when the message is JSON; otherwise a few words that say what is wrong with it |
#
# `raw` and the event's fields are there, three columns are missing. Useful: `F.try_parse_json("raw")` gives null for what is not JSON.

# %% [markdown] tags=["lang:pt-BR"]
# ## 2 · Exercício guiado: uma linha para cada mensagem
#
# Algumas mensagens não são eventos: foram cortadas, escritas por outro serializador ou são uma linha de log que se perdeu. Elas ficam guardadas,
# **com um motivo**: alguém precisa poder perguntar a quem enviou. Complete `event_rows`, que funciona tanto numa tabela como num fluxo:
#
# | coluna | tipo | conteúdo |
# |---|---|---|
# | `partition`, `offset` | integer, long | onde a mensagem está no Kafka |
# | `raw` | string | o valor da mensagem como veio |
# | `evento_id`, `pedido_id`, `tipo` | string | do evento |
# | `valor` | double | do evento |
# | `reason` | string | nulo quando a mensagem é JSON; senão, umas poucas palavras que dizem o que há de errado |
#
# `raw` e os campos do evento já estão lá, faltam três colunas. Útil: `F.try_parse_json("raw")` devolve nulo para o que não é JSON.

# %% tags=["solution:event-rows"]
EVENT = "evento_id STRING, pedido_id STRING, tipo STRING, valor DOUBLE"


def event_rows(messages: DataFrame) -> DataFrame:
    values = messages.withColumn("raw", F.col("value").cast("string")).withColumn("event", F.from_json("raw", EVENT))
    return values.select(
        "raw",
        "event.*",
        ### BEGIN SOLUTION
        "partition",
        "offset",
        F.when(F.try_parse_json("raw").isNull(), "not JSON").alias("reason"),
        ### INSTEAD
        #| # YOUR CODE HERE: partition, offset, reason
        ### END SOLUTION
    )


# %%
sample = lake.path("streaming", "sink_sample")
event_rows(messages).write.format("delta").mode("overwrite").option("overwriteSchema", True).save(sample)
spark.read.format("delta").load(sample).orderBy(F.desc_nulls_last("reason")).show(4, truncate=30)

# %% tags=["check:own-rows"]
check("sink.rows")

# %% [markdown] tags=["lang:en"]
# ## 3 · Worked example: open a checkpoint
#
# The same rows as a stream. `trigger(availableNow=True)` reads what there is now, in one or more batches, and stops; a scheduler starts it
# again whenever it likes. Here is a query that keeps the `tipo` only, and then everything that it has written down.

# %% [markdown] tags=["lang:pt-BR"]
# ## 3 · Exemplo resolvido: abra um checkpoint
#
# As mesmas linhas como fluxo. `trigger(availableNow=True)` lê o que existe agora, em um ou mais lotes, e para; um agendador a inicia de novo
# quando quiser. Eis uma consulta que só guarda o `tipo` e, depois, tudo o que ela anotou.

# %%
import json

stream = spark.readStream.format("kafka").options(**topics.options("eventos")).load()
example, notes = lake.path("streaming", run_id, "example"), lake.path("streaming", run_id, "example_checkpoint")
writer = event_rows(stream).select("tipo").writeStream.format("delta").option("checkpointLocation", notes)
writer.trigger(availableNow=True).start(example).awaitTermination()

print("metadata: ", lake.read(f"{notes}/metadata").decode())
print("offsets/0:", lake.read(f"{notes}/offsets/0").decode().splitlines()[-1])
print("commits/0:", lake.read(f"{notes}/commits/0").decode().replace("\n", " "))
log = [json.loads(line) for line in lake.read(f"{example}/_delta_log/{0:020}.json").splitlines()]
print("Delta log:", [action for action in log if "txn" in action])

# %% [markdown] tags=["lang:en"]
# Read it from the top. Each batch has a number, and goes through four steps, always in this order:
#
# 1. `offsets/N`: "batch N will be *these* offsets", written **before** anything is read;
# 2. the data files of the table;
# 3. the table's commit. Look at its `txn`: the id of the query (from `metadata`) and the number of the batch are **in the same commit** as the
#    data;
# 4. `commits/N`: "batch N is done".
#
# Whoever starts again finds `offsets/N` without `commits/N` and does batch N once more, with the very same offsets. Did the table have it
# already? Its log says so, and the second time is skipped. That is the whole secret, and it hangs on one thing: the **same** checkpoint.

# %% [markdown] tags=["lang:pt-BR"]
# Leia de cima para baixo. Cada lote tem um número e passa por quatro passos, sempre nesta ordem:
#
# 1. `offsets/N`: "o lote N serão *estes* offsets", escrito **antes** de ler qualquer coisa;
# 2. os arquivos de dados da tabela;
# 3. o commit da tabela. Veja o seu `txn`: o id da consulta (de `metadata`) e o número do lote estão **no mesmo commit** que os dados;
# 4. `commits/N`: "o lote N está pronto".
#
# Quem recomeça encontra `offsets/N` sem `commits/N` e faz o lote N outra vez, com exatamente os mesmos offsets. A tabela já o tinha? O log dela
# diz que sim, e a segunda vez é pulada. Esse é o segredo inteiro, e ele depende de uma coisa só: o **mesmo** checkpoint.

# %% [markdown] tags=["lang:en"]
# ## 4 · Challenge: the query
#
# Write `run(topic, table, checkpoints)`. It reads as a stream all that is new in the topic, appends `event_rows` of it to the Delta table at the
# path `table`, and stops (`trigger(availableNow=True)`, then `.awaitTermination()`). It is started again and again.
#
# - **Every message is in the table once**, from the topic's first message on, damaged ones with their reason. The table may not exist yet.
# - **It may die anywhere and is then started again**: before the table's commit, or between the table's commit and `commits/N`.
# - The folder `checkpoints` is for **all** queries of the house, and `run` is called for more than one topic. The checkpoint of a topic's query is
#   the folder `{checkpoints}/{topic}`.
# - **Lost data is loud.** When Kafka has thrown away messages that this query had not read yet, `run` raises an error. It does not go on.

# %% [markdown] tags=["lang:pt-BR"]
# ## 4 · Desafio: a consulta
#
# Escreva `run(topic, table, checkpoints)`. Ela lê como fluxo tudo o que há de novo no tópico, acrescenta as `event_rows` disso à tabela Delta no
# caminho `table` e para (`trigger(availableNow=True)`, depois `.awaitTermination()`). Ela é iniciada muitas vezes.
#
# - **Cada mensagem está na tabela uma vez**, desde a primeira do tópico, as danificadas com o seu motivo. A tabela pode ainda não existir.
# - **Ela pode morrer em qualquer ponto e então é iniciada de novo**: antes do commit da tabela, ou entre o commit da tabela e `commits/N`.
# - A pasta `checkpoints` é de **todas** as consultas da casa, e `run` é chamada para mais de um tópico. O checkpoint da consulta de um tópico é a
#   pasta `{checkpoints}/{topic}`.
# - **Dado perdido faz barulho.** Se o Kafka jogou fora mensagens que esta consulta ainda não tinha lido, `run` levanta um erro. Ela não segue
#   em frente.

# %% tags=["solution:run"]
def run(topic: str, table: str, checkpoints: str) -> None:
    ### BEGIN SOLUTION
    stream = spark.readStream.format("kafka").options(**topics.options(topic)).load()
    writer = event_rows(stream).writeStream.format("delta").option("checkpointLocation", f"{checkpoints}/{topic}")
    writer.trigger(availableNow=True).start(table).awaitTermination()
    ### END SOLUTION


# %%
table, checkpoints = lake.path("streaming", "sink"), lake.path("streaming", run_id, "checkpoints")
spark.createDataFrame([], f"raw STRING, {EVENT}, partition INT, offset LONG, reason STRING").write.format("delta").mode("overwrite").option(
    "overwriteSchema", True
).save(table)

for number, file in enumerate(files):
    if number:
        publish(f"{landing}/{file}", "eventos")
    run("eventos", table, checkpoints)
    print(file, "→", spark.read.format("delta").load(table).count(), "rows")

# %% tags=["check:own-table"]
check("sink.table")

# %% [markdown] tags=["lang:en"]
# After you submit, `run` meets other events, dies at both places, and finds that messages are gone:

# %% [markdown] tags=["lang:pt-BR"]
# Depois da entrega, `run` encontra outros eventos, morre nos dois pontos e descobre que mensagens sumiram:

# %% tags=["check:each-once"]
check("sink.once", "sink.malformed")

# %% tags=["check:killed"]
check("sink.refused", "sink.between")

# %% tags=["check:alone-and-loud"]
check("sink.alone", "sink.lost")

# %% [markdown] tags=["lang:en"]
# ## 5 · Break it: killed between two commits
#
# Two queries read your topic: your `run`, and one that appends each batch itself in `foreachBatch`, as one finds it everywhere. Both work.
# Then we tear the last note out of both checkpoints: that is what is left of a query that was killed after the table's commit and before
# `commits/N`. Both are started again. **Guess** before you run the cell: how many rows will each table have?

# %% [markdown] tags=["lang:pt-BR"]
# ## 5 · Quebre: derrubada entre dois commits
#
# Duas consultas leem o seu tópico: a sua `run` e uma que acrescenta cada lote por conta própria em `foreachBatch`, como se vê por aí. As duas
# funcionam. Depois arrancamos a última anotação dos dois checkpoints: é o que sobra de uma consulta que foi derrubada depois do commit da tabela
# e antes de `commits/N`. As duas são iniciadas de novo. **Dê um palpite** antes de executar: quantas linhas cada tabela terá?

# %%
def naive(topic: str, table: str, checkpoints: str) -> None:
    def write(batch: DataFrame, number: int) -> None:
        batch.write.format("delta").mode("append").save(table)

    source = spark.readStream.format("kafka").options(**topics.options(topic)).option("failOnDataLoss", False).load()
    writer = event_rows(source).writeStream.foreachBatch(write).option("checkpointLocation", f"{checkpoints}/{topic}")
    writer.trigger(availableNow=True).start().awaitTermination()


def tear_out_last_commit(checkpoint: str) -> None:
    folder = spark._jvm.org.apache.hadoop.fs.Path(f"{checkpoint}/commits")
    system = folder.getFileSystem(spark._jsc.hadoopConfiguration())
    last = max(int(status.getPath().getName()) for status in system.listStatus(folder) if status.getPath().getName().isdigit())
    for name in (f"{last}", f".{last}.crc"):
        system.delete(spark._jvm.org.apache.hadoop.fs.Path(folder, name), False)


places = {name: (lake.path("streaming", run_id, name), lake.path("streaming", run_id, f"{name}_checkpoints")) for name in ("run", "naive")}
queries = {"run": run, "naive": naive}


def look(moment: str) -> None:
    rows = {name: spark.read.format("delta").load(places[name][0]).count() for name in queries}
    sent = sum(end for _, end in topics.offsets("eventos").values())
    print(f"{moment:42} sent: {sent}   run: {rows['run']}   naive: {rows['naive']}")


for name, query in queries.items():
    query("eventos", *places[name])
look("both have read everything")
for name, query in queries.items():
    tear_out_last_commit(f"{places[name][1]}/eventos")
    query("eventos", *places[name])
look("killed before commits/N, started again")

# %% [markdown] tags=["lang:en"]
# ## 6 · Break it: messages that are gone
#
# It is Monday. The query was down for the weekend, new events came in, and Kafka has thrown away all but the last 20 messages of each partition.
# `naive` was told, by somebody who was tired of errors, that lost data is no failure (`failOnDataLoss=false`). Guess again: what will each of
# the two do?

# %% [markdown] tags=["lang:pt-BR"]
# ## 6 · Quebre: mensagens que sumiram
#
# É segunda-feira. A consulta ficou parada no fim de semana, chegaram novos eventos, e o Kafka jogou fora tudo, menos as últimas 20 mensagens de
# cada partição. A `naive` ouviu, de alguém cansado de erros, que dado perdido não é falha (`failOnDataLoss=false`). Outro palpite: o que cada
# uma das duas vai fazer?

# %%
publish(f"{landing}/{files[0]}", "eventos")
forget("eventos", keep=20)
for name, query in queries.items():
    try:
        query("eventos", *places[name])
        print(f"{name:6} went on.")
    except Exception as error:
        print(f"{name:6} stopped:", re.sub(r"\s+", " ", str(error))[:200], "…")
look("after the weekend")

# %% [markdown] tags=["lang:en"]
# One of them said nothing, and its table has a hole that nobody will look for. The other woke somebody up. That person can now find out *which*
# offsets are missing (the last `offsets/N` against `topics.offsets`), ask the sender for them, and begin a new query with a new checkpoint and
# `startingOffsets` where the hole ends: a decision, written down, and not an accident.
#
# ## 7 · Explain it
#
# A colleague says: "When a query hangs, I delete its checkpoint. It starts again and all is well." In about six sentences:
#
# 1. What is in a checkpoint, and what is it that Delta keeps of the query in its own log?
# 2. Why did the query that was killed between the two commits write nothing twice, and why did `naive`?
# 3. What happens to the table when the checkpoint is deleted, and what when two queries share one?
# 4. Give evidence from your own runs: batch numbers, offsets, rows.

# %% [markdown] tags=["lang:pt-BR"]
# Uma delas não disse nada, e a sua tabela tem um buraco que ninguém vai procurar. A outra acordou alguém. Essa pessoa pode agora descobrir *quais*
# offsets faltam (o último `offsets/N` contra `topics.offsets`), pedi-los a quem enviou e começar uma consulta nova, com um checkpoint novo e
# `startingOffsets` onde o buraco termina: uma decisão, anotada, e não um acidente.
#
# ## 7 · Explique
#
# Um colega diz: "Quando uma consulta trava, eu apago o checkpoint. Ela recomeça e pronto." Em umas seis frases:
#
# 1. O que há num checkpoint, e o que o Delta guarda da consulta no seu próprio log?
# 2. Por que a consulta derrubada entre os dois commits não escreveu nada em dobro, e por que a `naive` escreveu?
# 3. O que acontece com a tabela quando o checkpoint é apagado, e o que acontece quando duas consultas usam o mesmo?
# 4. Dê evidências das suas execuções: números de lotes, offsets, linhas.

# %% [markdown] tags=["lang:en", "manual:explain-checkpoint"]
# *Your answer here.*

# %% [markdown] tags=["lang:pt-BR", "manual:explain-checkpoint"]
# *Sua resposta aqui.*

# %% [markdown] tags=["lang:en"]
# ## What you have now
#
# A query that may be killed at any moment and started by anybody, a table in which every message is there once, damaged ones with their reason,
# and an alarm where data is lost. Two commits, one number that they share: remember that when, two lessons from now, the table is not Delta's
# own sink but your own code.
#
# Press **Validate**, then **Submit** in the Assignments list.

# %% [markdown] tags=["lang:pt-BR"]
# ## O que você tem agora
#
# Uma consulta que pode ser derrubada a qualquer momento e iniciada por qualquer pessoa, uma tabela em que cada mensagem está uma única vez, as
# danificadas com o seu motivo, e um alarme quando dados se perdem. Dois commits e um número que eles compartilham: lembre-se disso quando, daqui a
# duas lições, o destino não for o do próprio Delta, e sim código seu.
#
# Clique em **Validate** e depois em **Submit** na lista de tarefas.
