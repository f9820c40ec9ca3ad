"""What all benchmarks share: a lab of their own, contenders measured in turns in the same run, rows of the result, the machine described."""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
WORK = HERE / "work"
STATE = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "fleet"
PEERS = ("ansible-core==2.18.6", "mitogen", "pyinfra")
FLEET = [sys.executable, "-m", "fleet"]
# Code is compiled once on every machine that is used; an environment that forbids keeping it would have each command compile all it loads.
ENV = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


@dataclass
class Sample:
    """One execution: seconds it took; CPU seconds and peak memory (MB) of the command itself, where it is one."""

    seconds: float
    cpu: float = 0.0
    memory: float = 0.0


@dataclass
class Row:
    """One line of the result. value: what was reached, in `unit`; limit: what was to be reached; low: whether low is good; per: what it was compared with."""

    work: str
    value: float
    limit: float
    unit: str = "x"
    low: bool = True
    per: str = ""
    note: str = ""
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    points: dict[str, list[tuple[float, float]]] = field(default_factory=dict)  # for a plot: name -> (x, seconds)

    @property
    def reached(self) -> bool:
        return self.value <= self.limit if self.low else self.value >= self.limit

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "reached": self.reached}


def middle(samples: Sequence[Sample], what: str = "seconds") -> float:
    return statistics.median(getattr(sample, what) for sample in samples)


def ratio(samples: Mapping[str, list[Sample]], of: str, to: str) -> float:
    """The median of the ratios of each round: what slowed a round down slowed both."""
    return statistics.median(a.seconds / b.seconds for a, b in zip(samples[of], samples[to], strict=False))


class Failed(Exception):
    """A contender did not do its work."""


def command(words: Sequence[str], *, cwd: Path = WORK, env: Mapping[str, str] | None = None, input: bytes | None = None) -> Sample:
    """Run a command to its end. Raises Failed with the end of its output."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as given:
        given.write(input or b"")
        given.seek(0)
        began = time.monotonic()
        process = subprocess.Popen(list(words), cwd=cwd, env={**ENV, **(env or {})}, stdin=given, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise Failed(f"{' '.join(map(str, words))} ended with status {process.returncode}:\n{output.read().decode(errors='replace')[-2000:]}")
    return Sample(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def timed(work: Callable[[], Any]) -> Sample:
    began = time.monotonic()
    work()
    return Sample(time.monotonic() - began)


def in_turns(contenders: Mapping[str, Callable[[], Sample]], runs: int, first: Mapping[str, Callable[[], Any]] | None = None) -> dict[str, list[Sample]]:
    """Each contender once uncounted, then all of them in turns; runs=0: once, counted. first: what makes ready for a contender, before each of its runs."""
    found: dict[str, list[Sample]] = {name: [] for name in contenders}
    for number in range(runs + 1):
        for name in list(contenders) if number % 2 else list(contenders)[::-1]:
            if first and name in first:
                first[name]()
            sample = contenders[name]()
            if number or not runs:
                found[name].append(sample)
    for name, samples in found.items():
        print(f"    {name:12} {middle(samples):8.3f} s  {[round(sample.seconds, 2) for sample in samples]}", flush=True)
    return found


def peers() -> Path:
    """The virtual environment with the other tools, installed the first time."""
    home = STATE / "bench" / "venv"
    if not (home / "bin" / "pyinfra").exists():
        print("installing the peers (once)", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([str(home / "bin" / "pip"), "install", "-q", *PEERS], check=True)
    return home


class Bench:
    """The lab, grown as benchmarks need it, and where they put their files. smoke: small and quick, to see that all of it runs."""

    def __init__(self, runs: int, smoke: bool) -> None:
        self.runs = runs
        self.smoke = smoke
        self.folder = STATE / "bench" / ("smoke" if smoke else "full")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lab = self.folder / f"lab-{os.getpid()}"  # another run of benchmarks beside this one has its own
        self.hosts: dict[str, dict[str, Any]] = {}

    def size(self, full: int, smoke: int) -> int:
        return smoke if self.smoke else full

    def up(self, count: int) -> Path:
        """A lab of at least that many hosts b1..bN; the inventory with exactly that many."""
        if len(self.hosts) < count:
            command([*FLEET, "lab", "up", str(count), "--prefix", "b"], env={"FLEET_LAB": str(self.lab)})
            listed = subprocess.run([*FLEET, "inventory", "-i", str(self.lab / "inventory"), "--list"], env=ENV, check=True, stdout=subprocess.PIPE).stdout
            self.hosts = json.loads(listed)["_meta"]["hostvars"]
        lines = (self.lab / "inventory").read_text().splitlines()
        names = {f"b{number}" for number in range(1, count + 1)}
        path = self.lab / f"hosts-{count}"
        path.write_text("\n".join(line for line in lines if not line.startswith("b") or line.split()[0] in names) + "\n")
        return path

    def down(self) -> None:
        if self.hosts:
            subprocess.run([*FLEET, "lab", "down"], env={**ENV, "FLEET_LAB": str(self.lab)}, check=False, stdout=subprocess.DEVNULL)
            shutil.rmtree(self.lab, ignore_errors=True)

    def ssh_options(self, host: str) -> list[str]:
        known = self.hosts[host]
        return ["-q", "-o", f"UserKnownHostsFile={known['ansible_ssh_known_hosts_file']}", "-i", known["ansible_ssh_private_key_file"]]

    def place(self, host: str) -> str:
        known = self.hosts[host]
        return f"{known.get('ansible_user', 'root')}@{known['ansible_host']}"

    def ssh(self, host: str, words: str, input: bytes = b"") -> Sample:
        return command(["ssh", *self.ssh_options(host), self.place(host), words], input=input)

    def parallel_ssh(self, count: int, words: str, input: bytes = b"", at_once: int = 10) -> Sample:
        """One ssh a host, some at a time."""
        def all_hosts() -> None:
            with ThreadPoolExecutor(at_once) as pool:
                for _ in pool.map(lambda number: self.ssh(f"b{number}", words, input), range(1, count + 1)):
                    pass
        return timed(all_hosts)

    def fleet(self, *words: str) -> Sample:
        return command([*FLEET, *words])

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)


def machine() -> dict[str, Any]:
    """What the numbers are from."""
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), platform.machine())
    memory = next(int(line.split()[1]) for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    ssh = subprocess.run(["ssh", "-V"], capture_output=True, text=True).stderr.split(",")[0].strip()
    return {"cpu": model, "cores": os.cpu_count(), "memory_gib": round(memory / 1048576, 1), "kernel": platform.release(), "python": platform.python_version(),
            "ssh": ssh, "load_before": round(os.getloadavg()[0], 2), "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime())}
