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
# # Silver: rules, quarantine, dedup
#
# Monday, nine o'clock. Finance asks: "How much did we sell in São Paulo?" Bronze has every line that the shops ever sent. It also has
# São Paulo in six spellings, amounts such as `"1.234,56"`, orders that were corrected on Tuesday, orders from the year 2031, and lines that
# are no JSON at all.
#
# Today you build the layer that answers: **Silver**. One row for each order, with types, one spelling, and the newest version. What you
# cannot use you do not delete: it goes into **quarantine**, a second table, with a reason. The promise of this layer is an equation:
#
# *rows of Bronze = rows of Silver + rows in quarantine + rows dropped because a newer or identical one is there.*
#
# | you will | minutes |
# |---|---|
# | leaf through Bronze | 5 |
# | see what a cast makes of `"1.234,56"`, and lower case of a region | 15 |
# | type and normalise one batch | 20 |
# | write the rules and the refinement, safe to run twice | 30 |
# | break it: twice, backwards, and dead in the middle | 10 |
# | explain it | 10 |

# %% [markdown] tags=["lang:pt-BR"]
# # Silver: regras, quarentena, deduplicação
#
# Segunda-feira, nove da manhã. O financeiro pergunta: "Quanto vendemos em São Paulo?" A Bronze tem toda linha que as lojas já mandaram.
# Tem também São Paulo em seis grafias, valores como `"1.234,56"`, pedidos corrigidos na terça, pedidos do ano de 2031 e linhas que nem
# sequer são JSON.
#
# Hoje você constrói a camada que responde: a **Silver**. Uma linha para cada pedido, com tipos, uma só grafia e a versão mais nova. O que
# não dá para usar não se apaga: vai para a **quarentena**, uma segunda tabela, com um motivo. A promessa desta camada é uma equação:
#
# *linhas da Bronze = linhas da Silver + linhas em quarentena + linhas descartadas porque há outra mais nova ou idêntica.*
#
# | você vai | minutos |
# |---|---|
# | folhear a Bronze | 5 |
# | ver o que um cast faz com `"1.234,56"`, e as minúsculas com uma região | 15 |
# | dar tipos a um lote e normalizá-lo | 20 |
# | escrever as regras e o refino, seguro para repetir | 30 |
# | quebrá-lo: duas vezes, de trás para a frente e morto no meio | 10 |
# | explicar | 10 |

# %%
import unicodedata

import pyarrow as pa
from dataflow_kernels.pictures import pipeline
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

pipeline(today="silver")

# %% [markdown] tags=["lang:en"]
# ## 1 · Leaf through Bronze
#
# Each file below is one batch of Bronze, with the five columns of lesson 1.1: `raw` (the line as it landed), `corrupt`, `source`, `batch`,
# `ingested_at`. One batch is empty. The lines were made for you alone.

# %% [markdown] tags=["lang:pt-BR"]
# ## 1 · Folheie a Bronze
#
# Cada arquivo abaixo é um lote da Bronze, com as cinco colunas da lição 1.1: `raw` (a linha como chegou), `corrupt`, `source`, `batch`,
# `ingested_at`. Um dos lotes está vazio. As linhas foram feitas só para você.

# %%
landing = lake.landing("02-silver")
files = lake.files(landing)
counts = {name: spark.read.parquet(f"{landing}/{name}").count() for name in files}
filled = [name for name in files if counts[name]]
counts

# %% [markdown] tags=["lang:en"]
# Choose what to look for, and move through the lines. Which of these would you repair? Which would you rather not touch?

# %% [markdown] tags=["lang:pt-BR"]
# Escolha o que procurar e passeie pelas linhas. Quais você consertaria? Em quais preferiria não mexer?

# %%
from ipywidgets import interact

lines = [row["raw"] for row in spark.read.parquet(*[f"{landing}/{name}" for name in filled]).select("raw").collect()]
SEARCH = {
    "all": lambda line: True,
    "valor is text": lambda line: '"valor": "' in line,
    "valor < 0": lambda line: '"valor": -' in line or '"valor": "-' in line,
    "moeda is not BRL": lambda line: line.endswith("}") and '"moeda": "BRL"' not in line,
    "categoria is null": lambda line: '"categoria": null' in line,
    "versao > 1": lambda line: '"versao": 1,' not in line and '"versao": ' in line,
    "sp": lambda line: " sp " in line or "PAULO" in line or "S. Paulo" in line or "são paulo" in line,
    "not JSON": lambda line: not line.endswith("}") or '": ' not in line,
}


