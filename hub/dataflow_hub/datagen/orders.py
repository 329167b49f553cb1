"""Loja Aurora's orders as they land: files of JSON lines, seeded, with known dirt and a truth ledger."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dataflow_hub.datagen import pools
from dataflow_hub.datagen.defects import RATES, Defect
from dataflow_hub.datagen.ledger import Column, Ledger
from dataflow_hub.datagen.model import Generated, Size

LINES: dict[Size, int] = {"S": 2_000, "M": 100_000, "L": 5_000_000}
BATCHES: dict[Size, int] = {"S": 6, "M": 12, "L": 60}

_FIRST_DAY = int(np.datetime64("2026-03-01T03:00:00", "s").astype(np.int64))  # midnight in São Paulo
_DAY = 86_400
_OLD_SCHEMA_FILES = 3  # so many with lines in them come before the change at least: checks look at one property in one file each
_REGION_NAMES = tuple(pools.REGIONS)
_Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Lines:
    """One entry a line before it is written: what it says (by number) and what was injected."""

    batch: Column
    order: Column
    version: Column
    customer: Column
    product: Column
    category: Column
    channel: Column
    cents: Column
    instant: Column
    region: Column
    spelling: Column
    defects: Column

    def take(self, index: Column) -> _Lines:
        return _Lines(**{name: getattr(self, name)[index] for name in self.__dataclass_fields__})


def generate(seed: int, size: Size) -> Generated:
    """Make the batches of one seed; the same seed always gives the same bytes.

    Files are named `pedidos-0001.jsonl` and so on. One of them, never the first, is empty. From one in the middle on, the
    schema differs; three files with lines at least come before it. Every defect of `defects.RATES` occurs at least once.
    """
    rng = np.random.default_rng(seed)
    total, files = LINES[size], BATCHES[size]
    names = tuple(f"pedidos-{number + 1:04d}.jsonl" for number in range(files))
    drift_from = int(rng.integers(files // 2, 2 * files // 3 + 1))
    empty = int(rng.integers(1 if drift_from > _OLD_SCHEMA_FILES else drift_from, files))
    extra = {defect: _share(total, defect) for defect in (Defect.DUPLICATE, Defect.NEW_VERSION, Defect.MALFORMED)}

    originals = _originals(rng, total - sum(extra.values()), np.delete(np.arange(files), empty))
    distinct = _with_versions(rng, originals, extra[Defect.NEW_VERSION])
    distinct = _with_dirt(rng, distinct, drift_from)
    copies = np.sort(rng.choice(len(distinct.batch), extra[Defect.DUPLICATE], replace=False))
    broken = np.sort(rng.choice(len(distinct.batch), extra[Defect.MALFORMED], replace=False))
    source = np.concatenate([np.arange(len(distinct.batch)), copies, broken])
    kind = np.repeat([0, 1, 2], [len(distinct.batch), len(copies), len(broken)])

    texts = _write(rng, distinct)
    texts += [texts[index] for index in copies] + [_break(texts[index], number) for number, index in enumerate(broken)]
    lines = distinct.take(source)
    lines.defects[kind == 1] |= int(Defect.DUPLICATE)
    lines.defects[kind == 2] = int(Defect.MALFORMED)  # noqa: PLR2004 - kind 2 is a broken line
    lines.order[kind == 2] = -1  # noqa: PLR2004
    return _land(rng, seed, size, names, drift_from, lines, texts, kind)


def _share(count: int, defect: Defect) -> int:
    return max(1, round(count * RATES[defect].share))


def _originals(rng: np.random.Generator, count: int, batches: npt.NDArray[np.int64]) -> _Lines:
    """Make the first version of each order, spread unevenly over the files that are not empty."""
    weights = rng.dirichlet(np.full(len(batches), 8.0))
    chosen = np.concatenate([np.arange(len(batches)), rng.choice(len(batches), count - len(batches), p=weights)])
    batch = np.sort(batches[chosen])
    categories = len(pools.CATEGORIES)
    product = rng.integers(0, 40 * categories, count)
    return _Lines(
        batch=batch,
        order=np.arange(count),
        version=np.ones(count, dtype=np.int64),
        customer=rng.integers(0, max(20, count // 8), count),
        product=product,
        category=product % categories,
        channel=rng.integers(0, len(pools.CHANNELS), count),
        cents=np.maximum(100, (rng.lognormal(5.0, 1.1, count) * 100).astype(np.int64)),
        instant=_FIRST_DAY + batch * _DAY + rng.integers(0, _DAY, count),
        region=rng.integers(0, len(_REGION_NAMES), count),
        spelling=rng.integers(0, 12, count),
        defects=np.zeros(count, dtype=np.int64),
    )


def _with_versions(rng: np.random.Generator, originals: _Lines, count: int) -> _Lines:
    """Add a second version of some orders, in the same file or a later one, and swap some so that the older lands last."""
    index = np.sort(rng.choice(len(originals.batch), count, replace=False))
    newer = originals.take(index)
    files = np.unique(originals.batch)
    position = np.minimum(np.searchsorted(files, newer.batch) + rng.integers(0, 3, count), len(files) - 1)
    newer.batch[:] = files[position]
    newer.version[:] = 2
    newer.cents[:] = np.maximum(100, newer.cents + rng.integers(-5_000, 5_000, count))
    newer.defects[:] |= int(Defect.NEW_VERSION)
    apart = np.flatnonzero(newer.batch > originals.batch[index])
    swapped = apart[: min(len(apart), _share(len(originals.batch), Defect.OUT_OF_ORDER))]
    newer.batch[swapped], originals.batch[index[swapped]] = originals.batch[index[swapped]], newer.batch[swapped]
    return _Lines(**{name: np.concatenate([getattr(originals, name), getattr(newer, name)]) for name in originals.__dataclass_fields__})


def _with_dirt(rng: np.random.Generator, lines: _Lines, drift_from: int) -> _Lines:
    """Inject every defect that changes what a line says."""
    mid_stream = lines.batch >= drift_from
    for defect, rate in RATES.items():
        if defect in (Defect.DUPLICATE, Defect.NEW_VERSION, Defect.OUT_OF_ORDER, Defect.MALFORMED):
            continue
        lines.defects[_chosen(rng, rate.share, mid_stream if rate.mid_stream else ~np.zeros_like(mid_stream))] |= int(defect)
    _settle(lines, Defect.LATE, Defect.FUTURE)
    _settle(lines, Defect.REFUND, Defect.NEGATIVE_ERROR)
    _settle(lines, Defect.MOEDA_MISSING, Defect.MOEDA_BAD)
    _settle(lines, Defect.REGION_SPELLING, Defect.REGION_DECOMPOSED)
    late, future = _has(lines, Defect.LATE), _has(lines, Defect.FUTURE)
    lines.instant[late] -= rng.integers(_DAY, 4 * _DAY, int(late.sum()))
    lines.instant[future] += rng.integers(400, 3_000, int(future.sum())) * _DAY
    lines.cents[_has(lines, Defect.REFUND) | _has(lines, Defect.NEGATIVE_ERROR)] *= -1
    return lines


def _chosen(rng: np.random.Generator, share: float, among: _Mask) -> npt.NDArray[np.int64]:
    """Choose exactly `share` of the lines in `among`, at least one."""
    candidates = np.flatnonzero(among)
    return rng.choice(candidates, max(1, round(len(candidates) * share)), replace=False)


def _settle(lines: _Lines, weaker: Defect, stronger: Defect) -> None:
    """Where both of two that exclude each other were drawn, keep the rarer."""
    both = _has(lines, weaker) & _has(lines, stronger)
    lines.defects[both] &= ~int(weaker)


def _has(lines: _Lines, defect: Defect) -> _Mask:
    found: _Mask = (lines.defects & int(defect)) != 0
    return found


def _land(  # noqa: PLR0913, PLR0917 - everything that one data set consists of
    rng: np.random.Generator,
    seed: int,
    size: Size,
    names: tuple[str, ...],
    drift_from: int,
    lines: _Lines,
    texts: list[str],
    kind: npt.NDArray[np.int64],
) -> Generated:
    """Shuffle the lines within their files, note in the ledger where each ended up, and write the files."""
    # A copy lands in its original's file or in the next one that is not empty.
    files = np.unique(lines.batch)
    step = np.where(kind == 1, rng.integers(0, 2, len(kind)), 0)
    batch = files[np.minimum(np.searchsorted(files, lines.batch) + step, len(files) - 1)]
    landing = np.lexsort((rng.random(len(batch)), batch))
    ordered = lines.take(landing)
    batch = batch[landing]
    starts = np.searchsorted(batch, np.arange(len(names)))
    line = np.arange(len(batch)) - starts[batch] + 1
    ordered.defects[_out_of_order(ordered)] |= int(Defect.OUT_OF_ORDER)
    bounds = [*starts.tolist(), len(batch)]
    written = [texts[index] for index in landing]
    content = {name: "".join(written[bounds[number] : bounds[number + 1]]).encode() for number, name in enumerate(names)}
    ledger = Ledger(
        seed=seed, size=size, batches=names, drift_from=drift_from, batch=batch, line=line, order=ordered.order,
        version=ordered.version, cents=ordered.cents, instant=ordered.instant, region=ordered.region, defects=ordered.defects,
    )  # fmt: skip
    return Generated(content, ledger)


def _out_of_order(lines: _Lines) -> npt.NDArray[np.int64]:
    """Find the lines of a first version that land after a second one of the same order."""
    newest = np.full(int(lines.order.max()) + 1, len(lines.order))
    seconds = np.flatnonzero((lines.version > 1) & (lines.order >= 0))
    np.minimum.at(newest, lines.order[seconds], seconds)
    firsts = np.flatnonzero((lines.version == 1) & (lines.order >= 0))
    return firsts[firsts > newest[lines.order[firsts]]]


def _write(rng: np.random.Generator, lines: _Lines) -> list[str]:
    """Write each line as JSON. Strings are joined by hand: ten times as fast as `json.dumps` a line, and L has five million."""
    customers = int(lines.customer.max()) + 1
    people = [_person(number) for number in range(customers)]
    keyless = rng.random(len(lines.batch)) < 0.5  # noqa: PLR2004 - a missing moeda is null in one half, absent in the other
    local = np.datetime_as_string((lines.instant - 3 * 3_600).astype("datetime64[s]"))
    utc = np.datetime_as_string(lines.instant.astype("datetime64[s]"))
    arrival = np.datetime_as_string((_FIRST_DAY + (lines.batch + 1) * _DAY + 1_800).astype("datetime64[s]"))
    columns = (
        lines.batch, lines.order, lines.version, lines.customer, lines.product, lines.category, lines.channel, lines.cents,
        lines.region, lines.spelling, lines.defects,
    )  # fmt: skip
    rows = zip(*(column.tolist() for column in columns), keyless.tolist(), local.tolist(), utc.tolist(), arrival.tolist(), strict=True)
    return [_line(people, *row) for row in rows]


def _person(number: int) -> str:
    """Write the part of a line that a customer's identity fills."""
    first = pools.FIRST_NAMES[number % len(pools.FIRST_NAMES)]
    last = pools.LAST_NAMES[number // len(pools.FIRST_NAMES) % len(pools.LAST_NAMES)]
    email = f"{pools.plain(first)}.{pools.plain(last)}{number}@example.com"
    return f'"nome": "{first} {last}", "cpf": "{pools.invalid_cpf(123_456_789 + 7_919 * number)}", "email": "{email}"'


def _line(  # noqa: PLR0913, PLR0917 - one argument a column
    people: list[str], batch: int, order: int, version: int, customer: int, product: int, category: int, channel: int,
    cents: int, region: int, spelling: int, defects: int, keyless: bool, local: str, utc: str, arrival: str,
) -> str:  # fmt: skip
    del batch
    customer_id = f"C{customer + 9_000_000 if defects & Defect.ORPHAN_CUSTOMER else customer:07d}"
    product_id = f"P{product + 90_000 if defects & Defect.ORPHAN_PRODUCT else product:05d}"
    label = "null" if defects & Defect.CATEGORIA_NULL else f'"{pools.CATEGORIES[category]}"'
    when = f"{utc}Z" if defects & Defect.ZONE_UTC else f"{local}-03:00"
    canal = f', "canal": "{pools.CHANNELS[channel]}"' if defects & Defect.CANAL else ""
    money = f'"valor": {_amount(cents, defects)}{_currency(order, defects, keyless)}'
    return (
        f'{{"pedido_id": "A{order:08d}", "cliente_id": "{customer_id}", {people[customer]}, "produto_id": "{product_id}", '
        f'"categoria": {label}, {_region(region, spelling, defects)}, {money}, '
        f'"ts_evento": "{when}", "ts_ingestao": "{arrival}Z", "versao": {version}, '
        f'"observacao": {_note(people[customer], defects)}{canal}}}\n'
    )


def _region(region: int, spelling: int, defects: int) -> str:
    name = _REGION_NAMES[region]
    if defects & Defect.REGION_SPELLING:
        others = pools.REGIONS[name]
        return f'"região": "{others[spelling % len(others)]}"'
    if defects & Defect.REGION_DECOMPOSED:
        return f'"{pools.decomposed("região")}": "{pools.decomposed(name)}"'
    return f'"região": "{name}"'


def _amount(cents: int, defects: int) -> str:
    if not defects & Defect.VALOR_TEXT:
        return f"{cents / 100:.2f}"
    brazilian = f"{cents / 100:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")
    return f'"{brazilian}"'


