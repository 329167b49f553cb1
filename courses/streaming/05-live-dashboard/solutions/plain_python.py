# No DataFrame: rows as dicts, added up batch by batch from the marker table; totals from it, parts from the other.

# %% tags=["solution:snapshot"]
def snapshot(gold: str, now: datetime) -> dict:
    marks = lake.table(gold + "/lotes")
    sold = lake.table(gold + "/vendas")
    done = sorted(marks.to_pyarrow_table().to_pylist(), key=lambda row: row["lote"])
    complete = {row["lote"] for row in done}
    parts: dict[str, float] = {}
    for row in sold.to_pyarrow_table().to_pylist():
        if row["lote"] in complete:
            parts[row["canal"]] = parts.get(row["canal"], 0) + row["total"]
    return {
        "por_canal": parts,
        "eventos": sum(row["eventos"] for row in done),
        "total": sum(row["total"] for row in done),
        "lote": done[-1]["lote"] if done else None,
        **freshness(pd.DataFrame(done, columns=["lote", "ultima_chegada"]), now),
    }


# %% tags=["solution:dashboard"]
kept, read = {}, {}


def dashboard(gold: str, now: datetime) -> dict:
    if (now - read.get(gold, datetime(1970, 1, 1, tzinfo=now.tzinfo))).total_seconds() > 4.99:
        kept[gold], read[gold] = snapshot(gold, now), now
    since = (now - read[gold]).total_seconds()
    view = kept[gold].copy()
    view["age_seconds"] = view["age_seconds"] + since if view["age_seconds"] is not None else None
    view["status"] = status(view["age_seconds"])
    return view
