# loses: gold.dashboard
# The page has its own way from Silver to the number: it shows what Gold does not know yet.

# %% tags=["solution:page-parts"]
def read_gold(gold: str) -> pd.DataFrame:
    silver = gold.replace("gold/receita_diaria", "silver/vendas")
    orders = labelled(spark.read.format("delta").load(silver), spark.read.parquet(products))
    table = orders.groupBy("dia", "categoria").agg(F.count("*").alias("pedidos"), F.sum("valor").cast("double").alias("receita")).toPandas()
    return table.assign(dia=pd.to_datetime(table["dia"]))


def daily_chart(gold: str) -> dict:
    table = read_gold(gold)
    days = table.groupby("dia")["receita"].sum().asfreq("D", fill_value=0.0).reset_index()
    rows = days.assign(dia=days["dia"].dt.strftime("%Y-%m-%dT00:00:00")).to_dict("records")
    x = {"field": "dia", "type": "temporal", "title": "dia (São Paulo)"}
    y = {"field": "receita", "type": "quantitative", "title": "receita por dia (R$)"}
    return {"data": {"values": rows}, "mark": "bar", "encoding": {"x": x, "y": y}}


def by_category(gold: str) -> pd.DataFrame:
    table = read_gold(gold)
    sums = table.groupby("categoria", as_index=False)[["receita", "pedidos"]].sum()
    return sums.assign(ticket_medio=sums["receita"] / sums["pedidos"])
