"""One session of measurements: what is asked for, how a command is timed, alternating rounds, what is known of the machine."""

from __future__ import annotations

import contextlib
import math
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_S = 300.0
# A contender that is slow would take the session for itself: it gets fewer rounds, and the result says how many.
BUDGET_S = float(os.environ.get("BUDGET", "30"))
BUSY = 0.15
"""From that part of the processor's time on others disturb what is measured."""


def say(line: str) -> None:
    """One line about how far it is."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def numbers(name: str, default: str) -> list[int]:
    """A list of whole numbers from the environment: `SIZES=20,100` or `SIZES="20 100"`."""
    return [int(float(word)) for word in (os.environ.get(name) or default).replace(",", " ").split()]


@dataclass(frozen=True)
class Limit:
    """One line of what is promised: `value` may be at most (or, `at_least`, at least) `limit`; None was not measured."""

    claim: str
    limit: float
    value: float | None
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        """Whether it holds; None where there is no figure."""
        if self.value is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit


@dataclass
class Bench:
    """A benchmark while it runs: measurements by case and contender, and what they came to.

    Units are those of `unit`; `samples` holds each round.
    """

    kind: str
    folder: Path
    rounds: int
    unit: str = "s"
    samples: dict[str, dict[str, list[float]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    versions: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)
    fitted: dict[str, float] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    in_all_rounds: frozenset[str] = frozenset(("chatops",))
    """Whom a limit compares: their medians are of all rounds, however slow they are."""
    began: float = field(default_factory=time.monotonic)
    load: list[float] = field(default_factory=lambda: list(os.getloadavg()))
    busy: float | None = None
    """The part of the processor's time that others took before it began; the load still has what a benchmark before it made."""

    def add(self, case: str, contender: str, value: float) -> None:
        """One measurement."""
        self.samples[case][contender].append(value)

    def median(self, case: str, contender: str) -> float | None:
        """The middle of a contender's rounds; None without any."""
        found = self.samples.get(case, {}).get(contender)
        return statistics.median(found) if found else None

    def ratio(self, case: str, contender: str, to: str, other_case: str | None = None) -> float | None:
        """One median by another."""
        mine, other = self.median(case, contender), self.median(other_case or case, to)
        return None if mine is None or not other else mine / other

    def limit(self, claim: str, limit: float, value: float | None, *, at_least: bool = False) -> None:
        """Holds a figure against what is promised."""
        self.limits.append(Limit(claim, limit, value, at_least))

    def alternate(
        self, case: str, contenders: Mapping[str, Callable[[], float | Mapping[str, float]]], *, rounds: int | None = None
    ) -> None:
        """Each contender in turn, round after round (`rounds`, else as many as were asked for), each beginning with another one.

        A contender returns its measurement, or several by what they are of, which become cases of their own. One that fails is
        out for this case, with its reason in the result; one that is slow gets as many rounds as its budget allows.
        """
        out: set[str] = set()
        spent: dict[str, float] = defaultdict(float)
        wanted = self.rounds if rounds is None else rounds
        for turn in range(wanted):
            names = list(contenders)
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                slow = turn and name not in self.in_all_rounds and spent[name] * (turn + 1) / turn > BUDGET_S
                if name in out or slow:
                    continue
                before = time.monotonic()
                try:
                    measured = contenders[name]()
                except FAILURES as error:
                    out.add(name)
                    self.failures[f"{case}: {name}"] = " ".join(str(error).split())[:300]
                    say(f"  {case}  {name}: {error}")
                    continue
                spent[name] += time.monotonic() - before
                for what, value in (measured if isinstance(measured, Mapping) else {"": measured}).items():
                    self.add(f"{case}, {what}" if what else case, name, value)
            say(f"  {case}: round {turn + 1} of {wanted}, {time.monotonic() - self.began:.0f} s in all")

    @contextlib.contextmanager
    def noted(self, what: str) -> Iterator[None]:
        """Something that adds its figures by itself: where it fails the result says why, and the rest is measured."""
        try:
            yield
        except FAILURES as error:
            self.failures[what] = " ".join(str(error).split())[:300]
            say(f"  {what}: {error}")


class MeasureError(Exception):
    """A contender did not do what was asked of it."""


