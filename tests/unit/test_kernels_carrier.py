"""The store that is down when it is told to be."""

import matplotlib as mpl
import pytest

from dataflow_kernels.carrier import Carrier, Gone, Unavailable, draw

mpl.use("agg")

DAY, OTHER = "2026-03-02", "2026-03-03"
LINE = '{"entrega_id": "E1", "saida": "2026-03-02T08:00:00", "distancia_km": 2.5, "minutos": 15}\n'


@pytest.fixture
def carrier(tmp_path):
    source = tmp_path / "landing"
    source.mkdir()
    for day in (DAY, OTHER):
        (source / f"entregas-{day}.jsonl").write_text(LINE)
    made = Carrier(source.as_uri(), (tmp_path / "lake").as_uri())
    made.prepare()
    return made


def test_an_outage_lasts_as_many_requests_as_it_was_told(carrier):
    """Two requests are refused, the third brings the file; other days are not concerned."""
    carrier.outage(DAY, 503, 2)
    for _ in range(2):
        with pytest.raises(Unavailable, match="503"):
            carrier.read(DAY)
    assert carrier.read(DAY).to_dict("records") == [
        {"entrega_id": "E1", "saida": "2026-03-02T08:00:00", "distancia_km": 2.5, "minutos": 15.0}
    ]
    assert len(carrier.read(OTHER)) == 1


def test_each_request_is_written_down(carrier):
    """Whoever reads the table afterwards knows how often and when the store was asked, also what it refused."""
    carrier.read(DAY)
    carrier.outage(DAY, 410, 9)
    with pytest.raises(Gone):
        carrier.read(DAY)
    asked = carrier.requests(DAY)
    assert asked.status.tolist() == [200, 410]
    assert asked.em.is_monotonic_increasing
    assert carrier.requests(OTHER).empty


def test_a_later_outage_counts_from_where_it_was_told(carrier):
    """Requests before it do not use it up."""
    carrier.read(DAY)
    carrier.outage(DAY, 503, 1)
    with pytest.raises(Unavailable):
        carrier.read(DAY)
    assert len(carrier.read(DAY)) == 1


def test_prepare_forgets(carrier):
    """A cell that is run again begins anew."""
    carrier.outage(DAY, 503, 9)
    carrier.prepare()
    assert len(carrier.read(DAY)) == 1
    assert len(carrier.requests(DAY)) == 1


@pytest.mark.parametrize(("language", "word"), [("en", "since"), ("pt-BR", "desde")])
def test_the_timeline_speaks_both_languages(carrier, language, word):
    """One point a request, each with its status."""
    import matplotlib.pyplot as plt

    carrier.read(DAY)
    _, axes = plt.subplots()
    draw(axes, carrier.requests(DAY), language)
    assert word in axes.get_xlabel()
    assert [text.get_text() for text in axes.texts] == ["200"]
