# loses: keys.joins, gov.masked, erase.files
# A new number each time: nobody can guess it, and nothing joins.

# %% tags=["solution:mask"]
def pseudonym(cpf: str, key: str) -> str:
    return secrets.token_hex(32)


def masked(text: str, names: list[str]) -> str:
    text = re.sub(r"[\w.+-]+@[\w-]+(\.\w+)+", "[email]", text)
    text = re.sub(r"(?<!\d)\d{3}\.\d{3}\.\d{3}-\d{2}(?!\d)|(?<!\d)\d{11}(?!\d)", "[cpf]", text)
    text = re.sub(r"(?<!\d)\(?\d{2}\)? 9\d{4}-\d{4}(?!\d)", "[telefone]", text)
    for name in names:
        text = text.replace(name, "[nome]")
    return text
