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
# # Gold: numbers people trust
#
# Two people come to the Monday meeting of Loja Aurora with the revenue of last week. The numbers differ by four thousand reais. Both used
# Silver, both made no typing mistake. One lost the orders of products that nobody has catalogued yet; the other counted some orders twice,
# and put Sunday night on Monday. From then on, every meeting begins with twenty minutes about whose spreadsheet is right.
#
# Today you build the layer that ends this: **Gold**. One small table, *revenue and orders a day, category and region*, with a promise:
# *whatever Silver knows is in it, once, on the right day; and it stays right when a correction comes late.* And on top of it a page with a
# chart, made with Streamlit, that reads Gold and nothing else.
#
# | you will | minutes |
# |---|---|
# | meet Silver and the catalogue | 5 |
# | see three totals that do not agree, and a day that is not a day | 12 |
# | give each order its day and its category | 13 |
# | keep Gold up to date, night by night | 20 |
# | show it on a page | 12 |
# | break it | 8 |
# | explain it | 5 |

# %% [markdown] tags=["lang:pt-BR"]
# # Gold: números confiáveis
#
# Duas pessoas chegam à reunião de segunda da Loja Aurora com a receita da semana passada. Os números diferem em quatro mil reais. As duas
# usaram a Silver, nenhuma errou na digitação. Uma perdeu os pedidos de produtos que ninguém cadastrou ainda; a outra contou alguns pedidos
# duas vezes e jogou a noite de domingo na segunda-feira. Desde então, toda reunião começa com vinte minutos sobre qual planilha está certa.
#
# Hoje você constrói a camada que acaba com isso: a **Gold**. Uma tabela pequena, *receita e pedidos por dia, categoria e região*, com uma
# promessa: *tudo o que a Silver sabe está nela, uma vez só, no dia certo; e ela continua certa quando uma correção chega tarde.* Em cima
# dela, uma página com um gráfico, feita com Streamlit, que lê a Gold e nada mais.
#
# | você vai | minutos |
# |---|---|
# | conhecer a Silver e o cadastro | 5 |
# | ver três totais que não batem, e um dia que não é um dia | 12 |
# | dar a cada pedido o seu dia e a sua categoria | 13 |
# | manter a Gold em dia, noite após noite | 20 |
# | mostrá-la numa página | 12 |
# | quebrá-la | 8 |
# | explicar | 5 |

# %%
import json
import time

import matplotlib.pyplot as plt
import pandas as pd
import pyarrow as pa
from dataflow_kernels.pictures import pipeline
from deltalake import DeltaTable, write_deltalake
from ipywidgets import interact
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

pipeline(today="gold")

# %% [markdown] tags=["lang:en"]
# ## 1 · Silver and the catalogue
#
# Each night a file of Silver rows arrives: the orders of the day, and those of earlier days that were **corrected** or came late. One night
# the shops were closed: that file has no row. Beside them lies `produtos`, the catalogue, which says what category a product belongs to. The
# purchasing department keeps it by hand. Look for three things in it: a product with two rows, a category that is missing, and how many
# products were sold that it does not know at all.

# %% [markdown] tags=["lang:pt-BR"]
# ## 1 · A Silver e o cadastro
#
# Toda noite chega um arquivo de linhas da Silver: os pedidos do dia e os de dias anteriores que foram **corrigidos** ou chegaram tarde. Numa
# das noites as lojas estavam fechadas: esse arquivo não tem linhas. Ao lado deles está `produtos`, o cadastro, que diz a que categoria um
# produto pertence. Quem cuida dele, à mão, é o setor de compras. Procure três coisas: um produto com duas linhas, uma categoria que falta, e
# quantos produtos vendidos ele nem conhece.

# %%
landing = lake.landing("03-gold")
files = [name for name in lake.files(landing) if name.startswith("pedidos")]
products = f"{landing}/produtos.parquet"

first_file, catalogue = spark.read.parquet(f"{landing}/{files[0]}"), spark.read.parquet(products)
first_file.show(3)
rows = catalogue.toPandas().sort_values(["produto_id", "atualizado_em"])
print(rows[rows["produto_id"].duplicated(keep=False)].head(4).to_string(index=False), "\n")
print(rows[rows["categoria"].isna()].head(2).to_string(index=False), "\n")
sold = {row["produto_id"] for row in first_file.select("produto_id").collect()}
print("sold:", len(sold), "  not in the catalogue:", len(sold - set(rows["produto_id"])))

