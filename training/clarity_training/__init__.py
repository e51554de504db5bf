"""Training and evaluation of Clarity Desktop's own networks: damage synthesis, trainers, benches.

Loaded by `clarity train` and `clarity bench` only; the product does not need it.
"""
