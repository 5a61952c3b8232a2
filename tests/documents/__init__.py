"""Files of every type that is read, written here, and hostile ones."""
