"""The command `rescalade`, also `python -m rescalade`."""

import sys

from rescalade.warm import client


def main() -> None:
    """Have the server of this Snakemake call run the command, or run it here."""
    status = client.run(sys.argv[1:])
    if status is not None:
        sys.exit(status)
    from rescalade.cli import main as command

    command()


if __name__ == "__main__":
    main()
