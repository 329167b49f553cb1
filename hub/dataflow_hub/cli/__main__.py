"""`python -m dataflow_hub.cli`."""

from dataflow_hub.cli.app import main

main()
