"""Settings: every fault at once, each with its key and its source."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.notation import Endpoint, Rate
from edge.settings import EdgeSettings
from edge.settings_file import SettingsError, load

GOOD = """
site = "plant-2"
[storage]
connection_string = "UseDevelopmentStorage=true"
[[devices]]
name = "scanner"
networks = ["10.0.8.0/24"]
send_as = "scan@contoso.com"
rate = "30/minute"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "edge.toml"


def read(file: Path, text: str, **environment: str) -> EdgeSettings:
    file.write_text(text)
    return load(file, environment)


def faults_of(file: Path, text: str, **environment: str) -> list[str]:
    with pytest.raises(SettingsError) as error:
        read(file, text, **environment)
    return [fault.replace(f"{file}: ", "") for fault in error.value.faults]


def test_good_settings_are_read(file: Path) -> None:
    settings = read(file, GOOD)

    assert settings.site == "plant-2"
    assert settings.devices[0].rate == Rate(30, 60)
    assert settings.monitor.address == Endpoint("127.0.0.1", 8080)
    assert [listener.name for listener in settings.listeners] == [
        "submission",
        "smtps",
        "lan",
        "legacy",
    ]


def test_the_environment_alone_is_enough() -> None:
    settings = load(
        None,
        {
            "EDGE_STORAGE__CONNECTION_STRING": "x",
            "EDGE_LIMITS__RECIPIENTS": "7",
            "EDGE_DEVICES": '[{"name": "a", "networks": ["::1"], "send_as": "a@b.org"}]',
        },
    )

    assert settings.limits.recipients == 7
    assert settings.devices[0].name == "a"


def test_learning_can_be_set_in_the_environment(file: Path) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    settings = read(
        file,
        GOOD,
        EDGE_LEARNING__NETWORKS='["10.0.8.0/24"]',
        EDGE_LEARNING__UNTIL=until.isoformat(),
    )

    assert settings.learning.until == until
    assert str(settings.learning.networks[0]) == "10.0.8.0/24"


def test_a_learning_time_that_has_passed_does_no_harm(file: Path) -> None:
    text = GOOD + '[learning]\nnetworks = ["10.0.0.0/8"]\nuntil = 2026-01-01T00:00:00Z'

    assert read(file, text).learning.until is not None


def test_the_environment_wins_over_the_file(file: Path) -> None:
    assert read(file, GOOD, EDGE_SITE="plant-3", EDGE_CONFIG="unread").site == "plant-3"


