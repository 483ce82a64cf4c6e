"""The function app: mails sent at once, beside bare HTTP requests and what the threads allow."""
