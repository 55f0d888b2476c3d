"""The store of traces and models: how much it may hold, and what it does when that is taken."""

import gc
import random
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from engine import Config
from engine.runtime.footprint import measure
from pages.ui.state.settings import TOKENS, Settings
from pages.ui.traces import store as module
from pages.ui.traces import trace_cache
from pages.ui.traces.store import BusyError, Store
from tests.pages.shown import control, stage
from tests.pages.test_pages import PAGES, opened


class Thing:
    """Something big, by its own account."""


def filled(store, *names, nbytes=10):
    return [store.get(name, nbytes, Thing) for name in names]


def test_what_is_kept_is_not_made_again():
    store = Store(100)
    [first] = filled(store, "a")
    assert store.get("a", 10, pytest.fail) is first
    assert store.alive == 10


def test_the_bytes_of_all_things_stay_within_the_room():
    store = Store(35)
    for name in "abcdefgh":
        filled(store, name)
        assert store.alive <= 35
    assert store.alive == 30


def test_what_was_used_least_recently_goes_first():
    store = Store(30)
    things = [weakref.ref(thing) for thing in filled(store, "a", "b", "c")]
    filled(store, "a")
    filled(store, "d")
    assert [thing() is not None for thing in things] == [True, False, True]
    filled(store, "e")
    assert [thing() is not None for thing in things] == [True, False, False]


def test_no_more_is_let_go_of_than_has_to_be():
    store = Store(100)
    small = [weakref.ref(thing) for thing in filled(store, *range(10))]
    filled(store, "large", nbytes=25)
    assert [thing() is not None for thing in small] == [False] * 3 + [True] * 7


def test_a_thing_on_somebodys_screen_counts_although_the_store_let_go_of_it():
    store = Store(30, patience=0)
    [held] = filled(store, "a")
    filled(store, "b", "c")
    filled(store, "large", nbytes=20)
    assert store.alive == 30
    with pytest.raises(BusyError):
        filled(store, "larger", nbytes=21)
    assert store.alive == 10
    del held
    assert store.alive == 0
    filled(store, "larger", nbytes=30)


def test_a_thing_on_somebodys_screen_is_found_again_although_the_store_let_go_of_it():
    store = Store(30, patience=0)
    [held] = filled(store, "a")
    with pytest.raises(BusyError):
        filled(store, "large", nbytes=25)
    assert store.get("a", 10, pytest.fail) is held
    assert store.alive == 10
    del held
    filled(store, "b", "c")
    assert store.get("a", 10, pytest.fail) is not None


