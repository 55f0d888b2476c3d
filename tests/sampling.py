"""Of families of many tests of one kind, the suite runs a fixed part; ``pytest --whole`` runs every test."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

# By the beginning of a test's address: one test in so many is run, and at least one of every family.
SHARES = {
    "tests/browser/test_app.py::test_a_moved_slider_leaves_every_control_and_link_in_its_place": 3,
    "tests/browser/test_app.py::test_every_page_fits_a_phone_in_light_and_dark": 3,
    "tests/browser/test_app.py::test_on_whatever_page_a_visit_begins": 6,
    "tests/browser/test_attention_browser.py::test_the_pages_of_the_trained_model_fit_a_phone": 2,
    "tests/browser/test_labs_browser.py::test_a_lab_opens": 20,
    "tests/browser/test_own_computer_browser.py::test_a_browser_on_this_computer_writes": 2,
    "tests/browser/test_own_computer_browser.py::test_through_a_reverse_proxy_there_is_no_form": 4,
    "tests/browser/test_plain_text.py::test_the_notes_about_a_link_show_its_values": 3,
    "tests/browser/test_strip_browser.py::test_no_label_lies_on_another_in_other_peoples_blocks": 2,
    "tests/browser/test_strip_browser.py::test_while_a_size_is_dragged": 2,
    "tests/browser/test_tensor_view_browser.py::test_a_narrow_page_never_scrolls_sideways": 3,
    "tests/browser/test_travel.py::test_at_the_end_every_cell_has_the_colour": 2,
    "tests/browser/test_travel.py::test_every_cell_starts_where_it_stood": 2,
    "tests/browser/test_walk_browser.py::test_a_stage_of_the_largest_tensors": 3,
    "tests/browser/test_where_browser.py::test_on_a_phone_nothing_is_wider_than_the_page": 3,
    "tests/engine/compare/": 2,
    "tests/engine/explain/test_explanation.py::test_every_element_of_a_small_transformer": 4,
    "tests/engine/export/test_unfinished.py": 2,
    "tests/engine/explain/test_walk.py::test_what_several_elements_read": 5,
    "tests/engine/findings/test_quiet.py": 3,
    "tests/engine/labs/": 3,
    "tests/engine/labs/test_decoding_cost.py": 3,
    "tests/engine/model/variants/": 3,
    "tests/engine/ops/test_layer_calls.py": 4,
    "tests/engine/ops/test_printed.py::test_the_digits_shown_of_every_step": 3,
    "tests/engine/ops/test_registry.py": 5,
    "tests/engine/pretrained/test_interrupted_training.py": 20,
    "tests/engine/pretrained/test_pretrained.py": 3,
    "tests/engine/pretrained/test_train.py": 7,
    "tests/engine/published/": 3,
    "tests/engine/record/axis_names/": 2,
    "tests/engine/record/test_fast_path.py::test_encoders_compute_the_same": 3,
    "tests/engine/record/trace_file/": 2,
    "tests/engine/runtime/test_decode.py::test_other_dtypes": 3,
    "tests/engine/runtime/test_explore.py": 2,
    "tests/engine/runtime/test_memory_estimate.py": 2,
    "tests/engine/runtime/variants/test_cache_costs.py::test_the_flops_with_and_without": 3,
    "tests/engine/runtime/variants/test_cost_sheet.py": 2,
    "tests/pages/components/test_tensor_view.py::test_a_stage_of_any_size": 3,
    "tests/pages/labs/": 8,
    "tests/pages/state/test_link_notes.py": 3,
    "tests/pages/test_pages.py::test_a_page_started_as_a_script": 3,
    "tests/pages/test_pages.py::test_bad_values_in_the_address": 2,
    "tests/pages/test_pages.py::test_every_page_takes_its_settings": 2,
    "tests/pages/test_texts.py::test_every_page_shows_any_text": 5,
    "tests/pages/test_variant_pages.py::test_every_page_shows": 10,
    "tests/pages/traces/test_any_trace.py::test_every_page_shows": 4,
    "tests/pages/traces/test_reproduce.py": 3,
    "tests/pages/traces/test_store.py::test_a_page_gives_up": 3,
    "tests/pages/traces/test_reproduce_variant.py": 3,
    "tests/pages/views/your_code/test_run_program.py": 4,
    "tests/pages/views/": 3,
    "tests/test_architecture.py::test_what_a_layer_above_makes": 3,
}
# Whoever names a file or a folder wants all of its tests; only the whole suite is as large as this.
_SUITE = 4000


def family_of(address: str) -> str:
    """The beginning in SHARES of the address of a test such as ``tests/a/test_b.py::test_c[d]``, or nothing."""
    return max((beginning for beginning in SHARES if address.startswith(beginning)), key=len, default="")


def sample(addresses: Iterable[str]) -> set[str]:
    """Of every family its share, the same tests every time and in every process, and all that are of no family."""
    families = defaultdict(list)
    for address in addresses:
        families[family_of(address)].append(address)
    kept = set(families.pop("", ()))
    for beginning, family in families.items():
        share = SHARES[beginning]
        # By a hash of the address: a test that is added or taken away leaves nearly all others as they were.
        kept.update(sorted(family, key=lambda address: zlib.crc32(address.encode()))[: -(-len(family) // share)])
    return kept


def select(items: Sequence[Any], whole: bool) -> tuple[list[Any], list[Any]]:
    """The tests to run, and those to leave out.

    Args:
        items: what pytest has collected.
        whole: whether every test is wanted, also those marked as ``whole``.
    """
    if whole or len(items) < _SUITE:
        return list(items), []
    kept = sample(item.nodeid for item in items if item.get_closest_marker("whole") is None)
    return [item for item in items if item.nodeid in kept], [item for item in items if item.nodeid not in kept]
