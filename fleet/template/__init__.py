"""One Jinja2 environment for everything: expressions with native types, template files, conditions. See docs/templating.md."""

from fleet.template.lazy import OMIT
from fleet.template.templar import Templar
from fleet.template.variables import Variables

__all__ = ["OMIT", "Templar", "Variables"]
