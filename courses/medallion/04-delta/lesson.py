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
# # Delta inside: the log, MERGE, and a past that can change
#
# "How much did we sell to people **in Olinda** in January?" Ana lives in Olinda. In January she lived in Belém; she moved in February, and
# the shop in Belém sent the form in March. Whoever joins the orders with today's address book moves Ana's January to Olinda, and nobody can
# say why last year's report and this year's differ.
#
# Today you look inside a Delta table, and find two kinds of past in it: **what the table said back then**, which its log keeps, and **what
# was true back then**, which you will keep yourself, in a table that knows from when until when each of its rows was true. Such a table is
# called a *slowly changing dimension of type 2*, **SCD2** for short.
#
# | you will | minutes |
# |---|---|
# | leaf through a table's log | 10 |
# | read older versions, and undo an accident | 15 |
# | join orders with the past | 15 |
# | write the history of the customers, for writers that come at the same moment | 30 |
# | break it three times | 12 |
# | explain it | 8 |

# %% [markdown] tags=["lang:pt-BR"]
# # Delta por dentro: o log, o MERGE e um passado que pode mudar
#
# "Quanto vendemos em janeiro para quem mora **em Olinda**?" A Ana mora em Olinda. Em janeiro ela morava em Belém; mudou-se em fevereiro, e a
# loja de Belém só mandou a ficha em março. Quem junta os pedidos com o cadastro de hoje leva o janeiro da Ana para Olinda, e ninguém sabe
# explicar por que o relatório do ano passado não bate com o deste ano.
#
# Hoje você olha dentro de uma tabela Delta e encontra nela dois tipos de passado: **o que a tabela dizia naquela época**, que o log dela
# guarda, e **o que era verdade naquela época**, que quem guarda é você, numa tabela que sabe de quando até quando cada linha valeu. Uma
# tabela assim se chama *dimensão de mudança lenta do tipo 2*, ou **SCD2** (slowly changing dimension).
#
# | você vai | minutos |
# |---|---|
# | folhear o log de uma tabela | 10 |
# | ler versões antigas e desfazer um acidente | 15 |
# | juntar pedidos com o passado | 15 |
# | escrever o histórico dos clientes, para escritores que chegam ao mesmo tempo | 30 |
# | quebrá-lo três vezes | 12 |
# | explicar | 8 |

# %%
import random
import time

import matplotlib.pyplot as plt
import pandas as pd
import pyarrow as pa
from dataflow_kernels.at_once import at_once
from dataflow_kernels.delta_log import explorer
from dataflow_kernels.pictures import pipeline
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError
from ipywidgets import interact
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

pipeline(today="silver")

# %% [markdown] tags=["lang:en"]
# ## 1 · Worked example: leaf through the log
#
# The shop's old system left a history of its customers: one row for each time that somebody's city or plan changed, with the moment from
# which it was true (`valid_from`) and the one until which it was (`valid_to`; null: it still is). `load_history` makes a Delta table of it,
# in six small files. Then comes Friday afternoon: `accident` is an UPDATE without a WHERE. Leave both functions as they are: your submission is
# checked with them too.
#
# Two engines work on the table here: Spark, and the package `deltalake`, which you know from the MERGE of lesson 1.2 (`lake.table(path)` opens
# a table with it). They never talk to each other. All that they share is the folder, and the log in it.

# %% [markdown] tags=["lang:pt-BR"]
# ## 1 · Exemplo resolvido: folheie o log
#
# O sistema antigo da loja deixou um histórico dos clientes: uma linha para cada vez que a cidade ou o plano de alguém mudou, com o momento a
# partir do qual aquilo valeu (`valid_from`) e o momento até o qual valeu (`valid_to`; nulo: ainda vale). `load_history` faz disso uma tabela
# Delta, em seis arquivos pequenos. Aí chega a sexta-feira à tarde: `accident` é um UPDATE sem WHERE. Deixe as duas funções como estão: a sua
# entrega também é verificada com elas.
#
# Dois motores trabalham na tabela aqui: o Spark e o pacote `deltalake`, que você conhece do MERGE da lição 1.2 (`lake.table(path)` abre uma
# tabela com ele). Um nunca fala com o outro. Tudo o que têm em comum é a pasta, e o log dentro dela.

