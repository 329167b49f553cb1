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
# # Bronze: land everything, lose nothing
#
# Loja Aurora sells books, toys and music all over Brazil. Every night its shops send a file of orders. Some nights the file has a new
# column. Some nights it is empty. Some lines were cut in half when a disk filled up. And some mornings somebody runs the import twice,
# "to be sure".
#
# Today you build the layer that takes all of this calmly: **Bronze**. It cleans nothing and judges nothing. It makes one promise, that
# *whatever arrived can be found again, exactly as it arrived, exactly once*, and the layers above live on that promise.
#
# | you will | minutes |
# |---|---|
# | meet the data | 5 |
# | see how a reader loses lines without a word | 10 |
# | write a bronze row | 10 |
# | write the ingestion, safe to run twice | 20 |
# | break it and look at what is left | 10 |
# | explain it | 5 |

# %% [markdown] tags=["lang:pt-BR"]
# # Bronze: receba tudo, não perca nada
#
# A Loja Aurora vende livros, brinquedos e música no Brasil inteiro. Toda noite as lojas mandam um arquivo de pedidos. Em algumas noites
# ele vem com uma coluna nova. Em outras, vem vazio. Há linhas cortadas ao meio porque um disco encheu. E há manhãs em que alguém roda a
# importação duas vezes, "só por garantia".
#
# Hoje você constrói a camada que recebe tudo isso com calma: a **Bronze**. Ela não limpa nem julga nada. Faz uma única promessa: *o que
# chegou pode ser encontrado de novo, exatamente como chegou, exatamente uma vez*. As camadas de cima vivem dessa promessa.
#
# | você vai | minutos |
# |---|---|
# | conhecer os dados | 5 |
# | ver como um leitor perde linhas sem avisar | 10 |
# | escrever uma linha da bronze | 10 |
# | escrever a ingestão, segura para repetir | 20 |
# | quebrá-la e olhar o que sobra | 10 |
# | explicar | 5 |

# %%
from dataflow_kernels.pictures import pipeline
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

pipeline(today="bronze")

# %% [markdown] tags=["lang:en"]
# ## 1 · Meet the data
#
# `lake` is your own corner of the object store, and `spark` is ready: nothing to set up. The files of this lesson have already landed.
# They were made for you alone; your neighbour's look alike and differ in every number.

# %% [markdown] tags=["lang:pt-BR"]
# ## 1 · Conheça os dados
#
# `lake` é o seu canto do armazenamento de objetos, e `spark` já está pronto: não há nada a configurar. Os arquivos desta lição já
# chegaram. Eles foram feitos só para você; os do colega ao lado se parecem, mas cada número é diferente.

# %%
landing = lake.landing("01-bronze")
files = lake.files(landing)
files

# %% [markdown] tags=["lang:en"]
# Leaf through them. Look at an early file and at a late one: what is in a late line that an early one does not have? What happens to
# `valor`? Then choose `broken` and see what else arrives.

# %% [markdown] tags=["lang:pt-BR"]
# Folheie os arquivos. Olhe um dos primeiros e um dos últimos: o que há numa linha recente que não havia nas antigas? O que acontece com
# `valor`? Depois escolha `broken` e veja o que mais chega.

# %%
from ipywidgets import interact


@interact(file=files, show=["first", "broken"], lines=(1, 8))
def leaf_through(file, show="first", lines=3):
    text = spark.read.text(f"{landing}/{file}")
    if show == "broken":
        text = text.where(~F.col("value").endswith("}") | ~F.col("value").contains('": '))
    for row in text.limit(lines).collect():
        print(row["value"], end="\n\n")


# %% [markdown] tags=["lang:en"]
# ## 2 · Worked example: a reader that loses lines without a word
#
# The obvious way to read JSON is `spark.read.json`. Let us count, with three of its options, how many rows come out of one file, and how
# many lines went in.

# %% [markdown] tags=["lang:pt-BR"]
# ## 2 · Exemplo resolvido: um leitor que perde linhas sem avisar
#
# O jeito óbvio de ler JSON é `spark.read.json`. Vamos contar, com três opções, quantas linhas saem de um arquivo e quantas entraram.

# %%
first = f"{landing}/{files[0]}"
typed = "pedido_id STRING, valor DOUBLE"

