"""What `relay smoke` finds out about an edge's own identity."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from console.commands.smoke_rights import has_account_key, rights_of_edge
from handoff.account import Account
from handoff.storage import Storage
from tests.fixtures.least_storage import SAS, LeastStorage, least_storage

BLOB = "smoke/01JD3V6Q8K5T0C9E8XW2M7B4FA"


@pytest.fixture
def least(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LeastStorage]:
    with least_storage(tmp_path) as storage:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(storage.ca_file))
        yield storage


@pytest.fixture
def edge(least: LeastStorage) -> Iterator[Storage]:
    place = f"QueueEndpoint={least.address};BlobEndpoint={least.address}"
    text = f"{place};SharedAccessSignature={SAS}"
    with Storage(Account(connection_string=text)) as storage:
        yield storage


def test_an_edge_that_may_only_add_is_as_it_must_be(
    edge: Storage, storage: Storage, least: LeastStorage
) -> None:
    found = list(rights_of_edge(edge, storage, BLOB))

    assert [one for one in found if not one.ok] == []
    assert len(found) == 7
    assert (len(least.messages), list(least.blobs)) == (1, [BLOB])
    assert len(least.refused) == len(found) - 2


def test_an_edge_that_may_do_everything_is_told_each_of_it_and_leaves_nothing(
    storage: Storage,
) -> None:
    found = list(rights_of_edge(storage, storage, BLOB))

    assert [one.check for one in found if one.ok] == ["edge adds messages", "edge adds content"]
    assert storage.outbound.get_queue_properties().approximate_message_count == 0
    assert list(storage.mail.list_blob_names()) == []


def test_what_an_edge_could_not_remove_is_removed_for_it(
    edge: Storage, storage: Storage, least: LeastStorage
) -> None:
    storage.mail.upload_blob(BLOB, b"as the edge has put it")
    list(rights_of_edge(edge, storage, BLOB))

    assert list(storage.mail.list_blob_names()) == []


def test_a_signature_is_no_account_key() -> None:
    assert has_account_key("AccountName=a;AccountKey=dGVzdA==")
    assert not has_account_key(f"SharedAccessSignature={SAS}")
    assert not has_account_key(None)
