"""What most labs show: attention weights, and the vectors that a layer gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pages.ui.components.tensor_view import AxisLabels, Panel

if TYPE_CHECKING:
    import torch


def weights_panel(
    weights: torch.Tensor,
    axes: tuple[str | None, ...],
    labels: tuple[AxisLabels, ...] = (),
    *,
    title: str = "weights",
    note: str = "",
    footer: str = "each row sums to 1",
    masked: torch.Tensor | None = None,
) -> Panel:
    """Attention weights, coloured as probabilities.

    Args:
        weights: from 0 to 1; the last axis is the keys'.
        axes: their symbols.
        labels: names of their positions, by axis.
        title: what they are called.
        note: small after the title.
        footer: one line under them.
        masked: which of them the mask hides, broadcastable to their shape.

    Returns:
        The panel.
    """
    return Panel(title, weights, axes, labels, note, "weights", "probability", masked, footer)


def output_panel(
    title: str,
    output: torch.Tensor,
    labels: tuple[AxisLabels, ...],
    *,
    axes: tuple[str, ...] = ("L", "d_model"),
    note: str = "",
    footer: str = "",
) -> Panel:
    """Vectors that a layer gives, one a token.

    Args:
        title: what they are called.
        output: the vectors, along the last axis.
        labels: names of their positions, by axis.
        axes: their symbols.
        note: small after the title.
        footer: one line under them.

    Returns:
        The panel.
    """
    return Panel(title, output, axes, labels, note, "output", footer=footer)
