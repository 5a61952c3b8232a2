"""Model servers to test against: a real one that nobody here wrote (``llama``) and one that does everything wrong (``faulty``)."""
