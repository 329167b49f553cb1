"""Errors that a notebook's widgets meet while a lesson is tried."""

from ipywidgets import interact

from dataflow_hub.grading.trial_process import _CallbackErrors


def test_a_broken_widget_was_taken_for_a_working_one():
    """ipywidgets logs what a callback raised and goes on; whoever tries a lesson must hear of it, once."""
    with _CallbackErrors() as callbacks:
        interact(lambda number: 1 / number, number=[0, 1])
    assert callbacks.taken() == "ZeroDivisionError: division by zero"
    assert not callbacks.taken()