# %% [markdown] tags=["lang:en"]
# ## 2 · Worked example: totals that do not agree
#
# To count by category, each order must meet its product. Here are three usual ways to write that join, and the sum of `valor` after each.
# The first bar is Silver itself, before any join. Before you run the cell, **guess** which of the others is equal to it.

# %% [markdown] tags=["lang:pt-BR"]
# ## 2 · Exemplo resolvido: totais que não batem
#
# Para contar por categoria, cada pedido precisa encontrar o seu produto. Eis três maneiras usuais de escrever esse join, e a soma de `valor`
# depois de cada uma. A primeira barra é a própria Silver, antes de qualquer join. Antes de executar, **dê um palpite**: qual das outras é
# igual a ela?

# %%
left_join = first_file.join(catalogue, "produto_id", "left")
ways = {
    "silver": first_file,
    "join": first_file.join(catalogue, "produto_id"),
    "left join": left_join,
    "left join, categoria not null": left_join.where("categoria IS NOT NULL"),
}
sums = [way.select(F.lit(name).alias("way"), "valor") for name, way in ways.items()]
totals = sums[0].union(sums[1]).union(sums[2]).union(sums[3]).groupBy("way").agg(F.sum("valor"), F.count("*")).collect()
totals = {row[0]: (float(row[1]), row[2]) for row in totals}

figure, axes = plt.subplots(figsize=(9, 2.2))
bars = axes.barh(list(ways), [totals[name][0] for name in ways], color=["#6f7f8f", "#a0622d", "#a0622d", "#a0622d"])
axes.bar_label(bars, [f"R$ {totals[name][0]:,.2f}   {totals[name][1]} rows" for name in ways], padding=4)
axes.margins(x=0.35)
axes.invert_yaxis()
plt.show()

# %% [markdown] tags=["lang:en"]
# None. Two different things happen, and the inner join has both of them:
#
# - It **loses** the orders whose product is not in the catalogue: *orphans*. A left join keeps them.
# - It **doubles** the orders whose product has two rows: *fan-out*. A left join does that too. Losing here and doubling there may even
#   give a total that looks right.
#
# A join to a dimension is safe when the dimension has **one row a key**. The catalogue has not, so we make it so: of several rows for a
# product, the one with the latest `atualizado_em` counts.

# %% [markdown] tags=["lang:pt-BR"]
# Nenhuma. Acontecem duas coisas diferentes, e o inner join sofre das duas:
#
# - Ele **perde** os pedidos cujo produto não está no cadastro: os *órfãos*. Um left join os mantém.
# - Ele **duplica** os pedidos cujo produto tem duas linhas: o *fan-out*. O left join também faz isso. Perder aqui e duplicar ali pode até dar
#   um total que parece certo.
#
# Um join com uma dimensão é seguro quando a dimensão tem **uma linha por chave**. O cadastro não tem, então fazemos com que tenha: de várias
# linhas de um produto, vale a que tem o `atualizado_em` mais recente.

# %%
def newest_rows(catalogue: DataFrame) -> DataFrame:
    """One row a product: the one that was updated last."""
    newest_first = Window.partitionBy("produto_id").orderBy(F.desc("atualizado_em"))
    return catalogue.withColumn("place", F.row_number().over(newest_first)).where("place = 1").drop("place")


# %% [markdown] tags=["lang:en"]
# The second trap is the day. `ts_evento` is an instant, and which day an instant belongs to depends on whose calendar you look at. Finance
# looks at the one in São Paulo. Choose a zone and a region: in one of the regions people buy at night. What does Monday owe to Sunday?

# %% [markdown] tags=["lang:pt-BR"]
# A segunda armadilha é o dia. `ts_evento` é um instante, e a que dia um instante pertence depende do calendário de quem olha. O financeiro
# olha o de São Paulo. Escolha um fuso e uma região: numa das regiões as pessoas compram de noite. O que a segunda-feira deve ao domingo?

# %%
sales = first_file.select("regiao", F.unix_timestamp("ts_evento").alias("when"), F.col("valor").cast("double").alias("valor")).toPandas()


