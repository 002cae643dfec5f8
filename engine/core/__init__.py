"""The sentence: pure values and pure functions, on the standard library and pydantic alone."""
