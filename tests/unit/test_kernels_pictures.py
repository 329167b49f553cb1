"""Pictures: one step lit, in the student's language, with a description for who cannot see it."""

import re

import pytest

from dataflow_kernels.pictures import model_path, pipeline


@pytest.mark.parametrize(
    ("picture", "description"),
    [
        (pipeline("silver", "en"), "Sources → Bronze → [Silver] → Gold → Use"),
        (model_path("train", "en"), "Prepare → [Train] → Register → Deploy → Orchestrate"),
        (model_path("deploy", "pt-BR"), "Preparar → Treinar → Registrar → [Publicar] → Orquestrar"),
    ],
)
def test_picture_says_what_it_shows(picture, description):
    """The text and the drawing's label are the same."""
    assert repr(picture) == description
    assert f'aria-label="{description}"' in picture._repr_html_()


@pytest.mark.parametrize("language", ["en", "pt-BR"])
def test_no_word_leaves_its_box(language):
    """A box holds 28 small letters."""
    for drawn in (pipeline("silver", language), model_path("deploy", language)):
        assert max(len(text) for text in re.findall(r">([^<]+)</text>", drawn._repr_html_())) <= 28
