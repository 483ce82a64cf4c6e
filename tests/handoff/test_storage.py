"""The clients of the mail storage account sign for themselves."""

from pathlib import Path

import pytest

from handoff.storage import Storage


def test_a_netrc_for_every_host_does_not_replace_their_signature(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login user password password\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    storage.status.upsert_entity({"PartitionKey": "a", "RowKey": "b"})
    storage.outbound.send_message("text")
    storage.mail.upload_blob("name", b"octets")

    assert storage.mail.download_blob("name").readall() == b"octets"
