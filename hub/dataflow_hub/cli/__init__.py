"""The command line: parse, call one operation, print. The only place that prints or exits."""

from dataflow_hub.cli.app import main

__all__ = ["main"]
