"""A service is asked by HTTP or by a crowd: what it raises is a 500, and what it says while something changes is all kept."""

import json
import logging
import threading

import pytest

from dataflow_kernels import serving


def echo(method, path, body):
    """Say what was asked; `/fail` raises and `/odd` is no JSON."""
    if path == "/fail":
        raise RuntimeError("no")
    return 200, {"method": method, "path": path, "body": body.decode(), **({"odd": float("nan")} if path == "/odd" else {})}


def test_service_is_asked_over_http(capfd):
    """GET without a body, POST with one; an error inside is a 500; nothing is written to stderr; afterwards nobody listens."""
    with serving.listening(echo) as url:
        assert serving.call(url, "/ping") == (200, json.dumps({"method": "GET", "path": "/ping", "body": ""}))
        status, text = serving.call(url, "/invocations", "ação".encode())
        assert (status, json.loads(text)["body"]) == (200, "ação")
        assert serving.call(url, "/fail")[0] == serving.call(url, "/odd", b"")[0] == 500
    with pytest.raises(ConnectionError):
        serving.call(url, "/ping")
    assert not capfd.readouterr().err


@pytest.mark.parametrize("wrong", [("200", None, None), None, ("abc", {}), (200, {1, 2})])
def test_answer_that_is_none_is_a_500(wrong):
    """Whatever a handler gives instead of a status and an object."""
    assert serving.respond(lambda *_: wrong, "GET", "/", b"")[0] == 500


def test_crowd_sees_each_act_while_it_is_done_and_after():
    """Replies name the act that had begun when they were sent; a failed act is logged, and the next one follows."""
    now, entered, left = [], threading.Event(), threading.Event()

    def answer(*_):
        if entered.is_set():
            left.set()  # somebody was answered in the middle of the first act
        return 200, {"now": len(now)}

    def first():
        entered.set()
        assert left.wait(20)
        now.append(1)

    def second():
        now.append(2)
        raise RuntimeError("no")

    replies = serving.storm(answer, [b"a", b"b"], [("first", first), ("second", second)])
    seen = {}
    for reply in replies:
        seen.setdefault((reply.act, reply.over), set()).add(json.loads(reply.text)["now"])
    assert seen["", True] == {0}
    assert 0 in seen["first", False]
    assert seen["first", True] == {1}
    assert seen["second", True] == {2}
    assert {reply.request for reply in replies} == {0, 1}
    assert all(reply.status == 200 for reply in replies)


def test_failed_act_is_logged(caplog):
    """With the name of the act, so that the log says when."""

    def act():
        raise LookupError("gone")

    with caplog.at_level(logging.WARNING):
        serving.storm(lambda *_: (200, {}), [b""], [("swap", act)])
    assert "swap: LookupError: gone" in caplog.text