def test_a_secret_is_read_from_its_file_and_never_shown(file: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("AccountKey=hush\n")
    settings = read(file, GOOD, EDGE_STORAGE__CONNECTION_STRING_FILE=str(secret))

    assert settings.storage.connection_string is not None
    assert settings.storage.connection_string.get_secret_value() == "AccountKey=hush"
    assert "hush" not in repr(settings)


def test_every_fault_is_told_at_once(file: Path) -> None:
    text = """
    sit = "x"
    [storage]
    connection_strin = "x"
    [spool]
    max_byte = 1
    [limits]
    recipients = 0
    [[listeners]]
    name = "a"
    address = "1:2:3"
    [[devices]]
    name = "d"
    networks = ["10.0.0.1/8"]
    send_as = "nobody"
    rate = "many"
    """

    assert faults_of(file, text, EDGE_SPOL__MAX_BYTES="1", EDGE_DRAIN_TIMEOUT="soon") == [
        "EDGE_SPOL__MAX_BYTES: unknown setting, did you mean EDGE_SPOOL__MAX_BYTES?",
        "EDGE_DRAIN_TIMEOUT: Input should be a valid number, unable to parse string as a number",
        "storage.connection_strin: unknown key, did you mean connection_string?",
        "spool.max_byte: unknown key, did you mean max_bytes?",
        "limits.recipients: Input should be greater than or equal to 1",
        "listeners[0].address: expected host:port, such as 127.0.0.1:2525 or [::]:587",
        "devices[0].networks[0]: 10.0.0.1/8 has host bits set:"
        " write 10.0.0.0/8, or 10.0.0.1 for one address",
        "devices[0].send_as: expected a mail address, such as noreply@contoso.com",
        "devices[0].rate: expected mails/unit, such as 30/minute (second, minute, hour or day)",
        "sit: unknown key, did you mean site?",
    ]


@pytest.mark.parametrize(
    ("addition", "fault"),
    [
        ('[tls]\nsource = "file"\ncertificate = "/no/such.pem"', "/no/such.pem does not exist"),
        ('[[devices]]\nname = "x"\nsend_as = "a@b.org"', "give it a password_hash, or networks"),
        (
            '[[devices]]\nname = "SCANNER"\nnetworks = ["::1"]\nsend_as = "a@b.org"',
            "device name used twice: scanner",
        ),
        (
            '[[devices]]\nname = "x"\nnetworks = ["10.0.8.0/24"]\nsend_as = "a@b.org"',
            "network used twice: 10.0.8.0/24",
        ),
        (
            '[[devices]]\nname = "x"\npassword_hash = "secret"\nsend_as = "a@b.org"',
            "devices[1].password_hash",
        ),
        (
            '[[listeners]]\nname = "x"\naddress = "127.0.0.1:25"\ntls = "none"',
            'sign-in without TLS needs profile = "legacy"',
        ),
        (
            '[[listeners]]\nname = "x"\naddress = "127.0.0.1:25"\nproxy_protocol = true',
            "proxy_protocol = true and trusted_proxies need each other",
        ),
        (
            '[[devices]]\nname = "x"\nnetworks = ["::ffff:10.0.8.0/120"]\nsend_as = "a@b.org"',
            "network used twice: 10.0.8.0/24",
        ),
        (
            '[[devices]]\nname = "x"\nnetworks = []\nsend_as = "a@b.org"',
            "give it a password_hash, or networks",
        ),
        (
            '[[devices]]\nname = "x"\nnetworks = ["10.0.0/24"]\nsend_as = "a@b.org"',
            "'10.0.0/24' is neither an address nor a network, such as",
        ),
        ('[learning]\nnetworks = ["10.0.0.0/8"]', "networks and until need each other"),
        (
            '[learning]\nnetworks = ["10.0.0.0/8"]\nuntil = 2999-01-01T00:00:00Z',
            "until must not be more than 2 hours ahead",
        ),
        (
            '[learning]\nnetworks = ["10.0.0.0/8"]\nuntil = 2026-01-01T00:00:00',
            "should have timezone info",
        ),
        ('[storage]\nx = "y"', "Cannot declare"),
        (
            '[[devices]]\nname = "x"\nnetworks = "10.0.0.1"\nsend_as = "a@b.org"',
            "devices[1].networks: expected a list in [ ]",
        ),
        (
            '[[devices]]\nname = "x y"\nnetworks = ["::1"]\nsend_as = "a@b.org"',
            "devices[1].name: expected letters, digits, dots, dashes and underscores",
        ),
        (
            '[[devices]]\nname = "x"\nsend_as = "a@b.org"\n'
            'password_hash = "$argon2id$v=19$m=19456,t=2,p=1$secretsecret"',
            "devices[1].password_hash: expected the argon2id hash that `relay device hash` prints",
        ),
        ('[listeners]\nname = "x"', "listeners: expected [[listeners]], a section each"),
        ("[limits]\nidle_timeout = inf", "limits.idle_timeout: Input should be a finite number"),
        (
            '[tls]\ncertificate = "both.pem"\nkey = "both.pem"',
            "tls: certificate and key need a file each",
        ),
        ('mynetworks = ["10.9.0.0/16"]', "devices[0].mynetworks: unknown key"),
        (
            '[[listeners]]\nname = "a"\naddress = "0.0.0.0:3925"\n'
            '[[listeners]]\nname = "b"\naddress = "127.0.0.1:3925"',
            "listener a and listener b cannot both listen on 127.0.0.1:3925",
        ),
        (
            '[monitor]\naddress = "[::]:587"\n[[listeners]]\nname = "a"\naddress = "[::1]:587"',
            "listener a and monitor.address cannot both listen on [::]:587",
        ),
    ],
)
def test_contradictions_are_refused(file: Path, addition: str, fault: str) -> None:
    (found,) = faults_of(file, GOOD + addition)

    assert fault in found
    assert "secret" not in found


def test_a_setting_and_its_file_contradict(file: Path, tmp_path: Path) -> None:
    found = faults_of(
        file,
        GOOD,
        EDGE_STORAGE__CONNECTION_STRING="x",
        EDGE_STORAGE__CONNECTION_STRING_FILE=str(tmp_path / "s"),
    )

    assert found == [
        "EDGE_STORAGE__CONNECTION_STRING and EDGE_STORAGE__CONNECTION_STRING_FILE:"
        " set only one of the two"
    ]


def test_two_accounts_or_none_are_refused(file: Path) -> None:
    for text in ("[storage]", '[storage]\naccount_url_queue = "https://q"'):
        (fault,) = faults_of(file, text)

        assert fault.startswith("storage: set either connection_string, or both")


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file or directory"):
        load(tmp_path / "none.toml", {})


def test_the_two_families_have_ports_of_their_own(file: Path) -> None:
    both = "".join(
        f'[[listeners]]\nname = "{name}"\naddress = "{address}"\n'
        for name, address in (("four", "0.0.0.0:587"), ("six", "[::]:587"), ("any", "[::]:0"))
    )

    assert len(read(file, GOOD + both).listeners) == 3


def test_a_fault_of_several_sections_names_the_file_alone(file: Path) -> None:
    assert faults_of(file, 'mynetworks = ["10.9.0.0/16"]' + GOOD) == [
        "mynetworks and default_device need each other"
    ]


@pytest.mark.parametrize(
    ("text", "variable", "value", "fault"),
    [
        ('spool = "x"', "EDGE_SPOOL__MAX_BYTES", "5", "spool is no section in the file"),
        ("", "EDGE_DEVICES", "x", "expected a list in JSON, such as []"),
        ("", "EDGE_DEVICES", "{}", "expected [[devices]], a section each"),
        ("", "EDGE_MYNETWORKS", "{}", "expected a list in [ ]"),
        ("", "EDGE_HOSTNAME", "my host", "expected a host name, such as relay.contoso.com"),
    ],
)
def test_a_fault_of_the_environment_names_the_variable(
    text: str, variable: str, value: str, fault: str, file: Path
) -> None:
    found = [line for line in faults_of(file, text + GOOD, **{variable: value}) if variable in line]

    assert len(found) == 1
    assert f"{variable}: {fault}" in found[0]


@pytest.mark.parametrize("address", ["x", "http://127.0.0.1", "https://", "https:///b"])
def test_an_address_of_the_account_is_https(address: str, file: Path) -> None:
    text = f'[storage]\naccount_url_queue = "{address}"\naccount_url_blob = "https://blob"'

    assert faults_of(file, text) == [
        "storage.account_url_queue: expected an https address,"
        " such as https://mailrelay.queue.core.windows.net"
    ]


@pytest.mark.parametrize("source", ["file", "self-signed"])
def test_a_key_that_nobody_can_look_for_is_told(source: str, file: Path, tmp_path: Path) -> None:
    # As in a directory without the right to enter it, which root always has.
    key = tmp_path / ("x" * 300)
    (tmp_path / "certificate.pem").touch()
    tls = f'source = "{source}"\ncertificate = "{tmp_path}/certificate.pem"\nkey = "{key}"'

    assert faults_of(file, f"{GOOD}\n[tls]\n{tls}") == [
        f"tls: {key} cannot be read: File name too long"
    ]


def test_no_storage_at_all_is_told(file: Path) -> None:
    assert faults_of(file, "") == ["storage: is missing"]


def test_a_file_in_another_encoding_is_told(file: Path) -> None:
    file.write_bytes(b"# caf\xe9\n")
    with pytest.raises(SettingsError) as error:
        load(file, {})

    assert error.value.faults == [f"{file}: is not in UTF-8, see octet 5"]
