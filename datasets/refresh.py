"""Write the size, row count and SHA-256 of every data file into its datapackage.json.

Run ``python datasets/refresh.py`` after a data file was changed on purpose; a test compares them.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from pathlib import Path

HERE = Path(__file__).parent


def measure(path: Path) -> dict[str, object]:
    """Bytes, hash and number of rows of a CSV file."""
    content = path.read_bytes()
    rows = sum(1 for _ in csv.reader(io.StringIO(content.decode("utf-8")))) - 1
    return {
        "bytes": len(content),
        "hash": f"sha256:{hashlib.sha256(content).hexdigest()}",
        "rows": rows,
    }


def main() -> None:
    """Refresh every datapackage.json of this folder."""
    for package in sorted(HERE.glob("*/datapackage.json")):
        content = json.loads(package.read_text(encoding="utf-8"))
        for resource in content["resources"]:
            resource.update(measure(package.with_name(resource["path"])))
        text = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
        package.write_text(text, encoding="utf-8")
        print(f"refreshed {package.relative_to(HERE)}")


if __name__ == "__main__":
    main()
