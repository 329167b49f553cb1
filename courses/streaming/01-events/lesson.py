# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Streaming (Spark + Kafka)
#     language: python
#     name: streaming
# ---

# %% [markdown] tags=["lang:en"]
# # Events, partitions, offsets
#
# Until last year, Loja Aurora's shops sent a file each night. Now the customer wants to know *now*: order created, payment approved, order
# sent, order delivered. Each step is told at the moment it happens, as an **event**. Between those who tell and those who listen stands
# **Kafka**: a log to which anybody appends, and which every reader reads at their own pace.
#
# It sounds like a pipe. It is not, and today you find out where the difference hurts: who hears "delivered" before "sent"? What is left of an
# event when the broker falls over? And who has seen it when the *reader* falls over?
#
# | you will | minutes |
# |---|---|
# | meet the events | 5 |
# | see what a key does | 10 |
# | give each event its key | 8 |
# | publish, with receipts | 12 |
# | consume, each event once | 13 |
# | break it twice | 8 |
# | explain it | 4 |

# %% [markdown] tags=["lang:pt-BR"]
# # Eventos, partições, offsets
#
# Até o ano passado, as lojas da Aurora mandavam um arquivo por noite. Agora o cliente quer saber *na hora*: pedido criado, pagamento
# aprovado, pedido enviado, pedido entregue. Cada passo é contado no momento em que acontece, como um **evento**. Entre quem conta e quem
# escuta fica o **Kafka**: um registro (log) ao qual qualquer um acrescenta e que cada leitor lê no seu próprio ritmo.
#
# Parece um cano. Não é, e hoje você descobre onde a diferença dói: quem fica sabendo de "entregue" antes de "enviado"? O que sobra de um
# evento quando o broker cai? E quem já viu o evento quando é o *leitor* que cai?
#
# | você vai | minutos |
# |---|---|
# | conhecer os eventos | 5 |
# | ver o que uma chave faz | 10 |
# | dar a cada evento a sua chave | 8 |
# | publicar, com recibos | 12 |
# | consumir, cada evento uma vez | 13 |
# | quebrar duas vezes | 8 |
# | explicar | 4 |

# %%
from dataflow_kernels.pictures import pipeline

pipeline(today="sources")

# %% [markdown] tags=["lang:en"]
# ## 1 · Meet the events
#
# `lake` is your corner of the object store and `topics` your corner of Kafka: nothing to set up. The files below hold what the shops'
# systems have to say, one event a line, in the order in which it happened. Some lines are said twice, and some are damaged.

# %% [markdown] tags=["lang:pt-BR"]
# ## 1 · Conheça os eventos
#
# `lake` é o seu canto do armazenamento de objetos e `topics`, o seu canto do Kafka: não há nada a configurar. Os arquivos abaixo guardam o
# que os sistemas das lojas têm a dizer, um evento por linha, na ordem em que aconteceu. Há linhas ditas duas vezes e linhas danificadas.

# %%
import json

landing = lake.landing("01-events")
files = lake.files(landing)


def lines_of(file: str) -> list[bytes]:
    return lake.read(file).split(b"\n")[:-1]


for line in lines_of(f"{landing}/{files[0]}")[:5]:
    print(line.decode())

# %% [markdown] tags=["lang:en"]
# ## 2 · Worked example: what a key does
#
# A topic is not *one* log. It is several, its **partitions**, so that several machines can share the work. In each partition a message has
# a number, its **offset**; between partitions there is no order at all.
#
# Which partition does a message go to? If it has a **key**, the one that the key's hash says: same key, same partition. If it has none, any.
# Here are the same 60 events, published once without a key and once with the order's id as the key. Note what the producer tells us:
# `on_delivery` is called for each message when the broker has it (or has refused it), and `flush()` waits until all have been told.

