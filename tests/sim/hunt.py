"""Looks for one planted bug, seed after seed, and says which seed caught it.

``python -X mmfast_engine=interpreted tests/sim/hunt.py NAME --seeds 200``; one JSON object comes
out. Exit code 1: not caught.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings

from planted import BUGS, Planted

from mmfast.simtest.main import Job, SeedReport, run_seed

MINUTES = 2.0


def hunt(bug: Planted, seeds: int) -> SeedReport | None:
    """The first seed that catches it. Half of the seeds have all faults, half only its own."""
    for seed in range(bug.first, bug.first + seeds):
        only = bug.faults if seed % 2 else ()
        with bug.plant():
            report = run_seed(Job(seed, MINUTES, only))
        if report.violations and not run_seed(Job(seed, MINUTES, only)).violations:
            # Without the bug the same seed is fine: it is the bug that was caught.
            return report
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=[bug.name for bug in BUGS])
    parser.add_argument("--seeds", type=int, default=200)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    found = hunt(next(bug for bug in BUGS if bug.name == options.name), options.seeds)
    if found is None:
        print(json.dumps({"seed": None}))  # noqa: T201 - read by the test that started us
        return 1
    violation = str(found.violations[0])
    print(json.dumps({"seed": found.job.seed, "violation": violation}))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