@interact(look_for=list(SEARCH), number=(0, 40))
def leaf_through(look_for="all", number=0):
    found = [line for line in lines if SEARCH[look_for](line)]
    print(f"{len(found)} / {len(lines)}\n")
    print(found[number % len(found)].replace(', "', ',\n "'))


# %% [markdown] tags=["lang:en"]
# ## 2 · Worked example: casts that lose money without a word
#
# From some batch on, a part of the shops writes `valor` as a Brazilian would: `"1.234,56"`, a point for the thousands and a comma for the
# cents. The other lines have a plain number, `1234.56`. Here are three usual ways to make numbers of both, on your last batch. In how many
# rows does each give **null**, and what is the **sum**?

# %% [markdown] tags=["lang:pt-BR"]
# ## 2 · Exemplo resolvido: casts que perdem dinheiro sem avisar
#
# A partir de certo lote, parte das lojas escreve `valor` como um brasileiro escreveria: `"1.234,56"`, com ponto nos milhares e vírgula nos
# centavos. As outras linhas trazem um número simples, `1234.56`. Eis três maneiras usuais de transformar ambos em números, no seu último
# lote. Em quantas linhas cada uma dá **nulo**, e qual é a **soma**?

# %%
one_batch = f"{landing}/{filled[-1]}"
late = spark.read.parquet(one_batch).where("NOT corrupt").withColumn("valor", F.get_json_object("raw", "$.valor"))

ways = {
    "from_json, DOUBLE": F.from_json("raw", "valor DOUBLE")["valor"],
    "try_cast": F.col("valor").try_cast("DOUBLE"),
    "no points, then try_cast": F.regexp_replace(F.regexp_replace("valor", "[.]", ""), ",", ".").try_cast("DOUBLE"),
}
sums = late.agg(*[F.sum(way).alias(name) for name, way in ways.items()]).first().asDict()
nulls = late.agg(*[F.count_if(way.isNull()).alias(name) for name, way in ways.items()]).first().asDict()

import matplotlib.pyplot as plt

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 2), sharey=True)
left.bar_label(left.barh(list(nulls), list(nulls.values()), color="#a0622d"), padding=4)
left.set_title("null")
right.bar_label(right.barh(list(sums), list(sums.values()), color="#6f7f8f"), fmt="{:,.0f}", padding=4)
right.set_title("sum")
for axes in (left, right):
    axes.margins(x=0.3)
left.invert_yaxis()
plt.show()

# %% [markdown] tags=["lang:en"]
# No error anywhere. The first two lose every amount that was written with a comma: the sum is too **small**. The third is proud of having no
# null at all, and is the worst: it took the point out of `1234.56` too, and made `123456` of it. (A plain `cast` would at least stop with
# an error, and that is why people reach for `try_cast`.)
#
# A cast is a decision about what a text *means*. So look first: **a text with a comma is Brazilian, one without is not.**
#
# Now regions. Count how many "different" ones there are, in all of Bronze:

# %% [markdown] tags=["lang:pt-BR"]
# Nenhum erro em lugar nenhum. As duas primeiras perdem todo valor escrito com vírgula: a soma fica **pequena** demais. A terceira se orgulha
# de não ter nenhum nulo e é a pior: tirou o ponto também de `1234.56`, que virou `123456`. (Um `cast` simples ao menos pararia com um erro,
# e é por isso que tanta gente recorre ao `try_cast`.)
#
# Um cast é uma decisão sobre o que um texto *significa*. Então olhe primeiro: **texto com vírgula é brasileiro, sem vírgula não é.**
#
# Agora as regiões. Conte quantas "diferentes" existem em toda a Bronze:

# %%
def fold(text: Column) -> Column:
    """Lower case, without accents, without blanks around."""
    plain = F.translate(F.lower(F.trim(text)), "áâãéêíóôõúç", "aaaeeiooouc")
    return F.regexp_replace(plain, r"\p{M}", "")  # \p{M}: accents that stand alone, beside their letter


KEY = "região"
OTHER_KEY = unicodedata.normalize("NFD", KEY)
both = spark.read.parquet(*[f"{landing}/{name}" for name in filled]).where("NOT corrupt")
both = both.withColumn("line", F.from_json("raw", f"`{KEY}` STRING, `{OTHER_KEY}` STRING"))

print(f"{KEY} == {OTHER_KEY}:", KEY == OTHER_KEY, len(KEY), len(OTHER_KEY))
landed = F.coalesce(f"line.{KEY}", f"line.{OTHER_KEY}")
different = {
    "as they landed": F.count_distinct(landed),
    "trim, lower": F.count_distinct(F.lower(F.trim(landed))),
    "fold": F.count_distinct(fold(landed)),
    f"null, with one {KEY}": F.count_if(F.col(f"line.{KEY}").isNull()),
}
both.agg(*[count.alias(name) for name, count in different.items()]).show()

