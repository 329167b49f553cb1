"""Outcomes: their limits, their way through JSON, and how they look in a notebook."""

import math

import pytest

from dataflow_kernels.checks import ArtefactError, Bench, Outcome, Text, visible
from dataflow_kernels.checks.card import of_outcome, of_promise
from dataflow_kernels.checks.outcome import MAX_ROWS, MAX_TEXT
from dataflow_kernels.checks.runner import CheckFailed, check, run

BOTH = Text("five rows", "cinco linhas")


@pytest.mark.parametrize("score", [-0.1, 1.1, math.nan, math.inf])
def test_impossible_score_is_refused(score):
    """NaN and scores beyond 0 to 1 never become marks."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        Outcome(score=score, expected=BOTH, found=BOTH)


@pytest.mark.parametrize("score", ["1", True, None])
def test_score_that_is_no_number_is_refused(score):
    """What comes back as JSON is checked before it is believed."""
    data = Outcome(score=1, expected=BOTH, found=BOTH).to_dict() | {"score": score}
    with pytest.raises(TypeError):
        Outcome.from_dict(data)


def test_outcome_survives_json_and_is_cut():
    """Texts and rows come back the same, but for what is too long."""
    long = Text("x" * (MAX_TEXT + 1), "é")
    outcome = Outcome(score=0.5, expected=BOTH, found=long, rows=tuple({"n": str(n)} for n in range(50)), check="a.b")
    again = Outcome.from_dict(outcome.to_dict())
    assert (again.check, again.score, again.expected) == ("a.b", 0.5, BOTH)
    assert len(again.found.en) == MAX_TEXT
    assert len(again.rows) == MAX_ROWS


def test_card_speaks_the_students_language_and_escapes():
    """A card is in one language, and nothing of a table's is HTML."""
    outcome = Outcome(score=0, expected=BOTH, found=BOTH, hint=BOTH, rows=({"raw": "<script>"},), check="bronze.x")
    card = of_outcome(outcome, "pt-BR")
    assert "cinco linhas" in card._repr_html_()
    assert "five rows" not in card._repr_html_()
    assert "<script>" not in card._repr_html_()
    assert "ainda não" in repr(card)


def test_promise_says_when_it_is_graded():
    """A hidden check shows what it asks and that it is not run here."""
    assert "data you have not seen" in repr(of_promise("bronze.rerun", BOTH, "en"))


def test_missing_table_is_an_outcome_not_an_error(tmp_path):
    """A check of a table that is not there says so, with score 0."""
    bench = Bench(str(tmp_path), dict)
    outcome = run("a.b", lambda bench: Outcome(score=1, expected=BOTH, found=Text(str(bench.types("bronze/t")), "")), bench)
    assert outcome.score == 0
    assert "no Delta table" in outcome.found.en


def test_wrong_type_is_told(tmp_path):
    """A column of another type is named, with both types."""
    pa = pytest.importorskip("pyarrow")
    from deltalake import write_deltalake

    write_deltalake(str(tmp_path / "t"), pa.table({"raw": [1, 2]}))
    with pytest.raises(ArtefactError, match="`raw` is long, not string"):
        Bench(str(tmp_path), dict).read("t", {"raw": ("string",)})


def test_damaged_table_is_told(tmp_path):
    """A Parquet file that is gone is the table's fault, not the check's."""
    pa = pytest.importorskip("pyarrow")
    from deltalake import write_deltalake

    write_deltalake(str(tmp_path / "t"), pa.table({"raw": ["a"]}))
    for path in (tmp_path / "t").glob("*.parquet"):
        path.unlink()
    with pytest.raises(ArtefactError, match="could not be read"):
        Bench(str(tmp_path), dict).read("t", {"raw": ("string",)})


CHECKS = """
from dataflow_kernels.checks import Outcome, Text, visible
LESSON = "01-bronze"
PROMISES = {"a.hidden": ("a property", "uma propriedade")}
@visible("a.fine")
def fine(bench):
    return Outcome(score=1, expected=Text("", ""), found=Text(str(sorted(bench.landing())), ""))
@visible("a.poor")
def poor(bench):
    return Outcome(score=0.5, expected=Text("", ""), found=Text("half", "metade"))
"""


@pytest.fixture
def notebook_folder(tmp_path, monkeypatch):
    (tmp_path / "checks_visible.py").write_text(CHECKS)
    (tmp_path / "lake" / "landing" / "01-bronze").mkdir(parents=True)
    (tmp_path / "lake" / "landing" / "01-bronze" / "a.jsonl").write_text("x\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATAFLOW_USER", "ana")
    monkeypatch.setenv("DATAFLOW_LAKE_ROOT", (tmp_path / "lake").as_uri())
    return tmp_path


def test_check_shows_cards_of_visible_and_hidden_checks(notebook_folder, capsys):
    """A visible check runs on the student's own lake; a hidden one only says what it asks."""
    check("a.fine", "a.hidden")
    shown = capsys.readouterr().out
    assert "a.jsonl" in shown
    assert "a property" in shown


def test_failed_check_fails_its_cell(notebook_folder):
    """"Validate" counts a cell as failed when it raises; hidden checks never raise."""
    with pytest.raises(CheckFailed, match=r"a\.poor"):
        check("a.hidden", "a.poor")


def test_unknown_check_suggests_the_nearest(notebook_folder):
    """A typing error is answered with what was probably meant."""
    with pytest.raises(LookupError, match=r"perhaps you meant 'a\.poor'"):
        check("a.por")


def test_visible_marks_without_changing_the_function():
    """The decorated function can still be called as it is."""
    outcome = Outcome(score=1, expected=BOTH, found=BOTH)
    assert visible("a.b")(lambda _: outcome)(None) is outcome
