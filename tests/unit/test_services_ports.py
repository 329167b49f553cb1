"""A port already taken is explained, not tripped over."""

import os
import socket

import pytest

from dataflow_hub.errors import ServiceError
from dataflow_hub.services.catalogue import find
from dataflow_hub.services.ports import holder, is_free, require_free
from dataflow_hub.settings import load_lab


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_names_port_holder_and_setting(taken, tmp_path):
    """What, why and fix: the number, who has it, and the setting that moves ours."""
    lab = load_lab(state=tmp_path, environ={"DATAFLOW__PORTS__MLFLOW": str(taken)})
    with pytest.raises(ServiceError) as caught:
        require_free(lab, [find("mlflow")])
    assert str(taken) in caught.value.what
    assert f"(pid {os.getpid()})" in caught.value.why
    assert "ports.mlflow" in caught.value.fix


def test_a_port_is_free_again_once_its_holder_closed_it(taken):
    """Lingering connections are no obstacle."""
    assert not is_free("127.0.0.1", taken)
    assert str(os.getpid()) in holder(taken)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert is_free("127.0.0.1", port)
    assert holder(port) == ""
