"""An example of every operation that layers and losses are made of, for the tests of the registry."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

FLOAT, BOOL, IDS, COMPLEX = "float", "bool", "ids", "complex"
Example = tuple[Callable[..., Tensor], *tuple[tuple[str, tuple[int, ...]], ...]]

LAYER_EXAMPLES: dict[str, Example] = {
    "layer_norm": (lambda x, w, b: F.layer_norm(x, (3,), w, b), (FLOAT, (2, 3)), (FLOAT, (3,)), (FLOAT, (3,))),
    "rms_norm": (lambda x, w: F.rms_norm(x, (3,), w), (FLOAT, (2, 3)), (FLOAT, (3,))),
    "group_norm": (
        lambda x, w, b: F.group_norm(x, 2, w, b),
        *((FLOAT, (1, 4, 2)), (FLOAT, (4,)), (FLOAT, (4,))),
    ),
    "batch_norm": (
        lambda x, mean, var, w, b: F.batch_norm(x, mean, var, w, b),
        *((FLOAT, (2, 3, 1)), *((FLOAT, (3,)),) * 4),
    ),
    "instance_norm": (lambda x: F.instance_norm(x), (FLOAT, (2, 2, 3))),
    "norm": (lambda x: x.norm(dim=-1), (FLOAT, (2, 3))),
    "linalg_vector_norm": (lambda x: torch.linalg.vector_norm(x, 3, dim=0), (FLOAT, (2, 3))),
    "linalg_norm": (lambda x: torch.linalg.norm(x, dim=-1), (FLOAT, (2, 3))),
    "normalize": (lambda x: F.normalize(x, dim=-1), (FLOAT, (2, 3))),
    "logsumexp": (lambda x: x.logsumexp(-1), (FLOAT, (2, 3))),
    "cross_entropy": (F.cross_entropy, (FLOAT, (3, 3)), (IDS, (3,))),
    "nll_loss": (F.nll_loss, (FLOAT, (3, 3)), (IDS, (3,))),
    **{
        name: (getattr(F, name), (FLOAT, (2, 3)), (FLOAT, (2, 3)))
        for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy_with_logits")
    },
    "einsum": (lambda x, y: torch.einsum("ij,kj->ik", x, y), (FLOAT, (2, 3)), (FLOAT, (2, 3))),
    "einsum (trace)": (
        lambda x, y: torch.einsum("bii,ij->bj", x, y),
        *((FLOAT, (2, 3, 3)), (FLOAT, (3, 2))),
    ),
    "addmm": (torch.addmm, (FLOAT, (2,)), (FLOAT, (3, 3)), (FLOAT, (3, 2))),
    "addmv": (torch.addmv, (FLOAT, (3,)), (FLOAT, (3, 2)), (FLOAT, (2,))),
    "baddbmm": (torch.baddbmm, (FLOAT, (2, 1, 2)), (FLOAT, (2, 2, 3)), (FLOAT, (2, 3, 2))),
    "addbmm": (torch.addbmm, (FLOAT, (2, 2)), (FLOAT, (2, 2, 2)), (FLOAT, (2, 2, 2))),
    "outer": (torch.outer, (FLOAT, (2,)), (FLOAT, (3,))),
    "_weight_int8pack_mm": (
        lambda x, ids, scales: torch._weight_int8pack_mm(x, ids.to(torch.int8), scales),
        *((FLOAT, (2, 3)), (IDS, (2, 3)), (FLOAT, (2,))),
    ),
    "conv1d": (
        lambda x, w, b: F.conv1d(x, w, b, stride=2, padding=1, dilation=2, groups=2),
        *((FLOAT, (1, 4, 3)), (FLOAT, (2, 2, 2)), (FLOAT, (2,))),
    ),
    "conv2d": (lambda x, w: F.conv2d(x, w, padding="same"), (FLOAT, (1, 2, 2, 2)), (FLOAT, (2, 2, 1, 3))),
    "conv3d": (F.conv3d, (FLOAT, (1, 1, 2, 2, 3)), (FLOAT, (1, 1, 2, 2, 2))),
    "conv_transpose1d": (
        lambda x, w, b: F.conv_transpose1d(x, w, b, stride=2, padding=1, output_padding=1, groups=2, dilation=3),
        *((FLOAT, (1, 4, 3)), (FLOAT, (4, 1, 2)), (FLOAT, (2,))),
    ),
    "conv_transpose2d": (
        lambda x, w: F.conv_transpose2d(x, w, stride=(1, 2), padding=(1, 0)),
        *((FLOAT, (1, 2, 2, 2)), (FLOAT, (2, 2, 2, 3))),
    ),
    "conv_transpose2d (nothing lands)": (
        lambda x, w, b: F.conv_transpose2d(x, w, b, stride=3),
        *((FLOAT, (1, 1, 2, 1)), (FLOAT, (1, 1, 1, 2)), (FLOAT, (1,))),
    ),
    "conv_transpose3d": (F.conv_transpose3d, (FLOAT, (1, 1, 2, 1, 2)), (FLOAT, (1, 1, 1, 2, 2))),
    "max_pool1d": (lambda x: F.max_pool1d(x, 2, 1, 1), (FLOAT, (2, 2, 3))),
    "max_pool2d": (lambda x: F.max_pool2d(x, (2, 3), dilation=(2, 1)), (FLOAT, (1, 2, 4, 4))),
    "max_pool2d (places)": (lambda x: F.max_pool2d(x, 2, 1, return_indices=True)[1], (FLOAT, (1, 3, 3))),
    "max_pool3d": (lambda x: F.max_pool3d(x, 2, ceil_mode=True), (FLOAT, (1, 1, 2, 3, 2))),
    "avg_pool1d": (lambda x: F.avg_pool1d(x, 3, 2, 1), (FLOAT, (1, 2, 4))),
    "avg_pool2d": (
        lambda x: F.avg_pool2d(x, 2, padding=1, count_include_pad=False),
        (FLOAT, (1, 1, 3, 4)),
    ),
    "avg_pool2d (ceil)": (lambda x: F.avg_pool2d(x, 2, 3, 1, ceil_mode=True), (FLOAT, (1, 4, 3))),
    "avg_pool3d": (lambda x: F.avg_pool3d(x, (1, 2, 2), divisor_override=3), (FLOAT, (1, 1, 1, 2, 3))),
    "adaptive_max_pool1d": (lambda x: F.adaptive_max_pool1d(x, 3), (FLOAT, (1, 2, 5))),
    "adaptive_max_pool2d": (lambda x: F.adaptive_max_pool2d(x, (2, None)), (FLOAT, (1, 3, 2))),
    "adaptive_max_pool2d (places)": (
        lambda x: F.adaptive_max_pool2d(x, 2, return_indices=True)[1],
        (FLOAT, (1, 3, 4)),
    ),
    "adaptive_max_pool3d": (lambda x: F.adaptive_max_pool3d(x, (1, 2, 1)), (FLOAT, (1, 1, 3, 2))),
    "adaptive_avg_pool1d": (lambda x: F.adaptive_avg_pool1d(x, 2), (FLOAT, (2, 2, 3))),
    "adaptive_avg_pool2d": (lambda x: F.adaptive_avg_pool2d(x, (2, 1)), (FLOAT, (1, 4, 3))),
    "adaptive_avg_pool3d": (lambda x: F.adaptive_avg_pool3d(x, (1, 2, 2)), (FLOAT, (1, 1, 2, 3))),
    "alpha_dropout": (lambda x: F.alpha_dropout(x, 0.5, False), (FLOAT, (2, 3))),
    **{
        name: (getattr(F, name), (FLOAT, (2, 3)))
        for name in (
            *("leaky_relu", "elu", "celu", "selu", "hardtanh", "relu6", "hardsigmoid", "hardswish", "softplus", "mish"),
            *("softsign", "tanhshrink", "hardshrink", "softshrink"),
        )
    },
    "var_mean": (lambda x: torch.var_mean(x, -1)[0], (FLOAT, (2, 3))),
    "std_mean": (lambda x: torch.std_mean(x, 0)[0], (FLOAT, (3, 2))),
    "one_hot": (lambda ids: F.one_hot(ids, 3), (IDS, (2,))),
    "bincount": (lambda ids, x: torch.bincount(ids, x, minlength=3), (IDS, (4,)), (FLOAT, (4,))),
    "histc": (lambda x: torch.histc(x, 3, 0, 3), (FLOAT, (2, 3))),
    "view_as_complex": (torch.view_as_complex, (FLOAT, (2, 3, 2))),
    "view_as_real": (lambda x: torch.view_as_real(x), (COMPLEX, (2, 3))),
    "polar": (torch.polar, (FLOAT, (2, 3)), (FLOAT, (2, 3))),
    "complex": (torch.complex, (FLOAT, (2, 3)), (FLOAT, (2, 3))),
    **{name: (getattr(torch, name), (COMPLEX, (2, 3))) for name in ("real", "imag", "conj", "angle")},
    "log_sigmoid": (F.logsigmoid, (FLOAT, (2, 3))),
    "prelu": (lambda x, weight: F.prelu(x - 1, weight), (FLOAT, (2, 3)), (FLOAT, (3,))),
    "glu": (lambda x: F.glu(x, 0), (FLOAT, (4, 2))),
    **{
        name: (getattr(torch, name), (FLOAT, (2, 3)))
        for name in (
            *("round", "floor", "ceil", "trunc", "sign", "erf", "exp2", "expm1", "log1p", "log2", "log10"),
            *("tan", "atan", "sinh", "cosh"),
        )
    },
}  # fmt: skip