# %% [markdown] tags=["lang:pt-BR"]
# ## 2 · Exemplo resolvido: o que uma chave faz
#
# Um tópico não é *um* log. São vários, as **partições**, para que várias máquinas dividam o trabalho. Em cada partição, uma mensagem tem um
# número, o seu **offset**; entre partições não existe ordem nenhuma.
#
# Para qual partição vai uma mensagem? Se ela tem uma **chave**, para a que o hash da chave indicar: mesma chave, mesma partição. Se não tem,
# para qualquer uma. Aqui estão os mesmos 60 eventos, publicados uma vez sem chave e outra com o id do pedido como chave. Repare no que o
# produtor nos conta: `on_delivery` é chamada para cada mensagem quando o broker a tem (ou a recusou), e `flush()` espera até que todas
# tenham sido contadas.

# %%
from dataflow_kernels.partitions import Placed, viewer

STEPS = ("pedido_criado", "pagamento_aprovado", "pedido_enviado", "pedido_entregue")
sample = [json.loads(line) for line in lines_of(f"{landing}/{files[0]}") if line.startswith(b'{"evento_id": ') and line.endswith(b"}")]
walked = {event["pedido_id"] for event in sample if event["tipo"] == "pedido_entregue"}
sample = [event for event in sample if event["pedido_id"] in sorted(walked)[:15]][:60]


def show(topic: str, with_key: bool) -> list[Placed]:
    topics.delete(topic)
    topics.create(topic, 3)
    producer, placed = topics.producer(sticky_partitioning_linger_ms=0), []
    for event in sample:

        def delivered(error, message, event=event):
            placed.append(Placed(message.partition(), message.offset(), event["pedido_id"], str(STEPS.index(event["tipo"]) + 1)))

        key = event["pedido_id"].encode() if with_key else None
        producer.produce(topics.name(topic), key=key, value=json.dumps(event).encode(), on_delivery=delivered)
    producer.flush()
    return placed


without_key, with_key = show("sem-chave", False), show("com-chave", True)

# %% [markdown] tags=["lang:en"]
# First **without** a key. Follow some orders: 1 is "created", 4 is "delivered". A reader takes the partitions in any order, and each at its
# own pace. What could the customer be told?

# %% [markdown] tags=["lang:pt-BR"]
# Primeiro **sem** chave. Siga alguns pedidos: 1 é "criado", 4 é "entregue". Quem lê percorre as partições em qualquer ordem, cada uma no seu
# ritmo. O que o cliente poderia ouvir?

# %%
viewer(without_key)

# %% [markdown] tags=["lang:en"]
# Now **with** the key. Every order has its own street:

# %% [markdown] tags=["lang:pt-BR"]
# Agora **com** a chave. Cada pedido tem a sua rua:

# %%
viewer(with_key)

# %% [markdown] tags=["lang:en"]
# ## 3 · Guided exercise: the key of an event
#
# Complete `key_of`: it gives the key of a line, as bytes: the event's `pedido_id`. A line that is not JSON has **no key** (`None`); it will be
# published all the same, since Bronze wants to see it. That half is there already.

# %% [markdown] tags=["lang:pt-BR"]
# ## 3 · Exercício guiado: a chave de um evento
#
# Complete `key_of`: ela devolve a chave de uma linha, em bytes: o `pedido_id` do evento. Uma linha que não é JSON **não tem chave** (`None`);
# ela será publicada mesmo assim, porque a Bronze quer vê-la. Essa metade já está pronta.

# %% tags=["solution:key-of"]
def key_of(line: bytes) -> bytes | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    ### BEGIN SOLUTION
    return event["pedido_id"].encode()
    ### INSTEAD
    #| return None  # YOUR CODE HERE: the order's id, as bytes
    ### END SOLUTION


# %%
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

keys = [{"value": line.decode(errors="replace"), "key": (key_of(line) or b"").decode() or None} for line in lines_of(f"{landing}/{files[0]}")]
rows = pa.Table.from_pylist(keys, schema=pa.schema({"value": pa.string(), "key": pa.string()}))
write_deltalake(lake.path("streaming", "keys"), rows, mode="overwrite", schema_mode="overwrite", storage_options=lake.storage_options or None)

# %% tags=["check:own-keys"]
check("events.key_of")