# %%
landing = lake.landing("04-delta")
HISTORY = "cliente_id STRING, versao INT, cidade STRING, plano STRING, valid_from TIMESTAMP, valid_to TIMESTAMP, is_current BOOLEAN"


def load_history(file: str, table: str) -> None:
    spark.read.schema(HISTORY).json(file).repartition(6).write.format("delta").mode("overwrite").save(table)


def accident(table: str) -> None:
    lake.table(table).update(new_values={"plano": "ouro"})


old_system = lake.path("silver", "historico")
load_history(f"{landing}/historico.jsonl", old_system)
accident(old_system)
spark.read.format("delta").load(old_system).orderBy("cliente_id", "versao").show(5)

# %% [markdown] tags=["lang:en"]
# A Delta table is a folder of Parquet files and a **log**: `_delta_log` has one small JSON file for each version, with *actions* such as
# `add` a file or `remove` a file. Whoever reads version n opens the files that were added and not removed up to n, and no others.
#
# Move the slider between the last two versions. What did the accident write: the rows that it changed, or more? Are the files of the version
# before it still there? What does that cost, and what is it worth?

# %% [markdown] tags=["lang:pt-BR"]
# Uma tabela Delta é uma pasta de arquivos Parquet e um **log**: `_delta_log` tem um pequeno arquivo JSON para cada versão, com *ações* como
# `add` (acrescenta um arquivo) ou `remove` (retira um arquivo). Quem lê a versão n abre os arquivos acrescentados e não retirados até n, e
# nenhum outro.
#
# Mova o controle entre as duas últimas versões. O que o acidente gravou: só as linhas que mudou, ou mais? Os arquivos da versão anterior
# ainda estão lá? Quanto isso custa, e quanto vale?

# %%
explorer(old_system)

# %%
def history(table: str) -> pd.DataFrame:
    """Give the table's versions, the newest first: what was done, on which version it was computed, and when."""
    versions = pd.DataFrame(lake.table(table).history()).astype({"readVersion": "Int64"})
    return versions.assign(when=pd.to_datetime(versions.timestamp, unit="ms"))[["version", "readVersion", "operation", "when"]]


history(old_system).head(4)

# %% [markdown] tags=["lang:en"]
# ## 2 · Guided exercise: read a version, undo a version
#
# Complete `changed_rows(table, version)`: it gives the rows, all columns of them, that the table has in `version` and did not have in the
# version before (`version - 1`). Useful: `spark.read.option("versionAsOf", n).format("delta").load(table)` and `exceptAll`.

# %% [markdown] tags=["lang:pt-BR"]
# ## 2 · Exercício guiado: leia uma versão, desfaça uma versão
#
# Complete `changed_rows(table, version)`: ela devolve as linhas, com todas as colunas, que a tabela tem em `version` e não tinha na versão
# anterior (`version - 1`). Úteis: `spark.read.option("versionAsOf", n).format("delta").load(table)` e `exceptAll`.

# %% tags=["solution:changed-rows"]
def changed_rows(table: str, version: int) -> DataFrame:
    ### BEGIN SOLUTION
    before, after = (spark.read.option("versionAsOf", n).format("delta").load(table) for n in (version - 1, version))
    return after.exceptAll(before)
    ### END SOLUTION


# %%
newest = lake.table(old_system).version()
changed = changed_rows(old_system, newest).withColumn("version", F.lit(newest).cast("long"))
changed.write.format("delta").mode("overwrite").option("overwriteSchema", True).save(lake.path("silver", "changed"))
changed.show(5)

# %% tags=["check:version-query"]
check("delta.version")

# %% [markdown] tags=["lang:en"]
# Now undo it. Write two short functions; each is one or two lines of the package's own commands.
#
# - `undo(table, version)` gives the table the content that it had in `version`, **as a new version**: the accident stays in the log, and
#   every older version can still be read.
# - `tidy(table)` makes one file of the table's small ones (at most two may be left), and then frees the disk of data files that no version of
#   the last **seven days** needs. The content stays as it is, and so do all versions of the last seven days.
#
# Useful: `lake.table(table)` and its methods `restore(version)`, `optimize.compact()` and `vacuum(hours, dry_run=False)`. (In Spark's SQL they
# are called `RESTORE`, `OPTIMIZE` and `VACUUM`, and worth the same points.)

