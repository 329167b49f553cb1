# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Lakehouse (no JVM)
#     language: python
#     name: lakehouse
# ---

# %% [markdown] tags=["lang:en"]
# # The live dashboard: fresh, whole, honest
#
# On the wall of Loja Aurora's office hangs a screen with today's sales. This morning it showed 12,000 sales for three hours. Nobody noticed
# that the line to the shops was down. A week ago the bars of the channels did not add up to the total above them, for two seconds, in
# front of the board.
#
# A dashboard makes three promises. It shows what arrived a few seconds ago. Its numbers belong together. And when it knows nothing new, it
# **says so**. Today you write the function behind the screen, and test each promise on a stream whose clock you hold.
#
# | you will | minutes |
# |---|---|
# | meet the two gold tables | 8 |
# | compare three clocks | 12 |
# | tell the age of the data | 10 |
# | take a snapshot that belongs together | 20 |
# | serve many viewers | 10 |
# | break it | 8 |
# | explain it | 7 |

# %% [markdown] tags=["lang:pt-BR"]
# # O painel ao vivo: atual, inteiro, honesto
#
# Na parede do escritório da Loja Aurora há uma tela com as vendas do dia. Hoje de manhã ela mostrou 12.000 vendas durante três horas. Ninguém
# percebeu que a linha com as lojas tinha caído. Na semana passada, as barras dos canais não somavam o total acima delas, por dois segundos,
# na frente da diretoria.
#
# Um painel faz três promessas. Mostra o que chegou há poucos segundos. Seus números combinam entre si. E, quando não sabe nada de novo,
# **avisa**. Hoje você escreve a função por trás da tela e testa cada promessa num fluxo cujo relógio está na sua mão.
#
# | você vai | minutos |
# |---|---|
# | conhecer as duas tabelas gold | 8 |
# | comparar três relógios | 12 |
# | dizer a idade dos dados | 10 |
# | tirar um retrato que combina | 20 |
# | atender muitos espectadores | 10 |
# | quebrar | 8 |
# | explicar | 7 |

# %%
import json
import time
from datetime import datetime, timedelta

import matplotlib.pyplot as plt
import pandas as pd
from dataflow_kernels.pictures import pipeline

pipeline(today="use")

# %% [markdown] tags=["lang:en"]
# ## 1 · Meet the two gold tables
#
# Every two seconds a batch of about 100 sales arrives, 50 a second. The stream writes it 1.5 s after its last sale: first into bronze,
# then into `gold/vendas`, at last into `gold/lotes`. Three commits, one after the other.
#
# | table | one row for | columns |
# |---|---|---|
# | `vendas` | each batch and channel with sales | `lote`, `canal`, `eventos`, `total` |
# | `lotes` | each batch, also one without a sale | `lote`, `eventos`, `total`, and three clocks |
#
# **A batch is complete when it is in `lotes`.** The cell plays one minute of the stream in no time.

# %% [markdown] tags=["lang:pt-BR"]
# ## 1 · Conheça as duas tabelas gold
#
# A cada dois segundos chega um lote de cerca de 100 vendas, 50 por segundo. O fluxo o grava 1,5 s depois da última venda: primeiro na bronze,
# depois em `gold/vendas`, por fim em `gold/lotes`. Três commits, um depois do outro.
#
# | tabela | uma linha para | colunas |
# |---|---|---|
# | `vendas` | cada lote e canal com vendas | `lote`, `canal`, `eventos`, `total` |
# | `lotes` | cada lote, mesmo sem venda | `lote`, `eventos`, `total`, e três relógios |
#
# **Um lote está completo quando está em `lotes`.** A célula reproduz um minuto do fluxo num instante.

# %%
from dataflow_kernels.live_gold import busy, prepare, publish

landing = lake.landing("05-live-dashboard")
files = lake.files(landing)
first = json.loads(lake.read(f"{landing}/{files[0]}").splitlines()[0])
start = datetime.fromisoformat(first["ts_ingestao"])  # the first sale arrives; a file holds what arrives in two seconds
run = f"run_{time.time():.0f}"


def written(number: int) -> datetime:
    return start + timedelta(seconds=2 * number + 3.5)


minute = lake.path("live", run, "minute")
prepare(lake, minute)
for number, name in enumerate(files):
    publish(lake, landing, minute, name, written(number), ("vendas", "lotes"))
lotes = lake.table(f"{minute}/gold/lotes").to_pandas().sort_values("lote")
lotes.iloc[[0, 1, 12, 22, 30]]

