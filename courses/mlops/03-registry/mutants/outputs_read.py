# loses: registry.inputs, registry.champion, gate.better, gate.worse, gate.unseen, gate.signature, gate.rollback, gate.audit
# Reads what the model gives instead of what it takes: nothing keeps the contract.

# %% tags=["solution:inputs-of"]
def inputs_of(model_uri: str) -> dict[str, str]:
    signature = mlflow.models.get_model_info(model_uri).signature
    return {column.get("name", "prediction"): column["type"] for column in signature.outputs.to_dict()}
