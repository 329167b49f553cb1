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
# # Train and track
#
# "Last month's model was better." "Which one?" "The one on my laptop. It had 0.81." "Of what? On which orders? With which parameters?"
# Silence.
#
# Training a forest takes two lines. Being able to say, in three months, *which* forest it was, what it learned from, and that its number is
# true takes a little more: that is **tracking**. Today every number you report can be made again by somebody who does not trust you.
#
# | you will | minutes |
# |---|---|
# | meet the past, the choice and the exam | 10 |
# | track one run, and read it again | 15 |
# | give the data a version | 10 |
# | write the training: try, choose, examine, once | 25 |
# | break it: choose by the exam | 8 |
# | explain it | 7 |

# %% [markdown] tags=["lang:pt-BR"]
# # Treinar e registrar
#
# "O modelo do mês passado era melhor." "Qual deles?" "O do meu notebook. Tinha 0,81." "De quê? Em que pedidos? Com quais parâmetros?"
# Silêncio.
#
# Treinar uma floresta leva duas linhas. Poder dizer, daqui a três meses, *qual* floresta era, com o que aprendeu, e que o número dela é
# verdadeiro exige um pouco mais: é o **registro de experimentos** (tracking). Hoje, todo número que você relatar poderá ser refeito por alguém
# que não confia em você.
#
# | você vai | minutos |
# |---|---|
# | conhecer o passado, a escolha e a prova | 10 |
# | registrar uma execução e lê-la de novo | 15 |
# | dar uma versão aos dados | 10 |
# | escrever o treino: tentar, escolher, fazer a prova, uma vez | 25 |
# | quebrar: escolher pela prova | 8 |
# | explicar | 7 |

# %%
import hashlib
import io

import matplotlib.pyplot as plt
import mlflow
import pandas as pd
import pyarrow as pa
from dataflow_kernels.pictures import model_path
from deltalake import write_deltalake
from mlflow.models import infer_signature
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score

model_path(today="train")

# %% [markdown] tags=["lang:en"]
# ## 1 · The past, the choice and the exam
#
# The orders are those of lesson 2.1: will the parcel be late (`atrasou` = 1)? They are prepared for you here: `parts` gives three data
# frames by time. **train** is what a model learns from. **validation** is the month by which we *choose* among models. **test** is the exam:
# the two last months, opened once, when the choice is made. `features` gives the numbers a model may see.

# %% [markdown] tags=["lang:pt-BR"]
# ## 1 · O passado, a escolha e a prova
#
# Os pedidos são os da lição 2.1: a entrega vai atrasar (`atrasou` = 1)? Aqui eles já vêm preparados: `parts` devolve três data frames, pelo
# tempo. **train** é aquilo com que um modelo aprende. **validation** é o mês pelo qual *escolhemos* entre modelos. **test** é a prova: os
# dois últimos meses, abertos uma vez, quando a escolha já foi feita. `features` dá os números que um modelo pode ver.

# %%
landing = lake.landing("02-train")
files = [f"{landing}/{name}" for name in lake.files(landing)]

CHANNELS = ["site", "app", "loja", "telefone"]
REGIONS = ["São Paulo", "Rio de Janeiro", "Minas Gerais", "Bahia", "Paraná", "Ceará", "Pará", "Goiás", "Amapá"]
NUMBERS = ["distancia_km", "peso_kg", "valor", "fila_pedidos"]
FEATURES = NUMBERS + [f"canal_{name}" for name in CHANNELS] + [f"regiao_{name}" for name in REGIONS]


def parts(files: list[str], validation_day: str, test_day: str) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    rows = pd.concat([pd.read_csv(io.BytesIO(lake.read(file)), parse_dates=["ts_pedido", "ts_registro"]) for file in files])
    rows = rows.sort_values(["ts_registro", "pedido_id"]).drop_duplicates("pedido_id").reset_index(drop=True)
    past, exam = rows.ts_pedido < validation_day, rows.ts_pedido >= test_day
    return rows[past], rows[~past & ~exam], rows[exam]


