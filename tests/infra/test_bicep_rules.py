"""Our own rules for what Bicep builds: names, rights, storage, secrets."""

import re
from typing import Any

import pytest

from edge.settings import Limits
from function_app.settings import LONGEST_GIVE_UP_AFTER
from handoff import names, outbox
from tests.infra.bicep import (
    FILES,
    File,
    Resource,
    all_files,
    at,
    literal,
    properties,
    text_of,
    walk,
)

ROLES = File("infra/modules/roles.bicep")
MAIL = File("infra/modules/mail-storage.bicep")
HOST = File("infra/modules/host-storage.bicep")
ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
BUILT_IN = {
    "keyVaultSecretsUser": "4633458b-17de-408a-b874-0445c86b69e6",
    "monitoringMetricsPublisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "storageBlobDataContributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "storageBlobDataOwner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "storageQueueDataContributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "storageQueueDataMessageSender": "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a",
    "storageTableDataContributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
}
# Who may do what, where. A line here is a right that somebody has; think before you add one.
RIGHTS = {
    "functionOnHostStorage": ("hostStorage", "storageBlobDataOwner"),
    "functionOnQueues": ("queues[i]", "storageQueueDataContributor"),
    "functionOnContainers": ("containers[i]", "storageBlobDataContributor"),
    "functionOnTables": ("tables[i]", "storageTableDataContributor"),
    "functionOnInsights": ("insights", "monitoringMetricsPublisher"),
    "functionOnVault": ("vault", "keyVaultSecretsUser"),
    "edgesOnOutbound": ("mailStorage::queueService::outbound", "storageQueueDataMessageSender"),
    "edgesOnMail": ("mailStorage::blobService::mail", "storageBlobDataContributor"),
}
ASSIGNMENTS = [each for each in ROLES.resources if each.type_name.startswith(ASSIGNMENT + "@")]


def _strings(node: Any) -> list[str | None]:
    return [literal(each) for each in node.named_children]


def _of_type(file: File, ending: str) -> set[str | None]:
    return {
        literal(at(each.body, "name"))
        for each in file.resources
        if each.type_name.partition("@")[0].endswith(ending) and not each.is_existing
    }


def test_the_storage_account_has_the_fixed_names() -> None:
    found = [_of_type(MAIL, ending) for ending in ("/queues", "/containers", "/tables")]

    assert found == [
        {names.OUTBOUND_QUEUE, names.POISON_QUEUE},
        {names.MAIL_CONTAINER, names.DEAD_LETTER_CONTAINER},
        {names.DELIVERIES_TABLE, names.STATUS_TABLE},
    ]


def test_the_function_app_has_rights_on_each_of_the_fixed_names() -> None:
    variables = ROLES.of("variable")
    lists = [f"function{kind}" for kind in ("Queues", "Containers", "Tables")]
    found = [set(_strings(variables[name].value)) for name in lists]

    assert found == [_of_type(MAIL, ending) for ending in ("/queues", "/containers", "/tables")]


def test_rights_are_given_in_one_file() -> None:
    elsewhere = [
        file.name
        for file in all_files()
        for resource in file.resources
        if resource.type_name.startswith(ASSIGNMENT) and file.name != ROLES.name
    ]

    assert elsewhere == []


def test_every_right_is_one_that_was_thought_about() -> None:
    found = {}
    for each in ASSIGNMENTS:
        role = text_of(at(each.body, "properties", "roleDefinitionId"))
        named = re.findall(r"roleIds\.(\w+)", role)
        found[each.name] = (text_of(at(each.body, "scope")), *named)

    assert found == RIGHTS


@pytest.mark.parametrize("assignment", ASSIGNMENTS, ids=lambda each: each.name)
def test_an_assignment_can_be_made_again(assignment: Resource) -> None:
    name = text_of(at(assignment.body, "name"))
    principal = text_of(at(assignment.body, "properties", "principalId"))
    kind = literal(at(assignment.body, "properties", "principalType"))

    assert name.startswith("guid(")
    assert principal in name
    assert kind == "ServicePrincipal"


