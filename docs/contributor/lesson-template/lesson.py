# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Lakehouse
#     language: python
#     name: lakehouse
# ---

# %% [markdown] tags=["lang:en"]
# # A new lesson
#
# Say in two sentences what the day's problem is, and what the student will have built at the end.

# %% [markdown] tags=["lang:pt-BR"]
# # Uma nova lição
#
# Diga em duas frases qual é o problema de hoje e o que o estudante terá construído no fim.

# %%
from dataflow_kernels.pictures import pipeline

pipeline(today="bronze")

# %% [markdown] tags=["lang:en"]
# ## 1 · Worked example
#
# Show something that goes wrong without a word. `lake` is the student's corner of the object store; the files of the lesson are there.

# %% [markdown] tags=["lang:pt-BR"]
# ## 1 · Exemplo resolvido
#
# Mostre algo que dá errado sem avisar. `lake` é o canto do estudante no armazenamento de objetos; os arquivos da lição já estão lá.

# %%
landing = lake.landing("lesson-template")
lake.files(landing)

# %% [markdown] tags=["lang:en"]
# ## 2 · Challenge
#
# Write `count_lines(landing, table)`: for each file in the folder `landing`, one row in the Delta table at the path `table`, with `file`
# (string, the file's name) and `lines` (long, how many lines it has, whatever is in them). A file without lines counts 0. Run again, it
# leaves the same table. `landing_files(landing, options)` gives the bytes of each file by name.

# %% [markdown] tags=["lang:pt-BR"]
# ## 2 · Desafio
#
# Escreva `count_lines(landing, table)`: para cada arquivo da pasta `landing`, uma linha na tabela Delta do caminho `table`, com `file`
# (string, o nome do arquivo) e `lines` (long, quantas linhas ele tem, não importa o conteúdo). Um arquivo sem linhas conta 0. Executada de
# novo, ela deixa a mesma tabela. `landing_files(landing, options)` dá os bytes de cada arquivo pelo nome.

# %% tags=["solution:count-lines"]
import pandas as pd
from deltalake import write_deltalake

from dataflow_kernels.checks.bench import landing_files


def count_lines(landing: str, table: str) -> None:
    ### BEGIN SOLUTION
    files = landing_files(landing, lake.storage_options)
    rows = pd.DataFrame({"file": list(files), "lines": [content.count(b"\n") for content in files.values()]})
    write_deltalake(table, rows, mode="overwrite", storage_options=lake.storage_options or None)
    ### END SOLUTION


# %%
count_lines(landing, lake.path("bronze", "counts"))

# %% tags=["check:own-files"]
check("counts.schema")

# %% tags=["check:any-files"]
check("counts.lines", "counts.empty")

# %% tags=["check:run-again"]
check("counts.rerun")

# %% [markdown] tags=["lang:en"]
# ## 3 · Break it
#
# Let the student break the pipeline, and look.

# %% [markdown] tags=["lang:pt-BR"]
# ## 3 · Quebre
#
# Deixe o estudante quebrar a rotina e observar.

# %%
count_lines(landing, lake.path("bronze", "counts"))
lake.table(lake.path("bronze", "counts")).to_pandas()

# %% [markdown] tags=["lang:en", "manual:explain-rerun"]
# Why may a job that might run twice not simply add its rows? Use numbers of your own table.

# %% [markdown] tags=["lang:pt-BR", "manual:explain-rerun"]
# Por que uma rotina que pode rodar duas vezes não pode simplesmente somar suas linhas? Use números da sua tabela.
