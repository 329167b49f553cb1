# loses: delta.current, delta.scd2, delta.late, delta.whole
# Adds each change as a current row and leaves the older ones open: everybody lives everywhere they ever lived.

# %% tags=["solution:apply-changes"]
def apply_changes(changes: str, table: str) -> None:
    new = spark.read.schema(CHANGE).json(changes).withColumnRenamed("changed_at", "valid_from").distinct()
    facts = ["cliente_id", "versao", "cidade", "plano", "valid_from"]
    in_time = Window.partitionBy("cliente_id").orderBy("valid_from")

    for attempts_left in reversed(range(10)):
        target = delta_table(table, COLUMNS)
        try:
            rows = new.select(facts).withColumn("valid_to", F.lit(None).cast("timestamp")).withColumn("is_current", F.lit(True))
            merge = target.merge(fitting(rows, COLUMNS), "old.cliente_id = new.cliente_id AND old.versao = new.versao", "new", "old")
            merge.when_not_matched_insert_all().execute()
            return
        except CommitFailedError:
            if not attempts_left:
                raise
            time.sleep(random.uniform(0, 0.5))
