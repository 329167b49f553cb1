"""The operator's side of DataFlow Lab: hub, exchange, grading, services and the command line."""

__version__ = "0.1.0"
