"""The door: mail accepted durably, beside Postfix, stock aiosmtpd and Postfix's smtp-sink."""
