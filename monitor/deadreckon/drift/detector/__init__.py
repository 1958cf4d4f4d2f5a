"""An alarm whose false ones can be counted beforehand: scores, their calibration, e-values, and the e-detector.

Shin, Ramdas, Rinaldo: "E-detectors: a nonparametric framework for sequential change detection" (NEJSDS, 2024).
"""
