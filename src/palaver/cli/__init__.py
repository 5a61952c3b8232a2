"""The command line: ``palaver serve | chat | bots | conversations | keys | doctor``."""
