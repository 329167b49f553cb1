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
# # Exactly once, and getting up again
#
# An order at Loja Aurora is created, paid, sent, delivered, and each time a message goes out. Some messages arrive twice. Some overtake
# each other. One in twenty cannot be read at all. And the program that takes them in dies now and then: the machine restarts, the memory
# runs out, somebody pulls a plug.
#
# Nobody can promise that a program does not die. What you can promise is this: *whenever it dies, one more start is enough, and the tables
# look as if nothing had happened*. Today you write a stream into **two** tables that keeps this promise, and then you kill it.
#
# | you will | minutes |
# |---|---|
# | look at the messages | 8 |
# | kill a small batch on paper, at each of its steps | 15 |
# | say of each message why it cannot be used | 15 |
# | write the stream into two tables | 32 |
# | kill it for real | 12 |
# | explain it | 8 |

# %% [markdown] tags=["lang:pt-BR"]
# # Exatamente uma vez, e levantar de novo
#
# Um pedido na Loja Aurora é criado, pago, enviado, entregue, e a cada passo sai uma mensagem. Algumas mensagens chegam duas vezes. Algumas
# ultrapassam outras. Uma em cada vinte nem dá para ler. E o programa que as recebe morre de vez em quando: a máquina reinicia, a memória
# acaba, alguém tira um cabo da tomada.
#
# Ninguém pode prometer que um programa não morre. O que dá para prometer é isto: *morra quando morrer, basta iniciar mais uma vez, e as
# tabelas ficam como se nada tivesse acontecido*. Hoje você escreve um fluxo para **duas** tabelas que cumpre essa promessa, e depois o mata.
#
# | você vai | minutos |
# |---|---|
# | olhar as mensagens | 8 |
# | matar um pequeno lote no papel, em cada um dos seus passos | 15 |
# | dizer de cada mensagem por que ela não serve | 15 |
# | escrever o fluxo para duas tabelas | 32 |
# | matá-lo de verdade | 12 |
# | explicar | 8 |

# %%
import re
from collections import Counter

from dataflow_kernels.pictures import pipeline
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

pipeline(today="silver")

# %% [markdown] tags=["lang:en"]
# ## 1 · Look at the messages
#
# Your messages have landed in three files, one message a line. `read_lines` reads a folder as a **stream** or as a plain table, line by
# line, as in Bronze. Follow one order through the files: which message came last, and which one is the newest?

# %% [markdown] tags=["lang:pt-BR"]
# ## 1 · Olhe as mensagens
#
# Suas mensagens chegaram em três arquivos, uma mensagem por linha. `read_lines` lê uma pasta como **fluxo** ou como tabela comum, linha por
# linha, como na Bronze. Siga um pedido pelos arquivos: qual mensagem chegou por último, e qual é a mais nova?

# %%
landing = lake.landing("04-exactly-once")
files = lake.files(landing)


def read_lines(folder: str, stream: bool = True) -> DataFrame:
    reader = spark.readStream if stream else spark.read
    return reader.option("recursiveFileLookup", True).text(folder).withColumnRenamed("value", "raw")


lines = [(name, line) for name in files for line in lake.read(f"{landing}/{name}").decode().splitlines()]
keys = [re.search('"pedido_id": "([^"]+)"', line) for _, line in lines]
often = Counter(key[1] for key in keys if key).most_common(3)
for order, _ in often:
    print(*(f"{name}  {line}" for name, line in lines if order in line), "", sep="\n")
print(*[line for _, line in lines if not line.startswith('{"pedido_id": "') or '"valor": "' in line][:6], sep="\n")

# %% [markdown] tags=["lang:en"]
# ## 2 · Worked example: a batch in four steps
#
# A stream is a chain of small batches. For each one, Spark
#
# 1. writes down in the checkpoint **what** the batch consists of (`offsets`);
# 2. writes data files;
# 3. commits them to the table;
# 4. writes down in the checkpoint **that** the batch is done (`commits`).
#
# After a death, the next run reads the checkpoint. A batch with offsets and without its "done" is done *again*, with the same messages and
# **the same batch number**. Choose a way to write and a moment of death. Find the moment at which a plain append doubles everything, and
# the one at which a program that notes too early loses everything.

