# SQL throughout: VARIANT instead of a schema, QUALIFY-like ranking by a struct, the batch's own rows of quarantine replaced each time.

# %% tags=["solution:typed-rows"]
PAIRS = ", ".join(f"'{key}', '{name}'" for key, name in REGIONS.items())


def typed_rows(rows: DataFrame) -> DataFrame:
    rows.createOrReplaceTempView("bronze_rows")
    parsed = spark.sql(f"""
        SELECT *, try_variant_get(line, '$.valor', 'STRING') AS amount,
            lower(trim(coalesce(try_variant_get(line, "$['{KEY}']", 'STRING'), try_variant_get(line, "$['{OTHER_KEY}']", 'STRING')))) AS place
        FROM (SELECT *, try_parse_json(raw) AS line FROM bronze_rows)""")
    parsed.createOrReplaceTempView("parsed_rows")
    return spark.sql(f"""
        SELECT raw, corrupt, source, batch, ingested_at,
            try_variant_get(line, '$.pedido_id', 'STRING') AS pedido_id,
            try_variant_get(line, '$.versao', 'INT') AS versao,
            try_variant_get(line, '$.cliente_id', 'STRING') AS cliente_id,
            try_variant_get(line, '$.produto_id', 'STRING') AS produto_id,
            try_variant_get(line, '$.categoria', 'STRING') AS categoria,
            try_variant_get(line, '$.moeda', 'STRING') AS moeda,
            try_variant_get(line, '$.canal', 'STRING') AS canal,
            try_variant_get(line, '$.observacao', 'STRING') AS observacao,
            try_cast(if(instr(amount, ',') > 0, replace(replace(amount, '.', ''), ',', '.'), amount) AS DECIMAL(12,2)) AS valor,
            try_element_at(map({PAIRS}), regexp_replace(translate(place, 'áâãéêíóôõúç', 'aaaeeiooouc'), '[\u0300-\u036f]', '')) AS regiao,
            try_to_timestamp(try_variant_get(line, '$.ts_evento', 'STRING')) AS ts_evento
        FROM parsed_rows""")


# %% tags=["solution:with-reason"]
def with_reason(rows: DataFrame) -> DataFrame:
    return rows.selectExpr("*", """CASE
        WHEN corrupt THEN 'not_json'
        WHEN pedido_id IS NULL OR versao IS NULL OR valor IS NULL OR ts_evento IS NULL THEN 'unreadable'
        WHEN moeda IS NULL OR moeda <> 'BRL' THEN 'bad_currency'
        WHEN ts_evento > ingested_at THEN 'future_event'
        WHEN valor < 0 AND (observacao IS NULL OR observacao NOT LIKE '%Estorno%') THEN 'negative_amount'
        END AS reason""")


# %% tags=["solution:refine-batch"]
def refine_batch(bronze: str, silver: str, quarantine: str) -> None:
    rows = with_reason(typed_rows(spark.read.parquet(bronze))).cache()
    rows.createOrReplaceTempView("judged_rows")
    delta_table(silver, SILVER)
    winners = ", ".join(f"max_by({name}, versao) AS {name}" for name in SILVER.names if name != "pedido_id")
    spark.sql(f"""
        MERGE INTO delta.`{silver}` AS old
        USING (SELECT pedido_id, {winners} FROM judged_rows WHERE reason IS NULL GROUP BY pedido_id) AS new
        ON old.pedido_id = new.pedido_id
        WHEN MATCHED AND old.versao < new.versao THEN UPDATE SET *
        WHEN NOT MATCHED THEN INSERT *""")
    # Silver first, quarantine second: either order stands a crash in between when both writes may be repeated
    unusable = spark.sql("SELECT DISTINCT batch, reason, raw FROM judged_rows WHERE reason IS NOT NULL")
    writer = unusable.write.format("delta").mode("overwrite").partitionBy("batch")
    if not DeltaTable.is_deltatable(quarantine, lake.storage_options):
        writer.save(quarantine)
    elif batch := [row["batch"] for row in rows.select("batch").distinct().collect()]:
        writer.option("replaceWhere", f"batch = '{batch[0]}'").save(quarantine)
    rows.unpersist()
