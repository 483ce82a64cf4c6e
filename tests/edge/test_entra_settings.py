"""Settings of the ways to sign in, and of networks that share a device."""

from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from edge.policy import device_at
from edge.settings import EdgeSettings
from edge.settings_file import SettingsError, load
from handoff.sealed import new_key_pair
from tests.edge.test_entra_logins import CLIENT, TENANT, short

PRIVATE, PUBLIC = new_key_pair()
STORAGE = '[storage]\nconnection_string = "x"\n'
SHARED = '[[devices]]\nname = "shared"\nsend_as = "a@b.org"\nnetworks = ["10.0.8.21"]\n'
OWN = '[[devices]]\nname = "own"\nsend_as = "c@d.org"\nnetworks = ["10.0.9.0/24"]\n'


def settings(tmp_path: Path, text: str, **environment: str) -> EdgeSettings:
    file = tmp_path / "edge.toml"
    file.write_text(text)
    return load(file, environment)


def faults(tmp_path: Path, text: str, **environment: str) -> str:
    with pytest.raises(SettingsError) as caught:
        settings(tmp_path, text, **environment)
    return str(caught.value)


def entra(text: str) -> str:
    return f"{STORAGE}[entra]\nsealing_key = '{PUBLIC}'\n{text}"


def test_no_way_is_open_by_itself(tmp_path: Path) -> None:
    found = settings(tmp_path, STORAGE).entra

    assert ((), False, ()) == (found.tenants, found.users.are_on, found.aliases)
    assert "https://login.microsoftonline.com" == found.login_authority


@pytest.mark.parametrize(
    ("cloud", "authority", "scope"),
    [
        ("usgov", "https://login.microsoftonline.us", "https://graph.microsoft.us/.default"),
        ("usgovdod", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us/.default"),
        (
            "china",
            "https://login.chinacloudapi.cn",
            "https://microsoftgraph.chinacloudapi.cn/.default",
        ),
    ],
)
def test_a_cloud_has_its_own_sign_in(
    tmp_path: Path, cloud: str, authority: str, scope: str
) -> None:
    found = settings(tmp_path, entra(f'cloud = "{cloud}"\n')).entra

    assert (authority, scope) == (found.login_authority, found.scope)


def test_tenants_may_be_short_or_come_from_the_environment(tmp_path: Path) -> None:
    in_file = settings(tmp_path, entra(f'tenants = ["{short(TENANT)}"]\n'))
    outside = settings(
        tmp_path, STORAGE, EDGE_ENTRA__TENANTS=f'["{TENANT}"]', EDGE_ENTRA__SEALING_KEY=PUBLIC
    )

    assert ((TENANT,), (TENANT,)) == (in_file.entra.tenants, outside.entra.tenants)


def test_the_secret_of_the_users_application_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    found = settings(
        tmp_path,
        entra(f'[entra.users]\ntenant = "contoso.com"\nclient_id = "{CLIENT}"\n'),
        EDGE_ENTRA__USERS__CLIENT_SECRET_FILE=str(tmp_path / "secret"),
    )
    secret = found.entra.users.client_secret

    assert secret is not None
    assert secret.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(found)


WRONG = [
    (f'tenants = ["{TENANT[:-1]}"]', "entra.tenants[0]: expected a GUID"),
    ('[entra.users]\ntenant = "contoso.com"', "tenant and client_id need each other"),
    ('authority = "http://login.contoso.com"', "entra.authority"),
    (
        f'[[entra.aliases]]\nname = "erp"\ntenant = "{TENANT}"\nclient_id = "{CLIENT}"',
        "the tenant of alias erp is not in tenants",
    ),
    (
        f'tenants = ["{TENANT}"]\n[[entra.aliases]]\nname = "erp"\nclientid = "{CLIENT}"',
        "entra.aliases[0].clientid: unknown key, did you mean client_id?",
    ),
    (
        f'tenants = ["{TENANT}"]\n[[entra.aliases]]\nname = "Own"\ntenant = "{TENANT}"\n'
        f'client_id = "{CLIENT}"\n{OWN}',
        "name of a device or alias used twice: own",
    ),
]


@pytest.mark.parametrize(("text", "fault"), WRONG)
def test_a_wrong_setting_is_told(tmp_path: Path, text: str, fault: str) -> None:
    assert fault in faults(tmp_path, entra(text + "\n"))


def test_a_way_needs_a_key_to_seal_for(tmp_path: Path) -> None:
    assert "sealing_key is needed" in faults(
        tmp_path, f'{STORAGE}[entra]\ntenants = ["{TENANT}"]\n'
    )


def test_a_private_key_is_refused_and_not_quoted(tmp_path: Path) -> None:
    told = faults(tmp_path, f"{STORAGE}[entra]\nsealing_key = '{PRIVATE}'\n")

    assert "this is the private key" in told
    assert '"d"' not in told


@pytest.mark.parametrize("name", ["relay", "Relay"])
def test_no_device_has_the_name_of_the_relays_own_notices(tmp_path: Path, name: str) -> None:
    text = f'{STORAGE}[[devices]]\nname = "{name}"\nsend_as = "a@b.org"\nnetworks = ["10.0.0.1"]\n'

    assert "the relay's own notices" in faults(tmp_path, text)


def device_of(found: EdgeSettings, address: str) -> Any:
    device = device_at(found.devices, ip_address(address))
    return device and device.name


def test_networks_share_the_default_device(tmp_path: Path) -> None:
    text = 'mynetworks = ["10.0.8.0/22", "::1"]\ndefault_device = "Shared"\n'
    found = settings(tmp_path, text + STORAGE + SHARED + OWN)

    assert "shared" == device_of(found, "10.0.8.99") == device_of(found, "::1")
    assert "shared" == device_of(found, "10.0.8.21")
    assert "own" == device_of(found, "10.0.9.1")
    assert device_of(found, "10.0.12.1") is None


def test_the_default_device_needs_no_network_of_its_own_twice(tmp_path: Path) -> None:
    text = 'mynetworks = ["10.0.8.21", "10.0.9.0/24"]\ndefault_device = "shared"\n'
    found = settings(tmp_path, text + STORAGE + SHARED + OWN)

    assert "own" == device_of(found, "10.0.9.1")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('mynetworks = ["10.0.8.0/22"]\n', "mynetworks and default_device need each other"),
        ('default_device = "shared"\n', "mynetworks and default_device need each other"),
        ('mynetworks = ["10.0.8.1/22"]\ndefault_device = "shared"\n', "host bits set"),
        ('mynetworks = ["::1"]\ndefault_device = "shard"\n', "there is no device shard"),
    ],
)
def test_a_typo_in_the_networks_refuses_to_start(tmp_path: Path, text: str, fault: str) -> None:
    assert fault in faults(tmp_path, text + STORAGE + SHARED)
