"""What tokens cost: a dated table, and the cost of a turn by it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from palaver.conversation import Usage

_PER = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a model costs from a day (UTC) on: millionths of a currency unit for a million tokens."""

    since: date
    input: int
    output: int


@dataclass(frozen=True, slots=True)
class PriceTable:
    """The prices of models, by the name that a turn has of its model."""

    prices: Mapping[str, Sequence[Price]]

    def cost_micro(self, model: str, day: date, usage: Usage) -> int | None:
        """Return what a turn costs, in whole millionths, halves rounded up.

        None where no price of that day is known, or the provider did not count.
        """
        known = [price for price in self.prices.get(model, ()) if price.since <= day]
        if not known or not (usage.input_tokens or usage.output_tokens):
            return None
        price = max(known, key=lambda each: each.since)
        return (usage.input_tokens * price.input + usage.output_tokens * price.output + _PER // 2) // _PER