@interact(region=sorted(sales["regiao"].unique()), zone=["America/Sao_Paulo", "UTC", "Asia/Tokyo"])
def by_calendar(region, zone="America/Sao_Paulo"):
    chosen = sales[sales["regiao"] == region]
    day = pd.to_datetime(chosen["when"], unit="s", utc=True).dt.tz_convert(zone).dt.strftime("%d/%m")
    chosen.groupby(day)["valor"].sum().plot.bar(figsize=(8, 2.2), color="#a8820a", xlabel="", ylabel="R$", title=f"{region}: {zone}", rot=0)
    plt.show()


# %% [markdown] tags=["lang:en"]
# ## 3 · Guided exercise: a day and a category for each order
#
# Complete `labelled`. It gives **one row for each order** of `orders`, no more and no fewer, with these columns (more are welcome):
#
# | column | type | content |
# |---|---|---|
# | `pedido_id`, `regiao`, `valor` | | as in Silver |
# | `dia` | date | the day of `ts_evento` **in São Paulo** (`America/Sao_Paulo`) |
# | `categoria` | string, never null | the category in the product's newest row; `(sem cadastro)` when the catalogue has no row for the product; `(sem categoria)` when it has one whose category is null |
#
# Two buckets, because two different people have to act: the one who catalogues new products, and the one who fills in categories. Nobody
# acts on orders that are left out.
#
# Useful: `join(…, "produto_id", "left")`; `F.from_utc_timestamp(column, zone)`, then `F.to_date`; `F.when(…).otherwise(…)`; `F.coalesce`.

# %% [markdown] tags=["lang:pt-BR"]
# ## 3 · Exercício guiado: um dia e uma categoria para cada pedido
#
# Complete `labelled`. Ela devolve **uma linha para cada pedido** de `orders`, nem mais nem menos, com estas colunas (outras são bem-vindas):
#
# | coluna | tipo | conteúdo |
# |---|---|---|
# | `pedido_id`, `regiao`, `valor` | | como na Silver |
# | `dia` | date | o dia de `ts_evento` **em São Paulo** (`America/Sao_Paulo`) |
# | `categoria` | string, nunca nula | a categoria na linha mais nova do produto; `(sem cadastro)` quando o cadastro não tem linha para o produto; `(sem categoria)` quando tem uma cuja categoria é nula |
#
# São duas etiquetas porque duas pessoas diferentes têm de agir: quem cadastra produtos novos e quem preenche categorias. Com pedidos deixados
# de fora ninguém faz nada.
#
# Úteis: `join(…, "produto_id", "left")`; `F.from_utc_timestamp(coluna, fuso)` e depois `F.to_date`; `F.when(…).otherwise(…)`; `F.coalesce`.

# %% tags=["solution:labelled"]
NOT_IN_CATALOGUE, NO_CATEGORY = "(sem cadastro)", "(sem categoria)"


def labelled(orders: DataFrame, catalogue: DataFrame) -> DataFrame:
    known = newest_rows(catalogue).select("produto_id", F.col("categoria").alias("its_category"), F.lit(True).alias("known"))
    ### BEGIN SOLUTION
    joined = orders.join(known, "produto_id", "left")
    dia = F.to_date(F.from_utc_timestamp("ts_evento", "America/Sao_Paulo"))
    categoria = F.when(F.col("known"), F.coalesce("its_category", F.lit(NO_CATEGORY))).otherwise(NOT_IN_CATALOGUE)
    ### INSTEAD
    #| joined = orders  # YOUR CODE HERE: join it with `known`
    #| dia = F.lit(None).cast("date")  # YOUR CODE HERE
    #| categoria = F.lit(None).cast("string")  # YOUR CODE HERE
    ### END SOLUTION
    return joined.select("pedido_id", dia.alias("dia"), categoria.alias("categoria"), "regiao", "valor")


# %%
labelled(first_file, catalogue).write.format("delta").mode("overwrite").save(lake.path("gold", "rotulados"))
spark.read.format("delta").load(lake.path("gold", "rotulados")).groupBy("categoria").agg(F.count("*"), F.sum("valor")).orderBy("categoria").show()

# %% tags=["check:first-labels"]
check("gold.labels")

