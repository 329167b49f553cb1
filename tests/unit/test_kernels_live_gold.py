"""The writer of the live dashboard's tables, and a writer that commits between two reads."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from dataflow_kernels.environ import LabEnv
from dataflow_kernels.lake import Lake
from dataflow_kernels.live_gold import busy, prepare, publish

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path):
    """A lake in a folder, with two files of sales: one with a sale twice, one without any."""
    lake = Lake(LabEnv(user="ana", lake_root=tmp_path.as_uri()))
    row = {
        "venda_id": "V1",
        "canal": "app",
        "valor": 2.5,
        "ts_evento": (NOON - timedelta(hours=1)).isoformat(),
        "ts_ingestao": NOON.isoformat(),
    }
    (tmp_path / "tick-0001.jsonl").write_text(
        "".join(json.dumps(each) + "\n" for each in (row, row, {**row, "venda_id": "V2", "canal": "site"}))
    )
    (tmp_path / "tick-0002.jsonl").write_text("")
    prepare(lake, lake.path("shop"))
    return lake


def rows(lake, *table):
    return lake.table(lake.path("shop", *table)).to_pyarrow_table().to_pylist()


def test_a_sale_that_is_sent_twice_counts_once(lake):
    """In gold; bronze keeps every line."""
    publish(lake, lake.root, lake.path("shop"), "tick-0001.jsonl", NOON)
    assert len(rows(lake, "bronze")) == 3
    assert sorted((row["canal"], row["eventos"], row["total"]) for row in rows(lake, "gold", "vendas")) == [
        ("app", 1, 2.5),
        ("site", 1, 2.5),
    ]
    batch = rows(lake, "gold", "lotes")[0]
    assert (batch["lote"], batch["eventos"], batch["total"]) == (1, 2, 5.0)
    assert (batch["ultimo_evento"], batch["ultima_chegada"], batch["gravado_em"]) == (NOON - timedelta(hours=1), NOON, NOON)


def test_a_batch_without_sales_is_a_batch_too(lake):
    """It has a row in `lotes`, with no newest sale, and none in `vendas`."""
    publish(lake, lake.root, lake.path("shop"), "tick-0002.jsonl", NOON)
    assert rows(lake, "gold", "vendas") == []
    assert [(row["eventos"], row["ultima_chegada"]) for row in rows(lake, "gold", "lotes")] == [(0, None)]


def test_a_writer_may_stop_between_two_tables(lake):
    """Only the named parts are committed."""
    publish(lake, lake.root, lake.path("shop"), "tick-0001.jsonl", NOON, ("vendas",))
    assert rows(lake, "gold", "vendas")
    assert not rows(lake, "gold", "lotes")
    assert not rows(lake, "bronze")


def test_a_busy_writer_commits_once_between_two_reads(lake):
    """The first table that is opened is as it was before, the second is newer; without a read the writer comes at the end."""
    with busy(lambda: publish(lake, lake.root, lake.path("shop"), "tick-0001.jsonl", NOON)):
        lotes, vendas = rows(lake, "gold", "lotes"), rows(lake, "gold", "vendas")
    assert (len(lotes), len(vendas)) == (0, 2)
    with busy(lambda: publish(lake, lake.root, lake.path("shop"), "tick-0002.jsonl", NOON)):
        pass
    assert len(rows(lake, "gold", "lotes")) == 2
