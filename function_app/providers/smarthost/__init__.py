"""Another mail server, which takes the mail over SMTP: RFC 5321, as a client of RFC 6409."""