ways = {
    "lines in the file": spark.read.text(first).count(),
    "read.json, DROPMALFORMED": spark.read.schema(typed).option("mode", "DROPMALFORMED").json(first).cache().count(),
    "read.json, then dropna": spark.read.schema(typed).json(first).dropna().count(),
    "read.json, then distinct": spark.read.schema(typed).json(first).distinct().count(),
}

import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(8, 2.2))
bars = axes.barh(list(ways), list(ways.values()), color=["#a0622d", "#b9c0c7", "#b9c0c7", "#b9c0c7"])
axes.bar_label(bars, padding=4)
axes.set_xlim(min(ways.values()) * 0.97, max(ways.values()) * 1.01)
axes.invert_yaxis()
axes.set_title("rows")
plt.show()

# %% [markdown] tags=["lang:en"]
# Nobody raised an error. The lines are simply gone, and next month, when somebody asks why the revenue of March does not add up, there
# is nothing left to look at.
#
# So Bronze reads **text**: a line is a line, whatever is in it. Whether it *is* JSON is then a question we ask of the line, and write down
# beside it. Here is one that answers it: `try_parse_json` gives null instead of an error.

# %% [markdown] tags=["lang:pt-BR"]
# Ninguém levantou um erro. As linhas simplesmente sumiram e, no mês que vem, quando alguém perguntar por que a receita de março não fecha,
# não sobrou nada para investigar.
#
# Por isso a Bronze lê **texto**: uma linha é uma linha, seja lá o que houver nela. Se ela *é* JSON passa a ser uma pergunta que fazemos à
# linha, e a resposta fica anotada ao lado. Eis uma função que responde: `try_parse_json` devolve nulo em vez de erro.

# %%
lines = spark.read.text(first)
lines.select(F.col("value"), F.try_parse_json("value").isNull().alias("not_json")).orderBy(F.desc("not_json")).show(6, truncate=70)

# %% [markdown] tags=["lang:en"]
# ## 3 · Guided exercise: one bronze row
#
# Complete `bronze_rows`. It reads the file `batch` and gives one row per line, with **these five columns** (more are welcome):
#
# | column | type | content |
# |---|---|---|
# | `raw` | string | the line, character by character as it landed |
# | `corrupt` | boolean | `true` when the line is not JSON. A new column or an unexpected value does **not** make a line corrupt |
# | `source` | string | the file it came from: its path or its name |
# | `batch` | string | the `batch_id` that was given |
# | `ingested_at` | timestamp | when it was ingested |
#
# Two columns are there, three are missing. Useful: `F.input_file_name()`, `F.lit(...)`, `F.current_timestamp()`.

# %% [markdown] tags=["lang:pt-BR"]
# ## 3 · Exercício guiado: uma linha da bronze
#
# Complete `bronze_rows`. Ela lê o arquivo `batch` e devolve uma linha de tabela por linha do arquivo, com **estas cinco colunas** (outras
# são bem-vindas):
#
# | coluna | tipo | conteúdo |
# |---|---|---|
# | `raw` | string | a linha, caractere por caractere, como chegou |
# | `corrupt` | boolean | `true` quando a linha não é JSON. Uma coluna nova ou um valor inesperado **não** torna a linha corrompida |
# | `source` | string | o arquivo de onde veio: caminho ou nome |
# | `batch` | string | o `batch_id` recebido |
# | `ingested_at` | timestamp | quando foi ingerida |
#
# Duas colunas já estão lá, três faltam. Úteis: `F.input_file_name()`, `F.lit(...)`, `F.current_timestamp()`.

# %% tags=["solution:bronze-rows"]
def bronze_rows(batch: str, batch_id: str) -> DataFrame:
    lines = spark.read.text(batch)
    return lines.select(
        F.col("value").alias("raw"),
        F.try_parse_json("value").isNull().alias("corrupt"),
        ### BEGIN SOLUTION
        F.input_file_name().alias("source"),
        F.lit(batch_id).alias("batch"),
        F.current_timestamp().alias("ingested_at"),
        ### INSTEAD
        #| # YOUR CODE HERE: source, batch, ingested_at
        ### END SOLUTION
    )


# %%
bronze_rows(first, "pedidos-0001").write.mode("overwrite").option("overwriteSchema", True).format("delta").save(lake.path("bronze", "first_batch"))

# %% tags=["check:first-batch"]
check("bronze.schema")

