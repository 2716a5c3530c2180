"""Whether the public price list knows a model. Nothing is fetched: the list comes with the installation."""

from __future__ import annotations

from remit.domain.ids import ModelName


def has_public_price(model: ModelName) -> bool:
    """Tell whether a model named `provider/model` has a public price."""
    from genai_prices import (
        Usage,
        calc_price,
    )  # 0.3 s: only for a folder with models under a budget in dollars

    provider, _, name = model.partition("/")
    try:
        calc_price(Usage(input_tokens=1, output_tokens=1), name, provider_id=provider)
    except LookupError:
        return False
    return True
