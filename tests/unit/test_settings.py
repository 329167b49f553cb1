"""Settings: three sources in order, unknown keys refused with a suggestion, nothing public without TLS."""

from pathlib import Path

import pytest

from dataflow_hub.errors import SettingsError
from dataflow_hub.settings import load_lab


def load(tmp_path: Path, toml: str = "", **environ: str):
    (tmp_path / "dataflow.toml").write_text(toml, encoding="utf-8")
    return load_lab(state=tmp_path, environ=environ).settings


def test_defaults_alone_are_a_valid_lab(tmp_path):
    """Every setting has a default that works on a laptop."""
    settings = load(tmp_path)
    assert settings.ports.hub == 8000
    assert settings.hub.bind == "127.0.0.1"


def test_environment_wins_over_own_file_wins_over_defaults(tmp_path):
    """DATAFLOW__SECTION__KEY > .dataflow/dataflow.toml > hub/dataflow.toml."""
    toml = "[ports]\nhub = 8100\ns3 = 9100\n"
    settings = load(tmp_path, toml, DATAFLOW__PORTS__HUB="8200")
    assert (settings.ports.hub, settings.ports.s3, settings.ports.mlflow) == (8200, 9100, 5000)


def test_unknown_key_is_refused_with_a_suggestion(tmp_path):
    """A misspelt setting must not be ignored silently."""
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, "[ports]\nmlfow = 5001\n")
    assert "ports.mlflow" in caught.value.fix


def test_unknown_section_is_refused(tmp_path):
    """So must a misspelt section."""
    with pytest.raises(SettingsError, match="Unknown setting port"):
        load(tmp_path, "[port]\nhub = 1\n")


def test_wrong_type_names_the_setting(tmp_path):
    """The error names the setting, not pydantic."""
    with pytest.raises(SettingsError, match="ports.hub"):
        load(tmp_path, DATAFLOW__PORTS__HUB="eighty")


def test_public_bind_without_tls_is_refused(tmp_path):
    """Nothing listens beyond loopback in the clear."""
    with pytest.raises(SettingsError, match="without TLS"):
        load(tmp_path, '[hub]\nbind = "0.0.0.0"\n')


def test_certificate_without_key_is_refused(tmp_path):
    """Half a TLS set-up is a mistake, not a choice."""
    with pytest.raises(SettingsError, match="both"):
        load(tmp_path, '[tls]\ncertificate = "a.pem"\n')


def test_broken_toml_names_the_file(tmp_path):
    """A syntax error says where."""
    with pytest.raises(SettingsError, match=r"dataflow\.toml"):
        load(tmp_path, "[ports\n")


def test_every_setting_has_a_comment():
    """dataflow.toml is the reference: each key explains itself on its line."""
    from dataflow_hub.workspace import CHECKOUT

    lines = (CHECKOUT / "hub" / "dataflow.toml").read_text(encoding="utf-8").splitlines()
    silent = [line for line in lines if "=" in line and not line.startswith("#") and "#" not in line]
    assert silent == []
