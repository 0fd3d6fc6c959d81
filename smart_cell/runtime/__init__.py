"""The brain on asyncio: motion, skills, orchestration; it meets the world only through ports."""