FAILURES = (MeasureError, OSError, subprocess.SubprocessError, psycopg.Error)
"""What keeps one case from being measured, and not the rest."""


@contextlib.contextmanager
def opened(kind: str) -> Iterator[Bench]:
    """A benchmark with a folder of its own, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        bench = Bench(kind, Path(folder), int(os.environ.get("ROUNDS") or 5))
        bench.versions["python"] = platform.python_version()
        from chatops import __version__

        bench.versions["chatops"] = __version__
        if revision := captured(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT):
            bench.versions["commit"] = revision
        bench.busy = busy()
        if bench.busy is not None and bench.busy > BUSY:
            bench.notes.append(f"The machine was busy with other things ({bench.busy:.0%} of its time): not for comparison.")
        yield bench


def busy(seconds: float = 2.0) -> float | None:
    """The part of all processors' time that is taken while nothing is measured; None where the system does not tell."""

    def taken() -> tuple[float, float]:
        times = [float(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        idle = times[3] + times[4]
        return sum(times) - idle, sum(times)

    try:
        before = taken()
        time.sleep(seconds)
        after = taken()
    except (OSError, ValueError, IndexError):
        return None
    return (after[0] - before[0]) / max(1.0, after[1] - before[1])


def environment(**more: str) -> dict[str, str]:
    """A process environment without anything that steers Postgres or the contenders, and without their reports home."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "HOME") if name in os.environ}
    quiet = {"DO_NOT_TRACK": "1", "SUPABASE_TELEMETRY_DISABLED": "1", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
    return {**kept, **quiet, **more}


def timed(
    command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path | None = None, codes: Sequence[int] = (0,)
) -> float:
    """Seconds from the start of a program to its end. Raises MeasureError for another exit code and after TIMEOUT_S."""
    return measured(command, env=env, cwd=cwd, codes=codes)[0]


def measured(
    command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path | None = None, codes: Sequence[int] = (0,)
) -> tuple[float, float]:
    """As `timed`: seconds, and the most memory that the program had at once, in MB."""
    words = [str(part) for part in command]
    with tempfile.TemporaryFile() as errors:
        started = time.monotonic()
        process = subprocess.Popen(
            words,
            env=dict(env or environment()),
            cwd=cwd or "/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        # To wait with a timeout is to look every 50 ms: what takes 120 would be told as 160.
        ending = threading.Timer(TIMEOUT_S, process.kill)
        ending.start()
        try:
            _, status, used = os.wait4(process.pid, 0)
        finally:
            ending.cancel()
        # Waited for here: the object is told, so that it does not wait again.
        code = process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - started
        if seconds >= TIMEOUT_S:
            raise MeasureError(f"took longer than {TIMEOUT_S:.0f} s")
        if code not in codes:
            errors.seek(0)
            tail = errors.read().decode(errors="replace").strip().splitlines()[-3:]
            raise MeasureError(f"{Path(words[0]).name} ended with {code}: {' / '.join(tail)[:300]}")
    return seconds, used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def captured(
    command: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None, codes: Sequence[int] = (0,)
) -> str:
    """What a program says on stdout; "" when it does not run, or ends with another exit code."""
    try:
        done = subprocess.run(
            [str(part) for part in command], cwd=cwd, env=dict(env or environment()), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout or done.stderr).strip() if done.returncode in codes else ""


def exponent(points: Mapping[int, float]) -> float | None:
    """The slope of a line through the points on logarithmic axes: 0 is flat, 1 grows as the size does.

    >>> round(exponent({10: 1.0, 100: 10.0, 1000: 100.0}), 2)
    1.0
    """
    if len(points) < 2:
        return None
    pairs = [(math.log(size), math.log(value)) for size, value in points.items()]
    x, y = (sum(values) / len(pairs) for values in zip(*pairs, strict=True))
    return float(sum((a - x) * (b - y) for a, b in pairs) / sum((a - x) ** 2 for a, _ in pairs))


def chatops() -> Path:
    """The command under measurement: the one beside this Python."""
    return Path(sys.executable).with_name("chatops")


def machine() -> dict[str, object]:
    """What the figures depend on."""
    model = ""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": model or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "free_gib": round(shutil.disk_usage(tempfile.gettempdir()).free / 2**30),
        "children_cpu_s": round(sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]), 1),
        "measured_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
