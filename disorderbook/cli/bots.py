"""The subcommand `bots`: runs bots against an exchange."""

import argparse

from disorderbook.runner.command import run_bots

PROGRAM = "disorderbook bots"
NO_PREFIX = "\0"  # with which no argument can begin


def add_bots(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand; its arguments, options too, are left to the parser of the bots."""
    text = "run bots against an exchange; without a name, list them"
    parser = commands.add_parser("bots", help=text, add_help=False, prefix_chars=NO_PREFIX)
    parser.set_defaults(run=run_bots_command)
    parser.add_argument("arguments", nargs="*")


def run_bots_command(options: argparse.Namespace) -> int:
    """Run the bots that `arguments` name, with the options that stand there."""
    return run_bots(options.arguments, PROGRAM)
