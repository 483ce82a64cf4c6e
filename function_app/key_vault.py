"""Key Vault references in app settings: what Azure hands over when it cannot resolve one. Pure."""

UNRESOLVED = (
    "its Key Vault reference is not resolved; give the function app's identity the role "
    "Key Vault Secrets User, and check the secret's name."
)


def is_unresolved(value: str) -> bool:
    return value.startswith("@Microsoft.KeyVault(")
