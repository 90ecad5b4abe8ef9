"""What a Snakemake call shows: a calm display of the stages, on a terminal and in a file."""
