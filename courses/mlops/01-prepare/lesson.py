# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: MLOps
#     language: python
#     name: mlops
# ---

# %% [markdown] tags=["lang:en"]
# # Prepare without leaking
#
# Loja Aurora wants to tell its customers, at the moment they press *Buy*, whether the parcel will be late. A colleague has a model that is
# right 99 times out of 100. It went live on Monday, and by Friday it was no better than a coin.
#
# Nobody had cheated. The model had merely seen the **future** while it learned: a column that is filled in when the parcel is already on
# its way, an average over orders that had not been placed yet. That is called a **leak**. It makes no noise, it makes every number look
# better, and it is made in the step that nobody looks at: preparing the data.
#
# | you will | minutes |
# |---|---|
# | meet the orders, and ask of each column *when* it is filled in | 10 |
# | watch a perfect model fail | 10 |
# | name what is known when an order is placed | 5 |
# | write the preparation: the past for learning, the future for testing | 20 |
# | break it in three ways | 8 |
# | explain it | 7 |

# %% [markdown] tags=["lang:pt-BR"]
# # Preparar sem vazamento
#
# A Loja Aurora quer dizer ao cliente, no momento em que ele aperta *Comprar*, se a entrega vai atrasar. Uma colega tem um modelo que acerta
# 99 em cada 100. Entrou no ar na segunda-feira e, na sexta, não era melhor do que uma moeda.
#
# Ninguém trapaceou. O modelo apenas tinha visto o **futuro** enquanto aprendia: uma coluna preenchida quando o pacote já está a caminho, uma
# média sobre pedidos que ainda nem tinham sido feitos. Isso se chama **vazamento** (leak). Ele não faz barulho, melhora todos os números e
# acontece na etapa para a qual ninguém olha: a preparação dos dados.
#
# | você vai | minutos |
# |---|---|
# | conhecer os pedidos e perguntar a cada coluna *quando* ela é preenchida | 10 |
# | ver um modelo perfeito fracassar | 10 |
# | dizer o que se sabe quando o pedido é feito | 5 |
# | escrever a preparação: o passado para aprender, o futuro para testar | 20 |
# | quebrá-la de três jeitos | 8 |
# | explicar | 7 |

# %%
import io

import matplotlib.pyplot as plt
import pandas as pd
import pyarrow as pa
from dataflow_kernels.pictures import model_path
from deltalake import write_deltalake

model_path(today="prepare")

# %% [markdown] tags=["lang:en"]
# ## 1 · Meet the orders
#
# Eight months of deliveries have landed, one file a month. `read_orders` reads files as they are; `save` writes a data frame as a Delta
# table (and replaces what was there), `load` reads one.

# %% [markdown] tags=["lang:pt-BR"]
# ## 1 · Conheça os pedidos
#
# Oito meses de entregas já chegaram, um arquivo por mês. `read_orders` lê arquivos como eles são; `save` grava um data frame como tabela
# Delta (e substitui o que havia lá), `load` lê uma tabela.

# %%
landing = lake.landing("01-prepare")
files = [f"{landing}/{name}" for name in lake.files(landing)]


def read_orders(files: list[str]) -> pd.DataFrame:
    frames = [pd.read_csv(io.BytesIO(lake.read(file)), parse_dates=["ts_pedido", "ts_registro"], date_format="ISO8601") for file in files]
    return pd.concat(frames, ignore_index=True)


def save(frame: pd.DataFrame, table: str) -> None:
    rows = pa.Table.from_pandas(frame, preserve_index=False)
    write_deltalake(table, rows, mode="overwrite", schema_mode="overwrite", storage_options=lake.storage_options or None)


def load(table: str) -> pd.DataFrame:
    return lake.table(table).to_pandas()


orders = read_orders(files)
orders.sample(5, random_state=1)

