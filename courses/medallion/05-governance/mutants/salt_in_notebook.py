# loses: keys.keyed
# A constant that is the same for everybody, and known to all who have the notebook.

# %% tags=["solution:mask"]
def pseudonym(cpf: str, key: str) -> str:
    return hashlib.sha256(("loja-aurora" + digits(cpf)).encode()).hexdigest()


def masked(text: str, names: list[str]) -> str:
    text = re.sub(r"[\w.+-]+@[\w-]+(\.\w+)+", "[email]", text)
    text = re.sub(r"(?<!\d)\d{3}\.\d{3}\.\d{3}-\d{2}(?!\d)|(?<!\d)\d{11}(?!\d)", "[cpf]", text)
    text = re.sub(r"(?<!\d)\(?\d{2}\)? 9\d{4}-\d{4}(?!\d)", "[telefone]", text)
    for name in names:
        text = text.replace(name, "[nome]")
    return text
