"""Sync forms as type checkers see them: ``assert_type`` for mypy and pyright, and mistakes they must see."""