# %% [markdown] tags=["lang:en"]
# | column | what it is | filled in |
# |---|---|---|
# | `pedido_id` | the order | when it is placed |
# | `ts_pedido` | when the customer placed it | when it is placed |
# | `ts_registro` | when this row was registered; some orders are registered **again** weeks later, with a corrected distance | with the row |
# | `regiao`, `canal` | where to, ordered how | when it is placed |
# | `distancia_km`, `peso_kg` | how far, how heavy; sometimes missing | when it is placed |
# | `valor` | amount, R$ | when it is placed |
# | `fila_pedidos` | orders waiting in the warehouse at that moment | when it is placed |
# | `saida_atraso_min` | how much later than planned the parcel left | when it leaves |
# | `tempo_entrega_h` | hours until it was there | when it arrives |
# | `nota_cliente` | the customer's stars | days later |
# | `atrasou` | 1 when it came after the promised day: **this is to be predicted** | when it arrives |
#
# The shop grows. Look at how the months differ: whatever you compute over *all* of them knows something about the last ones.

# %% [markdown] tags=["lang:pt-BR"]
# | coluna | o que é | preenchida |
# |---|---|---|
# | `pedido_id` | o pedido | quando é feito |
# | `ts_pedido` | quando o cliente o fez | quando é feito |
# | `ts_registro` | quando esta linha foi registrada; alguns pedidos são registrados **de novo** semanas depois, com a distância corrigida | com a linha |
# | `regiao`, `canal` | para onde, por onde se comprou | quando é feito |
# | `distancia_km`, `peso_kg` | a distância e o peso; às vezes faltam | quando é feito |
# | `valor` | o valor, em R$ | quando é feito |
# | `fila_pedidos` | pedidos esperando no depósito naquele momento | quando é feito |
# | `saida_atraso_min` | quanto depois do planejado o pacote saiu | quando sai |
# | `tempo_entrega_h` | horas até chegar | quando chega |
# | `nota_cliente` | as estrelas do cliente | dias depois |
# | `atrasou` | 1 quando chegou depois do dia prometido: **é isto que se quer prever** | quando chega |
#
# A loja cresce. Veja como os meses diferem: o que você calcular sobre *todos* eles sabe algo sobre os últimos.

# %%
monthly = orders.groupby(orders.ts_pedido.dt.to_period("M").astype(str))[["distancia_km", "fila_pedidos", "atrasou"]].mean()
figure, axes = plt.subplots(1, 3, figsize=(9, 2.2))
for place, name in zip(axes, monthly):
    place.plot(monthly.index.str[-2:], monthly[name], color="#3d5a80", marker="o")
    place.axvspan(5.5, 7.2, color="#a0622d", alpha=0.15)
    place.set_title(name)
plt.show()

# %% [markdown] tags=["lang:en"]
# ## 2 · Worked example: a perfect model
#
# Here is the colleague's model: all seven numbers, a random quarter of the rows kept for testing. And here is what happens when a new order
# comes in: nobody has weighed its delay yet, so the last three columns are empty (the model gets their usual values).

# %% [markdown] tags=["lang:pt-BR"]
# ## 2 · Exemplo resolvido: um modelo perfeito
#
# Eis o modelo da colega: os sete números, um quarto das linhas ao acaso guardado para o teste. E eis o que acontece quando entra um pedido
# novo: ninguém mediu o atraso dele ainda, e as três últimas colunas estão vazias (o modelo recebe os valores de costume).

# %%
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

NUMBERS = ["distancia_km", "peso_kg", "valor", "fila_pedidos", "saida_atraso_min", "tempo_entrega_h", "nota_cliente"]


def forest(rows: pd.DataFrame, columns: list[str]) -> RandomForestClassifier:
    return RandomForestClassifier(60, min_samples_leaf=3, random_state=0).fit(rows[columns].fillna(-1), rows.atrasou)


seen, kept = train_test_split(orders, test_size=0.25, random_state=0)
perfect = forest(seen, NUMBERS)
tonight = kept.copy()
tonight[NUMBERS[4:]] = seen[NUMBERS[4:]].median().to_numpy()