# %% [markdown] tags=["lang:en"]
# ## 4 · Challenge: publish
#
# First, some tools. `append` and `stored` write and read a Delta table without Spark; the last three are for experiments, and for the
# grader's.

# %% [markdown] tags=["lang:pt-BR"]
# ## 4 · Desafio: publique
#
# Primeiro, algumas ferramentas. `append` e `stored` gravam e leem uma tabela Delta sem Spark; as três últimas servem para experimentos, os
# seus e os do corretor.

# %%
EVENT = pa.schema({"partition": pa.int32(), "offset": pa.int64(), "key": pa.string(), "value": pa.string()})
RECEIPT = pa.schema({"partition": pa.int32(), "offset": pa.int64()})


def append(rows: list[dict], schema: pa.Schema, table: str) -> None:
    write_deltalake(table, pa.Table.from_pylist(rows, schema=schema), mode="append", storage_options=lake.storage_options or None)


def stored(table: str) -> list[dict]:
    """Give the rows of a table; none when it is not there yet."""
    there = DeltaTable.is_deltatable(table, storage_options=lake.storage_options or None)
    return lake.table(table).to_pyarrow_table().to_pylist() if there else []


def prepare(topic: str) -> None:
    topics.create(topic, 3)


def rewind(group: str, topic: str) -> None:
    topics.rewind(group, topic)


def kill_broker(away_seconds: float) -> None:
    topics.restart_broker(away_seconds)


# %% [markdown] tags=["lang:en"]
# Write `publish(file, topic, receipts)`:
#
# - Each line of the file becomes **one message** of the topic, in the file's order: its bytes unchanged (also of damaged and repeated lines),
#   with `key_of(line)` as its key. Messages with a key go to the partition that Kafka chooses by it.
# - It returns only **when the broker has acknowledged every message**. The broker may be down when you begin, for a minute even: wait.
#   If a message was refused, raise an error.
# - An acknowledgement says where the message is. Append these **receipts** to the Delta table at the path `receipts`: one row a message, with
#   its `partition` (integer) and its `offset` (long). The schema `RECEIPT` has both.

# %% [markdown] tags=["lang:pt-BR"]
# Escreva `publish(file, topic, receipts)`:
#
# - Cada linha do arquivo vira **uma mensagem** do tópico, na ordem do arquivo: seus bytes sem alteração (também os de linhas danificadas e
#   repetidas), com `key_of(line)` como chave. Mensagens com chave vão para a partição que o Kafka escolhe por ela.
# - Ela só retorna **quando o broker confirmou todas as mensagens**. O broker pode estar fora do ar quando você começa, até por um minuto:
#   espere. Se uma mensagem for recusada, levante um erro.
# - Uma confirmação diz onde a mensagem está. Acrescente esses **recibos** à tabela Delta no caminho `receipts`: uma linha por mensagem, com a
#   `partition` (integer) e o `offset` (long). O esquema `RECEIPT` tem as duas colunas.

# %% tags=["solution:publish"]
def publish(file: str, topic: str, receipts: str) -> None:
    ### BEGIN SOLUTION
    producer, places, refused = topics.producer(), [], []

    def delivered(error, message):
        if error:
            refused.append(error)
        else:
            places.append({"partition": message.partition(), "offset": message.offset()})

    for line in lines_of(file):
        producer.produce(topics.name(topic), key=key_of(line), value=line, on_delivery=delivered)
        producer.poll(0)
    producer.flush()
    if refused:
        raise RuntimeError(f"{len(refused)} messages refused: {refused[0]}")
    append(places, RECEIPT, receipts)
    ### END SOLUTION


# %%
import time

table, receipts, group = lake.path("streaming", "events"), lake.path("streaming", "receipts"), f"bronze-{time.time():.0f}"
for path, schema in ((table, EVENT), (receipts, RECEIPT)):  # this cell may be run again: it begins anew
    write_deltalake(path, schema.empty_table(), mode="overwrite", schema_mode="overwrite", storage_options=lake.storage_options or None)
