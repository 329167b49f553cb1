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
# # Deploy: in batch and by REST
#
# The shop has a champion. At night a program writes the chance of a delay for every order; during the day the till asks for one order at a
# time. On Monday both say something else about the same order. On Tuesday the model is replaced, and the tills show an error for a minute.
# On Wednesday somebody sends "12,50" as an amount and gets a prediction.
#
# A model is **deployed** when others can ask it: always, the same thing everywhere, and with a clear no to a wrong question.
#
# | you will | minutes |
# |---|---|
# | meet the champion, and two that ask it | 10 |
# | see MLflow's own server, and what it does not know | 15 |
# | guided: refuse a wrong question | 10 |
# | write the night's program and the service | 25 |
# | break it: stop, load, start | 8 |
# | explain it | 7 |

# %% [markdown] tags=["lang:pt-BR"]
# # Implantar: em lote e por REST
#
# A loja tem um champion. À noite, um programa grava a chance de atraso de cada pedido; de dia, o caixa pergunta por um pedido de cada vez. Na
# segunda-feira, os dois dizem coisas diferentes do mesmo pedido. Na terça, o modelo é trocado, e os caixas mostram um erro por um minuto. Na
# quarta, alguém manda "12,50" como valor e recebe uma previsão.
#
# Um modelo está **implantado** quando outros podem perguntar a ele: sempre, a mesma coisa em todo lugar, e com um não claro a uma pergunta
# errada.
#
# | você vai | minutos |
# |---|---|
# | conhecer o champion e dois que perguntam a ele | 10 |
# | ver o servidor do próprio MLflow, e o que ele não sabe | 15 |
# | guiado: recusar uma pergunta errada | 10 |
# | escrever o programa da noite e o serviço | 25 |
# | quebrar: parar, carregar, iniciar | 8 |
# | explicar | 7 |

# %%
import io
import json
import logging
import warnings

import matplotlib.pyplot as plt
import mlflow
import numpy as np
import pandas as pd
import pyarrow as pa
from dataflow_kernels import serving
from dataflow_kernels.pictures import model_path
from deltalake import write_deltalake
from mlflow.pyfunc import scoring_server
from sklearn.linear_model import LogisticRegression

warnings.filterwarnings("ignore", "Using `httpx`")  # the test client's own affair
from fastapi.testclient import TestClient

logging.getLogger("mlflow.pyfunc.scoring_server").setLevel("ERROR")  # it gives advice with each wrong question
model_path(today="deploy")

# %% [markdown] tags=["lang:en"]
# ## 1 · The champion, and two that ask it
#
# `deliveries` reads the landed months, each order once, as it was first registered. `features` turns orders into the numbers that the models
# take: gaps in weight and distance are filled as in training, and every number gets its unit. The models were trained **on these features**.

# %% [markdown] tags=["lang:pt-BR"]
# ## 1 · O champion, e dois que perguntam a ele
#
# `deliveries` lê os meses que chegaram, cada pedido uma vez, como foi registrado primeiro. `features` transforma pedidos nos números que os
# modelos recebem: lacunas de peso e distância são preenchidas como no treino, e cada número ganha a sua unidade. Os modelos foram treinados
# **com estas features**.

# %%
NUMBERS = ["distancia_km", "peso_kg", "valor", "fila_pedidos"]
CHANNELS = ["site", "app", "loja", "telefone"]
FEATURES = NUMBERS + [f"canal_{name}" for name in CHANNELS]
GAPS = {"distancia_km": 900.0, "peso_kg": 3.0}
UNITS = pd.Series({"distancia_km": 1000.0, "peso_kg": 5.0, "valor": 200.0, "fila_pedidos": 50.0})


def deliveries(source: str) -> pd.DataFrame:
    files = [name for name in lake.files(source) if name.endswith(".csv")]
    rows = pd.concat([pd.read_csv(io.BytesIO(lake.read(f"{source}/{name}"))) for name in files])
    return rows.sort_values(["ts_registro", "pedido_id"]).drop_duplicates("pedido_id").reset_index(drop=True)


