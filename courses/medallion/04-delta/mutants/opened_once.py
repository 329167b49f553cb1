# loses: delta.conflict
# Opens the table before the loop: each new attempt rests on the version that was refused already.

# %% tags=["solution:apply-changes"]
def apply_changes(changes: str, table: str) -> None:
    new = spark.read.schema(CHANGE).json(changes).withColumnRenamed("changed_at", "valid_from")
    facts = ["cliente_id", "versao", "cidade", "plano", "valid_from"]
    in_time = Window.partitionBy("cliente_id").orderBy("valid_from")

    target = delta_table(table, COLUMNS)
    for attempts_left in reversed(range(10)):
        try:
            known = spark.read.option("versionAsOf", target.version()).format("delta").load(table).join(new, "cliente_id", "left_semi")
            whole = known.select(facts).union(new.select(facts)).dropDuplicates(["cliente_id", "versao"])
            rows = whole.withColumn("valid_to", F.lead("valid_from").over(in_time)).withColumn("is_current", F.col("valid_to").isNull())
            merge = target.merge(fitting(rows, COLUMNS), "old.cliente_id = new.cliente_id AND old.versao = new.versao", "new", "old")
            merge.when_matched_update_all("old.valid_to IS DISTINCT FROM new.valid_to").when_not_matched_insert_all().execute()
            return
        except CommitFailedError:
            if not attempts_left:
                raise
            time.sleep(random.uniform(0, 0.5))
