# %% [markdown] tags=["lang:en"]
# # Gold: numbers that people trust
#
# A gold table answers one question, at one grain, the same way every time. Here: *how much did each category sell in each region, per day?*
# On the way, three mistakes that look right: a join that multiplies money, a mean of means, and a day in the wrong time zone.

# %% [markdown] tags=["lang:pt-BR"]
# # Gold: números em que as pessoas confiam
#
# Uma tabela gold responde a uma pergunta, em um grão, sempre do mesmo jeito. Aqui: *quanto cada categoria vendeu em cada região, por dia?*
# No caminho, três erros que parecem certos: uma junção que multiplica dinheiro, uma média de médias e um dia no fuso errado.

# %%
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from pyspark.sql import functions as F

# %%
rng = np.random.default_rng(11)
linhas = 3000
horas = rng.uniform(0, 24 * 28, linhas)
categoria = rng.choice(["livros", "jogos", "casa"], linhas, p=[0.6, 0.15, 0.25])
base = pd.Series(categoria).map({"livros": 55.0, "jogos": 210.0, "casa": 120.0})
pedidos = pd.DataFrame(
    {
        "pedido_id": np.arange(linhas),
        "cliente_id": rng.integers(0, 400, linhas),
        "categoria": categoria,
        "região": rng.choice(["São Paulo", "Bahia", "Paraná"], linhas, p=[0.5, 0.3, 0.2]),
        "valor": (base * rng.lognormal(0, 0.3, linhas) * (1 + 0.3 * np.sin(horas / 24 / 7 * 2 * np.pi))).round(2),
        "ts_evento": pd.Timestamp("2026-03-01") + pd.to_timedelta(horas.round(2), unit="h").floor("s"),
    }
)
silver_path = lake.path("tour", "gold", "silver")
silver = spark.createDataFrame(pedidos).withColumn("valor", F.col("valor").cast("decimal(12, 2)"))
silver.write.format("delta").mode("overwrite").save(silver_path)
silver = spark.read.format("delta").load(silver_path)
total = silver.agg(F.sum("valor")).first()[0]
print(f"silver: {silver.count()} orders, R$ {total:,.2f}")

# %% [markdown] tags=["lang:en"]
# ## Which day is it?
# The events are in UTC; the shop is three hours behind. An order at 22:30 on a Saturday in São Paulo is a Sunday in UTC. A daily report by
# the wrong clock moves money to the wrong day, every day.

# %% [markdown] tags=["lang:pt-BR"]
# ## Que dia é hoje?
# Os eventos estão em UTC; a loja está três horas atrás. Um pedido às 22h30 de sábado em São Paulo é domingo em UTC. Um relatório diário
# pelo relógio errado põe dinheiro no dia errado, todos os dias.

# %%
com_dia = silver.withColumn("dia", F.to_date(F.from_utc_timestamp("ts_evento", "America/Sao_Paulo")))
mudaram = com_dia.filter(F.col("dia") != F.to_date("ts_evento")).count()
print(f"{mudaram} of {silver.count()} orders belong to another day than UTC says")

# %%
gold_path = lake.path("tour", "gold", "receita_diaria")
gold = com_dia.groupBy("dia", "categoria", "região").agg(F.sum("valor").alias("valor_total"), F.count("*").alias("pedidos"))
gold.write.format("delta").mode("overwrite").save(gold_path)
gold = spark.read.format("delta").load(gold_path)

assert gold.count() == gold.select("dia", "categoria", "região").distinct().count(), "the grain is not unique"
assert gold.agg(F.sum("valor_total")).first()[0] == total, "gold does not add up to silver"
gold.orderBy(F.desc("valor_total")).limit(5).toPandas()

# %% [markdown] tags=["lang:en"]
# ## The join that multiplies money
# Customers have more than one address on file. Join orders to addresses and sum: each order counts once **per address**.

# %% [markdown] tags=["lang:pt-BR"]
# ## A junção que multiplica dinheiro
# Clientes têm mais de um endereço. Junte pedidos a endereços e some: cada pedido conta uma vez **por endereço**.

# %%
enderecos = spark.createDataFrame([(cliente, n) for cliente in range(400) for n in range(1 + cliente % 3)], "cliente_id int, endereco int")
inflado = silver.join(enderecos, "cliente_id").agg(F.sum("valor")).first()[0]
um_por_cliente = enderecos.groupBy("cliente_id").agg(F.count("*").alias("enderecos"))
certo = silver.join(um_por_cliente, "cliente_id", "left").agg(F.sum("valor")).first()[0]
assert certo == total < inflado
print(f"true R$ {total:,.2f}, after the join R$ {inflado:,.2f}: {float(inflado / total - 1):.0%} of the money is invented")

# %% [markdown] tags=["lang:en"]
# ## The mean of means
# The average ticket is *all money / all orders*, not the average of each category's average.

# %% [markdown] tags=["lang:pt-BR"]
# ## A média de médias
# O tíquete médio é *todo o dinheiro / todos os pedidos*, não a média das médias de cada categoria.

# %%
por_categoria = gold.groupBy("categoria").agg((F.sum("valor_total") / F.sum("pedidos")).alias("tiquete"))
errado = float(por_categoria.agg(F.avg("tiquete")).first()[0])
verdadeiro = float(gold.agg(F.sum("valor_total") / F.sum("pedidos")).first()[0])
assert abs(verdadeiro - float(total) / linhas) < 0.01
print(f"average ticket: R$ {verdadeiro:.2f}; mean of means: R$ {errado:.2f} ({errado / verdadeiro - 1:+.0%})")

# %% [markdown] tags=["lang:en"]
# ## The picture
# Gold is small: bring it into pandas and draw it.

# %% [markdown] tags=["lang:pt-BR"]
# ## A figura
# A gold é pequena: traga-a para o pandas e desenhe.

# %%
diario = gold.groupBy("dia", "categoria").agg(F.sum("valor_total").alias("valor")).toPandas()
serie = diario.astype({"valor": float}).pivot(index="dia", columns="categoria", values="valor").fillna(0).sort_index()
serie.index = pd.to_datetime(serie.index)

figura, (esquerda, direita) = plt.subplots(1, 2, figsize=(11, 4), width_ratios=[2, 1], constrained_layout=True)
cores = {"casa": "#4C6A92", "jogos": "#E0A458", "livros": "#8FB08C"}
esquerda.stackplot(serie.index, serie.T, labels=serie.columns, colors=[cores[nome] for nome in serie.columns], alpha=0.9)
esquerda.set(title="Receita diária por categoria", ylabel="R$")
esquerda.xaxis.set_major_formatter(mdates.DateFormatter("%d/%m"))
esquerda.legend(frameon=False, loc="upper left", ncols=3)
por_regiao = gold.groupBy("região").agg(F.sum("valor_total").alias("valor")).toPandas().astype({"valor": float}).sort_values("valor")
direita.barh(por_regiao["região"], por_regiao["valor"] / 1000, color="#4C6A92")
direita.set(title="Receita por região", xlabel="mil R$")
for eixo in (esquerda, direita):
    eixo.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown] tags=["lang:en"]
# ## Without Spark
# The same table is plain Parquet and a log: delta-rs opens it in the same cell, with no JVM at all. That is what the `lakehouse` kernel uses.

# %% [markdown] tags=["lang:pt-BR"]
# ## Sem Spark
# A mesma tabela é Parquet e um log: o delta-rs a abre na mesma célula, sem JVM nenhuma. É o que o kernel `lakehouse` usa.

# %%
sem_spark = lake.table(gold_path).to_pandas()
assert len(sem_spark) == gold.count()
sem_spark.head(3)