def features(orders: pd.DataFrame) -> pd.DataFrame:
    table = orders[NUMBERS].astype(float).fillna(GAPS) / UNITS
    for name in CHANNELS:
        table[f"canal_{name}"] = (orders.canal == name).astype(float)
    return table[FEATURES]


def save(frame: pd.DataFrame, table: str) -> None:
    rows = pa.Table.from_pandas(frame, preserve_index=False)
    write_deltalake(table, rows, mode="overwrite", schema_mode="overwrite", storage_options=lake.storage_options or None)


landing = lake.landing("04-deploy")
orders = deliveries(landing)
orders[["pedido_id", *NUMBERS, "canal"]].tail(4)

# %% [markdown] tags=["lang:en"]
# Colleagues hand over their models as weights, for a logistic regression is nothing else. `publish` makes them the next version of `MODEL` in
# the registry; with `champion=True` it gets the **alias** `champion` too. Two colleagues have published, and the newer version is *not* the
# champion.

# %% [markdown] tags=["lang:pt-BR"]
# Os colegas entregam seus modelos como pesos, pois uma regressão logística não é outra coisa. `publish` faz deles a próxima versão de `MODEL` no
# registro; com `champion=True`, ela recebe também o **alias** `champion`. Dois colegas publicaram, e a versão mais nova *não* é o champion.

# %%
EXPERIMENT, MODEL = "implantar", tracking.model_name("previsao")


def learned(strength: float) -> dict[str, float]:
    model = LogisticRegression(C=strength).fit(features(orders), orders.atrasou)
    return {"constant": float(model.intercept_[0]), **dict(zip(FEATURES, model.coef_[0].tolist()))}


def model_of(weights: dict[str, float]) -> LogisticRegression:
    model = LogisticRegression()
    model.classes_, model.n_features_in_ = np.array([0, 1]), len(FEATURES)
    model.feature_names_in_ = np.array(FEATURES, dtype=object)
    model.coef_, model.intercept_ = np.array([[weights[name] for name in FEATURES]]), np.array([weights["constant"]])
    return model


def publish(weights: dict[str, float], place: str = "", champion: bool = False) -> None:
    """Make a new version of MODEL; one without weights is a version whose files got lost."""
    with tracking.use(place):
        tracking.set_experiment(EXPERIMENT)
        client = tracking.client()
        with mlflow.start_run() as run:
            model_id, source = None, f"runs:/{run.info.run_id}/lost"
            if weights:
                model, table = model_of(weights), features(orders.head(20))
                signature = mlflow.models.infer_signature(table, model.predict_proba(table))
                info = mlflow.sklearn.log_model(
                    model, name="model", signature=signature, pyfunc_predict_fn="predict_proba", pip_requirements=["scikit-learn"]
                )
                model_id, source = info.model_id, info.model_uri
        if not client.search_registered_models(f"name = '{MODEL}'"):
            client.create_registered_model(MODEL)
        version = client.create_model_version(MODEL, source, run.info.run_id, model_id=model_id).version
        if champion:
            client.set_registered_model_alias(MODEL, "champion", version)


publish(learned(1.0), champion=True)
publish(learned(0.001))
in_use = tracking.client().get_model_version_by_alias(MODEL, "champion").version
versions = [each.version for each in tracking.client().search_model_versions(f"name = '{MODEL}'")]
pd.DataFrame({"version": versions, "champion": ["★" if each == in_use else "" for each in versions]})

# %% [markdown] tags=["lang:en"]
# Whoever wants the model in use asks for the alias and never for a number: `models:/…@champion`. Now suppose that the till's program was
# written by somebody else, in a hurry: it fills each gap with 0. **Guess**: for how many orders do night and till differ?

# %% [markdown] tags=["lang:pt-BR"]
# Quem quer o modelo em uso pede o alias, e nunca um número: `models:/…@champion`. Agora suponha que o programa do caixa foi escrito por outra
# pessoa, com pressa: ele preenche toda lacuna com 0. **Dê um palpite**: em quantos pedidos a noite e o caixa discordam?