# %% [markdown] tags=["lang:en"]
# ## 2 · Worked example: three clocks
#
# How old is what the screen shows? Each batch has three clocks: `ultimo_evento`, when its newest sale *happened*, by the shop's own watch;
# `ultima_chegada`, when its newest sale *arrived* here; `gravado_em`, when the batch was *written*. The picture shows the age by each of
# them, during the minute. In it a region was cut off for half an hour and comes back, then the line to all shops is down for
# 20 seconds. Which curve tells you so, and only that? And where is the first clock at the beginning?

# %% [markdown] tags=["lang:pt-BR"]
# ## 2 · Exemplo resolvido: três relógios
#
# Que idade tem o que a tela mostra? Cada lote tem três relógios: `ultimo_evento`, quando a sua venda mais nova *aconteceu*, pelo relógio da
# própria loja; `ultima_chegada`, quando a sua venda mais nova *chegou* aqui; `gravado_em`, quando o lote foi *gravado*. A figura mostra a idade
# por cada um deles, durante o minuto. Nele, uma região que passou meia hora sem conexão volta, e depois a linha com todas as lojas cai por 20
# segundos. Qual curva conta isso, e só isso? E onde está o primeiro relógio no começo?

# %%
clocks = {"ultimo_evento": "#b3261e", "ultima_chegada": "#3d5a80", "gravado_em": "#a0622d"}
figure, axes = plt.subplots(figsize=(8, 2.8))
seconds = (lotes["gravado_em"] - start).dt.total_seconds()
for clock, colour in clocks.items():
    sane = lotes[clock].where(lotes[clock] <= lotes["gravado_em"])  # without the watches that are years ahead
    axes.plot(seconds, (lotes["gravado_em"] - sane.ffill()).dt.total_seconds(), color=colour, drawstyle="steps-post", label=clock)
axes.axhline(15, color="#8a949e", linestyle=":")
axes.set_ylim(-1, 60)
axes.set_xlabel("s")
axes.set_ylabel("s")
axes.legend()
plt.show()
lotes["ultimo_evento"].max() - lotes["gravado_em"].max()

# %% [markdown] tags=["lang:en"]
# `gravado_em` sleeps through the silence: the stream goes on writing empty batches. `ultimo_evento` cries wolf for old news that is just
# in, and one watch that is years ahead keeps it young for ever. The reader's own clock knows nothing at all: it is always *now*.

# %% [markdown] tags=["lang:pt-BR"]
# `gravado_em` dorme durante o silêncio: o fluxo continua gravando lotes vazios. `ultimo_evento` dá alarme falso por notícias velhas que
# acabam de chegar, e um só relógio anos adiantado o mantém jovem para sempre. O relógio de quem lê não sabe nada: para ele é sempre *agora*.

# %% [markdown] tags=["lang:en"]
# ## 3 · Guided exercise: the age of the data
#
# Complete `freshness(lotes, now)`. The age is the time from the arrival of the **newest sale that has arrived** to `now`, in seconds; `None`
# when no sale ever arrived. `now` is given: a function that asks for the time itself cannot be tested. The rule for the word beside it is
# there already: older than 15 s, or nothing at all, is `stale`.

# %% [markdown] tags=["lang:pt-BR"]
# ## 3 · Exercício guiado: a idade dos dados
#
# Complete `freshness(lotes, now)`. A idade é o tempo desde a chegada da **venda mais nova que já chegou** até `now`, em segundos; `None` quando
# nenhuma venda chegou. `now` é recebido: uma função que pergunta as horas sozinha não pode ser testada. A regra para a palavra ao lado já está
# lá: mais velho que 15 s, ou nada, é `stale` (parado).

# %% tags=["solution:freshness"]
def status(age: float | None) -> str:
    return "stale" if age is None or age > 15 else "live"


def freshness(lotes: pd.DataFrame, now: datetime) -> dict:
    ### BEGIN SOLUTION
    newest = lotes["ultima_chegada"].max()
    age = None if pd.isna(newest) else (now - newest).total_seconds()
    ### INSTEAD
    #| age = None  # YOUR CODE HERE: which clock, the newest of it, and None when there is none
    ### END SOLUTION
    return {"age_seconds": age, "status": status(age)}


# %%
from deltalake import write_deltalake


def keep(rows: list[dict], *place: str) -> None:
    write_deltalake(lake.path(*place), pd.DataFrame(rows), mode="overwrite", schema_mode="overwrite", storage_options=lake.storage_options or None)


ages = [{"lote": number, **freshness(lotes[lotes["lote"] <= number], written(number - 1))} for number in range(1, len(files) + 1)]
keep([{"lote": each["lote"], "age": float("nan") if each["age_seconds"] is None else float(each["age_seconds"]), "status": each["status"]} for each in ages], "live", "ages")
pd.DataFrame(ages).iloc[[0, 14, 27, 30]]