def features(orders: pd.DataFrame) -> pd.DataFrame:
    table = orders[NUMBERS].fillna(-1.0).astype(float)
    for name in CHANNELS:
        table[f"canal_{name}"] = (orders.canal == name).astype(float)
    for name in REGIONS:
        table[f"regiao_{name}"] = (orders.regiao == name).astype(float)
    return table[FEATURES]


def save(frame: pd.DataFrame, table: str) -> None:
    rows = pa.Table.from_pandas(frame, preserve_index=False)
    write_deltalake(table, rows, mode="overwrite", schema_mode="overwrite", storage_options=lake.storage_options or None)


months = [file.rsplit("entregas-", 1)[-1].removesuffix(".csv") for file in files]
validation_day, test_day = f"{months[5]}-01", f"{months[6]}-01"
train, validation, test = parts(files, validation_day, test_day)
pd.DataFrame({"orders": map(len, (train, validation, test)), "late": [each.atrasou.mean() for each in (train, validation, test)]}, ["train", "validation", "test"]).round(2)

# %% [markdown] tags=["lang:en"]
# The number that we report is **F1 of the late orders**: it asks how many of the late ones were found, and how many of the warnings were
# right. `f1_score(truth, predicted)` gives it (its default is the class 1; an average over both classes is another number). A model that
# has learned by heart shines on what it has seen:

# %% [markdown] tags=["lang:pt-BR"]
# O número que relatamos é o **F1 dos pedidos atrasados**: ele pergunta quantos dos atrasados foram encontrados e quantos dos avisos estavam
# certos. `f1_score(verdade, previsto)` o calcula (por padrão, da classe 1; uma média das duas classes é outro número). Um modelo que decorou
# brilha no que já viu:

# %%
learned, unseen = [], []
depths = [1, 2, 4, 6, 9, 12, 20]
for depth in depths:
    model = RandomForestClassifier(60, max_depth=depth, random_state=0).fit(features(train), train.atrasou)
    learned.append(f1_score(train.atrasou, model.predict(features(train))))
    unseen.append(f1_score(validation.atrasou, model.predict(features(validation))))

figure, axes = plt.subplots(figsize=(8, 2.6))
axes.plot(depths, learned, color="#b9c0c7", marker="o", label="train")
axes.plot(depths, unseen, color="#3d5a80", marker="o", label="validation")
axes.set_xlabel("max_depth")
axes.set_ylabel("F1")
axes.legend()
plt.show()

# %% [markdown] tags=["lang:en"]
# ## 2 · Worked example: one run
#
# An **experiment** holds **runs**. A run remembers what you tell it: parameters, metrics, tags, and the model itself with its **signature**,
# the names and types of what it takes. `tracking.set_experiment` opens one in your own namespace; nothing else needs setting up.

# %% [markdown] tags=["lang:pt-BR"]
# ## 2 · Exemplo resolvido: uma execução
#
# Um **experimento** guarda **execuções** (runs). Uma execução lembra o que você conta a ela: parâmetros, métricas, tags e o próprio modelo com
# a sua **assinatura**, os nomes e tipos do que ele recebe. `tracking.set_experiment` abre um no seu espaço; não há mais nada a configurar.

# %%
def log_model(model, table: pd.DataFrame) -> None:
    signature = infer_signature(table, model.predict(table))
    mlflow.sklearn.log_model(
        model, name="model", signature=signature, pip_requirements=["scikit-learn"], skops_trusted_types=["sklearn.tree._tree.Tree"]
    )


tracking.set_experiment("first-steps")
with mlflow.start_run() as run:
    parameters = {"max_depth": 4, "min_samples_leaf": 5}
    model = RandomForestClassifier(60, random_state=0, **parameters).fit(features(train), train.atrasou)
    mlflow.log_params(parameters)
    mlflow.log_metric("f1_validation", f1_score(validation.atrasou, model.predict(features(validation))))
    mlflow.set_tag("why", "my first run")
    log_model(model, features(train))

tracking.runs("first-steps")[["run_id", "status", "params.max_depth", "metrics.f1_validation", "tags.why"]].head(3)

# %% [markdown] tags=["lang:en"]
# Change `max_depth` and run the cell again: nothing is overwritten, the new run stands beside the old one. And the model can be brought
# back by anybody who knows its run:

