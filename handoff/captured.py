"""Mail that was captured instead of sent, for a staging site: container `captured`.

`<yyyy/MM/dd/HH>/<id>-<n>.eml` holds the octets as they would have gone, `.json` beside it the
envelope. The container is made when the first mail is captured: most accounts never need it.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import ContainerClient, ContentSettings

from handoff.ids import blob_name_of


@dataclass(frozen=True)
class Captured:
    """To whom a mail would have gone, and from whom."""

    id: str
    identity: str
    mailbox: str
    reverse_path: str
    forward_paths: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of its blob: one for each set of recipients, since a mail may go several ways."""
        to = "\n".join(self.forward_paths).encode("utf-8", "surrogatepass")
        digest = hashlib.sha256(to).hexdigest()[:8]
        return f"{blob_name_of(self.id).removesuffix('.eml')}-{digest}"


class CapturedMails:
    """The container. Storage faults pass through."""

    def __init__(self, container: ContainerClient) -> None:
        self._container = container

    def keep(self, mail: Captured, pieces: Iterable[bytes]) -> str:
        """Keep the mail and its envelope; the name of its blob. Twice is fine."""
        envelope = json.dumps(asdict(mail), indent=1).encode()
        try:
            self._upload(f"{mail.name}.json", envelope, "application/json")
        except ResourceNotFoundError:
            self._create()
            self._upload(f"{mail.name}.json", envelope, "application/json")
        self._upload(f"{mail.name}.eml", iter(pieces), "message/rfc822")
        return f"{mail.name}.eml"

    def has(self, mail: Captured) -> bool:
        return self._container.get_blob_client(f"{mail.name}.eml").exists()

    def is_reachable(self) -> bool:
        """Whether there is a container, now at least."""
        if not self._container.exists():
            self._create()
        return self._container.exists()

    def _create(self) -> None:
        try:
            self._container.create_container()
        except ResourceExistsError:
            return

    def _upload(self, name: str, data: Iterable[bytes] | bytes, kind: str) -> None:
        self._container.upload_blob(
            name, data, overwrite=True, content_settings=ContentSettings(content_type=kind)
        )
