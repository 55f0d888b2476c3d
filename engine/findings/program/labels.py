"""Labels that stand at the place they are read at, or two places on, where the next token is to be foretold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from engine.findings.finding import Suspicion, rule
from engine.findings.known import Known
from engine.findings.streams import changed_cells
from engine.ops import bind, canonical_name
from engine.ops.numerics import measurable
from engine.record.trace import Step

_NOT_SHIFTED = (
    "The logits of place t are compared with token t, which they were computed from: the model learns to repeat its "
    "input. All {count} labels of the first row are the tokens of their own places."
)
_TWICE = (
    "The logits of place t are compared with token t + 2: the labels were shifted twice. All {count} labels of the "
    "first row are the tokens two places on."
)
_LOSSES = frozenset(("cross_entropy", "nll_loss", "nll_loss_nd"))
_FEWEST = 2  # labels that have to agree


@rule(fix="shift once: cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())")
def labels_shifted_wrongly(known: Known) -> Iterator[Suspicion]:
    """Measured: from which place on a changed token moves the logits of a causal model."""
    for loss in known.trace.steps:
        call = bind(loss) if (canonical_name(loss.op) or loss.op) in _LOSSES else None
        if call is None or "input" not in call.args or "target" not in call.args:
            continue
        logits, target = call.args["input"], call.args["target"].value
        if not isinstance(logits, Step) or not isinstance(target, Tensor) or target.is_floating_point():
            continue
        for embedding in _token_embeddings(known, logits):
            ids = embedding.inputs[0].value
            shift = _shift(known, embedding, logits, target, call.value("ignore_index", -100))
            if shift in (0, 2):
                shown = {"count": ids.shape[1], "shift": shift}
                sentence = (_TWICE if shift else _NOT_SHIFTED).format(**shown)
                yield Suspicion(loss, sentence, shown)
                break


def _token_embeddings(known: Known, logits: Step) -> Iterator[Step]:
    for step in known.trace.steps:
        if canonical_name(step.op) == "embedding" and known.depends(logits, step):
            ids = step.inputs[0].value
            if ids.dim() == 2 and ids.shape[1] > _FEWEST and not ids.is_meta and step.value.dim() == 3:
                yield step


def _shift(known: Known, embedding: Step, logits: Step, target: Tensor, ignored: object) -> int | None:
    """By how many places the labels of the first row are ahead of the tokens; None where that can't be told."""
    ids = embedding.inputs[0].value
    batch = ids.shape[0]
    if not measurable(target) or target.numel() % batch or logits.value.numel() % target.numel():
        return None
    per_row = target.numel() // batch
    first = _first_moved(known, embedding, logits, per_row)
    if first is None:
        return None
    position, row = first
    labels = target.reshape(batch, per_row)[0].tolist()
    tokens = ids[0].tolist()
    agreeing = [shift for shift in (1, 0, 2) if _agree(labels, tokens, position - row + shift, ignored)]
    return agreeing[0] if agreeing else None


def _first_moved(known: Known, embedding: Step, logits: Step, per_row: int) -> tuple[int, int] | None:
    """A place of a token, and the first row of logits that moves with it; None where an earlier one does too."""
    length = embedding.shape[1]
    position = length // 2
    cells = torch.zeros(embedding.shape, dtype=torch.bool, device=embedding.device)
    cells[0, position] = True
    changed = changed_cells(known.replay, embedding, cells, logits)
    if changed is None:
        return None
    classes = logits.value.numel() // (per_row * embedding.shape[0])
    if logits.value.shape[-1] != classes:
        return None
    moved = changed.reshape(-1, classes).any(-1)[:per_row].nonzero().flatten().tolist()
    # A row in front of it moves as well where nothing hides the future: then there is nothing to shift.
    if not moved or moved[0] == 0 or len(moved) != per_row - moved[0]:
        return None
    return position, moved[0]


def _agree(labels: Sequence[int], tokens: Sequence[int], ahead: int, ignored: object) -> bool:
    """Whether every label is the token so many places on."""
    pairs = [
        (label, tokens[row + ahead])
        for row, label in enumerate(labels)
        if label != ignored and 0 <= row + ahead < len(tokens)
    ]
    return len(pairs) >= _FEWEST and all(label == token for label, token in pairs)