# %% [markdown] tags=["lang:pt-BR"]
# Mude `max_depth` e execute a célula de novo: nada é sobrescrito, a nova execução fica ao lado da antiga. E o modelo pode ser trazido de
# volta por quem conhece a execução:

# %%
again = mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model")
(again.predict(features(validation)) == model.predict(features(validation))).all()

# %% [markdown] tags=["lang:en"]
# ## 3 · Guided exercise: a version of the data
#
# A model is its code, its parameters **and its data**. Complete `data_version(files)`: the SHA-256, as 64 hexadecimal digits, of the bytes
# of all the files, one after the other, **in the order of the files' names** (of the name after the last `/`), however the list is
# ordered. Same bytes, same version; one byte more, another version.

# %% [markdown] tags=["lang:pt-BR"]
# ## 3 · Exercício guiado: uma versão dos dados
#
# Um modelo é o seu código, os seus parâmetros **e os seus dados**. Complete `data_version(files)`: o SHA-256, em 64 dígitos hexadecimais, dos
# bytes de todos os arquivos, um depois do outro, **na ordem dos nomes dos arquivos** (do nome depois da última `/`), seja qual for a ordem
# da lista. Mesmos bytes, mesma versão; um byte a mais, outra versão.

# %% tags=["solution:data-version"]
def data_version(files: list[str]) -> str:
    digest = hashlib.sha256()
    ### BEGIN SOLUTION
    for file in sorted(files, key=lambda file: file.rsplit("/", 1)[-1]):
        digest.update(lake.read(file))
    ### INSTEAD
    #| # YOUR CODE HERE: digest.update(...) with the bytes of each file, lake.read(file), in the right order
    ### END SOLUTION
    return digest.hexdigest()


# %%
save(pd.DataFrame({"version": [data_version(files[::-1])]}), lake.path("mlops", "version"))

# %% tags=["check:own-version"]
check("train.digest")

# %% [markdown] tags=["lang:en"]
# ## 4 · Challenge: try, choose, examine, once
#
# Write `train_and_track(files, validation_day, test_day, out)`. When it is called, the experiment is already chosen.
#
# - **Try.** Each of the three candidates in `GRID` is a forest of **60 trees** with its parameters, fitted on **train** only. Each is one run
#   of its own, with the candidate's entries as params and the metric `f1_validation`.
# - **Choose.** The candidate with the best `f1_validation` is the chosen one (any of them, where two are equal).
# - **Examine.** Only the chosen one meets **test**: its run, and no other, has the metric `f1_test` and the tag `chosen` = `yes`.
# - **Remember.** Every run has the tag `data_version`; the run of the chosen one has its model, with a signature whose inputs are
#   `FEATURES` (`log_model` does that).
# - **Leave evidence.** The Delta table `{out}/predictions`, replaced if it is there, has the columns `run_id` (string), `part` (string),
#   `pedido_id` (string), `previsto` (integer, 0 or 1) and no others: for **each** run its predictions for every order of validation
#   (`part` = `validation`); and for the chosen one those for every order of test (`part` = `test`). Who does not trust you computes
#   your metrics from it.
# - **Again.** A second call with the same arguments adds runs, with the same metrics, and the same predictions: nothing may depend on chance.
# - A forest is expected to be right on test at least 5 percentage points more often than the best constant answer. If yours is not, look for
#   a mistake.
#
# `train_in` is given: it lets your function work in an experiment of its own, for one store of runs.

