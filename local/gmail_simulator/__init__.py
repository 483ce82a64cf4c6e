"""Gmail's messages.send and Google's token endpoint, simulated on loopback.

As strict as they are documented to be: a token needs a signed assertion of a service account to
which the domain has delegated the scope, and a mail goes to whom its header names. Everything is
in memory; `/_control` shows it, and tells what shall go wrong.
"""