topics.delete("eventos")
prepare("eventos")

for file in files:
    publish(f"{landing}/{file}", "eventos", receipts)
topics.offsets("eventos")

# %% [markdown] tags=["lang:en"]
# ## 5 · Challenge: consume
#
# A reader belongs to a **group**, and Kafka keeps for each group how far it has come: the offset that it *committed*. Write
# `consume(topic, group, table)`, which is started again and again, reads what its group has not read yet, and ends:
#
# - Each message becomes **one row** of the Delta table at the path `table`: `partition` (integer), `offset` (long), `key` (string or null),
#   `value` (string). The schema `EVENT` has these. A new group begins at the first message there is.
# - Whatever happens, **no message is lost and none is there twice**: it may die at any point and be started again; and somebody may send the
#   group back to the beginning (`rewind`), so that it meets every message again. A table belongs to one topic. A partition and an offset name
#   a message for ever.
# - When there is nothing new, nothing happens, and that is no error. The table may not exist yet.
#
# How to read: `topics.consumer(group, enable_auto_commit=False, enable_partition_eof=True)` gives a `consumer`; then
# `for message in topics.pending(consumer, topic)` gives what is new, up to the end (`message.partition()`, `.offset()`, `.key()`,
# `.value()`); `consumer.commit(asynchronous=False)` commits what was given (it raises an error if nothing was); and `consumer.close()` has to
# happen **also when something fails**: `try … finally`.
#
# The order of these steps is the whole exercise.

# %% [markdown] tags=["lang:pt-BR"]
# ## 5 · Desafio: consuma
#
# Quem lê pertence a um **grupo** (consumer group), e o Kafka guarda até onde cada grupo chegou: o offset que ele *confirmou* (commit). Escreva
# `consume(topic, group, table)`, que é iniciada muitas vezes, lê o que o seu grupo ainda não leu e termina:
#
# - Cada mensagem vira **uma linha** da tabela Delta no caminho `table`: `partition` (integer), `offset` (long), `key` (string ou nulo),
#   `value` (string). O esquema `EVENT` tem essas colunas. Um grupo novo começa na primeira mensagem que existir.
# - Aconteça o que acontecer, **nenhuma mensagem se perde e nenhuma aparece duas vezes**: ela pode morrer em qualquer ponto e ser iniciada de
#   novo; e alguém pode mandar o grupo de volta ao começo (`rewind`), de modo que ele reencontre todas as mensagens. Uma tabela pertence a um
#   tópico. Uma partição e um offset identificam uma mensagem para sempre.
# - Quando não há nada novo, nada acontece, e isso não é um erro. A tabela pode ainda não existir.
#
# Como ler: `topics.consumer(group, enable_auto_commit=False, enable_partition_eof=True)` dá um `consumer`; depois,
# `for message in topics.pending(consumer, topic)` entrega o que é novo, até o fim (`message.partition()`, `.offset()`, `.key()`, `.value()`);
# `consumer.commit(asynchronous=False)` confirma o que foi entregue (e dá erro se nada foi); e `consumer.close()` precisa acontecer **também
# quando algo falha**: `try … finally`.
#
# A ordem desses passos é o exercício inteiro.

# %% tags=["solution:consume"]
def consume(topic: str, group: str, table: str) -> None:
    ### BEGIN SOLUTION
    consumer = topics.consumer(group, enable_auto_commit=False, enable_partition_eof=True)
    try:
        messages = list(topics.pending(consumer, topic))
        there = {(row["partition"], row["offset"]) for row in stored(table)}
        rows = [
            {
                "partition": message.partition(),
                "offset": message.offset(),
                "key": message.key().decode() if message.key() else None,
                "value": message.value().decode(errors="replace"),
            }
            for message in messages
            if (message.partition(), message.offset()) not in there
        ]
        if rows:
            append(rows, EVENT, table)
        if messages:
            consumer.commit(asynchronous=False)
    finally:
        consumer.close()
    ### END SOLUTION