# %%
model = mlflow.sklearn.load_model(f"models:/{MODEL}@champion")
night = model.predict_proba(features(orders))[:, 1]
till = model.predict_proba(features(orders.fillna(dict.fromkeys(GAPS, 0.0))))[:, 1]
skewed = np.abs(night - till) > 1e-9

figure, axes = plt.subplots(figsize=(5, 4))
axes.scatter(night[~skewed], till[~skewed], s=4, color="#b9c0c7", label="same")
axes.scatter(night[skewed], till[skewed], s=8, color="#b3261e", label=f"{skewed.sum()} of {len(orders)} differ")
axes.set_xlabel("chance of a delay, at night")
axes.set_ylabel("chance of a delay, at the till")
axes.legend()
plt.show()

# %% [markdown] tags=["lang:en"]
# This is **serving skew**: one model, two preparations. No error, no log; only the answers are worse. The cure: both go through the *same*
# function.

# %% [markdown] tags=["lang:pt-BR"]
# Isto é **serving skew**: um modelo, duas preparações. Nenhum erro, nenhum log; só as respostas são piores. A cura: os dois passam pela *mesma*
# função.

# %% [markdown] tags=["lang:en"]
# ## 2 · Worked example: MLflow's own server
#
# `mlflow models serve --model-uri models:/…@champion` starts a server with two addresses: `/ping` says whether it lives, `/invocations` takes a
# table and gives predictions. Here is the same application, inside this notebook, and four questions to it.

# %% [markdown] tags=["lang:pt-BR"]
# ## 2 · Exemplo resolvido: o servidor do próprio MLflow
#
# `mlflow models serve --model-uri models:/…@champion` inicia um servidor com dois endereços: `/ping` diz se ele está vivo, `/invocations` recebe
# uma tabela e devolve previsões. Eis a mesma aplicação, dentro deste notebook, e quatro perguntas a ela.

# %%
server = TestClient(scoring_server.init(mlflow.pyfunc.load_model(f"models:/{MODEL}@champion")))


def invocations(table: pd.DataFrame) -> tuple[int, str]:
    reply = server.post("/invocations", json={"dataframe_split": json.loads(table.to_json(orient="split"))})
    return reply.status_code, reply.text[:90]


sample = orders[["pedido_id", *NUMBERS, "canal"]].tail(2)
print("ping              ", server.get("/ping").status_code)
print("features          ", *invocations(features(sample)))
print("a column missing  ", *invocations(features(sample).drop(columns="valor")))
print("orders as they are", *invocations(sample))

# %% [markdown] tags=["lang:en"]
# A wrong table gets a status from 400 to 499: *the caller's* mistake. (From 500 on it would be *ours*.) But it wants features, so every caller
# would prepare them, each in their own way. It does not say which version answered. And it loads its model once: when the alias moves, it has
# to be stopped and started. So we write a small service of our own.

# %% [markdown] tags=["lang:pt-BR"]
# Uma tabela errada recebe um status de 400 a 499: erro *de quem pergunta*. (De 500 em diante, seria *nosso*.) Mas ele quer features; cada um que
# pergunta as prepararia, cada um a seu modo. Ele não diz que versão respondeu. E carrega o modelo uma vez: quando o alias muda, é preciso parar e
# iniciar de novo. Por isso escrevemos um pequeno serviço próprio.

# %% [markdown] tags=["lang:en"]
# ## 3 · Guided exercise: refuse a wrong question
#
# A question is JSON: `{"orders": [{"distancia_km": 812.5, "peso_kg": null, "valor": 99.9, "fila_pedidos": 40, "canal": "app"}, …]}`. Complete
# `read_orders(body)`. For each order, `BadRequest` is raised unless all five keys are there with these types; more keys are ignored.
#
# | keys | type |
# |---|---|
# | `distancia_km`, `peso_kg` | a number, or null: the gap is known to `features` |
# | `valor`, `fila_pedidos` | a number |
# | `canal` | text |
#
# A text such as "12,50" is no number. `isinstance(value, (int, float))` tells.