# %% [markdown] tags=["lang:pt-BR"]
# Agora desfaça. Escreva duas funções curtas; cada uma são uma ou duas linhas de comandos do próprio pacote.
#
# - `undo(table, version)` devolve à tabela o conteúdo que ela tinha em `version`, **como uma nova versão**: o acidente continua no log, e
#   toda versão anterior ainda pode ser lida.
# - `tidy(table)` faz um arquivo só dos pequenos da tabela (podem sobrar no máximo dois) e depois libera o disco dos arquivos de dados de que
#   nenhuma versão dos últimos **sete dias** precisa. O conteúdo fica como está, e as versões dos últimos sete dias também.
#
# Úteis: `lake.table(table)` e seus métodos `restore(versão)`, `optimize.compact()` e `vacuum(horas, dry_run=False)`. (No SQL do Spark eles se
# chamam `RESTORE`, `OPTIMIZE` e `VACUUM`, e valem os mesmos pontos.)

# %% tags=["solution:undo-tidy"]
def undo(table: str, version: int) -> None:
    ### BEGIN SOLUTION
    lake.table(table).restore(version)
    ### END SOLUTION


def tidy(table: str) -> None:
    ### BEGIN SOLUTION
    lake.table(table).optimize.compact()
    lake.table(table).vacuum(7 * 24, dry_run=False)
    ### END SOLUTION


# %%
undo(old_system, newest - 1)
tidy(old_system)
explorer(old_system)

# %% [markdown] tags=["lang:en"]
# ## 3 · Guided exercise: join with the past
#
# One bar is one row of the history; the points are the customer's orders. Choose some customers. In which city was each order placed? Find
# somebody with an order before the first bar: what do we know about where they lived?

# %% [markdown] tags=["lang:pt-BR"]
# ## 3 · Exercício guiado: junte com o passado
#
# Cada barra é uma linha do histórico; os pontos são os pedidos do cliente. Escolha alguns clientes. De que cidade saiu cada pedido? Encontre
# alguém com um pedido antes da primeira barra: o que sabemos sobre onde essa pessoa morava?

# %%
ORDER = "pedido_id STRING, cliente_id STRING, valor DOUBLE, ts_evento TIMESTAMP"
history_rows = spark.read.format("delta").load(old_system).toPandas()
order_rows = spark.read.schema(ORDER).json(f"{landing}/pedidos.jsonl").toPandas()
end = order_rows.ts_evento.max() + pd.Timedelta(days=60)


@interact(cliente_id=sorted(set(order_rows.cliente_id) & set(history_rows.cliente_id)))
def life_of(cliente_id):
    rows = history_rows[history_rows.cliente_id == cliente_id].sort_values("valid_from")
    until = rows.valid_to.fillna(end)
    _, axes = plt.subplots(figsize=(9, 1.6))
    axes.barh(rows.cidade, until - rows.valid_from, left=rows.valid_from, color="#6f7f8f", height=0.5)
    for when in order_rows[order_rows.cliente_id == cliente_id].ts_evento:
        axes.axvline(when, color="#a0622d", linewidth=1.2)
    axes.set_xlim(order_rows.ts_evento.min() - pd.Timedelta(days=60), end)
    plt.show()


# %% [markdown] tags=["lang:en"]
# Complete `as_of_join(orders, history, out)`. It writes to the Delta table `out` one row for **each order**, with `cidade` and `plano` of
# the row of the history that was valid at the order's `ts_evento`:
#
# - A row is valid **from** `valid_from`, that very moment included, **until** `valid_to`, that moment *not* included: at that moment the next
#   row is valid already. `valid_to` null means that it still is.
# - An order of which the history knows nothing at that moment stays, with null in `cidade` and `plano`.