# %% [markdown] tags=["lang:en"]
# ## 4 · Challenge: keep Gold up to date
#
# `land_batch` plays lesson 1.2: it brings a file into the Silver table, the newest version of each order, one row an order. It is given.
# Then comes your turn: write `refresh_gold(changes, silver, products, gold)`. `changes` is the Parquet file that was just landed, `silver` the
# path of the Delta table that has it already, `products` the Parquet file of the catalogue, and `gold` the path of the Delta table to keep
# up to date. After each call, Gold is **what a rebuild of everything from Silver would give**:
#
# | column | type | content |
# |---|---|---|
# | `dia`, `categoria`, `regiao` | date, string, string | the key: no two rows share it; as `labelled` gives them |
# | `pedidos` | long | how many orders Silver has there |
# | `receita` | decimal with 2 places | the sum of their `valor`. **Refunds** are orders below zero: they count, and they subtract |
#
# A key without an order has no row. What it has to stand:
#
# - **Corrections come late.** A file may hold new versions of orders of any earlier day, and orders that come a week late. A correction
#   may change everything of an order but its `pedido_id` and its `ts_evento`: its amount, its product, its region.
# - **Run again, it changes nothing.**
# - **A file without a row is no error**, and changes nothing.
# - **The table may not exist yet.** It remembers nothing outside it.
#
# One way: which days does the file touch? Count *these days* anew, from the whole of Silver, and put them in the place of what Gold had
# for them. (Counting everything anew each night is right too, and gets the same marks. It is only slow: a shop has ten years of days.)
#
# Useful: `replace_days`, below, puts rows in the place of all that Gold has for some days, in **one commit**, and makes
# the table when it is not there. In Spark alone it is `.mode("overwrite").option("replaceWhere", "dia IN (DATE'2026-03-01', …)")`.

# %% [markdown] tags=["lang:pt-BR"]
# ## 4 · Desafio: mantenha a Gold em dia
#
# `land_batch` faz o papel da lição 1.2: leva um arquivo para a tabela Silver, a versão mais nova de cada pedido, uma linha por pedido. Ela já
# está pronta. Depois é a sua vez: escreva `refresh_gold(changes, silver, products, gold)`. `changes` é o arquivo Parquet que acabou de chegar,
# `silver` é o caminho da tabela Delta que já o contém, `products` é o arquivo Parquet do cadastro e `gold` é o caminho da tabela Delta que
# deve ficar em dia. Depois de cada chamada, a Gold é **o que uma reconstrução completa a partir da Silver daria**:
#
# | coluna | tipo | conteúdo |
# |---|---|---|
# | `dia`, `categoria`, `regiao` | date, string, string | a chave: não há duas linhas com a mesma; como `labelled` as devolve |
# | `pedidos` | long | quantos pedidos a Silver tem ali |
# | `receita` | decimal com 2 casas | a soma dos seus `valor`. **Estornos** são pedidos abaixo de zero: contam, e subtraem |
#
# Uma chave sem pedidos não tem linha. O que a função precisa aguentar:
#
# - **Correções chegam tarde.** Um arquivo pode trazer novas versões de pedidos de qualquer dia anterior, e pedidos com uma semana de atraso.
#   Uma correção pode mudar tudo num pedido, menos o `pedido_id` e o `ts_evento`: o valor, o produto, a região.
# - **Executada de novo, não muda nada.**
# - **Um arquivo sem linhas não é erro**, e não muda nada.
# - **A tabela pode ainda não existir.** A função não guarda nada fora dela.
#
# Um caminho: que dias o arquivo toca? Conte *esses dias* de novo, a partir da Silver inteira, e coloque-os no lugar do que a Gold tinha para
# eles. (Contar tudo de novo toda noite também está certo e vale os mesmos pontos. Só é lento: uma loja tem dez anos de dias.)
#
# Útil: `replace_days`, abaixo, põe linhas no lugar de tudo o que a Gold tem para alguns dias, em **um só commit**, e cria a
# tabela quando ela não existe. Só com Spark seria `.mode("overwrite").option("replaceWhere", "dia IN (DATE'2026-03-01', …)")`.

# %%
def land_batch(batch: str, silver: str) -> None:
    """Bring a file into Silver: the newest version of each order, one row an order."""
    rows = spark.read.parquet(batch).toArrow()
    if not DeltaTable.is_deltatable(silver, lake.storage_options):
        write_deltalake(silver, rows, storage_options=lake.storage_options)
    elif rows.num_rows:
        merge = lake.table(silver).merge(rows, "old.pedido_id = new.pedido_id", source_alias="new", target_alias="old")
        merge.when_matched_update_all("new.versao > old.versao").when_not_matched_insert_all().execute()


