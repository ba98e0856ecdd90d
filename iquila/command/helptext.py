"""What ``--help`` says, and the page of all commands in the documentation."""

from __future__ import annotations

from collections.abc import Sequence

from iquila.command.definition import Argument, Command

USAGE = (
    "usage: iquila [HOST[:PORT]] [--switch NAME] [--password-file FILE] [--json|--csv]\n"
    "              [--insecure] [--as-switch-administrator|--as-auditor] [--out FILE]\n"
    "              [COMMAND [ARGUMENTS] | --in FILE [--keep-going]]\n"
    "       iquila --client [--socket FILE] [--json|--csv] [--out FILE]\n"
    "              [COMMAND [ARGUMENTS] | --in FILE [--keep-going]]"
)
_OTHERS = "Other commands"


def subjects(commands: Sequence[Command]) -> dict[str, list[Command]]:
    """Return the commands by their headings, in their order."""
    found: dict[str, list[Command]] = {}
    for command in commands:
        found.setdefault(command.subject or _OTHERS, []).append(command)
    return found


def overview(commands: Sequence[Command]) -> str:
    """Return what ``iquila --help`` prints."""
    width = max(len(command.name) for command in commands)
    sections = "\n\n".join(
        f"{subject}:\n" + "\n".join(f"  {c.name.ljust(width)}  {c.help}" for c in members)
        for subject, members in subjects(commands).items()
    )
    if all(command.client for command in commands):
        return (
            f"{USAGE}\n\nAdministers the VEN client of this machine, by its control socket. "
            "'iquila --help' tells of servers.\n\n"
            f"{sections}\n\n'iquila --client COMMAND --help' tells more about one."
        )
    return (
        f"{USAGE}\n\nAdministers an iquila server or cluster; with --client, a VEN client "
        "('iquila --client --help').\n\n"
        "The password comes from --password-file, IQUILA_PASSWORD or a prompt. Names of commands "
        "may be\nshortened; arguments are taken as /KEY:value and as --key value. Without a "
        "command, on a terminal,\nthere is a prompt for commands; --in FILE takes them from a "
        f"file.\n\n{sections}\n\n'iquila COMMAND --help' tells more about one."
    )


def usage(command: Command) -> str:
    """Return a command's name and arguments in one line."""
    return " ".join((command.name, *(_shape(a) for a in command.arguments)))


def _shape(argument: Argument) -> str:
    shape = argument.key if argument.positional else f"/{argument.key}:..."
    return shape if argument.required else f"[{shape}]"


def details(command: Command) -> str:
    """Return what ``iquila COMMAND --help`` prints."""
    lines = [f"usage: iquila ... {usage(command)}", "", command.help + "."]
    if command.on_switch:
        lines.append("It works on the Virtual Switch that --switch names, or Hub has selected.")
    for argument in command.arguments:
        name = f"[{argument.key}]" if argument.positional else f"/{argument.key}:..."
        optional = "" if argument.required else " (optional)"
        lines.append(f"  {name:<18} {argument.help}{optional}")
    lines += ["", "examples:", *(f"  {line}" for line in examples(command))]
    return "\n".join(lines)


def examples(command: Command) -> list[str]:
    """Return command lines as they could be typed in a shell."""
    before = "--switch office " if command.on_switch else ""
    before += "--client " if command.client else ""
    return [f"iquila {before}{command.name} {line}".rstrip() for line in command.examples]


def page(commands: Sequence[Command], title: str = "All commands") -> str:
    """Return the page of all commands for the documentation, in Markdown."""
    lines = [f"# {title}", "", "`iquila COMMAND --help` tells the same."]
    for subject, members in subjects(commands).items():
        lines += ["", f"## {subject}"]
        for command in members:
            where = " Works on a Virtual Switch." if command.on_switch else ""
            lines += ["", f"### {command.name}", "", f"{command.help}.{where}", ""]
            lines += ["```", usage(command), "```"]
            rows = [
                f"* `{a.key}`: {a.help}{'' if a.required else ' (optional)'}"
                for a in command.arguments
            ]
            lines += ["", *rows] if rows else []
            lines += ["", "```", *examples(command), "```"]
    return "\n".join(lines) + "\n"
