"""The store of traces and models: how much it may hold, and what it does when that is taken."""

import gc
import random
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine import Config
from engine.footprint import measure
from pages.ui import traces
from pages.ui.settings import TOKENS, Settings
from pages.ui.store import BusyError, Store
from tests.pages.shown import stage, unfolded
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
    store = Store(30, patience=0.05)
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
    store = Store(30, patience=0.05)
    [held] = filled(store, "a")
    with pytest.raises(BusyError):
        filled(store, "large", nbytes=25)
    assert store.get("a", 10, pytest.fail) is held
    assert store.alive == 10
    del held
    filled(store, "b", "c")
    assert store.get("a", 10, pytest.fail) is not None


def test_memory_is_given_as_soon_as_somebody_lets_go():
    store = Store(30, patience=20)
    held = filled(store, "a", "b", "c")
    threading.Timer(0.1, held.clear).start()
    begun = time.monotonic()
    filled(store, "d", nbytes=30)
    assert time.monotonic() - begun < 5
    assert store.alive == 30


def test_a_thing_too_large_for_the_room_is_refused_and_the_store_goes_on():
    store = Store(30, patience=0.01)
    with pytest.raises(BusyError):
        filled(store, "large", nbytes=31)
    filled(store, "a")
    assert store.alive == 10


def test_one_in_a_circle_of_references_is_collected_when_its_room_is_needed():
    store = Store(30, patience=0.01)

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


def test_many_threads_that_want_the_same_thing_wait_for_one_to_make_it():
    store, made, together = Store(100), [], threading.Barrier(8)

    def make():
        time.sleep(0.02)
        made.append(Thing())
        return made[-1]

    def want(_):
        together.wait()
        return store.get("a", 10, make)

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(want, range(8)))
    assert len(made) == len(found) == 1
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


def test_eight_threads_with_random_keys_never_exceed_the_room():
    store, seen, refused = Store(100, patience=0.02), [], []

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
    store = Store(room, patience=5)
    monkeypatch.setattr(traces, "_store", lambda device: store)
    return store


def test_visitors_with_different_settings_at_once_stay_within_the_room(small_store):
    seen = []

    def visit(seed):
        choose = random.Random(seed)
        for _ in range(6):
            asked = settings(choose.randrange(5), choose.choice((1, 2)))
            trace = traces.trace_of(asked)
            seen.append(small_store.alive)
            assert trace.config == asked.config
            assert len([step for step in trace.steps if step.name == "scores"]) == asked.config.encoder_layers + 2
            del trace

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(visit, range(3)))
    assert len(seen) == 18
    assert max(seen) <= small_store.room


def test_what_the_store_counts_is_what_the_traces_and_models_really_hold(small_store):
    kept = [traces.trace_of(settings(seed)) for seed in range(2)]
    memory = {}
    for trace in kept:
        for step in trace.steps:
            for tensor in (step.value, *(leaf.value for leaf in step.inputs if leaf.kind == "parameter")):
                storage = tensor.untyped_storage()
                memory[storage.data_ptr()] = storage.nbytes()
    assert small_store.alive == sum(memory.values())


def test_a_trace_on_screen_keeps_its_model_in_the_count_when_the_store_lets_go_of_both(small_store):
    trace = traces.trace_of(settings(0))
    held = small_store.alive
    small_store._kept.clear()
    gc.collect()
    assert small_store.alive == held
    assert traces.trace_of(settings(0)) is trace
    del trace
    small_store._kept.clear()
    gc.collect()
    assert small_store.alive == 0


def test_when_others_hold_everything_it_says_so_in_a_sentence(small_store):
    small_store._patience = 0.05
    others = [traces.trace_of(settings(seed, layers=2)) for seed in range(3)]
    with pytest.raises(traces.CannotRunError, match="Other people's runs fill the memory"):
        traces.trace_of(settings(3, layers=2))
    others.pop()
    traces.trace_of(settings(3, layers=2))
    assert small_store.alive <= small_store.room


@pytest.mark.parametrize("page", PAGES)
def test_a_page_gives_up_what_it_shows_when_the_next_run_needs_the_room(page, monkeypatch):
    config = Config(batch=1, d_model=16, heads=2, encoder_layers=1, decoder_layers=1)
    store = Store(measure(config).total * 3 // 2, patience=0.05)
    monkeypatch.setattr(traces, "_store", lambda device: store)
    app = opened(page, reads="tokens", batch="1", d_model="16", heads="2", encoder_layers="1", decoder_layers="1")
    unfolded(app, "more")
    for seed in (1, 2, 3):
        app.sidebar.number_input(key="seed").set_value(seed).run()
        assert not app.exception
        assert not app.error
        assert store.alive == measure(config).total


def test_a_page_that_finds_no_room_at_all_says_so_and_still_has_its_controls(monkeypatch):
    store = Store(2**20, patience=0.05)
    monkeypatch.setattr(traces, "_store", lambda device: store)
    others = filled(store, "others", nbytes=2**20)
    app = opened("pages/walkthrough.py")
    assert not app.exception
    assert [error.value for error in app.error] == [
        "Other people's runs fill the memory of this server; make this one smaller, or try again in a moment."
    ]
    assert app.sidebar.slider(key="heads").value == 4
    others.clear()
    app.run()
    assert not app.error
    assert stage(app)["player"]["step"] == 0
