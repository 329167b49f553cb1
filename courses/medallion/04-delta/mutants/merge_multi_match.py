# loses: delta.current, delta.scd2, delta.late, delta.rerun, delta.whole
# The textbook's MERGE, one row to close and one to open for each change: two changes of a known customer in one file stop it.

# %% tags=["solution:apply-changes"]
def apply_changes(changes: str, table: str) -> None:
    if not DeltaTable.isDeltaTable(spark, table):
        spark.createDataFrame([], HISTORY).write.format("delta").save(table)
    new = spark.read.schema(CHANGE).json(changes).withColumnRenamed("changed_at", "valid_from").distinct()
    facts = ["cliente_id", "versao", "cidade", "plano", "valid_from"]
    in_time = Window.partitionBy("cliente_id").orderBy("valid_from")

    for attempts_left in reversed(range(10)):
        try:
            known = spark.read.format("delta").load(table)
            fresh = new.join(known, ["cliente_id", "versao"], "left_anti").select(facts)
            moving = fresh.join(known.where("is_current").select("cliente_id"), "cliente_id", "left_semi")
            staged = fresh.withColumn("key", F.col("cliente_id")).union(moving.select(facts).withColumn("key", F.lit(None).cast("string")))
            merge = DeltaTable.forPath(spark, table).alias("old").merge(staged.alias("new"), "old.is_current AND old.cliente_id = new.key")
            merge = merge.whenMatchedUpdate(set={"valid_to": "new.valid_from", "is_current": "false"})
            opened = {name: f"new.{name}" for name in facts} | {"valid_to": "CAST(NULL AS TIMESTAMP)", "is_current": "true"}
            merge.whenNotMatchedInsert(values=opened).execute()
            return
        except CONFLICT:
            if not attempts_left:
                raise
            time.sleep(random.uniform(0, 0.5))
