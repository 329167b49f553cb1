# %% [markdown] tags=["lang:en"]
# # Scaling Spark: partitions, cores, workers
#
# "Add workers" is the advice that everybody gives. It helps when the work is in enough pieces, and the pieces are of one size. Both can be
# seen on two cores, before a cluster is paid for.

# %% [markdown] tags=["lang:pt-BR"]
# # Escalar o Spark: partições, núcleos, workers
#
# "Coloque mais workers" é o conselho que todos dão. Ele ajuda quando o trabalho está em pedaços suficientes e os pedaços têm o mesmo
# tamanho. As duas coisas se veem em dois núcleos, antes de pagar por um cluster.

# %%
import time

import matplotlib.pyplot as plt
import pandas as pd
from pyspark.sql import functions as F

cores = spark.sparkContext.defaultParallelism
cores


# %% [markdown] tags=["lang:en"]
# ## Pieces: one task for each partition
# A task is one partition on one core. With one partition a second core has nothing to do. With a thousand, each costs more to start than
# to run. We run the same sum over 4 million rows in 1 to 64 pieces.

# %% [markdown] tags=["lang:pt-BR"]
# ## Pedaços: uma tarefa por partição
# Uma tarefa é uma partição em um núcleo. Com uma só partição, o segundo núcleo não tem o que fazer. Com mil, cada uma custa mais para
# começar do que para rodar. Fazemos a mesma soma sobre 4 milhões de linhas em 1 a 64 pedaços.


# %%
def seconds(pieces: int) -> float:
    begin = time.perf_counter()
    rows = spark.range(0, 4_000_000, numPartitions=pieces).select(F.sum(F.sqrt("id") * F.log1p("id")).alias("total"))
    rows.collect()
    return time.perf_counter() - begin


seconds(2)  # the first query pays for compiling
times = pd.Series({pieces: min(seconds(pieces) for _ in range(2)) for pieces in (1, 2, 4, 16, 64)}, name="seconds")
axes = times.plot.bar(figsize=(7, 2.6), rot=0, color="#a0622d")
axes.set_xlabel("partitions")
axes.set_ylabel("seconds")
plt.show()

# %% [markdown] tags=["lang:en"]
# ## Skew: the slowest piece decides
# A key that half of the rows share is one piece, on one core, on however many machines. Here `A` has most of the rows: look at the rows
# in each partition after a shuffle by key, and after the same with a **salt** that spreads it.

# %% [markdown] tags=["lang:pt-BR"]
# ## Assimetria: o pedaço mais lento decide
# Uma chave que metade das linhas compartilha é um pedaço só, em um núcleo só, não importa quantas máquinas haja. Aqui `A` tem a maior
# parte das linhas: veja as linhas em cada partição depois de um shuffle pela chave, e depois do mesmo com um **sal** que a espalha.

# %%
rows = spark.range(400_000).select(F.when(F.col("id") % 10 < 7, "A").otherwise(F.concat(F.lit("K"), F.col("id") % 97)).alias("key"), "id")


def spread(*by) -> list[int]:
    counted = rows.repartition(8, *by).groupBy(F.spark_partition_id().alias("p")).count().collect()
    found = {row["p"]: row["count"] for row in counted}
    return [found.get(number, 0) for number in range(8)]


shapes = pd.DataFrame({"by key": spread("key"), "by key and salt": spread("key", F.col("id") % 8)})
axes = shapes.plot.bar(figsize=(8, 2.6), rot=0, color=["#a0622d", "#3d5a80"])
axes.set_xlabel("partition")
axes.set_ylabel("rows")
plt.show()
assert shapes["by key"].max() > 2 * shapes["by key and salt"].max()

# %% [markdown] tags=["lang:en"]
# The result must not change with the shape of the work. It does not: sums of salted groups add up.

# %% [markdown] tags=["lang:pt-BR"]
# O resultado não pode mudar com a forma do trabalho. E não muda: as somas dos grupos com sal fecham.

# %%
plain = rows.groupBy("key").agg(F.sum("id").alias("total"))
parts = rows.groupBy("key", (F.col("id") % 8).alias("salt")).agg(F.sum("id").alias("part"))
salted = parts.groupBy("key").agg(F.sum("part").alias("total"))
assert plain.exceptAll(salted).isEmpty()

# %% [markdown] tags=["lang:en"]
# ## From here to a cluster
# Spark's own adaptive execution joins small pieces and splits skewed joins; look at the final plan of a query before you tune by hand.
# What a cluster changes is the number of cores that take tasks: three workers with two cores each are six tasks at a time. Your code does
# not change. What you set is how large a worker is (`spark.executor.cores`, `spark.executor.memory`) and how many there are; in this lab
# your Spark is one process with the cores and the memory that the lab gives each student, and no cluster was run here.
#
# | sign | what helps |
# |---|---|
# | all tasks long, all cores busy | more cores |
# | one task long, the others waiting | another key, a salt, a broadcast join |
# | thousands of tasks of milliseconds | fewer partitions, fewer small files (`OPTIMIZE`) |
# | tasks that spill or die | more memory a core, smaller partitions |

# %% [markdown] tags=["lang:pt-BR"]
# ## Daqui para um cluster
# A execução adaptativa do próprio Spark junta pedaços pequenos e divide joins assimétricos; olhe o plano final de uma consulta antes de
# ajustar à mão. O que um cluster muda é o número de núcleos que recebem tarefas: três workers de dois núcleos são seis tarefas por vez.
# Seu código não muda. O que se define é o tamanho de um worker (`spark.executor.cores`, `spark.executor.memory`) e quantos são; neste
# laboratório seu Spark é um processo só, com os núcleos e a memória que o laboratório dá a cada estudante, e nenhum cluster foi
# executado aqui.
#
# | sinal | o que ajuda |
# |---|---|
# | todas as tarefas longas, todos os núcleos ocupados | mais núcleos |
# | uma tarefa longa, as outras esperando | outra chave, sal, join com broadcast |
# | milhares de tarefas de milissegundos | menos partições, menos arquivos pequenos (`OPTIMIZE`) |
# | tarefas que derramam em disco ou morrem | mais memória por núcleo, partições menores |
