# %% [markdown] tags=["lang:en"]
# # A dashboard that can be tested: Streamlit over gold
#
# A Streamlit page is a Python script that runs from top to bottom whenever somebody touches a control. That makes it easy to write, and,
# with `AppTest`, easy to test without a browser. We write a page over a gold table, look at it, click, and check what it says.

# %% [markdown] tags=["lang:pt-BR"]
# # Um painel que se pode testar: Streamlit sobre a gold
#
# Uma página do Streamlit é um script Python que roda de cima a baixo sempre que alguém mexe em um controle. Isso a torna fácil de escrever
# e, com o `AppTest`, fácil de testar sem navegador. Vamos escrever uma página sobre uma tabela gold, olhar, clicar e conferir o que ela diz.

# %%
import logging

import pandas as pd
from deltalake import write_deltalake
from streamlit.testing.v1 import AppTest

logging.getLogger("streamlit").setLevel(logging.ERROR)  # outside of its own server it warns of a missing browser session
gold = lake.path("tour", "streamlit", "vendas_por_regiao")
vendas = pd.DataFrame(
    {
        "região": ["Bahia", "Bahia", "Paraná", "Paraná", "São Paulo", "São Paulo"],
        "categoria": ["livros", "jogos"] * 3,
        "valor_total": [120.0, 310.0, 95.5, 80.0, 540.0, 1210.0],
    }
)
write_deltalake(gold, vendas, mode="overwrite", storage_options=lake.storage_options or None)
lake.table(gold).version()

# %% [markdown] tags=["lang:en"]
# ## The page
# It is given a function that reads, instead of reading by itself: so a test can hand it an empty table. Three rules of a good dashboard:
# say **which version** of the data is shown, have an **empty state** that says what to do, and never show a number without its unit.

# %% [markdown] tags=["lang:pt-BR"]
# ## A página
# Ela recebe uma função que lê, em vez de ler por conta própria: assim um teste pode lhe dar uma tabela vazia. Três regras de um bom
# painel: dizer **qual versão** dos dados está na tela, ter um **estado vazio** que diga o que fazer e nunca mostrar um número sem unidade.


# %%
def pagina(dados, versao):
    import streamlit as st

    st.title("Vendas · Loja Aurora")
    if dados.empty:
        st.info("Ainda não há vendas: rode o pipeline da gold.")
        st.stop()
    regiao = st.selectbox("Região", ["todas", *sorted(dados["região"].unique())])
    escolhidas = dados if regiao == "todas" else dados[dados["região"] == regiao]
    st.metric("Valor total (R$)", f"{escolhidas['valor_total'].sum():.2f}")
    st.bar_chart(escolhidas.groupby("categoria", as_index=False)["valor_total"].sum(), x="categoria", y="valor_total")
    st.caption(f"Versão {versao} da tabela gold")


tabela = lake.table(gold)
app = AppTest.from_function(pagina, args=(tabela.to_pandas(), tabela.version()), default_timeout=60).run()
print(app.title[0].value, "|", app.metric[0].label, app.metric[0].value, "|", app.caption[0].value)

# %% [markdown] tags=["lang:en"]
# ## Click, and check
# Choosing a region runs the script again. A dashboard's number is checked like any other: against the data, computed another way.

# %% [markdown] tags=["lang:pt-BR"]
# ## Clicar e conferir
# Escolher uma região roda o script de novo. O número de um painel se confere como qualquer outro: contra os dados, calculado de outro jeito.

# %%
for regiao, esperado in vendas.groupby("região")["valor_total"].sum().items():
    app.selectbox[0].select(regiao).run()
    assert not app.exception
    assert app.metric[0].value == f"{esperado:.2f}", regiao
    print(f"{regiao}: R$ {app.metric[0].value}")

# %% [markdown] tags=["lang:en"]
# ## The state nobody tries
# The first thing a new class sees is an empty table. Does the page break, or does it help?

# %% [markdown] tags=["lang:pt-BR"]
# ## O estado que ninguém testa
# A primeira coisa que uma turma nova vê é uma tabela vazia. A página quebra ou ajuda?

# %%
vazia = AppTest.from_function(pagina, args=(vendas.iloc[:0], 0), default_timeout=60).run()
assert not vazia.exception
assert not vazia.metric
print(vazia.info[0].value)

# %% [markdown] tags=["lang:en"]
# The lab's own dashboards are such a page, over the shared bucket `gold`: ask your instructor to start them, then look at the hub's home.

# %% [markdown] tags=["lang:pt-BR"]
# Os painéis do laboratório são uma página assim, sobre o bucket compartilhado `gold`: peça a quem dá o curso para ligá-los e veja no início do hub.
