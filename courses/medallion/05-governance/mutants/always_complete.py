# loses: lineage.edges
# A job that raised says that it is done.

# %% tags=["solution:job"]
class Job:
    def __init__(self, name: str, place: str) -> None:
        self.name, self.place = name, place
        self.inputs: list[str] = []
        self.outputs: list[str] = []

    def lines(self, file: str) -> list[dict]:
        """The lines of a landing file."""
        self.inputs.append(f"landing/{file.rsplit('/', 1)[-1]}")
        return landed(file)

    def rows(self, name: str) -> pd.DataFrame:
        """The rows of a table."""
        self.inputs.append(name)
        return table(name, self.place)

    def write(self, name: str, rows: pd.DataFrame, mode: str = "overwrite") -> None:
        save(name, rows, self.place, mode)
        self.outputs.append(name)

    def __enter__(self) -> "Job":
        return self

    def __exit__(self, kind, error, trace) -> None:
        ended = "COMPLETE"
        named = {"inputs": self.inputs, "outputs": self.outputs}
        event = {
            "eventType": ended,
            "eventTime": pd.Timestamp.now("UTC").isoformat(),
            "run": {"runId": str(uuid.uuid4())},
            "job": {"namespace": "loja-aurora", "name": self.name},
            **{side: [{"namespace": "loja-aurora", "name": name} for name in names] for side, names in named.items()},
        }
        save("lineage/events", pd.DataFrame({"em": [pd.Timestamp.now("UTC")], "event": [json.dumps(event)]}), self.place, "append")