# %% [markdown] tags=["lang:pt-BR"]
# Complete `as_of_join(orders, history, out)`. Ela grava na tabela Delta `out` uma linha para **cada pedido**, com `cidade` e `plano` da linha
# do histórico que valia no `ts_evento` do pedido:
#
# - Uma linha vale **a partir de** `valid_from`, incluindo esse exato momento, **até** `valid_to`, *sem* incluir esse momento: ali já vale a
#   linha seguinte. `valid_to` nulo quer dizer que ainda vale.
# - O pedido sobre o qual o histórico nada sabe naquele momento fica, com nulo em `cidade` e `plano`.

# %% tags=["solution:as-of-join"]
def as_of_join(orders: str, history: str, out: str) -> None:
    o = spark.read.schema(ORDER).json(orders).alias("o")
    h = spark.read.format("delta").load(history).alias("h")
    ### BEGIN SOLUTION
    valid = (F.col("o.ts_evento") >= F.col("h.valid_from")) & (F.col("h.valid_to").isNull() | (F.col("o.ts_evento") < F.col("h.valid_to")))
    joined = o.join(h, (F.col("o.cliente_id") == F.col("h.cliente_id")) & valid, "left")
    ### INSTEAD
    #| joined = o.join(h, F.lit(False), "left")  # YOUR CODE HERE: which row of the history belongs to an order?
    ### END SOLUTION
    joined.select("o.*", "h.cidade", "h.plano").write.format("delta").mode("overwrite").option("overwriteSchema", True).save(out)


# %%
in_time = lake.path("gold", "pedidos_no_tempo")
as_of_join(f"{landing}/pedidos.jsonl", old_system, in_time)

joined = spark.read.format("delta").load(in_time).toPandas()
today = history_rows[history_rows.is_current].set_index("cliente_id").cidade
both = pd.DataFrame({"then": joined.groupby("cidade").valor.sum(), "today": joined.groupby(joined.cliente_id.map(today)).valor.sum()})
both.plot.barh(figsize=(8, 3), color=["#3d5a80", "#b9c0c7"], ylabel="", title="valor")
plt.show()

# %% tags=["check:orders-in-time"]
check("delta.join")

# %% [markdown] tags=["lang:en"]
# ## 4 · Challenge: keep the history yourself
#
# From now on the changes come as files: `cadastro-0001.jsonl` and so on from headquarters, `filial-1.jsonl` and so on from the branches (these
# wait until part 5). A line says: *from `changed_at` on, this customer has this city and this plan*. `versao` counts a customer's changes in the order in which
# they happened; two changes of a customer never have the same `changed_at`.

# %% [markdown] tags=["lang:pt-BR"]
# ## 4 · Desafio: guarde você o histórico
#
# Daqui em diante as mudanças chegam em arquivos: `cadastro-0001.jsonl` e assim por diante vêm da matriz, `filial-1.jsonl` e assim por diante
# vêm das filiais (estes esperam a parte 5). Uma linha diz: *a partir de `changed_at`, este cliente tem esta cidade e este plano*. `versao` conta as mudanças de um
# cliente na ordem em que aconteceram; duas mudanças de um cliente nunca têm o mesmo `changed_at`.

# %%
CHANGE = "cliente_id STRING, cidade STRING, plano STRING, changed_at TIMESTAMP, versao INT"
files = [name for name in lake.files(landing) if name.startswith("cadastro")]
branches = [name for name in lake.files(landing) if name.startswith("filial")]
arrivals = spark.read.schema(CHANGE).json([f"{landing}/{name}" for name in files + branches]).withColumn("file", F.element_at(F.split(F.input_file_name(), "/"), -1))
arrivals.groupBy("file").agg(F.count("*").alias("lines"), F.count_distinct("cliente_id").alias("customers"), F.min("changed_at"), F.max("changed_at")).orderBy("file").show()