# %% [markdown] tags=["lang:pt-BR"]
# ## 2 · Exemplo resolvido: um lote em quatro passos
#
# Um fluxo é uma corrente de pequenos lotes. Para cada um, o Spark
#
# 1. anota no checkpoint **de que** o lote é feito (`offsets`);
# 2. grava arquivos de dados;
# 3. faz o commit deles na tabela;
# 4. anota no checkpoint **que** o lote está feito (`commits`).
#
# Depois de uma morte, a execução seguinte lê o checkpoint. Um lote com offsets e sem o seu "feito" é feito *de novo*, com as mesmas mensagens
# e **o mesmo número de lote**. Escolha um jeito de gravar e um momento da morte. Encontre o momento em que um simples append duplica tudo, e
# aquele em que um programa que anota cedo demais perde tudo.

# %%
from dataflow_kernels.microbatch import simulator

simulator()

# %% [markdown] tags=["lang:en"]
# So no bookkeeping of ours is needed, only a write that recognises what it has already written. There are three kinds: a write that says
# *which* batch it is (Delta refuses the same `txnAppId` with a `txnVersion` that it has seen), a write that **replaces** the rows of its own
# batch, and a `MERGE` that has the same result however often it runs.

# %% [markdown] tags=["lang:pt-BR"]
# Portanto, não precisamos de contabilidade própria, só de uma escrita que reconheça o que já gravou. Há três tipos: uma escrita que diz
# *qual* lote ela é (o Delta recusa o mesmo `txnAppId` com uma `txnVersion` que já viu), uma escrita que **substitui** as linhas do próprio
# lote, e um `MERGE` que dá o mesmo resultado, rode quantas vezes rodar.

# %% [markdown] tags=["lang:en"]
# ## 3 · Guided exercise: the poison messages
#
# One message that raises an error stops the stream, and the next run meets it again: the stream is dead for good. One that is thrown away
# is lost without a word. So each line gets a reason. Complete `parse`, which adds the column `why` (string). The first that applies counts:
#
# | `why` | when |
# |---|---|
# | `not_json` | the line is not JSON |
# | `no_key` | it has no `pedido_id`, or a null one |
# | `bad_value` | its `valor` cannot be read as a number |
# | null | otherwise: a message that can be used |
#
# `try_cast` and `F.try_parse_json` give null where others raise.

# %% [markdown] tags=["lang:pt-BR"]
# ## 3 · Exercício guiado: as mensagens envenenadas
#
# Uma mensagem que levanta um erro para o fluxo, e a execução seguinte a encontra de novo: o fluxo morre de vez. Uma que é jogada fora se perde
# sem aviso. Por isso cada linha ganha uma razão. Complete `parse`, que acrescenta a coluna `why` (string). Vale a primeira que se aplicar:
#
# | `why` | quando |
# |---|---|
# | `not_json` | a linha não é JSON |
# | `no_key` | não tem `pedido_id`, ou ele é nulo |
# | `bad_value` | o seu `valor` não pode ser lido como número |
# | nulo | nos outros casos: uma mensagem que serve |
#
# `try_cast` e `F.try_parse_json` devolvem nulo onde outros levantam erro.

# %% tags=["solution:parse"]
def parse(lines: DataFrame) -> DataFrame:
    def field(name: str):
        return F.get_json_object("raw", f"$.{name}")

    rows = lines.select(
        "raw",
        field("pedido_id").alias("pedido_id"),
        field("versao").try_cast("long").alias("versao"),
        field("status").alias("status"),
        field("valor").try_cast("double").alias("valor"),
    )
    ### BEGIN SOLUTION
    not_json = F.try_parse_json("raw").isNull()
    why = F.when(not_json, "not_json").when(F.isnull("pedido_id"), "no_key").when(F.isnull("valor"), "bad_value")
    ### INSTEAD
    #| why = F.lit(None)  # YOUR CODE HERE: F.when(…, "not_json").when(…, …).when(…, …)
    ### END SOLUTION
    return rows.withColumn("why", why.cast("string"))


# %%
parsed = lake.path("recovery", "parsed")
parse(read_lines(landing, stream=False)).select("raw", "why").write.format("delta").mode("overwrite").save(parsed)
lake.table(parsed).to_pandas()["why"].value_counts(dropna=False)

# %% tags=["check:own-reasons"]
check("once.reasons")