# %% [markdown] tags=["lang:en"]
# There are eight regions. `trim` and `lower` do not even come near.
#
# The two words in the first line look the same and are not: in one, `ã` is a single character; in the other it is an `a` followed by a
# character that says "tilde on the one before". Unicode calls the first form **NFC** (composed) and the second **NFD** (decomposed). Some
# systems write one, some the other, and `==` compares characters, not looks. Here even the *key* of the JSON object comes in both forms:
# the last number says how many regions are null for whoever knows only one of them.
#
# `fold` makes a **key** for comparing, not a name for showing. What it cannot know is that `sp` is São Paulo: that takes a list.

# %% [markdown] tags=["lang:pt-BR"]
# As regiões são oito. `trim` e `lower` não chegam nem perto.
#
# As duas palavras da primeira linha parecem iguais e não são: numa delas, `ã` é um caractere só; na outra, é um `a` seguido de um caractere
# que diz "til na letra anterior". O Unicode chama a primeira forma de **NFC** (composta) e a segunda de **NFD** (decomposta). Alguns
# sistemas escrevem uma, outros a outra, e `==` compara caracteres, não a aparência. Aqui até a *chave* do objeto JSON vem nas duas formas: o
# último número diz quantas regiões ficam nulas para quem só conhece uma delas.
#
# `fold` produz uma **chave** para comparar, não um nome para mostrar. O que ela não tem como saber é que `sp` é São Paulo: para isso é
# preciso uma lista.

# %%
REGIONS = {
    "sao paulo": "São Paulo", "sp": "São Paulo", "s. paulo": "São Paulo",
    "rio de janeiro": "Rio de Janeiro", "rj": "Rio de Janeiro",
    "minas gerais": "Minas Gerais", "mg": "Minas Gerais", "minas": "Minas Gerais",
    "bahia": "Bahia", "ba": "Bahia", "baia": "Bahia",
    "parana": "Paraná", "pr": "Paraná",
    "ceara": "Ceará", "ce": "Ceará",
    "para": "Pará", "pa": "Pará",
    "goias": "Goiás", "go": "Goiás",
}


def region_name(text: Column) -> Column:
    """The one name of a region, in NFC, however it is spelled; null when nobody knows it."""
    names = F.create_map(*[F.lit(word) for pair in REGIONS.items() for word in pair])
    return F.element_at(names, fold(text))


# %% [markdown] tags=["lang:en"]
# ## 3 · Guided exercise: type and normalise
#
# `typed_rows` takes rows of Bronze and adds typed columns. It reads every field of the line as **text** first (`FIELDS`), so nothing is lost
# before we have looked at it. Three columns are missing:
#
# | column | type | content |
# |---|---|---|
# | `valor` | `decimal(12,2)` | the amount that the text means: `1234.56` and `"1.234,56"` are the same. Money is `decimal`: a `double` cannot hold 0.10 |
# | `regiao` | `string` | one of the eight names in `REGIONS`, whichever of the two keys the line has |
# | `ts_evento` | `timestamp` | the instant. `10:00:00-03:00` and `13:00:00Z` are the same instant |
#
# Useful: `F.when(condition, a).otherwise(b)`; `F.translate(text, ",.", ".")` (a comma becomes a point, a point goes away); `F.coalesce`;
# `region_name`; `column.try_cast("…")`. A text with a zone at its end, cast to `TIMESTAMP`, becomes the right instant by itself.
#
# A broken line has null in all of these columns, and that is fine: the rules come next.

# %% [markdown] tags=["lang:pt-BR"]
# ## 3 · Exercício guiado: dê tipos e normalize
#
# `typed_rows` recebe linhas da Bronze e acrescenta colunas com tipo. Primeiro ela lê todos os campos da linha como **texto** (`FIELDS`): assim
# nada se perde antes de olharmos. Faltam três colunas:
#
# | coluna | tipo | conteúdo |
# |---|---|---|
# | `valor` | `decimal(12,2)` | o valor que o texto quer dizer: `1234.56` e `"1.234,56"` são o mesmo. Dinheiro é `decimal`: em `double` não cabe 0,10 |
# | `regiao` | `string` | um dos oito nomes de `REGIONS`, seja qual for a chave que a linha traz |
# | `ts_evento` | `timestamp` | o instante. `10:00:00-03:00` e `13:00:00Z` são o mesmo instante |
#
# Úteis: `F.when(condição, a).otherwise(b)`; `F.translate(texto, ",.", ".")` (a vírgula vira ponto, o ponto some); `F.coalesce`;
# `region_name`; `coluna.try_cast("…")`. Um texto com o fuso no final, convertido para `TIMESTAMP`, vira sozinho o instante certo.
#
# Uma linha quebrada tem nulo em todas essas colunas, e tudo bem: as regras vêm a seguir.

