"""The settings of the function app, and each way in which they can be wrong."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from function_app.notices.settings import Endpoint, NoticeSettings, read_notices
from function_app.pacing.limits import Limits
from function_app.retention.times import KeepTimes
from function_app.settings import Settings, SettingsError

SECRET = "s3cr3t~of.the-application"
STORAGE = {"MailStorage": "UseDevelopmentStorage=true"}
BY_SECRET = {
    "IDENTITY__PLANT__CREDENTIAL": "client_secret",
    "IDENTITY__PLANT__TENANT_ID": "contoso.com",
    "IDENTITY__PLANT__CLIENT_ID": "11111111-2222-3333-4444-555555555555",
    "IDENTITY__PLANT__CLIENT_SECRET": SECRET,
}


def settings(**changes: str) -> Settings:
    return Settings.from_env(STORAGE | changes)


def faults(**changes: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(STORAGE | changes)
    return caught.value.faults


def test_the_storage_account_is_all_that_is_needed() -> None:
    found = settings()

    assert ["default"] == list(found.identities)
    assert "managed_identity" == found.identities["default"].credential
    assert "graph" == found.identities["default"].provider
    assert "https://graph.microsoft.com" == found.graph_endpoint == found.resource
    assert timedelta(hours=48) == found.give_up_after
    assert Limits(most_in_flight=4, interval=2) == found.mailbox_limits


def test_an_empty_setting_is_not_set() -> None:
    found = settings(GRAPH_ENDPOINT="", ENTRA_AUTHORITY=" ", IDENTITY__DEFAULT__CLIENT_ID="")

    assert "https://graph.microsoft.com" == found.graph_endpoint
    assert not found.is_authority_own


CLOUDS = {
    "public": ("https://graph.microsoft.com", "https://login.microsoftonline.com"),
    "usgov": ("https://graph.microsoft.us", "https://login.microsoftonline.us"),
    "USGovDoD": ("https://dod-graph.microsoft.us", "https://login.microsoftonline.us"),
    "china": ("https://microsoftgraph.chinacloudapi.cn", "https://login.chinacloudapi.cn"),
}


@pytest.mark.parametrize(("name", "addresses"), CLOUDS.items())
def test_a_cloud_has_its_own_graph_and_sign_in(name: str, addresses: tuple[str, str]) -> None:
    found = settings(RELAY_CLOUD=name)

    assert addresses == (found.graph_endpoint, found.authority)


def test_an_endpoint_of_its_own_is_asked_with_tokens_for_the_cloud() -> None:
    found = settings(RELAY_CLOUD="usgov", GRAPH_ENDPOINT="http://127.0.0.1:8123/")

    assert "http://127.0.0.1:8123" == found.graph_endpoint
    assert "https://graph.microsoft.us" == found.resource


def test_a_user_assigned_identity_is_the_default_ones() -> None:
    found = settings(AZURE_CLIENT_ID="11111111-2222-3333-4444-555555555555", **BY_SECRET)

    assert "11111111-2222-3333-4444-555555555555" == found.identities["default"].client_id


def test_identity_names_and_keys_are_found_in_any_case() -> None:
    found = settings(
        identity__Plant__credential="Client_Secret",
        IDENTITY__PLANT__TENANT_ID="contoso.com",
        IDENTITY__plant__CLIENT_ID="app",
        IDENTITY__plant__Client_Secret=SECRET,
    )

    assert ("app", SECRET) == (
        found.identities["plant"].client_id,
        found.identities["plant"].client_secret,
    )


def test_no_secret_is_shown() -> None:
    found = settings(**BY_SECRET)

    assert SECRET not in f"{found!r}{found.identities!r}"


DURATIONS = {"48h": 48.0, "90m": 1.5, "2d": 48.0, "PT48H": 48.0, "P2D": 48.0, "p2dt12h": 60.0}


@pytest.mark.parametrize(("text", "hours"), DURATIONS.items())
def test_a_duration_is_short_or_iso_8601(text: str, hours: float) -> None:
    assert timedelta(hours=hours) == settings(RELAY_GIVE_UP_AFTER=text).give_up_after


def test_a_mailbox_is_shared_by_so_many_instances() -> None:
    found = settings(
        RELAY_MAILBOX_CONCURRENCY="8", RELAY_MAILBOX_RATE="60", RELAY_INSTANCES="4"
    ).mailbox_limits

    assert Limits(most_in_flight=2, interval=4, instances=4) == found


def test_a_mailbox_may_send_at_any_rate() -> None:
    assert 0 == settings(RELAY_MAILBOX_RATE="0").mailbox_limits.interval


WEBHOOK = "https://chat.example.com/hooks/t0ken"


def test_nobody_is_told_unless_it_is_set() -> None:
    assert NoticeSettings() == settings().notices


def test_who_is_told_is_a_list_of_addresses_and_domains() -> None:
    found = settings(
        RELAY_NOTIFY="it@contoso.com, noc@fabrikam.com,IT@contoso.com,",
        RELAY_NOTICE_DOMAINS="Contoso.com, exämple.org",
        RELAY_NOTICE_FROM="relay@contoso.com",
        RELAY_NOTIFY_WEBHOOK=WEBHOOK,
        RELAY_NOTIFY_WEBHOOK_SECRET=SECRET,
    ).notices

    assert ("it@contoso.com", "noc@fabrikam.com") == found.operators
    assert {"contoso.com", "xn--exmple-cua.org"} == found.domains
    assert "relay@contoso.com" == found.mailbox
    assert Endpoint(WEBHOOK, SECRET) == found.webhook


def test_a_webhook_on_this_machine_may_be_in_clear() -> None:
    assert (
        Endpoint("http://[::1]:8080/x")
        == settings(RELAY_NOTIFY_WEBHOOK="http://[::1]:8080/x").notices.webhook
    )


def test_what_is_right_of_the_notices_is_used_when_something_else_is_wrong() -> None:
    faults: list[str] = []
    found = read_notices(
        {"RELAY_NOTIFY": "it@contoso.com,nobody", "RELAY_NOTIFY_WEBHOOK": "http://x.org"}, faults
    )

    assert NoticeSettings(("it@contoso.com",), webhook=Endpoint(), is_right=False) == found
    assert 2 == len(faults)


def test_no_fault_quotes_the_address_of_the_webhook() -> None:
    for wrong in ("http://chat.example.com/t0ken", "t0ken", f"{WEBHOOK} x", "https://t0ken@x.org"):
        assert "t0ken" not in str(faults(RELAY_NOTIFY_WEBHOOK=wrong))


WRONG = [
    ("RELAY_NOTIFY", "it@contoso.com; noc@contoso.com", "is no address"),
    ("RELAY_NOTIFY", "it", "is no address"),
    ("RELAY_NOTICE_DOMAINS", "@contoso.com", "write contoso.com"),
    ("RELAY_NOTICE_DOMAINS", "contoso", "write contoso.com"),
    ("RELAY_NOTICE_FROM", "relay", "one mailbox"),
    ("RELAY_NOTICE_FROM", "a@contoso.com,b@contoso.com", "one mailbox"),
    ("RELAY_NOTIFY_WEBHOOK", "http://chat.example.com/hooks", "in clear"),
    ("RELAY_NOTIFY_WEBHOOK", "http://127.0.0.1.example.com/hooks", "in clear"),
    ("RELAY_NOTIFY_WEBHOOK", "chat.example.com/hooks", "write https://"),
    ("RELAY_NOTIFY_WEBHOOK", "https://chat.example.com/a b", "write https://"),
    ("RELAY_NOTIFY_WEBHOOK", "https://[::1", "write https://"),
    ("RELAY_NOTIFY_WEBHOOK", "https://me:pw@chat.example.com/", "signed with the secret"),
    ("RELAY_NOTIFY_WEBHOOK", "@Microsoft.KeyVault(SecretUri=x)", "Key Vault Secrets User"),
    ("RELAY_MAILBOX_CONCURRENCY", "0", "from 1 to 100"),
    ("RELAY_MAILBOX_CONCURRENCY", "four", "from 1 to 100"),
    ("RELAY_MAILBOX_RATE", "-1", "from 0 to"),
    ("RELAY_MAILBOX_RATE", "30/min", "from 0 to"),
    ("RELAY_MAILBOX_RATE", "9" * 5000, "from 0 to"),
    ("RELAY_INSTANCES", "0", "from 1 to"),
    ("RELAY_INSTANCES", "1.5", "from 1 to"),
    ("MailStorage", "", "MailStorage__queueServiceUri"),
    ("RELAY_CLOUD", "mars", "public"),
    ("RELAY_WHEN_UNSURE", "maybe", "neither resend nor hold"),
    ("RELAY_GIVE_UP_AFTER", "48", "write 48h"),
    ("RELAY_GIVE_UP_AFTER", "two days", "write 48h"),
    ("RELAY_GIVE_UP_AFTER", "P99999999999D", "write 48h"),
    ("RELAY_GIVE_UP_AFTER", "0h", "at most 7d"),
    ("RELAY_GIVE_UP_AFTER", "8d", "at most 7d"),
    ("GRAPH_ENDPOINT", "http://graph.example.com", "loopback"),
    ("GRAPH_ENDPOINT", "http://127.0.0.1.example.com", "loopback"),
    ("GRAPH_ENDPOINT", "http://10.0.0.1", "loopback"),
    ("GRAPH_ENDPOINT", "https://graph.microsoft.com/v1.0", "after the host"),
    ("GRAPH_ENDPOINT", "https://user:password@graph.microsoft.com", "after the host"),
    ("GRAPH_ENDPOINT", "graph.microsoft.com", "https://"),
    ("GRAPH_ENDPOINT", "https://[::1", "https://"),
    ("ENTRA_AUTHORITY", "http://login.example.com", "loopback"),
    ("ENTRA_AUTHORITY", "ftp://127.0.0.1", "https://"),
    ("IDENTITY__PLANT__PROVIDER", "grpah", "write graph"),
    (
        "IDENTITY__PLANT__CREDENTIAL",
        "password",
        "managed_identity or federation or certificate or client_secret",
    ),
    ("IDENTITY__PLANT__CLIENT_SCERET", "x", "did you mean CLIENT_SECRET?"),
    ("IDENTITY__PLANT__COLOUR", "red", "the keys are PROVIDER"),
    ("IDENTITY__PLANT__CLIENT_ID", "a b", "this is no id"),
    ("IDENTITY__PLANT__TENANT_ID", "https://contoso.com", "this is no id"),
    ("IDENTITY__CLIENT_ID", "x", "IDENTITY__<NAME>__<KEY>"),
    ("IDENTITY__PL/ANT__CLIENT_ID", "x", "IDENTITY__<NAME>__<KEY>"),
]


@pytest.mark.parametrize(("name", "value", "advice"), WRONG)
def test_a_wrong_setting_is_named_with_advice(name: str, value: str, advice: str) -> None:
    (fault,) = faults(**{name: value})

    assert fault.startswith(f"{name}:")
    assert advice in fault


def test_a_client_secret_needs_all_its_settings() -> None:
    found = faults(IDENTITY__PLANT__CREDENTIAL="client_secret")

    assert [
        "IDENTITY__PLANT__TENANT_ID: set it; the credential is client_secret.",
        "IDENTITY__PLANT__CLIENT_ID: set it; the credential is client_secret.",
        "IDENTITY__PLANT__CLIENT_SECRET: set it; the credential is client_secret.",
    ] == found


def test_a_secret_without_its_credential_is_a_fault() -> None:
    (fault,) = faults(IDENTITY__PLANT__CLIENT_SECRET=SECRET)

    assert fault.startswith("IDENTITY__PLANT__CREDENTIAL: CLIENT_SECRET is set")


def test_a_key_vault_reference_that_did_not_resolve_is_a_fault() -> None:
    reference = "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/relay)"

    (fault,) = faults(**BY_SECRET | {"IDENTITY__PLANT__CLIENT_SECRET": reference})

    assert "Key Vault Secrets User" in fault


def test_the_secret_of_a_webhook_needs_its_address() -> None:
    (fault,) = faults(RELAY_NOTIFY_WEBHOOK_SECRET=SECRET)

    assert fault.startswith("RELAY_NOTIFY_WEBHOOK: a secret is set")


def test_the_secret_of_a_webhook_must_be_resolved() -> None:
    reference = "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/relay)"

    (fault,) = faults(RELAY_NOTIFY_WEBHOOK=WEBHOOK, RELAY_NOTIFY_WEBHOOK_SECRET=reference)

    assert fault.startswith("RELAY_NOTIFY_WEBHOOK_SECRET:")
    assert "Key Vault Secrets User" in fault


def test_one_key_in_two_cases_is_a_fault() -> None:
    (fault,) = faults(**BY_SECRET, IDENTITY__plant__CLIENT_ID="other")

    assert "set twice" in fault


def test_all_faults_are_told_at_once() -> None:
    found = faults(RELAY_CLOUD="mars", RELAY_GIVE_UP_AFTER="x", GRAPH_ENDPOINT="y")

    assert {"RELAY_GIVE_UP_AFTER", "RELAY_CLOUD", "GRAPH_ENDPOINT"} == {
        fault.split(":")[0] for fault in found
    }


def test_no_fault_quotes_a_secret() -> None:
    everywhere = dict.fromkeys(BY_SECRET, SECRET)

    assert SECRET not in str(faults(**everywhere, RELAY_GIVE_UP_AFTER="x"))


def test_the_example_is_right() -> None:
    path = Path(__file__).parents[2] / "local.settings.example.json"

    found = Settings.from_env(json.loads(path.read_text())["Values"])

    assert "client_secret" == found.identities["default"].credential


def test_things_are_kept_for_the_times_that_are_set() -> None:
    assert KeepTimes() == settings().keep_times
    assert KeepTimes(
        deliveries=timedelta(days=30),
        dead_letters=timedelta(days=180),
        content=timedelta(days=14),
        statistics=timedelta(days=30),
        audit=timedelta(days=3650),
        signals=timedelta(hours=168),
    ) == (
        settings(
            RELAY_KEEP_DELIVERIES="30d",
            RELAY_KEEP_DEAD_LETTERS="P180D",
            RELAY_KEEP_CONTENT="14d",
            RELAY_KEEP_STATISTICS="30d",
            RELAY_KEEP_AUDIT="3650d",
            RELAY_KEEP_SIGNALS="168h",
        ).keep_times
    )
    assert settings(RELAY_KEEP_DEAD_LETTERS="Forever").keep_times.dead_letters is None


def test_wrong_times_to_keep_are_told_all_at_once() -> None:
    assert [
        "RELAY_KEEP_DELIVERIES: choose at least 30d and at most 3650d.",
        'RELAY_KEEP_DEAD_LETTERS: "never" is no duration; write forever, 90d or P90D.',
        'RELAY_KEEP_CONTENT: "30" is no duration; write 90d or P90D.',
        "RELAY_KEEP_STATISTICS: choose at least 30d and at most 3650d.",
        "RELAY_KEEP_AUDIT: choose at least 30d and at most 3650d.",
        "RELAY_KEEP_SIGNALS: choose at least 7d and at most 3650d.",
    ] == faults(
        RELAY_KEEP_DELIVERIES="29d",
        RELAY_KEEP_DEAD_LETTERS="never",
        RELAY_KEEP_CONTENT="30",
        RELAY_KEEP_STATISTICS="1h",
        RELAY_KEEP_AUDIT="4000d",
        RELAY_KEEP_SIGNALS="6d",
    )
