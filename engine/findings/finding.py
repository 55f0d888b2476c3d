"""One suspicion, and the registry of the rules that raise them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.record.trace import Step

if TYPE_CHECKING:
    from engine.findings.known import Known

_WHERE = "{rule}, step {index} {name}: {sentence}"
_NOWHERE = "{rule}: {sentence}"
_HINT = "hint, {line}"
_FIX = "  fix: {fix}"
_MORE = "  the same in {count} more: {names}"
_SHOWN = 3


@dataclass(frozen=True, eq=False)
class Finding:
    """One suspicion.

    Attributes:
        rule: the name of the rule that raised it.
        step: the step that it is about; None where the program raised before any step or none is to blame.
        sentence: what is suspicious, with its numbers.
        evidence: the numbers by name.
        fix: what mends it, None where that is not known.
        also: further steps with the same suspicion, such as those of other layers.
        is_hint: whether the program may well be right, and only reads badly.
    """

    rule: str
    step: Step | None
    sentence: str
    evidence: Mapping[str, object] = field(default_factory=dict)
    fix: str | None = None
    also: tuple[Step, ...] = ()
    is_hint: bool = False


# Looks at what is known of a trace; yields its suspicions in the order of the steps.
Rule = Callable[["Known"], Iterator[Finding]]
_RULES: dict[str, Rule] = {}


def rule(look: Rule) -> Rule:
    """Registers a rule under its function's name.

    Raises:
        ValueError: another rule has this name.
    """
    if look.__name__ in _RULES:
        raise ValueError(f"a rule called {look.__name__} is registered already")
    _RULES[look.__name__] = look
    return look


def rules() -> Mapping[str, Rule]:
    """Every rule by its name."""
    return dict(_RULES)


def findings_text(suspicions: Sequence[Finding]) -> str:
    """The suspicions as lines of text.

    Args:
        suspicions: as ``findings`` returns them.

    Returns:
        A line for each, with its rule, its step and its sentence, and its fix below it; empty where there are none.
    """
    lines: list[str] = []
    for suspicion in suspicions:
        step = suspicion.step
        shown = {"rule": suspicion.rule, "sentence": suspicion.sentence}
        template = _NOWHERE if step is None else _WHERE
        line = template.format(**shown, index=step and step.index, name=step and step.full_name)
        lines.append(_HINT.format(line=line) if suspicion.is_hint else line)
        if suspicion.fix:
            lines.append(_FIX.format(fix=suspicion.fix))
        if suspicion.also:
            names = ", ".join(other.full_name for other in suspicion.also[:_SHOWN])
            names += ", …" if len(suspicion.also) > _SHOWN else ""
            lines.append(_MORE.format(count=len(suspicion.also), names=names))
    return "\n".join(lines)