# %% [markdown] tags=["lang:en"]
# Write `apply_changes(changes, table)`. It brings the changes of the file `changes` into the Delta table at the path `table`, whose columns
# are those of `COLUMNS`, below (others are welcome). For each customer the rows follow each other without a gap and without an overlap: `valid_to`
# is the next row's `valid_from`; the last row has null there, and it alone has `is_current` true. What it has to stand:
#
# - **Several changes of one customer in one file, in no order**, and the same line twice, in one file or in two.
# - **Late changes.** A file may bring a change that happened *before* changes which the table has already. It takes its place among them, and
#   what is current stays current.
# - **Changes that repeat the values.** Keep them as rows too: a late change may turn out to have happened just before.
# - **Run again, it changes nothing**, also when newer files have been applied since.
# - **A reader may come at any moment.** Every version of the table is whole: each customer in it has exactly one current row.
# - **Other writers work on the same table.** Delta lets the one who commits first win; the other's commit is refused, with
#   `CommitFailedError`, because what it read is no longer true. Then *read again and try again*: the other writer is no error, and both files
#   must be in the table when both calls have returned. A call that cannot commit for any other reason **raises**.
# - **The table may not exist yet**; the first call is alone. The function keeps nothing outside of the table.
#
# Useful: the MERGE of lesson 1.2 (`delta_table` and `fitting` are those of that lesson): each target row may match **one** source row at most.
# `delta_table` opens the table as it is at that moment; a MERGE through what it gives is refused when somebody has committed since, and its
# `.version()` is the number with which Spark reads the very same version (`versionAsOf`). `F.lead("valid_from").over(Window…)` is the next
# row's `valid_from`. What rows of *these* customers would the whole history consist of, with the new changes in it? (Spark's own `MERGE
# INTO` is worth the same points; its conflicts have other names.)

# %% [markdown] tags=["lang:pt-BR"]
# Escreva `apply_changes(changes, table)`. Ela leva as mudanças do arquivo `changes` para a tabela Delta no caminho `table`, cujas colunas são
# as de `COLUMNS`, abaixo (outras são bem-vindas). As linhas de cada cliente se seguem sem intervalo vazio e sem sobreposição: `valid_to` é o
# `valid_from` da linha seguinte; a última tem nulo ali, e só ela tem `is_current` verdadeiro. O que ela precisa aguentar:
#
# - **Várias mudanças de um cliente num arquivo, em qualquer ordem**, e a mesma linha duas vezes, num arquivo ou em dois.
# - **Mudanças atrasadas.** Um arquivo pode trazer uma mudança que aconteceu *antes* de outras que a tabela já tem. Ela ocupa o seu lugar entre
#   elas, e o que é atual continua atual.
# - **Mudanças que repetem os valores.** Guarde-as como linhas também: uma mudança atrasada pode ter acontecido logo antes.
# - **Executada de novo, não muda nada**, mesmo que arquivos mais novos tenham sido aplicados nesse meio-tempo.
# - **Um leitor pode chegar a qualquer momento.** Toda versão da tabela está inteira: cada cliente nela tem exatamente uma linha atual.
# - **Há outros escritores na mesma tabela.** No Delta, quem faz o commit primeiro vence; o commit do outro é recusado, com
#   `CommitFailedError`, porque o que ele leu já não é verdade. Então *leia de novo e tente de novo*: o outro escritor não é um erro, e os dois
#   arquivos precisam estar na tabela quando as duas chamadas terminarem. Se o commit não for possível por qualquer outro motivo, a chamada
#   **levanta um erro**.
# - **A tabela pode ainda não existir**; a primeira chamada vem sozinha. A função não guarda nada fora da tabela.
#
# Úteis: o MERGE da lição 1.2 (`delta_table` e `fitting` são os daquela lição): cada linha do destino pode casar com **uma** linha da origem,
# no máximo. `delta_table` abre a tabela como ela está naquele momento; um MERGE feito pelo que ela devolve é recusado se alguém fez um commit
# depois disso, e o `.version()` dele é o número com que o Spark lê exatamente a mesma versão (`versionAsOf`).
# `F.lead("valid_from").over(Window…)` é o `valid_from` da linha seguinte. De que linhas *destes* clientes seria feito o histórico inteiro, já
# com as mudanças novas? (O `MERGE INTO` do próprio Spark vale os mesmos pontos; os conflitos dele têm outros nomes.)

# %%
TEXT, TIME = pa.string(), pa.timestamp("us", "UTC")
COLUMNS = pa.schema(
    [("cliente_id", TEXT), ("versao", pa.int32()), ("cidade", TEXT), ("plano", TEXT), ("valid_from", TIME), ("valid_to", TIME)]
    + [("is_current", pa.bool_())]
)