shown = {
    "when it was tested": perfect.score(kept[NUMBERS].fillna(-1), kept.atrasou),
    "when a new order comes in": perfect.score(tonight[NUMBERS].fillna(-1), tonight.atrasou),
    "always the same answer": max(kept.atrasou.mean(), 1 - kept.atrasou.mean()),
}
figure, axes = plt.subplots(figsize=(8, 1.8))
bars = axes.barh(list(shown), list(shown.values()), color=["#3d5a80", "#b3261e", "#b9c0c7"])
axes.bar_label(bars, fmt="%.2f", padding=4)
axes.set_xlim(0, 1.1)
axes.invert_yaxis()
plt.show()

# %% [markdown] tags=["lang:en"]
# The test did not lie: it asked a question that nobody will ever ask. A test is worth something when it **plays the future**: only what is
# known at that moment, only rows from before it to learn from.

# %% [markdown] tags=["lang:pt-BR"]
# O teste não mentiu: fez uma pergunta que ninguém jamais fará. Um teste vale alguma coisa quando **faz o papel do futuro**: só o que se sabe
# naquele momento, só linhas de antes dele para aprender.

# %% [markdown] tags=["lang:en"]
# ## 3 · Guided exercise: what is known?
#
# Complete `KNOWN`: the names of **all** the numbers of the table above that are filled in when an order is placed. One is there.

# %% [markdown] tags=["lang:pt-BR"]
# ## 3 · Exercício guiado: o que se sabe?
#
# Complete `KNOWN`: os nomes de **todos** os números da tabela acima que são preenchidos quando o pedido é feito. Um já está lá.

# %% tags=["solution:known"]
KNOWN = [
    "distancia_km",
    ### BEGIN SOLUTION
    "peso_kg",
    "valor",
    "fila_pedidos",
    ### INSTEAD
    #| # YOUR CODE HERE: the other numbers that are known when an order is placed
    ### END SOLUTION
]

# %%
save(pd.DataFrame({"coluna": KNOWN}), lake.path("mlops", "known"))

# %% tags=["check:known-columns"]
check("prepare.columns")

# %% [markdown] tags=["lang:en"]
# ## 4 · Challenge: the preparation
#
# Write `prepare(files, first_test_day, out)`. From the given files it makes two Delta tables, `{out}/train` and `{out}/test`, which it
# replaces where they are there already.
#
# - **Each order once.** Of an order that was registered several times, the row registered **first** counts: that is what was known when it
#   was placed.
# - **The past and the future.** Orders placed (`ts_pedido`) before `first_test_day` are in `train`, all others in `test`.
# - **Columns**, in any order: `pedido_id`, `ts_pedido` and `atrasou` as they are; each number of `KNOWN` under its own name; and
#   `regiao_atraso`. No others, and no nulls.
# - **Each number** is first filled, where it is missing, with the **median** of the `train` rows, and then becomes
#   *(number − mean) ÷ standard deviation*, with the mean and the standard deviation of the `train` rows.
# - **`regiao_atraso`** is the share of late orders (the mean of `atrasou`) of the order's `regiao` among the `train` rows. A region that
#   `train` does not know gets the share of all `train` rows.
# - **Run again**, it gives the same two tables.
#
# Useful: `sort_values`, `drop_duplicates("pedido_id")`, `fillna`, `groupby(...).mean()`, `map`. The next cell prepares your files; the
# last two months are the future.

