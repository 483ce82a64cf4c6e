"""[storage]: the storage account that takes the mail, and how the edge signs in to it."""

from typing import Annotated, Self

from pydantic import SecretStr, StringConstraints, model_validator

from edge.notation import Day
from edge.section import Section

Url = Annotated[str, StringConstraints(pattern=r"^(https://[^/?#\s]+([/?][^#\s]*)?)?$")]


class StorageSettings(Section):
    """The storage account that takes the mail: a connection string, or two addresses."""

    connection_string: SecretStr | None = None
    account_url_queue: Url = ""
    account_url_blob: Url = ""
    client_secret_expires: Day = None
    """When AZURE_CLIENT_SECRET ends, as the administrator says."""

    @model_validator(mode="after")
    def _is_one_account(self) -> Self:
        by_address = bool(self.account_url_queue and self.account_url_blob)
        if bool(self.connection_string) == by_address:
            raise ValueError(
                "set either connection_string, or both account_url_queue and account_url_blob"
            )
        if self.client_secret_expires and not by_address:
            raise ValueError("client_secret_expires is of a sign-in with account_url_queue")
        return self