def delta_table(path: str, schema: pa.Schema) -> DeltaTable:
    """Open the Delta table at `path`; make an empty one with these columns when there is none."""
    write_deltalake(path, schema.empty_table(), mode="ignore", storage_options=lake.storage_options)
    return lake.table(path)


def fitting(rows: DataFrame, schema: pa.Schema) -> pa.Table:
    """Give the rows with the columns of `schema` only, ready for a MERGE into such a table."""
    return rows.select(*schema.names).toArrow().cast(schema)


# %% tags=["solution:apply-changes"]
def apply_changes(changes: str, table: str) -> None:
    ### BEGIN SOLUTION
    new = spark.read.schema(CHANGE).json(changes).withColumnRenamed("changed_at", "valid_from")
    facts = ["cliente_id", "versao", "cidade", "plano", "valid_from"]
    in_time = Window.partitionBy("cliente_id").orderBy("valid_from")

    for attempts_left in reversed(range(10)):
        target = delta_table(table, COLUMNS)
        try:
            known = spark.read.option("versionAsOf", target.version()).format("delta").load(table).join(new, "cliente_id", "left_semi")
            whole = known.select(facts).union(new.select(facts)).dropDuplicates(["cliente_id", "versao"])
            rows = whole.withColumn("valid_to", F.lead("valid_from").over(in_time)).withColumn("is_current", F.col("valid_to").isNull())
            merge = target.merge(fitting(rows, COLUMNS), "old.cliente_id = new.cliente_id AND old.versao = new.versao", "new", "old")
            merge.when_matched_update_all("old.valid_to IS DISTINCT FROM new.valid_to").when_not_matched_insert_all().execute()
            return
        except CommitFailedError:
            if not attempts_left:
                raise
            time.sleep(random.uniform(0, 0.5))
    ### END SOLUTION


# %%
clientes = lake.path("silver", "clientes")
if DeltaTable.is_deltatable(clientes, lake.storage_options):
    lake.table(clientes).delete()  # start anew

for name in files:
    apply_changes(f"{landing}/{name}", clientes)
table = spark.read.format("delta").load(clientes)
table.agg(F.count("*").alias("rows"), F.count_distinct("cliente_id").alias("customers"), F.count_if("is_current").alias("current")).show()

# %% tags=["check:own-history"]
check("delta.current")

# %% [markdown] tags=["lang:en"]
# That was your data. After you submit, your functions meet files that nobody has seen. These are the properties they will be asked for:

# %% [markdown] tags=["lang:pt-BR"]
# Esses eram os seus dados. Depois da entrega, as suas funções encontram arquivos que ninguém viu. Estas são as propriedades que serão
# cobradas:

# %% tags=["check:true-history"]
check("delta.scd2", "delta.late", "delta.rerun")

# %% tags=["check:many-writers"]
check("delta.whole", "delta.conflict", "delta.crash")

# %% tags=["check:old-versions"]
check("delta.asof", "delta.restore", "delta.travel")

# %% [markdown] tags=["lang:en"]
# ## 5 · Break it
#
# **Two writers at once.** Two colleagues open the same table and correct it, each only their own customers: one the ones in `ouro`, one the
# others. No row is touched by both, and neither retries. **Guess**: will both corrections be there?

# %% [markdown] tags=["lang:pt-BR"]
# ## 5 · Quebre
#
# **Dois escritores ao mesmo tempo.** Dois colegas abrem a mesma tabela e a corrigem, cada um só os seus clientes: um os de plano `ouro`, o
# outro os demais. Nenhuma linha é tocada pelos dois, e nenhum tenta de novo. **Dê um palpite**: as duas correções estarão lá?

# %%
scratch = lake.path("silver", f"scratch_{time.time():.0f}")  # a new table each time you run this cell
apply_changes(f"{landing}/cadastro-0001.jsonl", scratch)


def correct(table: DeltaTable, whose: str, cidade: str) -> None:
    try:
        table.update(predicate=whose, new_values={"cidade": cidade})
        print(f"{cidade}: committed")
    except CommitFailedError as error:
        print(f"{cidade}: refused: {str(error).splitlines()[0]}")


