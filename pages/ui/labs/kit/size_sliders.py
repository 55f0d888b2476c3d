"""The sliders of the sizes that most labs have, each named once."""

from __future__ import annotations

from pages.ui.labs.kit.lab_widgets import Slider


def batch(most: int, usual: int) -> Slider:
    """How many sentences there are, B."""
    return Slider("batch", "Batch B", 1, most, usual)


def length(most: int, usual: int, *, least: int = 1, label: str = "Length L") -> Slider:
    """How many tokens a sentence has, L; ``label`` where a lab calls them otherwise, such as words.

    Args:
        most: the largest value.
        usual: the value to begin with.
        least: the smallest value.
        label: what stands above it.

    Returns:
        The slider.
    """
    return Slider("length", label, least, most, usual)


def heads(most: int, usual: int) -> Slider:
    """How many heads there are, H."""
    return Slider("heads", "Heads H", 1, most, usual)


def kv_heads(most: int, usual: int) -> Slider:
    """How many heads of keys and values there are, H_kv."""
    return Slider("kv_heads", "H_kv, heads of keys", 1, most, usual)


def group(most: int, usual: int) -> Slider:
    """How many heads of queries share one of keys."""
    return Slider("group", "Heads of queries for each", 1, most, usual)


def d_k(most: int, usual: int, *, least: int = 1) -> Slider:
    """The width of a query and a key in one head.

    Args:
        most: the largest value.
        usual: the value to begin with.
        least: the smallest value.

    Returns:
        The slider.
    """
    return Slider("d_k", "d_k", least, most, usual)


def seed(help: str) -> Slider:
    """The seed of random numbers; ``help`` says which."""
    return Slider("seed", "Random seed", 0, 20, 0, help=help)