# %% [markdown] tags=["lang:en"]
# ## 4 · Challenge: one stream, two tables
#
# Write `run_stream(inbox, pedidos, dead_letters, checkpoint)`. It reads all that is new in the folder `inbox` as a stream, brings both
# tables up to date, and then stops (`trigger(availableNow=True)`, then `.awaitTermination()`). It is started again whenever files have come.
# The two Delta tables are there already, made by `prepare`, and stay as they are in columns and types.
#
# - **`pedidos`** has one row for each `pedido_id`: the message with the largest `versao` that has arrived so far, with the columns
#   `pedido_id`, `versao`, `status`, `valor`. An order may occur several times in one batch, also with the same line twice. An older
#   version may arrive in a later batch.
# - **`dead_letters`** has one row for each line with a `why`, with the columns `raw` and `why`. The same text may arrive twice: those are
#   two lines, and two rows. The column `lote` is yours: the batch number, or nothing.
# - **After a clean stop**, a run continues where the last one ended; with nothing new, it changes nothing.
# - **After a death**, one more run is enough. It may die at any point: before Spark writes the offsets, when a table takes no data file, when
#   a table refuses the commit of files that are already there, after both tables were written and before the checkpoint says so. A run that
#   cannot write ends with an error.
# - The tables and what is below the folder `checkpoint` are all that is left after a death: remember nothing elsewhere.
#
# Useful: `writeStream.foreachBatch(function)`, where `function(batch, number)` gets the rows as a plain DataFrame; `F.max_by`; a `MERGE`, by
# Spark or with `lake.table(path).merge(rows.toArrow(), "t.key = s.key", "s", "t")`; `option("txnAppId", …).option("txnVersion", …)`. The number begins at 0 again with a new checkpoint: an application
# is *one checkpoint*, and its name should say so.

# %% [markdown] tags=["lang:pt-BR"]
# ## 4 · Desafio: um fluxo, duas tabelas
#
# Escreva `run_stream(inbox, pedidos, dead_letters, checkpoint)`. Ela lê como fluxo tudo o que há de novo na pasta `inbox`, atualiza as duas
# tabelas e então para (`trigger(availableNow=True)`, depois `.awaitTermination()`). É iniciada de novo sempre que chegam arquivos. As duas
# tabelas Delta já existem, criadas por `prepare`, e ficam como estão em colunas e tipos.
#
# - **`pedidos`** tem uma linha para cada `pedido_id`: a mensagem de maior `versao` que chegou até agora, com as colunas `pedido_id`, `versao`,
#   `status`, `valor`. Um pedido pode aparecer várias vezes no mesmo lote, inclusive com a mesma linha repetida. Uma versão mais antiga pode
#   chegar num lote posterior.
# - **`dead_letters`** tem uma linha para cada linha de arquivo com um `why`, com as colunas `raw` e `why`. O mesmo texto pode chegar duas
#   vezes: são duas linhas de arquivo, e duas linhas na tabela. A coluna `lote` é sua: o número do lote, ou nada.
# - **Depois de uma parada limpa**, uma execução continua de onde a última terminou; sem nada novo, não muda nada.
# - **Depois de uma morte**, basta mais uma execução. Ela pode morrer em qualquer ponto: antes de o Spark gravar os offsets, quando uma tabela
#   não aceita arquivos de dados, quando uma tabela recusa o commit de arquivos que já estão lá, depois de gravar as duas tabelas e antes de o
#   checkpoint registrar isso. Uma execução que não consegue gravar termina com erro.
# - As tabelas e o que está abaixo da pasta `checkpoint` são tudo o que sobra depois de uma morte: não guarde nada em outro lugar.
#
# Úteis: `writeStream.foreachBatch(função)`, em que `função(lote, número)` recebe as linhas como um DataFrame comum; `F.max_by`; um `MERGE`, do
# Spark ou com `lake.table(path).merge(rows.toArrow(), "t.key = s.key", "s", "t")`; `option("txnAppId", …).option("txnVersion", …)`. O número recomeça do 0 com um checkpoint novo: uma aplicação é *um
# checkpoint*, e o nome dela deve dizer isso.

# %%
import pyarrow as pa
from deltalake import write_deltalake

PEDIDOS = pa.schema([("pedido_id", pa.string()), ("versao", pa.int64()), ("status", pa.string()), ("valor", pa.float64())])
DEAD_LETTERS = pa.schema([("raw", pa.string()), ("why", pa.string()), ("lote", pa.int64())])


def prepare(pedidos: str, dead_letters: str) -> None:
    for table, schema in ((pedidos, PEDIDOS), (dead_letters, DEAD_LETTERS)):
        write_deltalake(table, schema.empty_table(), mode="overwrite", storage_options=lake.storage_options or None)


