"""What a module declares about itself.

The spec is the single source for argument validation, `fleet doc`, the documentation site, the editors' JSON Schema and the typed
DSL. Modules and controller-side actions both declare one, as `SPEC`.
"""
from typing import Any, Dict, List, Optional, Sequence, Tuple

TYPES = ("str", "int", "float", "bool", "list", "dict", "path", "raw", "bytes", "bits")


class Opt:
    """One option. `type` is one of TYPES; "bytes" is a size such as 10M; "raw" takes any value.

    elements: the type of a list's items; suboptions: the options of a dict (or of a list's dicts); no_log: never shown.
    """

    def __init__(
        self,
        type="str",  # type: str
        doc="",  # type: str
        required=False,  # type: bool
        default=None,  # type: Any
        choices=None,  # type: Optional[Sequence[Any]]
        aliases=(),  # type: Sequence[str]
        elements=None,  # type: Optional[str]
        suboptions=None,  # type: Optional[Dict[str, Opt]]
        no_log=False,  # type: bool
    ):
        # type: (...) -> None
        if type not in TYPES:
            raise ValueError("unknown option type %r" % type)
        self.type = type
        self.doc = doc
        self.required = required
        self.default = default
        self.choices = list(choices) if choices is not None else None
        self.aliases = tuple(aliases)
        self.elements = elements
        self.suboptions = suboptions
        self.no_log = no_log


class Ret:
    """One field of a module's result. returned: when it is there ("always", "changed", "state=present" ...)."""

    def __init__(self, type, doc="", returned="always", elements=None):
        # type: (str, str, str, Optional[str]) -> None
        self.type = type
        self.doc = doc
        self.returned = returned
        self.elements = elements


class Spec:
    """A module's declaration.

    check: "full" (predicts what it would do), "none" (cannot predict: skipped under check), "partial" (the doc says how).
    free_form: the option that takes a task's free text (`command: ls -l`), if any.
    mutually_exclusive, required_one_of, required_together: groups of option names;
    required_if: (option, value, needed options[, any one of them is enough]); required_by: option -> the options it needs.
    main: the option that a positional argument in Python is for; the free text, else the first required option, else the first.
    examples: YAML text of tasks. notes: facts a user should know, one string each.
    """

    def __init__(
        self,
        name,  # type: str
        summary,  # type: str
        options,  # type: Dict[str, Opt]
        returns=None,  # type: Optional[Dict[str, Ret]]
        check="full",  # type: str
        free_form=None,  # type: Optional[str]
        mutually_exclusive=(),  # type: Sequence[Sequence[str]]
        required_one_of=(),  # type: Sequence[Sequence[str]]
        required_together=(),  # type: Sequence[Sequence[str]]
        required_if=(),  # type: Sequence[Tuple[Any, ...]]
        required_by=None,  # type: Optional[Dict[str, Sequence[str]]]
        examples="",  # type: str
        notes=(),  # type: Sequence[str]
        any_options=False,  # type: bool
        main=None,  # type: Optional[str]
    ):
        # type: (...) -> None
        self.name = name
        self.summary = summary
        self.options = options
        self.returns = returns or {}
        self.check = check
        self.free_form = free_form
        self.mutually_exclusive = mutually_exclusive
        self.required_one_of = required_one_of
        self.required_together = required_together
        self.required_if = required_if
        self.required_by = required_by or {}
        self.examples = examples
        self.notes = notes
        self.any_options = any_options  # set_fact, add_host: option names are the user's own
        self.required = [name_ for name_, opt in options.items() if opt.required]
        self.main = main or free_form or (None if any_options else next((n for n, opt in options.items() if opt.required), next(iter(options), None)))
        self.names = {}  # type: Dict[str, str]
        for key, opt in options.items():
            for name_ in (key,) + opt.aliases:
                if name_ in self.names:
                    raise ValueError("%s: option name %r is declared twice" % (name, name_))
                self.names[name_] = key


# The options that every module writing files shares; the meaning is carried out by fleet.runner.files.attributes.
def file_options():
    # type: () -> Dict[str, Opt]
    return {
        "mode": Opt("raw", "Permissions: octal as a string (\"0644\"), symbolic (\"u=rw,g=r\") or `preserve` where a source file exists."),
        "owner": Opt("str", "Name or number of the owning user."),
        "group": Opt("str", "Name or number of the owning group."),
        "attributes": Opt("str", "File attributes as chattr takes them.", aliases=["attr"]),
        "seuser": Opt("str", "SELinux user; left aside on a target without SELinux, as its role, type and level."),
        "serole": Opt("str", "SELinux role."),
        "setype": Opt("str", "SELinux type."),
        "selevel": Opt("str", "SELinux level."),
        "unsafe_writes": Opt("bool", "Write in place where an atomic replace is impossible (a bind-mounted file).", default=False),
    }


def names(options):
    # type: (Dict[str, Opt]) -> List[str]
    return sorted(options)
