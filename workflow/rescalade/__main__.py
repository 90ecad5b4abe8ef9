"""`python -m rescalade`."""

from rescalade.cli import main

main()