def replace_days(cells: DataFrame, days: list, gold: str) -> None:
    """Put rows in the place of all that Gold has for these days, in one commit; make the table when it is not there."""
    condition = " OR ".join(f"dia = '{day}'" for day in days)
    there = DeltaTable.is_deltatable(gold, lake.storage_options)
    how = {"mode": "overwrite", "predicate": condition} if there else {}
    write_deltalake(gold, cells.toArrow(), storage_options=lake.storage_options, **how)


# %% tags=["solution:refresh-gold"]
def refresh_gold(changes: str, silver: str, products: str, gold: str) -> None:
    ### BEGIN SOLUTION
    catalogue = spark.read.parquet(products)
    days = [row["dia"] for row in labelled(spark.read.parquet(changes), catalogue).select("dia").distinct().collect()]
    if not days:
        return
    orders = labelled(spark.read.format("delta").load(silver), catalogue).where(F.col("dia").isin(days))
    cells = orders.groupBy("dia", "categoria", "regiao").agg(F.count("*").alias("pedidos"), F.sum("valor").alias("receita"))
    replace_days(cells, days, gold)
    ### END SOLUTION


# %%
silver, gold = lake.path("silver", "vendas"), lake.path("gold", "receita_diaria")


def look(moment: str, gold: str) -> None:
    table = lake.table(gold).to_pandas()
    print(f"{moment:28} days: {table['dia'].nunique():2}   rows: {len(table):4}   pedidos: {table['pedidos'].sum():4}   receita: {table['receita'].sum()}")


for name in files:
    land_batch(f"{landing}/{name}", silver)
    refresh_gold(f"{landing}/{name}", silver, products, gold)
    look(name, gold)

# %% tags=["check:all-days"]
check("gold.grain")

# %% [markdown] tags=["lang:en"]
# That was your data. After you submit, the same functions meet a catalogue and files that nobody has seen. These are the properties they
# will be asked for. First, that no order is lost, none counted twice, and none on another day:

# %% [markdown] tags=["lang:pt-BR"]
# Esses eram os seus dados. Depois da entrega, as mesmas funções encontram um cadastro e arquivos que ninguém viu. Estas são as propriedades
# que serão cobradas. Primeiro, que nenhum pedido se perca, nenhum conte duas vezes e nenhum caia em outro dia:

# %% tags=["check:nothing-lost"]
check("gold.totals", "gold.orphans", "gold.unknown", "gold.fanout", "gold.days")

# %% [markdown] tags=["lang:en"]
# Then, that Gold stays right while corrections arrive:

# %% [markdown] tags=["lang:pt-BR"]
# Depois, que a Gold continue certa enquanto chegam correções:

# %% tags=["check:late-corrections"]
check("gold.incremental", "gold.empty")

# %% [markdown] tags=["lang:en"]
# ## 5 · A page
#
# Whoever decides does not read tables. **Streamlit** makes a page of a Python function: `st.title`, `st.metric`, `st.dataframe`, and
# `st.vega_lite_chart` for a chart. Such a chart is a description, not a drawing: rows, a mark (`"bar"`), and which field is on which axis.
#
# A page has rules of its own:
#
# - **It reads Gold and nothing else.** A page with its own way from Silver to the number is the second spreadsheet at the Monday meeting.
# - **It says what one sees.** Axes have titles; money has its currency.
# - **A day without a sale is a day.** It is a 0 in the chart, not a gap that a reader's eye (or a line) closes.
# - **It does not average averages.** One day has 1 order of R$ 1,000, the next 99 orders of R$ 10 each: the mean of the two daily averages is
#   R$ 505, and the average order cost R$ 19.90. That is why Gold holds sums and counts, and no average: only these can be added up.
#
# Complete two functions; both get the path of a Gold table. `read_gold` gives it as a pandas DataFrame, `dia` as datetime, `receita` as float.
#
# | function | gives |
# |---|---|
# | `daily_chart(gold)` | a `dict`: a Vega-Lite description of **one view** (with `data`, `mark`, `encoding` at its top). x is the field `dia`, `temporal`; y is the field `receita`, `quantitative`. Both have a `title`, and y's contains `R$`. Each calendar day from the first to the last of Gold is in its rows, a day without an order with 0; `dia` is a text that begins `YYYY-MM-DD`. Write `2026-03-01T00:00:00`: browsers read a mere `2026-03-01` as midnight in London, which in São Paulo is still the day before |
# | `by_category(gold)` | a pandas DataFrame with one row a `categoria` and the columns `categoria`, `receita`, `pedidos`, `ticket_medio` (the average order: what an order brought in on average) |
#
# Useful: `groupby("dia")["receita"].sum()`, then `.asfreq("D", fill_value=0.0)`; `.dt.strftime("%Y-%m-%dT00:00:00")`;
# `.to_dict("records")`. If you prefer Altair: `chart.to_dict()`.

