"""Settings in words, for sentences about them."""

from __future__ import annotations

from engine.runtime.variants.named_model import TRANSFORMER
from pages.ui.app.markdown_escape import code, short_text
from pages.ui.state.chosen_model import CHOICES, MODEL
from pages.ui.state.settings import CONFIG_FIELDS, TOKENS, Settings, following, text_of_value


def differing(settings: Settings, others: Settings) -> str:
    """What differs in these settings from the others, in words that are safe to show.

    A value that follows from another one is left out, as d_k follows from d_model.

    Args:
        settings: what is asked about.
        others: what it is compared with.

    Returns:
        A list in words, such as ``heads 8, d_model 64``.
    """
    if settings.model is not None or others.model is not None:
        return _model_in_words(settings)
    config = settings.config
    usual = following(config.heads, config.d_model)
    unsaid = {name for name in usual if getattr(config, name) == usual[name]} | {"vocab_size"}
    if settings.reads == TOKENS:
        unsaid |= {"tokenizer", "source", "target"}
    else:
        unsaid |= {"batch", "src_len", "tgt_len"}
    differences = [
        f"{name} {text_of_value(getattr(config, name))}"
        for name in CONFIG_FIELDS
        if name not in unsaid and getattr(config, name) != getattr(others.config, name)
    ]
    if settings.reads != others.reads:
        differences.append("generated tokens" if settings.reads == TOKENS else "a text")
    for name in ("source", "target"):
        text = getattr(settings, name)
        if name not in unsaid and text and text != getattr(others, name):
            differences.append(f"{name} {code(short_text(text, 24))}")
    return ", ".join(differences) or "the same sizes"


def _model_in_words(settings: Settings) -> str:
    """What an address says of the model, as a list in words."""
    if settings.model is None:
        return CHOICES[TRANSFORMER]
    parameters = {name: value for name, value in settings.to_query().items() if name not in (MODEL, "trace")}
    words = [f"{name} {code(short_text(value, 24))}" for name, value in parameters.items()]
    return ", ".join([CHOICES[settings.model.name], *words])
