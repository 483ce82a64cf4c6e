"""Azurite, the emulator of Azure Storage: the npm package, on Node from a Python wheel."""

from local.azurite.process import Azurite, AzuriteFailed

__all__ = ["Azurite", "AzuriteFailed"]