# %% tags=["check:own-age"]
check("dash.age")

# %% [markdown] tags=["lang:en"]
# ## 4 · Challenge: a snapshot that belongs together
#
# Write `snapshot(gold, now)`. It reads the two tables below the folder `gold`, at `f"{gold}/vendas"` and `f"{gold}/lotes"`, and gives a
# `dict`:
#
# | key | value |
# |---|---|
# | `lote` | the newest complete batch; `None` when there is none |
# | `eventos` | the number of sales in all complete batches |
# | `total` | the sum of their `total` |
# | `por_canal` | a `dict`: for each channel with sales, its part of that sum |
# | `age_seconds`, `status` | from `freshness` |
#
# - **Gold only.** Bronze has every sale that was sent twice twice.
# - **Whole.** The writer may be anywhere: between the two tables when you begin to read, or it commits a batch *while* you read. Whatever
#   batch `lote` names: the numbers are those of all batches up to it, and of no other.
# - **Batches come in the order of their numbers**, from 1. Tables may be empty.
#
# Useful: `lake.table(path).to_pandas()`. Opening a table fixes its version. Which of the two do you open first?

# %% [markdown] tags=["lang:pt-BR"]
# ## 4 · Desafio: um retrato que combina
#
# Escreva `snapshot(gold, now)`. Ela lê as duas tabelas abaixo da pasta `gold`, em `f"{gold}/vendas"` e `f"{gold}/lotes"`, e devolve um `dict`:
#
# | chave | valor |
# |---|---|
# | `lote` | o lote completo mais novo; `None` quando não há nenhum |
# | `eventos` | o número de vendas em todos os lotes completos |
# | `total` | a soma dos seus `total` |
# | `por_canal` | um `dict`: para cada canal com vendas, a sua parte dessa soma |
# | `age_seconds`, `status` | de `freshness` |
#
# - **Só gold.** A bronze tem em dobro toda venda que foi enviada duas vezes.
# - **Inteiro.** Quem grava pode estar em qualquer lugar: entre as duas tabelas quando você começa a ler, ou fazendo um commit *enquanto* você
#   lê. Seja qual for o lote que `lote` nomeia: os números são os de todos os lotes até ele, e de nenhum outro.
# - **Os lotes vêm na ordem dos seus números**, a partir de 1. As tabelas podem estar vazias.
#
# Útil: `lake.table(path).to_pandas()`. Abrir uma tabela fixa a sua versão. Qual das duas você abre primeiro?

# %% tags=["solution:snapshot"]
def snapshot(gold: str, now: datetime) -> dict:
    ### BEGIN SOLUTION
    lotes = lake.table(f"{gold}/lotes").to_pandas()  # first: what it names is in the other table by then
    vendas = lake.table(f"{gold}/vendas").to_pandas()
    shown = vendas[vendas["lote"].isin(lotes["lote"])]
    return {
        "lote": None if lotes.empty else int(lotes["lote"].max()),
        "eventos": int(shown["eventos"].sum()),
        "total": round(float(shown["total"].sum()), 2),
        "por_canal": shown.groupby("canal")["total"].sum().round(2).to_dict(),
        **freshness(lotes, now),
    }
    ### END SOLUTION


# %% [markdown] tags=["lang:en"]
# ### Many viewers
#
# The screen asks once a second, and 200 people have it open. Reading the lake each time is too much. Write `dashboard(gold, now)`: it gives the
# same `dict`, from a snapshot that it keeps **for 5 seconds**.
#
# - Less than 5 s after the tables at `gold` were read, it shows the same batch and the same numbers, and does not read. From 5 s on, it
#   reads again. Count with `now`, and keep each `gold` apart: Loja Aurora has a sister.
# - The **age goes on** while the snapshot is kept: `age_seconds` and `status` are always those of `now`.
#
# For each `gold`, `now` never goes back.

# %% [markdown] tags=["lang:pt-BR"]
# ### Muitos espectadores
#
# A tela pergunta uma vez por segundo, e 200 pessoas estão com ela aberta. Ler o lake a cada vez é demais. Escreva `dashboard(gold, now)`: ela
# devolve o mesmo `dict`, a partir de um retrato que guarda **por 5 segundos**.
#
# - Menos de 5 s depois de ler as tabelas em `gold`, mostra o mesmo lote e os mesmos números, e não lê. A partir de 5 s, lê de novo. Conte com
#   `now`, e guarde cada `gold` separado: a Loja Aurora tem uma irmã.
# - A **idade continua a andar** enquanto o retrato está guardado: `age_seconds` e `status` são sempre os de `now`.
#
# Para cada `gold`, `now` nunca volta atrás.

