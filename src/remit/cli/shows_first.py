"""A group of commands that lists things, or shows one by its name, where no command is given."""

from __future__ import annotations

import click


class ShowsFirst(click.Group):
    """A group that takes a name, or nothing, in place of a command, and then means `show`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Find a command, or take all that was given for `show`."""
        if not args or args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["show", *args]
        return super().parse_args(ctx, args)
