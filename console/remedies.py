"""What to do about a fault, by its code: what it means, and the command or click that mends it.

The relay's own sentence about a mail stands in its row; this is for who has to act. Codes are those
of Microsoft Graph, Microsoft Entra and the relay. Pure.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Remedy:
    """`passes`: nothing needs to be done."""

    means: str
    fix: str
    passes: bool = False


_SCOPE = (
    "Test-ServicePrincipalAuthorization -Identity <client id> -Resource <mailbox>; then add the "
    "mailbox to the scope of the role Application Mail.Send. It takes up to two hours to be seen."
)
_MAILBOX = (
    "Set send_as of the device to the user principal name of a licensed user or of a shared "
    "mailbox (an alias or a group does not do), then redrive."
)
_CLOUD = "Set RELAY_CLOUD of the function app to the cloud of the tenant (usgov for GCC High)."
_SIZE = (
    "Set-Mailbox <mailbox> -MaxSendSize 150MB and grant Mail.ReadWrite, or have the device scan at "
    "200 dpi; then redrive."
)
_WAIT = "Nothing: the mail is tried again by itself."
_ACCESS = Remedy("The identity may not send from this mailbox.", _SCOPE)
_GONE = Remedy("There is no mailbox of this address.", _MAILBOX)
_ELSEWHERE = Remedy("The mailbox is not in Exchange Online.", _MAILBOX)
_RECIPIENT = Remedy(
    "Exchange does not take an address of a recipient.",
    "Correct the address at the device and have it sent again; discard this one.",
)
_TOO_LARGE = Remedy("The mail is larger than the mailbox or the tenant may send.", _SIZE)
_POLICY = Remedy(
    "A policy of the tenant (Conditional Access) blocks the application.",
    "Exclude the service principal from the policy, or use a managed identity.",
)
_CONSENT = Remedy(
    "No administrator has consented to the permissions.",
    "Entra admin center: App registrations, API permissions, Grant admin consent.",
)

_KNOWN: Mapping[str, Remedy] = {
    "ErrorAccessDenied": _ACCESS,
    "Authorization_RequestDenied": _ACCESS,
    "ErrorSendAsDenied": Remedy(
        "The mailbox may not send with the From address of the mail.",
        'Set from_policy = "rewrite" for the device, or '
        "Add-RecipientPermission <address> -Trustee <mailbox> -AccessRights SendAs; then redrive.",
    ),
    "ErrorInvalidUser": _GONE,
    "Request_ResourceNotFound": _GONE,
    "ResourceNotFound": _GONE,
    "MailboxNotHostedInExchangeOnline": _ELSEWHERE,
    "MailboxNotSupportedForRESTAPI": _ELSEWHERE,
    "MailboxNotEnabledForRESTAPI": Remedy(
        "The mailbox is inactive, soft-deleted, on-premises, or was licensed only just now.",
        "Assign a licence or convert it to a shared mailbox, and wait 15 minutes.",
    ),
    "ErrorInvalidRecipients": _RECIPIENT,
    "ErrorInvalidSmtpAddress": _RECIPIENT,
    "ErrorMissingRecipients": _RECIPIENT,
    "ErrorMessageSizeExceeded": _TOO_LARGE,
    "ErrorAttachmentSizeLimitExceeded": _TOO_LARGE,
    "ErrorDataSizeLimitExceeded": _TOO_LARGE,
    "ErrorRequestStreamTooBig": _TOO_LARGE,
    "too-large": _TOO_LARGE,
    "may-not-draft": Remedy(
        "Mail above 3,000,000 octets goes as a draft, which the identity may not make.",
        "Grant it Mail.ReadWrite for the mailbox.",
    ),
    "signed-too-large": Remedy(
        "A signed mail above 3,000,000 octets cannot go without breaking its signature.",
        "Send smaller attachments, several mails, or do not sign; discard this one.",
    ),
    "ErrorQuotaExceeded": Remedy("The sending mailbox is full.", "Empty it, or raise its quota."),
    "ErrorSubmissionQuotaExceeded": Remedy(
        "The mailbox has used up its recipients of this day (10,000).",
        "Nothing today; spread the devices over several mailboxes.",
        passes=True,
    ),
    "ErrorAccountDisabled": Remedy(
        "The account of the mailbox is disabled.", "Enable it, or choose another mailbox."
    ),
    "ErrorVirusDetected": Remedy(
        "Exchange found malware in the mail.", "Look at the device; discard this one."
    ),
    "InvalidAuthenticationToken": Remedy(
        "Microsoft Graph does not take the token of the identity.", _CLOUD
    ),
    "AADSTS7000215": Remedy(
        "The client secret is wrong. Often its id was pasted instead of its value: an id is a "
        "GUID, a value has about 40 characters with a ~.",
        "az ad app credential reset --id <client id> --append --years 1; set CLIENT_SECRET to it.",
    ),
    "AADSTS7000222": Remedy(
        "The client secret has expired.",
        "az ad app credential reset --id <client id> --append; better: a managed identity, which "
        "has none that could expire.",
    ),
    "AADSTS700016": Remedy(
        "The tenant knows no application of this id.",
        "Check that CLIENT_ID and TENANT_ID are not swapped, or of another tenant.",
    ),
    "AADSTS90002": Remedy("There is no such tenant.", "Check TENANT_ID and RELAY_CLOUD."),
    "AADSTS700027": Remedy(
        "The certificate is not the application's.", "Upload it to the app registration."
    ),
    "AADSTS7000218": Remedy(
        "No secret was sent.", "Set CLIENT_SECRET; its reference may be empty."
    ),
    "AADSTS900382": Remedy("The application is of another cloud.", _CLOUD),
    "AADSTS53003": _POLICY,
    "AADSTS50076": _POLICY,
    "AADSTS530032": _POLICY,
    "AADSTS65001": _CONSENT,
    "AADSTS90008": _CONSENT,
    "ErrorServerBusy": Remedy("Exchange was busy.", _WAIT, passes=True),
    "ApplicationThrottled": Remedy(
        "The mailbox sent faster than Microsoft Graph lets it (4 at once, 30 a minute).",
        "Nothing: it waits its turn. If that is too slow, spread the devices over mailboxes.",
        passes=True,
    ),
    "http-429": Remedy("Microsoft Graph throttles.", _WAIT, passes=True),
    "no-connection": Remedy(
        "The function app does not reach Microsoft Graph.",
        "Check DNS, firewall and proxy of the function app: it needs port 443 of Graph and Entra.",
    ),
    "no-answer": Remedy(
        "Microsoft Graph took the request and did not answer.",
        "Nothing: the mail is looked for before it is sent again.",
        passes=True,
    ),
    "gave-up": Remedy(
        "It was tried for as long as RELAY_GIVE_UP_AFTER says.",
        "Mend the last fault, which its reason names, then redrive.",
    ),
    "unsure": Remedy(
        "It may have been sent already, and nobody can tell.",
        "Look into Sent Items for its Message-ID: if it is there discard it, else redrive.",
    ),
    "poison": Remedy(
        "The function app failed on it again and again.",
        "Read the function app's log at that time, look into Sent Items, then redrive.",
    ),
    "content-lost": Remedy(
        "The octets of the mail are gone or damaged.", "Have it sent again; discard this one."
    ),
    "unknown-identity": Remedy(
        "The function app has no sending identity of the name that the device asks for.",
        "Set IDENTITY__<NAME>__PROVIDER and its other settings, then redrive.",
    ),
    "bad-ticket": Remedy(
        "The queue message is no ticket that this version can read.",
        "If the edge is newer than the function app, update the function app, then redrive.",
    ),
    "redriven": Remedy("An operator has put it back.", _WAIT, passes=True),
}
_ENTRA = re.compile(r"AADSTS(\d+)")


def remedy_of(code: str) -> Remedy:
    """The remedy for `code`; in general words when it is not known."""
    if code in _KNOWN:
        return _KNOWN[code]
    entra = _ENTRA.fullmatch(code)
    if entra:
        return Remedy(
            "Microsoft Entra refuses a token.",
            f"Look it up: https://login.microsoftonline.com/error?code={entra[1]}",
        )
    if code.startswith("http-5"):
        return Remedy("Microsoft Graph had a fault of its own.", _WAIT, passes=True)
    return Remedy("The relay knows no more than the reason says.", "Read the reason of the mail.")
