"""The real server process, killed, drained, doubled and starved; checked from the journals of its clients."""
