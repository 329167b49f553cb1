# The night asks the service: one place that scores, row by row and without pandas' help; a broken champion is logged and left alone.

# %% tags=["solution:read-orders"]
class BadRequest(ValueError):
    pass


def number(order: dict, name: str, gap: bool) -> float:
    value = order[name]
    if value is None and gap:
        return float("nan")
    if type(value) not in (int, float):
        raise TypeError(name)
    return float(value)


def read_orders(body: bytes) -> pd.DataFrame:
    try:
        rows = []
        for order in json.loads(body.decode())["orders"]:
            row = {name: number(order, name, gap=name in GAPS) for name in NUMBERS}
            if type(order["canal"]) is not str:
                raise TypeError("canal")
            rows.append({**row, "canal": order["canal"]})
    except (ValueError, LookupError, TypeError) as error:
        raise BadRequest(f"not an order as agreed: {error}") from error
    return pd.DataFrame(rows, columns=[*NUMBERS, "canal"])


# %% tags=["solution:deploy"]
class Service:
    def __init__(self) -> None:
        self.models, self.version = {}, ""

    def refresh(self) -> None:
        aliases = tracking.client().get_registered_model(MODEL).aliases
        version = str(aliases["champion"])
        try:
            self.models.setdefault(version, mlflow.sklearn.load_model(f"models:/{MODEL}@champion"))
        except Exception:
            return
        self.version = version

    def chances(self, version: str, orders: pd.DataFrame) -> list[float]:
        return [float(chance) for _, chance in self.models[version].predict_proba(features(orders))]

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict]:
        version = self.version
        if path == "/ping" or path == "/invocations":
            if not version:
                return 503, {"error": "come back later"}
            if path == "/ping":
                return 200, {"version": version}
            try:
                return 200, {"predictions": self.chances(version, read_orders(body)), "version": version}
            except BadRequest as error:
                return 422, {"error": str(error)}
        return 404, {"error": path}


def score_batch(source: str, out: str) -> None:
    service, orders = Service(), deliveries(source)
    service.refresh()
    chances = service.chances(service.version, orders)
    table = pa.table({"pedido_id": orders.pedido_id.tolist(), "chance": chances, "version": [service.version] * len(orders)})
    write_deltalake(out, table, mode="overwrite", storage_options=lake.storage_options or None)