# %% [markdown] tags=["lang:pt-BR"]
# ## 5 · Uma página
#
# Quem decide não lê tabelas. O **Streamlit** faz uma página de uma função Python: `st.title`, `st.metric`, `st.dataframe` e, para um gráfico,
# `st.vega_lite_chart`. Um gráfico desses é uma descrição, não um desenho: linhas, uma marca (`"bar"`) e que campo fica em que eixo.
#
# Uma página tem as suas próprias regras:
#
# - **Ela lê a Gold e nada mais.** Uma página com um caminho só seu da Silver até o número é a segunda planilha da reunião de segunda.
# - **Ela diz o que se vê.** Eixos têm título; dinheiro tem moeda.
# - **Um dia sem vendas é um dia.** Ele é um 0 no gráfico, e não um buraco que o olho de quem lê (ou uma linha) tapa.
# - **Ela não tira média de médias.** Um dia tem 1 pedido de R$ 1.000, o seguinte tem 99 pedidos de R$ 10: a média das duas médias diárias é
#   R$ 505, e o pedido médio custou R$ 19,90. É por isso que a Gold guarda somas e contagens, e nenhuma média: só essas podem ser somadas.
#
# Complete duas funções; as duas recebem o caminho de uma tabela Gold. `read_gold` a devolve como DataFrame do pandas, com `dia` como datetime
# e `receita` como float.
#
# | função | devolve |
# |---|---|
# | `daily_chart(gold)` | um `dict`: a descrição Vega-Lite de **uma única vista** (com `data`, `mark`, `encoding` no topo). x é o campo `dia`, `temporal`; y é o campo `receita`, `quantitative`. Os dois têm `title`, e o de y contém `R$`. Cada dia do calendário, do primeiro ao último da Gold, está nas linhas, e um dia sem pedidos vale 0; `dia` é um texto que começa com `AAAA-MM-DD`. Escreva `2026-03-01T00:00:00`: navegadores leem um simples `2026-03-01` como meia-noite em Londres, que em São Paulo ainda é o dia anterior |
# | `by_category(gold)` | um DataFrame do pandas com uma linha por `categoria` e as colunas `categoria`, `receita`, `pedidos`, `ticket_medio` (o pedido médio: quanto um pedido rendeu em média) |
#
# Úteis: `groupby("dia")["receita"].sum()` e depois `.asfreq("D", fill_value=0.0)`; `.dt.strftime("%Y-%m-%dT00:00:00")`;
# `.to_dict("records")`. Se preferir o Altair: `chart.to_dict()`.

# %%
def read_gold(gold: str) -> pd.DataFrame:
    table = lake.table(gold).to_pandas()
    return table.assign(dia=pd.to_datetime(table["dia"]), receita=table["receita"].astype(float))


# %% tags=["solution:page-parts"]
def daily_chart(gold: str) -> dict:
    table = read_gold(gold)
    ### BEGIN SOLUTION
    days = table.groupby("dia")["receita"].sum().asfreq("D", fill_value=0.0).reset_index()
    rows = days.assign(dia=days["dia"].dt.strftime("%Y-%m-%dT00:00:00")).to_dict("records")
    x = {"field": "dia", "type": "temporal", "title": "dia (São Paulo)"}
    y = {"field": "receita", "type": "quantitative", "title": "receita por dia (R$)"}
    return {"data": {"values": rows}, "mark": "bar", "encoding": {"x": x, "y": y}}
    ### END SOLUTION


def by_category(gold: str) -> pd.DataFrame:
    table = read_gold(gold)
    ### BEGIN SOLUTION
    sums = table.groupby("categoria", as_index=False)[["receita", "pedidos"]].sum()
    return sums.assign(ticket_medio=sums["receita"] / sums["pedidos"])
    ### END SOLUTION


