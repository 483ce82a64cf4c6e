"""Fixed names in the mail storage account. They are no settings: every part relies on them."""

OUTBOUND_QUEUE = "outbound"
POISON_QUEUE = "outbound-poison"
MAIL_CONTAINER = "mail"
DEAD_LETTER_CONTAINER = "dead-letters"
DELIVERIES_TABLE = "deliveries"
STATUS_TABLE = "status"