# %% [markdown] tags=["lang:pt-BR"]
# ## 3 · Exercício guiado: recusar uma pergunta errada
#
# Uma pergunta é JSON: `{"orders": [{"distancia_km": 812.5, "peso_kg": null, "valor": 99.9, "fila_pedidos": 40, "canal": "app"}, …]}`. Complete
# `read_orders(body)`. Para cada pedido, `BadRequest` é levantada, a não ser que as cinco chaves estejam lá com estes tipos; outras chaves são
# ignoradas.
#
# | chaves | tipo |
# |---|---|
# | `distancia_km`, `peso_kg` | um número, ou null: `features` conhece a lacuna |
# | `valor`, `fila_pedidos` | um número |
# | `canal` | texto |
#
# Um texto como "12,50" não é um número. `isinstance(value, (int, float))` diz isso.

# %% tags=["solution:read-orders"]
class BadRequest(ValueError):
    """The question is wrong: a mistake of whoever asks."""


def read_orders(body: bytes) -> pd.DataFrame:
    try:
        asked = json.loads(body)["orders"]
    except (ValueError, KeyError, TypeError):
        raise BadRequest("a JSON object with `orders` is expected") from None
    if not isinstance(asked, list) or not all(isinstance(order, dict) for order in asked):
        raise BadRequest("`orders` is a list of objects")
    for order in asked:
        ### BEGIN SOLUTION
        for name in (*NUMBERS, "canal"):
            if name not in order:
                raise BadRequest(f"{name} is missing")
            allowed = str if name == "canal" else (int, float)
            if not isinstance(order[name], allowed) and not (name in GAPS and order[name] is None):
                raise BadRequest(f"{name} has the wrong type")
        ### INSTEAD
        #| pass  # YOUR CODE HERE: raise BadRequest("…") when a key is missing, or its value has a wrong type
        ### END SOLUTION
    return pd.DataFrame(asked, columns=[*NUMBERS, "canal"])


# %%
ORDER = {"distancia_km": 812.5, "peso_kg": 2.25, "valor": 99.9, "fila_pedidos": 40, "canal": "app"}
BODIES = {
    "two orders": json.dumps({"orders": [ORDER, ORDER]}),
    "a gap": json.dumps({"orders": [{**ORDER, "peso_kg": None}]}),
    "one key more": json.dumps({"orders": [{**ORDER, "nota_cliente": 5}]}),
    "no JSON": '{"orders": [',
    "a key missing": json.dumps({"orders": [ORDER, {name: ORDER[name] for name in ORDER if name != "distancia_km"}]}),
    "no channel": json.dumps({"orders": [{name: ORDER[name] for name in ORDER if name != "canal"}]}),
    "text for a number": json.dumps({"orders": [{**ORDER, "valor": "12,50"}]}),
    "null for a number": json.dumps({"orders": [{**ORDER, "fila_pedidos": None}]}),
}


def verdict(body: str) -> str:
    try:
        return f"{len(read_orders(body.encode()))} taken"
    except BadRequest as error:
        return f"refused: {error}"
    except Exception as error:
        return f"broke: {type(error).__name__}"


verdicts = pd.DataFrame({"body": list(BODIES), "verdict": [verdict(body) for body in BODIES.values()]})
save(verdicts, lake.path("mlops", "verdicts"))
verdicts

# %% tags=["check:own-questions"]
check("deploy.questions")

# %% [markdown] tags=["lang:en"]
# ## 4 · Challenge: the night's program, and the service
#
# **`score_batch(source, out)`**: the Delta table `out`, replaced if it is there, has one row for each order of `deliveries(source)`: `pedido_id`
# (string), `chance` (double, of a delay) and `version` (string): that of the champion, which gave the chances.
#
# **`Service`** has three methods.
#
# - `__init__()`: no model yet.
# - `refresh()`: the server calls it at the start and every few seconds, in a thread of its own, **while requests are being answered**. When it
#   has returned, new requests are answered by the version that has the alias `champion` at the time. Until then the one before answers: no
#   request may fail. A champion that cannot be loaded changes nothing, the one before goes on answering (`refresh` may raise then).
# - `answer(method, path, body)`: the status and an object to send as JSON.
#
# | question | status | object |
# |---|---|---|
# | `GET /ping` | 200 | `{"version": "3"}`: which version answers |
# | `POST /invocations` | 200 | `{"version": "3", "predictions": […]}`: the chance of each order, in their order, all by this version |
# | the same, with a body that `read_orders` refuses | 400 to 499 | `{"error": "…"}` |
# | one of the two, and no model was ever loaded | 503 | `{"error": "…"}` |
# | any other path | 404 | `{"error": "…"}` |
#
# Useful: `tracking.client().get_model_version_by_alias(MODEL, "champion").version`; `mlflow.sklearn.load_model(f"models:/{MODEL}/{version}")`
# and its `predict_proba(…)[:, 1]`. One assignment, `self.loaded = (version, model)`, is whole or has not happened.

