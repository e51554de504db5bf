"""Damage for training: one function a degradation."""