# %% [markdown] tags=["lang:en"]
# `page` puts both on a page. `render_dashboard` keeps what the page shows in a table of its own: when somebody asks in May what the
# dashboard said in March, the answer is a version of that table.

# %% [markdown] tags=["lang:pt-BR"]
# `page` coloca as duas numa página. `render_dashboard` guarda o que a página mostra numa tabela à parte: quando alguém perguntar em maio o que o
# painel dizia em março, a resposta é uma versão dessa tabela.

# %%
def page(gold: str) -> None:
    import streamlit as st

    table = read_gold(gold)
    st.title("Loja Aurora")
    left, right = st.columns(2)
    left.metric("receita (R$)", f"{table['receita'].sum():,.2f}")
    right.metric("pedidos", int(table["pedidos"].sum()))
    st.vega_lite_chart(daily_chart(gold))
    st.dataframe(by_category(gold).round(2))
    st.caption(f"gold, version {lake.table(gold).version()}")


def render_dashboard(gold: str, out: str) -> None:
    shown = {"chart": json.dumps(daily_chart(gold)), "numbers": by_category(gold).to_json(orient="records", force_ascii=False)}
    parts = pa.table({"part": list(shown), "content": list(shown.values())})
    write_deltalake(out, parts, mode="overwrite", storage_options=lake.storage_options)


render_dashboard(gold, lake.path("gold", "painel"))

# %% tags=["check:own-chart"]
check("gold.chart")

# %% [markdown] tags=["lang:en"]
# And here is the page, run as Streamlit runs it, but without a browser:

# %% [markdown] tags=["lang:pt-BR"]
# E aqui está a página, executada como o Streamlit a executa, só que sem navegador:

# %%
from dataflow_kernels.page_preview import preview

preview(page, gold)

# %% tags=["check:trusted-page"]
check("gold.dashboard", "gold.average", "gold.closed")

# %% [markdown] tags=["lang:en"]
# ## 6 · Break it
#
# Tuesday. The file of the night brings its own day **and corrections of days that finance has already reported**. In tables of their own, we
# land the first file and count; then we land the second in Silver and look at Gold *before* anybody refreshes it. **Guess** before you run
# the cell: how many days of Gold are now wrong? And what would these two "obvious" updates make of them?
#
# - `append`: count the rows of the file and append the result;
# - `replace`: count the rows of the file, and replace those days by the result.

# %% [markdown] tags=["lang:pt-BR"]
# ## 6 · Quebre
#
# Terça-feira. O arquivo da noite traz o seu próprio dia **e correções de dias que o financeiro já divulgou**. Em tabelas à parte, recebemos o
# primeiro arquivo e contamos; depois levamos o segundo até a Silver e olhamos a Gold *antes* que alguém a atualize. **Dê um palpite** antes
# de executar: quantos dias da Gold estão errados agora? E o que estas duas atualizações "óbvias" fariam deles?
#
# - `append`: contar as linhas do arquivo e acrescentar o resultado;
# - `replace`: contar as linhas do arquivo e trocar esses dias pelo resultado.

# %%
stamp = f"{time.time():.0f}"  # new tables each time you run this cell
broken_silver, broken_gold = lake.path("silver", f"break_{stamp}"), lake.path("gold", f"break_{stamp}")
land_batch(f"{landing}/{files[0]}", broken_silver)
refresh_gold(f"{landing}/{files[0]}", broken_silver, products, broken_gold)
before = read_gold(broken_gold).groupby("dia")["receita"].sum()

land_batch(f"{landing}/{files[1]}", broken_silver)
everything = labelled(spark.read.format("delta").load(broken_silver), catalogue).select("dia", F.col("valor").cast("double")).toPandas()
of_file = labelled(spark.read.parquet(f"{landing}/{files[1]}"), catalogue).select("dia", F.col("valor").cast("double")).toPandas()
truth, of_file = (table.groupby(pd.to_datetime(table["dia"]))["valor"].sum() for table in (everything, of_file))

days = pd.DataFrame({"silver": truth, "gold, not refreshed": before, "append": before.add(of_file, fill_value=0), "replace": of_file.combine_first(before)})
days.round(2)

# %% [markdown] tags=["lang:en"]
# `append` counts a corrected order twice; `replace` leaves of a whole day only the orders that were corrected. Both look fine on the newest day,
# which is the one that people look at. Now your own, and then once more:

