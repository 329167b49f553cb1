# %% [markdown] tags=["lang:en"]
# # A random forest, tracked
#
# Will a customer send the order back? We learn it from a silver table, and let MLflow keep what a later reader needs to believe the result:
# parameters, metrics, **the version of the data**, the model with its signature.
#
# `tracking` is set up: your experiments live in your own namespace, and nobody else sees them.

# %% [markdown] tags=["lang:pt-BR"]
# # Uma floresta aleatória, registrada
#
# O cliente vai devolver o pedido? Aprendemos isso de uma tabela silver e deixamos o MLflow guardar o que um leitor futuro precisa para
# acreditar no resultado: parâmetros, métricas, **a versão dos dados**, o modelo com sua assinatura.
#
# `tracking` já está pronto: seus experimentos ficam no seu próprio espaço, e ninguém mais os vê.

# %%
import matplotlib.pyplot as plt
import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score

# %% [markdown] tags=["lang:en"]
# ## The silver table
# Returns depend on price, category and delivery time, with noise: nothing can predict them perfectly, and a score of 1.0 would mean a leak.

# %% [markdown] tags=["lang:pt-BR"]
# ## A tabela silver
# Devoluções dependem de preço, categoria e prazo de entrega, com ruído: nada as prevê perfeitamente, e uma nota 1,0 indicaria vazamento.

# %%
rng = np.random.default_rng(42)
linhas = 4000
pedidos = pd.DataFrame(
    {
        "pedido_id": np.arange(linhas),
        "categoria": rng.choice(["livros", "jogos", "casa"], linhas),
        "região": rng.choice(["São Paulo", "Bahia", "Paraná"], linhas),
        "valor": rng.lognormal(4.5, 0.6, linhas).round(2),
        "dias_entrega": rng.integers(1, 20, linhas).astype("int64"),
        "ts_evento": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.sort(rng.uniform(0, 90, linhas)), unit="D").floor("s"),
    }
)
atrito = 0.22 * (pedidos.dias_entrega - 9) + 1.1 * (pedidos.categoria == "jogos") + 0.008 * (pedidos.valor - 100) - 1.6
pedidos["devolvido"] = rng.random(linhas) < 1 / (1 + np.exp(-atrito))

silver_path = lake.path("tour", "mlflow", "silver")
spark.createDataFrame(pedidos).write.format("delta").mode("overwrite").save(silver_path)
dados = spark.read.format("delta").load(silver_path).orderBy("ts_evento").toPandas()
versao_dos_dados = spark.sql(f"DESCRIBE HISTORY delta.`{silver_path}`").agg({"version": "max"}).first()[0]
print(f"{len(dados)} orders, {dados.devolvido.mean():.0%} returned, data version {versao_dos_dados}")

# %% [markdown] tags=["lang:en"]
# ## Split by time, not by chance
# The model will predict *tomorrow's* orders. A random split lets it see tomorrow while it learns. `pedido_id` is no feature: it only counts upwards.

# %% [markdown] tags=["lang:pt-BR"]
# ## Separar pelo tempo, não pela sorte
# O modelo vai prever pedidos *de amanhã*. Uma separação aleatória o deixa ver o amanhã enquanto aprende. `pedido_id` não serve de atributo: só conta para cima.

# %%
X = pd.get_dummies(dados[["categoria", "região", "valor", "dias_entrega"]], columns=["categoria", "região"]).astype(float)
y = dados["devolvido"].astype(int)
corte = int(len(dados) * 0.75)
X_treino, X_teste, y_treino, y_teste = X[:corte], X[corte:], y[:corte], y[corte:]
assert dados.ts_evento[:corte].max() <= dados.ts_evento[corte:].min()

# %% [markdown] tags=["lang:en"]
# ## Two runs: a baseline, and the forest
# Accuracy says little when one class is rare: guessing "never returned" already scores high. So we compare with that very guess, by average precision.

# %% [markdown] tags=["lang:pt-BR"]
# ## Duas execuções: uma base e a floresta
# A acurácia diz pouco quando uma classe é rara: chutar "nunca devolvido" já acerta muito. Por isso comparamos com esse chute, pela precisão média.

# %%
tracking.set_experiment("modelo-classificacao")


def avaliar(modelo) -> dict[str, float]:
    nota, previsto = modelo.predict_proba(X_teste)[:, 1], modelo.predict(X_teste)
    return {
        "average_precision": average_precision_score(y_teste, nota),
        "accuracy": float((previsto == y_teste).mean()),
        "precision": precision_score(y_teste, previsto, zero_division=0),
        "recall": recall_score(y_teste, previsto),
        "f1": f1_score(y_teste, previsto, zero_division=0),
    }


parametros = {"n_estimators": 100, "max_depth": 8, "min_samples_leaf": 5, "random_state": 42}
modelos = {"baseline": DummyClassifier(strategy="prior"), "random_forest": RandomForestClassifier(**parametros)}
resultado = {}
for nome, modelo in modelos.items():
    with mlflow.start_run(run_name=nome):
        modelo.fit(X_treino, y_treino)
        resultado[nome] = avaliar(modelo)
        mlflow.log_params({"model": nome, **(parametros if nome == "random_forest" else {})})
        mlflow.log_metrics(resultado[nome])
        mlflow.set_tags({"data.path": silver_path, "data.version": versao_dos_dados})
pd.DataFrame(resultado).T.round(3)

# %%
base, floresta = resultado["baseline"]["average_precision"], resultado["random_forest"]["average_precision"]
assert base < floresta < 1.0
print(f"average precision {floresta:.3f}, against {base:.3f} for a guess")

# %% [markdown] tags=["lang:en"]
# ## Keep the model, and read it back
# The signature says which columns it takes. What is loaded gives the same answers as what was saved, or it is not the same model.

# %% [markdown] tags=["lang:pt-BR"]
# ## Guardar o modelo e lê-lo de volta
# A assinatura diz que colunas ele recebe. O que se carrega dá as mesmas respostas do que se salvou, ou não é o mesmo modelo.

# %%
modelo = modelos["random_forest"]
with mlflow.start_run(run_name="random_forest_model"):
    assinatura = infer_signature(X_treino, modelo.predict(X_treino))
    salvo = mlflow.sklearn.log_model(
        modelo,
        name="random_forest_model",
        signature=assinatura,
        input_example=X_treino.head(3),
        serialization_format="skops",  # unlike pickle, loading it runs no code
        skops_trusted_types=["sklearn.tree._tree.Tree"],
    )
    mlflow.log_metrics(resultado["random_forest"])
carregado = mlflow.sklearn.load_model(salvo.model_uri)
assert (carregado.predict(X_teste) == modelo.predict(X_teste)).all()

# %%
importancia = pd.Series(modelo.feature_importances_, index=X.columns).sort_values()
eixo = importancia.plot.barh(figsize=(7, 3.5), color="#4C6A92")
eixo.set(title="O que a floresta olha", xlabel="importância")
eixo.spines[["top", "right"]].set_visible(False)
plt.tight_layout()
plt.show()

# %% [markdown] tags=["lang:en"]
# Every run is there to compare, in this table or in MLflow's own page:

# %% [markdown] tags=["lang:pt-BR"]
# Todas as execuções ficam para comparar, nesta tabela ou na página do MLflow:

# %%
execucoes = tracking.runs("modelo-classificacao")
execucoes[["tags.mlflow.runName", "metrics.average_precision", "metrics.f1", "start_time"]].head()
