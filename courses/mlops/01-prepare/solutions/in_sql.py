# The whole preparation as SQL in DuckDB.

# %% tags=["solution:prepare"]
import duckdb

SCALED = """(coalesce({0}, {0}_median) - {0}_mean) / {0}_deviation AS {0}"""


def prepare(files: list[str], first_test_day: str, out: str) -> None:
    base = duckdb.connect()
    base.register("landed", read_orders(files))
    base.execute("CREATE TABLE orders AS SELECT * FROM landed QUALIFY row_number() OVER (PARTITION BY pedido_id ORDER BY ts_registro) = 1")
    base.execute(f"CREATE TABLE past AS SELECT * FROM orders WHERE ts_pedido < TIMESTAMP '{first_test_day}'")
    medians = ", ".join(f"median({name}) AS {name}_median" for name in KNOWN)
    base.execute(f"CREATE TABLE medians AS SELECT {medians} FROM past")
    facts = ", ".join(f"avg(coalesce({name}, {name}_median)) AS {name}_mean, stddev_pop(coalesce({name}, {name}_median)) AS {name}_deviation" for name in KNOWN)
    base.execute(f"CREATE TABLE facts AS SELECT {facts} FROM past, medians")
    base.execute("CREATE TABLE rates AS SELECT regiao, avg(atrasou) AS rate FROM past GROUP BY regiao")
    numbers = ", ".join(SCALED.format(name) for name in KNOWN)
    query = f"""
        SELECT pedido_id, ts_pedido, atrasou, {numbers}, coalesce(rate, (SELECT avg(atrasou) FROM past)) AS regiao_atraso
        FROM orders CROSS JOIN medians CROSS JOIN facts LEFT JOIN rates USING (regiao)
    """
    save(base.sql(f"{query} WHERE ts_pedido < TIMESTAMP '{first_test_day}'").df(), f"{out}/train")
    save(base.sql(f"{query} WHERE ts_pedido >= TIMESTAMP '{first_test_day}'").df(), f"{out}/test")