# %% tags=["solution:dashboard"]
kept = {}  # what you keep between two calls


def dashboard(gold: str, now: datetime) -> dict:
    ### BEGIN SOLUTION
    if gold not in kept or now - kept[gold][0] >= timedelta(seconds=5):
        kept[gold] = now, snapshot(gold, now)
    read_at, view = kept[gold]
    age = view["age_seconds"]
    if age is not None:
        age += (now - read_at).total_seconds()
    return {**view, "age_seconds": age, "status": status(age)}
    ### END SOLUTION


# %% [markdown] tags=["lang:en"]
# `play` is the outside world: it follows a script of commits and looks, and writes down what was seen. Here is your minute: the screen is
# looked at every second.

# %% [markdown] tags=["lang:pt-BR"]
# `play` faz o papel do mundo lá fora: segue um roteiro de commits e olhadas e anota o que foi visto. Eis o seu minuto: a tela é olhada a cada
# segundo.

# %%
def play(script: list[list], landing: str, root: str, out: str) -> None:
    prepare(lake, root)
    seen = []
    for what, label, at, *names in script:
        now = datetime.fromisoformat(at)
        if what == "publish":
            publish(lake, landing, root, label, now, *names)
            continue
        look = dashboard if what == "dashboard" else snapshot
        try:
            with busy(lambda: [publish(lake, landing, root, name, now) for name in names]):
                view = json.dumps(look(f"{root}/gold", now), default=float)
        except Exception as error:
            view = json.dumps({"error": type(error).__name__})
        seen.append({"label": label, "now": at, "view": view})
    write_deltalake(out, pd.DataFrame(seen), mode="overwrite", storage_options=lake.storage_options or None)


events = [(written(number), ["publish", name, written(number).isoformat()]) for number, name in enumerate(files)]
looks = [(start + timedelta(seconds=second), ["dashboard", f"{second} s", (start + timedelta(seconds=second)).isoformat()]) for second in range(4, 66)]
script = [each for _, each in sorted(events + looks)]
script += [["snapshot", "the end", (written(30) + timedelta(seconds=1)).isoformat()], ["snapshot", "later", (written(30) + timedelta(seconds=20)).isoformat()]]
play(script, landing, lake.path("live", run, "own"), lake.path("live", "views"))

views = lake.table(lake.path("live", "views")).to_pandas()
shown = pd.DataFrame([{"label": label, **json.loads(view)} for label, view in zip(views["label"], views["view"])])
shown.iloc[[0, 4, 5, 30, 52, 62, 63]]

# %% tags=["check:own-page"]
check("dash.page")

# %% [markdown] tags=["lang:en"]
# The checks of the next three cells run after you submit, on a stream that nobody has seen.

# %% [markdown] tags=["lang:pt-BR"]
# As verificações das três células seguintes rodam depois da entrega, com um fluxo que ninguém viu.

# %% tags=["check:numbers"]
check("dash.sums", "dash.torn")

# %% tags=["check:honesty"]
check("dash.fresh", "dash.stale")

# %% tags=["check:viewers"]
check("dash.lag", "dash.kept")

# %% [markdown] tags=["lang:en"]
# And here it is as a page. Streamlit runs such a function from top to bottom whenever somebody looks; the cell does the same without a
# browser, twice: 2 and 20 seconds after the last sale. At which second does the page change its mind? Try it.

# %% [markdown] tags=["lang:pt-BR"]
# E aqui está como página. O Streamlit roda uma função dessas de cima a baixo sempre que alguém olha; a célula faz o mesmo sem navegador, duas
# vezes: 2 e 20 segundos depois da última venda. Em que segundo a página muda de opinião? Experimente.

# %%
from dataflow_kernels.page_preview import preview
from IPython.display import display


def page(gold: str, now: datetime) -> None:
    import streamlit as st

    view = dashboard(gold, now)
    st.title("Loja Aurora")
    if view["status"] == "stale":
        st.error("STALE: no new sale")
    left, middle, right = st.columns(3)
    left.metric("eventos", view["eventos"])
    middle.metric("total", f"R$ {view['total']:,.2f}")
    right.metric("age (s)", "—" if view["age_seconds"] is None else f"{view['age_seconds']:.1f}")
    bars = [{"canal": canal, "total": total} for canal, total in view["por_canal"].items()]
    x, y = {"field": "canal", "type": "nominal", "title": "canal"}, {"field": "total", "type": "quantitative", "title": "R$"}
    st.vega_lite_chart({"data": {"values": bars}, "mark": "bar", "encoding": {"x": x, "y": y}})
    st.caption(f"lote {view['lote']}")


