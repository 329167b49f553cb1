# loses: delta.crash
# Notes "applied" before the commit, in a table of its own: a call that died in between is never made good.

# %% tags=["solution:apply-changes"]
def apply_changes(changes: str, table: str) -> None:
    noted = table + "_applied"
    spark.createDataFrame([], "file STRING").write.format("delta").mode("ignore").save(noted)
    if not spark.read.format("delta").load(noted).where(F.col("file") == changes).isEmpty():
        return
    spark.createDataFrame([(changes,)], "file STRING").write.format("delta").mode("append").save(noted)
    new = spark.read.schema(CHANGE).json(changes).withColumnRenamed("changed_at", "valid_from")
    facts = ["cliente_id", "versao", "cidade", "plano", "valid_from"]
    in_time = Window.partitionBy("cliente_id").orderBy("valid_from")

    for attempts_left in reversed(range(10)):
        target = delta_table(table, COLUMNS)
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
