"""The web page: ES modules as they are written, served as they are. ``static/vendor`` is others' work; its list says whose."""
