"""Quality scores of a photo: four no-reference metrics, the overall score, and the distance between two versions."""
