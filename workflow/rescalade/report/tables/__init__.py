"""Tables, as CSV, LaTeX and for the page."""