# %% tags=["solution:typed-rows"]
FIELDS = f"""pedido_id STRING, versao STRING, cliente_id STRING, produto_id STRING, categoria STRING, `{KEY}` STRING, `{OTHER_KEY}` STRING,
    valor STRING, moeda STRING, canal STRING, ts_evento STRING, observacao STRING"""


def typed_rows(rows: DataFrame) -> DataFrame:
    text = rows.withColumn("line", F.when(~F.col("corrupt"), F.from_json("raw", FIELDS)))
    valor = F.col("line.valor")
    return text.select(
        "raw", "corrupt", "source", "batch", "ingested_at",
        "line.pedido_id", F.col("line.versao").try_cast("INT").alias("versao"), "line.cliente_id", "line.produto_id",
        "line.categoria", "line.moeda", "line.canal", "line.observacao",
        ### BEGIN SOLUTION
        F.when(valor.contains(","), F.translate(valor, ",.", ".")).otherwise(valor).try_cast("DECIMAL(12,2)").alias("valor"),
        region_name(F.coalesce(f"line.{KEY}", f"line.{OTHER_KEY}")).alias("regiao"),
        F.col("line.ts_evento").try_cast("TIMESTAMP").alias("ts_evento"),
        ### INSTEAD
        #| # YOUR CODE HERE: valor, regiao, ts_evento
        ### END SOLUTION
    )


# %%
typed = typed_rows(spark.read.parquet(one_batch))
typed.write.mode("overwrite").option("overwriteSchema", True).format("delta").save(lake.path("silver", "one_batch"))

# %% tags=["check:one-batch"]
check("silver.types")

# %% [markdown] tags=["lang:en"]
# Look at your own rows before and after. Move through them until you have seen a comma, a decomposed region and a `Z` become what they mean.

# %% [markdown] tags=["lang:pt-BR"]
# Veja as suas próprias linhas antes e depois. Passeie por elas até ter visto uma vírgula, uma região decomposta e um `Z` virarem o que
# significam.

# %%
import json

pairs = [(json.loads(row["raw"]), row.asDict()) for row in typed.where("NOT corrupt").limit(60).collect()]
keys = {"valor": ("valor",), "regiao": (KEY, OTHER_KEY), "ts_evento": ("ts_evento",)}


@interact(column=list(keys), row=(0, len(pairs) - 1))
def before_and_after(column="valor", row=0):
    before, after = pairs[row]
    print("before:", *[ascii(before[key]) if column == "regiao" else repr(before[key]) for key in keys[column] if key in before])
    print("after: ", after[column])


# %% [markdown] tags=["lang:en"]
# ## 4 · Challenge: rules, then refinement
#
# **First the rules.** `with_reason` adds the column `reason`: null for a row that Silver can use, else one of these five words. When several
# apply, **the first in this list** counts.
#
# | `reason` | the row |
# |---|---|
# | `not_json` | `corrupt` is true |
# | `unreadable` | `pedido_id`, `versao`, `valor` or `ts_evento` is null: missing, or a text that means nothing. These data have no such row; if you find one, look at your casts again |
# | `bad_currency` | `moeda` is anything but `BRL`: null, missing, `""`, `"???"`, `"R$"` too. It may be a real, it may be a mistake: a person has to ask |
# | `future_event` | `ts_evento` is later than the row's `ingested_at`. Not later than *now*: a rule must say the same next year |
# | `negative_amount` | `valor` is below zero, and `observacao` is null or does not contain the word `Estorno`. With that word it is a **refund** (*estorno*), a good row, and its amount stays negative |
#
# A null `categoria` or `canal`, and a customer or product that nobody knows, are **no** reason: the order happened.

