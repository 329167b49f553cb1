# No Spark beyond reading files: pandas, exact decimals, and delta-rs to replace the touched days.

# %% tags=["solution:labelled"]
NOT_IN_CATALOGUE, NO_CATEGORY = "(sem cadastro)", "(sem categoria)"


def labelled_rows(orders: pa.Table, catalogue: pa.Table) -> pd.DataFrame:
    rows = catalogue.to_pandas().sort_values("atualizado_em")
    names = {row.produto_id: row.categoria or NO_CATEGORY for row in rows.itertuples()}
    table = orders.to_pandas()
    when = pd.to_datetime(table["ts_evento"], utc=True).dt.tz_convert("America/Sao_Paulo")
    return table.assign(dia=when.dt.date, categoria=[names.get(each, NOT_IN_CATALOGUE) for each in table["produto_id"]])


def labelled(orders: DataFrame, catalogue: DataFrame) -> DataFrame:
    table = labelled_rows(orders.toArrow(), catalogue.toArrow())
    types = "pedido_id STRING, dia DATE, categoria STRING, regiao STRING, valor DECIMAL(12,2)"
    return spark.createDataFrame(table[["pedido_id", "dia", "categoria", "regiao", "valor"]], types)


# %% tags=["solution:refresh-gold"]
GOLD = pa.schema([("dia", pa.date32()), ("categoria", pa.string()), ("regiao", pa.string()), ("pedidos", pa.int64()), ("receita", pa.decimal128(14, 2))])


def refresh_gold(changes: str, silver: str, products: str, gold: str) -> None:
    catalogue = spark.read.parquet(products).toArrow()
    orders = labelled_rows(lake.table(silver).to_pyarrow_table(), catalogue)
    days = set(labelled_rows(spark.read.parquet(changes).toArrow(), catalogue)["dia"])
    cells = {}
    for row in orders[orders["dia"].isin(days)].itertuples():
        cells.setdefault((row.dia, row.categoria, row.regiao), []).append(row.valor)
    found = pa.Table.from_pylist(
        [{"dia": d, "categoria": c, "regiao": r, "pedidos": len(v), "receita": sum(v)} for (d, c, r), v in cells.items()], schema=GOLD
    )
    if not DeltaTable.is_deltatable(gold, lake.storage_options):
        write_deltalake(gold, found, storage_options=lake.storage_options)
    elif days:
        predicate = " OR ".join(f"dia = '{day}'" for day in sorted(days))
        write_deltalake(gold, found, mode="overwrite", predicate=predicate, storage_options=lake.storage_options)


# %% tags=["solution:page-parts"]
def daily_chart(gold: str) -> dict:
    table = read_gold(gold)
    sums = {day: 0.0 for day in pd.date_range(table["dia"].min(), table["dia"].max())}
    for day, amount in zip(table["dia"], table["receita"]):
        sums[day] += amount
    rows = [{"dia": day.strftime("%Y-%m-%d"), "receita": round(amount, 2)} for day, amount in sums.items()]
    axis = {"axis": {"title": "Receita diária em R$"}, "field": "receita", "type": "quantitative"}
    return {
        "title": "Loja Aurora", "mark": {"type": "line", "point": True}, "data": {"values": rows},
        "encoding": {"x": {"field": "dia", "type": "temporal", "axis": {"title": "Dia"}}, "y": axis},
    }


def by_category(gold: str) -> pd.DataFrame:
    rows = []
    for name, part in read_gold(gold).groupby("categoria"):
        weights = part["pedidos"] / part["pedidos"].sum()
        mean = (part["receita"] / part["pedidos"] * weights).sum()  # a weighted mean of means is no mean of means
        rows.append({"categoria": name, "pedidos": int(part["pedidos"].sum()), "receita": part["receita"].sum(), "ticket_medio": mean})
    return pd.DataFrame(rows)