def _currency(order: int, defects: int, keyless: bool) -> str:
    if defects & Defect.MOEDA_MISSING:
        return "" if keyless else ', "moeda": null'
    if defects & Defect.MOEDA_BAD:
        return f', "moeda": "{pools.BAD_CURRENCIES[order % len(pools.BAD_CURRENCIES)]}"'
    return ', "moeda": "BRL"'


def _note(person: str, defects: int) -> str:
    """Write the free text: why a refund, or what should not be there."""
    texts = ["Estorno solicitado pelo cliente."] if defects & Defect.REFUND else []
    if defects & Defect.PII_IN_TEXT:
        name, cpf, email = json.loads(f"{{{person}}}").values()
        texts.append(f"Entregar a {name}, CPF {cpf}, contato {email}, tel. (11) 90000-0000.")
    return json.dumps(" ".join(texts), ensure_ascii=False) if texts else "null"


def _break(text: str, number: int) -> str:
    """Damage a line in one of the ways in which exports are damaged; the pieces of it that are left are not JSON."""
    body = text.rstrip("\n")
    match number % 4:
        case 0:
            return body[: len(body) * 2 // 3] + "\n"  # the writer died in the middle of the line
        case 1:
            return ";".join(body.strip("{}").split(", ")[:6]).replace('"', "") + f";linha {number}\n"  # another format
        case 2:
            return body.replace('": ', '" ') + "\n"  # an exporter without colons
        case _:
            return f"ERRO 500 ao exportar o pedido {body[15:24]} (tentativa {number})\n"  # a log line among the data
