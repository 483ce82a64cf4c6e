"""Every app setting that the function app reads is in Bicep and in the docs, and the reverse."""

import ast
import json
import re
from collections.abc import Iterator, Mapping

from edge.settings_file import load
from function_app import identities
from function_app.settings import Settings
from handoff import route_settings
from handoff.account import MAIL_STORAGE, Account, NoAccount
from tests.infra.bicep import ROOT, File, literal, properties, text_of

NAME = re.compile(r"(RELAY|GRAPH|ENTRA|AZURE|GMAIL|SMARTHOST|OTEL)_[A-Z0-9_]+")
# The host and the worker read these: how the trigger signs in, and how many threads there are.
FOR_THE_HOST = {f"{MAIL_STORAGE}__credential", "PYTHON_THREADPOOL_THREAD_COUNT"}
# Workload identity of Azure Kubernetes Service sets it.
FROM_THE_PLATFORM = {"AZURE_FEDERATED_TOKEN_FILE"}
# Of `default`, which everybody has. Further keys, identities and routes are the operator's own.
OF_EVERY_IDENTITY = {"PROVIDER", "CREDENTIAL", "TENANT_ID", "CLIENT_ID", "CLIENT_SECRET"}
# The platform sets them itself on Flex Consumption, or refuses to publish with them.
FORBIDDEN = {
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_WORKER_RUNTIME",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
    "WEBSITE_CONTENTSHARE",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_TIME_ZONE",
}
EDGE = File("infra/modules/edge.bicep")
BICEP = File("infra/modules/function-app.bicep")


class Asked(Mapping[str, str]):
    """No settings at all, which remembers what it was asked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _read() -> set[str]:
    """What the code reads: of the account by asking it, of the rest by the names in its source."""
    asked = Asked()
    try:
        Account.from_app_settings(asked, MAIL_STORAGE)
    except NoAccount:
        asked.names.add(f"{MAIL_STORAGE}__clientId")
    found = asked.names | {f"IDENTITY__<NAME>__{key}" for key in identities._KEYS}
    found |= {f"ROUTE__<NAME>__{key}" for key in route_settings._KEYS}
    for path in (ROOT / "function_app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and NAME.fullmatch(str(node.value)):
                found.add(str(node.value))
    return found - FROM_THE_PLATFORM


def _for_everybody() -> set[str]:
    """Of what the code reads, what every deployment has, if only empty."""
    own = {name for name in _read() if "__<NAME>__" in name}
    return _read() - own | {f"IDENTITY__<NAME>__{key}" for key in OF_EVERY_IDENTITY}


def _general(names: set[str]) -> set[str]:
    return {re.sub("^IDENTITY__[A-Z]+__", "IDENTITY__<NAME>__", name) for name in names}


def _in_bicep(variable: str) -> dict[str, str | None]:
    body = properties(BICEP.of("variable")[variable].value)
    return {key: literal(node) for key, node in body.items()}


def _documented() -> set[str]:
    text = (ROOT / "docs" / "function-app.md").read_text("utf-8")
    table = text.partition("## Settings")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def _in_example() -> set[str]:
    example = json.loads((ROOT / "local.settings.example.json").read_text("utf-8"))
    return set(example["Values"])


def _faults(there: set[str], expected: set[str], place: str, line: str) -> list[str]:
    """What to add to `place` and what to take out, one sentence each; `line` is how to write it."""
    add = [f"add to {place}: {line.format(name)}" for name in sorted(expected - there)]
    take = [f"take {name} out of {place}: no code reads it" for name in sorted(there - expected)]
    return add + take


def _by_address() -> set[str]:
    return {name for name in _read() if name.startswith(f"{MAIL_STORAGE}__")}


def test_bicep_sets_what_the_code_reads_and_nothing_else() -> None:
    there = _general(set(_in_bicep("relaySettings")))
    expected = _for_everybody() - {MAIL_STORAGE} | FOR_THE_HOST
    place = "relaySettings in infra/modules/function-app.bicep"

    assert _faults(there, expected, place, "{}: '<default, or nothing>'") == []


def test_the_docs_tell_what_the_code_reads_and_nothing_else() -> None:
    expected = _read() | FOR_THE_HOST - {f"{MAIL_STORAGE}__credential"}
    place = "the table of docs/function-app.md, Settings"

    assert _faults(_general(_documented()), expected, place, "| `{}` | default | meaning |") == []


def test_the_example_has_what_the_code_reads_and_nothing_else() -> None:
    for_core_tools = {"FUNCTIONS_WORKER_RUNTIME", "AzureWebJobsStorage"}
    there = _general(_in_example()) - for_core_tools
    expected = _for_everybody() - _by_address() | {"PYTHON_THREADPOOL_THREAD_COUNT"}
    place = "Values in local.settings.example.json"

    assert _faults(there, expected, place, '"{}": "<default, or nothing>"') == []


def test_what_is_missing_is_told_with_the_line_to_write() -> None:
    told = _faults({"RELAY_OLD"}, {"RELAY_NEW"}, "Values", '"{}": ""')

    assert told == [
        'add to Values: "RELAY_NEW": ""',
        "take RELAY_OLD out of Values: no code reads it",
    ]


def test_the_settings_in_bicep_make_sense_to_the_code() -> None:
    fixed = {key: value for key, value in _in_bicep("relaySettings").items() if value is not None}
    addresses = {
        f"{MAIL_STORAGE}__{part}ServiceUri": f"https://x.{part}.core.windows.net/"
        for part in ("queue", "blob", "table")
    }

    assert Settings.from_env(fixed | addresses).identities["default"].provider == "graph"


def test_every_cloud_of_azure_has_a_name_that_the_code_knows() -> None:
    for cloud in properties(BICEP.of("variable")["clouds"].value).values():
        env = {"RELAY_CLOUD": str(literal(cloud)), MAIL_STORAGE: "UseDevelopmentStorage=true"}

        assert Settings.from_env(env)


def test_settings_that_the_platform_refuses_are_not_there() -> None:
    assert {name for name in FORBIDDEN if name in BICEP.text} == set()


def test_threads_are_as_many_as_the_docs_say() -> None:
    told = (ROOT / "docs" / "function-app.md").read_text("utf-8")

    assert f"set it to `{_in_bicep('relaySettings')['PYTHON_THREADPOOL_THREAD_COUNT']}`" in told


def test_the_edge_in_azure_has_settings_that_hold() -> None:
    given = {}
    for variable in ("ownSettings", "certificateSettings"):
        for setting in filter(properties, EDGE.of("variable")[variable].value.named_children):
            name, value = (literal(properties(setting)[key]) for key in ("name", "value"))
            form = "https://{}.contoso.com" if "_URL_" in str(name) else "{}"
            given[str(name)] = value or form.format(name)
    del given["AZURE_CLIENT_ID"], given["EDGE_DEVICES_FILE"]
    certificate = {name for name in given if name.startswith("EDGE_TLS__")}

    assert certificate == {f"EDGE_TLS__{key}" for key in ("SOURCE", "CERTIFICATE", "KEY")}
    settings = load(None, given | {"EDGE_TLS__SOURCE": "self-signed"})
    assert f"targetPort: {settings.listeners[0].address.port}" in EDGE.text
    assert settings.listeners[0].auth == "required"


def test_secrets_win_over_settings_and_settings_over_defaults() -> None:
    appsettings = next(each for each in BICEP.resources if each.name == "settings")
    order = text_of(properties(appsettings.body)["properties"])

    assert order == "union(platformSettings, relaySettings, appSettings, secretReferences)"