# %% [markdown] tags=["lang:pt-BR"]
# ## 4 · Desafio: tentar, escolher, fazer a prova, uma vez
#
# Escreva `train_and_track(files, validation_day, test_day, out)`. Quando ela é chamada, o experimento já está escolhido.
#
# - **Tentar.** Cada um dos três candidatos de `GRID` é uma floresta de **60 árvores** com os seus parâmetros, ajustada só com **train**. Cada
#   um é uma execução própria, com as entradas do candidato como params e a métrica `f1_validation`.
# - **Escolher.** O candidato com o melhor `f1_validation` é o escolhido (qualquer um deles, se houver empate).
# - **Fazer a prova.** Só o escolhido encontra **test**: a sua execução, e nenhuma outra, tem a métrica `f1_test` e a tag `chosen` = `yes`.
# - **Lembrar.** Toda execução tem a tag `data_version`; a do escolhido tem o modelo, com uma assinatura cujas entradas são `FEATURES`
#   (`log_model` faz isso).
# - **Deixar evidências.** A tabela Delta `{out}/predictions`, substituída se já existir, tem as colunas `run_id` (string), `part` (string),
#   `pedido_id` (string), `previsto` (inteiro, 0 ou 1) e nenhuma outra: para **cada** execução, as previsões de todo pedido de validation
#   (`part` = `validation`); e, para o escolhido, as de todo pedido de test (`part` = `test`). Quem não confia em você calcula as suas
#   métricas a partir dela.
# - **De novo.** Uma segunda chamada com os mesmos argumentos acrescenta execuções, com as mesmas métricas e as mesmas previsões: nada pode
#   depender do acaso.
# - Espera-se que uma floresta acerte em test pelo menos 5 pontos percentuais a mais do que a melhor resposta constante. Se a sua não acerta,
#   procure um erro.
#
# `train_in` já está pronta: ela faz a sua função trabalhar num experimento próprio, para um depósito de execuções.

# %% tags=["solution:train"]
GRID = [
    {"max_depth": 2, "min_samples_leaf": 1},
    {"max_depth": 6, "min_samples_leaf": 5},
    {"max_depth": 12, "min_samples_leaf": 2},
]


def train_and_track(files: list[str], validation_day: str, test_day: str, out: str) -> None:
    ### BEGIN SOLUTION
    train, validation, test = parts(files, validation_day, test_day)
    version, evidence, tried = data_version(files), [], []
    for parameters in GRID:
        with mlflow.start_run() as run:
            model = RandomForestClassifier(60, random_state=42, **parameters).fit(features(train), train.atrasou)
            predicted = model.predict(features(validation))
            score = f1_score(validation.atrasou, predicted)
            mlflow.log_params(parameters)
            mlflow.log_metric("f1_validation", score)
            mlflow.set_tag("data_version", version)
        tried.append((score, run.info.run_id, model))
        evidence.append(pd.DataFrame({"run_id": run.info.run_id, "part": "validation", "pedido_id": validation.pedido_id, "previsto": predicted}))
    _, chosen, model = max(tried, key=lambda each: each[0])
    predicted = model.predict(features(test))
    with mlflow.start_run(run_id=chosen):
        mlflow.log_metric("f1_test", f1_score(test.atrasou, predicted))
        mlflow.set_tag("chosen", "yes")
        log_model(model, features(train))
    evidence.append(pd.DataFrame({"run_id": chosen, "part": "test", "pedido_id": test.pedido_id, "previsto": predicted}))
    save(pd.concat(evidence), f"{out}/predictions")
    ### END SOLUTION


# %%
def train_in(store: str, files: list[str], validation_day: str, test_day: str, out: str) -> None:
    with tracking.use(store):
        tracking.set_experiment("atraso")
        train_and_track(files, validation_day, test_day, out)


train_in("", files, validation_day, test_day, lake.path("mlops", "training"))
shown = ["run_id", "params.max_depth", "metrics.f1_validation", "metrics.f1_test", "tags.chosen"]
tracking.runs("atraso").reindex(columns=shown).head(3)

# %% tags=["check:own-runs"]
check("train.runs")

# %% [markdown] tags=["lang:en"]
# After you submit, your function trains twice on orders that nobody has seen, and every number is computed again by somebody else.

# %% [markdown] tags=["lang:pt-BR"]
# Depois da entrega, a sua função treina duas vezes com pedidos que ninguém viu, e todo número é calculado de novo por outra pessoa.

# %% tags=["check:true-numbers"]
check("train.exam", "train.baseline")

# %% tags=["check:fair-choice"]
check("train.validation", "train.choice")

# %% tags=["check:found-again"]
check("train.version", "train.signature")

# %% tags=["check:made-again"]
check("train.repeat")

