# SQL throughout; conflicts are told by their message, and the join looks for the last row that begins in time.

# %% tags=["solution:changed-rows"]
def changed_rows(table: str, version: int) -> DataFrame:
    now, then = (f"SELECT * FROM delta.`{table}` VERSION AS OF {each}" for each in (version, version - 1))
    return spark.sql(f"{now} EXCEPT {then}")


# %% tags=["solution:undo-tidy"]
def undo(table: str, version: int) -> None:
    spark.sql(f"RESTORE TABLE delta.`{table}` TO VERSION AS OF {version}")


def tidy(table: str) -> None:
    spark.sql(f"OPTIMIZE delta.`{table}`")
    spark.sql(f"VACUUM delta.`{table}` RETAIN 200 HOURS")


# %% tags=["solution:as-of-join"]
def as_of_join(orders: str, history: str, out: str) -> None:
    spark.read.schema(ORDER).json(orders).createOrReplaceTempView("orders_as_of")
    joined = spark.sql(f"""
        SELECT o.pedido_id, o.cliente_id, o.valor, o.ts_evento, max_by(h.cidade, h.valid_from) AS cidade, max_by(h.plano, h.valid_from) AS plano
        FROM orders_as_of o LEFT JOIN delta.`{history}` h ON o.cliente_id = h.cliente_id AND h.valid_from <= o.ts_evento
        GROUP BY o.pedido_id, o.cliente_id, o.valor, o.ts_evento""")
    joined.write.format("delta").mode("overwrite").option("overwriteSchema", True).save(out)


# %% tags=["solution:apply-changes"]
def apply_changes(changes: str, table: str) -> None:
    delta_table(table, COLUMNS)
    new = f"(SELECT DISTINCT line.* FROM (SELECT from_json(value, '{CHANGE}') AS line FROM text.`{changes}`))"
    facts = f"""
        SELECT cliente_id, versao, cidade, plano, valid_from FROM delta.`{table}` WHERE cliente_id IN (SELECT cliente_id FROM {new})
        UNION
        SELECT cliente_id, versao, cidade, plano, changed_at AS valid_from FROM {new}"""
    merge = f"""
        MERGE INTO delta.`{table}` old USING (
            SELECT *, lead(valid_from) OVER w AS valid_to, lead(valid_from) OVER w IS NULL AS is_current FROM ({facts})
            WINDOW w AS (PARTITION BY cliente_id ORDER BY versao)
        ) new ON old.cliente_id = new.cliente_id AND old.versao = new.versao
        WHEN MATCHED THEN UPDATE SET valid_to = new.valid_to, is_current = new.is_current
        WHEN NOT MATCHED THEN INSERT *"""
    for _ in range(20):
        try:
            spark.sql(merge)
            return
        except Exception as error:
            if "concurrent" not in type(error).__name__.lower() and "concurrent" not in str(error).lower():
                raise
    raise RuntimeError(f"{changes}: other writers were faster twenty times")