# %% [markdown] tags=["lang:pt-BR"]
# ## 4 · Desafio: o programa da noite e o serviço
#
# **`score_batch(source, out)`**: a tabela Delta `out`, substituída se já existir, tem uma linha para cada pedido de `deliveries(source)`:
# `pedido_id` (string), `chance` (double, de atraso) e `version` (string): a do champion, que deu as chances.
#
# **`Service`** tem três métodos.
#
# - `__init__()`: ainda sem modelo.
# - `refresh()`: o servidor a chama no início e a cada poucos segundos, numa thread própria, **enquanto requisições são respondidas**. Quando ela
#   retorna, novas requisições são respondidas pela versão que tem o alias `champion` naquela hora. Até lá responde a anterior: nenhuma requisição
#   pode falhar. Um champion que não pode ser carregado não muda nada, a anterior segue respondendo (`refresh` pode então levantar um erro).
# - `answer(method, path, body)`: o status e um objeto a enviar como JSON.
#
# | pergunta | status | objeto |
# |---|---|---|
# | `GET /ping` | 200 | `{"version": "3"}`: que versão responde |
# | `POST /invocations` | 200 | `{"version": "3", "predictions": […]}`: a chance de cada pedido, na ordem deles, todas por esta versão |
# | a mesma, com um corpo que `read_orders` recusa | 400 a 499 | `{"error": "…"}` |
# | uma das duas, e nenhum modelo foi carregado até agora | 503 | `{"error": "…"}` |
# | qualquer outro caminho | 404 | `{"error": "…"}` |
#
# Úteis: `tracking.client().get_model_version_by_alias(MODEL, "champion").version`; `mlflow.sklearn.load_model(f"models:/{MODEL}/{version}")` e o
# seu `predict_proba(…)[:, 1]`. Uma só atribuição, `self.loaded = (version, model)`, está inteira ou não aconteceu.

# %% tags=["solution:deploy"]
def score_batch(source: str, out: str) -> None:
    ### BEGIN SOLUTION
    version = tracking.client().get_model_version_by_alias(MODEL, "champion").version
    model, orders = mlflow.sklearn.load_model(f"models:/{MODEL}/{version}"), deliveries(source)
    chance = model.predict_proba(features(orders))[:, 1]
    save(pd.DataFrame({"pedido_id": orders.pedido_id, "chance": chance, "version": str(version)}), out)
    ### END SOLUTION


class Service:
    ### BEGIN SOLUTION
    def __init__(self) -> None:
        self.loaded = None

    def refresh(self) -> None:
        version = tracking.client().get_model_version_by_alias(MODEL, "champion").version
        if self.loaded is None or self.loaded[0] != version:
            self.loaded = (version, mlflow.sklearn.load_model(f"models:/{MODEL}/{version}"))

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict]:
        loaded = self.loaded  # once: another may be there a moment later
        if (method, path) not in {("GET", "/ping"), ("POST", "/invocations")}:
            return 404, {"error": f"{method} {path} is not here"}
        if loaded is None:
            return 503, {"error": "no model yet"}
        version, model = loaded
        if path == "/ping":
            return 200, {"version": str(version)}
        try:
            orders = read_orders(body)
        except BadRequest as error:
            return 400, {"error": str(error)}
        return 200, {"version": str(version), "predictions": model.predict_proba(features(orders))[:, 1].tolist()}
    ### END SOLUTION


# %% [markdown] tags=["lang:en"]
# Three functions are given: they let your code work on another store of models, and keep what it answered. You will need `storm` in section 5.

