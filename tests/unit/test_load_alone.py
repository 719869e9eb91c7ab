"""The load tool runs where only the engine's own packages are, from a zip file."""

import subprocess
import sys
import zipfile
from pathlib import Path

import vlab

ABSENT = ("typer", "rich", "tenacity", "httpx", "jinja2", "matplotlib", "numpy", "cryptography", "platformdirs")
MODULES = (
    "vlab.load.client",
    "vlab.load.compare",
    "vlab.load.summary",
    "vlab.load.workload",
    "vlab.load.result",
    "vlab.evidence",
    "vlab.evidence.metrics",
    "vlab.evidence.seal",
)
CODE = f"""
import sys
absent = {(*ABSENT, "kubernetes", "detect_secrets", "pytest", "openai", "filelock")!r}
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
for module in {MODULES!r}:
    __import__(module)
import vlab
from vlab.load import traffic, workload
from vlab.evidence import metrics
assert ".zip" in vlab.__file__, vlab.__file__
load = workload.find("chat")
assert traffic.build(load, load.classes[0], 0, "").content
assert metrics.parse("vllm:x 1") == {{"vllm:x": 1.0}}
print(sorted(workload.packaged()))
"""


def test_it_is_imported_from_a_zip_file_without_what_the_command_line_needs(tmp_path):
    root = Path(vlab.__file__).parent
    with zipfile.ZipFile(tmp_path / "vlab.zip", "w") as archive:
        for file in root.rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                archive.write(file, Path("vlab") / file.relative_to(root))
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'vlab.zip')!r})\n{CODE}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['batch', 'chat', 'eight-prompts', 'mixed', 'saturate']"
