"""What to say of a command line that does not fit: what is wrong with it, and what was probably meant."""

from __future__ import annotations

from typing import Any

from deadreckon.core.errors import UsageError
from deadreckon.core.settings import nearest


def usage_error(error: Any, called: Any = None) -> UsageError:
    """The error of the library that reads the command line, in the house's words, with the command's own help.

    `called`: the context of the command that is called, for errors that do not know it.
    """
    context = getattr(error, "ctx", None) or called
    path = context.command_path if context else "reckon"
    message = error.format_message().rstrip(".")
    helped = f"{path} --help describes its options" if context else "reckon --help lists the commands"
    if message.startswith("No such command") and context:
        word = message.split("'")[1] if "'" in message else ""
        where = "" if path == "reckon" else f" {path}"
        return UsageError(
            f"there is no command{where} {word!r}", hint=nearest(word, context.command.list_commands(context))
        )
    if message.startswith("No such option") and context:
        known = [name for option in context.command.params for name in (*option.opts, *option.secondary_opts)]
        meant = nearest(error.option_name, [*(name for name in known if name.startswith("--")), "--help"])
        meant = meant if meant.endswith("?") else f"{meant.replace('known: ', 'it has ')};"
        return UsageError(f"{path} has no option {error.option_name}", hint=f"{meant} {helped}")
    if message.startswith("Got unexpected extra argument"):
        extra = message.rpartition(" (")[2].removesuffix(")")
        return UsageError(f"{path} has no place for {extra!r}", hint=f"quote what has blanks in it; {helped}")
    if message.endswith("requires an argument") and context:
        options = [option for option in context.command.params if error.option_name in option.opts]
        takes = "".join(option.get_help_record(context)[0] for option in options).rpartition(" ")[2].strip("[]<>")
        helped = f"one of {takes.replace('|', ', ')}; {helped}" if "|" in takes else helped
    return UsageError(f"{message[:1].lower()}{message[1:]}", hint=helped)