for silence in (2, 20):  # try others
    display(preview(page, lake.path("live", run, "own", "gold"), start + timedelta(seconds=62 + silence)))

# %% [markdown] tags=["lang:en"]
# ## 5 · Break it
#
# Here is the page that everybody writes first: the total from one table, the bars from the other. The writer commits one batch while it
# reads: `busy` sees to that, so that you need not wait for bad luck. **Guess** before you run the cell: by how much do the bars miss the
# total? And yours?

# %% [markdown] tags=["lang:pt-BR"]
# ## 5 · Quebre
#
# Eis a página que todo mundo escreve primeiro: o total de uma tabela, as barras da outra. Quem grava faz o commit de um lote enquanto ela lê: o
# `busy` cuida disso, para você não ter de esperar pelo azar. **Dê um palpite** antes de executar a célula: por quanto as barras erram o total?
# E as suas?

# %%
def careless(gold: str, now: datetime) -> dict:
    refreshed = time.time()
    total = lake.table(f"{gold}/lotes").to_pandas()["total"].sum()
    bars = lake.table(f"{gold}/vendas").to_pandas().groupby("canal")["total"].sum()
    return {"total": round(total, 2), "por_canal": bars.to_dict(), "age_seconds": time.time() - refreshed}


torn = lake.path("live", run, "torn")
prepare(lake, torn)
publish(lake, landing, torn, files[0], written(0), ("vendas", "lotes"))
for number in range(1, 5):
    reader = (careless, snapshot)[number % 2]
    with busy(lambda: publish(lake, landing, torn, files[number], written(number), ("vendas", "lotes"))):
        view = reader(f"{torn}/gold", written(number))
    print(f"{reader.__name__:9} total {view['total']:>10.2f}   bars {sum(view['por_canal'].values()):>10.2f}   age {view['age_seconds']:.1f} s")

# %% [markdown] tags=["lang:en"]
# The difference is a whole batch: real sales, in one number and not in the other. And look at the age of the careless one: it asked its own
# watch, and will say so in three hours, too.

# %% [markdown] tags=["lang:pt-BR"]
# A diferença é um lote inteiro: vendas de verdade, num número e não no outro. E olhe a idade da descuidada: ela perguntou ao próprio relógio, e
# dirá o mesmo daqui a três horas.

# %% [markdown] tags=["lang:en"]
# ## 6 · Explain it
#
# A colleague says: "Delta tables are transactional, so a dashboard on them is always consistent, and I show the time of the last refresh." In
# about six sentences:
#
# 1. What does a transaction of one table promise, and what does it not promise about two?
# 2. Why does your snapshot fit together although somebody commits while it reads?
# 3. Which clock tells the age of the data, and when does each of the others lie?
# 4. Give evidence from your own runs: totals and bars, ages, seconds.

# %% [markdown] tags=["lang:pt-BR"]
# ## 6 · Explique
#
# Um colega diz: "As tabelas Delta são transacionais, então um painel sobre elas é sempre consistente, e eu mostro a hora da última
# atualização." Em umas seis frases:
#
# 1. O que uma transação de uma tabela promete, e o que ela não promete sobre duas?
# 2. Por que o seu retrato combina, embora alguém faça um commit enquanto ele lê?
# 3. Qual relógio diz a idade dos dados, e quando cada um dos outros mente?
# 4. Dê evidências das suas execuções: totais e barras, idades, segundos.

# %% [markdown] tags=["lang:en", "manual:explain-dashboard"]
# *Your answer here.*

# %% [markdown] tags=["lang:pt-BR", "manual:explain-dashboard"]
# *Sua resposta aqui.*

# %% [markdown] tags=["lang:en"]
# ## What you have now
#
# A function that knows which numbers belong together and how old they are, and a page that shows no more than it knows. Give it the time, and
# it can be tested; leave it to its own watch, and it will say that all is well.
#
# Press **Validate**, then **Submit** in the Assignments list.

# %% [markdown] tags=["lang:pt-BR"]
# ## O que você tem agora
#
# Uma função que sabe quais números combinam e que idade eles têm, e uma página que não mostra mais do que sabe. Dê a ela a hora, e ela pode ser
# testada; deixe-a com o próprio relógio, e ela dirá que está tudo bem.
#
# Clique em **Validate** e depois em **Submit** na lista de tarefas.
