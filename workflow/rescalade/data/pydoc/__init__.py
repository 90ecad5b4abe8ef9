"""The collection `pydoc`: docstrings of installed packages as query-document pairs.

The query is the one-line summary of a public function or class, the relevant document is the rest of its documentation
without that line. Sources are read as text: nothing is imported or run, and no network is needed.
"""
