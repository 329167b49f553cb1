# No MERGE: the whole table of orders is made anew from itself and the batch; a look into the table tells whether its dead letters are there.

# %% tags=["solution:run-stream"]
from pyspark.sql.window import Window


def run_stream(inbox: str, pedidos: str, dead_letters: str, checkpoint: str) -> None:
    columns = ["pedido_id", "versao", "status", "valor"]
    latest = F.row_number().over(Window.partitionBy("pedido_id").orderBy(F.desc("versao")))

    def write(batch: DataFrame, number: int) -> None:
        rows = parse(batch).cache()
        known = spark.read.format("delta").load(dead_letters).where(F.col("lote") == number)
        if known.isEmpty():
            rows.where("why IS NOT NULL").select(F.lit(number).cast("long").alias("lote"), "why", "raw").write.format("delta").mode("append").save(dead_letters)
        both = spark.read.format("delta").load(pedidos).select(columns).unionByName(rows.where("why IS NULL").select(columns))
        both.withColumn("n", latest).where("n = 1").drop("n").write.format("delta").mode("overwrite").save(pedidos)
        rows.unpersist()

    query = read_lines(inbox).writeStream.foreachBatch(write).option("checkpointLocation", f"{checkpoint}")
    query.trigger(availableNow=True).start().awaitTermination()
