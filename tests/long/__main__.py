"""The command line: ``python -m tests.long [NAME ...]``."""

from __future__ import annotations

import argparse
import time

from playwright.sync_api import sync_playwright

from tests.browser.conftest import ROOT, launched, served
from tests.long import checks
from tests.long.registry import CHECKS, LongCheck


def main() -> int:
    """Runs the checks that are named, or all; its exit status is 1 where a case went wrong."""
    checks.load()
    parser = argparse.ArgumentParser("python -m tests.long", description="The checks that take minutes.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CHECKS)}; all where none is named")
    names = parser.parse_args().names or list(CHECKS)
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        parser.error(f"no check is called {', '.join(unknown)}; there are {', '.join(CHECKS)}")
    worst = 0
    for name in names:
        start = time.monotonic()
        wrong = _failures(CHECKS[name])
        print(f"{name}: {CHECKS[name].cases} cases, {len(wrong)} wrong, {time.monotonic() - start:.0f} s", flush=True)
        for line in wrong:
            print(f"  {line}", flush=True)
        worst |= bool(wrong)
    return worst


def _failures(check: LongCheck) -> list[str]:
    if not check.browser:
        return check.failures()
    with sync_playwright() as playwright:
        browser = launched(playwright)
        try:
            with served(ROOT / "app.py") as app:
                return check.failures(browser, app)
        finally:
            browser.close()


if __name__ == "__main__":
    raise SystemExit(main())
