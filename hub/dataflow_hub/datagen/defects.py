"""The dirt in Loja Aurora's data: what each defect is called and how often it is injected."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class Defect(enum.IntFlag):
    """What is wrong (or merely awkward) with one landed line; a line may have several."""

    DUPLICATE = enum.auto()  # the same bytes as an earlier landed line
    NEW_VERSION = enum.auto()  # the same pedido_id again, with a higher versao
    OUT_OF_ORDER = enum.auto()  # an older versao that lands after a newer one
    LATE = enum.auto()  # happened minutes to days before its batch
    FUTURE = enum.auto()  # claims to have happened years from now
    ZONE_UTC = enum.auto()  # its time is written in UTC, the others' in -03:00
    CANAL = enum.auto()  # has the column that appears mid-stream
    VALOR_TEXT = enum.auto()  # valor is text such as "1.234,56"
    REGION_DECOMPOSED = enum.auto()  # the key and value of região use combining accents
    REGION_SPELLING = enum.auto()  # " sp ", "SAO PAULO"
    REFUND = enum.auto()  # negative valor, and the text says so
    NEGATIVE_ERROR = enum.auto()  # negative valor without a reason
    MOEDA_MISSING = enum.auto()  # null, or no such key
    MOEDA_BAD = enum.auto()  # "R$", "???"
    CATEGORIA_NULL = enum.auto()
    PII_IN_TEXT = enum.auto()  # observacao holds a name, a cpf, a telephone
    ORPHAN_CUSTOMER = enum.auto()  # cliente_id that no customer has
    ORPHAN_PRODUCT = enum.auto()  # produto_id that no product has
    MALFORMED = enum.auto()  # not JSON at all


@dataclass(frozen=True)
class Rate:
    """How much of what a defect touches: `share` of the lines, of those that land `mid_stream` only when so said."""

    share: float
    mid_stream: bool = False


RATES: Mapping[Defect, Rate] = {
    Defect.DUPLICATE: Rate(0.02),
    Defect.NEW_VERSION: Rate(0.05),
    Defect.OUT_OF_ORDER: Rate(0.01),  # at least; versions inside one batch land in any order anyway
    Defect.LATE: Rate(0.04),
    Defect.FUTURE: Rate(0.005),
    Defect.ZONE_UTC: Rate(0.10),
    Defect.CANAL: Rate(1.0, mid_stream=True),
    Defect.VALOR_TEXT: Rate(0.30, mid_stream=True),
    Defect.REGION_DECOMPOSED: Rate(0.10, mid_stream=True),
    Defect.REGION_SPELLING: Rate(0.15),
    Defect.REFUND: Rate(0.02),
    Defect.NEGATIVE_ERROR: Rate(0.005),
    Defect.MOEDA_MISSING: Rate(0.02),
    Defect.MOEDA_BAD: Rate(0.01),
    Defect.CATEGORIA_NULL: Rate(0.03),
    Defect.PII_IN_TEXT: Rate(0.02),
    Defect.ORPHAN_CUSTOMER: Rate(0.01),
    Defect.ORPHAN_PRODUCT: Rate(0.01),
    Defect.MALFORMED: Rate(0.01),
}