# %% [markdown] tags=["lang:en"]
# ## 5 · Break it
#
# "Why not choose by the exam? It is the number that counts." Let us take this to its end: sixty models that know **nothing**, each of them
# tosses coins with another seed. We choose the one that is best on the first of the two test months, and then let it meet the second one.
# Before you run the cell, **guess** its score on the month by which it was chosen, and on the other.

# %% [markdown] tags=["lang:pt-BR"]
# ## 5 · Quebre
#
# "Por que não escolher pela prova? É o número que conta." Vamos levar isso até o fim: sessenta modelos que não sabem **nada**, cada um joga
# moedas com outra semente. Escolhemos o melhor no primeiro dos dois meses de teste e depois deixamos que ele encontre o segundo. Antes de
# executar, **dê um palpite** da nota no mês pelo qual ele foi escolhido, e no outro.

# %%
import numpy as np

first = (test.ts_pedido < f"{months[7]}-01").to_numpy()
truth = test.atrasou.to_numpy()
coins = [np.random.default_rng(seed).integers(0, 2, len(test)) for seed in range(60)]
right = np.array([[(coin[month] == truth[month]).mean() for month in (first, ~first)] for coin in coins])
luckiest = right[:, 0].argmax()

figure, axes = plt.subplots(figsize=(8, 2.6))
axes.scatter(right[:, 0], right[:, 1], color="#b9c0c7")
axes.scatter(*right[luckiest], color="#b3261e", label=f"coin {luckiest}")
axes.axhline(0.5, color="#59636e", linewidth=0.8)
axes.axvline(0.5, color="#59636e", linewidth=0.8)
axes.set_xlabel("right answers, month of the choice")
axes.set_ylabel("the month after")
axes.legend()
plt.show()
print(f"chosen by its exam: {right[luckiest, 0]:.2f}   the month after: {right[luckiest, 1]:.2f}")

# %% [markdown] tags=["lang:en"]
# The best of sixty coins looks like knowledge. An exam by which one chooses has stopped being an exam: its best score is partly luck, and
# luck does not come to work next month.

# %% [markdown] tags=["lang:pt-BR"]
# A melhor de sessenta moedas parece saber algo. Uma prova pela qual se escolhe deixou de ser prova: a melhor nota é em parte sorte, e a sorte
# não vem trabalhar no mês que vem.

# %% [markdown] tags=["lang:en"]
# ## 6 · Explain it
#
# Your manager reads "0.78" in a mail and asks whether it can be believed. In about six sentences:
#
# 1. What must a run remember, so that the number can be made again? Why is the code alone not enough?
# 2. Why is the chosen model's score on validation too good, and the one on test not?
# 3. What would your colleague need to check your number without trusting you?
# 4. Give evidence from your own runs: parameters, both numbers, and what the best coin did.

# %% [markdown] tags=["lang:pt-BR"]
# ## 6 · Explique
#
# A sua gerente lê "0,78" num e-mail e pergunta se dá para acreditar. Em umas seis frases:
#
# 1. O que uma execução precisa lembrar para que o número possa ser refeito? Por que só o código não basta?
# 2. Por que a nota do modelo escolhido em validation é boa demais, e a de test não?
# 3. De que um colega precisaria para conferir o seu número sem confiar em você?
# 4. Dê evidências das suas execuções: parâmetros, os dois números, e o que fez a melhor moeda.

# %% [markdown] tags=["lang:en", "manual:explain-number"]
# *Your answer here.*

# %% [markdown] tags=["lang:pt-BR", "manual:explain-number"]
# *Sua resposta aqui.*

# %% [markdown] tags=["lang:en"]
# ## What you have now
#
# Runs that know their parameters, their data and their model, and a number that survives somebody who does not believe it. In the next
# lesson, **Registry and promotion gates**, one of these models becomes the one that the shop asks.
#
# Press **Validate**, then **Submit** in the Assignments list.

# %% [markdown] tags=["lang:pt-BR"]
# ## O que você tem agora
#
# Execuções que conhecem os seus parâmetros, os seus dados e o seu modelo, e um número que sobrevive a quem não acredita nele. Na próxima
# lição, **Registro e portões de promoção**, um desses modelos passa a ser aquele a quem a loja pergunta.
#
# Clique em **Validate** e depois em **Submit** na lista de tarefas.
