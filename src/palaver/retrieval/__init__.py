"""From bytes to what can be found: kinds of files, loaders, conversion in a child process, chunks, the fetcher of web pages."""