# %% [markdown] tags=["lang:pt-BR"]
# Três funções já estão prontas: elas fazem o seu código trabalhar com outro depósito de modelos e guardam o que ele respondeu. `storm` será usada
# na seção 5.

# %%
def score_in(place: str, source: str, out: str) -> None:
    """Let the night's program work on another store of models."""
    with tracking.use(place):
        score_batch(source, out)


def serve_in(place: str, calls: list, out: str) -> None:
    """Ask a new service, first before its first refresh."""
    with tracking.use(place):
        service = Service()
        first = [serving.respond(service.answer, *call[:2], call[2].encode()) for call in calls[:2]]
        service.refresh()
        replies = first + [serving.respond(service.answer, *call[:2], call[2].encode()) for call in calls[2:]]
    save(pd.DataFrame([(number, *reply) for number, reply in enumerate(replies)], columns=["call", "status", "text"]), out)


def swap_in(place: str, moves: list, bodies: list, out: str) -> None:
    """Move the alias again and again, while two callers keep asking; `moves` are a name and a version each."""
    with tracking.use(place):
        service = Service()
        service.refresh()
        replies = storm(service, moves, [body.encode() for body in bodies])
    save(pd.DataFrame(replies), out)


def storm(service, moves: list, bodies: list[bytes]) -> list[serving.Reply]:
    def move(version: str) -> None:
        tracking.client().set_registered_model_alias(MODEL, "champion", version)
        service.refresh()

    return serving.storm(service.answer, bodies, [(name, lambda version=version: move(version)) for name, version in moves])


# %% [markdown] tags=["lang:en"]
# Now over HTTP. `serving.listening` gives your service an address on this machine, for as long as the block lasts.

# %% [markdown] tags=["lang:pt-BR"]
# Agora por HTTP. `serving.listening` dá ao seu serviço um endereço nesta máquina, enquanto durar o bloco.

# %%
def question(rows: pd.DataFrame) -> str:
    return json.dumps({"orders": json.loads(rows[[*NUMBERS, "canal"]].to_json(orient="records", double_precision=15))})


score_batch(landing, lake.path("mlops", "night"))
service = Service()
service.refresh()
asked = pd.concat([orders[orders.peso_kg.isna()].tail(2), orders.tail(6)]).drop_duplicates("pedido_id")
calls = [("", "/ping", None)]
calls += [(row.pedido_id.item(), "/invocations", question(row)) for _, row in asked.groupby("pedido_id")]
calls += [("", "/invocations", BODIES[name]) for name in ("no JSON", "a key missing", "text for a number")]
calls += [("", "/somewhere", "{}")]
with serving.listening(service.answer) as url:
    replies = [serving.call(url, path, body if body is None else body.encode()) for _, path, body in calls]

answers = pd.DataFrame([(pedido, path, status, text) for (pedido, path, _), (status, text) in zip(calls, replies)], columns=["pedido_id", "path", "status", "text"])
save(answers, lake.path("mlops", "answers"))
answers

# %% tags=["check:own-service"]
check("deploy.service")

# %% [markdown] tags=["lang:en"]
# After you submit, other models are published, other orders are asked for, many at once, and the alias moves under your service.
# `score_in`, `serve_in` and `swap_in` do that.

# %% [markdown] tags=["lang:pt-BR"]
# Depois da entrega, outros modelos são publicados, pergunta-se por outros pedidos, muitos ao mesmo tempo, e o alias muda debaixo do seu serviço.
# `score_in`, `serve_in` e `swap_in` fazem isso.

# %% tags=["check:unseen-answers"]
check("deploy.batch", "deploy.same")

# %% tags=["check:unseen-mistakes"]
check("deploy.refuse")

# %% tags=["check:unseen-swap"]
check("deploy.swap", "deploy.follows", "deploy.broken")

# %% [markdown] tags=["lang:en"]
# ## 5 · Break it
#
# The usual way to replace a model is to stop the server and start another. `Restarted` does that: it forgets its model and loads the new one.
# Two callers keep asking while the alias moves to the other version and back. **Guess**: how many requests fail, in the time it takes to load a
# model this small?

