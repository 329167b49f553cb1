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
# # Registry and promotion gates: one champion
#
# Loja Aurora tells customers when an order will probably be late. Three people train models for that, and each has a notebook that says
# "mine is best". One of them looked at the training data, one used a column that is only known *after* the delivery, and one is right. In
# production there is one model. Which one, who decided it, and how do we get the old one back by lunchtime?
#
# A **registry** knows every version and which one is the **champion**. A **gate** decides who becomes it. Today you build the gate.
#
# | you will | minutes |
# |---|---|
# | meet three candidates | 10 |
# | see what a small difference is worth | 10 |
# | guided: read a signature | 8 |
# | write the gate and the way back | 20 |
# | break it, explain it | 12 |

# %% [markdown] tags=["lang:pt-BR"]
# # Registro e portões de promoção: um só champion
#
# A Loja Aurora avisa o cliente quando um pedido provavelmente vai atrasar. Três pessoas treinam modelos para isso, e cada uma tem um notebook que
# diz "o meu é o melhor". Uma olhou os dados de treino, outra usou uma coluna que só se conhece *depois* da entrega, e uma está certa. Em produção
# há um modelo. Qual, quem decidiu, e como se volta ao anterior até a hora do almoço?
#
# Um **registro** (registry) conhece todas as versões e qual delas é o **champion**, a que está em uso. Um **portão** (gate) decide quem chega lá. Hoje
# você constrói o portão.
#
# | você vai | minutos |
# |---|---|
# | conhecer três candidatos | 10 |
# | ver quanto vale uma pequena diferença | 10 |
# | guiado: ler uma assinatura | 8 |
# | escrever o portão e o caminho de volta | 20 |
# | quebrar e explicar | 12 |

# %%
import io
import json
import warnings

import mlflow
import numpy as np
import pandas as pd
from dataflow_kernels.pictures import model_path
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

warnings.filterwarnings("ignore", "Hint: Inferred schema contains integer")  # one recipe asks for whole numbers on purpose

model_path(today="register")

# %% [markdown] tags=["lang:en"]
# ## 1 · Three candidates, and two more
#
# `deliveries` reads the landed months: each order once, as it was first registered. The last two months are the **holdout**: no candidate has
# learned from them. `submit` trains a candidate by one of the recipes, logs it as a run with its signature, and sends it to the gate,
# `promote_if_better`, which you will write. `place` is "" for your own part of MLflow.

# %% [markdown] tags=["lang:pt-BR"]
# ## 1 · Três candidatos, e mais dois
#
# `deliveries` lê os meses recebidos: cada pedido uma vez, como foi registrado primeiro. Os dois últimos meses são o **holdout**: nenhum candidato
# aprendeu com eles. `submit` treina um candidato segundo uma das receitas, registra-o como uma execução com sua assinatura e o manda ao portão,
# `promote_if_better`, que você vai escrever. `place` é "" para a sua própria parte do MLflow.

# %%
EXPERIMENT = "atraso-candidatos"
MODEL = tracking.model_name("atraso")
KNOWN = ["distancia_km", "peso_kg", "valor", "fila_pedidos"]
CONTRACT = {name: "double" for name in KNOWN}  # what the shop can tell when an order is placed
LEAK = "nota_cliente"  # the customer's rating: known after the delivery
TRUSTED = ["sklearn.tree._tree.Tree"]  # our own trees: MLflow loads nothing that it was not told to trust

RECIPES = {
    "few": (KNOWN, make_pipeline(StandardScaler(), LogisticRegression(C=0.0001))),
    "whole": (KNOWN, make_pipeline(StandardScaler(), LogisticRegression(C=0.0006))),
    "line": (KNOWN, make_pipeline(StandardScaler(), LogisticRegression(C=0.003))),
    "forest": (KNOWN, RandomForestClassifier(12, min_samples_leaf=20, random_state=7)),
    "memory": (KNOWN, DecisionTreeClassifier(random_state=7)),
    "leak": ([*KNOWN, LEAK], RandomForestClassifier(12, min_samples_leaf=20, random_state=7)),
}


