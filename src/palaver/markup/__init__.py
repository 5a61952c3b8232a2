"""How a message looks in a browser: its markup and its stylesheet, for exports and for pages."""