def deliver(names: list[str], landing: str, inbox: str) -> None:
    for name in names:
        spark.read.text(f"{landing}/{name}").coalesce(1).write.mode("overwrite").text(f"{inbox}/{name}")


# %% tags=["solution:run-stream"]
def run_stream(inbox: str, pedidos: str, dead_letters: str, checkpoint: str) -> None:
    ### BEGIN SOLUTION
    def write(batch: DataFrame, number: int) -> None:
        rows = parse(batch)
        last = F.max_by(F.struct("versao", "status", "valor"), "versao").alias("last")
        newest = rows.where("why IS NULL").groupBy("pedido_id").agg(last).select("pedido_id", "last.*")
        merge = lake.table(pedidos).merge(newest.toArrow(), "t.pedido_id = s.pedido_id", "s", "t")
        merge.when_matched_update_all("s.versao > t.versao").when_not_matched_insert_all().execute()
        letters = rows.where("why IS NOT NULL").select("raw", "why", F.lit(number).cast("long").alias("lote"))
        once = letters.write.format("delta").mode("append").option("txnAppId", checkpoint).option("txnVersion", number)
        once.save(dead_letters)

    query = read_lines(inbox).writeStream.foreachBatch(write).option("checkpointLocation", checkpoint)
    query.trigger(availableNow=True).start().awaitTermination()
    ### END SOLUTION


# %% [markdown] tags=["lang:en"]
# The cell below delivers your files in two groups with a clean stop after each, and starts once more with nothing new. Each time you run
# it, it begins in new folders. At the end it copies both tables to where the check looks.

# %% [markdown] tags=["lang:pt-BR"]
# A célula abaixo entrega os seus arquivos em dois grupos, com uma parada limpa depois de cada um, e inicia mais uma vez sem nada novo. A cada
# execução ela começa em pastas novas. No fim, copia as duas tabelas para onde a verificação olha.

# %%
import time


def places(name: str) -> dict[str, str]:
    return {each: lake.path("recovery", name, each) for each in ("inbox", "pedidos", "dead_letters", "checkpoint")}


def rows(table: str) -> int:
    return lake.table(table).to_pyarrow_table().num_rows


mine = places(f"run_{time.time():.0f}")
prepare(mine["pedidos"], mine["dead_letters"])
for group in (files[:1], files[1:], []):
    deliver(group, landing, mine["inbox"])
    run_stream(**mine)
    print(f"{len(group)} files →", rows(mine["pedidos"]), "pedidos,", rows(mine["dead_letters"]), "dead letters")
for name in ("pedidos", "dead_letters"):
    done = lake.table(mine[name]).to_pyarrow_table()
    write_deltalake(lake.path("recovery", name), done, mode="overwrite", schema_mode="overwrite", storage_options=lake.storage_options or None)

# %% tags=["check:clean-stop"]
check("once.stop")

# %% [markdown] tags=["lang:en"]
# The checks of the next four cells run after you submit. They kill your stream at the points of the table above, on messages that nobody has
# seen, and look at the tables after one more run.

# %% [markdown] tags=["lang:pt-BR"]
# As verificações das quatro células seguintes rodam depois da entrega. Elas matam o seu fluxo nos pontos citados acima, com mensagens que
# ninguém viu, e olham as tabelas depois de mais uma execução.

# %% tags=["check:versions"]
check("once.newest")

# %% tags=["check:poison"]
check("once.poison")

# %% tags=["check:dies-early"]
check("once.before", "once.between")

# %% tags=["check:dies-late"]
check("once.checkpoint")

# %% [markdown] tags=["lang:en"]
# ## 5 · Break it
#
# Here is the stream that everybody writes first: it appends. `dying_after(n)` kills whoever is inside when `n` writes are done: 0 is before
# the first table, 1 between the two, 2 after both, before the checkpoint knows. The cell kills the careless stream and yours at the same
# point, and starts each once more. Before you run it, **guess**: how many of its dead letters will the careless one have? Then change
# the number in the last line, and run it again.

