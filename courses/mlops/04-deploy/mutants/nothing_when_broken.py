# loses: deploy.broken
# A champion that cannot be loaded leaves the service without any model.

# %% tags=["solution:deploy"]
def score_batch(source: str, out: str) -> None:
    version = tracking.client().get_model_version_by_alias(MODEL, "champion").version
    model, orders = mlflow.sklearn.load_model(f"models:/{MODEL}/{version}"), deliveries(source)
    chance = model.predict_proba(features(orders))[:, 1]
    save(pd.DataFrame({"pedido_id": orders.pedido_id, "chance": chance, "version": str(version)}), out)


class Service:
    def __init__(self) -> None:
        self.loaded = None

    def refresh(self) -> None:
        version = tracking.client().get_model_version_by_alias(MODEL, "champion").version
        if self.loaded is None or self.loaded[0] != version:
            try:
                self.loaded = (version, mlflow.sklearn.load_model(f"models:/{MODEL}/{version}"))
            except Exception:
                self.loaded = None  # better no answer than an old one

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict]:
        loaded = self.loaded  # once: another may be there a moment later
        if (method, path) not in {("GET", "/ping"), ("POST", "/invocations")}:
            return 404, {"error": f"{method} {path} is not here"}
        if loaded is None:
            return 503, {"error": "no model yet"}
        version, model = loaded
        if path == "/ping":
            return 200, {"version": str(version)}
        try:
            orders = read_orders(body)
        except BadRequest as error:
            return 400, {"error": str(error)}
        return 200, {"version": str(version), "predictions": model.predict_proba(features(orders))[:, 1].tolist()}
