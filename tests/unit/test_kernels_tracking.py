"""`tracking`: what a student reads when logging in to MLflow's pages."""

from dataclasses import replace

import pytest

from dataflow_kernels.environ import LabEnv
from dataflow_kernels.errors import EnvironmentMissing
from dataflow_kernels.tracking import Tracking

LIVE = LabEnv(user="ana", lake_root="file:///work/lake", mlflow_uri="http://127.0.0.1:5000", mlflow_username="ana", mlflow_password="<p&w>")


def test_login_shows_the_credential_and_the_notebook_does_not_keep_it():
    """The password is in the widget's state, which is not saved, and not in what the cell's output saves as text."""
    shown = Tracking(LIVE).login()
    assert "<code>ana</code>" in shown.value
    assert "<code>&lt;p&amp;w&gt;</code>" in shown.value
    saved = shown._repr_mimebundle_()
    assert set(saved) == {"text/plain", "application/vnd.jupyter.widget-view+json"}
    assert "p&" not in saved["text/plain"]


@pytest.mark.parametrize(("language", "word"), [("en", "password"), ("pt-BR", "senha")])
def test_login_speaks_the_students_language(language, word):
    """The table's names are in the language of the roster."""
    assert f"<td>{word}&ensp;</td>" in Tracking(replace(LIVE, language=language)).login().value


def test_login_without_a_server_says_where_the_runs_are(tmp_path):
    """A grading run or an offline notebook has no page."""
    with pytest.raises(EnvironmentMissing, match=r"tracking\.runs"):
        Tracking(replace(LIVE, mlflow_uri="", lake_root=tmp_path.as_uri())).login()
