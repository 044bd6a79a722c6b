"""Ends with status 1 where a module of the package is covered too little; reads coverage's JSON."""

import json
import sys
from pathlib import Path

LEAST = 85.0  # per cent of the lines and branches of each module; pyproject.toml has that of all


def main(report: Path) -> int:
    files = json.loads(report.read_text())["files"]
    short = {
        name: share
        for name, found in files.items()
        if (share := found["summary"]["percent_covered"]) < LEAST
    }
    for name, share in sorted(short.items()):
        print(f"{name} is covered to {share:.1f} %, less than {LEAST:.0f} %")
    return 1 if short or not files else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
