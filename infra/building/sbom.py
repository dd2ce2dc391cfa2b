"""`python -m infra.building.sbom FOLDER`: bills of materials of what is deployed (CycloneDX), from locked versions.

`functions.cdx.json` has the packages of the layers, each with its layers; `web.cdx.json` has those of the web
client, which npm writes from its lock file.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ROOT / "layers"
WEB = ROOT / "web"
_PINNED = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;#]+)")


def locked() -> dict[tuple[str, str], list[str]]:
    """The layers of each package (name, version). Raises ValueError for a line without a pinned version."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path in sorted(LAYERS.glob("*/requirements.txt")):
        for line in path.read_text().splitlines():
            if not (wanted := line.partition("#")[0].strip()):
                continue
            pinned = _PINNED.match(wanted)
            if pinned is None:
                raise ValueError(f"{path.relative_to(ROOT)}: {wanted!r} pins no version")
            found[pinned[1].lower().replace("_", "-"), pinned[2]].append(path.parent.name)
    return dict(found)


def of_functions() -> str:
    """The bill of materials of the layers, as JSON."""
    bill = Bom()
    whole = bill.metadata.component = Component(name="secureconnect", type=ComponentType.APPLICATION)
    parts = [
        Component(
            name=name,
            version=version,
            type=ComponentType.LIBRARY,
            purl=PackageURL("pypi", name=name, version=version),
            properties=[Property(name="secureconnect:layer", value=layer) for layer in layers],
        )
        for (name, version), layers in locked().items()
    ]
    bill.components.update(parts)
    bill.register_dependency(whole, parts)
    return JsonV1Dot6(bill).output_as_string(indent=1)


def of_web() -> str:
    """The bill of materials of the web client, as JSON. Raises CalledProcessError."""
    command = ["npm", "sbom", "--package-lock-only", "--sbom-format", "cyclonedx", "--omit", "dev"]
    return subprocess.run(command, cwd=WEB, check=True, capture_output=True, text=True).stdout  # noqa: S603


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("functions", of_functions()), ("web", of_web())):
        path = folder / f"{name}.cdx.json"
        path.write_text(text)
        print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