# %% [markdown] tags=["lang:pt-BR"]
# ## 4 · Desafio: regras e, depois, o refino
#
# **Primeiro as regras.** `with_reason` acrescenta a coluna `reason`: nula na linha que a Silver pode usar; nas outras, uma destas cinco
# palavras. Quando várias se aplicam, vale **a primeira desta lista**.
#
# | `reason` | a linha |
# |---|---|
# | `not_json` | `corrupt` é verdadeiro |
# | `unreadable` | `pedido_id`, `versao`, `valor` ou `ts_evento` é nulo: falta, ou é um texto que não quer dizer nada. Estes dados não têm nenhuma; se você achar uma, reveja os seus casts |
# | `bad_currency` | `moeda` é qualquer coisa que não seja `BRL`: nula, ausente, `""`, `"???"` e também `"R$"`. Pode ser real, pode ser engano: alguém tem de perguntar |
# | `future_event` | `ts_evento` é posterior ao `ingested_at` da linha. Não posterior a *agora*: uma regra tem de dizer o mesmo no ano que vem |
# | `negative_amount` | `valor` é menor que zero, e `observacao` é nula ou não contém a palavra `Estorno`. Com essa palavra é um **estorno**: linha boa, e o valor continua negativo |
#
# `categoria` ou `canal` nulos, e um cliente ou produto que ninguém conhece, **não** são motivo: o pedido aconteceu.

# %% tags=["solution:with-reason"]
def with_reason(rows: DataFrame) -> DataFrame:
    ### BEGIN SOLUTION
    refund = F.coalesce(F.col("observacao").contains("Estorno"), F.lit(False))
    needed = F.coalesce(*[F.when(F.col(name).isNull(), True) for name in ("pedido_id", "versao", "valor", "ts_evento")])
    reason = (
        F.when(F.col("corrupt"), "not_json")
        .when(needed, "unreadable")
        .when(~F.col("moeda").eqNullSafe("BRL"), "bad_currency")
        .when(F.col("ts_evento") > F.col("ingested_at"), "future_event")
        .when((F.col("valor") < 0) & ~refund, "negative_amount")
    )
    return rows.withColumn("reason", reason)
    ### END SOLUTION


# %%
with_reason(typed).groupBy("reason").count().orderBy("reason").show()

# %% [markdown] tags=["lang:en"]
# **Then the refinement.** Write `refine_batch(bronze, silver, quarantine)`: `bronze` is the Parquet file of one batch; `silver` and
# `quarantine` are the paths of two Delta tables. It leaves the rows of this batch where they belong:
#
# **`silver`: one row for each `pedido_id`**, with the values of its highest `versao` among all the rows *without a reason* that were refined
# so far, in this batch or any other. If the newest version of an order has a reason, the newest version *without* one stays (and an order
# none of whose versions is usable has no row). Columns (more are welcome, in any order):
#
# | column | type | content |
# |---|---|---|
# | `pedido_id` | string | the key: no two rows share it |
# | `versao` | int | |
# | `cliente_id`, `produto_id` | string | as they landed |
# | `categoria`, `canal` | string, may be null | as they landed; **null stays null** |
# | `regiao`, `valor`, `ts_evento` | string, decimal(12,2), timestamp | as in `typed_rows` |
# | `moeda` | string | |
# | `batch` | string | the batch of this version |
#
# **`quarantine`: the rows that have a reason**, with at least these columns: `raw` (string, as it landed), `reason` (string), `batch`
# (string). The key is (`batch`, `raw`): a line that landed twice in one batch is there once.
#
# What it has to stand:
#
# - **Batches come in any order.** The newest version may be there before the older one.
# - **Two versions of an order, or the same line twice, may be in one batch.** A MERGE that finds two rows for one key stops with an error.
# - **Run again, it changes nothing** in either table, also when newer batches were refined in between.
# - **A run may die between its two writes.** Running the batch again must complete both tables.
# - **An empty batch** is no error. **The tables may not exist yet**: `delta_table` below makes an empty one.
# - It remembers nothing outside the two tables.
#
# Useful: **MERGE** compares new rows with a table's, row by row, in one commit: `when_not_matched_insert_all()` inserts those whose key is
# new, `when_matched_update_all("…")` replaces those whose key is there when the condition holds. `fitting` leaves out extra columns. (This is
# MERGE without Spark, from the package `deltalake`: quicker on small batches. Spark's own `MERGE INTO` gets the same marks.)
# For "the first row of each group in this order": `F.row_number().over(Window.partitionBy(…).orderBy(…))`.
#
# ```python
# merge = delta_table(path, COLUMNS).merge(fitting(rows, COLUMNS), "old.key = new.key", "new", "old")
# merge.when_matched_update_all("…").when_not_matched_insert_all().execute()
# ```