# %%
consume("eventos", group, table)
consume("eventos", group, table)
print(len(stored(table)), "rows of", sum(len(lines_of(f"{landing}/{file}")) for file in files), "lines")

# %% tags=["check:own-table"]
check("events.table")

# %% [markdown] tags=["lang:en"]
# That was your data, on a quiet day. After you submit, your functions meet other events, a broker that is killed, a table that refuses a
# commit, and a group that is sent back to the beginning. This is what they will be asked:

# %% [markdown] tags=["lang:pt-BR"]
# Esses foram os seus dados, num dia calmo. Depois da entrega, as suas funções encontram outros eventos, um broker que é derrubado, uma tabela
# que recusa um commit e um grupo mandado de volta ao começo. É isto que será cobrado:

# %% tags=["check:keys-and-order"]
check("events.keys", "events.order")

# %% tags=["check:broker"]
check("events.restart", "events.receipts")

# %% tags=["check:reader"]
check("events.resume", "events.replay")

# %% [markdown] tags=["lang:en"]
# ## 6 · Break it: the reader dies
#
# Three readers of your topic work through it 400 messages at a time. Each takes two steps a time: *write* the rows, *commit* the offsets. In
# the third round the machine dies **between the two steps**, and the reader is started again. Before you run the cell, **guess**: how many
# messages does each of them lose, and how many does it have twice?

# %% [markdown] tags=["lang:pt-BR"]
# ## 6 · Quebre: o leitor morre
#
# Três leitores do seu tópico avançam de 400 em 400 mensagens. Cada rodada tem dois passos: *gravar* as linhas, *confirmar* os offsets
# (commit). Na terceira rodada a máquina morre **entre os dois passos**, e o leitor é iniciado de novo. Antes de executar, **dê um palpite**:
# quantas mensagens cada um perde, e quantas tem em dobro?

# %%
class PowerCut(Exception):
    pass


def life(name: str, sink: list, first: str, again: bool, dies_in_round: int = 0) -> None:
    consumer = topics.consumer(f"{group}-{name}", enable_auto_commit=False, enable_partition_eof=True)

    def write(chunk):
        here = [(message.partition(), message.offset()) for message in chunk]
        sink.extend(place for place in here if again or place not in sink)

    def commit(chunk):
        consumer.commit(asynchronous=False)

    steps = (commit, write) if first == "commit" else (write, commit)
    try:
        chunk, rounds = [], 0
        for message in topics.pending(consumer, "eventos"):
            chunk.append(message)
            if len(chunk) == 400:
                rounds += 1
                steps[0](chunk)
                if rounds == dies_in_round:
                    raise PowerCut
                steps[1](chunk)
                chunk = []
        if chunk:
            steps[0](chunk)
            steps[1](chunk)
    finally:
        consumer.close()


sent = {(number, offset) for number, (begin, end) in topics.offsets("eventos").items() for offset in range(begin, end)}
for name, first, again in (("commit, then write", "commit", True), ("write, then commit", "write", True), ("the same, but looks first", "write", False)):
    sink, reader = [], f"{first}-{again}-{time.time():.0f}"  # a group that has read nothing yet
    try:
        life(reader, sink, first, again, dies_in_round=3)
    except PowerCut:
        life(reader, sink, first, again)
    print(f"{name:28} lost: {len(sent - set(sink)):4}   twice: {len(sink) - len(set(sink)):4}")

# %% [markdown] tags=["lang:en"]
# Nobody can do both steps at once: they are two systems. The first reader is *at most once*, the second *at least once*. The third is the second
# with a table that notices what it has already: that is as good as *exactly once*, and it is the only way to get there.
#
# ## And now the broker
#
# This one is yours alone: it can be killed without anybody else noticing. Two producers send 500 events while it is gone for some seconds. One
# is in a hurry: it asks for no acknowledgement, and three seconds must do. The other is your `publish`. Guess first.

