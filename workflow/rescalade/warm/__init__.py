"""Jobs of one Snakemake call on this machine as forks of one process that has their libraries loaded.

Importing torch, transformers and what they bring takes seconds of every job, most of a small one. `launch` starts a
server with the call; `client`, which is all that the command `rescalade` loads at first, hands its arguments,
environment and open files to the server; `server` loads what the command needs, once, and forks the job. Wherever that
cannot work the job starts the plain way.
"""