# %% [markdown] tags=["lang:pt-BR"]
# **Depois, o refino.** Escreva `refine_batch(bronze, silver, quarantine)`: `bronze` é o arquivo Parquet de um lote; `silver` e `quarantine`
# são os caminhos de duas tabelas Delta. Ela deixa cada linha do lote no lugar certo:
#
# **`silver`: uma linha para cada `pedido_id`**, com os valores da maior `versao` entre todas as linhas *sem motivo* refinadas até agora, neste
# lote ou em qualquer outro. Se a versão mais nova de um pedido tem motivo, fica a mais nova *sem* motivo (e um pedido sem nenhuma versão
# utilizável não tem linha). Colunas (outras são bem-vindas, em qualquer ordem):
#
# | coluna | tipo | conteúdo |
# |---|---|---|
# | `pedido_id` | string | a chave: não há duas linhas com a mesma |
# | `versao` | int | |
# | `cliente_id`, `produto_id` | string | como chegaram |
# | `categoria`, `canal` | string, podem ser nulas | como chegaram; **nulo continua nulo** |
# | `regiao`, `valor`, `ts_evento` | string, decimal(12,2), timestamp | como em `typed_rows` |
# | `moeda` | string | |
# | `batch` | string | o lote desta versão |
#
# **`quarantine`: as linhas que têm motivo**, com pelo menos estas colunas: `raw` (string, como chegou), `reason` (string), `batch` (string).
# A chave é (`batch`, `raw`): uma linha que chegou duas vezes no mesmo lote aparece uma vez só.
#
# O que ela precisa aguentar:
#
# - **Os lotes vêm em qualquer ordem.** A versão mais nova pode estar lá antes da mais velha.
# - **Um lote pode trazer duas versões de um pedido, ou a mesma linha duas vezes.** Um MERGE que acha duas linhas para uma chave para com erro.
# - **Executada de novo, não muda nada** em nenhuma das tabelas, mesmo que lotes mais novos tenham sido refinados no meio-tempo.
# - **Uma execução pode morrer entre as duas escritas.** Executar o lote de novo tem de completar as duas tabelas.
# - **Um lote vazio** não é erro. **As tabelas podem ainda não existir**: a função `delta_table`, abaixo, cria uma vazia.
# - Ela não guarda nada fora das duas tabelas.
#
# Úteis: o **MERGE** compara as linhas novas com as da tabela, uma a uma, num só commit: `when_not_matched_insert_all()` insere as que têm
# chave nova, `when_matched_update_all("…")` substitui as que já estão lá quando a condição vale. `fitting` deixa de fora as colunas a mais.
# (É um MERGE sem Spark, do pacote `deltalake`: mais rápido em lotes pequenos. O `MERGE INTO` do próprio Spark vale os mesmos pontos.) Para "a primeira linha de cada grupo, nesta ordem": `F.row_number().over(Window.partitionBy(…).orderBy(…))`.
#
# ```python
# merge = delta_table(path, COLUMNS).merge(fitting(rows, COLUMNS), "old.key = new.key", "new", "old")
# merge.when_matched_update_all("…").when_not_matched_insert_all().execute()
# ```

# %%
TEXT, TIME = pa.string(), pa.timestamp("us", "UTC")
SILVER = pa.schema(
    [("pedido_id", TEXT), ("versao", pa.int32()), ("valor", pa.decimal128(12, 2)), ("ts_evento", TIME)]
    + [(name, TEXT) for name in ("cliente_id", "produto_id", "categoria", "regiao", "moeda", "canal", "batch")]
)
QUARANTINE = pa.schema([("raw", TEXT), ("reason", TEXT), ("source", TEXT), ("batch", TEXT), ("ingested_at", TIME)])


def delta_table(path: str, schema: pa.Schema) -> DeltaTable:
    """Open the Delta table at `path`; make an empty one with these columns when there is none."""
    write_deltalake(path, schema.empty_table(), mode="ignore", storage_options=lake.storage_options)
    return lake.table(path)


def fitting(rows: DataFrame, schema: pa.Schema) -> pa.Table:
    """Give the rows with the columns of `schema` only, ready for a MERGE into such a table."""
    return rows.select(*schema.names).toArrow().cast(schema)