# %% [markdown] tags=["lang:pt-BR"]
# Ninguém consegue dar os dois passos de uma só vez: são dois sistemas. O primeiro leitor é *no máximo uma vez* (at most once), o segundo é
# *pelo menos uma vez* (at least once). O terceiro é o segundo com uma tabela que percebe o que já tem: equivale a *exatamente uma vez* (exactly
# once), e é o único jeito de chegar lá.
#
# ## E agora o broker
#
# Este é só seu: pode ser derrubado sem que mais ninguém perceba. Dois produtores mandam 500 eventos enquanto ele some por alguns segundos. Um
# está com pressa: não pede confirmação, e três segundos têm de bastar. O outro é a sua `publish`. Primeiro, o palpite.

# %%
def hurried(file: str, topic: str) -> None:
    producer = topics.producer(acks=0)
    for line in lines_of(file):
        producer.produce(topics.name(topic), key=key_of(line), value=line)
    producer.flush(3)


everybodys, topics = topics, topics.own_broker()  # from here to the end of this cell: a broker of your own
try:
    for number, send in enumerate((hurried, lambda file, topic: publish(file, topic, receipts))):
        topic = f"queda-{number}-{time.time():.0f}"
        prepare(topic)
        kill_broker(away_seconds=2)
        begin = time.monotonic()
        send(f"{landing}/{files[0]}", topic)
        waited = time.monotonic() - begin
        producer = topics.producer()
        producer.produce(topics.name(topic), value=b"the broker is back")
        producer.flush()
        arrived = sum(end for _, end in topics.offsets(topic).values()) - 1
        print(f"{'hurried' if number == 0 else 'publish':8} waited {waited:4.1f} s   arrived: {arrived} of {len(lines_of(f'{landing}/{files[0]}'))}")
finally:
    topics = everybodys

# %% [markdown] tags=["lang:en"]
# ## 7 · Explain it
#
# A colleague says: "Our reader commits its offsets every five seconds by itself, so we lose nothing, and Kafka delivers exactly once
# anyway." In about five sentences:
#
# 1. What does a committed offset say, and what does it not say about the table?
# 2. The machine dies. In which order of the two steps is something lost, in which is something there twice, and why can no order have neither?
# 3. What in *your* sink makes "at least once" enough, and what would a group sent back to the beginning do without it?
# 4. Give evidence from your own runs: messages lost and doubled, offsets, rows.

# %% [markdown] tags=["lang:pt-BR"]
# ## 7 · Explique
#
# Um colega diz: "Nosso leitor confirma os offsets sozinho a cada cinco segundos, então não perdemos nada; e o Kafka entrega exatamente uma vez
# de qualquer jeito." Em umas cinco frases:
#
# 1. O que um offset confirmado diz, e o que ele não diz sobre a tabela?
# 2. A máquina morre. Em que ordem dos dois passos algo se perde, em qual algo fica em dobro, e por que nenhuma ordem evita as duas coisas?
# 3. O que, no *seu* destino, faz com que "pelo menos uma vez" baste, e o que um grupo mandado de volta ao começo causaria sem isso?
# 4. Dê evidências das suas execuções: mensagens perdidas e em dobro, offsets, linhas.

# %% [markdown] tags=["lang:en", "manual:explain-offsets"]
# *Your answer here.*

# %% [markdown] tags=["lang:pt-BR", "manual:explain-offsets"]
# *Sua resposta aqui.*

# %% [markdown] tags=["lang:en"]
# ## What you have now
#
# Events with a street for each order, a receipt for every message, and a table that holds each of them once, whoever falls over and however
# often somebody begins again. In the next lesson Spark does the reading, and you find out what a **checkpoint** takes off your hands, and what
# it does not.
#
# Press **Validate**, then **Submit** in the Assignments list.

# %% [markdown] tags=["lang:pt-BR"]
# ## O que você tem agora
#
# Eventos com uma rua para cada pedido, um recibo para cada mensagem e uma tabela que guarda cada uma delas uma única vez, caia quem cair e por
# mais que alguém recomece. Na próxima lição quem lê é o Spark, e você descobre o que um **checkpoint** faz por você, e o que ele não faz.
#
# Clique em **Validate** e depois em **Submit** na lista de tarefas.
