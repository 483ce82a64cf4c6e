"""Write data/resource-types.json anew: what Azure's resource types look like, without a compiler.

`python -m tests.infra.dump_types`, in an environment with the packages `msmcp-azure` (MIT), which
carries the type definitions of Bicep inside its program `azmcp`, and `azure-mgmt-monitor` (MIT),
whose models stand in for the few types that are missing there. `unshare` keeps the program off
the network.
"""

import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.infra import bicep

DATA = Path(__file__).parent / "data" / "resource-types.json"
_CALL = ("unshare", "-n", "azmcp", "bicepschema", "get", "--resource-type")
_MODELS = {
    "Microsoft.Insights/actionGroups@2023-01-01": "ActionGroupResource",
    "Microsoft.Insights/scheduledQueryRules@2023-12-01": "ScheduledQueryRuleResource",
}
_PLAIN = {"str": "string", "int": "int", "float": "int", "bool": "bool", "duration": "string"}
_PLAIN |= {"Identity": "object", "SystemData": "object"}


def main() -> int:
    names = sorted({resource.type_name for resource in bicep.all_resources()})
    found: dict[str, Any] = {}
    for name in names:
        print(name, file=sys.stderr, flush=True)
        found |= _from_azmcp(name)
    for name, model in _MODELS.items():
        found[name] = _from_model(model)
    lines = [f"{json.dumps(name)}: {json.dumps(found[name])}" for name in sorted(found)]
    DATA.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    return 0


def _from_azmcp(name: str) -> dict[str, Any]:
    environment = os.environ | {"AZURE_MCP_COLLECT_TELEMETRY": "false"}
    done = subprocess.run(
        [*_CALL, name.partition("@")[0]], capture_output=True, check=False, env=environment
    )
    if done.returncode:
        return {}
    entries = json.loads(done.stdout)["results"]["BicepSchemaResult"]
    shapes = {entry["name"]: _shape(entry) for entry in entries[1:]}
    shapes = {key: shape for key, shape in shapes.items() if shape is not None}
    body = _shape(entries[0]["bodyType"])
    return {entries[0]["name"]: {"body": body, "types": dict(_reachable(body, shapes))}}


def _shape(entry: dict[str, Any]) -> Any:
    """An object as {property: type}, `!` behind what is required; several of them as a list."""
    if entry["$type"] == "DiscriminatedObject":
        base = _properties(entry["baseProperties"])
        return [base | _properties(element["properties"]) for element in entry["elements"]]
    if entry["$type"] != "Object":
        return None
    more = entry.get("additionalProperties")
    return _properties(entry["properties"]) | ({"*": more} if more else {})


def _properties(properties: list[dict[str, str]]) -> dict[str, str]:
    return {
        each["name"]: each["type"] + "!" * ("Required" in each.get("flags", ""))
        for each in properties
        if "ReadOnly" not in each.get("flags", "")
    }


def _reachable(body: Any, shapes: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    known, waiting = set[str](), [body]
    while waiting:
        shape = waiting.pop()
        for each in shape if isinstance(shape, list) else [shape]:
            for text in each.values():
                name = re.sub(r"[\[\]?!]", "", str(text))
                if name in shapes and name not in known:
                    known.add(name)
                    waiting.append(shapes[name])
                    yield name, shapes[name]


def _from_model(model: str) -> dict[str, Any]:
    models = importlib.import_module("azure.mgmt.monitor.models")

    types: dict[str, dict[str, str]] = {"Properties": {}}
    body = {"name": "string!", "properties": "Properties!"}

    def add(name: str, into: dict[str, str]) -> None:
        python_type = getattr(models, name)
        required = {k for k, rule in python_type._validation.items() if rule.get("required")}
        for attribute, rule in python_type._attribute_map.items():
            if python_type._validation.get(attribute, {}).get("readonly"):
                continue
            key, text = rule["key"], _text(rule["type"], types, add)
            target = types["Properties"] if key.startswith("properties.") else into
            target[key.removeprefix("properties.")] = text + "!" * (attribute in required)

    add(model, body)
    return {"body": body, "types": types}


def _text(text: str, types: dict[str, dict[str, str]], add: Any) -> str:
    inner = text.strip("[]{}")
    name = _PLAIN.get(inner, inner)
    if inner not in _PLAIN and inner not in types:
        types[inner] = {}
        add(inner, types[inner])
    return "object" if text.startswith("{") else name + "[]" * text.startswith("[")


if __name__ == "__main__":
    sys.exit(main())
