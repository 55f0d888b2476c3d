"""One suspicion, and the registry of the rules that raise them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.record.trace import Step

if TYPE_CHECKING:
    from engine.findings.attentions import Attention
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


@dataclass(frozen=True, eq=False)
class Suspicion:
    """What a rule yields: a finding without the name and the fix that its rule is registered with.

    Attributes:
        step: the step that it is about; None where there is none.
        sentence: what is suspicious, with its numbers.
        evidence: the numbers by name.
        fix: what mends it, where a rule knows several fixes.
        is_hint: whether the program may well be right, and only reads badly.
    """

    step: Step | None
    sentence: str
    evidence: Mapping[str, object] = field(default_factory=dict)
    fix: str | None = None
    is_hint: bool = False


# Looks at what is known of a trace; yields its suspicions in the order of the steps.
Rule = Callable[["Known"], Iterator[Suspicion]]
RuleOfAttentions = Callable[["Known", "Attention"], Iterator[Suspicion]]
_RULES: dict[str, Callable[[Known], Iterator[Finding]]] = {}


def rule(fix: str | None = None) -> Callable[[Rule], Rule]:
    """Registers a rule under its function's name.

    Args:
        fix: what mends what it finds, where that is always the same.

    Returns:
        The decorator.

    Raises:
        ValueError: another rule has this name.
    """

    def add(look: Rule) -> Rule:
        _register(look.__name__, look, fix)
        return look

    return add


def rule_of_attentions(fix: str | None = None) -> Callable[[RuleOfAttentions], RuleOfAttentions]:
    """As ``rule``, for one that looks at every attention by itself, in their order."""

    def add(look: RuleOfAttentions) -> RuleOfAttentions:
        def look_at_all(known: Known) -> Iterator[Suspicion]:
            for attention in known.attentions:
                yield from look(known, attention)

        _register(look.__name__, look_at_all, fix)
        return look

    return add


def _register(name: str, look: Rule, fix: str | None) -> None:
    def findings_of(known: Known) -> Iterator[Finding]:
        for suspicion in look(known):
            yield Finding(
                name,
                suspicion.step,
                suspicion.sentence,
                suspicion.evidence,
                suspicion.fix or fix,
                is_hint=suspicion.is_hint,
            )

    if name in _RULES:
        raise ValueError(f"a rule called {name} is registered already")
    _RULES[name] = findings_of


def rules() -> Mapping[str, Callable[[Known], Iterator[Finding]]]:
    """By the name of every rule what gives its findings."""
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
