# loses: delta.rerun
# Knows a change by the file that it came in: a line that is sent again in another file is there twice.

# %% tags=["solution:apply-changes"]
def apply_changes(changes: str, table: str) -> None:
    if not DeltaTable.isDeltaTable(spark, table):
        spark.createDataFrame([], HISTORY + ", file STRING").write.format("delta").save(table)
    new = spark.read.schema(CHANGE).json(changes).withColumnRenamed("changed_at", "valid_from").distinct()
    facts = ["cliente_id", "versao", "cidade", "plano", "valid_from"]
    in_time = Window.partitionBy("cliente_id").orderBy("valid_from", "file")

    for attempts_left in reversed(range(10)):
        try:
            known = spark.read.format("delta").load(table).join(new, "cliente_id", "left_semi")
            fresh = new.withColumn("file", F.lit(changes))
            whole = known.select(*facts, "file").union(fresh.select(*facts, "file")).dropDuplicates(["cliente_id", "versao", "file"])
            rows = whole.withColumn("valid_to", F.lead("valid_from").over(in_time)).withColumn("is_current", F.col("valid_to").isNull())
            merge = DeltaTable.forPath(spark, table).alias("old").merge(rows.alias("new"), "old.cliente_id = new.cliente_id AND old.versao = new.versao AND old.file = new.file")
            merge.whenMatchedUpdateAll(condition="NOT old.valid_to <=> new.valid_to").whenNotMatchedInsertAll().execute()
            return
        except CONFLICT:
            if not attempts_left:
                raise
            time.sleep(random.uniform(0, 0.5))
