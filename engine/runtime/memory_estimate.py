"""Whether a run fits in memory, asked before any of it is made; and in words where it does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from engine.config import LIMITS, TRAINED, Config, ConfigError, Problem
from engine.export.units import format_bytes
from engine.runtime.footprint import Bytes, measure
from engine.wording import disjunction

# The settings that may give way when a run does not fit, in the order they are offered.
_REDUCIBLE = {
    "batch": "batch",
    "src_len": "source length",
    "tgt_len": "target length",
    "d_model": "d_model",
    "encoder_layers": "encoder layers",
    "decoder_layers": "decoder layers",
}
_FITS = "fits with {settings}"
_OFFERS = 3
_QUICK = 2**24  # products in the largest matrix product of a run that takes no time
# What torch's allocators say; on the CPU and on MPS they raise nothing more particular than RuntimeError.
_ALLOCATORS_SAY = ("DefaultCPUAllocator", "out of memory")


class TooLargeError(ConfigError):
    """A run that would not fit. ``nbytes`` is its size, ``room`` what there is."""

    def __init__(self, problem: Problem, nbytes: int, room: int) -> None:
        self.nbytes, self.room = nbytes, room
        super().__init__((problem,))


def is_quick(config: Config) -> bool:
    """Whether the largest matrix product of a run, and the largest of its parameters, are small."""
    length = max(config.src_len, config.tgt_len)
    heads = config.heads * max(config.d_k, config.d_v)
    projection = config.d_model * max(config.d_ff, config.vocab_size, config.d_model, heads)
    return config.batch * length * max(projection, heads * length) <= _QUICK


def check_fits(config: Config, room: int, weigh: Callable[[Config], Bytes] = measure) -> Bytes:
    """What this config will hold, where that fits.

    Args:
        config: the sizes.
        room: bytes that there are.
        weigh: says what a config holds.

    Raises:
        TooLargeError: with its size and the nearest settings that do fit.
    """
    size = weigh(config)
    if size.total <= room:
        return size
    offers = []
    for offer in _offers(config, room, weigh):
        offers.append(offer)
        if len(offers) == _OFFERS:
            break
    remedy = _FITS.format(settings=disjunction(offers)) if offers else "make several settings smaller"
    rule, value = f"a run may take {format_bytes(room)} here", f"this one takes {format_bytes(size.total)}"
    raise TooLargeError(Problem("memory", rule, value, remedy), size.total, room)


def _offers(config: Config, room: int, weigh: Callable[[Config], Bytes]) -> Iterator[str]:
    """For each setting, the largest value that would make the run fit with everything else as it is."""
    for field, noun in _REDUCIBLE.items():
        if config.weights == "trained" and field in TRAINED:
            continue
        step = config.heads if field == "d_model" else 1
        # Bytes grow with every one of these settings, so the largest that fits is found by halving.
        fits, too_large = LIMITS[field][0] - 1, -(-getattr(config, field) // step)
        while too_large - fits > 1:
            middle = (fits + too_large) // 2
            if weigh(config.change(**{field: middle * step})).total <= room:
                fits = middle
            else:
                too_large = middle
        if fits >= LIMITS[field][0]:
            yield f"{noun} {fits * step}"


@contextmanager
def running_out_in_words(size: Bytes) -> Iterator[None]:
    """Turns what Python and torch raise where the system refuses memory into an error that says so.

    What was free when a run began may be gone, or a limit may stand that nothing told of.

    Args:
        size: what the run was expected to take.

    Raises:
        TooLargeError: memory was refused.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not ran_out(error):
            raise
        rule = "a run must fit in the memory that the system gives this process"
        value = f"this one takes {format_bytes(size.total)}, and was refused some of it"
        remedy = "make it smaller, or let the process have more"
        raise TooLargeError(Problem("memory", rule, value, remedy), size.total, 0) from error


def ran_out(error: Exception) -> bool:
    """Whether an error says that memory was refused."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in _ALLOCATORS_SAY)