# %% tags=["solution:refine-batch"]
def refine_batch(bronze: str, silver: str, quarantine: str) -> None:
    ### BEGIN SOLUTION
    rows = with_reason(typed_rows(spark.read.parquet(bronze)))

    unusable = rows.where("reason IS NOT NULL").dropDuplicates(["batch", "raw"])
    same_line = "old.batch = new.batch AND old.raw = new.raw"
    merge = delta_table(quarantine, QUARANTINE).merge(fitting(unusable, QUARANTINE), same_line, "new", "old")
    merge.when_not_matched_insert_all().execute()

    newest_first = Window.partitionBy("pedido_id").orderBy(F.desc("versao"))
    newest = rows.where("reason IS NULL").withColumn("place", F.row_number().over(newest_first)).where("place = 1")
    merge = delta_table(silver, SILVER).merge(fitting(newest, SILVER), "old.pedido_id = new.pedido_id", "new", "old")
    merge.when_matched_update_all("new.versao > old.versao").when_not_matched_insert_all().execute()
    ### END SOLUTION


# %%
silver, quarantine = lake.path("silver", "pedidos"), lake.path("silver", "quarantine")


def look(moment: str, silver: str, quarantine: str) -> None:
    rows = lake.table(silver).to_pandas(columns=["versao", "valor"])
    print(f"{moment:28} silver: {len(rows):5}   sum of versao: {rows['versao'].sum()}   sum of valor: {rows['valor'].sum()}   ", end="")
    print(f"quarantine: {lake.table(quarantine).to_pyarrow_table().num_rows:4}")


for name in files:
    refine_batch(f"{landing}/{name}", silver, quarantine)
look("all batches", silver, quarantine)
lake.table(quarantine).to_pandas().groupby("reason").size()

# %% tags=["check:all-batches"]
check("silver.key", "silver.reasons")

# %% [markdown] tags=["lang:en"]
# That was your data. After you submit, `refine_batch` meets batches that nobody has seen, in an order that nobody knows. These are the
# properties it will be asked for:

# %% [markdown] tags=["lang:pt-BR"]
# Esses eram os seus dados. Depois da entrega, `refine_batch` encontra lotes que ninguém viu, numa ordem que ninguém conhece. Estas são as
# propriedades que serão cobradas:

# %% tags=["check:nothing-lost"]
check("silver.accounting", "silver.quarantine")

# %% tags=["check:right-values"]
check("silver.amounts", "silver.refunds", "silver.regions", "silver.times", "silver.fields")

# %% [markdown] tags=["lang:en"]
# ## 5 · Break it
#
# Three bad mornings. Before each line of output, **guess** it.
#
# 1. Somebody runs an old batch again.
# 2. After a move to new machines all batches are refined anew, and they happen to come **backwards**.
# 3. The run dies **between** its two writes: quarantine has its rows, Silver does not. To make it die there we put a rule (a *constraint*)
#    on the Silver table that refuses every row of one batch, and take it away again.

# %% [markdown] tags=["lang:pt-BR"]
# ## 5 · Quebre
#
# Três manhãs ruins. Antes de cada linha da saída, **dê um palpite**.
#
# 1. Alguém executa de novo um lote antigo.
# 2. Depois de uma mudança de máquinas, todos os lotes são refinados outra vez, e calham de vir **de trás para a frente**.
# 3. A execução morre **entre** as duas escritas: a quarentena tem as suas linhas, a Silver não. Para que morra ali, pomos na tabela Silver
#    uma regra (uma *constraint*) que recusa toda linha de um lote, e depois a retiramos.

# %%
import time

look("before", silver, quarantine)
refine_batch(f"{landing}/{filled[0]}", silver, quarantine)
look("1. an old batch again", silver, quarantine)

stamp = f"{time.time():.0f}"  # new tables each time you run this cell
back_silver, back_quarantine = lake.path("silver", f"backwards_{stamp}"), lake.path("silver", f"backwards_quarantine_{stamp}")
for name in reversed(filled):
    refine_batch(f"{landing}/{name}", back_silver, back_quarantine)
look("2. backwards", back_silver, back_quarantine)

# %%
crash_silver, crash_quarantine = lake.path("silver", f"crash_{stamp}"), lake.path("silver", f"crash_quarantine_{stamp}")
refine_batch(f"{landing}/{filled[0]}", crash_silver, crash_quarantine)
look("3. one batch", crash_silver, crash_quarantine)

dies = filled[1].removesuffix(".parquet")
lake.table(crash_silver).alter.add_constraint({"down": f"batch <> '{dies}'"})
try:
    refine_batch(f"{landing}/{filled[1]}", crash_silver, crash_quarantine)
except Exception as error:
    print("  the run died:", str(error).splitlines()[0][:90])
look("   in between", crash_silver, crash_quarantine)

lake.table(crash_silver).alter.drop_constraint("down")
refine_batch(f"{landing}/{filled[1]}", crash_silver, crash_quarantine)
look("   the batch ran again", crash_silver, crash_quarantine)

