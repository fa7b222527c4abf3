"""Figures: a spec is data, a layout measures text, draw only paints."""
