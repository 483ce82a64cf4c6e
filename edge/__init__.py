"""The edge: stands next to the devices, takes their mail over SMTP, makes it durable on its own
disk, says 250, and hands it to the storage account.

A mail walks through `listener`, `policy`, `spool` and `forwarder`, in this order.
"""
