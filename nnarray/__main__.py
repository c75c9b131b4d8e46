"""Makes ``python -m nnarray`` the command ``nnarray``."""

from nnarray.cli import main

main(prog_name="nnarray")
