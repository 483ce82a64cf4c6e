"""How fast each mailbox may send, and who has to wait for it."""
