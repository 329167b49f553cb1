"""`python -m dataflow_hub.pipelines.serve`: deploys the lab's flows with their schedule, and runs what is due."""

from __future__ import annotations

from dataflow_hub.pipelines.bronze_to_silver import bronze_to_silver_etl

NAME, CRON = "nightly", "15 3 * * *"


def main() -> None:
    """Deploy, then run what is due, one at a time, until told to stop; the schedule stays when this process does not."""
    about = "Bronze to silver, every night at 03:15 UTC"
    bronze_to_silver_etl.serve(name=NAME, cron=CRON, description=about, limit=1, pause_on_shutdown=False, print_starting_message=False)


if __name__ == "__main__":
    main()
