"""Looking into a mailbox: one item by its id, items by Message-ID or own property, folders."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

from aiohttp import web

from local.graph_simulator.errors import GraphError, item_not_found, json_response
from local.graph_simulator.gate import READ, ROOTS, Call, Gate
from local.graph_simulator.items import Mail, folder_id
from local.graph_simulator.json_mail import properties_of
from local.graph_simulator.world import World

_TEXT = r"'((?:[^']|'')*)'"
_BY_MESSAGE_ID = re.compile(rf"\s*internetMessageId\s+eq\s+{_TEXT}\s*")
_BY_PROPERTY = re.compile(
    rf"\s*singleValueExtendedProperties/Any\(\s*(\w+):\s*\1/id\s+eq\s+{_TEXT}\s+and"
    rf"\s+\1/value\s+eq\s+{_TEXT}\s*\)\s*"
)
_NAMES = {"drafts": "Drafts", "sentitems": "Sent Items"}


class LookupRoutes:
    """What tells whether a mail was sent."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    def routes(self) -> list[web.RouteDef]:
        graph = self._gate.graph
        show = graph("message", READ, self._show)
        find = graph("lookup", READ, self._find)
        folder = graph("lookup", READ, self._folder)
        return [
            route
            for root in ROOTS
            for route in (
                web.get(f"{root}/messages/{{id}}", show),
                web.get(f"{root}/mailFolders/{{folder}}", folder),
                web.get(f"{root}/mailFolders/{{folder}}/messages", find),
            )
        ]

    async def _show(self, request: web.Request, call: Call) -> web.StreamResponse:
        for mail, is_draft in self._items(call.mailbox):
            if mail.item_id == request.match_info["id"]:
                return json_response(_selected(seen(mail, is_draft), request))
        raise item_not_found()

    async def _folder(self, request: web.Request, call: Call) -> web.StreamResponse:
        name = self._folder_name(request, call)
        return json_response({"id": folder_id(call.mailbox, name), "displayName": _NAMES[name]})

    async def _find(self, request: web.Request, call: Call) -> web.StreamResponse:
        name = self._folder_name(request, call)
        is_wanted, most = _filter(request), _top(request)
        found = [
            _selected(seen(mail, is_draft), request)
            for mail, is_draft in self._items(call.mailbox)
            if is_draft == (name == "drafts") and is_wanted(mail)
        ]
        return json_response({"value": found[:most]})

    def _folder_name(self, request: web.Request, call: Call) -> str:
        wanted = request.match_info["folder"]
        for name in _NAMES:
            if wanted.casefold() == name or wanted == folder_id(call.mailbox, name):
                return name
        raise item_not_found()

    def _items(self, mailbox: str) -> Iterator[tuple[Mail, bool]]:
        """What can be seen now, and whether it is a draft."""
        world, owner = self._world, mailbox.casefold()
        for draft in world.drafts.values():
            if draft.mail.mailbox.casefold() == owner:
                yield draft.mail, True
        for mail in world.mails:
            if mail.mailbox.casefold() != owner or not mail.is_saved:
                continue
            is_there = mail.visible_from <= time.monotonic()
            if is_there or world.rules.in_transit == "draft":
                yield mail, not is_there


def seen(mail: Mail, is_draft: bool) -> dict[str, Any]:
    """A message as Graph shows it; the shape of the samples on create-message's page."""
    lists = {"toRecipients": mail.to, "ccRecipients": mail.cc, "bccRecipients": mail.bcc}
    return {
        "id": mail.item_id,
        "changeKey": "CQAAABYAAAA" + mail.item_id[-5:],
        "createdDateTime": mail.at,
        "sentDateTime": mail.at,
        "hasAttachments": bool(mail.attachments),
        "internetMessageId": mail.message_id,
        "subject": mail.subject,
        "parentFolderId": folder_id(mail.mailbox, "drafts" if is_draft else "sentitems"),
        "isDeliveryReceiptRequested": None,
        "isDraft": is_draft,
        "webLink": f"https://outlook.office365.com/owa/?ItemID={mail.item_id}",
        **{
            field: [{"emailAddress": {"name": name, "address": name}} for name in addresses]
            for field, addresses in lists.items()
        },
        "body": (mail.draft or {}).get("body"),
    }


def _selected(message: dict[str, Any], request: web.Request) -> dict[str, Any]:
    wanted = [name.strip() for name in request.query.get("$select", "").split(",") if name.strip()]
    for name in wanted:
        if name not in message:
            raise GraphError(
                400, "RequestBroker--ParseUri", f"Could not find a property named '{name}'."
            )
    return {name: message[name] for name in ("id", *wanted)} if wanted else message


def _filter(request: web.Request) -> Callable[[Mail], bool]:
    text = request.query.get("$filter")
    if text is None:
        return lambda mail: True
    if found := _BY_MESSAGE_ID.fullmatch(text):
        message_id = _unquoted(found[1])
        return lambda mail: mail.message_id == message_id
    if found := _BY_PROPERTY.fullmatch(text):
        # The name counts letter for letter, the value does not.
        name, value = _unquoted(found[2]), _unquoted(found[3]).casefold()
        return lambda mail: properties_of(mail.draft or {}).get(name, "").casefold() == value
    raise GraphError(400, "ErrorInvalidUrlQueryFilter", "The query filter is invalid.")


def _unquoted(text: str) -> str:
    return text.replace("''", "'")


def _top(request: web.Request) -> int:
    text = request.query.get("$top", "10")
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise GraphError(400, "ErrorInvalidUrlQuery", "The value of $top is invalid.")
    return int(text)
