# %% [markdown] tags=["lang:en"]
# # Cloud credentials: any S3, and no key in a notebook
#
# `lake` is an S3 bucket. Here it lives on this machine; at work it lives at AWS, at another provider, in your own cellar. The code stays
# the same, because it names neither address nor key. This notebook shows where both come from, and how a second store joins in.

# %% [markdown] tags=["lang:pt-BR"]
# # Credenciais de nuvem: qualquer S3, e nenhuma chave no notebook
#
# `lake` é um bucket S3. Aqui ele mora nesta máquina; no trabalho, mora na AWS, em outro provedor, no seu próprio porão. O código não
# muda, porque não cita endereço nem chave. Este notebook mostra de onde os dois vêm, e como um segundo armazenamento entra na história.

# %%
import configparser
import os
import tempfile
from pathlib import Path

import pandas as pd
from botocore.session import Session
from deltalake import DeltaTable, write_deltalake

# %% [markdown] tags=["lang:en"]
# ## Where the keys are
# In the environment of this kernel, put there when your server started, valid for you alone and only for your bucket. We look at the
# names and hide the values: whatever a cell prints is saved with the notebook, and notebooks travel.

# %% [markdown] tags=["lang:pt-BR"]
# ## Onde estão as chaves
# No ambiente deste kernel, postas lá quando seu servidor iniciou, válidas só para você e só para o seu bucket. Olhamos os nomes e
# escondemos os valores: o que uma célula imprime é salvo com o notebook, e notebooks viajam.

# %%
pd.Series({name: f"{len(value)} characters" for name, value in sorted(os.environ.items()) if name.startswith("AWS_")}, name="value")

# %% [markdown] tags=["lang:en"]
# ## One table, two engines, no address
# Spark writes, delta-rs reads. Spark got its keys from the lab when it started; delta-rs takes them as `storage_options`.

# %% [markdown] tags=["lang:pt-BR"]
# ## Uma tabela, dois motores, nenhum endereço
# O Spark grava, o delta-rs lê. O Spark recebeu as chaves do laboratório ao iniciar; o delta-rs as recebe em `storage_options`.

# %%
path = lake.path("tour", "cloud", "pedidos")
pedidos = spark.createDataFrame([("A1", 59.9), ("A2", 249.0), ("A3", 80.0)], "pedido_id STRING, valor DOUBLE")
pedidos.write.format("delta").mode("overwrite").save(path)
written, read = spark.read.format("delta").load(path).count(), lake.table(path).to_pandas()
assert written == len(read) == 3
read

# %% [markdown] tags=["lang:en"]
# ## A second store: profiles
# The tools of the S3 world share one convention: a file of named **profiles**, outside of every project, readable by you alone. A job
# says which profile it wants, never which key. Below we write such a file, into a temporary folder so that nothing stays, with the lab's
# own store as the "other" one; at work, the file is `~/.aws/credentials` and somebody has made it for you, or a role gives the keys.

# %% [markdown] tags=["lang:pt-BR"]
# ## Um segundo armazenamento: perfis
# As ferramentas do mundo S3 seguem uma convenção: um arquivo de **perfis** com nome, fora de qualquer projeto, legível só por você. O
# programa diz qual perfil quer, nunca qual chave. Abaixo gravamos um arquivo desses, numa pasta temporária para que nada fique, com o
# próprio armazenamento do laboratório como o "outro"; no trabalho, o arquivo é `~/.aws/credentials` e alguém o fez para você, ou um
# papel (role) fornece as chaves.

# %%
folder = tempfile.TemporaryDirectory()
profiles = Path(folder.name) / "credentials"
file = configparser.ConfigParser()
own = lake.storage_options
file["warehouse"] = {
    "aws_access_key_id": own["AWS_ACCESS_KEY_ID"],
    "aws_secret_access_key": own["AWS_SECRET_ACCESS_KEY"],
    "endpoint_url": own["AWS_ENDPOINT_URL"],
    "region": own["AWS_REGION"],
}
profiles.touch(mode=0o600)
with profiles.open("w") as out:
    file.write(out)
oct(profiles.stat().st_mode & 0o777)


# %%
def store_of(profile: str, credentials: Path) -> dict[str, str]:
    """Give the delta-rs options of one profile, read the way every S3 tool reads it."""
    session = Session(profile=profile)
    session.set_config_variable("credentials_file", str(credentials))
    session.set_config_variable("config_file", str(credentials))
    keys, more = session.get_credentials(), session.full_config["profiles"][profile]
    options = {
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
        "AWS_REGION": more["region"],
        "AWS_CONDITIONAL_PUT": "etag",
    }
    if endpoint := more.get("endpoint_url"):  # AWS itself needs none
        options |= {"AWS_ENDPOINT_URL": endpoint, "AWS_ALLOW_HTTP": str(endpoint.startswith("http:")).lower()}
    return options


warehouse = store_of("warehouse", profiles)
copy = lake.path("tour", "cloud", "copy")
write_deltalake(copy, read, mode="overwrite", storage_options=warehouse)
assert DeltaTable(copy, storage_options=warehouse).to_pandas().equals(read)
folder.cleanup()

# %% [markdown] tags=["lang:en"]
# ## A key that is wrong says so
# Try it, so that you know the message when you meet it.

# %% [markdown] tags=["lang:pt-BR"]
# ## Uma chave errada avisa
# Experimente, para reconhecer a mensagem quando a encontrar.

# %%
try:
    DeltaTable(copy, storage_options={**warehouse, "AWS_SECRET_ACCESS_KEY": "not-the-key"})
    raise AssertionError("a wrong key was taken")
except OSError as error:
    print(type(error).__name__, str(error)[:90].replace(warehouse["AWS_ENDPOINT_URL"], "…"))

# %% [markdown] tags=["lang:en"]
# | where | address | keys |
# |---|---|---|
# | this lab | given at start | yours, fresh at each start |
# | AWS | none: the region is enough | a role of the machine or job; a profile on your laptop |
# | Google Cloud Storage | its S3-compatible endpoint | HMAC keys of a service account |
# | MinIO, Ceph, SeaweedFS | your own | a user of the store |
#
# Azure's storage speaks another protocol; Spark and delta-rs know it under other options. Only the first row was run here.
# Three rules: no key in a notebook, no key in git, no key that may do more than the job needs.

# %% [markdown] tags=["lang:pt-BR"]
# | onde | endereço | chaves |
# |---|---|---|
# | este laboratório | dado ao iniciar | suas, novas a cada início |
# | AWS | nenhum: basta a região | um papel (role) da máquina ou da rotina; um perfil no seu computador |
# | Google Cloud Storage | o endpoint compatível com S3 | chaves HMAC de uma conta de serviço |
# | MinIO, Ceph, SeaweedFS | o seu próprio | um usuário do armazenamento |
#
# O armazenamento da Azure fala outro protocolo; Spark e delta-rs o conhecem com outras opções. Só a primeira linha foi executada aqui.
# Três regras: nenhuma chave em notebook, nenhuma chave no git, nenhuma chave que possa mais do que a rotina precisa.