seen_by_one, seen_by_other = lake.table(scratch), lake.table(scratch)  # both have read the same version
correct(seen_by_one, "plano = 'ouro'", "Ouro Preto")
correct(seen_by_other, "plano <> 'ouro'", "Recife")
spark.read.format("delta").load(scratch).groupBy("cidade").count().orderBy(F.desc("count")).show(3)

# %% [markdown] tags=["lang:en"]
# Rows of two plans can share a file, and Delta looks at files: each read what the other rewrote. The loser did not lose quietly, and nothing
# of it is in the table. That is the bargain: *Delta finds the conflict; what to do about it is yours to say.* Now your function, with three
# branches at the same moment:

# %% [markdown] tags=["lang:pt-BR"]
# Linhas de dois planos podem estar no mesmo arquivo, e o Delta olha para arquivos: cada um leu o que o outro reescreveu. Quem perdeu não
# perdeu em silêncio, e nada dele está na tabela. É esse o trato: *o Delta encontra o conflito; o que fazer com ele quem diz é você.* Agora a
# sua função, com três filiais ao mesmo tempo:

# %%
before = spark.read.format("delta").load(scratch).count()
at_once(apply_changes, [{"changes": f"{landing}/{name}", "table": scratch} for name in branches])
sent = arrivals.where(F.col("file").startswith("filial")).select("cliente_id", "versao").distinct().count()
print(f"rows before: {before}   changes sent: {sent}   rows now: {spark.read.format('delta').load(scratch).count()}")
history(scratch)

# %% [markdown] tags=["lang:en"]
# `readVersion` says on which version each commit was computed: one after the other, though they started together.
#
# **A writer that dies between the data and the commit.** Its Parquet file lands in the folder, and nobody is left to write the commit. Before
# you look: what will a reader see, and what will the explorer say of the file?

# %% [markdown] tags=["lang:pt-BR"]
# `readVersion` diz sobre que versão cada commit foi calculado: um depois do outro, embora tenham começado juntos.
#
# **Um escritor que morre entre os dados e o commit.** O arquivo Parquet dele chega à pasta, e não sobra ninguém para escrever o commit. Antes
# de olhar: o que um leitor verá, e o que o explorador dirá do arquivo?

# %%
spark.conf.set("spark.databricks.delta.formatCheck.enabled", False)
spark.read.format("delta").load(scratch).coalesce(1).write.format("parquet").mode("append").save(scratch)
spark.conf.unset("spark.databricks.delta.formatCheck.enabled")
print("rows:", spark.read.format("delta").load(scratch).count())
explorer(scratch)

# %% [markdown] tags=["lang:en"]
# Not only the dead writer's file is unknown to the log: each attempt that was refused has left one, too. Nobody will ever read them.
#
# **VACUUM.** Somebody wants the disk back *now*, and switches off the check that keeps seven days. **Guess** for each version: can it still be
# read?

# %% [markdown] tags=["lang:pt-BR"]
# Não é só o arquivo do escritor morto que o log desconhece: cada tentativa recusada também deixou um. Ninguém jamais vai lê-los.
#
# **VACUUM.** Alguém quer o disco de volta *agora* e desliga a verificação que guarda sete dias. **Dê um palpite** para cada versão: ela ainda
# pode ser lida?

# %%
def can_read(version: int) -> str:
    table = lake.table(scratch)
    table.load_as_version(version)
    try:
        return f"{len(table.to_pandas())} rows"
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0][:70]}"


def look(moment: str) -> None:
    print(moment)
    for row in history(scratch)[::-1].itertuples():
        print(f"  version {row.version} ({row.operation}):", can_read(row.version))


look("before")
lake.table(scratch).vacuum(0, full=True, dry_run=False, enforce_retention_duration=False)
look("after")
explorer(scratch)

# %% [markdown] tags=["lang:en"]
# The log still tells of every version. One of them is lost: it needs a file that a later one rewrote. The others need files that the newest
# needs too, so these are still there; the dead writer's is gone. `VACUUM` is how erasing becomes real, which lesson 1.5 will need. With 0 hours
# it also takes the files from under readers and writers that are at work.
#
# ## 6 · Explain it
#
# Your table of customers has two pasts. Choose a customer; all of them had a change that came late. First comes what each version of your table
# said, last what it says today. Look at the moment of the late change.

