# SQL, and everything counted anew each night; the chart with Altair, one layer of colour a category; the table with DuckDB.

# %% tags=["solution:labelled"]
NOT_IN_CATALOGUE, NO_CATEGORY = "(sem cadastro)", "(sem categoria)"

LABELLED = """
    WITH newest AS (SELECT produto_id, struct(max_by(categoria, atualizado_em) AS name) AS row FROM {catalogue} GROUP BY produto_id)
    SELECT o.pedido_id, CAST(convert_timezone('UTC', 'America/Sao_Paulo', CAST(o.ts_evento AS TIMESTAMP_NTZ)) AS DATE) AS dia,
        CASE WHEN n.row IS NULL THEN {missing} ELSE nvl(n.row.name, {nameless}) END AS categoria, o.regiao, o.valor, o.produto_id
    FROM {orders} o LEFT JOIN newest n ON n.produto_id = o.produto_id
"""


def labelled(orders: DataFrame, catalogue: DataFrame) -> DataFrame:
    return spark.sql(LABELLED, orders=orders, catalogue=catalogue, missing=NOT_IN_CATALOGUE, nameless=NO_CATEGORY)


# %% tags=["solution:refresh-gold"]
def refresh_gold(changes: str, silver: str, products: str, gold: str) -> None:
    rows = labelled(spark.read.format("delta").load(silver), spark.read.parquet(products))
    cells = "SELECT dia, categoria, regiao, count(*) AS pedidos, sum(valor) AS receita FROM {rows} GROUP BY ALL"
    spark.sql(cells, rows=rows).coalesce(1).write.format("delta").mode("overwrite").save(gold)


# %% tags=["solution:page-parts"]
import altair as alt
import duckdb


def daily_chart(gold: str) -> dict:
    table = read_gold(gold)
    every = pd.date_range(table["dia"].min(), table["dia"].max())
    cells = table.pivot_table(index="dia", columns="categoria", values="receita", aggfunc="sum").reindex(every).fillna(0.0)
    rows = cells.rename_axis("dia").reset_index().melt(id_vars="dia", var_name="categoria", value_name="receita")
    x = alt.X("yearmonthdate(dia):T", title="dia")
    y = alt.Y("sum(receita):Q", axis=alt.Axis(title=["receita", "R$ por dia"]))
    return alt.Chart(rows).mark_area().encode(x=x, y=y, color="categoria:N").to_dict()


def by_category(gold: str) -> pd.DataFrame:
    cells = lake.table(gold).to_pyarrow_table()
    return duckdb.sql("""
        SELECT categoria, sum(receita)::DOUBLE AS receita, sum(pedidos)::BIGINT AS pedidos, round(sum(receita) / sum(pedidos), 2) AS ticket_medio
        FROM cells GROUP BY categoria ORDER BY receita DESC
    """).df()
