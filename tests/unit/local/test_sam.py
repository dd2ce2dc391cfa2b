"""What is built and deployed is decided by what the sources are."""

from pathlib import Path

from infra.local import sam
from infra.local.config import instance


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_fingerprint_changes_with_content_and_name_but_not_with_compiled_files(tmp_path: Path) -> None:
    first = sam.source_fingerprint(write(tmp_path / "a", {"functions/x.py": "1", "template.yaml": "t"}))
    again = {"functions/x.py": "1", "template.yaml": "t", "functions/__pycache__/x.pyc": "0"}
    assert sam.source_fingerprint(write(tmp_path / "b", again)) == first
    assert sam.source_fingerprint(write(tmp_path / "c", {"functions/x.py": "2", "template.yaml": "t"})) != first
    assert sam.source_fingerprint(write(tmp_path / "d", {"functions/y.py": "1", "template.yaml": "t"})) != first


def test_the_drivers_own_code_is_not_deployed(tmp_path: Path) -> None:
    first = sam.source_fingerprint(write(tmp_path / "a", {"infra/data.yaml": "d"}))
    driver = {"infra/data.yaml": "d", "infra/local/up.py": "code"}
    assert sam.source_fingerprint(write(tmp_path / "b", driver)) == first


def test_the_deployment_gets_the_configured_parameters_and_this_machines() -> None:
    parameters = sam.parameters(instance("test", {"SC_TEST_REDIS_PORT": "7000"}), antivirus="clamd:127.0.0.1:3310")
    assert "Environment=local" in parameters
    assert "RedisUrl=redis://127.0.0.1:7000" in parameters
    assert "Antivirus=clamd:127.0.0.1:3310" in parameters
    assert sum(parameter.startswith("PythonRuntime=python3.") for parameter in parameters) == 1


def test_a_clamd_that_comes_or_goes_makes_another_deployment() -> None:
    default = instance("default", {})
    off, on = (sam.parameters(default, antivirus=each) for each in ("off", "clamd:127.0.0.1:3310"))
    assert sam.deployment_fingerprint(off) == sam.deployment_fingerprint(off)
    assert sam.deployment_fingerprint(off) != sam.deployment_fingerprint(on)
