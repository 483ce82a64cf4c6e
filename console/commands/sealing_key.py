"""`relay sealing-key`: make the pair of keys that clients' credentials travel under."""

import json

import typer

from console.usage import Json
from handoff.sealed import new_key_pair


def sealing_key(as_json: Json = False) -> None:
    """Make a new sealing key: its private half for the function app, its public one for edges."""
    private, public = new_key_pair()
    if as_json:
        typer.echo(json.dumps({"RELAY_SEALING_KEY": private, "entra.sealing_key": public}))
        return
    typer.echo(f"RELAY_SEALING_KEY={private}")
    typer.echo(f"entra.sealing_key={public}")
    typer.echo("The first is secret: put it into a Key Vault. It is not kept here.", err=True)
