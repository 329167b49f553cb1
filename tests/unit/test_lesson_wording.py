"""The words of the lessons: one word for one thing, sentences that a learner can read."""

import pytest

from dataflow_hub.errors import LessonError
from dataflow_hub.grading.wording import glossary, problems


@pytest.mark.parametrize(
    ("text", "language", "said"),
    [
        ("Olhe o dashboard de vendas.", "pt-BR", "the glossary says 'painel' for 'dashboard'"),
        ("Abra o ficheiro.", "pt-BR", "the glossary says 'arquivo' for 'ficheiro'"),
        (f"This {'very ' * 50}long sentence.", "en", "a sentence of 53 words"),
        (" ".join([f"{'word ' * 20}end."] * 3), "en", "sentences of 21 words on average"),
    ],
)
def test_what_a_learner_would_stumble_over_is_named(text, language, said):
    """A word that the glossary replaces, a sentence without an end, a text of long sentences."""
    assert said in "\n".join(problems(text, language))


@pytest.mark.parametrize("text", ["Use `dashboard` here.", "| dashboard | tabela |", "```\ndashboard\n```", "# dashboard", "O painel."])
def test_code_and_tables_are_no_prose(text):
    """Names in code and tables of columns may be what they are."""
    assert list(problems(text, "pt-BR")) == []


def test_steps_of_a_list_are_sentences_of_their_own():
    """A list of short steps is easy to read, however long it is."""
    steps = "\n".join(f"{number}. Do this step and look at the table." for number in range(1, 20))
    assert list(problems(f"In this order:\n\n{steps}", "en")) == []


def test_each_term_is_there_once_in_each_language():
    """The glossary is a dictionary in both directions, and avoids no word that it uses itself."""
    for language in ("en", "pt-BR"):
        words = [term.words.to(language) for term in glossary()]
        assert len(words) == len(set(words))
        avoided = {word for term in glossary() for word in term.instead_of.get(language, ())}
        assert avoided & set(words) == set()


def test_a_broken_glossary_is_named(tmp_path):
    """An entry without a meaning says so to who edits it."""
    path = tmp_path / "glossary.toml"
    path.write_text('[[term]]\nen = "run"\npt-BR = "execução"\n', encoding="utf-8")
    with pytest.raises(LessonError, match="no glossary"):
        glossary(path)