# %% [markdown] tags=["lang:pt-BR"]
# O `append` conta duas vezes um pedido corrigido; o `replace` deixa de um dia inteiro só os pedidos que foram corrigidos. Os dois parecem certos
# no dia mais novo, justo o que todo mundo olha. Agora a sua função, e depois mais uma vez:

# %%
for run in ("yours", "yours, once more"):
    refresh_gold(f"{landing}/{files[1]}", broken_silver, products, broken_gold)
    days[run] = read_gold(broken_gold).groupby("dia")["receita"].sum()

wrong = days.sub(days["silver"], axis=0).abs().fillna(1e9).gt(0.005).sum()
figure, axes = plt.subplots(figsize=(8, 2))
axes.bar_label(axes.barh(list(wrong.index), wrong.to_list(), color="#a0622d"), padding=4)
axes.set_xlabel("wrong days")
axes.invert_yaxis()
plt.show()

# %% [markdown] tags=["lang:en"]
# ## 7 · Explain it
#
# Delta keeps every version of your Gold. Choose a day and see what each version said about it.

# %% [markdown] tags=["lang:pt-BR"]
# ## 7 · Explique
#
# O Delta guarda todas as versões da sua Gold. Escolha um dia e veja o que cada versão dizia dele.

# %%
newest = lake.table(gold).version()
versions = {number: DeltaTable(gold, version=number, storage_options=lake.storage_options).to_pandas() for number in range(max(0, newest - 5), newest + 1)}


@interact(dia=sorted(versions[newest]["dia"].astype(str).unique()))
def said(dia):
    for number, table in versions.items():
        then = table[table["dia"].astype(str) == dia]
        print(f"version {number:3}   pedidos: {then['pedidos'].sum():4}   receita: {then['receita'].sum()}")


# %% [markdown] tags=["lang:en"]
# Finance is upset: "On Monday, the dashboard said something else about last Thursday. Numbers that change cannot be trusted. Freeze a day once it
# is reported, and just add to it whatever comes." In about five sentences:
#
# 1. Why did the number of a past day change, and why is the new one right?
# 2. What goes wrong when one *adds* what comes? Think of a correction, and of a file that is run twice. Why does counting the whole day anew
#    from Silver stand both?
# 3. Give evidence from your own tables: a day, two versions of Gold, what each said, and what in Silver explains the difference. How could
#    the page say what finance missed?

# %% [markdown] tags=["lang:pt-BR"]
# O financeiro está irritado: "Na segunda, o painel dizia outra coisa sobre a quinta passada. Número que muda não é confiável. Congelem o dia
# depois de divulgado, e apenas somem a ele o que chegar." Em umas cinco frases:
#
# 1. Por que o número de um dia passado mudou, e por que o novo está certo?
# 2. O que dá errado quando se *soma* o que chega? Pense numa correção e num arquivo executado duas vezes. Por que contar o dia inteiro de
#    novo, a partir da Silver, aguenta as duas coisas?
# 3. Dê evidências das suas próprias tabelas: um dia, duas versões da Gold, o que cada uma dizia e o que na Silver explica a diferença. Como a
#    página poderia dizer o que faltou ao financeiro?

# %% [markdown] tags=["lang:en", "manual:explain-corrections"]
# *Your answer here.*

# %% [markdown] tags=["lang:pt-BR", "manual:explain-corrections"]
# *Sua resposta aqui.*

# %% [markdown] tags=["lang:en"]
# ## What you have now
#
# One small table from which everybody takes the same number, that may be brought up to date by anyone, as often as they like, whatever comes
# late; and a page that shows it and has no opinion of its own. In the next lesson you open the box that made this easy, Delta's log, and see
# what a version is.
#
# Press **Validate**, then **Submit** in the Assignments list. The receipt that you get is your proof.

# %% [markdown] tags=["lang:pt-BR"]
# ## O que você tem agora
#
# Uma tabela pequena da qual todos tiram o mesmo número, que qualquer pessoa pode pôr em dia quantas vezes quiser, chegue o que chegar
# atrasado; e uma página que a mostra e não tem opinião própria. Na próxima lição você abre a caixa que tornou isso fácil, o log do Delta, e vê
# o que é uma versão.
#
# Clique em **Validate** e depois em **Submit** na lista de tarefas. O recibo que você recebe é a sua prova de entrega.
