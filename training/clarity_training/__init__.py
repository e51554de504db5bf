"""How our own networks are made and measured: damage on clean photos, training, benches.

Imported only by `clarity train` and `clarity bench`, inside the function; the product never needs it.
"""