# %% [markdown] tags=["lang:pt-BR"]
# ## 4 · Desafio: a preparação
#
# Escreva `prepare(files, first_test_day, out)`. A partir dos arquivos dados, ela faz duas tabelas Delta, `{out}/train` e `{out}/test`, que
# substitui se já existirem.
#
# - **Cada pedido uma vez.** De um pedido registrado várias vezes vale a linha registrada **primeiro**: é o que se sabia quando ele foi feito.
# - **O passado e o futuro.** Pedidos feitos (`ts_pedido`) antes de `first_test_day` ficam em `train`, todos os outros em `test`.
# - **Colunas**, em qualquer ordem: `pedido_id`, `ts_pedido` e `atrasou` como são; cada número de `KNOWN` com o próprio nome; e
#   `regiao_atraso`. Nenhuma outra, e nenhum nulo.
# - **Cada número** primeiro é preenchido, onde falta, com a **mediana** das linhas de `train`, e depois vira
#   *(número − média) ÷ desvio padrão*, com a média e o desvio padrão das linhas de `train`.
# - **`regiao_atraso`** é a proporção de pedidos atrasados (a média de `atrasou`) da `regiao` do pedido entre as linhas de `train`. Uma região
#   que `train` não conhece recebe a proporção de todas as linhas de `train`.
# - **Executada de novo**, ela dá as mesmas duas tabelas.
#
# Úteis: `sort_values`, `drop_duplicates("pedido_id")`, `fillna`, `groupby(...).mean()`, `map`. A célula seguinte prepara os seus arquivos;
# os dois últimos meses são o futuro.

# %% tags=["solution:prepare"]
def prepare(files: list[str], first_test_day: str, out: str) -> None:
    ### BEGIN SOLUTION
    orders = read_orders(files).sort_values("ts_registro").drop_duplicates("pedido_id")
    past = orders["ts_pedido"] < pd.Timestamp(first_test_day)
    train = orders[past]
    filled = orders[KNOWN].fillna(train[KNOWN].median())
    ready = (filled - filled[past].mean()) / filled[past].std()
    ready["regiao_atraso"] = orders["regiao"].map(train.groupby("regiao")["atrasou"].mean()).fillna(train["atrasou"].mean())
    ready = pd.concat([orders[["pedido_id", "ts_pedido", "atrasou"]], ready], axis=1)
    save(ready[past], f"{out}/train")
    save(ready[~past], f"{out}/test")
    ### END SOLUTION


# %%
first_test_day = files[-2].rsplit("entregas-", 1)[-1].removesuffix(".csv") + "-01"
out = lake.path("mlops", "prepared")
prepare(files, first_test_day, out)
load(f"{out}/train").describe().loc[["count", "mean", "std", "max"]].round(2)

# %% tags=["check:own-tables"]
check("prepare.tables")

# %% [markdown] tags=["lang:en"]
# After you submit, the same function prepares orders that nobody has seen. It is also given the same past with **another future**: your
# `train` table must not change by a hair, for the past cannot know what comes.

# %% [markdown] tags=["lang:pt-BR"]
# Depois da entrega, a mesma função prepara pedidos que ninguém viu. Ela também recebe o mesmo passado com **outro futuro**: sua tabela
# `train` não pode mudar um fio de cabelo, pois o passado não sabe o que vem.

# %% tags=["check:who-is-where"]
check("prepare.split", "prepare.once")

# %% tags=["check:from-the-past"]
check("prepare.scaled", "prepare.encoded")

# %% tags=["check:another-future"]
check("prepare.future", "prepare.known")

# %% tags=["check:run-again"]
check("prepare.repeat")

# %% [markdown] tags=["lang:en"]
# ## 5 · Break it
#
# Three preparations that anybody could have written, and the same forest after each. The last month is kept away from all of them: it is
# the month in which the model goes live. Before you run the cell, **guess**: which of them promises the most, and which keeps its promise?
#
# - *all columns*: the seven numbers, the seventh month as a test;
# - *shuffled rows*: the known numbers, a random quarter as a test, orders that were registered twice left in;
# - *honest*: the known numbers, each order once, the seventh month as a test.

# %% [markdown] tags=["lang:pt-BR"]
# ## 5 · Quebre
#
# Três preparações que qualquer um poderia ter escrito, e a mesma floresta depois de cada uma. O último mês fica longe de todas: é o mês em
# que o modelo entra no ar. Antes de executar, **dê um palpite**: qual promete mais, e qual cumpre o que promete?
#
# - *all columns*: os sete números, o sétimo mês como teste;
# - *shuffled rows*: os números conhecidos, um quarto ao acaso como teste, pedidos registrados duas vezes deixados lá;
# - *honest*: os números conhecidos, cada pedido uma vez, o sétimo mês como teste.

