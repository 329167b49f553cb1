# loses: delta.current, delta.scd2, delta.late, delta.rerun, delta.whole
# The textbook's MERGE, one row to close and one to open for each change: two changes of a known customer in one file stop it.

# %% tags=["solution:apply-changes"]
def apply_changes(changes: str, table: str) -> None:
    new = spark.read.schema(CHANGE).json(changes).withColumnRenamed("changed_at", "valid_from").distinct()
    facts = ["cliente_id", "versao", "cidade", "plano", "valid_from"]
    in_time = Window.partitionBy("cliente_id").orderBy("valid_from")

    for attempts_left in reversed(range(10)):
        target = delta_table(table, COLUMNS)
        try:
            known = spark.read.option("versionAsOf", target.version()).format("delta").load(table)
            fresh = new.join(known, ["cliente_id", "versao"], "left_anti").select(facts)
            moving = fresh.join(known.where("is_current").select("cliente_id"), "cliente_id", "left_semi")
            staged = fresh.withColumn("key", F.col("cliente_id")).union(moving.select(facts).withColumn("key", F.lit(None).cast("string")))
            merge = target.merge(staged.toArrow(), "old.is_current AND old.cliente_id = new.key", "new", "old")
            merge = merge.when_matched_update({"valid_to": "new.valid_from", "is_current": "false"})
            opened = {name: f"new.{name}" for name in facts} | {"valid_to": "NULL", "is_current": "true"}
            merge.when_not_matched_insert(opened).execute()
            return
        except CommitFailedError:
            if not attempts_left:
                raise
            time.sleep(random.uniform(0, 0.5))
