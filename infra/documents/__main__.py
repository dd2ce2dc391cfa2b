"""`python -m infra.documents`: writes the generated documents; with `--check` it reports those that are out of date."""

import os
import sys

from infra.documents import ROOT, documents, undeployed


def main() -> int:
    sys.path[:0] = [str(ROOT / "layers/shared"), str(ROOT / "functions")]
    os.environ.setdefault("ENVIRONMENT", "local")
    os.environ.setdefault("STACK_NAME", "documents")
    stale = [path for path, text in documents().items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not current: run `make openapi`")
        return 1 if stale else 0
    for path, text in documents().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(f"wrote {path.relative_to(ROOT)}")
    for route in undeployed():
        print(f"{route} is in no template yet: add it to the Events of its function in template.yaml")
    return 0


if __name__ == "__main__":
    sys.exit(main())
