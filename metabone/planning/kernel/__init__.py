"""The planner's numbers: distributions and searches that need Python's ``math`` alone.

The same files run under MicroPython in a browser, so they hold plain functions on plain numbers,
without ``typing``, ``dataclasses`` or ``functools``. Import from here; the modules behind are the
kernel's own business.
"""

from metabone.planning.kernel.central import (
    chi2_cdf,
    chi2_isf,
    chi2_pdf,
    chi2_ppf,
    chi2_sf,
    f_cdf,
    f_isf,
    f_pdf,
    f_ppf,
    f_sf,
    norm_cdf,
    norm_isf,
    norm_pdf,
    norm_ppf,
    norm_sf,
    t_cdf,
    t_isf,
    t_pdf,
    t_ppf,
    t_sf,
)
from metabone.planning.kernel.holm import holm_power
from metabone.planning.kernel.noncentral import ncf_cdf, ncf_sf, ncx2_cdf, ncx2_sf
from metabone.planning.kernel.noncentral_t import nct_cdf, nct_sf
from metabone.planning.kernel.quadrature import chi_nodes, gauss_legendre, normal_nodes
from metabone.planning.kernel.search import smallest_n, solve
from metabone.planning.kernel.shared_control import (
    dunnett_about,
    dunnett_critical,
    dunnett_power,
    dunnett_quantile,
)

__all__ = [
    "chi2_cdf",
    "chi2_isf",
    "chi2_pdf",
    "chi2_ppf",
    "chi2_sf",
    "chi_nodes",
    "dunnett_about",
    "dunnett_critical",
    "dunnett_power",
    "dunnett_quantile",
    "f_cdf",
    "f_isf",
    "f_pdf",
    "f_ppf",
    "f_sf",
    "gauss_legendre",
    "holm_power",
    "ncf_cdf",
    "ncf_sf",
    "nct_cdf",
    "nct_sf",
    "ncx2_cdf",
    "ncx2_sf",
    "norm_cdf",
    "norm_isf",
    "norm_pdf",
    "norm_ppf",
    "norm_sf",
    "normal_nodes",
    "smallest_n",
    "solve",
    "t_cdf",
    "t_isf",
    "t_pdf",
    "t_ppf",
    "t_sf",
]