# %% [markdown] tags=["lang:pt-BR"]
# ## 5 · Quebre
#
# O jeito comum de trocar um modelo é parar o servidor e iniciar outro. `Restarted` faz isso: esquece o modelo e carrega o novo. Dois clientes
# seguem perguntando enquanto o alias vai para a outra versão e volta. **Dê um palpite**: quantas requisições falham, no tempo de carregar um
# modelo tão pequeno?

# %%
class Restarted(Service):
    def refresh(self) -> None:
        Service.__init__(self)  # stopped, and started: it has no model
        Service.refresh(self)


champion = tracking.client().get_model_version_by_alias(MODEL, "champion").version
newest = max((each.version for each in tracking.client().search_model_versions(f"name = '{MODEL}'")), key=int)
body = question(orders.tail(3)).encode()

figure, rows = plt.subplots(2, 1, figsize=(9, 2.6), sharex=True)
try:
    for axes, kind in zip(rows, (Restarted, Service)):
        service = kind()
        service.refresh()
        replies = storm(service, [("there", newest), ("back", champion)], [body])
        status = np.array([reply.status for reply in replies])
        axes.scatter(np.arange(len(status)), status, s=8, c=np.where(status == 200, "#3d5a80", "#b3261e"))
        axes.set_title(f"{kind.__name__}: {(status != 200).sum()} of {len(status)} requests failed", fontsize=10)
        axes.set_yticks([200, 503])
        axes.set_ylim(100, 600)
finally:
    tracking.client().set_registered_model_alias(MODEL, "champion", champion)
rows[1].set_xlabel("requests, one after the other")
plt.tight_layout()
plt.show()

# %% [markdown] tags=["lang:en"]
# Load first, then replace: the old model answers until the new one is ready. It costs memory for two models, for a moment.

# %% [markdown] tags=["lang:pt-BR"]
# Carregar primeiro, trocar depois: o modelo antigo responde até o novo estar pronto. Isso custa memória para dois modelos, por um instante.

# %% [markdown] tags=["lang:en"]
# ## 6 · Explain it
#
# A colleague puts a model into the till's program, as a file with a number in its name, and fills the gaps there. In about six sentences:
#
# 1. Why do night and till soon say different things, though the model is the same? What prevents it?
# 2. What does the alias give that a run's address or a version number does not?
# 3. Who has to act when a status is 400, who when it is 503, and why is 200 with an error inside the worst?
# 4. Give evidence from your own runs: how many orders differed, how many requests failed, which version answered.

# %% [markdown] tags=["lang:pt-BR"]
# ## 6 · Explique
#
# Um colega põe um modelo dentro do programa do caixa, como um arquivo com um número no nome, e preenche ali as lacunas. Em umas seis frases:
#
# 1. Por que a noite e o caixa logo dizem coisas diferentes, se o modelo é o mesmo? O que evita isso?
# 2. O que o alias dá que o endereço de uma execução ou o número de uma versão não dão?
# 3. Quem precisa agir quando o status é 400, quem quando é 503, e por que 200 com um erro dentro é o pior?
# 4. Dê evidências das suas execuções: quantos pedidos divergiram, quantas requisições falharam, que versão respondeu.

# %% [markdown] tags=["lang:en", "manual:explain-deploy"]
# *Your answer here.*

# %% [markdown] tags=["lang:pt-BR", "manual:explain-deploy"]
# *Sua resposta aqui.*

# %% [markdown] tags=["lang:en"]
# ## What you have now
#
# One champion, asked by night and by call, with one preparation, a clear no, and a change of model that nobody notices. In the next lesson,
# **Orchestrate**, this happens every night, whatever fails.
#
# Press **Validate**, then **Submit** in the Assignments list.

# %% [markdown] tags=["lang:pt-BR"]
# ## O que você tem agora
#
# Um champion, consultado em lote e por chamada, com uma só preparação, um não claro, e uma troca de modelo que ninguém percebe. Na próxima
# lição, **Orquestrar**, isso acontece toda noite, falhe o que falhar.
#
# Clique em **Validate** e depois em **Submit** na lista de tarefas.
