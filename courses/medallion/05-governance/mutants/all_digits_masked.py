# loses: pii.kept, gov.masked
# Whatever is a number might be somebody's.

# %% tags=["solution:mask"]
def pseudonym(cpf: str, key: str) -> str:
    return hmac.new(key.encode(), digits(cpf).encode(), hashlib.sha256).hexdigest()


def masked(text: str, names: list[str]) -> str:
    text = re.sub(r"[\w.+-]+@[\w-]+(\.\w+)+", "[email]", text)
    text = re.sub(r"\d{6,}", "[numero]", text)
    text = re.sub(r"(?<!\d)\d{3}\.\d{3}\.\d{3}-\d{2}(?!\d)|(?<!\d)\d{11}(?!\d)", "[cpf]", text)
    text = re.sub(r"(?<!\d)\(?\d{2}\)? 9\d{4}-\d{4}(?!\d)", "[telefone]", text)
    for name in names:
        text = text.replace(name, "[nome]")
    return text
