"""Our own HTTP API as pydantic models: one file a noun, used by the routes and by the hub of this process alike."""
