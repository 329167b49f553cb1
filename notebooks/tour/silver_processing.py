# %% [markdown] tags=["lang:en"]
# # Silver: rules, quarantine, and a MERGE that can be repeated
#
# Bronze says what arrived. Silver says what is true. This notebook cleans the orders of *Loja Aurora* with rules that are **data**,
# not scattered `filter` calls, and keeps every row that breaks one, together with the reason.

# %% [markdown] tags=["lang:pt-BR"]
# # Silver: regras, quarentena e um MERGE que se pode repetir
#
# A bronze diz o que chegou. A silver diz o que é verdade. Este notebook limpa os pedidos da *Loja Aurora* com regras que são **dados**,
# não `filter` espalhados, e guarda cada linha que quebra uma delas, junto com o motivo.

# %%
import random
from datetime import datetime, timedelta

import pandas as pd
from delta.tables import DeltaTable
from pyspark.sql import Window
from pyspark.sql import functions as F

# %%
rng = random.Random(7)
inicio = datetime(2026, 3, 1)
regioes = {"São Paulo": ["São Paulo", "SAO PAULO", " sp "], "Bahia": ["Bahia", "bahia", "BA"], "Paraná": ["Paraná", "parana", "PR"]}
precos = {"livros": 60, "jogos": 220, "casa": 130}


def chegada(numero: int, versao: int = 1) -> tuple[object, ...]:
    categoria, regiao = rng.choice(list(precos)), rng.choice(list(regioes))
    valor = round(rng.gauss(precos[categoria], 15), 2)
    texto = f"{valor:.2f}" if rng.random() < 0.9 else f"{valor:.2f}".replace(".", ",")
    quando = inicio + timedelta(minutes=rng.randrange(60 * 24 * 28))
    dias_no_futuro = 4000 if rng.random() < 0.02 else 0
    return (
        numero if rng.random() > 0.01 else None,
        versao,
        categoria if rng.random() > 0.03 else None,
        rng.choice(regioes[regiao]),
        texto if rng.random() > 0.02 else "??",
        (quando + timedelta(days=dias_no_futuro)).isoformat(),
    )


linhas = [chegada(numero) for numero in range(800)] + [chegada(numero, versao=2) for numero in range(0, 800, 13)]
rng.shuffle(linhas)
bronze_path = lake.path("tour", "silver", "bronze")
esquema = "pedido_id long, versao int, categoria string, `região` string, valor string, ts_evento string"
spark.createDataFrame(linhas, esquema).write.format("delta").mode("overwrite").save(bronze_path)
bronze = spark.read.format("delta").load(bronze_path)
bronze.limit(5).toPandas()

# %% [markdown] tags=["lang:en"]
# ## Types without casualties
# `try_cast` gives null for what it cannot read, and the rule below catches it. A plain `cast` would stop the whole run in Spark 4;
# in older versions it turned `1.234,56` into null and nobody noticed.

# %% [markdown] tags=["lang:pt-BR"]
# ## Tipos sem vítimas
# `try_cast` dá nulo ao que não consegue ler, e a regra abaixo o apanha. Um `cast` simples pararia a execução inteira no Spark 4;
# em versões antigas transformava `1.234,56` em nulo e ninguém percebia.

# %%
virgula = F.col("valor").rlike(r"^-?[\d.]*\d,\d{1,2}$")
numero = F.when(virgula, F.translate(F.regexp_replace("valor", r"\.", ""), ",", ".")).otherwise(F.col("valor"))
limpo = F.translate(F.upper(F.trim("região")), "ÁÀÃÂÉÊÍÓÔÕÚÇ", "AAAAEEIOOOUC")
nomes = {"SP": "São Paulo", "SAO PAULO": "São Paulo", "BA": "Bahia", "BAHIA": "Bahia", "PR": "Paraná", "PARANA": "Paraná"}
mapa = F.create_map(*[F.lit(texto) for par in nomes.items() for texto in par])

