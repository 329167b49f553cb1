# %% [markdown] tags=["lang:en"]
# # The medallion architecture in one notebook
#
# Raw files become numbers that people trust, in three steps:
#
# | layer | promise | question it answers |
# |---|---|---|
# | **bronze** | nothing that arrived is lost or changed | what did we receive, and when? |
# | **silver** | one row per order, typed, checked; what fails a rule is set aside *with the reason* | what is true? |
# | **gold** | one row per thing that the business asks about | what do we decide on? |
#
# `spark` and `lake` are there already: no set-up code. The data is of *Loja Aurora*, a shop that does not exist.

# %% [markdown] tags=["lang:pt-BR"]
# # A arquitetura medalhão em um notebook
#
# Arquivos brutos viram números confiáveis em três passos:
#
# | camada | promessa | pergunta que responde |
# |---|---|---|
# | **bronze** | nada do que chegou se perde nem muda | o que recebemos, e quando? |
# | **silver** | uma linha por pedido, com tipos e regras; o que falha é separado *com o motivo* | o que é verdade? |
# | **gold** | uma linha por aquilo que o negócio pergunta | com base em que decidimos? |
#
# `spark` e `lake` já existem: nenhum código de preparação. Os dados são da *Loja Aurora*, uma loja que não existe.

# %%
import random
from datetime import datetime, timedelta

import matplotlib.pyplot as plt
import pandas as pd
from pyspark.sql import Window
from pyspark.sql import functions as F

# %% [markdown] tags=["lang:en"]
# ## What arrives
# 600 orders, and the usual dirt: the same file sent twice, a newer version of an order, refunds, orders without a category,
# a price typed as text, and five spellings of one region.

# %% [markdown] tags=["lang:pt-BR"]
# ## O que chega
# 600 pedidos e a sujeira de sempre: o mesmo arquivo enviado duas vezes, uma versão mais nova de um pedido, estornos, pedidos sem
# categoria, um preço digitado como texto e cinco grafias da mesma região.

# %%
rng = random.Random(2026)
regioes = ["São Paulo", "SAO PAULO", " sp ", "Bahia", "Paraná"]
categorias = ["livros", "jogos", "casa", None]
inicio = datetime(2026, 3, 1)


def pedido(numero: int, versao: int = 1) -> dict[str, object]:
    valor = round(rng.uniform(10, 400), 2) * (-1 if rng.random() < 0.05 else 1)
    return {
        "pedido_id": numero,
        "versao": versao,
        "categoria": rng.choice(categorias),
        "região": rng.choice(regioes),
        "valor": "n/d" if rng.random() < 0.02 else f"{valor:.2f}",
        "ts_evento": (inicio + timedelta(minutes=rng.randrange(60 * 24 * 28))).isoformat(),
    }


pedidos = [pedido(numero) for numero in range(600)]
corrigidos = [pedido(numero, versao=2) for numero in rng.sample(range(600), 40)]
chegou = pd.DataFrame(pedidos + pedidos[:50] + corrigidos)
chegou.sample(6, random_state=1)

# %% [markdown] tags=["lang:en"]
# ## Bronze: keep everything
# Text stays text. A wrong guess at a type here would destroy what nobody can ask for again.

# %% [markdown] tags=["lang:pt-BR"]
# ## Bronze: guardar tudo
# Texto continua texto. Um tipo mal adivinhado aqui destruiria o que ninguém consegue pedir de novo.

# %%
bronze_path = lake.path("tour", "medallion", "bronze")
bronze = spark.createDataFrame(chegou).withColumn("_ingestao", F.current_timestamp()).withColumn("_linha", F.monotonically_increasing_id())
bronze.write.format("delta").mode("overwrite").save(bronze_path)

bronze = spark.read.format("delta").load(bronze_path)
assert bronze.count() == len(chegou)
print(f"{bronze.count()} rows in bronze")

# %% [markdown] tags=["lang:en"]
# ## Silver: why the obvious three lines are wrong
# A pipeline you will find in many tutorials:
#
# ```python
# silver = bronze.dropDuplicates().filter(col("valor") > 0)
# ```
#
# 1. `dropDuplicates()` compares **whole rows**. An order that was corrected has two different rows, so both stay: its value is counted twice.
# 2. `valor > 0` deletes **refunds**. The money went back to the customer, and the total still has it.
# 3. What is dropped leaves **no trace**. Nobody can tell later whether 12 or 12,000 orders vanished, or why.
#
# Watch it happen:

# %% [markdown] tags=["lang:pt-BR"]
# ## Silver: por que as três linhas óbvias estão erradas
# Um pipeline que aparece em muitos tutoriais:
#
# ```python
# silver = bronze.dropDuplicates().filter(col("valor") > 0)
# ```
#
# 1. `dropDuplicates()` compara **linhas inteiras**. Um pedido corrigido tem duas linhas diferentes, e as duas ficam: seu valor conta duas vezes.
# 2. `valor > 0` apaga **estornos**. O dinheiro voltou ao cliente, mas o total ainda o contém.
# 3. O que se descarta **não deixa rastro**. Ninguém sabe depois se sumiram 12 ou 12.000 pedidos, nem por quê.
#
# Veja acontecer:

# %%
tipado = bronze.withColumn("valor", F.expr("try_cast(valor AS decimal(12, 2))"))
ingenuo = tipado.drop("_ingestao", "_linha").dropDuplicates().filter(F.col("valor") > 0)
repetidos = ingenuo.groupBy("pedido_id").count().filter("count > 1").count()
estornos = tipado.filter("valor < 0").select("pedido_id").distinct().count()
print(f"naive silver: {repetidos} orders are counted twice, {estornos} refunds are gone, nothing says so")

# %% [markdown] tags=["lang:en"]
# The mended version: the **newest version** of each order wins, refunds stay with their sign, and what breaks a rule goes to
# **quarantine** with its reason. The books balance: silver + quarantine + superseded = bronze.

# %% [markdown] tags=["lang:pt-BR"]
# A versão corrigida: vence a **versão mais nova** de cada pedido, estornos ficam com seu sinal, e o que quebra uma regra vai para a
# **quarentena** com o motivo. As contas fecham: silver + quarentena + substituídas = bronze.

# %%
mais_nova = Window.partitionBy("pedido_id").orderBy(F.desc("versao"), F.asc("_linha"))
atuais = tipado.withColumn("_posicao", F.row_number().over(mais_nova)).filter("_posicao = 1").drop("_posicao")

sem_acento = F.translate(F.upper(F.trim("região")), "ÁÀÃÂÉÊÍÓÔÕÚÇ", "AAAAEEIOOOUC")
regiao = F.when(sem_acento.isin("SP", "SAO PAULO"), "São Paulo").otherwise(F.trim("região"))
motivo = F.when(F.col("valor").isNull(), "valor: not a number").when(F.col("categoria").isNull(), "categoria: missing")
julgados = atuais.withColumn("região", regiao).withColumn("motivo", motivo).withColumn("ts_evento", F.to_timestamp("ts_evento"))

silver_path, quarentena_path = lake.path("tour", "medallion", "silver"), lake.path("tour", "medallion", "quarantine")
julgados.filter("motivo IS NULL").drop("motivo").write.format("delta").mode("overwrite").save(silver_path)
julgados.filter("motivo IS NOT NULL").write.format("delta").mode("overwrite").save(quarentena_path)

silver, quarentena = spark.read.format("delta").load(silver_path), spark.read.format("delta").load(quarentena_path)
substituidas = bronze.count() - atuais.count()
assert silver.count() + quarentena.count() + substituidas == bronze.count()
assert silver.select("pedido_id").distinct().count() == silver.count()
quarentena.groupBy("motivo").count().orderBy("motivo").show(truncate=False)

# %% [markdown] tags=["lang:en"]
# ## Gold: one number, one meaning
# Revenue by category and region. The check below is worth more than the chart: gold adds up to silver, to the cent.

# %% [markdown] tags=["lang:pt-BR"]
# ## Gold: um número, um significado
# Receita por categoria e região. A verificação abaixo vale mais que o gráfico: gold soma o mesmo que silver, até o centavo.

# %%
gold_path = lake.path("tour", "medallion", "gold")
gold = silver.groupBy("categoria", "região").agg(F.sum("valor").alias("valor_total"), F.count("*").alias("pedidos"))
gold.orderBy(F.desc("valor_total")).write.format("delta").mode("overwrite").save(gold_path)

gold = spark.read.format("delta").load(gold_path)
assert gold.agg(F.sum("valor_total")).first()[0] == silver.agg(F.sum("valor")).first()[0]
tabela = gold.toPandas().astype({"valor_total": float}).pivot(index="categoria", columns="região", values="valor_total")
tabela.round(2)

# %%
eixo = tabela.plot.bar(figsize=(8, 4), rot=0, color=["#4C6A92", "#8FB08C", "#E0A458"], width=0.75)
eixo.set(title="Loja Aurora: receita por categoria e região", xlabel="", ylabel="R$")
eixo.spines[["top", "right"]].set_visible(False)
eixo.legend(title="", frameon=False)
plt.show()

# %% [markdown] tags=["lang:en"]
# **Next:** `bronze_ingestion`, `silver_processing` and `gold_aggregations` look at one layer each; `mlflow_random_forest` learns from silver.

# %% [markdown] tags=["lang:pt-BR"]
# **A seguir:** `bronze_ingestion`, `silver_processing` e `gold_aggregations` tratam de uma camada cada; `mlflow_random_forest` aprende com a silver.
