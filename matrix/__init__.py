"""The matrix: runs sync entry points in every context from which Python can be called, and judges them."""