# %% [markdown] tags=["lang:pt-BR"]
# ## 5 · Quebre
#
# Eis o fluxo que todo mundo escreve primeiro: ele acrescenta (append). `dying_after(n)` mata quem estiver lá dentro quando `n` escritas
# terminarem: 0 é antes da primeira tabela, 1 entre as duas, 2 depois das duas, antes de o checkpoint saber. A célula mata o fluxo descuidado e
# o seu no mesmo ponto, e inicia cada um mais uma vez. Antes de executar, **dê um palpite**: quantas mensagens rejeitadas terá o descuidado?
# Depois mude o número da última linha e execute de novo.

# %%
from dataflow_kernels.deaths import dying_after


def careless(inbox: str, pedidos: str, dead_letters: str, checkpoint: str) -> None:
    def write(batch: DataFrame, number: int) -> None:
        rows = parse(batch)
        rows.where("why IS NULL").select("pedido_id", "versao", "status", "valor").write.format("delta").mode("append").save(pedidos)
        rows.where("why IS NOT NULL").select("raw", "why").write.format("delta").mode("append").save(dead_letters)

    query = read_lines(inbox).writeStream.foreachBatch(write).option("checkpointLocation", checkpoint)
    query.trigger(availableNow=True).start().awaitTermination()


def kill(writes: int) -> None:
    sent = lake.table(parsed).to_pandas().set_index("raw")["why"].loc[[line for name, line in lines if name == files[2]]]
    print("sent:    ", sent.isna().sum(), "pedidos,", sent.notna().sum(), "dead letters")
    for name, stream in (("careless", careless), ("yours", run_stream)):
        there = places(f"killed_{time.time():.0f}_{name}")
        prepare(there["pedidos"], there["dead_letters"])
        deliver(files[2:3], landing, there["inbox"])
        with dying_after(writes):
            stream(**there)
        died = rows(there["pedidos"]), rows(there["dead_letters"])
        stream(**there)
        print(f"{name:8} ", f"dead: {died[0]}, {died[1]}   after one more run:", rows(there["pedidos"]), "pedidos,", rows(there["dead_letters"]), "dead letters")


kill(writes=2)


# %% [markdown] tags=["lang:en"]
# Look into the log of one of your tables: which of its versions was written when, and which batch told its number?

# %% [markdown] tags=["lang:pt-BR"]
# Olhe o log de uma das suas tabelas: qual versão foi gravada quando, e qual lote informou o seu número?

# %%
for action in reversed(lake.table(mine["dead_letters"]).history()):
    print(action["version"], action["operation"], action.get("operationMetrics", {}).get("numOutputRows", ""))
lake.table(mine["dead_letters"]).to_pandas().groupby(["lote", "why"], dropna=False).size()

# %% [markdown] tags=["lang:en"]
# ## 6 · Explain it
#
# A colleague says: "We have a checkpoint, so everything is exactly once." In about six sentences:
#
# 1. What does the checkpoint know when a run starts after a death, and what can it not know?
# 2. At which point does a plain append double, and why only there?
# 3. Why does your way of writing not double, in each of the two tables?
# 4. Give evidence from your own runs: rows of both streams after a death, batch numbers, versions.

# %% [markdown] tags=["lang:pt-BR"]
# ## 6 · Explique
#
# Um colega diz: "Temos um checkpoint, então tudo é exatamente uma vez." Em umas seis frases:
#
# 1. O que o checkpoint sabe quando uma execução começa depois de uma morte, e o que ele não tem como saber?
# 2. Em que ponto um simples append duplica, e por que só ali?
# 3. Por que o seu jeito de gravar não duplica, em cada uma das duas tabelas?
# 4. Dê evidências das suas execuções: linhas dos dois fluxos depois de uma morte, números de lote, versões.

# %% [markdown] tags=["lang:en", "manual:explain-once"]
# *Your answer here.*

# %% [markdown] tags=["lang:pt-BR", "manual:explain-once"]
# *Sua resposta aqui.*

# %% [markdown] tags=["lang:en"]
# ## What you have now
#
# A stream that may die whenever it likes. The checkpoint repeats a batch rather than lose it; the tables recognise what they already have;
# together that is exactly once. And what cannot be read stops nothing and is not lost.
#
# Press **Validate**, then **Submit** in the Assignments list.

# %% [markdown] tags=["lang:pt-BR"]
# ## O que você tem agora
#
# Um fluxo que pode morrer quando quiser. O checkpoint prefere repetir um lote a perdê-lo; as tabelas reconhecem o que já têm; juntos, isso é
# exatamente uma vez. E o que não dá para ler não para nada e não se perde.
#
# Clique em **Validate** e depois em **Submit** na lista de tarefas.
