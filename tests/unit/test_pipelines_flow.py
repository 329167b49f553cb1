"""What the flow from bronze to silver does to rows, and what it tries again; no server runs."""

import pyarrow as pa
import pytest
from prefect.states import Failed
from tests.loops import run_apart

from dataflow_hub.pipelines import bronze_to_silver as etl


def test_doubled_rows_and_amounts_not_above_zero_go():
    """Distinct rows with a `valor` above zero stay, null is not above zero, and each says when it was processed."""
    raw = pa.table({"id": ["a", "a", "b", "c", "d"], "valor": [1.5, 1.5, 0.0, -2.0, None]})
    silver = etl.transform_to_silver.fn(raw).to_pylist()
    assert [(row["id"], row["valor"]) for row in silver] == [("a", 1.5)]
    assert silver[0]["processed_ts"] is not None


def test_a_table_without_the_column_is_refused_by_name():
    """The message says what is there, so that whoever started the run can name another source."""
    with pytest.raises(etl.UnfitTableError, match="no column valor"):
        etl.transform_to_silver.fn(pa.table({"id": [1]}))


def test_only_what_may_pass_is_tried_again():
    """A store that does not answer is; a table that is not fit is not."""
    assert etl.worth_another_try(None, None, Failed(data=OSError("503"))) is True
    assert etl.worth_another_try(None, None, Failed(data=etl.UnfitTableError("no column"))) is False


def test_a_table_that_is_not_fit_is_not_tried_again_where_an_event_loop_runs():
    """Prefect answers with a coroutine there unless told otherwise, and no coroutine is an unfit table."""

    async def asked():
        return etl.worth_another_try(None, None, Failed(data=etl.UnfitTableError("no column")))

    assert run_apart(asked()) is False


def test_each_pause_is_longer_than_the_one_before():
    """Three more tries, with pauses that double and a jitter, so that many flows do not knock at once."""
    for task in (etl.extract_bronze_data, etl.load_to_silver):
        assert task.retries == 3
        assert task.retry_delay_seconds == [2.0, 4.0, 8.0]
        assert task.retry_jitter_factor == 0.5
