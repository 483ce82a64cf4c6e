"""What replaces the cloud on one machine (Azurite, a Functions host, Graph, Gmail); `make run`."""
