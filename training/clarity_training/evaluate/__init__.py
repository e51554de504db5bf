"""The benches behind `clarity bench`: detector, restorer, and quality metrics."""