# %% [markdown] tags=["lang:en"]
# ## 4 · Challenge: ingest a batch
#
# Write `ingest_batch(batch, batch_id, table)`. It appends the rows of the file `batch` to the Delta table at the path `table`. What it has
# to stand:
#
# - **Every line becomes one row**, in every file: broken lines, repeated lines, lines with new columns.
# - **Run again, it changes nothing.** Schedulers retry, people press the button twice. The `batch_id` says which batch it is.
# - **An empty file is a batch too**: no error, no rows.
# - **Files come in any order**, last week's after today's.
# - **The table may not exist yet.** `DeltaTable.isDeltaTable(spark, table)` tells.
# - It remembers nothing outside the table: after a crash, the table is all there is.
#
# When it is written, the next cell lands all your files.

# %% [markdown] tags=["lang:pt-BR"]
# ## 4 · Desafio: receba um lote
#
# Escreva `ingest_batch(batch, batch_id, table)`. Ela acrescenta as linhas do arquivo `batch` à tabela Delta que fica no caminho `table`. O
# que ela precisa aguentar:
#
# - **Cada linha do arquivo vira uma linha da tabela**, em todos os arquivos: linhas quebradas, repetidas, com colunas novas.
# - **Executada de novo, não muda nada.** Agendadores tentam outra vez, pessoas apertam o botão duas vezes. O `batch_id` diz qual é o lote.
# - **Um arquivo vazio também é um lote**: sem erro, sem linhas.
# - **Os arquivos vêm em qualquer ordem**, o da semana passada depois do de hoje.
# - **A tabela pode ainda não existir.** `DeltaTable.isDeltaTable(spark, table)` responde.
# - Ela não guarda nada fora da tabela: depois de uma queda, a tabela é tudo o que existe.
#
# Quando estiver pronta, a célula seguinte recebe todos os seus arquivos.

# %% tags=["solution:ingest-batch"]
from delta.tables import DeltaTable


def ingest_batch(batch: str, batch_id: str, table: str) -> None:
    ### BEGIN SOLUTION
    if DeltaTable.isDeltaTable(spark, table):
        landed = spark.read.format("delta").load(table).where(F.col("batch") == batch_id)
        if not landed.isEmpty():
            return
    bronze_rows(batch, batch_id).write.format("delta").mode("append").save(table)
    ### END SOLUTION


# %%
table = lake.path("bronze", "pedidos")


def ingest_all() -> None:
    for name in files:
        ingest_batch(f"{landing}/{name}", name.removesuffix(".jsonl"), table)


ingest_all()
spark.read.format("delta").load(table).groupBy("batch").agg(F.count("*").alias("rows"), F.count_if("corrupt").alias("corrupt")).orderBy("batch").show()

# %% tags=["check:all-batches"]
check("bronze.counts")

# %% [markdown] tags=["lang:en"]
# That was your data. After you submit, the same function meets files that neither you nor anyone else has seen, with other lines broken
# and the change of schema at another place. These are the properties it will be asked for:

# %% [markdown] tags=["lang:pt-BR"]
# Esses eram os seus dados. Depois da entrega, a mesma função encontra arquivos que nem você nem ninguém viu, com outras linhas quebradas e
# a mudança de esquema em outro ponto. Estas são as propriedades que serão cobradas:

# %% tags=["check:land-everything"]
check("bronze.lossless", "bronze.corrupt", "bronze.drift")

# %% [markdown] tags=["lang:en"]
# Somebody runs the import twice, "to be sure". Do it yourself, and compare the number of rows before and after.

# %% [markdown] tags=["lang:pt-BR"]
# Alguém roda a importação duas vezes, "só por garantia". Faça isso você e compare o número de linhas antes e depois.

# %%
before = spark.read.format("delta").load(table).count()
ingest_all()
after = spark.read.format("delta").load(table).count()
before, after

# %% tags=["check:run-again"]
check("bronze.rerun")

# %% tags=["check:any-batch"]
check("bronze.empty", "bronze.order")

# %% [markdown] tags=["lang:en"]
# ## 5 · Break it
#
# A Delta write has two halves: first the Parquet files with the data, then **one** small JSON file in `_delta_log`, the *commit*, that
# names them. What if the machine dies in between?
#
# Let us make it die there. In a table of its own, two batches land properly. Of the third only the first half happens: its Parquet files
# appear in the table's folder, and nobody is left to write the commit. Before you run the cell, **guess**: how many rows will a reader see?

