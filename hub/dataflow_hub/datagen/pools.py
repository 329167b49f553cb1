"""What Loja Aurora's data is made of: names, regions, categories. No person here exists, and no cpf is valid."""

from __future__ import annotations

import unicodedata

FIRST_NAMES = ("Ana", "Bruno", "Célia", "Davi", "Érica", "Fábio", "Gláucia", "Heitor", "Inês", "João", "Lívia", "Márcio", "Núbia", "Otávio")
LAST_NAMES = ("Araújo", "Barros", "Conceição", "Dias", "Esteves", "Fonseca", "Gonçalves", "Lima", "Magalhães", "Peçanha", "Rocha")
CATEGORIES = ("Livros", "Eletrônicos", "Casa e jardim", "Moda", "Brinquedos", "Saúde", "Esporte", "Música")
CHANNELS = ("site", "app", "loja", "telefone")
BAD_CURRENCIES = ("R$", "???", "reais", "")

# region -> other ways in which people and systems write it
REGIONS: dict[str, tuple[str, ...]] = {
    "São Paulo": ("SAO PAULO", " sp ", "são paulo", "S. Paulo"),
    "Rio de Janeiro": ("RIO DE JANEIRO", " rj ", "rio de janeiro"),
    "Minas Gerais": ("MINAS GERAIS", " mg ", "Minas"),
    "Bahia": ("BAHIA", " ba ", "baía"),
    "Paraná": ("PARANA", " pr ", "paraná "),
    "Ceará": ("CEARA", " ce ", "ceará "),
    "Pará": ("PARA", " pa ", "pará "),
    "Goiás": ("GOIAS", " go ", "goiás "),
}


def decomposed(text: str) -> str:
    """Write accents as combining characters: looks the same, compares different."""
    return unicodedata.normalize("NFD", text)


def plain(text: str) -> str:
    """Write without accents, lower case, as in an e-mail address."""
    return "".join(letter for letter in decomposed(text) if not unicodedata.combining(letter)).lower()


def invalid_cpf(number: int) -> str:
    """Give a cpf whose last check digit is wrong, so that it can be nobody's.

    Parameters
    ----------
    number
        Its first nine digits.
    """
    digits = [int(digit) for digit in f"{number % 1_000_000_000:09d}"]
    for _ in range(2):
        weighted = sum(digit * weight for digit, weight in zip(digits, range(len(digits) + 1, 1, -1), strict=True))
        digits.append((weighted * 10 % 11) % 10)
    digits[-1] = (digits[-1] + 1) % 10
    text = "".join(map(str, digits))
    return f"{text[:3]}.{text[3:6]}.{text[6:9]}-{text[9:]}"
