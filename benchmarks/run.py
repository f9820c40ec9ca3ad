"""All benchmarks in one run: python -m benchmarks.run [--smoke] [--runs 5] [--only site,copying]

Raw data goes to benchmarks/results, one JSON file a benchmark; `python -m benchmarks.report` makes docs/performance.md of them. --smoke is small,
quick, and keeps nothing: it shows that everything runs.
"""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path

from benchmarks.harness import HERE, Bench, machine

NAMES = ("startup", "planning", "simulated", "tasks", "roundtrips", "copying", "site", "growth", "adhoc", "guests", "booting", "images", "containers")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default=",".join(NAMES))
    parser.add_argument("--out", type=Path, default=HERE / "results")
    given = parser.parse_args()
    bench = Bench(0 if given.smoke else given.runs, given.smoke)
    given.out.mkdir(parents=True, exist_ok=True)
    try:
        for name in given.only.split(","):
            print(name, flush=True)
            before = machine()
            rows = importlib.import_module(f"benchmarks.{name}").measure(bench)
            for row in rows:
                print(f"  {row.work}: {row.value:.2f} {row.unit}{' of ' + row.per if row.unit == 'x' else ''}"
                      f" (to reach: {row.limit:g}){'' if row.reached or given.smoke else ' MISSED'}", flush=True)
            if not given.smoke:
                found = {"machine": before, "runs": given.runs, "rows": [row.as_dict() for row in rows]}
                (given.out / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
    finally:
        bench.down()


if __name__ == "__main__":
    main()