# %% [markdown] tags=["lang:pt-BR"]
# ## 5 · Quebre
#
# Uma escrita Delta tem duas metades: primeiro os arquivos Parquet com os dados, depois **um** pequeno arquivo JSON em `_delta_log`, o
# *commit*, que dá os nomes deles. E se a máquina morrer no meio?
#
# Vamos fazê-la morrer ali. Numa tabela à parte, dois lotes chegam direito. Do terceiro só acontece a primeira metade: seus arquivos Parquet
# aparecem na pasta da tabela, e não sobra ninguém para escrever o commit. Antes de executar, **dê um palpite**: quantas linhas um leitor verá?

# %%
import time

crash = lake.path("bronze", f"crash_{time.time():.0f}")  # a new table each time you run this cell
names = [name.removesuffix(".jsonl") for name in files if spark.read.text(f"{landing}/{name}").limit(1).count()][:3]


def look(moment: str) -> None:
    parquet = [name for name in lake.files(crash) if name.endswith(".parquet")]
    version = DeltaTable.forPath(spark, crash).history(1).first()["version"]
    named = len(spark.read.format("delta").load(crash).inputFiles())
    rows = spark.read.format("delta").load(crash).count()
    print(f"{moment:28} Parquet files: {len(parquet):2}   named by the log: {named:2}   version: {version}   rows: {rows}")


for name in names[:2]:
    ingest_batch(f"{landing}/{name}.jsonl", name, crash)
look("two batches landed")

# the first half of a write, and then the writer is dead
spark.conf.set("spark.databricks.delta.formatCheck.enabled", False)
bronze_rows(f"{landing}/{names[2]}.jsonl", names[2]).write.format("parquet").mode("append").save(crash)
look("the writer died here")

# %% [markdown] tags=["lang:en"]
# The files are there, hundreds of rows of them, and for every reader they do not exist. Now the scheduler tries again, twice even:

# %% [markdown] tags=["lang:pt-BR"]
# Os arquivos estão lá, com centenas de linhas, e para quem lê eles não existem. Agora o agendador tenta de novo, e até duas vezes:

# %%
ingest_batch(f"{landing}/{names[2]}.jsonl", names[2], crash)
look("the batch ran again")
ingest_batch(f"{landing}/{names[2]}.jsonl", names[2], crash)
look("and once more")
DeltaTable.forPath(spark, crash).history().select("version", "timestamp", "operation", "operationMetrics.numOutputRows").show(truncate=False)

# %% tags=["check:after-a-crash"]
check("bronze.recovery")

# %% [markdown] tags=["lang:en"]
# ## 6 · Explain it
#
# A colleague says: "The import died halfway last night. I'd better delete the table and start over." In about five sentences:
#
# 1. Why did no reader see half a batch?
# 2. Why did running the batch again neither lose nor double rows? What would have happened if your function had noted "done" in a file
#    *before* it wrote?
# 3. Give evidence from your own table above: numbers of files, versions, rows.

# %% [markdown] tags=["lang:pt-BR"]
# ## 6 · Explique
#
# Um colega diz: "A importação morreu no meio ontem à noite. É melhor eu apagar a tabela e começar de novo." Em umas cinco frases:
#
# 1. Por que ninguém viu meio lote?
# 2. Por que executar o lote de novo não perdeu nem duplicou linhas? O que teria acontecido se a sua função anotasse "feito" num arquivo
#    *antes* de escrever?
# 3. Dê evidências da sua própria tabela acima: números de arquivos, versões, linhas.

# %% [markdown] tags=["lang:en", "manual:explain-crash"]
# *Your answer here.*

# %% [markdown] tags=["lang:pt-BR", "manual:explain-crash"]
# *Sua resposta aqui.*

# %% [markdown] tags=["lang:en"]
# ## What you have now
#
# A table in which every line that ever landed can be found, with where and when it came from, and a function that anybody may run as often
# as they like. It is not clean, and that is the point: in the next lesson, **Silver**, you decide what a good order is, and because Bronze
# kept everything you can change your mind about it.
#
# Press **Validate**, then **Submit** in the Assignments list. The receipt that you get is your proof.

# %% [markdown] tags=["lang:pt-BR"]
# ## O que você tem agora
#
# Uma tabela em que toda linha que já chegou pode ser encontrada, com a origem e o momento, e uma função que qualquer pessoa pode executar
# quantas vezes quiser. Ela não está limpa, e é essa a ideia: na próxima lição, **Silver**, você decide o que é um pedido válido e, como a
# Bronze guardou tudo, pode mudar de ideia.
#
# Clique em **Validate** e depois em **Submit** na lista de tarefas. O recibo que você recebe é a sua prova de entrega.
