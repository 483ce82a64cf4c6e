"""Which storage account a trigger reads, by its app settings."""

import pytest

from local.functions_host.queues import NoConnection, open_service

HERE = "AccountName=here;AccountKey=dGVzdA==;QueueEndpoint=http://127.0.0.1:1/here;"
THERE = "AccountName=there;AccountKey=dGVzdA==;QueueEndpoint=http://127.0.0.1:1/there;"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"Mail": HERE}, "http://127.0.0.1:1/here/"),
        ({"AzureWebJobsMail": HERE}, "http://127.0.0.1:1/here/"),
        ({"Mail": HERE, "AzureWebJobsMail": THERE}, "http://127.0.0.1:1/here/"),
        ({"Mail": "UseDevelopmentStorage=true"}, "http://127.0.0.1:10001/devstoreaccount1/"),
        ({"Mail__queueServiceUri": "https://x.invalid"}, "https://x.invalid/"),
        ({"Mail__serviceUri": "https://x.invalid"}, "https://x.invalid/"),
        ({"Mail__accountName": "x"}, "https://x.queue.core.windows.net/"),
        ({"AzureWebJobsMail__accountName": "x"}, "https://x.queue.core.windows.net/"),
        (
            {"Mail__queueServiceUri": "https://x.invalid", "Mail__clientId": "c"},
            "https://x.invalid/",
        ),
    ],
)
def test_connections_are_found_as_the_host_finds_them(
    settings: dict[str, str], expected: str
) -> None:
    with open_service(settings, "Mail") as service:
        assert expected == service.url


@pytest.mark.parametrize("settings", [{}, {"Mail": ""}, {"Other": HERE}, {"Mail": "nonsense"}])
def test_a_connection_that_is_missing_or_broken_is_named(settings: dict[str, str]) -> None:
    with pytest.raises(NoConnection, match="Mail"):
        open_service(settings, "Mail")
