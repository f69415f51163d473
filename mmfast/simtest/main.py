"""Many seeds, over several processes, and a report a reader can act on."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from mmfast.errors import ConfigError
from mmfast.simtest.findings import Violation
from mmfast.simtest.swarm import FAULT_NAMES, plan_of
from mmfast.simtest.world import run_plan

ENOUGH: Final = 100
"""With so many seeds of all faults, each kind of fault must have fired."""
MAX_SHOWN: Final = 10
"""Failing seeds shown in full; the others only with their command."""
PROGRESS_EVERY: Final = 500
"""Seeds after which a long run says how far it is."""


class Job(NamedTuple):
    """One seed to run."""

    seed: int
    minutes: float
    only: tuple[str, ...] = ()


class SeedReport(NamedTuple):
    """What one seed came to."""

    job: Job
    trace: str
    """Hash over everything that left the engine, and over how it ended."""
    faults: tuple[str, ...]
    violations: tuple[Violation, ...]
    broken: Counter[str]
    marks: Counter[str]
    checked: Counter[str]
    lines: tuple[str, ...]
    took_s: float

    def command(self) -> str:
        """What repeats this seed."""
        return command_of(self.job)


def command_of(job: Job) -> str:
    """The command that runs one seed alone."""
    text = f"mmfast simtest --seeds 1 --from {job.seed} --minutes {job.minutes:g}"
    return text + (f" --only {' '.join(job.only)}" if job.only else "")


def run_seed(job: Job) -> SeedReport:
    """Run one seed in this process. A simulation that fails itself is a finding too."""
    began_s = time.process_time()
    plan = plan_of(job.seed, job.minutes, job.only)
    try:
        world, trace = run_plan(plan)
    except Exception:  # noqa: BLE001 - other seeds must go on, and exceptions may not travel
        text = traceback.format_exc()
        broken = (Violation("I0", 0.0, f"the simulation failed: {text[-3000:]}"),)
        return SeedReport(
            job, "", plan.names(), broken, Counter(I0=1), Counter(), Counter(), (), 0.0
        )
    findings = world.findings
    return SeedReport(
        job=job,
        trace=trace,
        faults=plan.names(),
        violations=tuple(findings.violations),
        broken=findings.broken,
        marks=+findings.marks,
        checked=findings.checked,
        lines=tuple(world.lines) if findings.violations else (),
        took_s=time.process_time() - began_s,
    )


def run_seeds(jobs: Sequence[Job], processes: int) -> Iterator[SeedReport]:
    """Run many, in the order of their numbers; each process is fresh and runs one at a time."""
    if processes <= 1 or len(jobs) <= 1:
        yield from map(run_seed, jobs)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, maxtasksperchild=50) as pool:
        yield from pool.imap(run_seed, jobs)


class Total:
    """The sum of many seeds."""

    def __init__(self) -> None:
        self.seeds = 0
        self.minutes = 0.0
        self.marks: Counter[str] = Counter()
        self.checked: Counter[str] = Counter()
        self.broken: Counter[str] = Counter()
        self.pairs: set[tuple[str, str]] = set()
        """Faults that fired in one seed together."""
        self.failed: list[SeedReport] = []
        self.slowest_s = 0.0
        self.sum_s = 0.0

    def add(self, report: SeedReport) -> None:
        """Count one seed in."""
        self.seeds += 1
        self.minutes += report.job.minutes
        self.marks += report.marks
        self.checked += report.checked
        self.broken += report.broken
        fired = [name for name in FAULT_NAMES if report.marks.get(name)]
        self.pairs.update(itertools.combinations(fired, 2))
        self.slowest_s = max(self.slowest_s, report.took_s)
        self.sum_s += report.took_s
        if report.violations:
            self.failed.append(report)

    def silent(self) -> list[str]:
        """Faults that never fired."""
        return [name for name in FAULT_NAMES if not self.marks.get(name)]

    def text(self) -> str:
        """The report."""
        pairs = len(FAULT_NAMES) * (len(FAULT_NAMES) - 1) // 2
        kinds = len(FAULT_NAMES) - len(self.silent())
        mean_s = self.sum_s / max(self.seeds, 1)
        took = f"{mean_s:.2f} s of CPU a seed (slowest {self.slowest_s:.2f} s)"
        spread = f"{kinds} of {len(FAULT_NAMES)} kinds, {len(self.pairs)} of {pairs} pairs"
        lines = [f"{self.seeds} seeds, {self.minutes:g} simulated minutes, {took}"]
        lines += ["", f"faults fired ({spread} in one seed):"]
        lines += [f"  {name:22} {self.marks.get(name, 0):9}" for name in FAULT_NAMES]
        lines += ["", "what else happened:"]
        others = sorted(set(self.marks) - set(FAULT_NAMES))
        lines += [f"  {name:32} {self.marks[name]:9}" for name in others]
        lines += ["", "invariants, times looked at:"]
        named = sorted(self.checked, key=lambda name: int(name[1:]))
        lines += [f"  {name:5} {self.checked[name]:11}" for name in named]
        if self.failed:
            lines += ["", f"{len(self.failed)} seeds broke a promise: {dict(self.broken)}"]
            lines += [one.command() for one in self.failed]
        else:
            lines += ["", "no promise was broken"]
        return "\n".join(lines)


def failure_text(report: SeedReport) -> str:
    """One failing seed: what repeats it, what broke, and what led there."""
    lines = [
        f"seed {report.job.seed} FAILED; to repeat it:",
        f"  {report.command()}",
        f"  faults: {', '.join(report.faults) or 'none'}",
    ]
    lines += [f"  {one}" for one in report.violations]
    lines += ["  the newest lines of the engine's log:"]
    lines += [f"    {line}" for line in report.lines]
    return "\n".join(lines)


def simtest(
    *,
    seeds: int,
    first: int,
    minutes: float,
    only: tuple[str, ...],
    processes: int | None,
    say: Callable[[str], None],
) -> bool:
    """Run the seeds; True when no promise was broken. Raises ConfigError for an unknown fault."""
    unknown = [name for name in only if name not in FAULT_NAMES]
    if unknown:
        text = f"expected some of {', '.join(FAULT_NAMES)}, found {', '.join(unknown)}"
        raise ConfigError([("--only", text)])
    jobs = [Job(seed, minutes, only) for seed in range(first, first + seeds)]
    total = Total()
    for report in run_seeds(jobs, processes or os.cpu_count() or 1):
        total.add(report)
        if report.violations and len(total.failed) <= MAX_SHOWN:
            say(failure_text(report))
        if seeds == 1:
            say(f"trace {report.trace}")
        elif total.seeds % PROGRESS_EVERY == 0 and total.seeds < seeds:
            say(f"{total.seeds} of {seeds} seeds, {len(total.failed)} broke a promise")
    say(total.text())
    must_fire = not only and seeds >= ENOUGH
    if must_fire and total.silent():
        say(f"these faults never fired, so they were not tested: {', '.join(total.silent())}")
        return False
    return not total.failed
