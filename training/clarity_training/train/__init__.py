"""The trainers behind `clarity train`: detector, its calibration, CLIP, restorer, and quality metrics."""
