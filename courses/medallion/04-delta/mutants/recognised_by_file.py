# loses: delta.rerun
# Knows a change by the file that it came in: a line that is sent again in another file is there twice.

# %% tags=["solution:apply-changes"]
def apply_changes(changes: str, table: str) -> None:
    columns = COLUMNS.append(pa.field("file", TEXT))
    new = spark.read.schema(CHANGE).json(changes).withColumnRenamed("changed_at", "valid_from").distinct()
    facts = ["cliente_id", "versao", "cidade", "plano", "valid_from"]
    in_time = Window.partitionBy("cliente_id").orderBy("valid_from", "file")

    for attempts_left in reversed(range(10)):
        target = delta_table(table, columns)
        try:
            known = spark.read.option("versionAsOf", target.version()).format("delta").load(table).join(new, "cliente_id", "left_semi")
            fresh = new.withColumn("file", F.lit(changes))
            whole = known.select(*facts, "file").union(fresh.select(*facts, "file")).dropDuplicates(["cliente_id", "versao", "file"])
            rows = whole.withColumn("valid_to", F.lead("valid_from").over(in_time)).withColumn("is_current", F.col("valid_to").isNull())
            merge = target.merge(fitting(rows, columns), "old.cliente_id = new.cliente_id AND old.versao = new.versao AND old.file = new.file", "new", "old")
            merge.when_matched_update_all("old.valid_to IS DISTINCT FROM new.valid_to").when_not_matched_insert_all().execute()
            return
        except CommitFailedError:
            if not attempts_left:
                raise
            time.sleep(random.uniform(0, 0.5))
