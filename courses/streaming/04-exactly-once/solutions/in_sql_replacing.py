# SQL throughout; the dead letters of a batch replace what is there of that batch.

# %% tags=["solution:run-stream"]
def run_stream(inbox: str, pedidos: str, dead_letters: str, checkpoint: str) -> None:
    def write(batch: DataFrame, number: int) -> None:
        parse(batch).createOrReplaceTempView("messages")
        letters = batch.sparkSession.sql(f"SELECT raw, why, CAST({number} AS BIGINT) AS lote FROM messages WHERE why IS NOT NULL")
        letters.write.format("delta").mode("overwrite").option("replaceWhere", f"lote = {number}").save(dead_letters)
        batch.sparkSession.sql(f"""
            MERGE INTO delta.`{pedidos}` AS t
            USING (
                SELECT pedido_id, versao, status, valor FROM messages WHERE why IS NULL
                QUALIFY ROW_NUMBER() OVER (PARTITION BY pedido_id ORDER BY versao DESC) = 1
            ) AS s ON t.pedido_id = s.pedido_id
            WHEN MATCHED AND s.versao > t.versao THEN UPDATE SET versao = s.versao, status = s.status, valor = s.valor
            WHEN NOT MATCHED THEN INSERT (pedido_id, versao, status, valor) VALUES (s.pedido_id, s.versao, s.status, s.valor)
        """)

    query = read_lines(inbox).writeStream.foreachBatch(write).option("checkpointLocation", f"{checkpoint}")
    query.trigger(availableNow=True).start().awaitTermination()
