"""The edge needs no package but those of its own requirements."""

import subprocess
import sys


def test_the_edge_does_without_the_ledgers_package() -> None:
    program = "import sys; sys.modules['azure.data.tables'] = None; import edge.__main__"
    subprocess.run([sys.executable, "-c", program], check=True)
