"""What a fault of the storage account means for who looks, at the terminal and in the browser."""

from enum import Enum

from azure.core.exceptions import ClientAuthenticationError, HttpResponseError


def code_of(fault: Exception) -> str:
    """The storage service's own code of a fault; "" when there is none."""
    code = getattr(fault, "error_code", None) or ""
    return str(code.value if isinstance(code, Enum) else code)


def sentence_of(fault: Exception) -> str:
    """What is wrong, and whom or what it takes to mend it."""
    code = code_of(fault) or getattr(fault, "reason", None) or ""
    if isinstance(fault, ClientAuthenticationError):
        return (
            f"The storage account refuses the sign-in ({code}). Sign in (az login), or ask for the "
            "roles Storage Table Data Reader, Storage Queue Data Reader, Storage Blob Data Reader."
        )
    if isinstance(fault, HttpResponseError) and fault.status_code == 403:
        return (
            f"The storage account forbids it ({code}). The operator needs Storage Table Data "
            "Reader, Storage Queue Data Reader and Storage Blob Data Reader; to redrive or "
            "discard, the Contributor of each."
        )
    if isinstance(fault, HttpResponseError):
        return f"The storage account answers {fault.status_code} {code}."
    first = (str(fault).splitlines() or [""])[0][:200]
    return f"The storage account cannot be read: {type(fault).__name__}: {first}"
