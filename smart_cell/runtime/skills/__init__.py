"""Skills: what an arm can do for a recipe, each as a coroutine with declared parameters."""

from smart_cell.runtime.skills.base import Skill, SkillContext, SkillError
from smart_cell.runtime.skills.runner import Skills

__all__ = ["Skill", "SkillContext", "SkillError", "Skills"]