# %% [markdown] tags=["lang:en"]
# Two tables, two commits: nothing makes them one. What saves you is that each write may be repeated without harm. Such a function is called
# **idempotent**. Had yours noted "this batch is done" after the first write, the second one would never have come.

# %% [markdown] tags=["lang:pt-BR"]
# Duas tabelas, dois commits: nada faz deles um só. O que salva é que cada escrita pode ser repetida sem estrago. Uma função assim se chama
# **idempotente**. Se a sua tivesse anotado "este lote está pronto" depois da primeira escrita, a segunda nunca teria vindo.

# %% tags=["check:run-again"]
check("silver.rerun", "silver.recovery")

# %% tags=["check:newest-wins"]
check("silver.newest")

# %% [markdown] tags=["lang:en"]
# ## 6 · Explain it
#
# Follow some orders through Bronze. `arrived` says in which order their lines came in; the last line is what your Silver has. Leaf through
# until you meet an order whose **newer version arrived first**.

# %% [markdown] tags=["lang:pt-BR"]
# ## 6 · Explique
#
# Siga alguns pedidos pela Bronze. `arrived` diz em que ordem as linhas deles chegaram; a última linha é o que a sua Silver tem. Folheie até
# encontrar um pedido cuja **versão mais nova chegou primeiro**.

# %%
columns = ["pedido_id", "versao", "valor", "regiao", "batch"]
bronze_rows = spark.read.parquet(*[f"{landing}/{name}" for name in filled])
history = with_reason(typed_rows(bronze_rows)).where("NOT corrupt").select(*columns, "reason").distinct().toPandas()
kept = lake.table(silver).to_pandas(columns=columns)
several = history.groupby("pedido_id")["batch"].nunique()


@interact(pedido_id=sorted(several[several > 1].index))
def follow(pedido_id):
    arrived = history[history["pedido_id"] == pedido_id].sort_values("batch").drop(columns="pedido_id")
    print(arrived.assign(arrived=range(1, len(arrived) + 1)).to_string(index=False), "\n")
    print(kept[kept["pedido_id"] == pedido_id].to_string(index=False))


# %% [markdown] tags=["lang:en"]
# A colleague says: "Simpler: the last row that arrives wins. New data are newer, after all." In about five sentences:
#
# 1. What would decide the winner then, and why can it change from one run to the next? (Think of delays, re-runs, batches in another order.)
# 2. What is it about `versao` that makes your table the same in any order? What would you need if the shops sent no `versao`?
# 3. Give evidence from your own tables: an order, its versions and amounts, the batches they came in, what your Silver has, and what "the last
#    one wins" would have had.

# %% [markdown] tags=["lang:pt-BR"]
# Um colega diz: "Mais simples: vence a última linha que chega. Dado novo é mais novo, afinal." Em umas cinco frases:
#
# 1. Quem decidiria o vencedor nesse caso, e por que isso pode mudar de uma execução para outra? (Pense em atrasos, reexecuções, lotes em
#    outra ordem.)
# 2. O que há em `versao` que faz a sua tabela ser a mesma em qualquer ordem? De que você precisaria se as lojas não mandassem `versao`?
# 3. Dê evidências das suas próprias tabelas: um pedido, suas versões e valores, os lotes em que vieram, o que a sua Silver tem e o que teria
#    se "a última vencesse".

# %% [markdown] tags=["lang:en", "manual:explain-newest"]
# *Your answer here.*

# %% [markdown] tags=["lang:pt-BR", "manual:explain-newest"]
# *Sua resposta aqui.*

# %% [markdown] tags=["lang:en"]
# ## What you have now
#
# One row for each order, typed, in one spelling, the newest version; and beside it a table that tells the shops, row by row, what is wrong
# with the rest. Every row of Bronze can be accounted for, and anybody may run any batch at any time. In the next lesson, **Gold**, you turn
# these rows into numbers that people trust.
#
# Press **Validate**, then **Submit** in the Assignments list. The receipt that you get is your proof.

# %% [markdown] tags=["lang:pt-BR"]
# ## O que você tem agora
#
# Uma linha para cada pedido, com tipos, numa só grafia, na versão mais nova; e, ao lado, uma tabela que diz às lojas, linha por linha, o que há
# de errado com o resto. Toda linha da Bronze tem destino conhecido, e qualquer pessoa pode executar qualquer lote a qualquer hora. Na próxima
# lição, **Gold**, você transforma essas linhas em números confiáveis.
#
# Clique em **Validate** e depois em **Submit** na lista de tarefas. O recibo que você recebe é a sua prova de entrega.
