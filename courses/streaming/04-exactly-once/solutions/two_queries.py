# Two streams with a checkpoint each: the one into the dead letters is Delta's own sink, which knows its batch numbers.

# %% tags=["solution:parse"]
def parse(lines: DataFrame) -> DataFrame:
    one = F.from_json("raw", "pedido_id STRING, versao LONG, status STRING, valor STRING")
    known = F.when(F.try_parse_json("raw").isNotNull(), one)
    rows = lines.withColumn("m", known).select("raw", "m.*").withColumn("valor", F.expr("try_cast(valor AS DOUBLE)"))
    return rows.withColumn("why", F.expr("""
        CASE WHEN try_parse_json(raw) IS NULL THEN 'not_json' WHEN pedido_id IS NULL THEN 'no_key' WHEN valor IS NULL THEN 'bad_value' END
    """))


# %% tags=["solution:run-stream"]
from delta.tables import DeltaTable


def run_stream(inbox: str, pedidos: str, dead_letters: str, checkpoint: str) -> None:
    def upsert(batch: DataFrame, number: int) -> None:
        one = batch.groupBy("pedido_id").agg(F.max(F.struct("versao", "status", "valor")).alias("m")).select("pedido_id", "m.*")
        target = DeltaTable.forPath(spark, pedidos).alias("old")
        newer = target.merge(one.alias("new"), "old.pedido_id = new.pedido_id").whenMatchedUpdateAll("new.versao >= old.versao")
        newer.whenNotMatchedInsertAll().execute()

    rows = parse(read_lines(inbox))
    good = rows.where("why IS NULL").select("pedido_id", "versao", "status", "valor").writeStream.foreachBatch(upsert)
    bad = rows.where("why IS NOT NULL").select("raw", "why").writeStream.format("delta")
    for name, writer, start in (("good", good, lambda each: each.start()), ("bad", bad, lambda each: each.start(dead_letters))):
        start(writer.option("checkpointLocation", f"{checkpoint}/{name}").trigger(availableNow=True)).awaitTermination()