# %%
month = orders.ts_pedido.dt.to_period("M")
live = orders[month == month.max()].drop_duplicates("pedido_id").copy()
live[NUMBERS[4:]] = orders[NUMBERS[4:]].median().to_numpy()  # nobody knows them yet
past = orders[month < month.max()]
once = past.sort_values("ts_registro").drop_duplicates("pedido_id")
by_time = once[once.ts_pedido < first_test_day], once[once.ts_pedido >= first_test_day]

trials = {
    "all columns": (*by_time, NUMBERS),
    "shuffled rows": (*train_test_split(past, test_size=0.25, random_state=3), KNOWN),
    "honest": (*by_time, KNOWN),
}
promised, kept_promise = {}, {}
for name, (rows, tested, columns) in trials.items():
    model = forest(rows, columns)
    promised[name] = model.score(tested[columns].fillna(-1), tested.atrasou)
    kept_promise[name] = model.score(live[columns].fillna(-1), live.atrasou)

figure, axes = plt.subplots(figsize=(8, 2.4))
pd.DataFrame({"promised": promised, "when live": kept_promise}).plot.barh(ax=axes, color=["#b9c0c7", "#3d5a80"])
for bars in axes.containers:
    axes.bar_label(bars, fmt="%.2f", padding=3)
axes.set_xlim(0, 1.2)
axes.invert_yaxis()
plt.show()

# %% [markdown] tags=["lang:en"]
# No error, no warning. The model that promises the most is the worst one, and its own test was the last to know.

# %% [markdown] tags=["lang:pt-BR"]
# Nenhum erro, nenhum aviso. O modelo que mais promete é o pior, e o próprio teste dele foi o último a saber.

# %% [markdown] tags=["lang:en"]
# ## 6 · Explain it
#
# Your colleague says: "I scaled everything first and split afterwards. It is the same, isn't it? And a random test is the fairest one." In
# about six sentences:
#
# 1. What does a mean over all rows tell the training rows that they cannot know?
# 2. Why does a random quarter not play the future, in a shop that grows? What does an order that is registered twice do to it?
# 3. How would you find out of a new column whether it leaks?
# 4. Give evidence from your own numbers above: what was promised, and what was kept.

# %% [markdown] tags=["lang:pt-BR"]
# ## 6 · Explique
#
# Sua colega diz: "Eu padronizei tudo primeiro e dividi depois. Dá no mesmo, não dá? E um teste ao acaso é o mais justo." Em umas seis
# frases:
#
# 1. O que uma média sobre todas as linhas conta às linhas de treino que elas não podem saber?
# 2. Por que um quarto ao acaso não faz o papel do futuro, numa loja que cresce? O que um pedido registrado duas vezes causa nele?
# 3. Como você descobriria se uma coluna nova vaza?
# 4. Dê evidências dos seus números acima: o que foi prometido e o que foi cumprido.

# %% [markdown] tags=["lang:en", "manual:explain-leak"]
# *Your answer here.*

# %% [markdown] tags=["lang:pt-BR", "manual:explain-leak"]
# *Sua resposta aqui.*

# %% [markdown] tags=["lang:en"]
# ## What you have now
#
# Two tables that do not know each other, and a habit: of each number, ask *when* it is known and *from which rows* it was computed. In the
# next lesson, **Train and track**, a forest learns from such tables, and every number it reports can be made again.
#
# Press **Validate**, then **Submit** in the Assignments list.

# %% [markdown] tags=["lang:pt-BR"]
# ## O que você tem agora
#
# Duas tabelas que não se conhecem, e um hábito: perguntar de cada número *quando* ele é conhecido e *de que linhas* foi calculado. Na próxima
# lição, **Treinar e registrar**, uma floresta aprende com tabelas assim, e todo número que ela relata pode ser refeito.
#
# Clique em **Validate** e depois em **Submit** na lista de tarefas.
