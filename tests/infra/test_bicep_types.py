"""Every resource in Bicep has the properties that its type has in Azure, and no others."""

import pytest

from tests.infra.bicep import File, Resource, all_files
from tests.infra.types import KNOWN, faults_of

# Nothing that is packaged knows these types; `az bicep build` does, in infrastructure.yml.
UNKNOWN = {
    "Microsoft.Graph/appRoleAssignedTo@v1.0",
    "Microsoft.Graph/servicePrincipals@v1.0",
    "Microsoft.Insights/diagnosticSettings@2021-05-01-preview",
    "Microsoft.Network/privateDnsZones@2024-06-01",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01",
}
RESOURCES = [(file, resource) for file in all_files() for resource in file.resources]
WRITTEN = [
    pytest.param(file, resource, id=f"{file.name}:{resource.name}")
    for file, resource in RESOURCES
    if not resource.is_existing and resource.type_name in KNOWN
]


@pytest.mark.parametrize(("file", "resource"), WRITTEN)
def test_a_resource_is_as_its_type_demands(file: File, resource: Resource) -> None:
    assert faults_of(file, resource) == []


def test_only_types_without_a_definition_are_unchecked() -> None:
    used = {resource.type_name for _, resource in RESOURCES}

    assert UNKNOWN == used - set(KNOWN)
    assert set(KNOWN) <= used, "run python -m tests.infra.dump_types"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("location: 'x'\n properties: { tenatId: 'x' }", "6: unknown property tenatId"),
        ("location: 'x'\n properties: { sku: { family: 'B' } }", "6: family is none of A"),
        ("location: 'x'\n properties: { enableSoftDelete: 'yes' }", "is bool, not string"),
        ("location: 'x'\n properties: { accessPolicies: {} }", "accessPolicies is a list"),
        ("location: 'x'\n properties: { networkAcls: 'Deny' }", "networkAcls is an object"),
        ("properties: {}", "3: property location is missing"),
        ("location: 'x'\n properties: wrong", "1: unknown property nonsense"),
        ("location: 'x'\n properties: { createMode: x ? 'default' : 'new' }", "none of"),
        ("location: 'x'\n properties: { accessPolicies: concat([{ a: 1 }], []) }", "property a"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(body: str, fault: str) -> None:
    text = (
        "var wrong = { nonsense: 1 }\n\nresource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {\n"
    )
    file = File("some.bicep", f"{text} name: 'x'\n {body}\n}}\n")
    found = faults_of(file, file.resources[0])

    assert any(fault in each for each in found), found