tipado = (
    bronze.withColumn("_numero", numero)
    .withColumn("valor", F.expr("try_cast(_numero AS decimal(12, 2))"))
    .withColumn("região", mapa[limpo])
    .withColumn("ts_evento", F.expr("try_cast(ts_evento AS timestamp)"))
    .drop("_numero")
)

# %% [markdown] tags=["lang:en"]
# ## Rules as data
# Each rule has a name. A row that breaks several shows all of them.

# %% [markdown] tags=["lang:pt-BR"]
# ## Regras como dados
# Cada regra tem um nome. Uma linha que quebra várias mostra todas.

# %%
regras = {
    "key present": "pedido_id IS NOT NULL",
    "valor readable": "valor IS NOT NULL",
    "categoria known": "categoria IN ('livros', 'jogos', 'casa')",
    "região known": "`região` IS NOT NULL",
    "not from the future": "ts_evento < '2026-06-01'",
}
quebradas = F.filter(F.array(*[F.when(~F.coalesce(F.expr(regra), F.lit(False)), nome) for nome, regra in regras.items()]), lambda nome: nome.isNotNull())
julgado = tipado.withColumn("motivos", quebradas)

quarentena_path = lake.path("tour", "silver", "quarantine")
julgado.filter("size(motivos) > 0").write.format("delta").mode("overwrite").save(quarentena_path)
quarentena = spark.read.format("delta").load(quarentena_path)
quarentena.select(F.explode("motivos").alias("motivo")).groupBy("motivo").count().orderBy(F.desc("count"), "motivo").toPandas()

# %% [markdown] tags=["lang:en"]
# ## Upsert: the newest version wins, in whatever order it comes
# Two guards make the `MERGE` repeatable: the batch is reduced to one row per key first (or `MERGE` refuses, rightly), and an update happens only
# for a **newer** version.

# %% [markdown] tags=["lang:pt-BR"]
# ## Upsert: vence a versão mais nova, em qualquer ordem
# Duas proteções tornam o `MERGE` repetível: o lote é reduzido antes a uma linha por chave (senão o `MERGE` recusa, com razão), e só há
# atualização para uma versão **mais nova**.

# %%
silver_path = lake.path("tour", "silver", "pedidos")
bons = julgado.filter("size(motivos) = 0").drop("motivos")
bons.limit(0).write.format("delta").mode("overwrite").save(silver_path)
ultima = Window.partitionBy("pedido_id").orderBy(F.desc("versao"), F.desc("ts_evento"))


def atualizar(lote) -> None:
    """Bring silver up to date with a batch, in any order, any number of times."""
    unico = lote.withColumn("_n", F.row_number().over(ultima)).filter("_n = 1").drop("_n")
    (
        DeltaTable.forPath(spark, silver_path)
        .alias("s")
        .merge(unico.alias("n"), "s.pedido_id = n.pedido_id")
        .whenMatchedUpdateAll("n.versao > s.versao")
        .whenNotMatchedInsertAll()
        .execute()
    )


def retrato() -> pd.DataFrame:
    return spark.read.format("delta").load(silver_path).orderBy("pedido_id").toPandas()


atualizar(bons.filter("versao = 2"))  # the correction arrives first
atualizar(bons.filter("versao = 1"))
primeiro = retrato()
atualizar(bons)
assert retrato().equals(primeiro), "a repeated run changed silver"
assert primeiro.pedido_id.is_unique
primeiro.head()

# %% [markdown] tags=["lang:en"]
# ## The books balance
# Every bronze row is in silver, in quarantine, or superseded by a newer version. If this fails, something was lost.

# %% [markdown] tags=["lang:pt-BR"]
# ## As contas fecham
# Cada linha da bronze está na silver, na quarentena, ou foi substituída por versão mais nova. Se isto falha, algo se perdeu.

# %%
substituidas = bons.count() - bons.select("pedido_id").distinct().count()
conta = {"silver": len(primeiro), "quarantine": quarentena.count(), "superseded": substituidas}
assert sum(conta.values()) == bronze.count()
pd.DataFrame([conta | {"bronze": bronze.count()}])
