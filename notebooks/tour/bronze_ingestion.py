# %% [markdown] tags=["lang:en"]
# # Bronze: land everything, twice if need be
#
# Files arrive again, late, broken, with a column that was not there yesterday. Bronze has one promise: **every line that arrived is
# there once, unchanged, and says where it came from**. This notebook builds an ingestion that keeps it, and then tries to break it.

# %% [markdown] tags=["lang:pt-BR"]
# # Bronze: receber tudo, duas vezes se for preciso
#
# Arquivos chegam de novo, atrasados, quebrados, com uma coluna que ontem não existia. A bronze tem uma promessa: **cada linha que
# chegou está lá uma vez, sem mudança, e diz de onde veio**. Este notebook constrói uma ingestão que a cumpre, e depois tenta quebrá-la.

# %%
import json

import pandas as pd
from delta.tables import DeltaTable
from pyspark.sql import functions as F

# %% [markdown] tags=["lang:en"]
# ## Three batches
# The second has a line cut off in the middle; the third a new column, `canal`.

# %% [markdown] tags=["lang:pt-BR"]
# ## Três lotes
# O segundo tem uma linha cortada ao meio; o terceiro, uma coluna nova, `canal`.

# %%
lotes = {
    "2026-03-01.jsonl": [
        json.dumps({"pedido_id": 1, "categoria": "livros", "região": "Bahia", "valor": "59.90"}, ensure_ascii=False),
        json.dumps({"pedido_id": 2, "categoria": "jogos", "região": "Paraná", "valor": "249.00"}, ensure_ascii=False),
    ],
    "2026-03-02.jsonl": [
        json.dumps({"pedido_id": 3, "categoria": "casa", "região": "São Paulo", "valor": "1.234,56"}, ensure_ascii=False),
        '{"pedido_id": 4, "categoria": "livros", "reg',
    ],
    "2026-03-03.jsonl": [
        json.dumps({"pedido_id": 5, "categoria": "jogos", "região": "Bahia", "valor": "80.00", "canal": "app"}, ensure_ascii=False),
    ],
}
entrada = lake.path("tour", "bronze", "landing")
for nome, linhas in lotes.items():
    spark.createDataFrame([(linha,) for linha in linhas], "value string").coalesce(1).write.mode("overwrite").text(f"{entrada}/{nome}")
lake.files(entrada)

# %% [markdown] tags=["lang:en"]
# ## The ingestion
# Each line is kept as text in `linha`. Parsing happens beside it: a line that does not parse gets `corrompida = true` and stays.
#
# The `MERGE` makes it **idempotent**: a line is known by its batch and its position in it. Landing a batch again adds nothing.

# %% [markdown] tags=["lang:pt-BR"]
# ## A ingestão
# Cada linha fica como texto em `linha`. A leitura acontece ao lado: a linha que não se deixa ler recebe `corrompida = true` e fica.
#
# O `MERGE` a torna **idempotente**: uma linha é conhecida por seu lote e sua posição nele. Receber um lote de novo não acrescenta nada.

# %%
bronze_path = lake.path("tour", "bronze", "pedidos")
colunas = "lote string, posicao long, linha string, corrompida boolean, ingestao timestamp"
spark.createDataFrame([], colunas).write.format("delta").mode("overwrite").save(bronze_path)


def ingerir(lote: str) -> None:
    """Land one batch: as often as you like."""
    lidas = (
        spark.read.text(f"{entrada}/{lote}")
        .withColumn("posicao", F.monotonically_increasing_id())
        .select(
            F.lit(lote).alias("lote"),
            "posicao",
            F.col("value").alias("linha"),
            F.expr("try_parse_json(value) IS NULL").alias("corrompida"),
            F.current_timestamp().alias("ingestao"),
        )
    )
    (
        DeltaTable.forPath(spark, bronze_path)
        .alias("b")
        .merge(lidas.alias("n"), "b.lote = n.lote AND b.posicao = n.posicao")
        .whenNotMatchedInsertAll()
        .execute()
    )


for lote in lotes:
    ingerir(lote)
bronze = spark.read.format("delta").load(bronze_path)
bronze.select("lote", "posicao", "corrompida", "linha").orderBy("lote", "posicao").toPandas()

# %% [markdown] tags=["lang:en"]
# ## Does the promise hold?
# Rows in = rows out, the broken line included. Then the same batches once more: nothing may change.

# %% [markdown] tags=["lang:pt-BR"]
# ## A promessa vale?
# Linhas que entram = linhas que ficam, a quebrada incluída. Depois os mesmos lotes outra vez: nada pode mudar.

# %%
chegaram = sum(len(linhas) for linhas in lotes.values())
assert bronze.count() == chegaram
assert bronze.filter("corrompida").count() == 1

for lote in lotes:
    ingerir(lote)
assert spark.read.format("delta").load(bronze_path).count() == chegaram
print(f"{chegaram} lines arrived, {chegaram} are in bronze, after two runs")

# %% [markdown] tags=["lang:en"]
# The table's own log shows what each run did:

# %% [markdown] tags=["lang:pt-BR"]
# O próprio log da tabela mostra o que cada execução fez:

# %%
historia = DeltaTable.forPath(spark, bronze_path).history().select("version", "operation", "operationMetrics").orderBy("version").toPandas()
historia["inserted"] = historia.operationMetrics.map(lambda each: int(each.get("numTargetRowsInserted", 0)))
historia[["version", "operation", "inserted"]]

# %% [markdown] tags=["lang:en"]
# ## What the shortcuts lose
# Reading with a schema and `mode("DROPMALFORMED")` is shorter. Count what it keeps:

# %% [markdown] tags=["lang:pt-BR"]
# ## O que os atalhos perdem
# Ler com um esquema e `mode("DROPMALFORMED")` é mais curto. Conte o que sobra:

# %%
esquema = "pedido_id long, categoria string, `região` string, valor double"
atalho = spark.read.schema(esquema).option("mode", "DROPMALFORMED").json([f"{entrada}/{lote}" for lote in lotes])
sobrou = atalho.cache().count()
atalho.unpersist()
pd.DataFrame({"arrived": [chegaram], "bronze": [bronze.count()], "shortcut": [sobrou], "lost silently": [chegaram - sobrou]})

# %% [markdown] tags=["lang:en"]
# It lost the broken line, the order whose price is written `1.234,56`, and the column `canal`, without a word.

# %% [markdown] tags=["lang:pt-BR"]
# Ele perdeu a linha quebrada, o pedido com preço escrito `1.234,56` e a coluna `canal`, sem uma palavra.

# %%
assert sobrou < chegaram
