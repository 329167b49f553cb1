# loses: gold.average
# The mean of the averages of each day and region: a day with one order weighs as much as one with a hundred.

# %% tags=["solution:page-parts"]
def daily_chart(gold: str) -> dict:
    table = read_gold(gold)
    days = table.groupby("dia")["receita"].sum().asfreq("D", fill_value=0.0).reset_index()
    rows = days.assign(dia=days["dia"].dt.strftime("%Y-%m-%dT00:00:00")).to_dict("records")
    x = {"field": "dia", "type": "temporal", "title": "dia (São Paulo)"}
    y = {"field": "receita", "type": "quantitative", "title": "receita por dia (R$)"}
    return {"data": {"values": rows}, "mark": "bar", "encoding": {"x": x, "y": y}}


def by_category(gold: str) -> pd.DataFrame:
    table = read_gold(gold)
    table["ticket_medio"] = table["receita"] / table["pedidos"]
    sums = table.groupby("categoria", as_index=False)[["receita", "pedidos"]].sum()
    return sums.assign(ticket_medio=table.groupby("categoria")["ticket_medio"].mean().to_numpy())
