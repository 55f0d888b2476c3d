"""Further functions of one number."""

from __future__ import annotations

import torch

from engine.ops.entries.elementwise import UnaryFunction
from engine.ops.entries.nonlinear.activations import Activation
from engine.ops.registry import register

register(Activation("round", torch.round, "round({0.alone})", "{} rounded, to {decimals} decimals", decimals=0))
register(UnaryFunction("floor", torch.floor, "⌊{0.alone}⌋", "{} rounded down"))
register(UnaryFunction("ceil", torch.ceil, "⌈{0.alone}⌉", "{} rounded up"))
register(UnaryFunction("trunc fix", torch.trunc, "[{0.alone}]", "{} rounded to 0"))
register(UnaryFunction("sign sgn", torch.sign, "sign {}", "the sign of {}"))
register(UnaryFunction("erf special_erf", torch.erf, "erf {}", "the error function of {}"))
register(UnaryFunction("exp2 special_exp2", torch.exp2, "2^{}", "2 to the power {}"))
register(UnaryFunction("expm1 special_expm1", torch.expm1, "e^{} − 1", "e to the power {}, less 1"))
register(UnaryFunction("log1p special_log1p", torch.log1p, "ln(1 + {})", "the natural logarithm of 1 plus {}"))
register(UnaryFunction("log2", torch.log2, "log₂ {}", "the logarithm of {} to the base 2"))
register(UnaryFunction("log10", torch.log10, "log₁₀ {}", "the logarithm of {} to the base 10"))
register(UnaryFunction("tan", torch.tan, "tan {}", "the tangent of {}"))
register(UnaryFunction("atan arctan", torch.atan, "arctan {}", "the angle whose tangent is {}"))
register(UnaryFunction("sinh", torch.sinh, "sinh {}", "the hyperbolic sine of {}"))
register(UnaryFunction("cosh", torch.cosh, "cosh {}", "the hyperbolic cosine of {}"))
