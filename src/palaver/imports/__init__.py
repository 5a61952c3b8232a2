"""Conversations that come from elsewhere: from an export of ours, or of another system."""