def test_role_ids_are_those_of_the_built_in_roles() -> None:
    found = {
        key: literal(node)
        for key, node in properties(ROLES.of("variable")["roleIds"].value).items()
    }

    assert found == BUILT_IN


def _data_actions() -> list[str]:
    role = next(each for each in ROLES.resources if each.name == "mailWriter")
    permission = next(
        each for each in walk(at(role.body, "properties", "permissions")) if each.type == "object"
    )
    actions = [str(each) for each in _strings(at(permission, "dataActions"))]
    prefix = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/"

    assert _strings(at(permission, "actions")) == []
    return [each.removeprefix(prefix) for each in actions]


def test_an_edge_can_put_content_and_neither_read_nor_delete_it() -> None:
    goes_up_in_blocks = outbox._IN_PIECES["max_single_put_size"] < max(
        rule.le for rule in Limits.model_fields["message_size"].metadata if hasattr(rule, "le")
    )

    # Put Blob has an action of its own; Put Block has not, and needs write.
    assert _data_actions() == (["add/action", "write"] if goes_up_in_blocks else ["add/action"])


@pytest.mark.parametrize("file", [MAIL, HOST], ids=lambda each: each.name)
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("allowSharedKeyAccess", "false"),
        ("allowBlobPublicAccess", "false"),
        ("allowCrossTenantReplication", "false"),
        ("minimumTlsVersion", "TLS1_2"),
        ("supportsHttpsTrafficOnly", "true"),
    ],
)
def test_storage_is_closed(file: File, key: str, value: str) -> None:
    assert literal(at(file.resources[0].body, "properties", key)) == value


def test_only_content_ages_and_not_before_a_mail_is_given_up() -> None:
    policy = next(each for each in MAIL.resources if each.name == "lifecycle")
    filters = [each for each in walk(policy.body) if text_of(each).startswith("['mail/']")]
    least = File("infra/main.bicep").of("parameter")["contentRetentionDays"].decorators

    assert filters
    assert text_of(policy.body).count("prefixMatch") == 1
    assert (
        int(re.findall(r"minValue\((\d+)\)", " ".join(least))[0]) > 2 * LONGEST_GIVE_UP_AFTER.days
    )


@pytest.mark.parametrize("name", FILES)
def test_no_output_holds_a_secret(name: str) -> None:
    file = File(name)
    secure = {each.name for each in file.of("parameter").values() if "secure()" in each.decorators}
    leaking = [
        each.name
        for each in file.of("output").values()
        if re.search(r"list\w*\(|ConnectionString|InstrumentationKey", text_of(each.value))
        or secure & set(re.findall(r"\w+", text_of(each.value)))
    ]

    assert leaking == []


@pytest.mark.parametrize("name", FILES)
def test_nothing_signs_in_with_a_key(name: str) -> None:
    assert re.findall(r"\blist(?:Account)?(?:Keys|Sas|Secrets)\b", File(name).text, re.I) == []


@pytest.mark.parametrize("name", FILES)
def test_a_secret_parameter_is_secure_all_the_way(name: str) -> None:
    plain = [
        each.name
        for each in File(name).of("parameter").values()
        if re.search(r"devices|password|key$", each.name, re.I)
        and "secure()" not in each.decorators
    ]

    assert plain == []


@pytest.mark.parametrize("name", FILES)
def test_modules_come_from_this_repository(name: str) -> None:
    assert [each.text for each in File(name).of("module").values() if ":" in each.text] == []


@pytest.mark.parametrize("file", ["function-app", "edge"])
def test_whoever_uses_a_right_starts_after_it_was_given(file: str) -> None:
    main = File("infra/main.bicep").of("module")
    module = next(each for each in main.values() if each.text.endswith(f"/{file}.bicep"))
    body = next(each for each in walk(module.value) if each.type == "object")

    assert "roles" in [text_of(each) for each in at(body, "dependsOn").named_children]
