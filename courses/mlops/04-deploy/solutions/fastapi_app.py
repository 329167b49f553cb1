# A FastAPI application inside: its own models refuse wrong questions, with 422; a lock around the swap.

# %% tags=["solution:read-orders"]
from pydantic import StrictFloat, StrictInt, StrictStr, ValidationError, create_model

Number = StrictFloat | StrictInt
Order = create_model(
    "Order", distancia_km=(Number | None, ...), peso_kg=(Number | None, ...), valor=(Number, ...), fila_pedidos=(Number, ...), canal=(StrictStr, ...)
)
Question = create_model("Question", orders=(list[Order], ...))


class BadRequest(ValueError):
    pass


def read_orders(body: bytes) -> pd.DataFrame:
    try:
        asked = Question.model_validate_json(body).orders
    except ValidationError as error:
        raise BadRequest(f"{error.error_count()} mistakes") from None
    return pd.DataFrame([order.model_dump() for order in asked])


# %% tags=["solution:deploy"]
import threading

from fastapi import FastAPI, HTTPException


def score_batch(source: str, out: str) -> None:
    champion = tracking.client().get_model_version_by_alias(MODEL, "champion")
    model = mlflow.pyfunc.load_model(f"models:/{MODEL}/{champion.version}")
    table = deliveries(source)
    chances = [float(row[1]) for row in model.predict(features(table))]
    save(pd.DataFrame({"version": [f"{champion.version}"] * len(table), "pedido_id": table["pedido_id"], "chance": chances}), out)


class Service:
    def __init__(self) -> None:
        self.lock, self.version, self.model = threading.Lock(), None, None
        self.app = FastAPI()
        self.app.get("/ping")(self.ping)
        self.app.post("/invocations")(self.predict)
        self.client = TestClient(self.app, raise_server_exceptions=False)

    def current(self):
        with self.lock:
            if self.model is None:
                raise HTTPException(503, "no model was ever loaded")
            return self.version, self.model

    def ping(self) -> dict:
        return {"version": self.current()[0]}

    def predict(self, question: Question) -> dict:
        version, model = self.current()
        table = pd.DataFrame([order.model_dump() for order in question.orders])
        return {"predictions": model.predict(features(table))[:, 1].tolist(), "version": version}

    def refresh(self) -> None:
        version = str(tracking.client().get_model_version_by_alias(MODEL, "champion").version)
        model = mlflow.pyfunc.load_model(f"models:/{MODEL}/{version}")
        with self.lock:
            self.version, self.model = version, model

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict]:
        reply = self.client.request(method, path, content=body, headers={"Content-Type": "application/json"})
        return reply.status_code, reply.json()