# %% [markdown] tags=["lang:pt-BR"]
# O log ainda conta de todas as versões. Uma delas se perdeu: ela precisa de um arquivo que uma posterior reescreveu. As outras precisam de
# arquivos de que a mais nova também precisa, por isso eles ainda estão lá; o do escritor morto se foi. É com `VACUUM` que apagar se torna real, e
# a lição 1.5 vai precisar disso. Com 0 horas, ele também tira os arquivos de quem está lendo ou gravando naquele momento.
#
# ## 6 · Explique
#
# A sua tabela de clientes tem dois passados. Escolha um cliente; todos eles tiveram uma mudança que chegou atrasada. Primeiro vem o que cada
# versão da sua tabela dizia, por último o que ela diz hoje. Olhe o momento da mudança atrasada.

# %%
first_file = arrivals.groupBy("cliente_id", "versao").agg(F.min("file").alias("file"), F.first("changed_at").alias("changed_at")).toPandas()
arrived = first_file.sort_values(["cliente_id", "versao"])
late = arrived[arrived.file > arrived.groupby("cliente_id").file.shift(-1)]
log = lake.table(clientes)
versions = sorted(entry["version"] for entry in log.history(len(files) + 1))
columns = ["versao", "cidade", "plano", "valid_from", "valid_to", "is_current"]


@interact(cliente_id=sorted(late.cliente_id))
def two_pasts(cliente_id):
    shown = ""
    for version in versions:
        log.load_as_version(version)
        rows = log.to_pandas().query("cliente_id == @cliente_id").sort_values("valid_from")[columns]
        if len(rows) and rows.to_string() != shown:
            shown = rows.to_string()
            print(f"version {version}\n{rows.to_string(index=False)}\n")


# %% [markdown] tags=["lang:en"]
# A colleague says: "Why the trouble with `valid_from` and `valid_to`? Delta has time travel. To know where somebody lived in March, I read the
# version of March." In about five sentences:
#
# 1. What does the version of March answer, and what do `valid_from` and `valid_to` answer? When do the two differ?
# 2. For which question does one need the one, and for which the other? What becomes of each after `VACUUM`?
# 3. Give evidence from your own table: a customer, the moment of a late change, what an older version said about that moment and what your
#    table says about it today.

# %% [markdown] tags=["lang:pt-BR"]
# Um colega diz: "Para que todo esse trabalho com `valid_from` e `valid_to`? O Delta tem viagem no tempo. Para saber onde alguém morava em
# março, eu leio a versão de março." Em umas cinco frases:
#
# 1. O que a versão de março responde, e o que respondem `valid_from` e `valid_to`? Quando as duas respostas são diferentes?
# 2. Para que pergunta se precisa de uma, e para qual da outra? O que é de cada uma depois de um `VACUUM`?
# 3. Dê evidências da sua própria tabela: um cliente, o momento de uma mudança atrasada, o que uma versão antiga dizia sobre esse momento e o
#    que a sua tabela diz dele hoje.

# %% [markdown] tags=["lang:en", "manual:explain-two-pasts"]
# *Your answer here.*

# %% [markdown] tags=["lang:pt-BR", "manual:explain-two-pasts"]
# *Sua resposta aqui.*

# %% [markdown] tags=["lang:en"]
# ## What you have now
#
# A history of the customers that answers "what was true then?", takes changes late, twice and from several writers at once, and a log that
# answers "what did we believe then?" and can take back a bad Friday. In the next lesson, **Governance**, you find out who may know all this,
# and how to forget somebody for good.
#
# Press **Validate**, then **Submit** in the Assignments list. The receipt that you get is your proof.

# %% [markdown] tags=["lang:pt-BR"]
# ## O que você tem agora
#
# Um histórico dos clientes que responde "o que era verdade?" e aceita mudanças atrasadas, repetidas e de vários escritores ao mesmo tempo; e
# um log que responde "em que acreditávamos?" e consegue desfazer uma sexta-feira ruim. Na próxima lição, **Governança**, você descobre quem
# pode saber de tudo isso, e como esquecer alguém de vez.
#
# Clique em **Validate** e depois em **Submit** na lista de tarefas. O recibo que você recebe é a sua prova de entrega.
