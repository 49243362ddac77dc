"""The course: what makes notebooks into checked material. ``refresh.py`` stores a notebook's outputs."""