class Waiting:
    """A thread that asks a store for something, and tells when it begins to wait for room."""

    def __init__(self, store, monkeypatch, *args):
        self.began, self._store = threading.Event(), store
        wait = store._wait_for_room

        def noting(*given):
            with store._lock:  # nobody can let go of anything before the wait itself has begun
                self.began.set()
                wait(*given)

        monkeypatch.setattr(store, "_wait_for_room", noting)
        self._pool = ThreadPoolExecutor(1)
        self.answer = self._pool.submit(store.get, *args)
        assert self.began.wait(60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._pool.shutdown()


def test_memory_is_given_when_somebody_lets_go(monkeypatch):
    store = Store(30, patience=60)
    held = filled(store, "a", "b", "c")
    with Waiting(store, monkeypatch, "d", 30, Thing) as waiting:
        assert not waiting.answer.done()
        held.clear()
        waiting.answer.result(60)
    assert store.alive == 30


def test_who_waits_for_room_does_not_keep_others_from_running(monkeypatch):
    store = Store(30, patience=600)
    held = filled(store, "a", "b")
    with Waiting(store, monkeypatch, "large", 30, Thing) as waiting:
        for name in ("c", "d", "e"):
            small = filled(store, name)
            assert not waiting.answer.done()
            del small
        held.clear()
        waiting.answer.result(60)
    assert store.alive == 30


def test_what_others_run_meanwhile_gives_way_to_who_waits(monkeypatch):
    store = Store(30, patience=600)
    first = filled(store, "a")
    with Waiting(store, monkeypatch, "large", 25, Thing) as waiting:
        second = filled(store, "b")
        first.clear()
        # The second is let go of by its screen alone from here on: the store does not keep it against who waits.
        assert store.look_up("b") is second[0]
        assert not waiting.answer.done()
        second.clear()
        waiting.answer.result(60)
    assert store.alive == 25


@pytest.mark.parametrize("passed", [0, 19.9])
def test_who_waits_is_refused_only_when_the_patience_is_over(passed, monkeypatch):
    store = Store(30, patience=20)
    held = filled(store, "a")
    now, asked = [100.0], []

    def wait_for(condition, seconds):
        """Stands in for the wait: nobody lets go, and the clock goes on."""
        asked.append(seconds)
        now[0] += passed if len(asked) == 1 else seconds
        return condition() or len(asked) == 1

    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    monkeypatch.setattr(store._lock, "wait_for", wait_for)
    with pytest.raises(BusyError):
        filled(store, "large", nbytes=30)
    assert asked == pytest.approx([20, 20 - passed])
    assert store.alive == 10
    assert held


def test_what_is_larger_than_the_whole_room_is_not_waited_for(monkeypatch):
    store = Store(30, patience=600)
    filled(store, "a")
    monkeypatch.setattr(store, "_wait_for_room", lambda *_: pytest.fail("waited for what can never be"))
    with pytest.raises(ValueError, match="31 bytes never fit"):
        filled(store, "large", nbytes=31)
    assert store.alive == 10
    assert store.look_up("a") is not None


def test_memory_is_given_back_to_the_system_when_a_good_part_was_let_go_of(monkeypatch):
    given_back = []
    store = Store(320)
    monkeypatch.setattr(module, "release_memory", lambda: given_back.append(store.alive))
    held = filled(store, "a", "b")
    store._kept.clear()
    filled(store, "c")
    assert given_back == []  # nothing was let go of
    held.pop()
    filled(store, "d")
    assert given_back == []  # 10 of 320: a 32nd, no more
    held.pop()
    filled(store, "e")
    assert given_back == [20]  # before the next thing was made
    filled(store, "f")
    assert given_back == [20]


def test_one_in_a_circle_of_references_is_collected_when_its_room_is_needed():
    store = Store(30, patience=0)

    def circle():
        thing = Thing()
        thing.itself = thing
        return thing

    gc.disable()
    try:
        store.get("a", 30, circle)
        filled(store, "b", nbytes=30)
    finally:
        gc.enable()
    assert store.alive == 30


def test_a_failure_while_making_leaves_nothing_behind_and_the_store_usable():
    store = Store(30)

    def fail():
        raise ZeroDivisionError

    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            store.get("a", 30, fail)
    assert store.alive == 0
    filled(store, "a", nbytes=30)
    assert store.alive == 30


def test_many_threads_that_want_the_same_thing_wait_for_one_to_make_it(monkeypatch):
    store, made, looked, everybody = Store(100), [], [], threading.Event()
    look_up = store.look_up

    def noting(key):
        kept = look_up(key)
        looked.append(key)
        if len(looked) > 8:  # the one that makes it looks twice
            everybody.set()
        return kept

    monkeypatch.setattr(store, "look_up", noting)

    def make():
        assert everybody.wait(60)  # all of them have seen that it is not there
        made.append(Thing())
        return made[-1]

    with ThreadPoolExecutor(8) as pool:
        things = set(pool.map(lambda _: store.get("a", 10, make), range(8)))
    assert len(made) == len(things) == 1
    assert store.alive == 10


def test_what_is_kept_is_handed_out_while_something_else_is_being_made():
    store, begun, free = Store(100), threading.Event(), threading.Event()
    [kept] = filled(store, "kept")

    def slow():
        begun.set()
        assert free.wait(10)
        return Thing()

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(store.get, "slow", 10, slow)
        assert begun.wait(10)
        assert store.get("kept", 10, pytest.fail) is kept
        free.set()
        assert other.result() is not kept


def test_eight_threads_with_random_keys_never_exceed_the_room(monkeypatch):
    store, seen, refused = Store(100, patience=0), [], []
    # There are no circles here, and to look through all of this process's objects a thousand times takes minutes.
    monkeypatch.setattr(module, "gc", SimpleNamespace(collect=lambda: None))

    def visit(seed):
        choose, held = random.Random(seed), []
        for _ in range(150):
            size = choose.choice((5, 10, 20, 30))
            try:
                held.append(store.get((size, choose.randrange(6)), size, Thing))
            except BusyError:
                refused.append(size)
                held.clear()
            seen.append(store.alive)
            if len(held) > 2:
                held.pop(choose.randrange(len(held)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(visit, range(8)))
    assert max(seen) <= 100
    assert len(seen) == 8 * 150
    gc.collect()
    assert store.alive <= 100
    filled(store, "last", nbytes=100)
    assert store.alive == 100


def settings(seed, layers=1):
    config = Config(batch=1, d_model=16, heads=2, encoder_layers=layers, decoder_layers=1, seed=seed, device="cpu")
    return Settings(config, TOKENS)


@pytest.fixture
def small_store(monkeypatch):
    """The app's own store, with room for three and a half of these traces and their models."""
    room = measure(settings(0, layers=2).config).total * 7 // 2
    store = Store(room, patience=600)
    monkeypatch.setattr(trace_cache, "_store", lambda device: store)
    return store


def test_visitors_with_different_settings_at_once_stay_within_the_room(small_store):
    seen = []

    def visit(seed):
        choose = random.Random(seed)
        for _ in range(6):
            asked = settings(choose.randrange(5), choose.choice((1, 2)))
            trace = trace_cache.trace_of(asked)
            seen.append(small_store.alive)
            assert trace.config == asked.config
            assert len([step for step in trace.steps if step.name == "scores"]) == asked.config.encoder_layers + 2
            del trace

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(visit, range(3)))
    assert len(seen) == 18
    assert max(seen) <= small_store.room


def test_what_the_store_counts_is_what_the_traces_and_models_really_hold(small_store):
    kept = [trace_cache.trace_of(settings(seed)) for seed in range(2)]
    memory = {}
    for trace in kept:
        for step in trace.steps:
            for tensor in (step.value, *(leaf.value for leaf in step.inputs if leaf.kind == "parameter")):
                storage = tensor.untyped_storage()
                memory[storage.data_ptr()] = storage.nbytes()
    objects = sum(measure(trace.config).objects for trace in kept)
    assert small_store.alive == sum(memory.values()) + objects


def test_a_trace_on_screen_keeps_its_model_in_the_count_when_the_store_lets_go_of_both(small_store):
    trace = trace_cache.trace_of(settings(0))
    held = small_store.alive
    small_store._kept.clear()
    gc.collect()
    assert small_store.alive == held
    assert trace_cache.trace_of(settings(0)) is trace
    del trace
    small_store._kept.clear()
    gc.collect()
    assert small_store.alive == 0


def test_when_others_hold_everything_it_says_so_in_a_sentence(small_store):
    small_store._patience = 0
    others = [trace_cache.trace_of(settings(seed, layers=2)) for seed in range(3)]
    with pytest.raises(trace_cache.CannotRunError, match="Other people's runs fill the memory"):
        trace_cache.trace_of(settings(3, layers=2))
    others.pop()
    trace_cache.trace_of(settings(3, layers=2))
    assert small_store.alive <= small_store.room


# The page that compares needs room for two runs.
@pytest.mark.parametrize("page", [page for page in PAGES if page != "pages/compare.py"])
def test_a_page_gives_up_what_it_shows_when_the_next_run_needs_the_room(page, monkeypatch):
    config = Config(batch=1, d_model=16, heads=2, encoder_layers=1, decoder_layers=1)
    store = Store(measure(config).total * 3 // 2, patience=0)
    monkeypatch.setattr(trace_cache, "_store", lambda device: store)
    app = opened(page, reads="tokens", batch="1", d_model="16", heads="2", encoder_layers="1", decoder_layers="1")
    for seed in (1, 2, 3):
        control(app, "seed").set_value(seed).run()
        assert not app.exception
        assert not app.error
        assert store.alive <= measure(config).total


def test_a_page_that_finds_no_room_at_all_says_so_and_still_has_its_controls(monkeypatch):
    store = Store(2**24, patience=0)
    monkeypatch.setattr(trace_cache, "_store", lambda device: store)
    others = filled(store, "others", nbytes=2**24)
    app = opened("pages/walkthrough.py")
    assert not app.exception
    assert [error.value for error in app.error] == [
        "Other people's runs fill the memory of this server; make this one smaller, or try again in a moment."
    ]
    assert control(app, "heads").value == 4
    others.clear()
    app.run()
    assert not app.error
    assert stage(app)["player"]["path"][-1] == "scores"