def deliveries(source: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Orders of the first months, and of the last two."""
    files = [name for name in lake.files(source) if name.endswith(".csv")]
    months = [pd.read_csv(io.BytesIO(lake.read(f"{source}/{name}"))) for name in files]
    orders = pd.concat(months).sort_values("ts_registro").drop_duplicates("pedido_id").reset_index(drop=True)
    orders[[*KNOWN, LEAK]] = orders[[*KNOWN, LEAK]].fillna(0.0).astype("float64")
    later = orders.ts_pedido >= files[-2].removeprefix("entregas-").removesuffix(".csv")
    return orders[~later], orders[later]


def loss(model, rows: pd.DataFrame) -> float:
    """Log loss of a scikit-learn model: smaller is better."""
    return log_loss(rows.atrasou, model.predict_proba(rows[list(model.feature_names_in_)])[:, 1], labels=[0, 1])


def train(recipe: str, rows: pd.DataFrame) -> str:
    """Train and log a candidate; gives the model's URI."""
    names, model = RECIPES[recipe]
    inputs = rows[names].astype("int64") if recipe == "whole" else rows[names]
    tracking.set_experiment(EXPERIMENT)
    with mlflow.start_run(run_name=recipe):
        model.fit(inputs, rows.atrasou)
        mlflow.log_param("recipe", recipe)
        mlflow.log_metric("train_log_loss", loss(model, rows))
        signature = mlflow.models.infer_signature(inputs, model.predict_proba(inputs)[:, 1])
        return mlflow.sklearn.log_model(
            model, name="model", signature=signature, pip_requirements=["scikit-learn"], skops_trusted_types=TRUSTED
        ).model_uri


def submit(recipe: str, source: str, place: str = "") -> None:
    """Train a candidate, and send it to the gate."""
    past, holdout = deliveries(source)
    with tracking.use(place):
        promote_if_better(train(recipe, past), holdout)


def go_back(place: str = "") -> None:
    with tracking.use(place):
        rollback()


landing = lake.landing("03-registry")
past, holdout = deliveries(landing)
len(past), len(holdout), past.atrasou.mean().round(3), holdout.atrasou.mean().round(3)

# %% [markdown] tags=["lang:en"]
# ## 2 · Worked example: what a small difference is worth
#
# Here are all recipes, on the rows that they learned from and on the holdout. **Log loss** asks how much probability a model gave to what then
# happened: smaller is better. Before you run the cell, **guess** who wins each column.

# %% [markdown] tags=["lang:pt-BR"]
# ## 2 · Exemplo resolvido: quanto vale uma pequena diferença
#
# Eis todas as receitas, nas linhas com que aprenderam e no holdout. O **log loss** pergunta quanta probabilidade o modelo deu ao que de fato
# aconteceu: menor é melhor. Antes de executar, **dê um palpite**: quem ganha cada coluna?

# %%
fitted = {recipe: model.fit(past[names], past.atrasou) for recipe, (names, model) in RECIPES.items()}
pd.DataFrame(
    {name: {recipe: loss(model, rows) for recipe, model in fitted.items()} for name, rows in (("past", past), ("holdout", holdout))}
).round(3)

# %% [markdown] tags=["lang:en"]
# `memory` knows the past by heart and is worse than a coin on the holdout. `leak` beats everybody, and can never be used: when an order is
# placed, nobody has rated it yet. Numbers alone do not make a champion.
#
# And among the honest ones? Take few rows of the holdout and look how often the *worse* of `forest` and `line` would be promoted. Then demand
# a `margin`. What does it cost?

# %% [markdown] tags=["lang:pt-BR"]
# `memory` sabe o passado de cor e, no holdout, é pior que uma moeda. `leak` ganha de todos e nunca poderá ser usado: quando o pedido é feito,
# ninguém o avaliou ainda. Números sozinhos não fazem um champion.
#
# E entre os honestos? Tome poucas linhas do holdout e veja com que frequência o *pior* entre `forest` e `line` seria promovido. Depois exija uma
# margem (`margin`). Quanto ela custa?

# %%
from dataflow_kernels.verdict import simulator


def losses(recipe: str) -> list[float]:
    chance = fitted[recipe].predict_proba(holdout[KNOWN])[:, 1].clip(1e-9, 1 - 1e-9)
    return (-np.log(np.where(holdout.atrasou == 1, chance, 1 - chance))).tolist()


simulator(champion=losses("line"), candidate=losses("forest"))

# %% [markdown] tags=["lang:en"]
# ## 3 · Guided exercise: what does a model ask for?
#
# A logged model says in its **signature** which columns it takes, and of which types. Complete `inputs_of`: names and types of what the model at
# `model_uri` takes, such as `{"peso_kg": "double", …}`. `signature.inputs.to_dict()` gives a list of dicts with `name` and `type`.

# %% [markdown] tags=["lang:pt-BR"]
# ## 3 · Exercício guiado: o que um modelo pede?
#
# Um modelo registrado diz em sua **assinatura** (signature) que colunas recebe e de que tipos. Complete `inputs_of`: nomes e tipos do que recebe o
# modelo em `model_uri`, como `{"peso_kg": "double", …}`. `signature.inputs.to_dict()` dá uma lista de dicts com `name` e `type`.


# %% tags=["solution:inputs-of"]
def inputs_of(model_uri: str) -> dict[str, str]:
    signature = mlflow.models.get_model_info(model_uri).signature
    ### BEGIN SOLUTION
    return {column["name"]: column["type"] for column in signature.inputs.to_dict()}
    ### END SOLUTION


# %%
from deltalake import write_deltalake

asked = [
    {"recipe": recipe, "column": column, "type": kind}
    for recipe in ("forest", "leak", "whole")
    for column, kind in inputs_of(train(recipe, past)).items()
]
write_deltalake(
    lake.path("mlops", "inputs"), pd.DataFrame(asked), mode="overwrite", schema_mode="overwrite", storage_options=lake.storage_options
)
pd.DataFrame(asked).pivot(index="column", columns="recipe", values="type")

# %% tags=["check:own-inputs"]
check("registry.inputs")

# %% [markdown] tags=["lang:en"]
# ## 4 · Challenge: the gate, and the way back
#
# Write `promote_if_better(model_uri, holdout)`:
#
# - **Every candidate is registered**: it becomes a new version of `MODEL`, also if it is refused. Its tag `decision` says what became of it.
# - **A wrong signature is refused**, however good the model is: its inputs must be those of `CONTRACT`, names and types, no more and no fewer.
#   `decision` is `signature`.
# - **No champion yet?** Then this one is it. Otherwise both are judged by their `loss` on the `holdout` that was given, and only a *smaller* one
#   wins. `decision` is `promoted` or `worse`.
# - **The champion is the version with the alias `champion`.**
#
# And `rollback()`: the alias goes back to the version that was champion **before the current one became it**. Later promotions and
# rollbacks go on from there. Where there is none, it raises and leaves the alias alone. All that it needs is in the registry.
#
# `register(model_uri)` and `champion()` are given. Useful: `tracking.client()` with `set_model_version_tag` and
# `set_registered_model_alias`; `mlflow.sklearn.load_model(model_uri)`, also with `f"models:/{MODEL}@champion"`.

# %% [markdown] tags=["lang:pt-BR"]
# ## 4 · Desafio: o portão e o caminho de volta
#
# Escreva `promote_if_better(model_uri, holdout)`:
#
# - **Todo candidato é registrado**: vira uma nova versão de `MODEL`, mesmo se for recusado. Sua tag `decision` diz o que aconteceu com ele.
# - **Assinatura errada é recusada**, por melhor que seja o modelo: suas entradas precisam ser as de `CONTRACT`, nomes e tipos, nem mais nem menos.
#   `decision` é `signature`.
# - **Ainda não há champion?** Então é este. Senão, os dois são julgados por sua perda (`loss`) no `holdout` recebido, e só uma perda *menor* ganha.
#   `decision` é `promoted` ou `worse`.
# - **O champion é a versão com o alias `champion`.**
#
# E `rollback()`: o alias volta para a versão que era champion **antes de a atual se tornar champion**. Promoções e rollbacks seguintes partem
# dali. Se não houver nenhuma, levanta um erro e deixa o alias como está. Tudo de que ela precisa está no registro.
#
# `register(model_uri)` e `champion()` já estão prontas. Úteis: `tracking.client()` com `set_model_version_tag` e
# `set_registered_model_alias`; `mlflow.sklearn.load_model(model_uri)`, também com `f"models:/{MODEL}@champion"`.


# %%
def register(model_uri: str) -> str:
    """Make the model a new version of MODEL; gives the version's number."""
    client = tracking.client()
    if not client.search_registered_models(f"name = '{MODEL}'"):
        client.create_registered_model(MODEL)
    info = mlflow.models.get_model_info(model_uri)
    return client.create_model_version(MODEL, model_uri, info.run_id, model_id=info.model_id).version


def champion():
    """The champion's version; None when there is none."""
    try:
        return tracking.client().get_model_version_by_alias(MODEL, "champion")
    except mlflow.exceptions.MlflowException:
        return None


# %% tags=["solution:gate"]
def promote_if_better(model_uri: str, holdout: pd.DataFrame) -> None:
    ### BEGIN SOLUTION
    client, current = tracking.client(), champion()
    version = register(model_uri)

    def held_out(uri: str) -> float:
        return loss(mlflow.sklearn.load_model(uri), holdout)

    if inputs_of(model_uri) != CONTRACT:
        decision = "signature"
    elif current is None or held_out(model_uri) < held_out(f"models:/{MODEL}@champion"):
        decision = "promoted"
        client.set_model_version_tag(MODEL, version, "before", current.version if current else "")
        client.set_registered_model_alias(MODEL, "champion", version)
    else:
        decision = "worse"
    client.set_model_version_tag(MODEL, version, "decision", decision)
    ### END SOLUTION


def rollback() -> None:
    ### BEGIN SOLUTION
    current = champion()
    before = current.tags.get("before") if current else None
    if not before:
        raise LookupError("there is no earlier champion")
    tracking.client().set_registered_model_alias(MODEL, "champion", before)
    ### END SOLUTION


# %%
def board() -> pd.DataFrame:
    versions = tracking.client().search_model_versions(f"name = '{MODEL}'")
    recipes = {version.version: mlflow.get_run(version.run_id).data.params.get("recipe") for version in versions}
    now = champion()
    return pd.DataFrame(
        {
            "recipe": recipes[version.version],
            "decision": version.tags.get("decision"),
            "champion": "★" if now and version.version == now.version else "",
        }
        for version in sorted(versions, key=lambda version: int(version.version))
    )


for recipe in ("few", "leak", "forest", "line"):
    submit(recipe, landing)
board()

# %% tags=["check:own-gate"]
check("registry.champion")

# %% [markdown] tags=["lang:en"]
# After you submit, the gate meets candidates trained on orders that nobody has seen, and is asked for these properties.

# %% [markdown] tags=["lang:pt-BR"]
# Depois da entrega, o portão encontra candidatos treinados com pedidos que ninguém viu, e são cobradas estas propriedades.

# %% tags=["check:unseen-gate"]
check("gate.better", "gate.worse", "gate.unseen", "gate.signature")

# %% tags=["check:unseen-way-back"]
check("gate.rollback", "gate.audit")

# %% [markdown] tags=["lang:en"]
# ## 5 · Break it
#
# A registry of its own name, four candidates, and then complaints: the new champion is wrong, back to the old one! One colleague types the
# version number minus one, as one does in a hurry. **Guess** first: which recipe is in production after each?

# %% [markdown] tags=["lang:pt-BR"]
# ## 5 · Quebre
#
# Um registro com outro nome, quatro candidatos e, então, reclamações: o novo champion erra, voltem ao anterior! Um colega digita o número da versão
# menos um, como se faz na pressa. **Dê um palpite** antes: que receita está em produção depois de cada um?

# %%
import time


def in_production() -> str:
    if champion() is None:
        return "nothing"
    model = mlflow.sklearn.load_model(f"models:/{MODEL}@champion")
    recipe = mlflow.get_run(champion().run_id).data.params["recipe"]
    return f"{recipe}, loss on the holdout {loss(model, holdout):.2f}"


own_model, MODEL = MODEL, tracking.model_name(f"atraso_teste_{time.time():.0f}")
try:
    for recipe in ("few", "leak", "memory", "forest"):
        submit(recipe, landing)
    promoted = champion().version
    tracking.client().set_registered_model_alias(MODEL, "champion", str(int(promoted) - 1))
    print("version minus one:", in_production())
    tracking.client().set_registered_model_alias(MODEL, "champion", promoted)
    rollback()
    print("your rollback:    ", in_production())
    print(board())
finally:
    MODEL = own_model  # your own registry again, whatever happened here

# %% [markdown] tags=["lang:en"]
# ## 6 · Explain it
#
# A colleague says: "The registry takes the model with the best score, so nothing can go wrong." In about five sentences:
#
# 1. On which rows must two models be compared, and why are the scores in their own runs not enough?
# 2. Why is the signature asked before the score?
# 3. What must the registry remember so that a rollback is safe, and why is the version number not it?
# 4. Give evidence from your own board: versions, decisions, losses.

# %% [markdown] tags=["lang:pt-BR"]
# ## 6 · Explique
#
# Um colega diz: "O registro fica com o modelo de melhor nota, então nada pode dar errado." Em umas cinco frases:
#
# 1. Em que linhas dois modelos precisam ser comparados, e por que as notas das próprias execuções não bastam?
# 2. Por que a assinatura é conferida antes da nota?
# 3. O que o registro precisa lembrar para que um rollback seja seguro, e por que isso não é o número da versão?
# 4. Dê evidências do seu próprio quadro: versões, decisões, perdas.

# %% [markdown] tags=["lang:en", "manual:explain-gate"]
# *Your answer here.*

# %% [markdown] tags=["lang:pt-BR", "manual:explain-gate"]
# *Sua resposta aqui.*

# %% [markdown] tags=["lang:en"]
# ## What you have now
#
# One place that knows every candidate, what became of it and why; one champion; and a way back that takes one call. Whoever serves the model asks
# for `@champion` and needs to know nothing of all this. That is the next lesson.
#
# Press **Validate**, then **Submit** in the Assignments list.

# %% [markdown] tags=["lang:pt-BR"]
# ## O que você tem agora
#
# Um lugar que conhece todo candidato, o que aconteceu com ele e por quê; um só campeão; e um caminho de volta que custa uma chamada. Quem serve o
# modelo pede `@champion` e não precisa saber de nada disso. É a próxima lição.
#
# Clique em **Validate** e depois em **Submit** na lista de tarefas.
