# loses: gold.chart
# A chart whose axes say nothing: which currency, which day?

# %% tags=["solution:page-parts"]
def daily_chart(gold: str) -> dict:
    table = read_gold(gold)
    days = table.groupby("dia")["receita"].sum().asfreq("D", fill_value=0.0).reset_index()
    rows = days.assign(dia=days["dia"].dt.strftime("%Y-%m-%dT00:00:00")).to_dict("records")
    x = {"field": "dia", "type": "temporal"}
    y = {"field": "receita", "type": "quantitative"}
    return {"data": {"values": rows}, "mark": "bar", "encoding": {"x": x, "y": y}}


def by_category(gold: str) -> pd.DataFrame:
    table = read_gold(gold)
    sums = table.groupby("categoria", as_index=False)[["receita", "pedidos"]].sum()
    return sums.assign(ticket_medio=sums["receita"] / sums["pedidos"])
