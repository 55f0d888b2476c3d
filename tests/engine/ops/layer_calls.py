"""Calls of the operations that layers and losses are made of, in the forms in which published models write them."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

INFINITY = math.inf
TARGET, TARGETS = torch.tensor([3, 0, 4, 3]), torch.tensor([[1, 4, 2], [0, 0, 3]])
PADDED = torch.tensor([1, -100, 3, -100])
MASK = torch.tensor([[True, False, True], [True, True, False], [True, True, True]])
BLIND = torch.tensor([[True, False, True], [False, False, False], [True, True, True]])
attention = F.scaled_dot_product_attention
QKV = ((2, 2, 3, 4),) * 3
GROUPED = ((2, 6, 3, 4), (2, 2, 3, 4), (2, 2, 3, 4))

Call = tuple[Callable[..., Tensor], *tuple[tuple[int, ...], ...]]
CALLS: dict[str, Call] = {
    "layer_norm of two axes": (lambda x: F.layer_norm(x, (3, 4)), (2, 3, 4)),
    "layer_norm with a weight alone": (lambda x, w: F.layer_norm(x, (4,), w), (2, 3, 4), (4,)),
    "layer_norm with a bias alone": (lambda x, b: F.layer_norm(x, (4,), None, b), (2, 3, 4), (4,)),
    "layer_norm far from 0": (lambda x: F.layer_norm(100 + x, (64,)), (2, 64)),
    "torch.layer_norm": (lambda x, w, b: torch.layer_norm(x, (4,), w, b, 1e-3), (2, 4), (4,), (4,)),
    "rms_norm without eps": (lambda x: F.rms_norm(x, (4,)), (2, 4)),
    "rms_norm of two axes": (lambda x, w: torch.rms_norm(x, (3, 4), w, 1e-2), (2, 3, 4), (3, 4)),
    "group_norm": (lambda x, w: F.group_norm(x, 3, w), (2, 6, 2, 2), (6,)),
    "group_norm of one group": (lambda x: F.group_norm(x, 1), (2, 6)),
    "group_norm by channel": (lambda x, w, b: torch.group_norm(x, 6, w, b), (2, 6, 3), (6,), (6,)),
    "batch_norm in training": (lambda x, w, b: F.batch_norm(x, None, None, w, b, True), (4, 3), (3,), (3,)),
    "batch_norm at rest": (lambda x, m, v: F.batch_norm(x, m, 1 + v * v), (2, 3, 2, 2), (3,), (3,)),
    "instance_norm": (lambda x, w, b: F.instance_norm(x, None, None, w, b), (2, 3, 4), (3,), (3,)),
    "norm of everything": (lambda x: x.norm(), (3, 4)),
    "norm 1": (lambda x: torch.norm(x, 1, -1), (3, 4)),
    "norm ∞": (lambda x: x.norm(INFINITY, 0), (3, 4)),
    "norm 0": (lambda x: x.norm(0, 0), (3, 4)),
    "norm 3 of two axes": (lambda x: x.norm(p=3, dim=(0, 1)), (3, 4)),
    "norm keeping the axis": (lambda x: x.norm(2, -1, True), (3, 4)),
    "linalg.vector_norm": (lambda x: torch.linalg.vector_norm(x, -INFINITY, 1), (3, 4)),
    "linalg.norm": (lambda x: torch.linalg.norm(x), (3, 4)),
    "normalize": (lambda x: F.normalize(x), (3, 4)),
    "normalize by the sum": (lambda x: F.normalize(x, 1.0, 0), (3, 4)),
    "normalize something small": (lambda x: F.normalize(x, dim=-1, eps=100.0), (3, 4)),
    "logsumexp of two axes": (lambda x: x.logsumexp((0, 1)), (3, 4)),
    "logsumexp far from 0": (lambda x: torch.logsumexp(50 * x, 1, keepdim=True), (3, 4)),
    "logsumexp of a masked row": (lambda x: x.masked_fill(x > 0.1, -INFINITY).logsumexp(1), (3, 4)),
    "cross_entropy": (lambda x: F.cross_entropy(x, TARGET), (4, 5)),
    "cross_entropy, sum": (lambda x: F.cross_entropy(x, TARGET, reduction="sum"), (4, 5)),
    "cross_entropy, each": (lambda x: F.cross_entropy(9 * x, TARGET, reduction="none"), (4, 5)),
    "cross_entropy with padding": (lambda x: F.cross_entropy(x, PADDED), (4, 5)),
    "cross_entropy with padding, each": (lambda x: F.cross_entropy(x, PADDED, reduction="none"), (4, 5)),
    "cross_entropy of padding alone": (lambda x: F.cross_entropy(x, torch.full((4,), -100)), (4, 5)),
    "cross_entropy ignoring a class": (lambda x: F.cross_entropy(x, TARGET, ignore_index=3), (4, 5)),
    "cross_entropy with weights": (lambda x, w: F.cross_entropy(x, TARGET, 1 + w * w), (4, 5), (5,)),
    "cross_entropy with weights, each": (
        lambda x, w: F.cross_entropy(x, TARGET, w * w, reduction="none"), (4, 5), (5,)
    ),
    "cross_entropy, smoothed": (lambda x: F.cross_entropy(x, PADDED, label_smoothing=0.2), (4, 5)),
    "cross_entropy, smoothed with weights": (
        lambda x, w: F.cross_entropy(x, PADDED, w * w, label_smoothing=0.2), (4, 5), (5,)
    ),
    "cross_entropy (N, C, L)": (lambda x: F.cross_entropy(x, TARGETS), (2, 5, 3)),
    "cross_entropy (N, C, L), each": (lambda x: F.cross_entropy(x, TARGETS, reduction="none"), (2, 5, 3)),
    "cross_entropy (C)": (lambda x: F.cross_entropy(x, torch.tensor(2)), (5,)),
    "cross_entropy of probabilities": (lambda x, y: F.cross_entropy(x, y.softmax(-1)), (4, 5), (4, 5)),
    "cross_entropy of probabilities, each": (
        lambda x, y, w: F.cross_entropy(x, y.softmax(1), w * w, reduction="none", label_smoothing=0.1),
        (2, 5, 3), (2, 5, 3), (5,),
    ),
    "nll_loss": (lambda x: F.nll_loss(x, TARGET), (4, 5)),
    "nll_loss, each": (lambda x: F.nll_loss(x, TARGET, reduction="none"), (4, 5)),
    "nll_loss with weights, each": (lambda x, w: F.nll_loss(x, TARGET, w * w, reduction="none"), (4, 5), (5,)),
    "nll_loss with padding, each": (lambda x: F.nll_loss(x, PADDED, reduction="none"), (4, 5)),
    "nll_loss (N, C, L), each": (lambda x: F.nll_loss(x, TARGETS, reduction="none"), (2, 5, 3)),
    "mse_loss": (F.mse_loss, (3, 4), (3, 4)),
    "l1_loss, sum": (lambda x, y: F.l1_loss(x, y, reduction="sum"), (3, 4), (3, 4)),
    "smooth_l1_loss": (lambda x, y: F.smooth_l1_loss(x, y, beta=0.5), (3, 4), (3, 4)),
    "huber_loss, each": (lambda x, y: F.huber_loss(x, y, reduction="none", delta=0.3), (3, 4), (3, 4)),
    "einsum of heads": (lambda x, y: torch.einsum("bhld,bhmd->bhlm", x, y), (2, 2, 3, 4), (2, 2, 2, 4)),
    "einsum without an arrow": (lambda x, y: torch.einsum("ij,jk", x, y), (2, 3), (3, 4)),
    "einsum without an arrow, out of order": (lambda x, y: torch.einsum("dcz,zba", x, y), (2, 3, 2), (2, 3, 4)),
    "einsum of two ellipses": (lambda x, y: torch.einsum("...ij,...jk->...ik", x, y), (2, 2, 3), (1, 3, 2)),
    "einsum of ellipses of two lengths": (lambda x, y: torch.einsum("i...,...->...i", x, y), (4, 2, 3), (3,)),
    "einsum of three": (lambda x, y, z: torch.einsum("ij,jk,kl->il", x, y, z), (2, 3), (3, 4), (4, 2)),
    "einsum of one": (lambda x: torch.einsum("ijk->j", x), (2, 3, 4)),
    "einsum of a diagonal": (lambda x: torch.einsum("ii->i", x), (3, 3)),
    "einsum by numbers": (lambda x, y: torch.einsum(x, [0, 1], y, [1, 2], [0, 2]), (3, 2), (2, 4)),
    "einsum of an axis of 1": (lambda x, y: torch.einsum("ij,jk->ik", x, y), (3, 1), (4, 2)),
    "addmm": (lambda b, x, y: torch.addmm(b, x, y, beta=0.5, alpha=2), (4,), (3, 2), (2, 4)),
    "addmm without what is added": (lambda b, x, y: torch.addmm(b, x, y, beta=0), (3, 4), (3, 2), (2, 4)),
    "addmm in place": (lambda b, x, y: (b + 0).addmm_(x, y), (3, 4), (3, 2), (2, 4)),
    "baddbmm": (lambda b, x, y: torch.baddbmm(b, x, y, alpha=0.3), (1, 1, 4), (2, 3, 2), (2, 2, 4)),
    "addbmm": (torch.addbmm, (3, 4), (2, 3, 2), (2, 2, 4)),
    "outer": (lambda x, y: x.outer(y), (3,), (2,)),
    "conv1d": (F.conv1d, (2, 3, 6), (4, 3, 3), (4,)),
    "conv1d with padding to the same length": (
        lambda x, w: F.conv1d(x, w, padding="same", dilation=2), (2, 3, 6), (4, 3, 3)
    ),
    "conv1d without a batch": (lambda x, w: F.conv1d(x, w, padding=1), (3, 6), (4, 3, 3)),
    "conv1d by channel": (lambda x, w, b: torch.conv1d(x, w, b, 1, 2, 1, 3), (2, 3, 6), (6, 1, 3), (6,)),
    "conv1d on padding alone": (lambda x, w, b: F.conv1d(x, w, b, padding=5, stride=3), (1, 1, 2), (1, 1, 2), (1,)),
    "conv1d on padding without a bias": (lambda x, w: F.conv1d(x, w, padding=5, stride=3), (1, 1, 2), (1, 1, 2)),
    "conv2d": (
        lambda x, w, b: F.conv2d(x, w, b, stride=(2, 1), padding=(1, 2), dilation=(1, 2)),
        (2, 3, 5, 6), (4, 3, 2, 3), (4,),
    ),
    "conv2d of patches": (lambda x, w, b: F.conv2d(x, w, b, stride=2), (2, 3, 4, 4), (4, 3, 2, 2), (4,)),
    "conv2d in groups": (lambda x, w: F.conv2d(x, w, groups=2, padding="valid"), (2, 4, 3, 3), (6, 2, 2, 2)),
    "leaky_relu": (lambda x: F.leaky_relu(x, 0.3), (3, 4)),
    "elu": (lambda x: F.elu(x, 2.0), (3, 4)),
    "softplus and its straight part": (lambda x: F.softplus(20 * x, 2.0, 5), (3, 4)),
    "mish far from 0": (lambda x: F.mish(10 * x), (3, 4)),
    "logsigmoid far from 0": (lambda x: F.logsigmoid(30 * x), (3, 4)),
    "hardtanh": (lambda x: F.hardtanh(x, -0.3, 0.2), (3, 4)),
    "glu": (lambda x: F.glu(20 * x, 1), (3, 4)),
    "prelu by channel": (F.prelu, (2, 3, 2), (3,)),
    "gelu by tanh": (torch.nn.GELU("tanh"), (3, 4)),
    "round": (lambda x: torch.round(x, decimals=2), (3, 4)),
    "dropout": (lambda x: F.dropout(x, 0.4), (5, 6)),
    "dropout of everything": (lambda x: F.dropout(x, 1.0), (2, 3)),
    "dropout of nothing": (lambda x: F.dropout(x, 0.0), (2, 3)),
    "torch.dropout": (lambda x: torch.dropout(x, 0.3, True), (5, 6)),
    "dropout of channels": (lambda x: F.dropout2d(x, 0.3), (3, 5, 2, 2)),
    "alpha_dropout": (lambda x: F.alpha_dropout(x, 0.3, True), (5, 6)),
    "attention": (attention, (2, 2, 3, 4), (2, 2, 5, 4), (2, 2, 5, 3)),
    "attention, causal": (lambda q, k, v: attention(q, k, v, is_causal=True), (2, 3, 4), (2, 5, 4), (2, 5, 3)),
    "attention, causal with fewer keys": (
        lambda q, k, v: attention(q, k, v, is_causal=True), (2, 5, 4), (2, 3, 4), (2, 3, 3)
    ),
    "attention with a mask": (lambda q, k, v: attention(q, k, v, MASK), *QKV),
    "attention of a query that sees nothing": (lambda q, k, v: attention(q, k, v, attn_mask=BLIND), *QKV),
    "attention with numbers added": (lambda q, k, v, m: attention(q, k, v, attn_mask=m), *QKV, (2, 1, 1, 3)),
    "attention in groups": (lambda q, k, v: attention(q, k, v, is_causal=True, scale=0.7, enable_gqa=True), *GROUPED),
    "attention of one key head": (
        lambda q, k, v: attention(q, k, v, enable_gqa=True), (2, 6, 3, 4), *((2, 1, 3, 4),) * 2
    ),
    "var_mean": (lambda x: torch.var_mean(x, -1, correction=0)[1], (3, 4)),
    "std_mean": (lambda x: torch.std_mean(x, dim=0)[0], (3, 4)),
    "histc": (lambda x: torch.histc(x, 5), (3, 4)),
    "rotary positions": (
        lambda x, angle: torch.view_as_real(torch.view_as_complex(x) * torch.polar(angle * angle, angle)),
        (3, 4, 2), (3, 4),
    ),
}  # fmt: skip
