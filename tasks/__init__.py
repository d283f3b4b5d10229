"""One use case each: a name, a retry policy, a log line."""
