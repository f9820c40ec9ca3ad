"""One Jinja2 environment for everything: expressions with native types, template files, conditions. See docs/templating.md."""

from fleet.template.lazy import OMIT
from fleet.template.templar import Templar
from fleet.template.variables import Late, Variables

__all__ = ["OMIT", "Late", "Templar", "Variables"]
